"""What if: one patient reviewed as she is, and as she would be with some events more.

Nothing is stored, and the record is not changed: both are reviewed together, as a batch of two.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace

from ...facts.value import Json
from ...record.event import Event, Record
from ...record.joined import joined
from ..finding import Finding, in_order
from ..patient import Reviewer
from ..reviews import PatientReview


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A patient before and after some events more, reviewed as of the same day `on`.

    `appears` are findings that only the second review has, `goes` those that only the first has, the gravest first;
    `changes` are pairs of findings under one key whose words differ. `stays` counts those that are the same.
    """

    on: dt.date
    events: tuple[Event, ...]
    before: PatientReview
    after: PatientReview
    appears: tuple[Finding, ...]
    goes: tuple[Finding, ...]
    changes: tuple[tuple[Finding, Finding], ...]
    stays: int

    def as_json(self) -> dict[str, Json]:
        """The events, the verdicts and doses before and after, and the findings that make the difference."""
        return {
            "patient": self.before.patient, "on": self.on.isoformat(),
            "events": [
                {
                    "fact": event.fact, "value": str(event.value), "date": event.day.isoformat() if event.day else None,
                    "product": event.product or None, "qualifier": event.qualifier or None,
                }
                for event in self.events
            ],
            "before": _told(self.before), "after": _told(self.after),
            "appears": [finding.as_json() for finding in self.appears],
            "goes": [finding.as_json() for finding in self.goes],
            "changes": [{"before": one.as_json(), "after": other.as_json()} for one, other in self.changes],
            "stays": self.stays,
        }  # fmt: skip


def what_if(reviewer: Reviewer, record: Record, added: Record) -> WhatIf:
    """A patient with what is `added` to her record, beside her as she is.

    Both are reviewed as of the reviewer's day, or of the last day that is added where that is later: what lies after
    the day of a review is not used. `read_said` makes `added` of words.
    """
    reviewer = _as_of(reviewer, added)
    added = _of_her_specimen(record, added)
    together = joined([record, added])
    before, after = reviewer.review_records([record, together])
    return compared(reviewer.settings.on, (*added.events, *added.course), before, after)


def compared(on: dt.date, events: tuple[Event, ...], before: PatientReview, after: PatientReview) -> WhatIf:
    """What differs between two reviews of a patient, of which the second knows some `events` more or is of the later
    day `on`."""
    was, becomes = before.every_finding(), after.every_finding()
    goes, appears = _without(was, becomes), _without(becomes, was)
    changes = _pairs(goes, appears)
    goes = [each for each in goes if not any(each is one for one, _ in changes)]
    appears = [each for each in appears if not any(each is other for _, other in changes)]
    return WhatIf(
        on, events, before, after, tuple(in_order(appears)), tuple(in_order(goes)), tuple(changes),
        len(was) - len(goes) - len(changes),
    )  # fmt: skip


def _of_her_specimen(record: Record, added: Record) -> Record:
    """What is added with each HER2 test that her only specimen lacks as one of that specimen, such as a recount; any
    other test is of a specimen of its own."""
    names, days = {event.specimen for event in record.events}, {event.day for event in record.events}
    if len(names) != 1 or (names == {""} and len(days) != 1):
        return added
    name, present = next(iter(names)), {event.fact for event in record.events}
    events = [
        event if event.specimen or event.fact in present
        else replace(event, specimen=name, day=event.day if name else next(iter(days)))
        for event in added.events
    ]  # fmt: skip
    return replace(added, events=events)


def _as_of(reviewer: Reviewer, added: Record) -> Reviewer:
    """The reviewer, or one of the last day that is added where that is later."""
    days = [event.day for event in (*added.events, *added.course) if event.day is not None]
    last = max(days, default=reviewer.settings.on)
    if last <= reviewer.settings.on:
        return reviewer
    return Reviewer(reviewer.knowledge, replace(reviewer.settings, on=last))


def _what(finding: Finding) -> tuple[int, str, str, str]:
    """What a finding says, wherever in the record it was read."""
    return finding.grade, finding.key or finding.name, finding.words, finding.do


def _without(findings: list[Finding], others: list[Finding]) -> list[Finding]:
    """The findings that are not among the others, each as often as it stands there more."""
    left = Counter(map(_what, others))
    kept = []
    for finding in findings:
        if left[_what(finding)]:
            left[_what(finding)] -= 1
        else:
            kept.append(finding)
    return kept


def _pairs(goes: list[Finding], appears: list[Finding]) -> list[tuple[Finding, Finding]]:
    """Findings of one grade and key of which only the words differ."""
    pairs = []
    left = list(appears)
    for one in goes:
        same = (one.grade, one.key or one.name)
        for other in left:
            if (other.grade, other.key or other.name) == same:
                pairs.append((one, other))
                left.remove(other)
                break
    return pairs


def _told(review: PatientReview) -> dict[str, Json]:
    """The verdicts and the plan of a review, and HER2."""
    course = review.course
    return {
        "her2_status": review.status,
        "verdicts": [verdict.as_json() for verdict in course.verdicts] if course is not None else [],
        "plan": [item.as_json() for item in course.plan] if course is not None else [],
    }


__all__ = ["WhatIf", "compared", "what_if"]
