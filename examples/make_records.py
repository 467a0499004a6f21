"""Make the example records: FHIR R4 bundles with HER2 tests as laboratories and registries write them.

Every patient is invented. Run `python examples/make_records.py` to write `her2-tests.ndjson` anew; a
test checks that the file is what this script makes.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
IHC, ISH, RATIO, COPIES, CEP17 = "85319-2", "85318-4", "49683-6", "74860-8", "74861-6"
PANEL, OVERALL, CELLS, SERUM, TISSUE_IHC = "74885-5", "48676-1", "62361-1", "32996-1", "18474-7"
DISPLAY = {
    IHC: "HER2 [Presence] in Breast cancer specimen by Immune stain",
    TISSUE_IHC: "HER2 Ag [Presence] in Tissue by Immune stain",
    ISH: "ERBB2 gene duplication [Presence] in Breast cancer specimen by FISH",
    RATIO: "ERBB2 copy number/Chromosome 17 copy number in Tissue by FISH",
    COPIES: "ERBB2 gene copy number/nucleus in Tissue by FISH",
    CEP17: "Chromosome 17 copy number/nucleus in Tissue by FISH",
    PANEL: "ERBB2 gene duplication panel by FISH",
    OVERALL: "HER2 [Interpretation] in Tissue",
    CELLS: "Cells counted",
    SERUM: "HER2 [Mass/volume] in Serum",
}
POSITIVE, NEGATIVE = ("10828004", "Positive"), ("260385009", "Negative")


def coded(code: str, display: str, system: str = SNOMED) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def value(given: Any) -> dict[str, Any]:
    """A value in the shape its type suggests: text, number with unit, or a coded answer."""
    if isinstance(given, tuple) and isinstance(given[0], str):
        return {"valueCodeableConcept": coded(*given)}
    if isinstance(given, tuple):
        number, unit = given
        return {"valueQuantity": {"value": number, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}}
    if isinstance(given, dict):
        return given
    return {"valueString": given}


class Bundle:
    """One patient's bundle, built test by test."""

    def __init__(self, name: str, site: str = "breast", born: str = "1968-04-02", gender: str = "female") -> None:
        self.patient = name
        self.entries: list[dict[str, Any]] = []
        self.add({"resourceType": "Patient", "id": name, "gender": gender, "birthDate": born})
        diagnosis = {
            "breast": ("C50.911", "Malignant neoplasm of right female breast"),
            "gastric": ("C16.2", "Malignant neoplasm of body of stomach"),
        }
        if site:
            self.add(
                {
                    "resourceType": "Condition",
                    "id": f"{name}-diagnosis",
                    "subject": self.subject,
                    "code": coded(*diagnosis[site], ICD),
                }
            )

    @property
    def subject(self) -> dict[str, str]:
        return {"reference": f"Patient/{self.patient}"}

    def add(self, resource: dict[str, Any]) -> None:
        url = (
            f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'her2path/' + resource['resourceType'] + '/' + resource['id'])}"
        )
        self.entries.append({"fullUrl": url, "resource": resource})

    def specimen(self, name: str, kind: tuple[str, str], place: str = "") -> Bundle:
        """Tissue with its kind; `place` is free text on the body site."""
        resource = {
            "resourceType": "Specimen",
            "id": f"{self.patient}-{name}",
            "subject": self.subject,
            "type": coded(*kind),
        }
        if place:
            resource["collection"] = {"bodySite": {"text": place}}
        self.add(resource)
        return self

    def test(
        self,
        code: str,
        given: Any,
        day: str = "2024-03-11",
        *,
        status: str = "final",
        specimen: str = "",
        more: tuple[str, ...] = (),
        **extra: Any,
    ) -> Bundle:
        """One observation; `more` are further LOINC codes on the same one."""
        number = len(self.entries)
        resource: dict[str, Any] = {
            "resourceType": "Observation",
            "id": f"{self.patient}-{number}",
            "status": status,
            "subject": self.subject,
            "code": {
                "coding": [{"system": LOINC, "code": each, "display": DISPLAY.get(each, "")} for each in (code, *more)]
            },
        }
        if day:
            resource["effectiveDateTime"] = day
        if specimen:
            resource["specimen"] = {"reference": f"Specimen/{self.patient}-{specimen}"}
        if given is not None:
            resource |= value(given)
        self.add(resource | extra)
        return self

    def as_json(self) -> dict[str, Any]:
        return {"resourceType": "Bundle", "id": f"bundle-{self.patient}", "type": "collection", "entry": self.entries}


