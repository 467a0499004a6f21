"""The patients of a batch, everybody in it, and the episodes of their courses, as Arrow tables.

The columns are `PATIENTS` and `EPISODES`, documented in docs/output.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...findings.course.columns import CourseFacts
from ...findings.course.words import NOT_KNOWN
from ...findings.patient import Reviewed
from ...findings.plan.verdicts import NOT_KNOWN as OPEN
from ...findings.summary import NO_COURSE, her2_group
from ...history import names as names_of_kinds
from ...history.folds.run import OPENED
from ...record.columns import UNKNOWN, Flags, Whole
from .arrow import WORD, coded, days_of, words_at
from .of_tests import taken

VERSION = "1"
"""Of both schemas, which goes up as that of the findings does."""

OF_FACTS = (
    "product", "schedule", "setting", "therapy_phase", "ihc_score", "hormone_receptor_status", "sex",
    "brand",
)  # fmt: skip
"""Facts told in words."""
NUMBERS = ("age_years", "doses_given", "lvef_baseline", "lvef", "lvef_fall", "hold_count", "weight_kg")
"""Facts told as numbers, in their own units; null where unknown or known in part."""
DAYS = (
    "first_ever", "product_first", "product_last", "lvef", "baseline", "stop", "death", "next_dose", "echo_due",
    "year_end", "contraception_until",
)  # fmt: skip
"""Days of the course, by their names in the state and the clocks."""
PATIENTS = pa.schema(
    [
        ("patient", pa.string()), ("where", pa.string()), ("tumour_site", WORD), ("her2_status", WORD),
        ("her2_possible", WORD), ("her2_expression", WORD), ("her2_rule", pa.string()), ("has_course", pa.bool_()),
        *((name, WORD) for name in OF_FACTS), *((name, pa.float64()) for name in NUMBERS),
        *((f"{name}_day", pa.date32()) for name in DAYS), ("not_read", pa.int32()), ("verdict", WORD),
        ("her2_group", WORD), ("therapy_group", WORD), ("verdict_group", WORD),
    ],
    metadata={"her2path_patients_version": VERSION},
)  # fmt: skip
EPISODES = pa.schema(
    [
        ("patient", pa.string()), ("kind", WORD), ("product", WORD), ("first_day", pa.date32()),
        ("last_day", pa.date32()), ("doses", pa.int32()), ("open", pa.bool_()), ("reason", WORD),
    ],
    metadata={"her2path_episodes_version": VERSION},
)  # fmt: skip


def patients_table(reviewed: Reviewed, names: Any = None) -> Any:
    """Everybody of a batch: HER2, where the course stands, its days, and how much could not be read.

    `names` are the patients as an Arrow array, where somebody has made it already.
    """
    count, kinds, reviews = len(reviewed), reviewed.tested.places, reviewed.tested.reviews
    record, courses = reviewed.record, reviewed.courses
    nothing = np.full(count, UNKNOWN, np.int64)
    mine = np.zeros(count, np.bool_) if courses is None else courses.mine
    not_read = np.zeros(count, np.int32)
    for place, troubles in record.troubles.items():
        not_read[place] = sum(trouble.kind == "unreadable" for trouble in troubles)
    columns: dict[str, Any] = {
        "patient": pa.array(record.patients, pa.string()) if names is None else names,
        "where": words_at(record.wheres, np.arange(count)),
        "tumour_site": coded(kinds, [review.site for review in reviews]),
        "her2_status": coded(kinds, [review.status for review in reviews]),
        "her2_possible": coded(kinds, [" or ".join(review.possible) for review in reviews]),
        "her2_expression": coded(kinds, [review.expression for review in reviews]),
        "her2_rule": taken(reviewed.rules()),
        "has_course": pa.array(mine),
        "not_read": pa.array(not_read),
    }
    told = np.flatnonzero(mine)
    for name in OF_FACTS:
        places, words = np.zeros(count, np.int64), [NOT_KNOWN]
        if courses is not None:
            places[told], words = courses.reasons.words.coded(name, told)
        columns[name] = coded(places, [None if word == NOT_KNOWN else word for word in words])
        if name == "therapy_phase":
            of_course = np.where(mine, places + 1, 0)
            columns["therapy_group"] = coded(of_course, [NO_COURSE, *words])
    places = np.zeros(count, np.int64)
    if courses is not None:
        places[told] = courses.verdict_places()[told] + 1
        verdicts = [*courses.reasons.course.rules.knowledge.facts["verdict"].values]
    listed = [OPEN, *(verdicts if courses is not None else ())]
    columns["verdict"] = coded(places, [None, *listed])
    columns["verdict_group"] = coded(places, [NO_COURSE, *listed])
    columns["her2_group"] = coded(kinds, [her2_group(review) for review in reviews])
    for name in NUMBERS:
        numbers = nothing if courses is None else courses.reasons.course.column(name)
        exact = mine & (numbers > -(2**40))
        columns[name] = pa.array(numbers / 1000, mask=~exact)
    for name in DAYS:
        day = nothing
        if courses is not None:
            course = courses.reasons.course
            day = course.state.get(f"{name}_day", course.clocks.get(f"{name}_day", nothing))
        columns[f"{name}_day"] = days_of(np.where(mine, day, UNKNOWN))
    return pa.table([columns[name] for name in PATIENTS.names], schema=PATIENTS)


@dataclass(frozen=True, slots=True)
class _Episodes:
    """Episodes of one kind as columns: patients, codes of products and of reasons, days, doses, and which are open."""

    patient: Whole
    product: Whole
    first: Whole
    last: Whole
    doses: Whole
    is_open: Flags
    reason: Whole


REASONS = (None, "recorded", "LVEF", "heart failure")
"""Why a hold was opened."""


def episodes_table(reviewed: Reviewed, names: Any = None) -> Any:
    """The episodes of a batch, one a row: the products given, each from first to last dose, and holds for the heart."""
    if reviewed.courses is None:
        return EPISODES.empty_table()
    course, mine = reviewed.courses.reasons.course, reviewed.courses.mine
    owner = reviewed.courses.reasons.sources.owner
    parts = [_products(course, mine, owner), _holds(course, mine, owner)]
    patient, product, first, last, doses, is_open, reason = (
        np.concatenate([getattr(part, name) for part in parts]) for name in _Episodes.__slots__
    )
    kind = np.repeat([0, 1], [len(part.patient) for part in parts])
    order = np.lexsort((first, patient))
    patient, doses = patient[order], doses[order]
    if names is None:
        names = pa.array(reviewed.record.patients, pa.string())
    return pa.table(
        [
            names.take(pa.array(patient)), coded(kind[order], ["product", "hold"]),
            coded(product[order], [*course.rules.codes.products, None]),
            days_of(first[order]), days_of(last[order]), pa.array(doses.astype(np.int32), mask=doses < 0),
            pa.array(is_open[order]), coded(reason[order], REASONS),
        ],
        schema=EPISODES,
    )  # fmt: skip


def _products(course: CourseFacts, mine: Flags, owner: Whole) -> _Episodes:
    """The runs of each product, from first dose to last; a gap as long as ends a course begins another."""
    timeline, codes = course.timeline, course.rules.codes
    places = np.flatnonzero((timeline.kind >= names_of_kinds.DOSE) & (timeline.kind <= names_of_kinds.DOSE_PER_M2))
    patient, drug, day = owner[places], timeline.code[places], timeline.day[places]
    given = (drug < len(codes.products)) & mine[patient] & (day <= course.rules.on.toordinal())
    if not given.all():
        patient, drug, day = patient[given], drug[given], day[given]
    run = patient * len(codes.products) + drug
    if (run[1:] < run[:-1]).any():  # the timeline is in the order of patients and days
        order = np.argsort(run, kind="stable")
        patient, drug, day, run = patient[order], drug[order], day[order], run[order]
    begins = np.ones(len(day), np.bool_)
    begins[1:] = (run[1:] != run[:-1]) | (day[1:] - day[:-1] > codes.numbers.course_break_days)
    another = begins.copy()
    another[1:] |= day[1:] != day[:-1]
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(day))[: len(starts)]
    counted = np.concatenate([[0], np.cumsum(another)])
    patient, drug, last = patient[starts], drug[starts], day[ends - 1]
    phases = course.rules.knowledge.facts["therapy_phase"].values
    going = [phases.index(word) for word in ("on treatment", "on hold")]
    in_hand = (course.values["product"][patient] == drug) & np.isin(course.values["therapy_phase"][patient], going)
    is_open = in_hand & (last == course.state["product_last_day"][patient])
    return _Episodes(patient, drug, day[starts], last, counted[ends] - counted[starts], is_open, np.zeros_like(patient))


def _holds(course: CourseFacts, mine: Flags, owner: Whole) -> _Episodes:
    """The holds for the heart, by the marks that the fold left: one that no event closes is open."""
    timeline = course.timeline
    places = np.flatnonzero(course.holds > 0)
    places = places[mine[owner[places]]]
    opened = np.flatnonzero(course.holds[places] == OPENED)
    patient = owner[places[opened]]
    closing = np.append(places, -1)[opened + 1]
    closed = (closing >= 0) & (owner[closing] == patient) if len(places) else np.zeros(0, np.bool_)
    kind = timeline.kind[places[opened]]
    reason = np.where(kind == names_of_kinds.HOLD, 1, np.where(kind == names_of_kinds.LVEF, 2, 3))
    nothing = np.full(len(opened), -1, np.int64)
    last = np.where(closed, timeline.day[closing], UNKNOWN) if len(places) else nothing
    return _Episodes(patient, nothing, timeline.day[places[opened]], last, nothing, ~closed, reason)
