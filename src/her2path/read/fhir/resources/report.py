"""A DiagnosticReport: the observations it contains, and its conclusion, coded or in words.

Observations that it names by reference stand in the source by themselves and are read there. A sentence of a conclusion
counts where it is understood as a whole; one that speaks of HER2, the ejection fraction or heart failure and is not
understood is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ....facts.codes import system_name
from ....facts.value import Reason, Unknown
from ....record.event import RECORDED_STATUS, UNMAPPED_TEST, WORDS_ALONE, Event, Trouble
from ...coding import coded_of, text_alone
from ..answer import Answer, codings_of
from ..head import Coding, Concept, Head
from ..her2_values import read_values
from ..resource import VOID, Resource, ResourceType, Surroundings, TumourSite
from ..terms import BY_NAME, COURSE, HER2, NOTHING, Meaning, Terms
from .background import read_stated
from .her2_test import (
    EFFECTIVE_DAYS,
    FALLBACK_DAYS,
    FINAL,
    UNREAD,
    by_status,
    meaning,
    read_day,
    read_observation,
    specimen_name,
)
from .measurement import read_clinical, value_of

_SENTENCE = re.compile(r"(?<=[.!?])\s+|[\r\n]+")
_DATES = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")
IN_WORDS = {"lvef": BY_NAME["lvef"], "heart_failure": "heart failure"}
Said = Iterator[Event | Trouble | TumourSite]


class ReportHead(Head, gc=False):
    """The head of a report."""

    conclusion: str | None = None
    conclusionCode: list[Concept] | None = None
    contained: list[msgspec.Raw] | None = None


def _matters(head: ReportHead, terms: Terms) -> int:
    matters = terms.measured(head.code) if head.code is not None else NOTHING
    if head.conclusion:
        named = terms.codes.names.named(head.conclusion, ("her2", *IN_WORDS))
        matters |= (HER2 if "her2" in named else NOTHING) | (COURSE if set(named) - {"her2"} else NOTHING)
    for concept in head.conclusionCode or ():
        matters |= HER2 | (COURSE if terms.claims(concept, by_name=True) else NOTHING)
    return matters | (HER2 | COURSE if _holds_observation(head) else NOTHING)


def _holds_observation(head: ReportHead) -> bool:
    return any(b'"Observation"' in bytes(raw) for raw in head.contained or ())


def _observations(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The contained observations, with the day, the specimen and the status of the report where they have none."""
    contained = report.get("contained")
    shared = {name: report[name] for name in _DATES if name in report}
    specimens = report.get("specimen")
    if isinstance(specimens, list) and len(specimens) == 1:
        shared["specimen"] = specimens[0]
    for each in contained if isinstance(contained, list) else ():
        if isinstance(each, dict) and each.get("resourceType") == "Observation":
            own = shared if not any(name in each for name in _DATES) else {"specimen": shared.get("specimen")}
            status = report.get("status")
            made = {"status": status, **own, **each}
            if status not in FINAL:  # a report that is preliminary or void says no more by its parts
                made["status"] = status
            yield made


def _read_tests(resource: Resource, beside: Surroundings) -> Said:
    report, origin = resource.parsed(), resource.origin
    for observation in _observations(report):
        yield from read_observation(observation, origin, beside.codes, beside.facts)
        for coding in codings_of(observation.get("code")):
            key = (system_name(coding.get("system")), str(coding.get("code")))
            if site := beside.codes.test_sites.get(key):
                yield TumourSite(site)
    if report.get("status") in VOID:
        yield Trouble("passed over", origin, f"status {report.get('status')}")
        return
    yield from _diagnoses(report, origin, beside)
    yield from _conclusion_of_test(report, origin, beside)


def _diagnoses(report: Mapping[str, Any], origin: str, beside: Surroundings) -> Said:
    """The organ and the HER2 status that coded conclusions name as a diagnosis."""
    for concept in _concepts(report):
        for coding in codings_of(concept):
            site, status = beside.codes.diagnosis((system_name(coding.get("system")), str(coding.get("code", ""))))
            if site:
                yield TumourSite(site)
            if status:
                words = str(coding.get("display") or coding.get("code"))
                yield Event(RECORDED_STATUS, status, None, "", origin, words, note="diagnosis")


def _concepts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    concepts = report.get("conclusionCode")
    return [each for each in concepts if isinstance(each, dict)] if isinstance(concepts, list) else []


