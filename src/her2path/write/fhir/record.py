"""A patient's record as a FHIR R4 Bundle that the reader reads back as the same events.

    Patient              sex, birth, death            Specimen        the tissue of HER2 tests
    Condition            the tumour, risks, metastases    Observation     tests, measurements, receptors, stage
    MedicationAdministration, -Request, -Statement    doses, orders, holds, stops (`medication.py`)
    Procedure            surgery of the primary tumour    AllergyIntolerance

The resources have the shape of mCODE and name its profiles; the tests hold them to FHIR R4, and no validator of that
guide was run. What the reader would not read back is not written silently: every event that is left out, or read as
less than it says, is a `Loss`. Sex and birth have no day in FHIR.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec

from ...facts.value import Reason, Unknown, Value
from ...read.fhir.resources.her2_test import EARLY
from ...record.event import RECORDED_STATUS, STAINED, STAINING_OPEN, Event, Record, Tissue
from .codes import CodeWithDisplay, Json, Shapes, concept, shapes
from .course import PERSON, CourseWriter
from .medication import Medications
from .parts import BASE, Entries, Loss, Written, status_of, value_of_event

TUMOURS: dict[str, CodeWithDisplay] = {
    "breast": ("SNOMED", "254837009", "Malignant neoplasm of breast"),
    "gastric": ("SNOMED", "363349007", "Malignant tumor of stomach"),
}
DIAGNOSED: dict[str, CodeWithDisplay] = {
    "positive": ("ICD-10-CM", "Z17.31", "HER2 positive status"),
    "negative": ("ICD-10-CM", "Z17.32", "HER2 negative status"),
}
TISSUE: CodeWithDisplay = ("SNOMED", "119376003", "Tissue specimen")
BIOPSY: CodeWithDisplay = ("SNOMED", "129314006", "Biopsy - action")
PLACES = {"primary": "primary tumour", "metastasis": "metastasis"}
ZERO: dict[Value, str] = {"yes": "0 with staining", "no": "0 without staining", STAINING_OPEN: "0+"}
"""A score of 0 with what is said of its staining, as texts that are read as both."""
MEANS = {
    "ihc_score": "ihc",
    "ish_result": "ish",
    "ish_group": "ish",
    "her2_cep17_ratio": "ratio",
    "her2_copies": "her2_copies",
    "cep17_copies": "cep17_copies",
    RECORDED_STATUS: "overall",
}
"""Which test of the code tables gives a fact."""
FIELDS = {"sex": "gender", "birth_date": "birthDate", "death_date": "deceasedDateTime"}
_encoder = msgspec.json.Encoder(decimal_format="number")


def bundle_of(record: Record, test_data: bool = True) -> Json:
    """A record as a FHIR R4 Bundle (a collection of one patient), the same in every run.

    To be changed only in a copy: values that come again are shared with other Bundles. Numbers are `int`, `float`, or
    `Decimal` where no float is just the number; `bundle_bytes` writes them all. With `test_data` every resource bears
    the label HTEST, so that an invented patient is never taken for a real one.
    """
    return written(record, test_data).bundle


def bundle_bytes(bundle: Json) -> bytes:
    """A Bundle as JSON on one line."""
    return _encoder.encode(bundle)


def written(record: Record, test_data: bool = True, by: Shapes | None = None) -> Written:
    """The Bundle of a record with all that it does not carry whole; `by` other code tables than those that ship."""
    by = by or shapes()
    entries = Entries(record, by, test_data)
    _person(entries)
    _tumours(entries)
    _specimens(entries)
    _tests(entries)
    CourseWriter(entries, _medications(by)).put()
    return Written(entries.bundle(), entries.losses)


@cache
def _medications(by: Shapes) -> Medications:
    return Medications(by)


def _person(entries: Entries) -> None:
    content: Json = {}
    if entries.id != entries.record.patient:
        content["identifier"] = [{"system": f"{BASE}/patient", "value": entries.record.patient}]
    held: set[str] = set()
    for event in entries.record.course:
        if event.fact not in PERSON:
            continue
        value = event.value
        if event.fact in held:
            entries.lose(event, "a patient has one only")
        elif isinstance(value, str):
            content[FIELDS[event.fact]] = value
        elif event.fact == "death_date" and isinstance(value, Unknown) and value.reason is Reason.ABSENT:
            content["deceasedBoolean"] = True
        else:
            entries.lose(event, "what is unknown of it has no field")
            continue
        held.add(event.fact)
    entries.keep("Patient", entries.id, content, "Patient")


def _tumours(entries: Entries) -> None:
    for site in sorted(entries.record.sites):
        if site in TUMOURS:
            entries.condition(("tumour", site), TUMOURS[site], "primary", {})
        else:
            entries.lose_thing(f"tumour site {site}", "which organ it is, the record does not say")


def _specimens(entries: Entries) -> None:
    """The tissues, and a bare specimen for every other that an event names."""
    record = entries.record
    for name in sorted({*record.tissues, *(e.specimen for e in (*record.events, *record.course) if e.specimen)}):
        tissue = record.tissues.get(name, Tissue(name))
        if not name:
            entries.lose_thing(f"tissue without a name ({tissue.kind})", "a test names its specimen")
            continue
        identity = entries.specimens[name] = entries.name_of("Specimen", name)
        collection: Json = {}
        if tissue.day:
            collection["collectedDateTime"] = tissue.day.isoformat()
        if tissue.kind:
            collection["method"] = concept(BIOPSY) if tissue.kind == "biopsy" else {"text": tissue.kind}
        if tissue.place:
            collection["bodySite"] = {"text": PLACES.get(tissue.place, tissue.place)}
        content: Json = {"type": concept(TISSUE), **({"collection": collection} if collection else {})}
        entries.keep("Specimen", identity, content, "Specimen")


def _tests(entries: Entries) -> None:
    stained = _stained(entries.record.events)
    for event in entries.record.events:
        if event.note == "diagnosis":
            _diagnosis(entries, event)
        elif event.fact == STAINED:
            if id(event) not in stained:
                entries.lose(event, "staining is read with an IHC score of 0 only")
        elif event.fact not in MEANS:
            entries.lose(event, "no code of a HER2 test says it")
        else:
            _test(entries, event, stained.get(id(event), ""))


def _stained(events: list[Event]) -> dict[int, str]:
    """The text of each score of 0 that stands beside a staining of its specimen and day, for both, which are one."""
    scores = [e for e in events if (e.fact, e.value) == ("ihc_score", "0")]
    stained: dict[int, str] = {}
    for event in events:
        if event.fact != STAINED or event.value not in ZERO:
            continue
        of = (event.day, event.specimen, event.amended)
        same = (score for score in scores if (score.day, score.specimen, score.amended) == of)
        if (score := next((zero for zero in same if id(zero) not in stained), None)) is not None:
            stained[id(event)] = stained[id(score)] = ZERO[event.value]
    return stained


def _diagnosis(entries: Entries, event: Event) -> None:
    coded = DIAGNOSED.get(str(event.value))
    if event.fact != RECORDED_STATUS or coded is None:
        entries.lose(event, "no diagnosis states it")
        return
    entries.condition(("her2", str(event.value)), coded, "", {})
    if event.day or event.specimen:
        entries.lose(event, "a status in a diagnosis has no day", replace(event, day=None, specimen=""))


def _test(entries: Entries, event: Event, stained: str) -> None:
    means = MEANS[event.fact]
    code = entries.shapes.test(means, entries.of_breast)
    part: Json | None = None
    if stained:
        part = {"valueString": stained}
    elif status_of(event) in EARLY:
        part = {"valueString": event.said or "not final"}
    else:
        part = entries.shapes.answer(event.fact, value_of_event(event), event.said, event.note, means)
    if code is None or part is None:
        entries.lose(event, "no value of FHIR is read as it" if code else "no code of a HER2 test says it")
        return
    entries.observe(event, code, part, means)


__all__ = ["Loss", "Written", "bundle_bytes", "bundle_of", "written"]
