"""What a review says of one patient: her specimens, her course, and everything found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..facts.value import Value
from ..tables.decision import Decision
from .course.standing import Standing
from .finding import Finding
from .plan.items import PlanItem
from .plan.regimens import Fitting
from .plan.verdicts import Verdict


@dataclass(slots=True)
class CourseReview:
    """What is said of a patient's course: where it stands, findings, plan, verdicts, the regimens that fit."""

    standing: Standing
    findings: list[Finding] = field(default_factory=list)
    plan: list[PlanItem] = field(default_factory=list)
    regimens: list[Fitting] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(slots=True)
class SpecimenReview:
    """What the tables say of one specimen, with the tests that were used."""

    name: str
    day: str
    kind: str
    place: str
    tests: list[tuple[str, str, str]]
    status: Decision
    expression: Decision | None
    next_step: Decision | None
    findings: list[Finding] = field(default_factory=list)
    side: str = ""
    by_label_alone: str | None = "no"


@dataclass(slots=True)
class PatientReview:
    """A patient's specimens, her status, and everything found on the way; `unread` resources could not be read.

    `recorded` is a HER2 status that no test carries, since `recorded_day`; `unknown_tests` says that tests or a
    status are recorded that could not be read. `change` says how other specimens stand to the one that speaks for her
    (a value of `her2_change`), `score` is its IHC score, `by_label_alone` says whether it is positive by the
    label of trastuzumab alone. `course` is the review of her therapy; `None` where nothing of
    one is recorded.
    """

    patient: str
    where: str
    site: str
    specimens: list[SpecimenReview]
    status: str | None
    possible: tuple[str, ...]
    expression: str | None
    rule: str
    findings: list[Finding] = field(default_factory=list)
    unread: int = 0
    course: CourseReview | None = None
    recorded: str = ""
    recorded_day: str = ""
    unknown_tests: bool = False
    change: str = "none"
    score: Value | None = None
    by_label_alone: str | None = "no"
    speaker: SpecimenReview | None = field(default=None, repr=False, compare=False)
    """The specimen that speaks for her."""
    carried: Mapping[str, str] = field(default_factory=dict)
    """What columns that nobody reads say of her, by their names, where they are to be carried to the outputs."""

    @property
    def has_tests(self) -> bool:
        return bool(self.specimens)

    def every_finding(self) -> list[Finding]:
        """Every finding: of the record, of each specimen, of the course."""
        of_specimens = [finding for specimen in self.specimens for finding in specimen.findings]
        return [*self.findings, *of_specimens, *(self.course.findings if self.course is not None else ())]
