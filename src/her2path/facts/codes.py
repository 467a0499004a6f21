"""Codes: what each code of each system means, as `knowledge/codes/` lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .cache import kept
from .fact import Facts
from .folder import knowledge_folder
from .markdown import code_names, plain, read_markdown
from .therapy_codes import TherapyCodes, read_therapy_codes

SYSTEMS = {
    "http://loinc.org": "LOINC",
    "https://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": "V3-INTERPRETATION",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
    "https://www.whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://fhir.de/CodeSystem/bfarm/atc": "ATC",
    "http://fhir.de/CodeSystem/dimdi/atc": "ATC",
    "https://smt.esante.gouv.fr/terminologie-atc": "ATC",
    "urn:oid:2.16.578.1.12.4.1.1.7180": "ATC",
    "urn:oid:1.2.246.537.6.32": "ATC",
    "urn:oid:1.2.246.537.6.32.2007": "ATC",
    "https://kip.rkkp.dk/fhir/CodeSystem/ATC": "ATC",
    "https://fhir.ee/CodeSystem/atc": "ATC",
    "https://terminology.eds.aphp.fr/atc": "ATC",
    "http://terminology.hl7.org/CodeSystem/HCPCS": "HCPCS",
    "http://terminology.hl7.org/CodeSystem/hcpcs-Level-II": "HCPCS",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs": "HCPCS",
    "https://www.cms.gov/Medicare/Coding/MedHCPCSGenInfo/index.html": "HCPCS",
    "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes": "HCPCS",
    "urn:oid:2.16.840.1.113883.6.285": "HCPCS",
    "urn:oid:2.16.840.1.113883.6.14": "HCPCS",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "https://github.com/her2path/her2path/fhir/CodeSystem/facts": "HER2PATH",
    "urn:oid:2.16.840.1.113883.6.69": "NDC",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIT",
    "urn:oid:2.16.840.1.113883.3.26.1.1": "NCIT",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "urn:oid:2.16.840.1.113883.6.12": "CPT",
    "urn:ama:cpt": "CPT",
    "http://fdasis.nlm.nih.gov": "UNII",
    "https://gsrs.ncats.nih.gov/ginas/app/beta": "UNII",
    "urn:oid:2.16.840.1.113883.4.9": "UNII",
    "http://standardterms.edqm.eu": "EDQM",
    "urn:oid:0.4.0.127.0.16.1.1.2.1": "EDQM",
}
"""The addresses under which records name a code system. A version after `|` or `/version` is dropped."""
SHORT_NAMES = {
    "rxnorm": "RxNorm", "rxcui": "RxNorm", "atc": "ATC", "who-atc": "ATC", "ndc": "NDC", "hcpcs": "HCPCS",
    "unii": "UNII", "edqm": "EDQM",
}  # fmt: skip
"""The names by which records call a code system of drugs in place of its address, in small letters."""

TELLING = ("ratio", "her2_copies", "cep17_copies", "cells", "ish", "ihc", "overall", "panel")
"""Where one observation carries several codings, the first of these counts."""

Key = tuple[str, str]


@dataclass(slots=True)
class Codes:
    """Meanings by (system, code). `test_sites` are codes that name the organ they test."""

    tests: dict[Key, str] = field(default_factory=dict)
    test_sites: dict[Key, str] = field(default_factory=dict)
    answers: dict[Key, str] = field(default_factory=dict)
    specimens: dict[Key, str] = field(default_factory=dict)
    diagnoses: dict[Key, tuple[str, str]] = field(default_factory=dict)
    therapy: TherapyCodes = field(default_factory=TherapyCodes)

    def diagnosis(self, key: Key) -> tuple[str, str]:
        """The tumour site and the HER2 status a diagnosis claims; "" where it says nothing.

        ICD-10-CM codes are looked up with their longer forms: C50.911 is found under C50.
        """
        system, code = key
        if system != "ICD-10-CM":
            return self.diagnoses.get(key, ("", ""))
        code = code.upper()
        while len(code) >= 3:
            if (system, code) in self.diagnoses:
                return self.diagnoses[system, code]
            code = code[:-1].rstrip(".")
        return "", ""


def system_name(address: Any) -> str:
    """The short name of a code system, or "" for one that is not known or no text."""
    if not address or not isinstance(address, str):
        return ""
    return SYSTEMS.get(address) or _spelt_otherwise(address)


@lru_cache(maxsize=10_000)
def _spelt_otherwise(address: str) -> str:
    """The system of an address with a version, in other letters, with or without `https`, `www.` or `urn:oid:`."""
    bare = address.split("|", maxsplit=1)[0].split("/version/", maxsplit=1)[0]
    return _BY_BARE_ADDRESS.get(_bare(bare)) or SHORT_NAMES.get(bare.strip().lower(), "")


def _bare(address: str) -> str:
    """An address without what is spelt now so, now so."""
    plain = address.strip().lower().rstrip("/")
    for before in ("https://", "http://", "urn:oid:", "www."):
        plain = plain.removeprefix(before)
    return plain


_BY_BARE_ADDRESS = {_bare(address): name for address, name in SYSTEMS.items()}


def read_codes(folder: Path | None = None) -> Codes:
    """The code tables of the knowledge in use, or those in the folder of codes `folder`."""
    return _read_once(folder or knowledge_folder() / "codes")


def codes_of(facts: Facts) -> Codes:
    """The code tables beside some facts; those of the knowledge in use where none stand there."""
    folder = facts.path.parent / "codes"
    return read_codes(folder if folder.is_dir() else None)


@cache
def _read_once(folder: Path) -> Codes:
    return kept("codes", sorted(folder.rglob("*.md")), lambda: _read_codes(folder))


def _read_codes(folder: Path) -> Codes:
    codes = Codes()
    for path in sorted(folder.glob("*.md")):
        for _, grid in read_markdown(path).grids():
            for _, record in grid.records():
                key = (plain(record["system"]), plain(record["code"]))
                if "means" in record:
                    codes.tests[key] = code_names(record["means"])[0]
                    if site := plain(record.get("site", "")):
                        codes.test_sites[key] = site
                elif "answer" in record:
                    codes.answers[key] = code_names(record["answer"])[0]
                elif "kind" in record:
                    codes.specimens[key] = code_names(record["kind"])[0]
                else:
                    codes.diagnoses[key] = (plain(record["site"]), plain(record["her2_status"]))
    codes.therapy = read_therapy_codes(folder / "therapy")
    return codes


def check_digit_holds(system: str, code: str) -> bool:
    """Whether a LOINC or SNOMED CT code carries the right check digit.

    LOINC parts and answers (LP..., LA...) are passed over: the rule of numeric codes does not fit them.
    """
    if system == "LOINC":
        number, dash, digit = code.partition("-")
        if not (dash and number.isdigit() and digit.isdigit()):
            return code[:2] in ("LA", "LP", "LL", "LG")
        return _luhn(number) == int(digit)
    if system == "SNOMED":
        return code.isdigit() and 6 <= len(code) <= 18 and _verhoeff(code)
    return True


def _luhn(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return (10 - total % 10) % 10


_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def _verhoeff(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _D[check][_P[place % 8][int(digit)]]
    return check == 0
