"""An observation of the therapy as events: ejection fractions, weight and height, receptors, stage, pregnancy tests.

The code says the fact (`knowledge/codes/therapy/observations.md`); the value is read in whichever shape it has,
and status, date and components are read as those of a HER2 test are. A number without a unit is refused where
two units are in use for it (a weight may be pounds), and read where there is only one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ....facts.codes import Codes, system_name
from ....facts.fact import Facts
from ....facts.number import parse_number
from ....facts.pages.followed import read_followed
from ....facts.value import Interval, Reason, Unknown, Value
from ....facts.words.units import units
from ....record.event import Event, Trouble
from ..answer import TAG, Answer, codings_of, read_answer, times, unit_of
from ..resource import VOID
from ..terms import Meaning, ReadValue
from .her2_test import FINAL, by_status, read_day

_NO_UNIT = ("", "1", "{#}", "#", "{score}", "score", "{nodes}", "nodes", "{ratio}")
_PERCENT = ("%", "percent", "pct", "percentage", "prozent", "pourcent", "por ciento", "per cento")
_MEASURED = re.compile(r"([<>≤≥=]*\s*[\d.,]+)\s*(\[?[a-z]+(?:_[a-z]+)?\]?)", re.IGNORECASE)
_PART = re.compile(r"([\d.,]+)\s*([a-z]+)\.?")
_LVEF_WORDS = re.compile(
    r"(?:lv)?ef\s*(?:is|of|[:=])?\s*|(?:about|approximately|approx\.?|est(?:imated)?\.?|~)\s*", re.IGNORECASE
)
_ANY_UNIT = re.compile(r"[a-z\[\]_%]+")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_STAGE = re.compile(r"(?:.*\bstage\s+(?:group\s*)?|[cp]|yp)?(0|iv|i{1,3}|[1-4])\s*[a-d]?[1-3]?", re.DOTALL)
_GRADE = re.compile(r"(?:.*\bgrade\s*|g\s*)?(i{1,3}|[1-3])(?:\s*/\s*3)?")
_DOUBT = re.compile(r"\b(?:no|not|without|or|and|vs|to|versus|previous(?:ly)?|former(?:ly)?|suspected|possible)\b")
_NODES = re.compile(r"(?:[cp]|yp)?n([0-3x])[a-c]?(?:\(\w[+-]\)|mi)?")
WORDS: dict[str, dict[str, str]] = {
    "status": {
        "positive": "positive", "pos": "positive", "+": "positive", "detected": "positive", "present": "positive",
        "negative": "negative", "neg": "negative", "-": "negative", "not detected": "negative", "absent": "negative",
    },
    "menopausal_status": {
        "premenopausal": "premenopausal", "before menopause": "premenopausal", "pre-menopausal": "premenopausal",
        "perimenopausal": "premenopausal", "peri-menopausal": "premenopausal",
        "postmenopausal": "postmenopausal", "after menopause": "postmenopausal", "post-menopausal": "postmenopausal",
    },
    "pathological_response": {
        "complete": "complete", "pcr": "complete", "complete response": "complete",
        "pathological complete response": "complete", "pathologic complete response": "complete",
        "residual": "residual", "residual disease": "residual", "no pcr": "residual", "non-pcr": "residual",
    },
    "pregnant": {"pregnant": "yes", "not pregnant": "no"},
    "breastfeeding": {"breastfeeding": "yes", "lactating": "yes", "not breastfeeding": "no", "not lactating": "no"},
    "progression": {
        "progression": "yes", "progressive disease": "yes", "patient's condition worsened": "yes", "worsened": "yes",
        "stable": "no", "stable disease": "no", "patient's condition stable": "no", "improved": "no",
        "patient's condition improved": "no", "partial response": "no", "complete response": "no",
    },
}  # fmt: skip
"""Words of answers, beside the values of the fact themselves."""
YES_OR_NO = {
    "yes": "yes", "positive": "yes", "true": "yes", "present": "yes",
    "no": "no", "negative": "no", "false": "no", "absent": "no",
}  # fmt: skip
STATUSES = ("er_status", "pr_status", "pregnancy_test", "node_status", "hormone_receptor_status")


MOST_KEPT = 20_000
"""Values of which it is kept what they were read as."""


def read_clinical(
    resource: Mapping[str, Any],
    meanings: Sequence[Meaning],
    origin: str,
    codes: Codes,
    facts: Facts,
    read_values: dict[Any, ReadValue],
) -> Iterator[Event | Trouble]:
    """Every event of an observation of the therapy, and every trouble with it.

    `meanings` says what the observation and its components measure, in this order; `read_values` holds what was read
    before.
    """
    components = resource.get("component") if len(meanings) > 1 else None
    whole = (resource, *components) if isinstance(components, list) else (resource,)
    parts = [
        (measure, part, wrong)
        for (measure, wrong), part in zip(meanings, whole, strict=False)
        if measure is not None and measure.fact in facts
    ]
    told = [wrong for measure, wrong in meanings if wrong and measure is None]
    if not parts and not told:
        return
    status = resource.get("status")
    if status in VOID:
        yield Trouble("passed over", origin, f"status {status}")
        return
    limits = {each.value: each.limit for each in read_followed(facts.path.parent).multiples}
    for trouble in told:
        yield Trouble(Reason.UNMAPPED_CODE, origin, trouble)
    if not parts:
        return
    day, wrong_day = read_day(resource)
    if wrong_day:
        yield Trouble("date", origin, wrong_day)
    if status is None:
        yield Trouble("status", origin, "no status; taken as final")
    for measure, part, wrong in parts:
        read = _read_value(measure.fact, part, read_values, codes, facts)
        if read is None and wrong:
            yield Trouble(Reason.UNMAPPED_CODE, origin, wrong)
        if read is None and (wrong or (part is resource and len(parts) > 1)):
            continue
        value, note, said = read or (Unknown(Reason.ABSENT, "no value"), "", "")
        if wrong:
            value, note = Unknown(Reason.UNMAPPED_CODE, f"{said!r}: {wrong}"), ""
        counted = by_status(value, status)
        yield Event(
            measure.fact, counted, day, "", origin, said, status in FINAL[1:], note if counted is value else "",
            "", measure.method,
        )  # fmt: skip
        if measure.fact in limits and (limit := _upper_limit(part, measure.fact, limits[measure.fact], facts)):
            yield Event(limits[measure.fact], limit, day, "", origin, f"reference range of {said}")


def _upper_limit(part: Mapping[str, Any], fact: str, limit: str, facts: Facts) -> Value | None:
    """The upper end of a value's reference range, in the fact's own unit; of several the lowest, `None` for none."""
    ranges, quantity = part.get("referenceRange"), part.get("valueQuantity")
    found: list[Decimal] = []
    for each in ranges if isinstance(ranges, list) else ():
        high = each.get("high") if isinstance(each, dict) else None
        if not isinstance(high, dict) or not isinstance(
            number := parse_number(str(high.get("value")).lower()), Decimal
        ):
            continue
        unit = unit_of(high, _ANY_UNIT) or unit_of(quantity, _ANY_UNIT)
        value, _ = in_own_unit(fact, number, unit, facts)
        found += [value] if isinstance(value, Decimal) else []
    return facts[limit].coerce(min(found)) if found else None


def _read_value(
    fact: str, part: Mapping[str, Any], read_values: dict[Any, ReadValue], codes: Codes, facts: Facts
) -> ReadValue | None:
    """What a part says of a fact; the same quantity and the same codes are read once. `None` for no value."""
    key: Any = None
    quantity, concept = part.get("valueQuantity"), part.get("valueCodeableConcept")
    if "dataAbsentReason" in part or (quantity is not None and concept is not None):
        pass
    elif isinstance(concept, dict) and "coding" in concept:
        codings = [(c.get("system"), c.get("code"), c.get("display")) for c in codings_of(concept)]
        key = (fact, concept.get("text"), *codings)
    elif isinstance(quantity, dict) and concept is None:
        value = quantity.get("value")
        key = (fact, str(value), quantity.get("unit"), quantity.get("code"), quantity.get("comparator"))
    try:
        if key is not None and (known := read_values.get(key)) is not None:
            return known
    except TypeError:  # a part of a wrong type
        key = None
    answer = read_answer(part, codes)
    if answer.absent == "no value":
        return None
    value, note = value_of(fact, answer, part, codes, facts)
    said = answer.words or str(answer.number if answer.number is not None else answer.interval or answer.absent)
    read = value, note, f"{said} {answer.unit}".strip()
    if key is not None and len(read_values) < MOST_KEPT:
        read_values[key] = read
    return read


def value_of(fact: str, answer: Answer, part: Mapping[str, Any], codes: Codes, facts: Facts) -> tuple[Value, str]:
    """The value of a fact that an answer gives, or why it is unknown; and a note."""
    if answer.refused:
        reason = Reason.CONTRADICTORY if answer.is_contradiction else Reason.UNPARSABLE_TEXT
        return Unknown(reason, f"{fact}: {answer.refused}"), ""
    if answer.absent:
        return Unknown(Reason.ABSENT, answer.absent), ""
    claimed = _claimed(fact, part.get("valueCodeableConcept"), codes)
    if len(claimed) > 1:
        return Unknown(Reason.CONTRADICTORY, f"{fact}: its codes say {' and '.join(sorted(claimed))}"), ""
    if claimed:
        return facts[fact].coerce(claimed.pop()), ""
    if facts[fact].is_number:
        return number_of(fact, answer, part, facts)
    if answer.number is None and not answer.words:
        reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.ABSENT
        return Unknown(reason, answer.unmapped or "an empty value"), ""
    return category_of(fact, answer, facts)


def _claimed(fact: str, concept: Any, codes: Codes) -> set[str]:
    """The values that the codes of a coded answer state of the fact."""
    if not isinstance(concept, dict):
        return set()
    keys = ((system_name(c.get("system")), str(c.get("code", ""))) for c in codings_of(concept))
    return {value for key in keys for name, value in codes.therapy.claims.get(key, ()) if name == fact}


def number_of(fact: str, answer: Answer, part: Mapping[str, Any], facts: Facts) -> tuple[Value, str]:
    """A number in the fact's own unit."""
    number: Any = answer.number if answer.number is not None else answer.interval
    unit = answer.unit
    words = " ".join(answer.words.split())
    if isinstance(quantity := part.get("valueQuantity"), dict):
        unit = unit_of(quantity, _ANY_UNIT) if answer.unit not in _known_units(fact) else answer.unit
    elif number is not None and isinstance(limits := part.get("valueRange"), dict):
        unit = unit_of(limits.get("low") or limits.get("high"), _ANY_UNIT)
    elif number is None:
        return _number_of_words(fact, words, facts)
    return in_own_unit(fact, number, unit, facts)


