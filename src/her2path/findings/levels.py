"""The dose level of a course: the levels of the label in force, and which of them the doses given stand for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from ..facts.number import MG_PER_KG
from ..history.course_facts import known
from ..history.levels import LevelsGiven, doses_by_weight, levels_given
from ..record.columns import UNKNOWN, Flags, Whole
from ..tables.table import Table
from .course.columns import CourseFacts
from .course.rules import Rules

THOUSAND = 1000
LEVEL, SITE, DOSE = "dose_level", "tumour_site", "dose_per_administration"


def labelled_levels(rules: Rules, product: str) -> Mapping[str, tuple[int, ...]]:
    """The levels of a product by organ: thousandths of mg/kg, the full dose first; empty where it has none."""
    edition = rules.edition(DOSE, {"product": product})
    table = None if edition is None else edition.tables.get(DOSE)
    if table is None or LEVEL not in table.inputs:
        return {}
    facts = rules.knowledge.facts
    by_site = {site: _levels_at(table, facts[LEVEL].values, site) for site in facts[SITE].values}
    return {site: levels for site, levels in by_site.items() if levels}


def _levels_at(table: Table, names: tuple[str, ...], site: str) -> tuple[int, ...]:
    found: dict[int, int] = {}
    place = table.inputs.index(LEVEL)
    at = table.inputs.index(SITE) if SITE in table.inputs else -1
    for row in table.rows:
        amounts = [match for match in map(MG_PER_KG.fullmatch, row.outcomes) if match]
        organ = row.cells[at] if at >= 0 else None
        if len(amounts) == 1 and (organ is None or organ.is_any or site in organ.values):
            for name in row.cells[place].values:
                found[names.index(name)] = int(Decimal(amounts[0][1]) * THOUSAND)
    return tuple(found[step] for step in range(len(found))) if sorted(found) == list(range(len(found))) else ()


def lay_levels(course: CourseFacts) -> None:
    """`dose_level` and `level_mg_per_kg` of the products in hand; of one recorded and one given the lower counts."""
    state, rules, facts = course.state, course.rules, course.rules.knowledge.facts
    product, sites = state["product"], facts[SITE].values
    site = course.column(SITE)
    steps = len(facts[LEVEL].values)
    recorded = course.column(LEVEL)
    for code, name in enumerate(rules.codes.products):
        of_product = product == code
        if not of_product.any() or not (levels_of := labelled_levels(rules, name)):
            continue
        doses = doses_by_weight(course.timeline, np.where(of_product, code, UNKNOWN), rules.on.toordinal())
        for organ, levels in levels_of.items():
            chosen = of_product & (site == sites.index(organ))
            if not chosen.any():
                continue
            given = levels_given(doses.of(chosen), levels, len(course), rules.codes.numbers)
            _join(course, chosen, given)
            exact = (recorded >= 0) & (recorded < steps)
            level = np.where(exact & (recorded > given.level), recorded, given.level)
            course.values[LEVEL] = np.where(chosen & known(level), level, course.column(LEVEL))
            per_kg = np.array([*levels, *[UNKNOWN] * steps], np.int64)[np.where(known(level), level, len(levels))]
            course.values["level_mg_per_kg"] = np.where(chosen, per_kg, course.column("level_mg_per_kg"))


def _join(course: CourseFacts, chosen: Flags, given: LevelsGiven) -> None:
    """What the doses of some patients come to, beside what others' came to."""
    if course.levels is None:
        course.levels = given
        return
    held = course.levels
    columns: list[Whole] = [
        np.where(chosen, getattr(given, name), getattr(held, name)) for name in LevelsGiven.__dataclass_fields__
    ]
    course.levels = LevelsGiven(*columns)  # type: ignore[arg-type]


def level_of(course: CourseFacts, patient: int, product: str) -> str | None:
    """The level at which a patient was given a product before; `None` where it has no levels, or none can be told."""
    rules = course.rules
    site = course.column(SITE)[patient]
    sites, names = (rules.knowledge.facts[name].values for name in (SITE, LEVEL))
    levels = labelled_levels(rules, product).get(sites[site] if 0 <= site < len(sites) else "")
    if not levels:
        return None
    code = np.array([rules.codes.code[product]], np.int64)
    doses = doses_by_weight(course.timeline.alone(patient), code, rules.on.toordinal())
    level = int(levels_given(doses, levels, 1, rules.codes.numbers).level[0])
    return names[level] if level >= 0 else None


__all__ = ["labelled_levels", "lay_levels", "level_of"]
