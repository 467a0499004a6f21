"""The level that is due after a reduction for toxicity, and how far the last order lies above it.

A table that says `one level lower` asks for the level below the one given last; what a dose has met since is asked of
no table again (decision D237).
"""

from __future__ import annotations

import numpy as np

from ...history.course_facts import known
from ...history.names import NAMED, YES
from ...record.columns import UNKNOWN, Flags, Whole
from ..course.answers import Asker
from ..course.columns import CourseFacts
from ..levels import LEVEL, SITE, labelled_levels
from .administrations import ORDERED
from .facts import amounts_of, off_from
from .judged import Judged

LOWER = "one level lower"
"""The value by which a table asks for a reduction."""
DUE, ABOVE, PER_KG = "reduction_due", "order_above_reduced_percent", "level_mg_per_kg"


def lay_reductions(course: CourseFacts, judged: Judged, asker: Asker) -> None:
    """The next level down for whom a reduction is due, and the last order of that drug against it."""
    facts = course.rules.knowledge.facts
    for name in (DUE, ABOVE):  # what follows from others is not taken from a record
        course.values.pop(name, None)
    due = np.zeros(len(course), np.bool_)
    for key, column in asker.outcomes.items():
        if key in facts and LOWER in facts[key].values:
            due |= column == facts[key].values.index(LOWER)
    if not due.any():
        return
    course.lay({DUE: np.where(due, YES, UNKNOWN)})
    steps = len(facts[LEVEL].values)
    level = course.column(LEVEL)
    told = due & (level >= 0) & (level < steps)
    lower = np.where(told, np.minimum(level + 1, steps - 1), level)
    course.values[LEVEL] = np.where(due, np.where(told, lower, UNKNOWN), level)
    per_kg = course.column(PER_KG)
    course.values[PER_KG] = np.where(due, np.where(told, _doses(course, lower), UNKNOWN), per_kg)
    course.lay({ABOVE: _orders(course, judged, due)})


def _doses(course: CourseFacts, level: Whole) -> Whole:
    """The dose of the label of a level, in thousandths of mg/kg, of the drug in hand; unknown where it has none."""
    made = course.nothing
    product, site = course.state["product"], course.column(SITE)
    for code in np.unique(product[known(level) & (product >= 0)]).tolist():
        by_site = labelled_levels(course.rules, course.rules.codes.products[code])
        for name, doses in by_site.items():
            chosen = (product == code) & (site == course.rules.knowledge.facts[SITE].values.index(name)) & (level >= 0)
            listed = np.array([*doses, UNKNOWN], np.int64)
            made[chosen] = listed[np.minimum(level[chosen], len(doses))]
    return made


def _orders(course: CourseFacts, judged: Judged, due: Flags) -> Whole:
    """How far the last order of the drug in hand lies above its level, of whom a reduction is due."""
    made, column = judged.made, course.nothing
    standing = made.is_order & (made.state == ORDERED) & (made.drug == course.state["product"][made.patient])
    (places,) = (standing & due[made.patient]).nonzero()
    if not len(places):
        return column
    amount, width = amounts_of(course, made)
    wanted = course.values[PER_KG][made.patient[places]]
    off = off_from(amount[places], width[places], wanted)
    column[made.patient[places]] = np.where(known(off), off, np.where(known(wanted), NAMED, UNKNOWN))
    return column