def _known_units(fact: str) -> tuple[str, ...]:
    return (*units().get(fact, ()), *_NO_UNIT, *_PERCENT)


def _number_of_words(fact: str, words: str, facts: Facts) -> tuple[Value, str]:
    """A number as text says it, with its unit behind it where it has one."""
    bare = _LVEF_WORDS.sub("", words) if fact == "lvef" else words
    bare = re.sub(r"^cps\s*[:=]?\s*", "", bare, flags=re.IGNORECASE) if fact == "pdl1_cps" else bare
    if fact in units() and (whole := _sum_of_parts(fact, bare)) is not None:
        value = facts[fact].coerce(whole)
        return value, f"{words!r} is read as {whole} {facts[fact].unit}"
    if fact in units() and (match := _MEASURED.fullmatch(bare)):
        number = parse_number(match[1].strip().lower())
        if number is not None:
            return in_own_unit(fact, number, match[2], facts)
    parsed = parse_number(bare.strip().lower())
    if fact in units() and parsed is not None:
        return in_own_unit(fact, parsed, "", facts)
    if fact == "lvef" and parsed is not None:
        return in_own_unit(fact, parsed, "%" if "%" in bare else "", facts)
    return facts[fact].coerce(bare), ""


def _sum_of_parts(fact: str, words: str) -> Decimal | None:
    """The sum of a measure in two units ("11 st 3 lb", "5 ft 6 in") in the fact's own; `None` for any other text."""
    parts = _PART.findall(words.lower())
    factors = [units()[fact].get(unit) for _, unit in parts]
    if len(parts) != 2 or _PART.sub("", words.lower()).strip(" ,") or None in factors or not factors[0] > factors[1]:  # type: ignore[operator]
        return None
    numbers = [parse_number(number) for number, _ in parts]
    if not all(isinstance(number, Decimal) for number in numbers):
        return None
    return times(sum(number * factor for number, factor in zip(numbers, factors, strict=True)), Decimal(1))  # type: ignore[operator,misc,arg-type,return-value]


