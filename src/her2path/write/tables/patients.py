"""The patients of a batch, everybody in it, and the episodes of their courses, as Arrow tables.

The columns are `PATIENTS` and `EPISODES`, documented in docs/output.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.days import EPOCH
from ...findings.course.facts import CourseFacts
from ...findings.patient import Reviewed
from ...history import names as names_of_kinds
from ...history.folds.run import OPENED
from ...record.columns import UNKNOWN, Flags, Whole

VERSION = "1"
"""Of both schemas, which goes up as that of the findings does."""

_WORD = pa.dictionary(pa.int32(), pa.string())
OF_FACTS = (
    "product", "schedule", "setting", "therapy_phase", "her2_expression", "ihc_score", "hormone_receptor_status", "sex",
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
        ("patient", pa.string()), ("where", pa.string()), ("tumour_site", _WORD), ("her2_status", _WORD),
        ("her2_possible", _WORD), ("has_course", pa.bool_()),
        *((name, _WORD) for name in OF_FACTS), *((name, pa.float64()) for name in NUMBERS),
        *((f"{name}_day", pa.date32()) for name in DAYS), ("not_read", pa.int32()),
    ],
    metadata={"her2path_patients_version": VERSION},
)  # fmt: skip
EPISODES = pa.schema(
    [
        ("patient", pa.string()), ("kind", _WORD), ("product", _WORD), ("first_day", pa.date32()),
        ("last_day", pa.date32()), ("doses", pa.int32()), ("open", pa.bool_()), ("reason", _WORD),
    ],
    metadata={"her2path_episodes_version": VERSION},
)  # fmt: skip


def _words(words: list[str | None]) -> Any:
    return pa.array(words, pa.string()).dictionary_encode().cast(_WORD)


def _days(column: Whole) -> Any:
    return pa.array((np.where(column < 1, EPOCH, column) - EPOCH).astype(np.int32), mask=column < 1).cast(pa.date32())


def patients_table(reviewed: Reviewed) -> Any:
    """Everybody of a batch: HER2, where the course stands, its days, and how much could not be read."""
    count, kinds = len(reviewed), reviewed.tested.places.tolist()
    reviews = reviewed.tested.reviews
    record, courses = reviewed.record, reviewed.courses
    nothing = np.full(count, UNKNOWN, np.int64)
    mine = np.zeros(count, np.bool_) if courses is None else courses.mine
    columns: dict[str, Any] = {
        "patient": pa.array(record.patients, pa.string()),
        "where": pa.array([record.wheres[place] for place in range(count)], pa.string()),
        "tumour_site": _words([reviews[kind].site for kind in kinds]),
        "her2_status": _words([reviews[kind].status for kind in kinds]),
        "her2_possible": _words([" or ".join(reviews[kind].possible) for kind in kinds]),
        "has_course": pa.array(mine),
        "not_read": pa.array(
            [sum(each.kind == "unreadable" for each in record.troubles.get(place, ())) for place in range(count)],
            pa.int32(),
        ),
    }
    told = np.flatnonzero(mine)
    for name in OF_FACTS:
        words: list[str | None] = [None] * count
        if courses is not None:
            for place, word in zip(told.tolist(), courses.reasons.words.column(name, told), strict=True):
                words[place] = None if word == "unknown" else word
        columns[name] = _words(words)
    for name in NUMBERS:
        numbers = nothing if courses is None else courses.reasons.course.column(name)
        exact = mine & (numbers > -(2**40))
        columns[name] = pa.array(np.where(exact, numbers, 0) / 1000, mask=~exact)
    for name in DAYS:
        day = nothing
        if courses is not None:
            course = courses.reasons.course
            day = course.state.get(f"{name}_day", course.clocks.get(f"{name}_day", nothing))
        columns[f"{name}_day"] = _days(np.where(mine, day, UNKNOWN))
    return pa.table([columns[name] for name in PATIENTS.names], schema=PATIENTS)


def episodes_table(reviewed: Reviewed) -> Any:
    """The episodes of a batch, one a row: the products given, each from first to last dose, and holds for the heart."""
    if reviewed.courses is None:
        return EPISODES.empty_table()
    course, mine = reviewed.courses.reasons.course, reviewed.courses.mine
    parts = [_products(course, mine), _holds(course, mine)]
    names = ("patient", "kind", "product", "first", "last", "doses", "open", "reason")
    columns = {name: [value for part in parts for value in part[name]] for name in names}
    order = np.lexsort((columns["first"], columns["patient"])) if columns["patient"] else np.zeros(0, np.int64)
    patients = np.array(columns["patient"], np.int64)
    table = pa.table(
        [
            pa.array(reviewed.record.patients, pa.string()).take(pa.array(patients)),
            _words(columns["kind"]), _words(columns["product"]),
            _days(np.array(columns["first"], np.int64)), _days(np.array(columns["last"], np.int64)),
            pa.array(columns["doses"], pa.int32()), pa.array(columns["open"], pa.bool_()), _words(columns["reason"]),
        ],
        schema=EPISODES,
    )  # fmt: skip
    return table.take(pa.array(order))


def _empty() -> dict[str, list[Any]]:
    return {name: [] for name in ("patient", "kind", "product", "first", "last", "doses", "open", "reason")}


def _products(course: CourseFacts, mine: Flags) -> dict[str, list[Any]]:
    """The runs of each product, from first dose to last; a gap as long as ends a course begins another."""
    part, timeline, codes = _empty(), course.timeline, course.rules.codes
    owner = course.record.owner()[timeline.rows]
    given = (timeline.kind >= names_of_kinds.DOSE) & (timeline.kind <= names_of_kinds.DOSE_PER_M2)
    given &= (timeline.code < len(codes.products)) & mine[owner] & (timeline.day <= course.rules.on.toordinal())
    places = np.flatnonzero(given)
    order = places[np.lexsort((timeline.day[places], timeline.code[places], owner[places]))]
    patient, drug, day = owner[order], timeline.code[order], timeline.day[order]
    if not len(order):
        return part
    begins = np.ones(len(order), np.bool_)
    gap = day[1:] - day[:-1] > codes.numbers.course_break_days
    begins[1:] = (patient[1:] != patient[:-1]) | (drug[1:] != drug[:-1]) | gap
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(order))
    newday = np.ones(len(order), np.bool_)
    newday[1:] = begins[1:] | (day[1:] != day[:-1])
    doses = np.add.reduceat(newday.astype(np.int64), starts)
    going = course.values["therapy_phase"]
    facts = course.rules.knowledge.facts
    on_treatment = [facts["therapy_phase"].values.index(word) for word in ("on treatment", "on hold")]
    in_hand = (course.values["product"][patient[starts]] == drug[starts]) & np.isin(
        going[patient[starts]], on_treatment
    )
    last = day[ends - 1] == course.state["product_last_day"][patient[starts]]
    part["patient"] = patient[starts].tolist()
    part["kind"] = ["product"] * len(starts)
    part["product"] = [codes.products[code] for code in drug[starts].tolist()]
    part["first"], part["last"], part["doses"] = day[starts].tolist(), day[ends - 1].tolist(), doses.tolist()
    part["open"] = (in_hand & last).tolist()
    part["reason"] = [None] * len(starts)
    return part


def _holds(course: CourseFacts, mine: Flags) -> dict[str, list[Any]]:
    """The holds for the heart, by the marks that the fold left: one that no event closes is open."""
    part, timeline = _empty(), course.timeline
    owner = course.record.owner()[timeline.rows]
    places = np.flatnonzero((course.holds > 0) & mine[owner])
    for number, place in enumerate(places.tolist()):
        if course.holds[place] != OPENED:
            continue
        patient = int(owner[place])
        end = places[number + 1] if number + 1 < len(places) and owner[places[number + 1]] == patient else -1
        part["patient"].append(patient)
        part["kind"].append("hold")
        part["product"].append(None)
        part["first"].append(int(timeline.day[place]))
        part["last"].append(UNKNOWN if end < 0 else int(timeline.day[end]))
        part["doses"].append(None)
        part["open"].append(end < 0)
        recorded = timeline.kind[place] == names_of_kinds.HOLD
        part["reason"].append(
            "recorded" if recorded else "LVEF" if timeline.kind[place] == names_of_kinds.LVEF else "heart failure"
        )
    return part
