"""FHIR resources of a therapy as plain dictionaries, and a few code tables to read them by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fhir_makers import LOINC, SNOMED, bundle, coding, concept, observation, patient
from her2path.facts.codes import Codes, read_codes
from her2path.facts.fact import Facts, read_facts
from her2path.facts.folder import knowledge_folder
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import Piece
from her2path.record.event import Event, Record, Trouble

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS = "http://terminology.hl7.org/CodeSystem/HCPCS"
UCUM = "http://unitsofmeasure.org"
DAY = "2026-02-02"

LVEF, LVEF_ECHO, LVEF_MUGA, LVEF_LIMIT = "10230-1", "18043-0", "8812-0", "104258-9"
WEIGHT, HEIGHT, STAGE, GRADE, ER, SIZE = "29463-7", "8302-2", "21908-9", "33732-9", "85337-4", "33728-7"
CPS, PREGNANCY_TEST, NODES, MENOPAUSE = "85147-8", "2106-3", "85347-3", "161712005"

TABLES = {
    "drugs.md": """
# Drugs
| system | code | display | drug | brand | verified |
|---|---|---|---|---|---|
| RxNorm | 224905 | trastuzumab | `trastuzumab-iv` | | seen |
| RxNorm | 2119714 | trastuzumab / hyaluronidase-oysk | `trastuzumab-sc` | | seen |
| RxNorm | 1658084 | ado-trastuzumab emtansine 100 MG Injection | `t-dm1` | `kadcyla` | seen |
| RxNorm | 3639 | doxorubicin | `doxorubicin` | | seen |
| RxNorm | 2593489 | HER2 inhibitor, a class | | | seen |
| HCPCS | Q5117 | trastuzumab-anns | `trastuzumab-iv` | `kanjinti` | seen |
| HCPCS | Q5112 | trastuzumab-dttb | `trastuzumab-iv` | `ontruzant` | seen |
| NDC | 50242-132 | Herceptin 150 mg | `trastuzumab-iv` | `herceptin` | seen |

| drug name | drug | brand |
|---|---|---|
| trastuzumab | `trastuzumab-iv` | |
| trastuzumab-anns | `trastuzumab-iv` | `kanjinti` |
| kanjinti | `trastuzumab-iv` | `kanjinti` |
| ontruzant | `trastuzumab-iv` | `ontruzant` |
| herceptin | `trastuzumab-iv` | `herceptin` |
| herceptin hylecta | `trastuzumab-sc` | `herceptin-hylecta` |
| trastuzumab and hyaluronidase-oysk | `trastuzumab-sc` | |
| phesgo | `phesgo` | |
| pertuzumab | `pertuzumab` | |
| trastuzumab emtansine | `t-dm1` | |
| ado-trastuzumab emtansine | `t-dm1` | |
| kadcyla | `t-dm1` | `kadcyla` |
| trastuzumab deruxtecan | `t-dxd` | |
| fam-trastuzumab deruxtecan-nxki | `t-dxd` | |
| enhertu | `t-dxd` | `enhertu` |
| doxorubicin | `doxorubicin` | |
| paclitaxel | `paclitaxel` | |
| docetaxel | `docetaxel` | |
""",
    "observations.md": f"""
# Observations
| system | code | display | fact | method | verified |
|---|---|---|---|---|---|
| LOINC | {LVEF} | LVEF | `lvef` | unspecified | seen |
| LOINC | {LVEF_ECHO} | LVEF by US | `lvef` | echo | seen |
| LOINC | {LVEF_MUGA} | LVEF by MUGA | `lvef` | MUGA | seen |
| LOINC | {LVEF_LIMIT} | LVEF lower limit | | | seen |
| LOINC | {WEIGHT} | weight | `weight_kg` | | seen |
| LOINC | {HEIGHT} | height | `height_cm` | | seen |
| LOINC | {STAGE} | stage | `stage` | | seen |
| LOINC | {GRADE} | grade | `grade` | | seen |
| LOINC | {ER} | ER | `er_status` | | seen |
| LOINC | {SIZE} | size | `tumour_size_mm` | | seen |
| LOINC | {CPS} | CPS | `pdl1_cps` | | seen |
| LOINC | {PREGNANCY_TEST} | pregnancy test | `pregnancy_test` | | seen |
| LOINC | {NODES} | nodes | `positive_nodes` | | seen |
| SNOMED | {MENOPAUSE} | menopause | `menopausal_status` | | seen |
""",
    "conditions.md": """
# Conditions
| system | code | display | fact | value | verified |
|---|---|---|---|---|---|
| SNOMED | 84114007 | Heart failure | `heart_failure` | `yes` | seen |
| SNOMED | 77386006 | Pregnancy | `pregnant` | `yes` | seen |
| SNOMED | 309606002 | Before menopause | `menopausal_status` | `premenopausal` | seen |
| SNOMED | 307429007 | After menopause | `menopausal_status` | `postmenopausal` | seen |
| ICD-10-CM | I50 | Heart failure | `heart_failure` | `yes` | seen |
| ICD-10-CM | Z17.0 | ER positive | `er_status` | `positive` | seen |
| ICD-10-CM | Z17.1 | ER negative | `er_status` | `negative` | seen |
""",
    "procedures.md": """
