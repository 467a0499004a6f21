"""One outcome for every patient of a source: her events are folded as a review folds them, and her facts are decided.

A review asks an outcome of those whom it concerns; here it is asked of everybody, as `decide` asks it of a row.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..facts.problem import AskedWrongly
from ..findings.course.review import Courses, review_courses
from ..findings.patient import Reviewed, Reviewer
from ..findings.reviews import PatientReview
from ..findings.settings import Settings
from ..record.event import Trouble
from ..tables.decision import Decision, decide_in
from ..tables.library import Knowledge
from .review import Progress, processes_for, review_parts

STATUS = "her2_status"


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of an outcome for one patient: its value, `None` while undetermined; what else it may be; why."""

    value: str | None
    possible: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    would_settle: str = ""
    edition: str | None = None

    @property
    def words(self) -> str:
        """The value, or what is still possible."""
        if self.value is not None:
            return self.value
        return f"undetermined ({' or '.join(self.possible)})" if self.possible else "undetermined"


def is_of_tests(outcome: str, knowledge: Knowledge) -> bool:
    """Whether the editions that decide an outcome are those of HER2 tests, which decide specimens."""
    able = [e for e in knowledge.editions if not e.supplement and outcome in knowledge.tables_of(e)]
    return bool(able) and all(STATUS in knowledge.tables_of(edition) for edition in able)


def require_outcome(outcome: str, knowledge: Knowledge) -> None:
    """Raise `AskedWrongly` where no table decides an outcome, with the nearest that one does."""
    decided = sorted({name for edition in knowledge.editions for name in edition.tables})
    if outcome not in decided:
        near = difflib.get_close_matches(outcome, decided, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; her2path show lists what is decided"
        raise AskedWrongly(f"no table decides {outcome!r}{hint}")


class Deciding:
    """Decides one outcome for the patients of reviewed batches; what is alike is put in words once."""

    def __init__(self, outcome: str, knowledge: Knowledge, settings: Settings) -> None:
        require_outcome(outcome, knowledge)
        self.outcome = outcome
        self.reviewer = Reviewer(knowledge, settings)
        self.of_tests = is_of_tests(outcome, self.reviewer.knowledge)
        self._told: dict[tuple[int, int], Said] = {}

    def of(self, reviewed: Reviewed) -> list[tuple[str, Said]]:
        """Each patient of a batch with what is said of her."""
        said = self.said_of_tests(reviewed) if self.of_tests else self.said_of_courses(reviewed)
        return [*zip(map(str, reviewed.record.patients), said, strict=True)]

    def said_of_tests(self, reviewed: Reviewed) -> list[Said]:
        """What the specimen that speaks for each patient says; patients with tests alike are decided once."""
        of_kinds = [self._of_kind(kind.review) for kind in reviewed.tested.kinds]
        return [of_kinds[place] for place in reviewed.tested.places.tolist()]

    def _of_kind(self, review: PatientReview) -> Said:
        speaker, knowledge = review.speaker, self.reviewer.knowledge
        if speaker is None:
            return Said(review.status, review.possible) if self.outcome == STATUS else Said(None)
        if self.outcome == STATUS:
            said = _said(speaker.status)
            return Said(review.status, review.possible, said.rows, said.would_settle, said.edition)
        edition = speaker.status.edition
        if self.outcome not in knowledge.tables_of(edition):
            return Said(None)
        return _said(decide_in(self.outcome, speaker.status.given, knowledge, edition))

    def said_of_courses(self, reviewed: Reviewed) -> list[Said]:
        """What the facts of each patient's course say on the day of the review."""
        count = len(reviewed)
        if not count or not len(reviewed.record.day):
            return [Said(None)] * count
        courses = reviewed.courses
        if courses is None:
            courses = review_courses(reviewed.record, self.reviewer.rules, reviewed.tested.columns)
        said = [self._unasked(courses, patient) for patient in range(count)]
        for answers in courses.reasons.asker.answers_of(self.outcome, np.arange(count), self.outcome, {}):
            boxes = answers.boxes.tolist()
            for place, patient in enumerate(answers.asked.tolist()):
                key = (id(answers.edition), boxes[place])
                told = self._told.get(key) if boxes[place] >= 0 else None
                if told is None:
                    told = _said(courses.reasons.decision(answers, place))
                    if boxes[place] >= 0:
                        self._told[key] = told
                said[patient] = told
        return said

    def _unasked(self, courses: Courses, patient: int) -> Said:
        """Of a patient for whom no edition could be chosen: which fact would choose one."""
        facts = courses.reasons.asker.facts
        scopes = self.reviewer.rules.scopes_of(self.outcome)
        unknown = [name for name in scopes if name not in facts or facts[name][patient] < 0]
        return Said(None, would_settle=" and ".join(unknown))


def _said(decision: Decision) -> Said:
    settling = " or ".join(" and ".join(names) for names in decision.would_settle)
    possible = decision.possible if decision.value is None else ()
    return Said(decision.value, possible, tuple(decision.rows), settling, decision.edition.key)


def decide_patients(
    outcome: str, path: Path, knowledge: Knowledge, settings: Settings, columns: Mapping[str, str] | None = None,
    *, processes: int | None = None, progress: Progress | None = None, told: Callable[[Trouble], object] = str,
) -> pa.Table:  # fmt: skip
    """One outcome for every patient of a source, a row each, in its order.

    The columns are `patient`, the outcome (null where it is undetermined), `<outcome>.rows`, `.would_settle` and
    `.edition`, all strings. `told` is given what could not be read. Raises `AskedWrongly`.
    """
    deciding = Deciding(outcome, knowledge, settings)
    patients: list[str] = []
    said: list[Said] = []
    for name, each in _all(deciding, path, knowledge, settings, columns, processes, progress, told):
        patients.append(name)
        said.append(each)
    listed = {
        "patient": patients,
        outcome: [each.value for each in said],
        f"{outcome}.rows": ["; ".join(each.rows) for each in said],
        f"{outcome}.would_settle": [each.would_settle for each in said],
        f"{outcome}.edition": [each.edition for each in said],
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in listed.items()})


def _all(
    deciding: Deciding, path: Path, knowledge: Knowledge, settings: Settings, columns: Mapping[str, str] | None,
    processes: int | None, progress: Progress | None, told: Callable[[Trouble], object],
) -> Iterator[tuple[str, Said]]:  # fmt: skip
    for part in review_parts(
        path, knowledge, settings, deciding.of,
        processes=processes or processes_for(path), progress=progress, columns=columns,
    ):  # fmt: skip
        for item in part.items:
            if isinstance(item, Trouble):
                told(item)
            else:
                yield from item
