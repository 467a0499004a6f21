"""Which patients of a source a change of edition moves: reviewed by the one and by the other, from what to what.

Only what both editions decide is changed: everything else is decided as before. What follows is told beside it: the
verdict on the next dose, eligibility, the findings that come and go, the regimens that fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..facts.problem import AskedWrongly
from ..findings.patient import Reviewed, Reviewer
from ..findings.plan.verdicts import NOT_KNOWN
from ..findings.reviews import PatientReview
from ..findings.settings import Settings
from ..record.columns import UNKNOWN, RecordColumns
from ..record.event import Trouble
from ..tables.difference import common_outcomes
from ..tables.library import Knowledge
from ..tables.own.moves import Changed, Changes, Move
from .decided import STATUS, Deciding, Said, is_of_tests
from .review import Progress, processes_for, review_parts

NEXT_DOSE = "next dose"
NOTHING_DUE = "NOTHING DUE"
BY_STATUS = "HER2-directed therapy, by the status"
FITS = "fits"
OF_THE_TESTS = (STATUS, "her2_expression", "her2_next_step")


def shared_outcomes(left: str, right: str, outcome: str | None, knowledge: Knowledge) -> tuple[str, ...]:
    """The outcomes to compare: those that both editions decide, or the one asked for. Raises `AskedWrongly`."""
    shared = common_outcomes(knowledge.edition(left), knowledge.edition(right), knowledge)
    if outcome is not None and outcome not in shared:
        raise AskedWrongly(f"{left} and {right} do not both decide {outcome}; they share {', '.join(shared) or 'none'}")
    if not shared:
        raise AskedWrongly(f"{left} and {right} decide nothing in common")
    return tuple(shared) if outcome is None else (outcome,)


def changes(
    path: Path, left: str, right: str, knowledge: Knowledge, settings: Settings, outcome: str | None = None,
    columns: Mapping[str, str] | None = None, *, processes: int | None = None, progress: Progress | None = None,
) -> Changes:  # fmt: skip
    """Every patient of a source that `review` reads, by two editions named by their keys.

    With an `outcome` only patients with another value of that are told. Raises `AskedWrongly`.
    """
    shared = shared_outcomes(left, right, outcome, knowledge)
    sides = [_settings_by(key, shared, settings, knowledge) for key in (left, right)]
    comparing = _Comparing(shared, outcome, knowledge, sides)
    found = Changes(left, right, str(path), str(settings.on), shared)
    for part in review_parts(
        path, knowledge, sides[0], comparing.of,
        processes=processes or processes_for(path), progress=progress, columns=columns,
    ):  # fmt: skip
        for item in part.items:
            if isinstance(item, Trouble):
                found.troubles.append(str(item))
            else:
                count, changed = item
                found.patients += count
                found.changed += changed
    return found


def changes_of(
    batches: Iterable[RecordColumns], left: str, right: str, knowledge: Knowledge, settings: Settings,
    outcome: str | None = None, source: str = "",
) -> Changes:  # fmt: skip
    """The same of records in hand. Raises `AskedWrongly`."""
    shared = shared_outcomes(left, right, outcome, knowledge)
    sides = [_settings_by(key, shared, settings, knowledge) for key in (left, right)]
    comparing, reviewer = _Comparing(shared, outcome, knowledge, sides), Reviewer(knowledge, sides[0])
    found = Changes(left, right, source, str(settings.on), shared)
    for batch in batches:
        count, changed = comparing.of(reviewer.review_columns(batch))
        found.patients += count
        found.changed += changed
    return found


def _settings_by(key: str, shared: Sequence[str], settings: Settings, knowledge: Knowledge) -> Settings:
    """The settings with one edition for what both decide."""
    if all(is_of_tests(outcome, knowledge) for outcome in shared):
        return replace(settings, edition=key)
    at = replace(settings.at, editions={**settings.at.editions, **dict.fromkeys(shared, key)})
    return replace(settings, at=at)


class _Comparing:
    """Reviews what was reviewed by the left edition by the right one too, and tells who changes."""

    def __init__(
        self, shared: tuple[str, ...], outcome: str | None, knowledge: Knowledge, sides: Sequence[Settings]
    ) -> None:  # fmt: skip
        self.shared, self.only, self.knowledge = shared, outcome, knowledge
        self.right = Reviewer(knowledge, sides[1])
        asked = [name for name in ((outcome,) if outcome else OF_THE_TESTS) if name in shared]
        self.of_tests = all(is_of_tests(name, knowledge) for name in shared)
        left, right = sides
        self.tests = [
            (name, Deciding(name, knowledge, left), Deciding(name, knowledge, right)) for name in asked if self.of_tests
        ]

    def of(self, left: Reviewed) -> tuple[int, list[Changed]]:
        """How many patients a batch holds, and those who change."""
        right = self.right.review_columns(left.record)
        said = [
            (name, before.said_of_tests(left), after.said_of_tests(right)) for name, before, after in self.tests
        ]  # fmt: skip
        moved = self._moved(left, right, said)
        return len(left), [self._changed(left, right, int(place), said) for place in np.flatnonzero(moved)]

    def _moved(
        self, left: Reviewed, right: Reviewed, said: Sequence[tuple[str, list[Said], list[Said]]]
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Who is said anything else of, by columns."""
        moved = np.zeros(len(left), np.bool_)
        for _, before, after in said:
            moved |= np.array(
                [a.value != b.value or a.possible != b.possible for a, b in zip(before, after, strict=True)]
            )
        if self.of_tests and self.only is not None:
            return moved
        outcomes = [each.courses.reasons.asker.outcomes if each.courses else {} for each in (left, right)]
        names = dict.fromkeys((*outcomes[0], *outcomes[1])) if self.only is None else [self.only]
        nothing = np.full(len(left), UNKNOWN, np.int64)
        mine = [each.courses.mine if each.courses else np.zeros(len(left), np.bool_) for each in (left, right)]
        differs = np.zeros(len(left), np.bool_)
        for name in names:
            columns = [
                np.where(hers, side.get(name, nothing), UNKNOWN) for side, hers in zip(outcomes, mine, strict=True)
            ]
            differs |= columns[0] != columns[1]
        return moved | differs

    def _changed(
        self, left: Reviewed, right: Reviewed, place: int, said: Sequence[tuple[str, list[Said], list[Said]]]
    ) -> Changed:
        before, after = left.patient(place), right.patient(place)
        outcomes = [
            Move(name, one[place].words, other[place].words, one[place].rows, other[place].rows)
            for name, one, other in said
            if one[place].words != other[place].words
        ]
        of_course = _outcomes_of_course(before, after)
        outcomes += [move for move in of_course if move.what.partition(" of ")[0] in self.shared]
        follows = [move for move in of_course if move not in outcomes]
        gone, new = _keys(before), _keys(after)
        return Changed(
            str(left.record.patients[place]), tuple(outcomes), tuple(follows), tuple(_treatment(before, after)),
            (_next_dose(before), _next_dose(after)),
            tuple(key for key in gone if key not in new), tuple(key for key in new if key not in gone),
            tuple(_facts_of(before, self.shared)),
        )  # fmt: skip


