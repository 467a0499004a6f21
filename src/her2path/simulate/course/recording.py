"""Errors of recording on request: a clean record as hospitals keep theirs, with a list of all that was done to it.

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
from ...read.fhir.resources.measurement import in_own_unit
from ...record.event import Event, Record
from ...tables.load import default_knowledge
from ...write.fhir.codes import Json

MEASURED = (
    "ihc_score", "her2_cep17_ratio", "her2_copies", "cep17_copies", "ish_result", "lvef", "weight_kg", "height_cm",
    "er_status", "pr_status", "menopausal_status", "pregnancy_test", "stage", "grade", "tumour_size_mm", "node_status",
)  # fmt: skip
"""What may be missing, said twice, or contradicted: results, never a dose (a lost dose is another history)."""
OPPOSITE_RESULTS = {"positive": "negative", "negative": "positive", "premenopausal": "postmenopausal"}
OPPOSITE_FACTS = ("er_status", "pr_status", "node_status", "menopausal_status")
SCORES = ("0", "1+", "2+", "3+")
SCORE_WORDS = {"3+": "3+ (positive)", "2+": "2+ (equivocal)", "1+": "1+ (negative)", "0": "0 (negative)"}
LVEF_BELOW, LVEF_ABOVE, LVEF_APART = Decimal(2), Decimal(3), Decimal(6)
POUNDS_PER_KG = Decimal("2.20462")
MARGIN = Decimal(15)
UNREADABLE_SHARE = 1 / 3
"""The share of LVEFs in words of which the words give no number."""
ERROR_KINDS = ("missing", "contradictory", "twice", "other_unit", "as_text")
"""The order in which the kinds are tried on an event."""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """The probability (0 to 1) of each kind of error for an event that can have it; the most days an entry is late.

    Raises `AskedWrongly` for a number that is no probability.
    """

    missing: float = 0.0
    as_text: float = 0.0
    twice: float = 0.0
    contradictory: float = 0.0
    other_unit: float = 0.0
    late: float = 0.0
    most_days_late: int = 45

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "most_days_late" and not 0 <= value <= 1:
                raise AskedWrongly(f"{field.name} is {value}, expected a probability from 0 to 1")
        if self.most_days_late < 1:
            raise AskedWrongly(f"most_days_late is {self.most_days_late}, expected at least 1")


PRESETS = {
    "none": ErrorRates(),
    "light": ErrorRates(missing=0.02, as_text=0.05, twice=0.02, contradictory=0.01, other_unit=0.03, late=0.05),
    "heavy": ErrorRates(missing=0.10, as_text=0.20, twice=0.10, contradictory=0.08, other_unit=0.15, late=0.25),
}


def error_rates_named(name: str) -> ErrorRates:
    """The rates of a name. Raises `AskedWrongly` for a name that is none of `PRESETS`."""
    if name not in PRESETS:
        raise AskedWrongly(f"no mess is called {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True, slots=True)
class RecordingError:
    """One error that was made: its kind, the fact and day of the event, what in words.

    `finding` is what a review of the day or later says because of it; "" where no review can know.
    """

    kind: str
    fact: str
    day: dt.date | None
    what: str
    finding: str = ""


def with_recording_errors(record: Record, rates: ErrorRates, seed: int) -> tuple[Record, list[RecordingError]]:
    """A record with errors, and what they are, in the order of the events; the record itself stays as it is."""
    changed_record = Record(
        record.patient,
        record.origin,
        list(record.events),
        list(record.course),
        dict(record.tissues),
        set(record.sites),
        list(record.troubles),
        list(record.passed_over),
    )
    changed_record.sort()
    draw = _generator(seed, record.patient, "events")
    errors: list[RecordingError] = []
    whole = [*changed_record.events, *changed_record.course]
    changed_record.events = [
        changed for event in changed_record.events for changed in _errors_of(event, rates, draw, errors, whole)
    ]
    changed_record.course = [
        changed for event in changed_record.course for changed in _errors_of(event, rates, draw, errors, whole)
    ]
    changed_record.sort()
    return changed_record, errors


def entered_late(bundle: Json, rates: ErrorRates, seed: int) -> tuple[Json, list[RecordingError]]:
    """A Bundle in which some results were entered days after the day they speak of; which ones.

    A review does not see it: it goes by the day of the result. `Observation.issued` and `meta.lastUpdated` hold it.
    """
    patient = next((e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"), "")
    draw = _generator(seed, str(patient), "entry")
    errors: list[RecordingError] = []
    entries = []
    for entry in bundle["entry"]:
        resource = entry["resource"]
        chance, days = float(draw.random()), int(draw.integers(1, rates.most_days_late + 1))
        day_written = resource.get("effectiveDateTime") or resource.get("performedDateTime")
        if isinstance(day_written, str) and chance < rates.late:
            day = dt.date.fromisoformat(day_written[:10])
            instant = f"{day + dt.timedelta(days=days)}T08:00:00Z"
            resource = {**resource, "meta": {**resource.get("meta", {}), "lastUpdated": instant}}
            if resource["resourceType"] == "Observation":
                resource["issued"] = instant
            what = f"{resource['resourceType']}/{resource['id']} entered {days} days late"
            errors.append(RecordingError("late", resource["resourceType"], day, what))
        entries.append({**entry, "resource": resource})
    return {**bundle, "entry": entries}, errors


def _generator(seed: int, patient: str, stream: str) -> np.random.Generator:
    """The random numbers of one patient: the same whoever else is simulated."""
    name = hashlib.sha256(f"{stream}\0{patient}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, int.from_bytes(name[:8], "big")]))


def _errors_of(
    event: Event, rates: ErrorRates, draw: np.random.Generator, errors: list[RecordingError], whole: list[Event]
) -> Iterator[Event]:
    """The events that stand in an event's place."""
    *chances, dice = draw.random(len(ERROR_KINDS) + 1).tolist()
    if event.fact in MEASURED:
        for kind, chance in zip(ERROR_KINDS, chances, strict=True):
            if chance < getattr(rates, kind) and (replacement := _MAKERS[kind](event, whole, dice)) is not None:
                events, finding, what = replacement
                errors.append(
                    RecordingError(kind, event.fact, event.day, f"{event.fact} of {event.day}: {what}", finding)
                )
                yield from events
                return
    yield event


