"""The review of patients: HER2 tests, course, findings and plan; one patient is a batch of one.

A batch becomes rows of findings; words, plan and regimens of one patient are made on request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..facts.mapping.entries import SiteMapping
from ..history.folds.run import load_compiled
from ..history.names import YES
from ..record.columns import Flags, RecordColumns, columns_of, tests_in_order
from ..record.event import Record
from ..tables.library import Knowledge
from .course.review import Courses, is_treated, review_courses
from .course.rules import Rules
from .plan.items import plan_of
from .plan.regimens import regimens_of
from .plan.verdicts import verdicts_of
from .reviews import CourseReview, PatientReview
from .rows import FindingRows
from .settings import Carried, Settings
from .specimen.kinds import Kinds, Tested
from .specimen.review import OTHER, SpecimenReviewer
from .specimen.rows import Pooled, SpecimenRows, ToldTests

__all__ = ["OTHER", "Reviewed", "Reviewer", "Settings"]


class Reviewed:
    """A batch that was reviewed: rows of findings for all, and the whole review of each patient on request."""

    def __init__(self, reviewer: Reviewer, record: RecordColumns, tested: Tested, courses: Courses | None) -> None:
        self.record, self.tested, self.courses = record, tested, courses
        self._reviewer = reviewer
        self._rows: list[FindingRows] | None = None
        self._told: ToldTests | None = None

    @property
    def mapping(self) -> SiteMapping | None:
        """The mapping of the site by which the batch was read."""
        return self._reviewer.settings.at.mapping

    @property
    def carried(self) -> Carried:
        """What columns that no rule reads say of the patients."""
        return self._reviewer.settings.carried

    def __len__(self) -> int:
        return len(self.record)

    def __iter__(self) -> Iterator[PatientReview]:
        return (self.patient(place) for place in range(len(self)))

    def rows(self) -> list[FindingRows]:
        """Every finding of the batch: those of the tests, and those of the courses."""
        if self._rows is None:
            self._rows = [*self._tests().findings(), *(self.courses.rows if self.courses else ())]
        return self._rows

    def specimens(self) -> SpecimenRows:
        """The specimens of the batch, with the decisions on each."""
        return self._tests().specimens()

    def rules(self) -> Pooled:
        """By which rule the specimens of each patient came to her status."""
        return self._tests().rules()

    def _tests(self) -> ToldTests:
        if self._told is None:
            self._told = self._reviewer.kinds.told(self.record, self.tested)
        return self._told

    def patient(self, place: int, with_regimens: bool = True) -> PatientReview:
        """Everything that is said of one patient; the regimens that fit only where they are asked for."""
        kind = int(self.tested.places[place])
        if self.tested.speakers[kind] == place:
            review = self.tested.kinds[kind].review
        else:
            tests = self.record.record(place, tests_only=True)
            review = self._reviewer.specimens.review(tests, self.tested.arounds.of(place))
        carried = self.carried
        if carried.names:
            review.carried = dict(zip(carried.names, carried.row(review.patient), strict=True))
        if self.courses is not None and self.courses.mine[place]:
            standing = self.courses.standing(place)
            plan, findings = plan_of(standing), self.courses.findings(place)
            verdicts = verdicts_of(standing, plan)
            withheld = any(verdict.verdict in ("STOP", "HOLD") for verdict in verdicts)
            regimens = [] if withheld or not with_regimens else regimens_of(standing)
            review.course = CourseReview(standing, findings, plan, regimens, verdicts)
        return review


class Reviewer:
    """Reviews batches of records by one knowledge and one set of settings."""

    def __init__(self, knowledge: Knowledge, settings: Settings) -> None:
        self.knowledge = knowledge = knowledge.with_editions(settings.at.own_editions)
        self.settings = settings
        self.specimens = SpecimenReviewer(knowledge, settings)
        self.kinds = Kinds(self.specimens)
        self._rules: Rules | None = None

    @property
    def rules(self) -> Rules:
        """The rules of the courses."""
        if self._rules is None:
            settings = self.settings
            self._rules = Rules(self.knowledge, settings.at, settings.on, settings.jurisdiction)
        return self._rules

    def load_compiled(self) -> None:
        """Load all that processes to be forked would load anew each."""
        load_compiled(self.rules.heart_tables, self.rules.codes)

    def review(self, record: Record) -> PatientReview:
        """Everything the tables say of one record; one that holds HER2 tests alone needs no columns."""
        if not record.course:
            return self.specimens.review(tests_in_order(record))
        return self.review_columns(columns_of([record])).patient(0)

    def review_records(self, records: Iterable[Record]) -> Reviewed:
        """Review records of events together."""
        return self.review_columns(columns_of(records))

    def review_columns(self, record: RecordColumns) -> Reviewed:
        """Review a batch of records, as known on the day of the review."""
        tested = self.kinds.review(record)
        if not self.settings.courses or not len(record.day):
            return Reviewed(self, record, tested, None)
        mine = self._whose(record, tested)
        courses = review_courses(record, self.rules, tested.columns, mine) if mine.any() else None
        return Reviewed(self, record, tested, courses)

    def _whose(self, record: RecordColumns, tested: Tested) -> Flags:
        """Whose course is told: who has a HER2-directed drug, whatever the organ, or a tumour that asks for one."""
        facts = self.knowledge.facts
        status, classes = facts["her2_status"].values, facts["her2_expression"].values
        mine = is_treated(record, self.rules) | (tested.columns["her2_status"] == status.index("positive"))
        mine |= tested.columns["her2_by_label_alone"] == YES
        for low in ("low", "ultralow"):
            mine |= tested.columns["her2_expression"] == classes.index(low)
        forms = record.forms()
        tests = forms.having(np.array(record.is_test, np.bool_)[forms.fact])
        of_course = np.diff(record.starts) > np.bincount(record.owner()[tests], minlength=len(record))
        whose: Flags = mine & of_course
        return whose
