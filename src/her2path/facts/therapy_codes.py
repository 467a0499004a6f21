"""The code tables of a therapy, `knowledge/codes/therapy/`: drugs, observations, conditions and procedures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .words.rows import rows_in
from .words.systems import keys_of

_Key = tuple[str, str]
BLANK_CELLS = ("", "-", "none")
"""What a cell holds where a code is known and nothing is to be read from it."""


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug by its key (a value of the fact `product`, or a generic name) and its brand, "" where none is said."""

    drug: str = ""
    brand: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What an observation measures, and by which method; the fact "" where nothing is to be read from it."""

    fact: str = ""
    method: str = ""


NO_GRADE = "none"
"""The grade of an adverse event that has none that is known."""


@dataclass(frozen=True, slots=True)
class AdverseTerm:
    """A term of CTCAE: the fact it speaks of, and by grade what it says of it, as the table has it."""

    fact: str
    cells: dict[str, str]


@dataclass(slots=True)
class TherapyCodes:
    """Meanings by (system, code); `names` are drugs by their lower-case names.

    `claims` are the facts, each with its value, that a condition, a procedure or a coded answer states; `displays` the
    keys of those by their displays, where these say one thing. `words` are those beside the name of a drug, in small
    letters, by what they say; `routes` are by (system, code), "any" for every system. `adverse` are terms of CTCAE,
    `grades` the codes of its grades, and `ends` the outcomes by which an event is over.
    """

    drugs: dict[_Key, Drug] = field(default_factory=dict)
    names: dict[str, Drug] = field(default_factory=dict)
    measures: dict[_Key, Measure] = field(default_factory=dict)
    claims: dict[_Key, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    routes: dict[_Key, str] = field(default_factory=dict)
    displays: dict[str, _Key] = field(default_factory=dict)
    adverse: dict[_Key, AdverseTerm] = field(default_factory=dict)
    grades: dict[_Key, str] = field(default_factory=dict)
    ends: set[str] = field(default_factory=set)

    def drug(self, key: _Key) -> Drug | None:
        """The drug of a code, in small or large letters; an NDC in each of its forms, with or without dashes and the
        package; a code of HCPCS with modifiers, and under the address of CPT, of which it is the second level."""
        system, code = key
        if (drug := self.drugs.get(key)) is not None:
            return drug
        if system in ("HCPCS", "CPT"):
            match = _HCPCS.match(code.upper())
            return self.drugs.get(("HCPCS", match[0])) if match else None
        if system != "NDC":
            return self.drugs.get((system, code.upper()))
        drugs = {self.drugs.get(("NDC", form)) for form in ndc_forms(code)} - {None}
        return drugs.pop() if len(drugs) == 1 else None

    def claim(self, key: _Key) -> tuple[tuple[str, str], ...]:
        """What a condition or procedure states. Codes of ICD are looked up with their longer forms."""
        return next((self.claims[form] for form in keys_of(*key) if form in self.claims), ())


_HCPCS = re.compile(r"[A-V][0-9]{4}(?![A-Z0-9])")
_TEN_DIGITS = ((4, 4), (5, 3), (5, 4))
"""How many digits of ten are the labeler's and the product's; the rest is the package's."""


def ndc_forms(code: str) -> set[str]:
    """The nine digits of labeler and product that a National Drug Code may stand for, and eleven with the package."""
    code = code.strip().replace(" ", "-").replace("*", "")
    if len(code) == 10 and code.isdigit():
        return {code[:a].zfill(5) + code[a : a + b].zfill(4) for a, b in _TEN_DIGITS}
    digits = ndc(code)
    return {digits, digits[:9]}


def ndc(code: str) -> str:
    """A National Drug Code as its eleven digits (nine without the package), without dashes."""
    parts = code.split("-")
    if len(parts) not in (2, 3):
        return code
    return "".join(part.zfill(width) for part, width in zip(parts, (5, 4, 2), strict=False))


def read_therapy_codes(folder: Path) -> TherapyCodes:
    """Read the tables of a folder; where there is no folder nothing of a therapy is known by its code."""
    codes = TherapyCodes()
    for path in sorted(folder.glob("*.md")):
        for row in rows_in(path):
            _take(codes, row)
    return codes


def _take(codes: TherapyCodes, row: dict[str, Any]) -> None:
    brand = "" if row.get("brand", "") in BLANK_CELLS else row.get("brand", "")
    drug = "" if row.get("drug", "") in BLANK_CELLS else row.get("drug", "")
    if "drug name" in row:
        codes.names[" ".join(row["drug name"].lower().split())] = Drug(drug, brand)
        return
    if "drug word" in row:
        codes.words[row["drug word"].lower()] = row.get("says", "")
        return
    if "route system" in row:
        codes.routes[row["route system"], row.get("code", "")] = row.get("route", "")
        return
    if "adverse event system" in row:
        cells = {grade: row.get(grade, "") for grade in (*"012345", NO_GRADE)}
        codes.adverse[row["adverse event system"], row.get("code", "")] = AdverseTerm(row.get("fact", ""), cells)
        return
    if "grade system" in row:
        codes.grades[row["grade system"], row.get("code", "")] = row.get("grade", NO_GRADE)
        return
    if "event is over by" in row:
        codes.ends.add(row["event is over by"])
        return
    if "code" not in row:
        return
    system = row.get("system", "")
    key = (system, ndc(row["code"]) if system == "NDC" else row["code"])
    if "drug" in row:
        codes.drugs[key] = Drug(drug, brand)
        return
    fact = "" if row.get("fact", "") in BLANK_CELLS else row.get("fact", "")
    if "value" in row:
        stated = ((fact, row["value"]),) if fact else ()
        codes.claims[key] = (*codes.claims.get(key, ()), *stated)
        if stated and (display := " ".join(row.get("display", "").lower().split())):
            codes.displays.setdefault(display, key)
    elif "fact" in row:
        codes.measures[key] = Measure(fact, "" if row.get("method", "") in BLANK_CELLS else row.get("method", ""))
