"""The events of a course as resources of a Bundle: what was measured, given, ordered, held, found and operated."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from ...facts.value import OneOf
from ...read.fhir.resources.her2_test import EARLY
from ...read.fhir.resources.medication import DAY_MINUTES
from ...record.columns import METHODS
from ...record.event import Event
from .codes import CodeWithDisplay, Json, concept
from .medication import MEDICATION_DOSES, MEDICATION_FACTS, Medications, dated
from .parts import Entries, status_of, value_of_event

PERSON = ("sex", "birth_date", "death_date")
"""Facts that the patient herself carries, not an event of a day."""
HEART_FAILURE_FACTS = ("heart_failure", "heart_failure_history")
"""Every code of heart failure states both."""
METASTATIC_DISEASE: CodeWithDisplay = ("ICD-10-CM", "C79.9", "Secondary malignant neoplasm of unspecified site")
CONDITIONS: dict[tuple[str, str], CodeWithDisplay] = {
    ("setting", "metastatic"): METASTATIC_DISEASE,
    ("hypertension", "yes"): ("SNOMED", "38341003", "Hypertensive disorder"),
    ("diabetes", "yes"): ("SNOMED", "73211009", "Diabetes mellitus"),
    ("stable_angina", "yes"): ("SNOMED", "233819005", "Stable angina"),
    ("heart_failure", "yes"): ("SNOMED", "84114007", "Heart failure"),
}
"""What a condition states. Where the codes of a fact name one of several diseases, none is chosen."""
BREAST_SURGERY: CodeWithDisplay = ("SNOMED", "69031006", "Excision of breast tissue")
_ENDED = re.compile(r"ended (\d{4}-\d{2}-\d{2})")


class CourseWriter:
    """Puts the events of a course among the entries of a Bundle."""

    def __init__(self, entries: Entries, medications: Medications) -> None:
        self.entries, self.medications = entries, medications
        self.shapes = entries.shapes
        self.course = entries.record.course
        self.minutes = self._minutes()
        self.paired = self._paired()

    def put(self) -> None:
        """Put every event that the patient herself does not carry."""
        for event in self.course:
            if event.fact in PERSON or id(event) in self.paired.values():
                continue
            if event.fact in MEDICATION_FACTS and event.product:
                self._medication(event)
            elif event.fact == "infusion_given_minutes":
                if id(event) not in {id(times) for times in self.minutes.values()}:
                    self.entries.lose(event, "no dose of that day and brand is recorded that took so long")
            elif event.fact == "allergy":
                self._allergy(event)
            elif not self._procedure(event) and not self._condition(event) and not self._observation(event):
                self.entries.lose(event, "no code that is read says it")

    def _minutes(self) -> dict[int, Event]:
        """The length of an infusion by the dose that took it: one of the same day, drug and brand."""
        doses = [e for e in self.course if e.fact in MEDICATION_DOSES and e.value != "no" and e.day is not None]
        minutes: dict[int, Event] = {}
        for event in self.course:
            value = value_of_event(event)
            if event.fact != "infusion_given_minutes" or not isinstance(value, Decimal):
                continue
            if value != value.to_integral_value() or not 0 < value <= DAY_MINUTES:
                continue
            same = (e for e in doses if (e.day, e.product, e.qualifier) == (event.day, event.product, event.qualifier))
            if (dose := next((dose for dose in same if id(dose) not in minutes), None)) is not None:
                minutes[id(dose)] = event
        return minutes

    def _paired(self) -> dict[int, int]:
        """Heart failure and its history said on one day, which one condition states."""
        now, history = ([e for e in self.course if (e.fact, e.value) == (fact, "yes")] for fact in HEART_FAILURE_FACTS)
        pairs: dict[int, int] = {}
        for event in now:
            same = (e for e in history if (e.day, e.note) == (event.day, event.note) and id(e) not in pairs.values())
            if (other := next(same, None)) is not None:
                pairs[id(event)] = id(other)
        return pairs

    def _medication(self, event: Event) -> None:
        template = self.medications.template(event, value_of_event(event))
        took = self.minutes.get(id(event))
        if template is None and event.fact not in MEDICATION_DOSES and self._observation(event):
            return
        if template is None:
            known = self.shapes.medication(event.product, event.qualifier) is not None
            why = "no medication resource is read as it" if known else "no code and no name is read as the drug"
            for lost in (event, took):
                if lost is not None:
                    self.entries.lose(lost, why)
            return
        kind = template.resource["resourceType"]
        minutes = None
        if took is not None and kind == "MedicationAdministration" and template.resource["status"] == "completed":
            value = value_of_event(took)
            minutes = value if isinstance(value, Decimal) else None
        elif took is not None:
            self.entries.lose(took, "the dose is read without its times")
        resource = dated(template.resource, event.day, minutes)
        resource.pop("resourceType")
        name = (event.fact, str(event.day), event.product, event.qualifier, str(event.value))
        self.entries.put(kind, name, resource)
        brand = template.named.brand
        fact, amount = template.read_as[0]
        if not template.is_read_as(event.fact, value_of_event(event)):
            read = replace(event, fact=fact, value=amount, qualifier=brand, specimen="")
            self.entries.lose(event, "the reader takes the drug, and not the amount", read)
        elif brand != event.qualifier:
            self.entries.lose(event, "no such brand is read", replace(event, qualifier=brand, specimen=""))
        elif event.specimen:
            self.entries.lose(event, "a specimen is read of HER2 tests only", replace(event, specimen=""))
        if minutes is not None and took is not None and brand != took.qualifier:
            self.entries.lose(took, "no such brand is read", replace(took, qualifier=brand))

    def _procedure(self, event: Event) -> bool:
        if (event.fact, event.value) != ("surgery_done", "yes") or "breast" not in self.entries.record.sites:
            return False
        content: Json = {"status": "completed", "code": concept(BREAST_SURGERY)}
        if event.day:
            content["performedDateTime"] = event.day.isoformat()
        self.entries.put("Procedure", (event.fact, str(event.day)), content)
        self._plainer(event)
        return True

    def _condition(self, event: Event) -> bool:
        coded = CONDITIONS.get((event.fact, str(event.value)))
        if coded is None or (event.fact, event.value) not in self.shapes.codes.therapy.claim(coded[:2]):
            return False
        alone = event.fact in HEART_FAILURE_FACTS and id(event) not in self.paired
        if alone and self.shapes.measure(event.fact, "", False) is not None:
            return False
        content: Json = {}
        ended = event.note.startswith("ended")
        if match := _ENDED.fullmatch(event.note):
            content["abatementDateTime"] = match[1]
        if event.day:
            content["onsetDateTime"] = event.day.isoformat()
        profile = "secondary" if coded is METASTATIC_DISEASE else ""
        self.entries.condition((event.fact, str(event.day)), coded, profile, content, active=not ended)
        self._plainer(event)
        if alone:
            beside = replace(event, fact=HEART_FAILURE_FACTS[1], product="", qualifier="", specimen="")
            self.entries.lose(event, "its codes state a history of heart failure too", self._plain(event), beside)
        return True

    def _observation(self, event: Event) -> bool:
        method = (event.qualifier or METHODS[0]) if event.fact == "lvef" else ""
        code = self.shapes.measure(event.fact, method, self.entries.of_breast)
        if code is None or event.fact not in self.shapes.facts:
            return False
        if status_of(event) in EARLY:
            part: Json | None = {"valueString": event.said or "not final"}
        else:
            part = self.shapes.answer(event.fact, value_of_event(event), event.said, event.note)
        if part is None:
            return False
        self.entries.observe(event, code, part, event.fact)
        self._plainer(event)
        return True

    def _allergy(self, event: Event) -> None:
        either = isinstance(event.value, OneOf)
        words = "trastuzumab and hyaluronidase" if either else str(event.value)
        if words not in ("trastuzumab and hyaluronidase", *self.shapes.facts["allergy"].values):
            self.entries.lose(event, "no substance is named")
            return
        system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-"
        content: Json = {
            name: {"coding": [{"system": system + part, "code": code}]}
            for name, part, code in (
                ("clinicalStatus", "clinical", "active"),
                ("verificationStatus", "verification", "confirmed"),
            )
        }
        content["code"] = {"text": words}
        if event.day:
            content["onsetDateTime"] = event.day.isoformat()
        self.entries.put("AllergyIntolerance", (words, str(event.day)), content)
        self._plainer(event)

    def _plain(self, event: Event) -> Event:
        """An event as anything but a medication or a HER2 test is read: without drug, brand and specimen."""
        return replace(event, product="", qualifier=event.qualifier if event.fact == "lvef" else "", specimen="")

    def _plainer(self, event: Event) -> None:
        plain = self._plain(event)
        if plain != event and not (event.fact in HEART_FAILURE_FACTS and id(event) not in self.paired):
            self.entries.lose(event, "its drug, brand or specimen is not read", plain)
