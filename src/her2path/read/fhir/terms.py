"""What the codes and words of a head mean, each asked once: the same few codes come again and again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.therapy_codes import Measure
from ...facts.value import Value
from ..drugs import NOBODY, Coded, Drugs, Named
from ..swapped import codes_elsewhere, words_elsewhere
from .answer import TAG
from .head import Concept
from .site_mapping import Translator

LOINC_SHAPE = re.compile(r"\d{3,6}-\d")
ICD_SHAPE = re.compile(r"[A-Z]\d\d(?:\.?[0-9A-Z]{1,4})?")
OTHERS = ("CDC-RACE", "OMOP")
"""Systems whose numbers look like those of LOINC or SNOMED CT."""
UNCLEAR = "unclear"
NOTHING, HER2, COURSE = 0, 1, 2
"""What a resource matters for: nothing, HER2 tests, the course; the last two may be added."""
MOST_KEPT = 100_000
Meaning = tuple[Measure | None, str]
"""What an observation measures, and what is wrong with its codings."""
ReadValue = tuple[Value, str, str]
"""A value, a note, and what was said."""
BY_NAME = {"lvef": "the ejection fraction", "weight_kg": "the body weight"}
"""What an observation may be named after, where its code is not known; in words."""
STATED_BY_NAME = (
    "heart_failure", "heart_failure_history", "pregnant", "breastfeeding", "ild_grade", "febrile_neutropenia",
    "nodular_regenerative_hyperplasia",
)  # fmt: skip
"""What a condition or flag may be named after."""


class Terms:
    """The codes of the tables, and what was asked of them before; one stands for a whole source.

    `read_values` has what the readers made of a value before, by whatever decides it; `routes` those of a dosage;
    `mentions` what resources of types that are not read speak of.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.drugs = Drugs(codes)
        self.read_values: dict[Any, ReadValue] = {}
        self.routes: dict[Any, frozenset[str]] = {}
        self.mentions: dict[Any, Any] = {}
        self._tests = {code for _, code in codes.tests}
        self._of_codings: dict[Coded, int] = {}
        self._meanings: dict[tuple[tuple[Coded, ...], str], Meaning] = {}
        self._claims: dict[tuple[bool, Coded], bool] = {}
        self._said: dict[str, bool] = {}
        self.site = None if codes.mapping is None else Translator(codes, codes.mapping)
        """What puts the site's mapping in the place of its local codes."""

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
            matters |= self._of_words(concept.text)
        return matters

    def _of_coding(self, system: str | None, code: str | None, display: str | None) -> int:
        matters = HER2 if code in self._tests else NOTHING
        matters |= self._of_words(display) if display else NOTHING
        measure = self.codes.therapy.measures.get((system_name(system), (code or "").strip()))
        if measure is not None:
            return matters & HER2 | (COURSE if measure.fact else NOTHING)
        is_finding = finding_of((system_name(system), (code or "").strip()), self.codes) is not None
        if is_finding or measured_by_code(system, code, self.codes):
            matters |= COURSE
        return matters if matters else self._of_swapped((system, code, display))

    def _of_swapped(self, coding: Coded) -> int:
        """What a coding matters for by strings that stand in the place of others."""
        matters = NOTHING
        for _, written in codes_elsewhere(coding):
            matters |= HER2 if written in self._tests else NOTHING
            matters |= COURSE if measured_by_code(None, written, self.codes) else NOTHING
        for _, _, words in words_elsewhere(coding):
            matters |= self._of_words(words)
        return matters

    def _of_words(self, words: str) -> int:
        named = self.codes.names.named(words, ("her2", *BY_NAME))
        return (HER2 if "her2" in named else NOTHING) | (COURSE if named not in ([], ["her2"]) else NOTHING)

    def meaning(self, concept: Concept) -> Meaning:
        """What an observation or component of a concept measures."""
        key = (coded(concept), concept.text or "")
        meaning = self._meanings.get(key)
        if meaning is None:
            meaning = measure_of(*key, self.codes)
            if len(self._meanings) < MOST_KEPT:
                self._meanings[key] = meaning
        return meaning

    def claims(self, concept: Concept | None, by_name: bool = False) -> bool:
        """Whether a condition, procedure or flag of a concept states any fact; also `by_name`."""
        if concept is None:
            return False
        for coding in concept.coding:
            key = (by_name, (coding.system, coding.code, coding.display))
            states = self._claims.get(key)
            if states is None:
                states = self._coding_states(*key)
                if len(self._claims) < MOST_KEPT:
                    self._claims[key] = states
            if states:
                return True
        return bool(by_name and concept.text and self._states(concept.text))

    def _coding_states(self, by_name: bool, coding: Coded) -> bool:
        system, code, display = coding
        if stated_by_code(system, code, self.codes):
            return True
        if not by_name:
            return False
        if display and self._states(display):
            return True
        return any(stated_by_code(None, written, self.codes) for _, written in codes_elsewhere(coding)) or any(
            self._states(words) for _, _, words in words_elsewhere(coding)
        )

    def _states(self, words: str) -> bool:
        states = self._said.get(words)
        if states is None:
            states = (
                bool(self.codes.names.named(words, (*STATED_BY_NAME, "allergy")))
                or plain_display(words) in self.codes.therapy.displays
            )
            if len(self._said) < MOST_KEPT:
                self._said[words] = states
        return states

    def drug_of(self, concept: Concept | None) -> Named:
        """The drug of a concept."""
        return NOBODY if concept is None else self.drugs.identify(coded(concept), concept.text or "")

    def names_a_drug(self, concept: Concept | None) -> bool:
        """Whether a concept has a name or a code of a HER2-directed drug, however unclear; to speak of HER2 is not
        enough."""
        if concept is None:
            return False
        codings = coded(concept)
        written = [code for coding in codings for code in (coding[1], *(code for _, code in codes_elsewhere(coding)))]
        if any(self.drugs.is_code_of_product(code) for code in written):
            return True
        words = [concept.text, *(display for _, _, display in codings)]
        words += [words for coding in codings for _, words, _ in words_elsewhere(coding)]
        return any(word and self.drugs.names.names_a_product(word) for word in words)

    def speaks(self, text: str) -> bool:
        """Whether the text of a resource that cannot be read speaks of anything that matters."""
        if self.codes.names.named(text) or "trastuzumab" in text.lower():
            return True
        if self.site is not None and self.site.speaks(text):
            return True
        if self.drugs.names.names_a_product(text):
            return True
        if any(f'"{code}{end}' in text for _, code in self.codes.diagnoses for end in '".'):
            return True
        therapy = self.codes.therapy
        known = (*therapy.measures, *therapy.drugs, *therapy.claims)
        return any(code in text for code in self._tests) or any(f'"{code}"' in text for _, code in known)


