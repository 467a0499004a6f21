"""What was due at each dose or order by the label: the step, its amount, and the highest dose of the label.

Few situations stand behind many doses (a drug, an organ, a schedule, a gap): each is asked of the tables once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...history.drug_codes import DOSE
from ...history.names import UNKNOWN
from ...record.columns import Flags, Whole
from ..course.answers import Asker
from ..course.columns import CourseFacts
from ..questions import Question
from .administrations import AGAIN, CHANGED, FIRST, NOW_LONGER, Administrations

LOADING, MAINTENANCE, RELOAD, NOT_KNOWN = range(4)
"""The steps that a dose may be; the last where the label leaves it open."""
STEP = "dose_per_administration"
STEP_OF = {"loading": LOADING, "never loaded": LOADING, "reload": RELOAD, "maintenance": MAINTENANCE}
"""The step that an answer of these outcomes names; where the label has no rule it is not known."""
ASKED_BY = {AGAIN: "missed_dose_action", CHANGED: "switch_dose_kind", NOW_LONGER: "first_q3w_dose_action"}
"""The outcome that says the step, by what the entry is to the dose before it."""
LONGEST_GAP = 1023
MOST_DOSES = 4
"""So many doses of the label may be possible at once: the levels of a conjugate, or two steps of two schedules."""
THOUSAND = 1000


@dataclass(slots=True)
class Due:
    """By entry: the `step`; up to `MOST_DOSES` amounts that are `due` and those of the `other` step, and the `most`
    of the label, in thousandths of mg/kg, or of mg for a drug with fixed doses; `UNKNOWN` for none. `has_levels`
    marks drugs whose label has reduced levels."""

    step: Whole
    due: Whole
    other: Whole
    most: Whole
    has_levels: Flags


def kinds_of(columns: Sequence[tuple[Whole, int]]) -> tuple[Whole, Whole]:
    """One of each kind of row that columns hold, and the kind of each row; a column comes with how many values it
    has."""
    key = np.zeros(len(columns[0][0]), np.int64)
    size = 1
    for column, values in columns:
        key = key * values + column
        size *= values
    if len(key) < 2048 or size > 1 << 22:
        _, first, kind = np.unique(key, return_index=True, return_inverse=True)
        return first, kind.reshape(-1)
    first = np.full(size, -1, np.int64)
    first[key] = np.arange(len(key))
    (there,) = (first >= 0).nonzero()
    places = np.zeros(size, np.int64)
    places[there] = np.arange(len(there))
    return first[there], places[key]


def remembered(course: CourseFacts, name: str, keys: Sequence[Whole], decide: Callable[[Whole], Whole]) -> Whole:
    """What `decide` says of some kinds, a row each; what was decided once by the same rules is not asked again.

    `keys` tell the kinds apart, a column each; `decide` is given the places of those that are new.
    """
    held = course.rules.told.setdefault(("doses", name), {})
    listed = list(zip(*(key.tolist() for key in keys), strict=True))
    new = [place for place, key in enumerate(listed) if key not in held]
    if new:
        for place, row in zip(new, decide(np.array(new, np.int64)), strict=True):
            held[listed[place]] = row
    return np.array([held[key] for key in listed], np.int64)


def due_of(course: CourseFacts, made: Administrations) -> Due:
    """What was due at each entry."""
    codes = course.rules.codes
    count, lengths = len(codes.products), codes.page.days
    schedules = course.rules.knowledge.facts["schedule"].values
    place_of = {lengths[name]: place for place, name in enumerate(schedules)}
    schedule = _among(made.schedule, place_of)
    gap = np.clip(np.where(made.gap == UNKNOWN, 0, made.gap), 0, LONGEST_GAP)
    site = course.column("tumour_site")[made.patient]
    sites = len(course.rules.knowledge.facts["tumour_site"].values)
    site = np.where((site >= 0) & (site < sites), site, sites)
    steps = _steps(course, made, schedule, gap, len(schedules))
    first, kind = kinds_of([(made.drug, count), (schedule, len(schedules) + 1), (site, sites + 1), (steps, 4)])
    columns = {
        "product": made.drug[first],
        "schedule": np.where(schedule[first] < len(schedules), schedule[first], UNKNOWN),
        "tumour_site": np.where(site[first] < sites, site[first], UNKNOWN),
        "dose_kind": np.array([0, 1, 0, UNKNOWN], np.int64)[steps[first]],
    }
    others = {**columns, "dose_kind": np.array([1, 0, 1, UNKNOWN], np.int64)[steps[first]]}
    whole = {name: columns[name] for name in ("product", "tumour_site")}

    def decide(new: Whole) -> Whole:
        asked = [{name: column[new] for name, column in each.items()} for each in (columns, others, whole)]
        return np.concatenate([_possible(course, each) for each in asked], axis=1)

    if not len(first):
        return Due(steps, *(np.zeros((0, MOST_DOSES), np.int64),) * 2, steps, np.zeros(0, np.bool_))
    found = remembered(course, "due", (made.drug[first], schedule[first], site[first], steps[first]), decide)
    due, other, most = (found[:, place * MOST_DOSES : (place + 1) * MOST_DOSES] for place in range(3))
    most = most.max(axis=1)
    families = [codes.product(codes.products[drug]).family for drug in columns["product"].tolist()]
    has_levels = np.array([family == "conjugate" for family in families], np.bool_)
    return Due(steps, due[kind], other[kind], most[kind], has_levels[kind])


def _among(column: Whole, place_of: Mapping[int, int]) -> Whole:
    """The days of a schedule as the place of its name, after the last where unknown."""
    made = np.full(len(column), len(place_of), np.int64)
    for days, place in place_of.items():
        made[column == days] = place
    return made


def _steps(course: CourseFacts, made: Administrations, schedule: Whole, gap: Whole, count: int) -> Whole:
    """Which step was due, by the label's rules for first, later, late and changed doses."""
    size = len(course.rules.codes.products)
    first, kind = kinds_of([(made.drug, size), (schedule, count + 1), (made.relation, 5), (gap, LONGEST_GAP + 1)])
    drug, relation = made.drug[first], made.relation[first]
    columns = {
        "product": drug,
        "schedule": np.where(schedule[first] < count, schedule[first], UNKNOWN),
        "days_since_last_dose": gap[first] * THOUSAND, "days_since_trastuzumab": gap[first] * THOUSAND,
    }  # fmt: skip

    def decide(new: Whole) -> Whole:
        steps = np.where(relation[new] == FIRST, LOADING, NOT_KNOWN)
        for which, outcome in ASKED_BY.items():
            (mine,) = (relation[new] == which).nonzero()
            if len(mine):
                said = asked(course, outcome, {name: column[new[mine]] for name, column in columns.items()})
                facts = course.rules.knowledge.facts[outcome].values
                as_step = [STEP_OF.get(word, NOT_KNOWN) for word in facts]
                steps[mine] = np.array([*as_step, NOT_KNOWN], np.int64)[np.where(said >= 0, said, len(facts))]
        return steps

    return remembered(course, "step", (drug, schedule[first], relation, gap[first]), decide)[kind]


