"""Which specimen speaks for a patient, and how the others stand to it (decisions D9, D252 to D254).

- Tumours of two sides are two tumours: any positive one carries HER2-directed therapy, and the other is told.
- A residual tumour goes by the specimen before therapy where that was positive; that HER2 was lost or gained is told.
- A recurrence goes by the newest metastasis, else by the newest specimen; that it turned is told, and asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..reviews import SpecimenReview
from .around import Around

METASTASIS, POSITIVE, NEGATIVE = "metastasis", "positive", "negative"
NONE, ANOTHER, LOST, GAINED = "none", "another tumour", "lost in the residual tumour", "gained in the residual tumour"
TURNED_NEGATIVE, TURNED_POSITIVE, DIFFERS = "turned negative", "turned positive", "differs"
EARLY = ("neoadjuvant", "adjuvant")


@dataclass(frozen=True, slots=True)
class Spoken:
    """The status of a patient: its rule in words, the specimen it is of, and how the others stand to it (`change`, a
    value of `her2_change`)."""

    status: str | None
    possible: tuple[str, ...]
    rule: str
    speaker: SpecimenReview | None
    change: str = NONE


def spoken_for(specimens: Sequence[SpecimenReview], around: Around) -> Spoken:
    """Which of the specimens of a patient, in the order of their days, speaks for her."""
    if not specimens:
        return Spoken(None, (), "no specimen", None)
    if len(specimens) == 1:
        return _by(specimens[0], "the only specimen")
    values = {specimen.status.value for specimen in specimens}
    if len(values) == 1 and None not in values:
        return _by(_latest(specimens), f"all {len(specimens)} specimens agree")
    recurred = any(specimen.place == METASTASIS for specimen in specimens)
    if not recurred and (of_sides := _of_sides(specimens, around)):
        return of_sides
    return (None if recurred else _of_residual(specimens, around)) or _of_the_newest(specimens, around)


def _by(specimen: SpecimenReview, rule: str, change: str = NONE) -> Spoken:
    return Spoken(specimen.status.value, specimen.status.possible, rule, specimen, change)


def _latest(specimens: Sequence[SpecimenReview]) -> SpecimenReview:
    """The latest metastasis, else the latest specimen."""
    metastases = [specimen for specimen in specimens if specimen.place == METASTASIS]
    return (metastases or specimens)[-1]


def _of_sides(specimens: Sequence[SpecimenReview], around: Around) -> Spoken | None:
    """Of tumours of two sides the positive one; `None` where there are not two, or none is positive or open."""
    sides = sorted({specimen.side for specimen in specimens} - {""})
    if len(sides) < 2:
        return None
    tumours = [[each for each in specimens if each.side == side] for side in sides]
    tumours += [[each] for each in specimens if not each.side]
    said = [spoken_for([replace(each, side="") for each in tumour], around) for tumour in tumours]
    positive = [each for each in said if each.status == POSITIVE]
    if positive:
        one = positive[-1]
        name = one.speaker.name if one.speaker else ""
        change = ANOTHER if len(positive) < len(said) else one.change
        return replace(one, rule=f"a tumour that is positive, {name}", change=change)
    if any(each.status is None for each in said):
        possible = tuple(dict.fromkeys(value for each in said for value in each.possible))
        return Spoken(None, possible, "two tumours, none shown to be positive", None, DIFFERS)
    return None


def _of_residual(specimens: Sequence[SpecimenReview], around: Around) -> Spoken | None:
    """Of a tumour before and after therapy the specimen that was positive, that before therapy first."""
    if around.setting == "metastatic" or any(not specimen.day for specimen in specimens):
        return None
    after = [specimen for specimen in specimens if _is_residual(specimen, specimens[0], around)]
    before = [specimen for specimen in specimens if specimen not in after]
    if not before or not after or after != list(specimens[len(before) :]):
        return None
    first, last = spoken_for(before, Around()), spoken_for(after, Around())
    if first.speaker is None or last.speaker is None or first.status in (None, last.status):
        return None
    if first.status == POSITIVE:
        change = LOST if last.status == NEGATIVE else DIFFERS
        return replace(first, rule=f"the specimen before therapy, {first.speaker.name}", change=change)
    if last.status == POSITIVE:
        return replace(last, rule=f"the residual tumour, {last.speaker.name}", change=GAINED)
    return None


def _is_residual(specimen: SpecimenReview, first: SpecimenReview, around: Around) -> bool:
    """Whether a specimen is of the tumour that was left by therapy before the operation, and no recurrence."""
    day = dt.date.fromisoformat(specimen.day)
    if around.operated is None:
        return around.setting == "neoadjuvant" and around.began is not None and day > around.began
    if day > around.operated + dt.timedelta(days=around.residual_days):
        return False
    if around.began is not None:
        return around.began < day and around.began < around.operated
    return specimen is not first and specimen.kind == "resection" and first.kind == "biopsy"


def _of_the_newest(specimens: Sequence[SpecimenReview], around: Around) -> Spoken:
    """The newest metastasis, else the newest specimen; none where which is the newest cannot be known."""
    speaker = _latest(specimens)
    if any(not specimen.day for specimen in specimens):
        possible = dict.fromkeys(value for specimen in specimens for value in specimen.status.possible)
        return Spoken(None, tuple(possible), "specimens differ, and one has no date", speaker, DIFFERS)
    of_day = _of_same_day(speaker, specimens)
    if len({other.status.value for other in of_day}) > 1:
        possible = dict.fromkeys(value for other in of_day for value in other.status.possible)
        return Spoken(None, tuple(possible), f"specimens of {speaker.day} differ", speaker, DIFFERS)
    place = METASTASIS if speaker.place == METASTASIS else "specimen"
    return _by(speaker, f"the latest {place}, {speaker.name}", _turned(speaker, specimens, around))


def _turned(speaker: SpecimenReview, specimens: Sequence[SpecimenReview], around: Around) -> str:
    earlier = {specimen.status.value for specimen in specimens if specimen.day < speaker.day}
    others = {specimen.status.value for specimen in specimens if specimen is not speaker}
    is_early = around.setting in EARLY and around.began is None and speaker.place != METASTASIS
    if speaker.status.value == NEGATIVE and POSITIVE in others:
        return TURNED_NEGATIVE if POSITIVE in earlier and not is_early else DIFFERS
    if speaker.status.value == POSITIVE and NEGATIVE in earlier and not is_early:
        return TURNED_POSITIVE
    return DIFFERS


def _of_same_day(speaker: SpecimenReview, specimens: Sequence[SpecimenReview]) -> list[SpecimenReview]:
    """The specimens that could speak as well: of the same day, and metastases where the speaker is one."""
    return [
        each
        for each in specimens
        if each.day == speaker.day and (each.place == speaker.place or speaker.place != METASTASIS)
    ]


def words_of_change(spoken: Spoken, specimens: Sequence[SpecimenReview]) -> str:
    """How the specimens differ, in words."""
    told = "; ".join(f"{_called(each)} {each.status.value or 'undetermined'}" for each in specimens)
    return f"{_WORDS.get(spoken.change, 'specimens differ')}: {told}"


_WORDS = {
    ANOTHER: "two tumours, of which one is HER2-positive",
    LOST: "HER2 was positive before therapy and is negative in the residual tumour; the specimen before therapy counts",
    GAINED: "HER2 was not positive before therapy and is positive in the residual tumour",
    TURNED_NEGATIVE: "HER2 was positive and is negative in the newest specimen",
    TURNED_POSITIVE: "HER2 was negative and is positive in the newest specimen",
}


def _called(specimen: SpecimenReview) -> str:
    is_named = specimen.day and specimen.day not in specimen.name
    return f"{specimen.name} ({specimen.day})" if is_named else specimen.name