def _outcomes_of_course(before: PatientReview, after: PatientReview) -> list[Move]:
    decisions = [each.course.standing.decisions if each.course else {} for each in (before, after)]
    moves = []
    for key in dict.fromkeys((*decisions[0], *decisions[1])):
        if key == "verdict":
            continue
        sides = [each.get(key) for each in decisions]
        words = ["not asked" if each is None else each.value or "undetermined" for each in sides]
        if words[0] != words[1]:
            rows = [() if each is None else tuple(each.rows) for each in sides]
            moves.append(Move(key, words[0], words[1], rows[0], rows[1]))
    return moves


def _treatment(before: PatientReview, after: PatientReview) -> list[Move]:
    """What the change means for her treatment: the next dose of each drug, the status, the regimens that fit."""
    moves = []
    verdicts = [
        {each.drug: each for each in review.course.verdicts} if review.course else {} for review in (before, after)
    ]
    for drug in dict.fromkeys((*verdicts[0], *verdicts[1])):
        one, other = (side.get(drug) for side in verdicts)
        words = [side.verdict if side else "none" for side in (one, other)]
        if words[0] != words[1] and not ("none" in words and {NOT_KNOWN, NOTHING_DUE} & set(words)):
            name = f"{NEXT_DOSE} of {drug}" if drug else NEXT_DOSE
            rows = [side.rows if side else () for side in (one, other)]
            moves.append(Move(name, words[0], words[1], rows[0], rows[1], other.reason if other else ""))
    if before.status != after.status:
        moves.append(Move(BY_STATUS, _eligible(before), _eligible(after)))
    fits = [
        [each.regimen.title for each in review.course.regimens if each.verdict == FITS] if review.course else []
        for review in (before, after)
    ]
    if fits[0] != fits[1]:
        moves.append(Move("regimens that fit", ", ".join(fits[0]) or "none", ", ".join(fits[1]) or "none"))
    return moves


def _next_dose(review: PatientReview) -> str:
    """The verdict on the drug in hand, before the start on the one ordered; "" without a course."""
    if review.course is None:
        return ""
    in_hand = review.course.standing.in_hand
    return next((each.verdict for each in review.course.verdicts if each.drug == in_hand), "")


def _eligible(review: PatientReview) -> str:
    return {"positive": "eligible", None: "open"}.get(review.status, "not eligible")


def _keys(review: PatientReview) -> list[str]:
    return list(dict.fromkeys(each.key or each.name for each in review.every_finding() if each.key or each.name))


def _facts_of(review: PatientReview, shared: Sequence[str]) -> list[tuple[str, str]]:
    """The facts behind what is decided, as the left edition asks for them."""
    if review.course is not None:
        decisions = review.course.standing.decisions
        names = [name for key in shared if key in decisions for name in decisions[key].array.place]
        values = review.course.standing.values
        if found := [(name, review.course.standing.text(name)) for name in dict.fromkeys(names) if name in values]:
            return found
    if review.speaker is not None:
        given = review.speaker.status.given.values
        return [(name, str(given[name])) for name in review.speaker.status.array.place if name in given]
    return []