def in_own_unit(fact: str, number: Decimal | Interval, unit: str, facts: Facts) -> tuple[Value, str]:
    """A number of a unit in the fact's own unit, with a note where it was converted."""
    lower = unit.strip().lower()
    if fact == "lvef":
        return _lvef(number, lower, facts)
    if fact in units():
        factor = units()[fact].get(lower)
        if factor is None:
            what = f"{fact} {number} with the unit {unit!r}" if unit else f"{fact} {number} without a unit"
            return Unknown(Reason.UNPARSABLE_TEXT, f"{what}, expected {facts[fact].expected()}"), ""
        if factor == 1:
            return facts[fact].coerce(number), ""
        converted = times(number, factor)
        value = facts[fact].coerce(converted)
        return value, f"{number} {unit} is read as {converted} {facts[fact].unit}"
    if lower not in _NO_UNIT and lower != facts[fact].unit.lower():
        what = f"{fact} {number} with the unit {unit!r}, expected {facts[fact].expected()}"
        return Unknown(Reason.UNPARSABLE_TEXT, what), ""
    return facts[fact].coerce(number), ""


def _lvef(number: Decimal | Interval, unit: str, facts: Facts) -> tuple[Value, str]:
    """An ejection fraction in percent; a part of one (0.55) is a hundredth of it, and said."""
    if unit not in _PERCENT and unit not in _NO_UNIT:
        what = f"lvef {number} with the unit {unit!r}, expected {facts['lvef'].expected()}"
        return Unknown(Reason.UNPARSABLE_TEXT, what), ""
    ends = [number] if isinstance(number, Decimal) else [e for e in (number.low, number.high) if e is not None]
    is_part = unit not in _PERCENT and all(end.is_finite() and 0 < end <= 1 for end in ends)
    if not is_part:
        return facts["lvef"].coerce(number), ""
    percent = times(number, Decimal(100))
    return facts["lvef"].coerce(percent), f"the fraction {number} is read as {percent} percent"


