"""What a row says, read once for all rows that say the same: as the readers of FHIR read it, by the same codes.

A condition, a procedure, a measurement and an observation become the resource that says the same; its reader gives the
events, without their day. A number is that of the source text where there is one: what a column of the warehouse made
of it may be rounded. Text and number, or two units, that say different things contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ...facts.codes import system_name
from ...facts.number import parse_number
from ...facts.value import Reason, Unknown
from ...record.columns import SITE
from ...record.event import Event, Trouble
from ..coding import Coded
from ..fhir.answer import COMPARATORS
from ..fhir.head import Coding, Concept
from ..fhir.readers import RESOURCE_TYPES
from ..fhir.resource import Resource, Surroundings, TumourSite
from ..fhir.terms import COURSE, HER2, NOTHING
from .vocabulary import NONE, Vocabulary
from .vocabulary import number as number_of

SOME_DAY = "2000-01-01"
"""Stands in the place of the day, which each row has of its own."""
CLOSE = Decimal("0.01")
"""So much of a number two units may make it differ by rounding."""
ROUNDED = Decimal("0.001")
"""So much a column of numbers may have rounded."""
_SCORES = ("0", "1+", "2+", "3+")
MODIFIERS = "Cancer Modifier"
_STAGE = re.compile(r"\bstage[\s-]*(0|iv|i{1,3}|[1-4])(?=[a-d\s-]|$)", re.IGNORECASE)
_CLINICAL_NODES = re.compile(r"(?:^|[-\s])c(?:linical)?[-\s].*?\b(N[0-3])", re.IGNORECASE)
UNSURE = ("preliminary", "suspected", "provisional", "differential", "possible")
REFUTED = ("ruled out", "refuted", "excluded")
_LETTER = re.compile(r"[^\W\d_]|%")
LOINC_SHAPE = re.compile(r"\d{3,6}-\d")

Cells = Mapping[str, str]
"""The cells of a form by the columns of the CDM; blank where the row has none."""


@dataclass(slots=True)
class Said:
    """What rows of one form say: `course` and `tests` without a day, and what of them was not read or not used.

    `mark` says by which entries of the site's mapping they were read.
    """

    tests: list[Event] = field(default_factory=list)
    course: list[Event] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    passed_over: list[Trouble] = field(default_factory=list)
    undated: bool = False
    """Whether its events have no day."""
    mark: str = ""

    @property
    def is_nothing(self) -> bool:
        return not (self.tests or self.course or self.troubles or self.passed_over)

    @property
    def is_known(self) -> bool:
        """Whether any value of it is known, but for the organ that a code of a test names."""
        events = [event for event in (*self.tests, *self.course) if event.fact != SITE]
        return any(not isinstance(event.value, Unknown) for event in events)

    @property
    def is_contradicted(self) -> bool:
        """Whether a value of it says two things."""
        values = [event.value for event in (*self.tests, *self.course)]
        return any(isinstance(value, Unknown) and value.reason is Reason.CONTRADICTORY for value in values)


class SaidReader:
    """Reads the forms of conditions, procedures, measurements and observations."""

    def __init__(self, vocabulary: Vocabulary, beside: Surroundings, courses: bool = True) -> None:
        self.vocabulary, self.beside, self.courses = vocabulary, beside, courses
        therapy = beside.codes.therapy
        self._of_fact = {
            measure.fact: code for (system, code), measure in reversed([*therapy.measures.items()]) if system == "LOINC"
        }

    # -- the tables ---------------------------------------------------------------------------

    def condition(self, cells: Cells) -> Said:
        """What a condition says: the organ of a tumour, a recorded HER2 status, facts of the course."""
        text, source, standard = self._named(cells, "condition")
        status = self.vocabulary.concept(cells["condition_status_concept_id"])
        name = "" if status is None else status.name.lower()
        truth = "refuted" if any(word in name for word in REFUTED) else ""
        truth = truth or ("provisional" if any(word in name for word in UNSURE) else "")
        own = self._of_text(text)
        known = [each for each in (*own, *source) if self._is_known(each)]
        codings = known or [*own, *source, *standard]
        content: dict[str, Any] = {"code": _concept(codings, text), "onsetDateTime": SOME_DAY}
        if truth:
            content["verificationStatus"] = {"coding": [{"code": truth}]}
        said = self._read("Condition", content)
        if known and (status_said := self._status_of(standard)) and not self._status_of(known):
            what = f"its standard concept says HER2 {status_said}, its source code does not; not used"
            said.passed_over.append(Trouble("passed over", "", what))
        return said

    def procedure(self, cells: Cells) -> Said:
        """What a procedure states, and a HER2-directed drug that it was done with."""
        text, source, standard = self._named(cells, "procedure")
        own = self._of_text(text)
        codings = [each for each in (*own, *source) if self._is_known(each)] or [*own, *source, *standard]
        return self._read(
            "Procedure",
            {"status": "completed", "code": _concept(codings, text), "performedDateTime": SOME_DAY},
        )

    def measurement(self, cells: Cells) -> Said:
        """What a measurement says: a HER2 test, an ejection fraction, a weight, a stage."""
        if (modifier := self._modifier(cells["measurement_concept_id"])) is not None:
            fact, value = modifier
            coding = ("LOINC", self._of_fact[fact], None)
            return self._read(
                "Observation",
                {
                    "status": "final",
                    "code": _concept([coding], ""),
                    "effectiveDateTime": SOME_DAY,
                    "valueString": value,
                },
            )
        return self._measured(cells, "measurement")

    def observation(self, cells: Cells) -> Said:
        """What an observation says: as a measurement; one without a value states its concept."""
        said = self._measured(cells, "observation")
        if said.is_nothing and not any(cells[name] not in NONE for name in _VALUES):
            text, source, standard = self._named(cells, "observation")
            content = {"status": "active", "code": _concept([*source, *standard], text), "period": {"start": SOME_DAY}}
            return self._read("Flag", content)
        return said

    def matters(self, table: str, cells: Cells) -> bool:
        """Whether a row that is named so may say anything, whatever its value."""
        if table in ("condition_occurrence", "procedure_occurrence"):
            said = self.condition(cells) if table.startswith("condition") else self.procedure(cells)
            return not said.is_nothing
        stem = table
        text, source, standard = self._named(cells, stem)
        concept = _concept([*self._of_text(text), *source, *standard], text)
        if stem == "measurement" and self._modifier(cells["measurement_concept_id"]) is not None:
            return True
        if self._matter("Observation", {"code": concept}) != NOTHING:
            return True
        return stem == "observation" and self._matter("Flag", {"code": concept}) != NOTHING

    # -- values -------------------------------------------------------------------------------

    def _measured(self, cells: Cells, stem: str) -> Said:
        text, source, standard = self._named(cells, stem)
        code = _concept([*self._of_text(text), *source, *standard], text)
        content = {"status": "final", "code": code, "effectiveDateTime": SOME_DAY}
        shapes, against = self._shapes(cells)
        best: Said | None = None
        for shape in shapes:
            said = self._read("Observation", {**content, **shape})
            if best is None or (said.is_known and not best.is_known):
                best = said
            if best.is_known or best.is_contradicted:
                break
        assert best is not None
        for shape, words in against:
            other = self._read("Observation", {**content, **shape})
            if not _agree(best, other):
                best = _contradicted(best, words)
        return best

    def _shapes(self, cells: Cells) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], str]]]:
        """The shapes in which a value may be read, the most trusted first; and what must agree with it, in words."""
        raw = (cells["value_source_value"] or cells.get("value_as_string", "")).strip()
        number = _written(cells["value_as_number"])
        coded = self.vocabulary.coding(cells["value_as_concept_id"])
        of_unit = self.vocabulary.concept(cells["unit_concept_id"])
        unit, said_unit = "" if of_unit is None else of_unit.code, cells["unit_source_value"].strip()
        operator = self.vocabulary.concept(cells.get("operator_concept_id", ""))
        compared = "" if operator is None else COMPARATORS.get(operator.name, COMPARATORS.get(operator.code, ""))
        beside: dict[str, Any] = {} if coded is None else {"interpretation": [_concept([coded], "")]}
        if high := _written(cells.get("range_high", "")):
            beside["referenceRange"] = [{"high": {"value": high}}]

        def quantity(written: str, *units: str) -> dict[str, Any]:
            told = [each for each in units if each] or [""]
            value: dict[str, Any] = {"value": written, "unit": told[0]}
            if compared:
                value["comparator"] = compared
            return {"valueQuantity": value, **beside}

        shapes: list[dict[str, Any]] = []
        against: list[tuple[dict[str, Any], str]] = []
        parsed = parse_number(raw.lower()) if raw else None
        if isinstance(parsed, Decimal) and raw.strip("= ").replace(",", ".").replace(".", "", 1).isdigit():
            exact = raw.strip("= ").replace(",", ".")
            shapes.append(quantity(exact, said_unit, unit))
            if unit and said_unit:
                shapes.append(quantity(exact, unit))
            if number and not _is_rounded(exact, number):
                by_text, by_number = f"{exact} {said_unit or unit}".strip(), f"{number} {unit or said_unit}".strip()
                words = f"its text says {by_text}, its number {by_number}"
                against.append((quantity(number, unit, said_unit), words))
            elif unit and said_unit:
                words = f"{exact} in {said_unit} by its text, in {unit} by its unit"
                against.append((quantity(exact, unit), words))
        elif raw:
            has_unit = parsed is None or _LETTER.search(raw)
            shapes.append({"valueString": raw if has_unit else f"{raw} {said_unit or unit}".strip()})
        if coded is not None:
            words_beside = raw if parsed is None else f"{raw}+" if coded[2] in _SCORES and raw in "123" else ""
            answer = {"valueCodeableConcept": _concept([coded], words_beside)}
            shapes.insert(0 if parsed is None and not number else len(shapes), answer)
        if number and parsed is None:
            shapes.append(quantity(number, unit, said_unit))
        return shapes or [{}], against

    # -- the parts ----------------------------------------------------------------------------

    def _named(self, cells: Cells, stem: str) -> tuple[str, list[Coded], list[Coded]]:
        """What a row is of: its text, the codings of its source concept, and those of its standard concept."""
        codes = self.beside.codes
        source = self.vocabulary.meant(cells[f"{stem}_source_concept_id"], codes)
        standard = [each for each in self.vocabulary.meant(cells[f"{stem}_concept_id"], codes) if each not in source]
        return cells[f"{stem}_source_value"].strip(), source, standard

    def _of_text(self, text: str) -> list[Coded]:
        """A source text that is itself a code which the tables know, as a coding."""
        systems = ("LOINC",) if LOINC_SHAPE.fullmatch(text) else ("ICD-10-CM", "ICD-10", "SNOMED", "HCPCS", "CPT")
        if not text or len(text) > 20 or " " in text:
            return []
        found: list[Coded] = [(system, text, None) for system in systems if self._is_known((system, text, None))]
        return found[:1]

    def _is_known(self, coding: Coded) -> bool:
        return self.beside.codes.knows((system_name(coding[0]), coding[1] or ""))

    def _status_of(self, codings: Iterable[Coded]) -> str:
        found = (self.beside.codes.diagnosis((system_name(system), code or ""))[1] for system, code, _ in codings)
        return next(filter(None, found), "")

    def _modifier(self, concept: str) -> tuple[str, str] | None:
        """The fact and the words of a stage, or of clinical nodes, that is a concept of its own."""
        known = self.vocabulary.concept(concept)
        if known is None or known.vocabulary != MODIFIERS:
            return None
        if (stage := _STAGE.search(known.name)) and "stage" in self._of_fact:
            return "stage", f"stage {stage[1]}"
        if (nodes := _CLINICAL_NODES.search(known.name)) and "node_status" in self._of_fact:
            return "node_status", f"c{nodes[1].upper()}"
        return None

    def _resource(self, name: str, content: dict[str, Any]) -> Resource:
        concept = content["code"]
        coding = [Coding(each.get("system"), each.get("code"), each.get("display")) for each in concept["coding"]]
        head = RESOURCE_TYPES[name].head(resourceType=name, id="", code=Concept(coding, concept.get("text")))
        return Resource(head, b"", "", content={"resourceType": name, **content})

    def _matter(self, name: str, content: dict[str, Any]) -> int:
        head = self._resource(name, content).head
        site = self.beside.terms.site
        return RESOURCE_TYPES[name].matters(head if site is None else site.head(head), self.beside.terms)

    def _read(self, name: str, content: dict[str, Any]) -> Said:
        """What the reader of a type of resource makes of one; the day and the place are left to the rows."""
        resource, terms = self._resource(name, content), self.beside.terms
        if terms.site is not None:
            resource = terms.site.resource(resource, lambda _address: None)
        known, said = RESOURCE_TYPES[name], Said(mark=resource.mapped)
        matters = known.matters(resource.head, terms)
        read: list[Any] = []
        if matters & HER2 and known.read_tests is not None:
            read += known.read_tests(resource, self.beside)
        tests = len(read)
        if self.courses and matters & COURSE and known.read_course is not None:
            read += known.read_course(resource, self.beside)
        for place, each in enumerate(read):
            if isinstance(each, TumourSite):
                said.tests.append(Event(SITE, each.name, None, "", "", each.name))
            elif isinstance(each, Event):
                (said.tests if place < tests else said.course).append(replace(each, day=None, origin=""))
            elif isinstance(each, Trouble):
                trouble = Trouble(each.kind, "", each.what)
                listed = said.passed_over if each.kind == "passed over" else said.troubles
                if trouble not in listed:
                    listed.append(trouble)
        return said


_VALUES = ("value_as_number", "value_as_concept_id", "value_source_value", "value_as_string")


def _written(cell: str) -> str:
    """The number of a column as text, without idle zeros; blank for none."""
    known = number_of(cell)
    return "" if known is None else f"{known:f}"


def _is_rounded(exact: str, number: str) -> bool:
    """Whether a number of a column is that of the text but for rounding."""
    return abs(Decimal(number) - Decimal(exact)) <= max(ROUNDED, abs(Decimal(exact)) * ROUNDED / 1000)


def _concept(codings: Iterable[Coded], text: str) -> dict[str, Any]:
    listed = [
        {name: part for name, part in zip(("system", "code", "display"), coding, strict=True) if part}
        for coding in dict.fromkeys(codings)
    ]
    return {"coding": listed, "text": text} if text else {"coding": listed}


def _numbers(said: Said) -> Iterator[tuple[str, Decimal]]:
    for event in (*said.tests, *said.course):
        if isinstance(event.value, Decimal):
            yield event.fact, event.value


def _agree(one: Said, other: Said) -> bool:
    """Whether the numbers of two readings are the same but for rounding; one that gives none says nothing."""
    others = dict(_numbers(other))
    return all(
        fact not in others or abs(value - others[fact]) <= max(abs(value) * CLOSE, ROUNDED)
        for fact, value in _numbers(one)
    )


def _contradicted(said: Said, words: str) -> Said:
    """The same with its numbers unknown, since two are told."""

    def doubted(event: Event) -> Event:
        if not isinstance(event.value, Decimal):
            return event
        return replace(event, value=Unknown(Reason.CONTRADICTORY, f"{event.fact}: {words}"), note="")

    return replace(said, tests=[*map(doubted, said.tests)], course=[*map(doubted, said.course)])
