"""What the codes and words of a head mean, each asked once: the same few codes come again and again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.therapy_codes import Measure
from ...facts.value import Value
from ..drugs import NOBODY, Coded, Drugs, Named
from .head import Concept

NOTHING, HER2, COURSE = 0, 1, 2
"""What a resource matters for: nothing, HER2 tests, the course; the last two may be added."""
MOST_KEPT = 100_000
Meaning = tuple[Measure | None, str]
"""What an observation measures, and what is wrong with its codings."""
ReadValue = tuple[Value, str, str]
"""A value, a note, and what was said."""
_HER2 = re.compile(r"her-?2|erbb2", re.IGNORECASE)


class Terms:
    """The codes of the tables, and what was asked of them before; one stands for a whole source.

    `read_values` has what the readers made of a value before, by whatever decides it.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.drugs = Drugs(codes)
        self.read_values: dict[Any, ReadValue] = {}
        self._tests = {code for _, code in codes.tests}
        self._of_codings: dict[Coded, int] = {}
        self._meanings: dict[tuple[tuple[Coded, ...], str], Meaning] = {}
        self._claims: dict[tuple[str | None, str | None], bool] = {}

    def measured(self, concept: Concept) -> int:
        """What an observation of a concept matters for."""
        matters = NOTHING
        for coding in concept.coding:
            key = (coding.system, coding.code, coding.display)
            of_coding = self._of_codings.get(key)
            if of_coding is None:
                of_coding = self._of_coding(*key)
                if len(self._of_codings) < MOST_KEPT:
                    self._of_codings[key] = of_coding
            matters |= of_coding
        if concept.text:
            matters |= _of_words(concept.text)
        return matters

    def _of_coding(self, system: str | None, code: str | None, display: str | None) -> int:
        matters = HER2 if code in self._tests else NOTHING
        matters |= _of_words(display) if display else NOTHING
        measure = self.codes.therapy.measures.get((system_name(system), (code or "").strip()))
        if measure is not None:
            return matters & HER2 | (COURSE if measure.fact else NOTHING)
        return matters

    def meaning(self, concept: Concept) -> Meaning:
        """What an observation or component of a concept measures."""
        key = (coded(concept), concept.text or "")
        meaning = self._meanings.get(key)
        if meaning is None:
            meaning = measure_of(*key, self.codes)
            if len(self._meanings) < MOST_KEPT:
                self._meanings[key] = meaning
        return meaning

    def claims(self, concept: Concept | None) -> bool:
        """Whether a condition, procedure or flag of a concept states any fact."""
        for coding in concept.coding if concept is not None else ():
            key = (coding.system, coding.code)
            states = self._claims.get(key)
            if states is None:
                states = bool(self.codes.therapy.claim((system_name(coding.system), (coding.code or "").strip())))
                if len(self._claims) < MOST_KEPT:
                    self._claims[key] = states
            if states:
                return True
        return False

    def drug_of(self, concept: Concept | None) -> Named:
        """The drug of a concept."""
        return NOBODY if concept is None else self.drugs.identify(coded(concept), concept.text or "")

    def names_a_drug(self, concept: Concept | None) -> bool:
        """Whether a concept has a name or a code of a HER2-directed drug, however unclear; to speak of HER2 is not
        enough."""
        if concept is None:
            return False
        if any(self.drugs.is_code_of_product(coding.code) for coding in concept.coding):
            return True
        words = (concept.text, *(coding.display for coding in concept.coding))
        return any(word and self.drugs.names.names_a_product(word) for word in words)

    def speaks(self, text: str) -> bool:
        """Whether the text of a resource that cannot be read speaks of anything that matters."""
        if _HER2.search(text) or speaks_of_lvef(text) or "trastuzumab" in text.lower():
            return True
        therapy = self.codes.therapy
        known = (*therapy.measures, *therapy.drugs, *therapy.claims)
        return any(code in text for code in self._tests) or any(f'"{code}"' in text for _, code in known)


def coded(concept: Concept) -> tuple[Coded, ...]:
    """The codings of a concept: system, code and display of each."""
    return tuple([(coding.system, coding.code, coding.display) for coding in concept.coding])


def measure_of(codings: Iterable[Coded], text: str, codes: Codes) -> Meaning:
    """What the concept of an observation or component measures, and what is wrong with its codings."""
    codings = list(codings)
    known = codes.therapy.measures
    keys = [(system_name(system), (code or "").strip()) for system, code, _ in codings]
    measures = {known[key] for key in keys if key in known}
    telling = {measure for measure in measures if measure.fact}
    if len({measure.fact for measure in telling}) > 1:
        names = " and ".join(sorted(measure.fact for measure in telling))
        return None, f"one observation is coded as {names}: they contradict each other"
    if len(measures) > len(telling) and telling:
        return None, f"one coding says {next(iter(telling)).fact}, another that it is none"
    if telling:
        methods = {measure.method for measure in telling if measure.method not in ("", "unspecified")}
        fact = next(iter(telling)).fact
        return Measure(fact, methods.pop() if len(methods) == 1 else "unspecified" if fact == "lvef" else ""), ""
    words = text or next((display for _, _, display in codings if display), "")
    if not measures and speaks_of_lvef(words):
        return None, f"{words!r} speaks of the ejection fraction, but its code is not one we know"
    return None, ""


def speaks_of_lvef(words: str) -> bool:
    """Whether a display or text names the left ventricular ejection fraction."""
    lower = words.lower()
    return "lvef" in lower or ("ejection fraction" in lower and "right" not in lower)


def _of_words(words: str) -> int:
    return (HER2 if _HER2.search(words) else NOTHING) | (COURSE if speaks_of_lvef(words) else NOTHING)
