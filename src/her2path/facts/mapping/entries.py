"""The entries of a site's mapping: a local code or name, and the fact, answer, product or unit that it means.

An entry says by what it is found (`system` and `code`, or a `name`) and one thing that it means. It adds to the code
tables and changes none of them: a code that they know is refused, and a name counts only where no code is known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

SITE_SYSTEM = "https://github.com/her2path/her2path/fhir/CodeSystem/site-mapping"
"""The code system under which a reader finds what an entry was put in the place of; its short name is `SITE`."""
KEYS = ("system", "code", "name", "fact", "value", "method", "answer", "product", "brand", "unit")

TESTS = {
    "ihc_score": "ihc", "ish_result": "ish", "her2_cep17_ratio": "ratio", "her2_copies": "her2_copies",
    "cep17_copies": "cep17_copies", "her2_status": "overall",
}  # fmt: skip
"""What a code of a HER2 test means (`codes/her2-tests.md`) that gives this fact."""
DIAGNOSED = ("tumour_site", "her2_status")
"""Facts that a diagnosis states by `codes/diagnoses.md`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `number` is its place among the `[[map]]` tables of the file, from 1; "" is what it does not say.

    - `fact`: what an observation of this code measures; `unit` then is that of its numbers without one, `method` that
      of an LVEF.
    - `fact` and `value`: what a condition, procedure or flag of this code states.
    - `answer`: what a coded or worded answer says; with `fact` of that fact alone.
    - `product`, and `brand`: the drug of this code.
    - `unit` alone: the unit that this word means.
    """

    number: int
    system: str = ""
    code: str = ""
    name: str = ""
    fact: str = ""
    value: str = ""
    method: str = ""
    answer: str = ""
    product: str = ""
    brand: str = ""
    unit: str = ""

    @property
    def kind(self) -> str:
        """What it means: `answer`, `product`, `unit`, `statement` or `fact`."""
        if self.answer:
            return "answer"
        if self.product:
            return "product"
        if self.unit and not self.fact:
            return "unit"
        return "statement" if self.value else "fact"

    @property
    def key(self) -> str:
        """The code under which the code tables hold it."""
        return f"her2path-map-{self.number}"

    @property
    def found_by(self) -> str:
        """By what it is found, in words."""
        return f"{self.system or 'no system'} {self.code}" if self.code else repr(self.name)

    @property
    def means(self) -> str:
        """What it means, in words."""
        said = {name: getattr(self, name) for name in KEYS[3:]}
        return ", ".join(f"{name} {value}" for name, value in said.items() if value)

    def __str__(self) -> str:
        return f"{self.found_by} is {self.means}"


def folded(words: str) -> str:
    """Words as names are compared: without case, and with single blanks."""
    return " ".join(words.split()).casefold()


def bare_system(address: Any) -> str:
    """The address of a code system without a version and a slash at its end."""
    return address.split("|")[0].rstrip("/") if isinstance(address, str) else ""


@dataclass(slots=True, eq=False)
class SiteMapping:
    """The entries of a site, by what they are found by; answers, units and all others apart."""

    entries: Sequence[Entry]
    codes: dict[tuple[str, str], Entry] = field(default_factory=dict, init=False)
    names: dict[str, Entry] = field(default_factory=dict, init=False)
    answer_codes: dict[tuple[str, str], list[Entry]] = field(default_factory=dict, init=False)
    answer_names: dict[str, list[Entry]] = field(default_factory=dict, init=False)
    units: dict[str, Entry] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            code, name = (bare_system(entry.system), entry.code), folded(entry.name)
            if entry.kind == "unit":
                self.units[name] = entry
            elif entry.kind == "answer" and entry.code:
                self.answer_codes.setdefault(code, []).append(entry)
            elif entry.kind == "answer":
                self.answer_names.setdefault(name, []).append(entry)
            elif entry.code:
                self.codes[code] = entry
            else:
                self.names[name] = entry

    def answer(self, listed: Sequence[Entry], fact: str) -> Entry | None:
        """The answer among some entries: that of the fact itself, else that of every fact."""
        own = next((entry for entry in listed if entry.fact and entry.fact == fact), None)
        return own or next((entry for entry in listed if not entry.fact), None)

    def told(self, numbers: Iterable[int]) -> Counter[str]:
        """How often each entry was met, by its number and what it says; 0 for one that never was."""
        met = Counter(numbers)
        return Counter({f"map {entry.number}: {entry}": met[entry.number] for entry in self.entries})


def mark_of(numbers: Sequence[int]) -> str:
    """How an origin says by which entries it was read."""
    return f" by map {'+'.join(map(str, sorted(set(numbers))))}" if numbers else ""


_MARK = re.compile(r" by map (\d+(?:\+\d+)*)(?= |$)")


def numbers_in(origin: str) -> list[int]:
    """The entries by which something was read, as its origin says them."""
    match = _MARK.search(origin)
    return [] if match is None else [int(number) for number in match[1].split("+")]


def blank_entry(number: int, table: dict[str, Any]) -> Entry:
    """An entry of a TOML table whose keys and types are right."""
    known = {one.name for one in fields(Entry)}
    return Entry(number, **{key: str(value).strip() for key, value in table.items() if key in known})