def component(code: str, given: Any) -> dict[str, Any]:
    return {"code": {"coding": [{"system": LOINC, "code": code, "display": DISPLAY[code]}]}, **value(given)}


CORE = ("122737001", "Specimen from breast obtained by core needle biopsy")
MASTECTOMY = ("122595009", "Specimen from breast obtained by total mastectomy")
STOMACH_BIOPSY = ("122632000", "Specimen from stomach obtained by incisional biopsy")
GASTRECTOMY = ("122634004", "Specimen from stomach obtained by total gastrectomy")
PER_CELL = "{copies}/{cell}"


def breast() -> list[Bundle]:
    """Breast cancers, one situation each."""
    return [
        Bundle("ihc-3-plus").test(IHC, "3+"),
        Bundle("ihc-1-plus").test(IHC, "1+").test(OVERALL, NEGATIVE),
        Bundle("ihc-0-null").test(IHC, "0"),
        Bundle("ihc-0-plus").test(IHC, "0+"),
        Bundle("ihc-2-plus-alone").test(IHC, ("LA11842-4", "2+", LOINC)),
        Bundle("reflex-amplified").test(IHC, "2+", "2024-03-11").test(RATIO, (3.4, "{ratio}"), "2024-03-18").test(COPIES, (8.2, PER_CELL), "2024-03-18"),
        Bundle("reflex-normal").test(IHC, "2+", "2024-03-11").test(RATIO, (1.1, "{ratio}"), "2024-03-18").test(COPIES, (2.3, PER_CELL), "2024-03-18"),
        Bundle("group-2-ihc-1").test(IHC, "1+").test(COPIES, (3.6, PER_CELL)).test(CEP17, (1.6, PER_CELL)),
        Bundle("group-2-ihc-2").test(IHC, "2+").test(RATIO, (2.1, "{ratio}")).test(COPIES, (3.24, PER_CELL)),
        Bundle("group-3-ihc-2").test(IHC, "2+").test(RATIO, (1.6, "{ratio}")).test(COPIES, (6.4, PER_CELL)),
        Bundle("group-4-ihc-1").test(IHC, "1+").test(RATIO, (1.5, "{ratio}")).test(COPIES, (4.8, PER_CELL)),
        Bundle("group-4-no-ihc").test(RATIO, (1.5, "{ratio}")).test(COPIES, (4.8, PER_CELL)),
        Bundle("ratio-without-copies").test(IHC, "2+").test(RATIO, "2.5"),
        Bundle("ratio-in-2016").test(IHC, "2+", "2016-05-20").test(RATIO, (2.3, "{ratio}"), "2016-05-20").test(COPIES, (3.5, PER_CELL), "2016-05-20"),
        Bundle("ratio-in-2010").test(IHC, "2+", "2010-05-20").test(RATIO, (2.1, "{ratio}"), "2010-05-20"),
        Bundle("panel").test(PANEL, None, component=[component(RATIO, (1.4, "{ratio}")), component(COPIES, (2.6, PER_CELL)), component(CEP17, (1.86, PER_CELL))]).test(IHC, "2+"),
        Bundle("less-than-1-8").test(IHC, NEGATIVE, more=(OVERALL,)).test(ISH, "less than 1.8"),
        Bundle("greater-than-2-2").test(IHC, "2+").test(ISH, "greater than 2.2"),
        Bundle("words-only").test(IHC, "2+").test(ISH, "Not amplified"),
        Bundle("ratio-with-copies-in-text").test(IHC, "2+").test(RATIO, "1.8 (CN 7.5)"),
        Bundle("above-six").test(IHC, "2+").test(RATIO, "1.23").test(COPIES, ">6"),
        Bundle("range-of-scores").test(IHC, "0-1+"),
        Bundle("two-scores").test(IHC, "3+ (2+ outside)"),
        Bundle("see-comment").test(IHC, "see comment").test(RATIO, "1.2").test(COPIES, "2.1"),
        Bundle("signal-total").test(PANEL, None, component=[component(COPIES, (84, "{signals}")), component(CELLS, (20, "1"))]).test(IHC, "2+"),
        Bundle("contradicting-ratio").test(IHC, "2+").test(RATIO, (1.2, "{ratio}")).test(COPIES, (8.0, PER_CELL)).test(CEP17, (2.0, PER_CELL)),
        Bundle("recorded-positive").test(IHC, "1+").test(OVERALL, POSITIVE),
        Bundle("discordant").test(IHC, "3+").test(RATIO, (1.1, "{ratio}")).test(COPIES, (2.0, PER_CELL)),
        Bundle("preliminary").test(IHC, "3+", status="preliminary"),
        Bundle("entered-in-error").test(IHC, "3+", status="entered-in-error").test(IHC, "1+"),
        Bundle("corrected").test(IHC, "3+").test(IHC, "2+", status="corrected"),
        Bundle("same-day-conflict").test(IHC, "1+").test(IHC, "2+"),
        Bundle("serum-only").test(SERUM, (18.5, "ng/mL")),
        Bundle("no-date").test(IHC, "3+", ""),
        Bundle("not-done").test(IHC, "3+").test(ISH, "Not done"),
        Bundle("implausible").test(IHC, "2+").test(COPIES, (-3.0, PER_CELL)).test(RATIO, (0, "{ratio}")),
        Bundle("metastasis")
        .specimen("core", CORE, "primary, right breast").test(IHC, "1+", "2019-02-04", specimen="core")
        .specimen("liver", ("119376003", "Tissue specimen"), "liver metastasis").test(IHC, "3+", "2024-06-03", specimen="liver"),
        Bundle("core-and-mastectomy")
        .specimen("core", CORE).test(IHC, "2+", "2024-01-15", specimen="core")
        .test(RATIO, (1.3, "{ratio}"), "2024-01-22", specimen="core").test(COPIES, (2.8, PER_CELL), "2024-01-22", specimen="core")
        .specimen("mastectomy", MASTECTOMY).test(IHC, "1+", "2024-02-20", specimen="mastectomy"),
        Bundle("no-test"),
    ]  # fmt: skip


