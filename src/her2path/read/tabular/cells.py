"""The cells of the long format: a fact, a value in its unit, a drug, a brand, each as its rules read it."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any

from ...facts.codes import Codes
from ...facts.fact import Facts
from ...facts.number import parse_number
from ...facts.value import Interval, Reason, Unknown, Value
from ...facts.words.units import units
from ...record.columns import KIND, SITE
from ...record.event import HER2_DRUG, STAINED, STAINING_OPEN
from ..drugs import Drugs
from ..fhir.answer import times
from ..fhir.resources.ingredients import MILLIGRAMS
from ..fhir.resources.measurement import in_own_unit
from ..spoken import fact_of_words, plain_words

METHODS = {
    "echo": "echo", "echocardiogram": "echo", "echocardiography": "echo", "tte": "echo", "us": "echo", "muga": "MUGA",
    "cmr": "CMR", "mri": "CMR", "mr": "CMR", "ct": "CT", "angiogram": "angiogram", "angiography": "angiogram",
}  # fmt: skip
"""The words for the method of an LVEF."""
MOST_KEPT = 50_000


NO_FACT = "no fact is called"
"""How what is told of a word begins that names no fact."""
SURELY = 0.85
"""How alike a word and the name of a fact must be for the one to be taken for the other."""
NO_EVENTS = (SITE, KIND, "test_date", "product", "brand")
"""Facts that a row says of tissue or of its own columns, and not as an event."""


class Cells:
    """Reads the cells of the long format; values and drugs that come again are read once."""

    def __init__(self, facts: Facts, codes: Codes) -> None:
        self.facts = facts
        self.drugs = Drugs(codes)
        self.names = codes.names
        self.products = {*facts["product"].values, *(drug.drug for drug in codes.therapy.names.values())}
        self._values: dict[tuple[str, str, str], tuple[Value, str]] = {}
        self._products: dict[str, tuple[str, str, str]] = {}
        self._no_facts: dict[str, str] = {}
        self._near: dict[str, str] = {}

    def no_fact(self, fact: str) -> str:
        if not fact:
            return "the row names no fact"
        if fact not in self._no_facts:
            near = difflib.get_close_matches(fact.lower(), list(self.facts), n=1, cutoff=0.6)
            self._no_facts[fact] = f"{NO_FACT} {fact!r}" + (f"; did you mean {near[0]}?" if near else "")
        return self._no_facts[fact]

    def near_fact(self, fact: str) -> str:
        """The fact that a word which is none was surely meant to be, or speaks of, or "": a row of it is read as
        unknown."""
        if not fact or fact in self.facts:
            return ""
        if fact not in self._near:
            names = [name for name in self.facts if name not in NO_EVENTS]
            near = next(iter(difflib.get_close_matches(fact.lower(), names, n=1, cutoff=SURELY)), "")
            self._near[fact] = near or self._spoken_of(plain_words(fact))
        return self._near[fact]

    def _spoken_of(self, words: str) -> str:
        fact = fact_of_words(words, self.names, self.drugs.directed)
        if fact == HER2_DRUG:
            fact = "ordered_mg" if "order" in words else "dose_mg"
        return fact if fact in self.facts else ""

    def read_value(self, fact: str, said: str, unit: str) -> tuple[Value, str]:
        """The value of a cell of text for a fact of facts.md, and a note where it was converted."""
        key = (fact, said, unit)
        if (value := self._values.get(key)) is None:
            if len(self._values) >= MOST_KEPT:
                self._values.clear()
            value = self._values[key] = self._read(fact, said, unit)
        return value

    def _read(self, fact: str, raw: Any, unit: str) -> tuple[Value, str]:
        """A value in the fact's own unit, which its name says; another unit is converted or refused."""
        about = self.facts[fact]
        if fact == STAINED and raw == "0+":
            return STAINING_OPEN, ""
        if not about.is_number or (isinstance(raw, str) and raw.lower() in about.values):
            return about.coerce(raw), ""
        number = parse_number(raw.lower()) if isinstance(raw, str) else raw
        if number is None or (not unit and fact != "lvef"):
            return about.coerce(raw), ""
        if fact == "lvef":
            return in_own_unit(fact, number, unit or ("%" if isinstance(raw, str) and "%" in raw else ""), self.facts)
        own = about.unit
        if unit.lower() == own.lower():
            return about.coerce(number), ""
        if fact in units():
            return in_own_unit(fact, number, unit, self.facts)
        return self._amount(fact, number, unit)

    def _amount(self, fact: str, number: Decimal | Interval, unit: str) -> tuple[Value, str]:
        own = self.facts[fact].unit
        weight, slash, per = unit.lower().partition("/")
        if own.startswith("mg") and weight in MILLIGRAMS and f"mg{slash}{per}" == own.lower():
            converted = times(number, MILLIGRAMS[weight])
            return self.facts[fact].coerce(converted), f"{number} {unit} is read as {converted} {own}"
        detail = f"{fact} {number} with the unit {unit!r}, expected {self.facts[fact].expected()}"
        return Unknown(Reason.UNPARSABLE_TEXT, detail), ""

    def read_brand(self, said: str) -> str:
        """The brand that a word names, or ""."""
        return self.drugs.identify((), said).brand if said else ""

    def is_unclear(self, said: str) -> bool:
        """Whether a cell names a HER2-directed drug, and not which."""
        named = self.drugs.identify((), said)
        return said.lower() not in self.products and not named.drug and named.directed

    def read_product(self, said: str) -> tuple[str, str, str]:
        """The drug and the brand of a cell, or why it is none."""
        if not said:
            return "", "", ""
        if said not in self._products:
            key = said.lower()
            named = self.drugs.identify((), said)
            if key in self.products:
                product = key, "", ""
            elif named.drug:
                product = named.drug, named.brand, ""
            else:
                near = difflib.get_close_matches(key, sorted(self.products), n=1, cutoff=0.6)
                hint = f"; did you mean {near[0]}?" if near and not named.trouble else ""
                product = (
                    "",
                    "",
                    f"no drug is called {said!r}{hint}" if not named.trouble else f"{said!r}: {named.trouble}",
                )
            self._products[said] = product
        return self._products[said]
