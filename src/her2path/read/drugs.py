"""Which drug and which brand a medication is: by its codes first, then by the longest name in its words.

Trastuzumab by itself, under the skin, with pertuzumab in one vial, and bound to a poison are four different
drugs whose names share a word. So a name counts only where all of it is understood: "trastuzumab" followed
by a word that is no dosage form, no strength and no suffix of a biosimilar may be a conjugate nobody listed,
and is refused. Codes, or a code and its words, that name different drugs contradict each other: nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from ..facts.codes import Codes, system_name
from ..facts.therapy_codes import Drug

Coded = tuple[str | None, str | None, str | None]
"""A coding: system, code and display."""

GENERAL = ("RxNorm", "ATC", "SNOMED", "OMOP")
"""Systems whose codes may name a substance without its route and form."""
IV, SC, PHESGO, PERTUZUMAB = "trastuzumab-iv", "trastuzumab-sc", "phesgo", "pertuzumab"
NARROWER = {IV: SC, "paclitaxel": "nab-paclitaxel", "doxorubicin": "liposomal-doxorubicin"}
"""A form whose name or code says more than that of the substance does."""
MOST_KEPT = 20_000
_SPEAKS = re.compile(r"tras?tuzumab|pertuzumab|\ber-?bb-?2\b|her-?2\b", re.IGNORECASE)
_TRASTUZUMAB = re.compile(r"(?P<before>[a-z]+-)?trastuzumab(?P<suffix>-[a-z]{4}\b)?(?P<after>[^a-z]*(?P<word>[a-z]+))?")
_UNDER_THE_SKIN = re.compile(r"\b(?:subcutaneous(?:ly)?|subcut|sub-?q|s\.?c\.?|under the skin)(?![a-z])")
_HARMLESS = frozenset(
    [
        "and", "with", "plus", "or", "for", "in", "as", "by", "at", "of", "on", "to", "per", "the", "iv", "sc",
        "im", "mg", "g", "kg", "ml", "unt", "units", "mcg", "h", "hr", "hours", "min", "minutes", "day",
        "days", "week", "weeks", "weekly", "every", "once", "daily", "cycle", "cycles", "dose", "doses",
        "dosing", "loading", "maintenance", "initial", "first", "subsequent", "injection", "injectable",
        "infusion", "intravenous", "intravenously", "subcutaneous", "subcutaneously", "subcut", "solution",
        "powder", "concentrate", "lyophilized", "lyophilised", "reconstituted", "recombinant", "vial", "vials",
        "kit", "piggyback", "bag", "single", "multi", "multiple", "use", "pack", "inj", "soln", "conc", "solr",
        "ivpb", "q", "qw", "w", "biosimilar", "originator", "brand", "generic", "product", "antibody",
        "monoclonal", "therapy", "treatment", "chemotherapy", "sodium", "chloride", "nacl", "bolus",
        "adjuvant", "neoadjuvant", "metastatic", "hyaluronidase", "pertuzumab", "human", "oysk", "zzxf",
    ]
)  # fmt: skip
"""Words that may follow the name of trastuzumab without making another drug of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a medication was found to be.

    `drug` is "" where nothing is to be read, and `trouble` says why, where it matters. `exact`: a code or a brand
    says the form too.
    """

    drug: str = ""
    brand: str = ""
    note: str = ""
    trouble: str = ""
    said: str = ""
    exact: bool = False

    @property
    def matters(self) -> bool:
        return bool(self.drug or self.trouble)


NOBODY = Named()


class Drugs:
    """The drugs of the code tables; what was identified once is kept."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes.therapy
        self._names = {_plain(name): drug for name, drug in self.codes.names.items()}
        names = sorted(self._names, key=len, reverse=True)
        self._name = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, names))})(?![a-z0-9])") if names else None
        self._kept: dict[tuple[tuple[Coded, ...], str], Named] = {}

    def identify(self, codings: Iterable[Coded], text: str = "") -> Named:
        """The drug of a concept. What is no drug of the tables and does not speak of one is nobody."""
        key = (tuple(codings), text)
        named = self._kept.get(key)
        if named is None:
            named = self._identify(*key)
            if len(self._kept) < MOST_KEPT:
                self._kept[key] = named
        return named

    def _identify(self, codings: tuple[Coded, ...], text: str) -> Named:
        coded: set[Drug] = set()
        classes: list[str] = []
        exact: set[str] = set()
        for address, code, _ in codings:
            system = system_name(address)
            meant = self.codes.drug((system, str(code or "").strip()))
            if meant is not None and meant.drug:
                coded.add(meant)
                if meant.brand or system not in GENERAL or meant.drug not in NARROWER:
                    exact.add(meant.drug)
            elif meant is not None:
                classes.append(str(code))
        words = [word for word in (text, *(display for _, _, display in codings)) if word]
        said = words[0] if words else next((str(code) for _, code, _ in codings if code), "")
        named = [self.by_name(word) for word in words]
        refused = next((name.trouble for name in named if name.trouble), "")
        by_code = _narrowest({meant.drug for meant in coded}, exact)
        by_word = _narrowest({name.drug for name in named if name.drug})
        if len(by_code) > 1:
            return Named(trouble=f"its codes name {_listed(by_code)}: they contradict each other", said=said)
        if refused:
            why = f"its code says {_listed(by_code)}, but {refused}" if by_code else refused
            return Named(trouble=why, said=said)
        if len(by_word) > 1:
            return Named(trouble=f"it is called {_listed(by_word)}: they contradict each other", said=said)
        if not by_code and not by_word:
            if not any(_SPEAKS.search(word) for word in words):
                return NOBODY
            why = "neither code nor name is known"
            if classes:
                why = f"code {classes[0]} names no one drug"
            return Named(trouble=f"it speaks of a HER2-directed drug, but {why}", said=said)
        both = _narrowest(by_code | by_word, exact)
        if len(both) > 1:
            why = f"its code says {_listed(by_code)}, its name {_listed(by_word)}: they contradict each other"
            return Named(trouble=why, said=said)
        (drug,) = both
        brands = {drug.brand for drug in coded if drug.brand} | {name.brand for name in named if name.brand}
        note = f"two brands are named: {_listed(brands)}; neither is read" if len(brands) > 1 else ""
        if not note and by_code and both != by_code:
            note = f"its code says {_listed(by_code)} without a form, its name {drug}"
        return Named(drug, brands.pop() if len(brands) == 1 else "", note, "", said, drug in exact or bool(brands))

    def by_name(self, text: str) -> Named:
        """The drug that words name, or why it cannot be told; `NOBODY` where they name none."""
        words = _plain(text)
        matches: list[tuple[str, Drug]] = []
        if self._name is not None:
            matches = [(match[0], self._names[match[0]]) for match in self._name.finditer(words)]
        drugs = {drug for _, drug in matches if drug.drug}
        if "trastuzumab" in words and (why := self._unclear(words, {name for name, _ in matches})):
            return Named(trouble=why)
        keys = _together({drug.drug for drug in drugs}, words)
        brands = {drug.brand for drug in drugs if drug.brand}
        if SC in keys and (other := brands - {"herceptin"}) and any(d.drug == IV and d.brand in other for d in drugs):
            return Named(trouble=f"{text!r} is a brand for infusion, said to be given under the skin")
        if SC in keys and IV in {drug.drug for drug in drugs if drug.brand}:
            brands.discard("herceptin")
        if len(keys) > 1:
            return Named(trouble=f"{text!r} names {_listed(keys)}")
        return Named(next(iter(keys), ""), brands.pop() if len(brands) == 1 else "")

    def _unclear(self, words: str, names: set[str]) -> str:
        """What keeps the word trastuzumab from being read: a part before or after it that nobody listed."""
        rest = words
        for name in sorted(names, key=len, reverse=True):
            if "trastuzumab" in name and name != "trastuzumab":
                rest = rest.replace(name, " ")
        for match in _TRASTUZUMAB.finditer(rest):
            word = match["word"] or ""
            if match["before"]:
                return f"{match['before']}trastuzumab is no drug that is known"
            joined = match["after"] or ""
            if word and not match["suffix"] and joined.startswith(word):
                return f"trastuzumab{word} is no drug that is known"
            if word and word not in _HARMLESS and not self._begins_a_name(rest[match.start("word") :]):
                return f"'trastuzumab {word}' is no drug that is known"
        return ""

    def _begins_a_name(self, words: str) -> bool:
        return self._name is not None and self._name.match(words) is not None


def _plain(text: str) -> str:
    """Words in lower case, without brackets, commas and marks."""
    return " ".join(re.sub(r"[®™()\[\],;]", " ", text.lower()).split())


def _narrowest(drugs: set[str], exact: Container[str] = ()) -> set[str]:
    """Drugs without a substance of which the form is named too, unless a code says the substance in that very form."""
    return {drug for drug in drugs if drug in exact or NARROWER.get(drug) not in drugs}


def _together(drugs: set[str], words: str) -> set[str]:
    """The drugs of some words: the parts of one product are that product."""
    drugs = _narrowest(drugs)
    if drugs <= {IV, SC, PHESGO, PERTUZUMAB} and drugs:
        if PHESGO in drugs:
            return {PHESGO}
        if "hyaluronidase" in words and drugs & {IV, SC}:
            return {PHESGO} if PERTUZUMAB in drugs else {SC}
        if drugs <= {IV, SC} and (SC in drugs or _UNDER_THE_SKIN.search(words)):
            return {SC}
    return drugs


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