def gastric() -> list[Bundle]:
    """Gastric cancers, where the rules part."""
    return [
        Bundle("gastric-3-plus", "gastric", gender="male").specimen("biopsy", STOMACH_BIOPSY).test(TISSUE_IHC, "3+", specimen="biopsy"),
        Bundle("gastric-2-plus-amplified", "gastric").specimen("biopsy", STOMACH_BIOPSY).test(TISSUE_IHC, "2+", specimen="biopsy").test(RATIO, (2.4, "{ratio}"), specimen="biopsy"),
        Bundle("gastric-0-amplified", "gastric").specimen("resection", GASTRECTOMY).test(TISSUE_IHC, "0", specimen="resection").test(RATIO, (2.6, "{ratio}"), specimen="resection"),
        Bundle("gastric-2-plus-alone", "gastric", gender="male").specimen("biopsy", STOMACH_BIOPSY).test(TISSUE_IHC, "2+", specimen="biopsy"),
    ]  # fmt: skip


def lines() -> str:
    """All bundles as NDJSON."""
    return "".join(json.dumps(bundle.as_json()) + "\n" for bundle in [*breast(), *gastric()])


if __name__ == "__main__":
    Path(__file__).with_name("her2-tests.ndjson").write_text(lines(), encoding="utf-8")
