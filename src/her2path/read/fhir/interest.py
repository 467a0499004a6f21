"""Which resources matter, told from their heads alone: those of HER2 tests, and those of the therapy.

Everything else is never parsed. What was asked of one coding or concept is kept, since the same few codes come
again and again.
"""

from __future__ import annotations

import re
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.value import Value
from ..drugs import NOBODY, Coded, Drugs, Named
from .background import allergen
from .head import Concept, Head
from .measurement import Meaning, Read, measure_of, speaks_of_lvef

NOTHING, HER2, COURSE = 0, 1, 2
MEDICATIONS = ("MedicationAdministration", "MedicationRequest", "MedicationStatement")
WANTED = (
    "Patient", "Observation", "Condition", "Specimen", *MEDICATIONS, "Medication", "Procedure", "AllergyIntolerance",
    "Flag",
)  # fmt: skip
SPEAKS = ("Observation", *MEDICATIONS, "Procedure", "AllergyIntolerance", "Flag")
"""Kinds of which only some resources matter."""
MOST_KEPT = 100_000
NO_MEANING: Meaning = (None, "")
_HER2 = re.compile(r"her-?2|erbb2", re.IGNORECASE)


class Interest:
    """Says of a head what its resource matters for: `HER2`, `COURSE`, both added, or `NOTHING`."""

    def __init__(self, codes: Codes, courses: bool = True) -> None:
        self.codes = codes
        self.courses = courses
        self.drugs = Drugs(codes)
        self._tests = {code for _, code in codes.tests}
        self._kept: dict[Coded, int] = {}
        self.kept: dict[Any, Read] = {}
        self._kept_meanings: dict[tuple[tuple[Coded, ...], str], Meaning] = {}
        self._kept_claims: dict[tuple[str | None, str | None], bool] = {}

    def matters(self, head: Head) -> int:
        """What a resource matters for; without `courses` only HER2 does."""
        made = self._matters(head)
        return made if self.courses else made & HER2

    def _matters(self, head: Head) -> int:
        kind = head.resourceType
        if kind == "Observation":
            matters = self._measured(head.code) if head.code is not None else NOTHING
            for part in head.component or ():
                if part.code is not None:
                    matters |= self._measured(part.code)
            return matters
        if kind in MEDICATIONS:
            if head.medicationCodeableConcept is None:
                return COURSE if head.medicationReference is not None else NOTHING
            return COURSE if self.drug_of(head.medicationCodeableConcept).matters else NOTHING
        if kind == "Condition":
            return HER2 | COURSE if self._claims(head.code) else HER2
        if kind in ("Procedure", "Flag"):
            return COURSE if self._claims(head.code) else NOTHING
        if kind == "AllergyIntolerance":
            return COURSE if self.allergen_of(head.code) is not None else NOTHING
        if kind == "Patient":
            return HER2 | COURSE
        return HER2 if kind == "Specimen" else COURSE if kind == "Medication" else NOTHING

    def drug_of(self, concept: Concept | None) -> Named:
        """The drug of a concept."""
        if concept is None:
            return NOBODY
        return self.drugs.identify(tuple((c.system, c.code, c.display) for c in concept.coding), concept.text or "")

    def allergen_of(self, concept: Concept | None) -> Value | None:
        """The substance of an allergy that matters, or `None`."""
        if concept is None:
            return None
        return allergen([(c.system, c.code, c.display) for c in concept.coding], concept.text or "", self.drugs)

    def meanings(self, head: Head) -> list[Meaning]:
        """What an observation and each of its components measure."""
        if head.component is None and head.code is not None:
            return [self._meaning(head.code)]
        concepts = [head.code, *(part.code for part in head.component or ())]
        return [self._meaning(concept) if concept is not None else NO_MEANING for concept in concepts]

    def _meaning(self, concept: Concept) -> Meaning:
        key = (tuple([(c.system, c.code, c.display) for c in concept.coding]), concept.text or "")
        found = self._kept_meanings.get(key)
        if found is None:
            found = measure_of(*key, self.codes)
            if len(self._kept_meanings) < MOST_KEPT:
                self._kept_meanings[key] = found
        return found

    def speaks(self, text: str) -> bool:
        """Whether the text of a resource that cannot be read speaks of anything that matters."""
        if _HER2.search(text) or speaks_of_lvef(text) or "trastuzumab" in text.lower():
            return True
        therapy = self.codes.therapy
        known = (*therapy.measures, *therapy.drugs, *therapy.claims)
        return any(code in text for code in self._tests) or any(f'"{code}"' in text for _, code in known)

    def _measured(self, concept: Concept) -> int:
        matters = NOTHING
        for coding in concept.coding:
            key = (coding.system, coding.code, coding.display)
            found = self._kept.get(key)
            if found is None:
                found = self._of_coding(*key)
                if len(self._kept) < MOST_KEPT:
                    self._kept[key] = found
            matters |= found
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

    def _claims(self, concept: Concept | None) -> bool:
        for coding in concept.coding if concept is not None else ():
            key = (coding.system, coding.code)
            found = self._kept_claims.get(key)
            if found is None:
                found = bool(self.codes.therapy.claim((system_name(coding.system), (coding.code or "").strip())))
                if len(self._kept_claims) < MOST_KEPT:
                    self._kept_claims[key] = found
            if found:
                return True
        return False


def _of_words(words: str) -> int:
    return (HER2 if _HER2.search(words) else NOTHING) | (COURSE if speaks_of_lvef(words) else NOTHING)