_Replacement = tuple[list[Event], str, str]
"""The events in place of one, what a review says of it, and what was done in words."""


def _missing(event: Event, _whole: list[Event], _dice: float) -> _Replacement | None:
    return [], "", f"left out ({event.value})"


def _twice(event: Event, whole: list[Event], _dice: float) -> _Replacement | None:
    finding = f"{event.fact}: the same result 2 times" if _is_test(event) and not _repeated(event, whole) else ""
    if event.fact == "lvef":
        finding = f"two LVEFs on {event.day}" if _is_last(event, whole) else ""
    return [event, event], finding, "recorded twice"


def _contradictory(event: Event, whole: list[Event], _dice: float) -> _Replacement | None:
    """A second result of the same day that differs."""
    other: Value | None = None
    finding = f"{event.fact}: results differ on one day" if _is_test(event) else ""
    if event.fact == "ihc_score" and event.value in SCORES:
        place = SCORES.index(str(event.value))
        other = SCORES[place - 1 if place else 1]
    elif event.fact in OPPOSITE_FACTS and isinstance(event.value, str) and event.value in OPPOSITE_RESULTS:
        other = OPPOSITE_RESULTS[event.value]
        finding = f"{event.fact}: " if _is_last(event, whole) else ""
    elif event.fact == "lvef" and isinstance(number := _number(event.value), Decimal) and _fits(event.fact, number):
        other = number - LVEF_APART
        finding = f"two LVEFs on {event.day}" if _is_last(event, whole) else ""
    if other is None or _repeated(event, whole):
        return None
    finding = "" if _is_test(event) and not _is_last(event, whole) else finding
    return [event, replace(event, value=other, said="")], finding, f"{event.value} and {other} on one day"


def _other_unit(event: Event, _whole: list[Event], _dice: float) -> _Replacement | None:
    """The same in a unit that the readers convert, rounded as a person writes it."""
    number = _number(event.value)
    if number is None or event.day is None:
        return None
    if event.fact == "weight_kg":
        amount, unit = _rounded(number * POUNDS_PER_KG, "1"), "lb"
    elif event.fact == "height_cm":
        amount, unit = _rounded(number / 100, "0.01"), "m"
    elif event.fact == "tumour_size_mm":
        amount, unit = number / 10, "cm"
    else:
        return None
    value, note = in_own_unit(event.fact, amount, unit, default_knowledge().facts)
    words = f"{amount:f} {unit}"
    return [replace(event, value=value, said=words, note=note)], note, f"{event.value} written as {words}"


def _as_text(event: Event, _whole: list[Event], dice: float) -> _Replacement | None:
    """Words that say the value, or a range around it, or nothing at all."""
    number = _number(event.value)
    if event.fact == "ihc_score" and event.value in SCORE_WORDS and not event.note:
        words = SCORE_WORDS[str(event.value)]
        return [replace(event, said=words)], "", f"written as {words!r}"
    if event.fact != "lvef" or number is None or event.day is None or not _fits(event.fact, number):
        return None
    if dice < UNREADABLE_SHARE:
        value = default_knowledge().facts["lvef"].coerce("normal")
        finding = f"lvef of {event.day} unknown"
        return [replace(event, value=value, said="normal")], finding, f"{number} written as 'normal'"
    limits = Interval(number - LVEF_BELOW, number + LVEF_ABOVE, True, True)
    words = f"LVEF {limits.low:f}-{limits.high:f} %"
    finding = f"lvef {limits} on {event.day}: its history takes the lower end"
    return [replace(event, value=limits, said=words)], finding, f"{number} written as {words!r}"


_MAKERS: dict[str, Callable[[Event, list[Event], float], _Replacement | None]] = {
    "missing": _missing,
    "twice": _twice,
    "contradictory": _contradictory,
    "other_unit": _other_unit,
    "as_text": _as_text,
}


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
    return sum((other.fact, other.day, other.specimen) == same for other in whole) > 1


def _is_last(event: Event, whole: list[Event]) -> bool:
    """Whether no later event says the same fact."""
    day = event.day or dt.date.max
    return all(other.fact != event.fact or other is event or (other.day or dt.date.min) < day for other in whole)
