"""Messiness on request: a clean record as hospitals keep theirs, with a list of all that was done to it.

Missing results, values as words, the same result twice, results that contradict each other and other units are done
to the record, so that every format shows them; entries made late are done to a FHIR Bundle, which has a field for the
day of entry. Each event changes in one way at most. What is done depends on the seed and the patient's name alone.
How often each thing happens is our choice (a demonstration, no estimate of any hospital).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

from ...facts.problem import AskedWrongly
from ...facts.value import Interval, Value
from ...read.fhir.measurement import in_own_unit
from ...record.event import Event, Record
from ...tables.load import default_knowledge
from ...write.fhir.codes import Json

MEASURED = (
    "ihc_score", "her2_cep17_ratio", "her2_copies", "cep17_copies", "ish_result", "lvef", "weight_kg", "height_cm",
    "er_status", "pr_status", "menopausal_status", "pregnancy_test", "stage", "grade", "tumour_size_mm", "node_status",
)  # fmt: skip
"""What may be missing, said twice, or contradicted: results, never a dose (a lost dose is another history)."""
OPPOSITE = {"positive": "negative", "negative": "positive", "premenopausal": "postmenopausal"}
OPPOSITE_FACTS = ("er_status", "pr_status", "node_status", "menopausal_status")
SCORES = ("0", "1+", "2+", "3+")
SCORE_WORDS = {"3+": "3+ (positive)", "2+": "2+ (equivocal)", "1+": "1+ (negative)", "0": "0 (negative)"}
LVEF_BELOW, LVEF_ABOVE, LVEF_APART = Decimal(2), Decimal(3), Decimal(6)
POUNDS_PER_KG = Decimal("2.20462")
MARGIN = Decimal(15)
UNREADABLE = 1 / 3
"""The share of LVEFs in words of which the words give no number."""
KINDS = ("missing", "contradictory", "twice", "other_unit", "as_text")
"""The order in which the kinds are tried on an event."""


@dataclass(frozen=True, slots=True)
class Mess:
    """The probability of each kind of mess for an event that can have it, and the most days an entry is late."""

    missing: float = 0.0
    as_text: float = 0.0
    twice: float = 0.0
    contradictory: float = 0.0
    other_unit: float = 0.0
    late: float = 0.0
    most_days_late: int = 45

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name != "most_days_late" and not 0 <= value <= 1:
                raise AskedWrongly(f"{each.name} is {value}, expected a probability from 0 to 1")
        if self.most_days_late < 1:
            raise AskedWrongly(f"most_days_late is {self.most_days_late}, expected at least 1")


PRESETS = {
    "none": Mess(),
    "light": Mess(missing=0.02, as_text=0.05, twice=0.02, contradictory=0.01, other_unit=0.03, late=0.05),
    "heavy": Mess(missing=0.10, as_text=0.20, twice=0.10, contradictory=0.08, other_unit=0.15, late=0.25),
}


def mess_named(name: str) -> Mess:
    """The mess of a name. Raises `AskedWrongly` for a name that is none of `PRESETS`."""
    if name not in PRESETS:
        raise AskedWrongly(f"no mess is called {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done: its kind, the fact and day of the event, what in words.

    `told` are words that a review of the day or later says because of it; "" where no review can know.
    """

    kind: str
    fact: str
    day: dt.date | None
    what: str
    told: str = ""


def messy(record: Record, mess: Mess, seed: int) -> tuple[Record, list[Done]]:
    """A record with mess, and what was done, in the order of the events; the record itself stays as it is."""
    made = Record(
        record.patient, record.origin, list(record.events), list(record.course), dict(record.tissues),
        set(record.sites), list(record.troubles), list(record.passed_over),
    )  # fmt: skip
    made.sort()
    draw = _generator(seed, record.patient, "events")
    done: list[Done] = []
    whole = [*made.events, *made.course]
    made.events = [each for event in made.events for each in _mess_of(event, mess, draw, done, whole)]
    made.course = [each for event in made.course for each in _mess_of(event, mess, draw, done, whole)]
    made.sort()
    return made, done