def coded(concept: Concept) -> tuple[Coded, ...]:
    """The codings of a concept: system, code and display of each."""
    return tuple([(coding.system, coding.code, coding.display) for coding in concept.coding])


def measure_of(codings: Iterable[Coded], text: str, codes: Codes) -> Meaning:
    """What the concept of an observation or component measures, and what is wrong with its codings.

    Both together: it is named or numbered like that measure, but its code is not one that is known.
    """
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
    if measures:
        return None, ""
    findings = {finding for key in keys if (finding := finding_of(key, codes)) is not None}
    return (findings.pop(), "") if len(findings) == 1 else _unmapped(codings, text, codes)


def finding_of(key: tuple[str, str], codes: Codes) -> Measure | None:
    """What an observation asks that is coded as a condition (heart failure: yes or no)."""
    stated = {fact for fact, value in codes.therapy.claim(key) if value == "yes" and fact in STATED_BY_NAME}
    main = next((fact for fact in STATED_BY_NAME if fact in stated), None)
    return Measure(main) if main else None


def _unmapped(codings: list[Coded], text: str, codes: Codes) -> Meaning:
    """What an observation without a known code is likely to measure, and how that shows."""
    for system, code, _ in codings:
        if measure := measured_by_code(system, code, codes):
            return measure, f"code {code} stands under the system {system!r}, not its own"
    for words in (text, *(display or "" for _, _, display in codings)):
        for fact in codes.names.named(words, tuple(BY_NAME)) if words else ():
            what = f"{words!r} speaks of {BY_NAME[fact]}, but its code is not one we know"
            return Measure(fact, "unspecified" if fact == "lvef" else ""), what
    for coding in codings:
        for place, written in codes_elsewhere(coding):
            if measure := measured_by_code(None, written, codes):
                return measure, f"code {written} stands in the {place} of its coding"
        for place, words, together in words_elsewhere(coding):
            for fact in codes.names.named(f"{together} ; {text}", tuple(BY_NAME)):
                what = f"{words!r} speaks of {BY_NAME[fact]} and stands in the {place} of its coding"
                return Measure(fact, "unspecified" if fact == "lvef" else ""), what
    return None, ""


def measured_by_code(system: str | None, code: str | None, codes: Codes) -> Measure | None:
    """What a code measures that stands under no system, or under one that is not its own."""
    bare = (code or "").strip()
    name = system_name(system)
    if not _is_telling(bare) or name in OTHERS or (name and not _is_foreign(name, bare)):
        return None
    own = "LOINC" if "-" in bare else "SNOMED"
    measure = codes.therapy.measures.get((own, bare)) if name != own else None
    return measure if measure is not None and measure.fact in BY_NAME else None


def stated_by_code(system: str | None, code: str | None, codes: Codes) -> tuple[tuple[str, str], ...]:
    """The facts that a code of a condition, procedure or flag states; `unclear` where its system is not its own."""
    bare = (code or "").strip()
    name = system_name(system)
    if name and not (_is_telling(bare) and _is_foreign(name, bare)):
        return codes.therapy.claim((name, bare))
    own = "SNOMED" if _is_telling(bare) else "ICD-10" if ICD_SHAPE.fullmatch(bare.upper()) else ""
    facts = {fact for fact, _ in codes.therapy.claim((own, bare)) if fact in STATED_BY_NAME}
    return tuple((fact, UNCLEAR) for fact in sorted(facts))


def plain_display(words: str) -> str:
    """A display as the tables of codes have it: small letters, no semantic tag."""
    return " ".join(TAG.sub("", words).lower().split())


def _is_telling(code: str) -> bool:
    """Whether a code is long enough to be of LOINC or SNOMED CT whatever its system."""
    return LOINC_SHAPE.fullmatch(code) is not None or (code.isdigit() and 6 <= len(code) <= 18)


def _is_foreign(system: str, code: str) -> bool:
    """Whether a known system has no codes of that shape."""
    return "-" in code if system == "SNOMED" else system == "LOINC" or system.startswith("ICD-")
