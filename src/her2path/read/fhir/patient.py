"""One patient's resources as a record: events of HER2 tests and of the course, specimens, sites and troubles."""

from __future__ import annotations

import re
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.fact import Facts
from ...record.event import RECORDED_STATUS, Event, Record, Tissue, Trouble
from .answer import codings_of, text_of
from .head import Concept, Head
from .her2_test import read_day, read_observation, specimen_name
from .interest import COURSE, HER2
from .json import parse_strictly
from .skim import Group, Resource
from .therapy import Course

UNTRUE = ("refuted", "entered-in-error")
DENIED = re.compile(r"\b(?:no|non|not|without|negative for|free of)\b[\s-]*(?:\w+[\s-]+){0,2}?metasta")
WRONG_TYPES = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError)


def read_record(group: Group, codes: Codes, facts: Facts) -> Record:
    """The record of one patient: events of HER2 tests and of the course, specimens, tumour sites and troubles."""
    record = Record(group.patient, group.where)
    course = Course(record, group, codes, facts)
    for resource in group.resources:
        kind = resource.head.resourceType
        origin = f"{resource.where} {kind}/{resource.head.id or '?'}"
        try:
            if kind == "Condition" and resource.head.code is not None:
                _diagnosis(record, resource.head, origin, codes)
            if kind in ("Observation", "Specimen") and resource.matters & HER2:
                content = parse_strictly(resource.raw)
                if kind == "Specimen":
                    _tissue(record, content, resource, codes)
                    continue
                _observation(record, content, origin, codes, facts)
                if resource.matters & COURSE:
                    course.read(resource, origin, content)
            elif resource.matters & COURSE:
                course.read(resource, origin)
        except WRONG_TYPES as error:
            what = str(error) if isinstance(error, ValueError) else f"a field has a wrong type ({error})"
            record.troubles.append(Trouble("unreadable", origin, what))
    course.finish()
    record.sort()
    return record


def _observation(record: Record, content: dict[str, Any], origin: str, codes: Codes, facts: Facts) -> None:
    for found in read_observation(content, origin, codes, facts):
        if isinstance(found, Event):
            record.events.append(found)
        elif found.kind == "passed over":
            record.passed_over.append(found)
        else:
            record.troubles.append(found)
    for coding in codings_of(content.get("code")):
        if site := codes.test_sites.get((system_name(coding.get("system")), str(coding.get("code")))):
            record.sites.add(site)


def _diagnosis(record: Record, head: Head, origin: str, codes: Codes) -> None:
    if head.code is None or any(c.code in UNTRUE for c in (head.verificationStatus or Concept()).coding):
        return
    for coding in head.code.coding:
        site, status = codes.diagnosis((system_name(coding.system), coding.code or ""))
        if site:
            record.sites.add(site)
        if status:
            said = coding.display or coding.code or ""
            record.events.append(Event(RECORDED_STATUS, status, None, "", origin, said, note="diagnosis"))


def _tissue(record: Record, content: dict[str, Any], resource: Resource, codes: Codes) -> None:
    collection = content.get("collection")
    collection = collection if isinstance(collection, dict) else {}
    kind, texts = "", []
    for concept in (content.get("type"), collection.get("method"), collection.get("bodySite")):
        texts.append(text_of(concept))
        for coding in codings_of(concept):
            kind = kind or codes.specimens.get((system_name(coding.get("system")), str(coding.get("code"))), "")
            texts.append(str(coding.get("display") or ""))
    words = " ".join(texts).lower()
    if not kind:
        kind = "biopsy" if "biops" in words and "excision" not in words else ""
        kind = kind or ("resection" if any(w in words for w in ("mastectomy", "gastrectomy", "resection")) else "")
    place = "metastasis" if "metasta" in words and not DENIED.search(words) else ""
    place = place or ("primary" if "primary" in words else "")
    day, _ = read_day({"effectiveDateTime": collection.get("collectedDateTime") or content.get("receivedTime")})
    for reference in (f"Specimen/{resource.head.id}" if resource.head.id else "", resource.url):
        if name := specimen_name(reference):
            record.tissues[name] = Tissue(name, kind, place, day)