def category_of(fact: str, answer: Answer, facts: Facts) -> tuple[Value, str]:
    """A category as words or a whole number say it; what stands beside it may not say another."""
    words = " ".join((answer.words or str(answer.number)).split())
    value, note = _category_of_words(fact, words, facts)
    if isinstance(value, Unknown) and answer.unmapped:
        detail = f"{fact} {answer.unmapped} {words!r}, expected {facts[fact].expected()}"
        return Unknown(Reason.UNMAPPED_CODE, detail), ""
    if not isinstance(value, Unknown):
        for said in answer.beside:
            other, _ = _category_of_words(fact, said, facts)
            if not isinstance(other, Unknown) and other != value:
                return Unknown(Reason.CONTRADICTORY, f"{fact} {words!r}, beside it {said!r}"), ""
    return value, note


def _category_of_words(fact: str, words: str, facts: Facts) -> tuple[Value, str]:
    lower = TAG.sub("", words.lower()).strip()
    known = WORDS["status"] if fact in STATUSES else WORDS.get(fact, {})
    if set(facts[fact].values) == {"yes", "no"}:
        known = YES_OR_NO | known
    if lower in known:
        return facts[fact].coerce(known[lower]), ""
    pattern = {"stage": _STAGE, "grade": _GRADE}.get(fact)
    if pattern is not None and (match := pattern.fullmatch(lower)) and not _DOUBT.search(lower):
        value = facts[fact].coerce(_ROMAN.get(match[1], match[1]))
        return value, "" if lower == match[1] else f"{words!r} is read as {value}"
    if fact == "node_status" and (match := _NODES.fullmatch(lower)) and match[1] != "x":
        value = "negative" if match[1] == "0" else "positive"
        return value, f"{words!r} is read as {value} nodes"
    return facts[fact].coerce(words), ""