def entered_late(bundle: Json, mess: Mess, seed: int) -> tuple[Json, list[Done]]:
    """A Bundle in which some results were entered days after the day they speak of; what was done.

    A review does not see it: it goes by the day of the result. `Observation.issued` and `meta.lastUpdated` hold it.
    """
    patient = next((e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"), "")
    draw = _generator(seed, str(patient), "entry")
    done: list[Done] = []
    entries = []
    for entry in bundle["entry"]:
        resource = entry["resource"]
        chance, days = float(draw.random()), int(draw.integers(1, mess.most_days_late + 1))
        said = resource.get("effectiveDateTime") or resource.get("performedDateTime")
        if isinstance(said, str) and chance < mess.late:
            day = dt.date.fromisoformat(said[:10])
            instant = f"{day + dt.timedelta(days=days)}T08:00:00Z"
            resource = {**resource, "meta": {**resource.get("meta", {}), "lastUpdated": instant}}
            if resource["resourceType"] == "Observation":
                resource["issued"] = instant
            what = f"{resource['resourceType']}/{resource['id']} entered {days} days late"
            done.append(Done("late", resource["resourceType"], day, what))
        entries.append({**entry, "resource": resource})
    return {**bundle, "entry": entries}, done


def _generator(seed: int, patient: str, stream: str) -> np.random.Generator:
    """The random numbers of one patient: the same whoever else is simulated."""
    name = hashlib.sha256(f"{stream}\0{patient}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, int.from_bytes(name[:8], "big")]))


def _mess_of(
    event: Event, mess: Mess, draw: np.random.Generator, done: list[Done], whole: list[Event]
) -> Iterator[Event]:
    """The events that stand in an event's place."""
    *chances, dice = draw.random(len(KINDS) + 1).tolist()
    if event.fact in MEASURED:
        for kind, chance in zip(KINDS, chances, strict=True):
            if chance < getattr(mess, kind) and (found := MAKERS[kind](event, whole, dice)) is not None:
                events, told, what = found
                done.append(Done(kind, event.fact, event.day, f"{event.fact} of {event.day}: {what}", told))
                yield from events
                return
    yield event


Made = tuple[list[Event], str, str]
"""The events in place of one, what a review tells of it, and what was done in words."""


def _missing(event: Event, _whole: list[Event], _dice: float) -> Made | None:
    return [], "", f"left out ({event.value})"


def _twice(event: Event, whole: list[Event], _dice: float) -> Made | None:
    told = f"{event.fact}: the same result 2 times" if _is_test(event) and not _repeated(event, whole) else ""
    if event.fact == "lvef":
        told = f"two LVEFs on {event.day}" if _is_last(event, whole) else ""
    return [event, event], told, "recorded twice"


def _contradictory(event: Event, whole: list[Event], _dice: float) -> Made | None:
    """A second result of the same day that differs."""
    other: Value | None = None
    told = f"{event.fact}: results differ on one day" if _is_test(event) else ""
    if event.fact == "ihc_score" and event.value in SCORES:
        place = SCORES.index(str(event.value))
        other = SCORES[place - 1 if place else 1]
    elif event.fact in OPPOSITE_FACTS and isinstance(event.value, str) and event.value in OPPOSITE:
        other = OPPOSITE[event.value]
        told = f"{event.fact}: " if _is_last(event, whole) else ""
    elif event.fact == "lvef" and isinstance(number := _number(event.value), Decimal) and _fits(event.fact, number):
        other = number - LVEF_APART
        told = f"two LVEFs on {event.day}" if _is_last(event, whole) else ""
    if other is None or _repeated(event, whole):
        return None
    told = "" if _is_test(event) and not _is_last(event, whole) else told
    return [event, replace(event, value=other, said="")], told, f"{event.value} and {other} on one day"


def _other_unit(event: Event, _whole: list[Event], _dice: float) -> Made | None:
    """The same in a unit that the readers convert, rounded as a person writes it."""
    number = _number(event.value)
    if number is None or event.day is None:
        return None
    if event.fact == "weight_kg":
        said, unit = _rounded(number * POUNDS_PER_KG, "1"), "lb"
    elif event.fact == "height_cm":
        said, unit = _rounded(number / 100, "0.01"), "m"
    elif event.fact == "tumour_size_mm":
        said, unit = number / 10, "cm"
    else:
        return None
    value, note = in_own_unit(event.fact, said, unit, default_knowledge().facts)
    words = f"{said:f} {unit}"
    return [replace(event, value=value, said=words, note=note)], note, f"{event.value} written as {words}"


def _as_text(event: Event, _whole: list[Event], dice: float) -> Made | None:
    """Words that say the value, or a range around it, or nothing at all."""
    number = _number(event.value)
    if event.fact == "ihc_score" and event.value in SCORE_WORDS and not event.note:
        words = SCORE_WORDS[str(event.value)]
        return [replace(event, said=words)], "", f"written as {words!r}"
    if event.fact != "lvef" or number is None or event.day is None or not _fits(event.fact, number):
        return None
    if dice < UNREADABLE:
        value = default_knowledge().facts["lvef"].coerce("normal")
        told = f"lvef of {event.day} unknown"
        return [replace(event, value=value, said="normal")], told, f"{number} written as 'normal'"
    limits = Interval(number - LVEF_BELOW, number + LVEF_ABOVE, True, True)
    words = f"LVEF {limits.low:f}-{limits.high:f} %"
    told = f"lvef {limits} on {event.day}: its history takes the lower end"
    return [replace(event, value=limits, said=words)], told, f"{number} written as {words!r}"


MAKERS: dict[str, Callable[[Event, list[Event], float], Made | None]] = {
    "missing": _missing, "twice": _twice, "contradictory": _contradictory, "other_unit": _other_unit,
    "as_text": _as_text,
}  # fmt: skip


def _number(value: Value) -> Decimal | None:
    return Decimal(repr(value)) if isinstance(value, float) else value if isinstance(value, Decimal) else None


def _rounded(number: Decimal, step: str) -> Decimal:
    return number.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def _fits(fact: str, number: Decimal) -> bool:
    """Whether a number lies well inside what is plausible, so that what is made of it still does."""
    limits = default_knowledge().facts[fact].plausible
    return limits.low is not None and limits.high is not None and limits.low + MARGIN < number < limits.high - MARGIN


def _is_test(event: Event) -> bool:
    return bool(default_knowledge().facts[event.fact].test)


def _repeated(event: Event, whole: list[Event]) -> bool:
    """Whether the record has the fact of this day twice already."""
    same = (event.fact, event.day, event.specimen)
    return sum((each.fact, each.day, each.specimen) == same for each in whole) > 1


def _is_last(event: Event, whole: list[Event]) -> bool:
    """Whether no later event says the same fact."""
    day = event.day or dt.date.max
    return all(each.fact != event.fact or each is event or (each.day or dt.date.min) < day for each in whole)


__all__ = ["PRESETS", "Done", "Mess", "entered_late", "mess_named", "messy"]
