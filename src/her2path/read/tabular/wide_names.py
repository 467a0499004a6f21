"""What the name of a column of a wide file says: a fact, its day, its drug; and which of several of them.

A name is a fact (`lvef`), or a fact with words around it that say which one (`lvef_2`, `lvef_baseline`,
`cycle_1_dose_mg`), or that and one word more that says what of it the column holds (`lvef_2_date`, `date_lvef_2`,
`dose_mg_3_product`). The words around are numbers, such as are listed here, and nothing else: `lvef_change` is no LVEF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...facts.fact import Facts
from ...record.columns import OF_SPECIMEN, SITE
from ...record.event import HER2_DRUG
from .cells import METHODS

VALUE, DATE, PRODUCT, BRAND, METHOD, QUALIFIER, UNIT, SPECIMEN = (
    "value", "date", "product", "brand", "method", "qualifier", "unit", "specimen",
)  # fmt: skip
"""What a column holds of a fact."""
ROLES = {name: name for name in (DATE, PRODUCT, BRAND, METHOD, QUALIFIER, UNIT, SPECIMEN)}
TEST_DATE = "test_date"
OUTCOMES = ("her2_expression", "her2_next_step", "her2_discordance")
"""What the tables say of tests; a file that holds it is not read for it."""
GIVEN = ("dose_mg", "dose_mg_per_kg", "dose_mg_per_m2", "dose_given")
ORDERED = ("ordered_mg", "ordered_mg_per_kg")
OF_DRUGS = (*GIVEN, *ORDERED, "infusion_given_minutes", "hold_recorded", "stop_recorded", HER2_DRUG)
"""Facts of which a product is told."""
UNDATED = ("sex", "birth_date", "death_date", SITE)
"""Facts of somebody that have no day of their own."""
STEMS = {
    "dose": (*GIVEN, "infusion_given_minutes"), "infusion": (*GIVEN, "infusion_given_minutes"),
    "order": ORDERED, "weight": ("weight_kg",), "height": ("height_cm",), "echo": ("lvef",), "muga": ("lvef",),
    "hold": ("hold_recorded",), "stop": ("stop_recorded",),
}  # fmt: skip
"""Words by which a day, a drug or a unit names the facts that it belongs to."""
TEST_STEMS = {"ihc": ("IHC",), "ish": ("ISH", "recount"), "fish": ("ISH", "recount"), "her2": ("IHC", "ISH", "recount")}
"""The same of HER2 tests, by the test to which the facts belong."""
WHICH = frozenset({
    "baseline", "bl", "screening", "pre", "post", "before", "after", "start", "end", "first", "second", "third",
    "fourth", "fifth", "initial", "final", "last", "latest", "previous", "cycle", "c", "course", "visit", "v",
    "week", "w", "month", "m", "day", "d", "year", "y", "time", "t", "no", "nr", "num", "number", "followup",
    "follow", "up", "fu", "eot", "treatment", "therapy", "loading", "maintenance", "adjuvant", "neoadjuvant",
    "metastatic", "a", "b", "core", "biopsy", "resection", "surgery", "primary", "metastasis",
})  # fmt: skip
"""The words that say which of several, beside numbers, and one letter with a number (`c3`)."""
_APART = re.compile(r"[_\s.\-]+")
_LETTER_AND_NUMBER = re.compile(r"[a-z]\d+")
_ENDS_IN_NUMBER = re.compile(r"(?<![a-z0-9])([a-z]{2,})(\d+)(?![a-z0-9])")
NO_FACTS = ("product", "brand", TEST_DATE)
"""Facts whose name says what a column holds of others."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says: of which facts (none: of all), what of them, and by which words which one of several."""

    role: str
    facts: tuple[str, ...] = ()
    which: tuple[str, ...] = ()


def named(name: str, facts: Facts) -> Named | None:
    """What the name of a column says; `None` where it is none of ours, or has words that are not listed."""
    if name in facts and name not in NO_FACTS:
        return Named(VALUE, (name,))
    if name == TEST_DATE:
        return Named(DATE, facts_of_tests(facts))
    if name == "day":
        return Named(DATE)
    return parts_of(name, facts)


def parts_of(name: str, facts: Facts) -> Named | None:
    """The same of a name that is a fact with words around it, or of no one fact."""
    for tokens in _tokens_of(name):
        for first, last, fact in _runs(tokens, facts):
            rest = [*tokens[:first], *tokens[last:]]
            if rest and (found := _with_role(rest, (fact,))) is not None:
                return found
        if (found := _of_stem(tokens, facts)) is not None:
            return found
    return None


def without_methods(which: tuple[str, ...]) -> tuple[str, ...]:
    """The words that say which, without those that say how an LVEF was measured."""
    return tuple(word for word in which if word not in METHODS)


def facts_of_tests(facts: Facts, kinds: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The facts of HER2 tests, of some kinds or of all; then with what is said of their tissue."""
    if kinds:
        return tuple(name for name, fact in facts.items() if fact.test in kinds)
    return (*(name for name, fact in facts.items() if fact.test), *OF_SPECIMEN, "her2_status")


def _tokens_of(name: str) -> Iterator[list[str]]:
    """The words of a name; then the same with numbers at the end of a word apart (`lvef1`)."""
    tokens = [token for token in _APART.split(name) if token]
    yield tokens
    apart = _APART.split(_ENDS_IN_NUMBER.sub(r"\1_\2", "_".join(tokens)))
    if apart != tokens:
        yield apart


def _runs(tokens: list[str], facts: Facts) -> Iterator[tuple[int, int, str]]:
    """Where facts stand in the words of a name, the longest first."""
    for length in range(len(tokens), 0, -1):
        for first in range(len(tokens) - length + 1):
            fact = "_".join(tokens[first : first + length])
            if fact in facts and fact not in NO_FACTS:
                yield first, first + length, fact


def _with_role(rest: list[str], facts: tuple[str, ...]) -> Named | None:
    """What the words around a fact say; `None` where one of them is not listed."""
    roles = [word for word in rest if word in ROLES]
    if rest[-1] == "day" and not roles:
        roles, rest = [DATE], rest[:-1]
    if len(roles) > 1:
        return None
    which = tuple(str(int(word)) if word.isdecimal() else word for word in rest if word not in ROLES)
    of_heart = facts == ("lvef",)
    if not all(_says_which(word) or (of_heart and word in METHODS) for word in which):
        return None
    return Named(ROLES[roles[0]] if roles else VALUE, facts, which)


def _says_which(word: str) -> bool:
    return word.isdecimal() or word in WHICH or _LETTER_AND_NUMBER.fullmatch(word) is not None


def _of_stem(tokens: list[str], facts: Facts) -> Named | None:
    """A day, a drug, a unit or a specimen of the facts that a word names, or of all that have the same words around."""
    stems = [word for word in tokens if word in STEMS or word in TEST_STEMS]
    if len(stems) == 2 and stems[0] == "her2" and stems[1] in TEST_STEMS:
        tokens, stems = [word for word in tokens if word != "her2"], stems[1:]
    if len(stems) > 1:
        return None
    rest = [word for word in tokens if word not in stems]
    found = _with_role(rest, ()) if rest else None
    if found is None or found.role == VALUE:
        return None
    of_stem = STEMS.get(stems[0]) or facts_of_tests(facts, TEST_STEMS[stems[0]]) if stems else ()
    return Named(found.role, of_stem, found.which)