# Procedures
| system | code | display | fact | value | verified |
|---|---|---|---|---|---|
| SNOMED | 64368001 | Partial mastectomy | `surgery_done` | `yes` | seen |
""",
}
"""Tables of the shape of `knowledge/codes/therapy/`, so that what is read here does not change as those grow."""


@cache
def facts() -> Facts:
    return read_facts(knowledge_folder() / "facts.md")


@cache
def codes() -> Codes:
    """The codes of HER2 tests that ship, with the therapy's tables from here."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path in (knowledge_folder() / "codes").glob("*.md"):
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "therapy").mkdir()
        words = knowledge_folder() / "codes" / "therapy" / "drug-words.md"
        (folder / "therapy" / words.name).write_bytes(words.read_bytes())
        for file, text in TABLES.items():
            (folder / "therapy" / file).write_text(text, encoding="utf-8")
        return read_codes(folder)


def medication(*codings: Mapping[str, Any], text: str | None = None) -> dict[str, Any]:
    return {"medicationCodeableConcept": concept(*codings, text=text)}


def rx(code: str, display: str | None = None) -> dict[str, Any]:
    return coding(code, RXNORM, display)


TRASTUZUMAB = medication(rx("224905"))


def _made(
    kind: str, identity: str, status: str | None, drug: Mapping[str, Any] | str, more: dict[str, Any]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": kind,
        "id": identity,
        "subject": {"reference": "Patient/p1"},
        "status": status,
    }
    made |= medication(text=drug) if isinstance(drug, str) else dict(drug)
    return {key: each for key, each in (made | more).items() if each is not None}


def given(
    drug: Mapping[str, Any] | str = TRASTUZUMAB, dose: Any = None, unit: str | None = "mg", *,
    on: str | None = DAY, status: str | None = "completed", identity: str = "a1", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A MedicationAdministration."""
    if dose is not None:
        amount = {"value": dose} | ({"unit": unit, "code": unit, "system": UCUM} if unit is not None else {})
        more = {"dosage": {"dose": amount}} | more
    return _made("MedicationAdministration", identity, status, drug, {"effectiveDateTime": on} | more)


def ordered(
    drug: Mapping[str, Any] | str = TRASTUZUMAB, dose: Any = None, unit: str = "mg", *,
    on: str | None = DAY, status: str | None = "active", identity: str = "r1", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A MedicationRequest."""
    if dose is not None:
        more = {"dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": dose, "unit": unit}}]}]} | more
    return _made("MedicationRequest", identity, status, drug, {"authoredOn": on, "intent": "order"} | more)


def stated(
    drug: Mapping[str, Any] | str = TRASTUZUMAB, *, start: str | None = DAY, end: str | None = None,
    status: str | None = "active", identity: str = "m1", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A MedicationStatement."""
    period = {key: each for key, each in (("start", start), ("end", end)) if each is not None}
    return _made("MedicationStatement", identity, status, drug, {"effectivePeriod": period} | more)


def ill(
    code: str,
    system: str = SNOMED,
    *,
    identity: str = "c9",
    clinical: str | None = None,
    truth: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A Condition."""
    made: dict[str, Any] = {
        "resourceType": "Condition", "id": identity, "subject": {"reference": "Patient/p1"}, "code": concept(coding(code, system)),
        "onsetDateTime": DAY,
    }  # fmt: skip
    if clinical:
        made["clinicalStatus"] = concept(coding(clinical, "http://terminology.hl7.org/CodeSystem/condition-clinical"))
    if truth:
        made["verificationStatus"] = concept(
            coding(truth, "http://terminology.hl7.org/CodeSystem/condition-ver-status")
        )
    return made | more


def found(code: str, value: Any = None, unit: str | None = None, *, system: str = LOINC, **more: Any) -> dict[str, Any]:
    """An observation: a number with its unit, or words."""
    if isinstance(value, str):
        more = {"valueString": value} | more
    elif value is not None:
        more = {"valueQuantity": {"value": value} | ({"unit": unit} if unit is not None else {})} | more
    return observation(
        concept(coding(code, system)), None, on=more.pop("on", DAY), identity=more.pop("identity", f"o-{code}"), **more
    )


def records(document: Mapping[str, Any] | bytes) -> list[Record | Trouble]:
    """The records of the patients of a bundle, and what is told beside them.

    Medications that another part of the source may name are a group of nobody; they are no record.
    """
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return [
        each if isinstance(each, Trouble) else read_record(each, codes(), facts())
        for each in Skimmer(codes()).skim(Piece("b.json", content))
        if isinstance(each, Trouble) or each.patient
    ]


def record(*resources: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> Record:
    """The record of a bundle about one patient."""
    (only,) = records(bundle(about or patient(), *resources))
    assert isinstance(only, Record)
    return only


def events(*resources: Mapping[str, Any]) -> list[Event]:
    return record(*resources).course


def only(*resources: Mapping[str, Any]) -> Event:
    (event,) = events(*resources)
    return event


def told(made: Record | Iterable[Trouble]) -> list[str]:
    """What is told of a record: its troubles, and after them what was passed over."""
    troubles = [*made.troubles, *made.passed_over] if isinstance(made, Record) else made
    return [trouble.what for trouble in troubles]
