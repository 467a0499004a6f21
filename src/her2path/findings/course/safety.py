"""What no table decides and nobody may miss: an allergy against the drug in play, and what does not fit the person.

The words, grades and what to do stand in `findings.md`, among the doubts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...facts.value import OneOf
from ...history.course_facts import known
from ...history.numbered import EXACT, exactly
from ...record.columns import UNKNOWN, Flags, Whole
from ..questions import Saying
from ..rows import FindingRows
from .columns import CourseFacts

SUBSTANCES = ("trastuzumab", "hyaluronidase")
"""Substances of the products, an allergy to which forbids them."""
IN_PLAY = ("product", "ordered_product")


def safety(course: CourseFacts, sayings: Mapping[str, Saying], mine: Flags) -> Iterator[FindingRows]:
    """The findings of safety that no table makes, of the patients whose course is reviewed (`mine`)."""
    for rows in (*_of_allergy(course, sayings, mine), *_of_person(course, sayings, mine)):
        if len(rows.patients):
            yield rows


def _of_allergy(course: CourseFacts, sayings: Mapping[str, Saying], mine: Flags) -> Iterator[FindingRows]:
    """A hypersensitivity on record against the product in hand or on order; every one counts, not the latest alone."""
    allergies = _allergies(course, mine)
    if not allergies:
        return
    products, page = course.rules.knowledge.facts["product"].values, course.rules.codes.page
    in_play = [course.column(name) for name in IN_PLAY]
    told: dict[tuple[int, str], tuple[str, int]] = {}
    dissolved: dict[int, int] = {}
    for patient, row, substances in allergies:
        drugs = {products[column[patient]] for column in in_play if column[patient] >= 0}
        holders = {name for substance in substances & {*SUBSTANCES} for name in page.holding(substance)}
        if drugs & holders:
            told[patient, " or ".join(sorted(substances))] = " and ".join(sorted(drugs & holders)), row
        if "benzyl alcohol" in substances and "trastuzumab-iv" in drugs:
            dissolved[patient] = row
    keys = sorted(told)
    saying = sayings["allergy to the drug"]
    fields = {"substance": [words for _, words in keys], "drugs": [told[key][0] for key in keys]}
    patients = np.array([patient for patient, _ in keys], np.int64)
    yield FindingRows(saying, patients, saying.key, fields=fields, origins=[[told[key][1]] for key in keys])
    saying, people = sayings["allergy to benzyl alcohol"], sorted(dissolved)
    origins = [[dissolved[patient]] for patient in people]
    yield FindingRows(saying, np.array(people, np.int64), saying.key, origins=origins)


def _allergies(course: CourseFacts, mine: Flags) -> list[tuple[int, int, frozenset[str]]]:
    """Every allergy on record up to the day: the patient, the row and the substances that it may be to."""
    record, on = course.record, course.rules.on.toordinal()
    named = np.array([name == "allergy" for name in record.facts], np.bool_)
    if not named.any():
        return []
    rows = np.flatnonzero(named[record.fact] & ((record.day == UNKNOWN) | (record.day <= on)))
    # The undated come first, as the oldest.
    rows = rows[np.argsort(record.day[rows], kind="stable")]
    found = []
    for row, patient in zip(rows.tolist(), record.owner()[rows].tolist(), strict=True):
        value = record.values[record.value[row]]
        if mine[patient] and isinstance(value, str | OneOf):
            substances = value.values if isinstance(value, OneOf) else frozenset({value})
            found.append((patient, row, substances))
    return found


def _of_person(course: CourseFacts, sayings: Mapping[str, Saying], mine: Flags) -> Iterator[FindingRows]:
    """A man who is pregnant, or a child."""
    facts = course.rules.knowledge.facts
    male = course.column("sex") == facts["sex"].values.index("male")
    pregnant = course.column("pregnant") == facts["pregnant"].values.index("yes")
    yield _rows(course, sayings["pregnant man"], np.flatnonzero(male & pregnant & mine), "pregnant", {})
    age = exactly(course.column("age_years"))
    treated = known(course.state["first_ever_day"]) | known(course.column("ordered_product"))
    young = (age >= EXACT) & (age < course.rules.codes.numbers.adult_years * 1000) & treated & mine
    yield _rows(course, sayings["not an adult"], np.flatnonzero(young), "birth_date", {})


def _rows(course: CourseFacts, saying: Saying, patients: Whole, fact: str, fields: dict[str, list[str]]) -> FindingRows:
    """Findings that rest on the latest row of a fact, or on its last event."""
    origins = []
    latest = course.latest.rows.get(fact)
    for patient in patients.tolist():
        if latest is not None and latest[patient] >= 0:
            origins.append([int(latest[patient])])
            continue
        part = course.timeline.rows[course.timeline.of(patient)]
        rows = [row for row in part.tolist() if course.record.facts[course.record.fact[row]] == fact]
        past = [row for row in rows if course.record.day[row] <= course.rules.on.toordinal()]
        origins.append(past[-1:])
    return FindingRows(saying, patients, saying.key, fields=dict(fields), origins=origins)
