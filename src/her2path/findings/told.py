"""What the answers of many patients mean as findings, by `findings.md`: the columns of a table, one row a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..history.course_facts import Columns
from .answers import Answers, possibly, rows_of
from .questions import NOT_NO, UNDETERMINED, Saying, read_sayings


@dataclass(slots=True)
class Findings:
    """What was found of a batch: for each finding the patient, the saying, and the edition and rows behind it.

    `rows` are places in `row_words`, pairs of an edition and its rows.
    """

    patient: npt.NDArray[np.int64]
    saying: npt.NDArray[np.int16]
    rows: npt.NDArray[np.int64]
    sayings: list[Saying]
    row_words: list[tuple[str, str]]
    not_plain: npt.NDArray[np.int64]
    facts: Columns = field(default_factory=dict)


def told(answers: Mapping[str, list[Answers]], facts: Columns, not_plain: Any) -> Findings:
    """The findings that the answers mean, by `findings.md`."""
    sayings = read_sayings()
    listed = list(sayings.values())
    place_of = {key: place for place, key in enumerate(sayings)}
    patients, told, rows = [], [], []
    words: list[tuple[str, str]] = [("", "")]
    for key, parts in answers.items():
        outcome = key.partition(" of ")[0]
        for part in parts:
            values = part.array.outcome.values
            meaning = np.array([place_of.get((outcome, value), -1) for value in (*values, UNDETERMINED)], np.int16)
            saying = meaning[np.where(part.values >= 0, part.values, len(values))]
            if (outcome, NOT_NO) in place_of:
                never = (part.values < 0) & ~possibly(part, "no")
                saying = np.where(never, np.int16(place_of[outcome, NOT_NO]), saying)
            chosen = np.flatnonzero(saying >= 0)
            if not len(chosen):
                continue
            few = Answers(part.edition, part.array, part.asked[chosen], part.values[chosen], part.boxes[chosen])
            inverse, said = rows_of(few)
            patients.append(few.asked)
            told.append(saying[chosen])
            rows.append(inverse + len(words))
            words += [(part.edition.key, each) for each in said]
    if not patients:
        nothing = np.zeros(0, np.int64)
        return Findings(nothing, nothing.astype(np.int16), nothing, listed, words, not_plain, facts)
    patient, saying = np.concatenate(patients), np.concatenate(told)
    grades = np.array([each.grade for each in listed], np.int64)
    order = np.lexsort((saying, grades[saying], patient))
    return Findings(
        patient[order], saying[order], np.concatenate(rows)[order], listed, words, np.asarray(not_plain), facts
    )
