"""A patient's record: events, sorted, with where each was read. Nothing else is read downstream."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ..facts.value import Reason, Unknown, Value

RECORDED_STATUS = "recorded status"
"""An event's fact where somebody wrote a HER2 status; it is compared, never used as a test."""


HER2_DRUG = "her2_drug_recorded"
"""The fact of an event that shows a HER2-directed therapy without giving a dose of it."""
DOSE_NOT_READ, ORDER_NOT_READ, NOT_KNOWN = "dose not read", "order not read", "drug not known"
DISPENSED, PERFORMED, BILLED, MENTIONED = "dispensed", "performed", "billed", "mentioned"
"""Its values: what stands in the record in place of a dose that could be read."""

IN_PART = "stopped before its end"
"""How the note of a dose begins that was given in part."""

UNMAPPED_TEST = "unmapped test"
"""The kind of a trouble with what is named like a HER2 test and has no code that is known."""
WORDS_ALONE = "words alone"
"""The kind of a trouble with something that was read by its words, for want of a code."""
ZERO_PLUS = "0+ does not say whether the membrane stains"
"""Why the staining of a score 0+ is unknown; a site may say what its laboratory means by it."""
STAINED = "any_membrane_staining"
"""The fact that a score of 0 leaves open."""
STAINING_OPEN = Unknown(Reason.ABSENT, ZERO_PLUS)
"""Its value where the score is 0+ and nothing more is said."""
STATEMENT = "from a statement"
"""How the note of a dose begins that a record only states."""

TOLD, INCOMPLETE = "told", "incomplete"
"""Kinds of troubles of what was passed over: a remark, told as it stands; and something that is not in the source."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing known of a patient: a fact, its value, its day, its specimen and where it stands.

    `specimen` is the reference the record gives, or "" where it gives none. `said` is the record's
    own wording. `amended` marks a report that corrects an earlier one. `product` is the drug of a
    dose or order; `qualifier` its brand, or the method of an LVEF.
    """

    fact: str
    value: Value
    day: dt.date | None
    specimen: str
    origin: str
    said: str = ""
    amended: bool = False
    note: str = ""
    product: str = ""
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Tissue:
    """What a record says of a specimen itself: `kind` biopsy or resection, `place` primary or metastasis, `side`
    left or right."""

    reference: str
    kind: str = ""
    place: str = ""
    day: dt.date | None = None
    side: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something of a record that could not be used: `kind` is a reason, `where` file, line or resource."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(slots=True)
class Record:
    """One patient whole: `events` of HER2 tests, `course` of the therapy and all around it.

    `sites` are the tumour sites that diagnoses and tests name.
    """

    patient: str
    origin: str = ""
    events: list[Event] = field(default_factory=list)
    course: list[Event] = field(default_factory=list)
    tissues: dict[str, Tissue] = field(default_factory=dict)
    sites: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    passed_over: list[Trouble] = field(default_factory=list)

    def sort(self) -> None:
        """Order the events by day, the undated last, and then by what they say, whatever their order in the file."""
        self.events.sort(key=lambda e: (e.day or dt.date.max, e.fact, e.specimen, str(e.value), e.said, e.origin))
        self.course.sort(key=lambda e: (e.day or dt.date.max, e.fact, e.product, str(e.value), e.said, e.origin))