def asked(course: CourseFacts, outcome: str, columns: dict[str, Whole]) -> Whole:
    """The value of an outcome for each kind, below 0 where it is open."""
    count = len(columns["product"])
    asker = Asker(course.rules, course.numbered, columns, count)
    asker.ask(Question(outcome, 0))
    said = asker.outcomes.get(outcome)
    return np.full(count, UNKNOWN, np.int64) if said is None else said


def _possible(course: CourseFacts, columns: dict[str, Whole]) -> Whole:
    """The doses of the label that are possible for each kind, `MOST_DOSES` columns; `UNKNOWN` where fewer."""
    count = len(columns["product"])
    made = np.full((count, MOST_DOSES), UNKNOWN, np.int64)
    asker = Asker(course.rules, course.numbered, columns, count)
    page = course.rules.codes
    compared = [page.product(page.products[drug]).compared for drug in columns["product"].tolist()]
    for answers in asker.answers_of(STEP, np.flatnonzero(np.array(compared, np.bool_)), STEP, {}):
        amounts = [_amount(value) for value in answers.array.outcome.values]
        masks = answers.array.value_masks()
        for kind, box in zip(answers.asked.tolist(), answers.boxes.tolist(), strict=True):
            mask = int(masks[box])
            doses = sorted({dose for place, dose in enumerate(amounts) if dose and mask >> place & 1})
            made[kind, : len(doses)] = doses[-MOST_DOSES:]
    return made


def _amount(words: str) -> int:
    """A dose of the label in thousandths of mg/kg, or of mg; 0 where the words name none."""
    match = DOSE.search(words)
    return round(float(match[1]) * THOUSAND) if match else 0


def doses_by_use(course: CourseFacts) -> dict[tuple[int, int], list[int]]:
    """The doses of the label of every drug given by weight, by its code and the place of the organ."""
    codes, told = course.rules.codes, course.rules.told
    held: dict[tuple[int, int], list[int]] | None = told.get("doses by use")
    if held is None:
        uses = [(drug, site) for drug in range(len(codes.products)) if codes.drugs.by_weight[drug] for site in (0, 1)]
        drugs, sites = (np.array(column, np.int64) for column in zip(*uses, strict=True))
        found = _possible(course, {"product": drugs, "tumour_site": sites})
        held = told["doses by use"] = {
            use: [dose for dose in doses if dose != UNKNOWN] for use, doses in zip(uses, found.tolist(), strict=True)
        }
    return held