def _conclusion_of_test(report: Mapping[str, Any], origin: str, beside: Surroundings) -> Said:
    """A conclusion under the code of a HER2 test, or one in words that speaks of HER2."""
    means, _ = meaning(report.get("code"), beside.codes)
    is_test = bool(means) and means not in (*UNREAD, "panel", "contradictory", "cells")
    answers = [
        concept for concept in _concepts(report)
        if any(
            (system_name(coding.get("system")), str(coding.get("code", ""))) in beside.codes.answers
            for coding in codings_of(concept)
        )
    ]  # fmt: skip
    if is_test and answers:
        merged = {"coding": [coding for concept in answers for coding in codings_of(concept)]}
        made = {name: report[name] for name in ("status", "code", *_DATES) if name in report}
        first = next(iter(report.get("specimen") or ()), None)
        yield from read_observation(
            {**made, "specimen": first, "valueCodeableConcept": merged}, origin, beside.codes, beside.facts
        )
    words = report.get("conclusion")
    for sentence in _sentences(words):
        if not is_test and not beside.codes.names.named(sentence, ("her2",)):
            continue
        read = read_values(means if is_test else "overall", Answer(words=sentence), beside.facts, None)
        if all(isinstance(value, Unknown) and value.reason is Reason.UNPARSABLE_TEXT for _, value, _ in read):
            if beside.codes.names.named(sentence, ("her2",)):
                what = f"the conclusion of a report speaks of HER2 and is not understood: {sentence[:120]!r}"
                yield Trouble(UNMAPPED_TEST, origin, what)
            continue
        day, _ = read_day(report)
        for name, value, note in read:
            told = "; ".join(filter(None, ("from the conclusion of a report", note)))
            yield Event(
                name, by_status(value, report.get("status")), day, _specimen(report), origin, sentence,
                report.get("status") in FINAL[1:], told,
            )  # fmt: skip


def _sentences(words: Any) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(words) if part.strip()] if isinstance(words, str) else []


def _specimen(report: Mapping[str, Any]) -> str:
    specimens = report.get("specimen")
    only = specimens[0] if isinstance(specimens, list) and len(specimens) == 1 else None
    named = only.get("reference") if isinstance(only, dict) else None
    return specimen_name(named) if isinstance(named, str) else ""


def _read_course(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble]:
    report, origin = resource.parsed(), resource.origin
    for observation in _observations(report):
        meanings = [_meaning(observation, beside.terms)]
        parts = observation.get("component")
        meanings += [_meaning(part, beside.terms) for part in parts if isinstance(part, dict)] if parts else []
        yield from read_clinical(observation, meanings, origin, beside.codes, beside.facts, beside.terms.read_values)
    if report.get("status") in VOID:
        return
    day, trouble = read_day(report)
    for concept in _concepts(report):
        yield from read_stated(concept, (day, trouble), origin, beside.codes, beside.facts)
    has_results = bool(report.get("result")) or any(True for _ in _observations(report))
    for sentence in _sentences(report.get("conclusion")):
        for fact in beside.codes.names.named(sentence, tuple(IN_WORDS)):
            value, _ = value_of(fact, Answer(words=sentence.rstrip(".")), {}, beside.codes, beside.facts)
            what = f"the conclusion of a report speaks of {IN_WORDS[fact]}: {sentence[:120]!r}"
            if isinstance(value, Unknown) and has_results and fact == "lvef":
                yield Trouble(WORDS_ALONE, origin, f"{what}; its results are read, its words are not")
                continue
            if isinstance(value, Unknown):
                value = Unknown(Reason.UNPARSABLE_TEXT, what)
            counted = by_status(value, report.get("status"))
            method = "unspecified" if fact == "lvef" else ""
            yield Event(fact, counted, day, "", origin, sentence, False, "from the conclusion of a report", "", method)


def _meaning(part: Mapping[str, Any], terms: Terms) -> Meaning:
    code = part.get("code")
    text = code.get("text") if isinstance(code, dict) else None
    codings = [Coding(*coded) for coded in coded_of(codings_of(code))]
    return terms.meaning(Concept(codings, text_alone(text)))


REPORT = ResourceType(
    name="DiagnosticReport",
    matters=_matters,
    read_tests=_read_tests,
    read_course=_read_course,
    head=ReportHead,
    days=EFFECTIVE_DAYS,
    fallback_days=FALLBACK_DAYS,
    words=("specimen.*.reference",),
    as_it_stands=("contained.",),
    reads_inside=("Observation",),
)
