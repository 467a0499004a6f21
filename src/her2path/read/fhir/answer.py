"""The value of a FHIR observation or component, whichever shape it has, as one Answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.number import compared, parse_number
from ...facts.value import Interval

COMPARATORS = {"<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">="}
NOT_PERFORMED = ("not-performed", "not-applicable")
ALTERNATIVES = (
    frozenset({"positive", "negative", "equivocal"}),
    frozenset({"0", "1+", "2+", "3+"}),
    frozenset({"yes", "no"}),
)
"""Answers of which one excludes the others."""
TAG = re.compile(r"\s*\((?:qualifier value|finding|disorder|observable entity|situation)\)\s*$")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value as it stands: its words, a number or an interval, its unit; or why it is absent or refused.

    `unmapped` names a code that is not listed; `refused` says what is wrong with the value itself. `beside` are
    the other words of the same answer (displays, text, interpretation): they must say the same.
    """

    words: str = ""
    number: Decimal | None = None
    interval: Interval | None = None
    unit: str = ""
    absent: str = ""
    unmapped: str = ""
    refused: str = ""
    pair: tuple[Decimal, Decimal] | None = None
    beside: tuple[str, ...] = ()
    is_contradiction: bool = False


def codings_of(concept: Any) -> Iterator[Mapping[str, Any]]:
    """The codings of a codeable concept that are well formed."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else []:
        if isinstance(coding, dict):
            yield coding


def text_of(concept: Any) -> str:
    """The text of a codeable concept, or ""."""
    text = concept.get("text") if isinstance(concept, dict) else None
    return text.strip() if isinstance(text, str) else ""


def read_answer(resource: Mapping[str, Any], codes: Codes) -> Answer:
    """The value of an observation or component, with its interpretation beside it."""
    answer = _value(resource, codes)
    interpretation = resource.get("interpretation")
    said = [_interpreted(each, codes) for each in interpretation] if isinstance(interpretation, list) else []
    told = [each for each in said if each.words or each.refused]
    if not told or answer.refused:
        return answer
    if refused := next((each for each in told if each.refused), None):
        return replace(answer, refused=refused.refused, is_contradiction=True)
    if answer.absent == "no value" or not (answer.absent or answer.words or _is_number(answer)):
        answer, *told = told if answer.absent else (replace(told[0], unmapped=answer.unmapped), *told[1:])
    return replace(answer, beside=tuple(dict.fromkeys((*answer.beside, *_words_of(told, answer.words)))))


def _is_number(answer: Answer) -> bool:
    return answer.number is not None or answer.interval is not None


def _words_of(told: Iterable[Answer], words: str) -> Iterator[str]:
    for each in told:
        yield from (said for said in (each.words, *each.beside) if said and said.lower() != words.lower())


def _interpreted(concept: Any, codes: Codes) -> Answer:
    """What an interpretation says; nothing where it is a flag (normal, high) that is no answer of a test."""
    if not isinstance(concept, dict):
        return Answer()
    answer = _coded(concept, codes)
    is_flag = answer.unmapped and all(
        system_name(coding.get("system")) == "V3-INTERPRETATION" for coding in codings_of(concept)
    )
    return Answer() if is_flag else answer


def _value(resource: Mapping[str, Any], codes: Codes) -> Answer:
    absent = resource.get("dataAbsentReason")
    if isinstance(absent, dict):
        reasons = [str(coding.get("code")) for coding in codings_of(absent)]
        if any(reason in NOT_PERFORMED for reason in reasons):
            return Answer(words="not done")
        return Answer(absent=text_of(absent) or next(iter(reasons), "no reason given"))
    concept = resource.get("valueCodeableConcept")
    if isinstance(concept, dict):
        return _coded(concept, codes)
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict):
        return _quantity(quantity)
    for name in ("valueInteger", "valueDecimal"):
        if name in resource:
            return Answer(number=_decimal(resource[name]), words=str(resource[name]))
    if isinstance(resource.get("valueString"), str):
        return Answer(words=resource["valueString"].strip())
    if isinstance(resource.get("valueBoolean"), bool):
        return Answer(words="positive" if resource["valueBoolean"] else "negative")
    if isinstance(ratio := resource.get("valueRatio"), dict):
        return _ratio(ratio)
    if isinstance(limits := resource.get("valueRange"), dict):
        low, high = (_decimal(_part(limits, side)) for side in ("low", "high"))
        if low is None and high is None:
            return Answer(refused="a range without limits")
        return Answer(interval=Interval(low, high, True, True))
    given = next((name for name in resource if name.startswith("value")), None)
    if given is not None:
        return Answer(refused=f"{given} {str(resource[given])[:80]!r} has a shape that is not understood")
    return Answer(absent="no value")


def _coded(concept: Mapping[str, Any], codes: Codes) -> Answer:
    """A coded value: the listed codes, which must agree with each other; displays and text stand beside them.

    Where no code is listed, its text or display are its words.
    """
    text = TAG.sub("", text_of(concept))
    answers: list[str] = []
    listed: list[str] = []
    others: list[str] = []
    unmapped = ""
    for coding in codings_of(concept):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        display = coding.get("display")
        shown = TAG.sub("", display.strip()) if isinstance(display, str) else ""
        if key in codes.answers:
            answers.append(codes.answers[key])
            listed.append(shown)
        else:
            unmapped = unmapped or f"{coding.get('system')} {coding.get('code')}"
            others.append(shown)
    if any(len(set(answers) & alike) > 1 for alike in ALTERNATIVES):
        words = "codes that contradict each other: " + " and ".join(sorted(set(answers)))
        return Answer(refused=words, is_contradiction=True)
    first, *rest = [*dict.fromkeys(said for said in ([*answers, text, *listed, *others]) if said)] or [""]
    beside = tuple(said for said in rest if said.lower() != first.lower())
    return Answer(words=first, unmapped="" if answers else unmapped, beside=beside)


def _quantity(quantity: Mapping[str, Any]) -> Answer:
    number = _decimal(quantity.get("value"))
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    said = quantity.get("comparator")
    if said is not None:
        if said not in COMPARATORS or number is None:
            return Answer(
                refused=f"comparator {said!r} with value {quantity.get('value')!r}; expected one of <, <=, >=, >"
            )
        return Answer(interval=compared(COMPARATORS[said], number), unit=unit)
    return Answer(number=number, unit=unit, words=str(quantity.get("value") or ""))


def times(number: Decimal | Interval, factor: Decimal) -> Decimal | Interval:
    """A number, or both ends of an interval, in another unit: to the thousandth, without idle zeros."""
    if isinstance(number, Interval):
        low, high = (None if end is None else _times(end, factor) for end in (number.low, number.high))
        return Interval(low, high, number.low_included, number.high_included)
    return _times(number, factor)


def _times(number: Decimal, factor: Decimal) -> Decimal:
    if not number.is_finite() or abs(number.adjusted()) > 12:
        return number
    digits = f"{round(number * factor, 3):f}"
    return Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)


def unit_of(quantity: Any, known: re.Pattern[str]) -> str:
    """The unit of a quantity: its code where that is a unit that is known, else its wording, else its code."""
    if not isinstance(quantity, dict):
        return ""
    code, said = str(quantity.get("code") or "").strip(), str(quantity.get("unit") or "").strip()
    return code if known.fullmatch(code.lower()) else said or code


def _ratio(ratio: Mapping[str, Any]) -> Answer:
    top, low = (_decimal(_part(ratio, side)) for side in ("numerator", "denominator"))
    try:
        if top is not None and low is not None:
            return Answer(number=top / low, pair=(top, low), words=f"{top}:{low}")
    except ArithmeticError:
        pass
    return Answer(refused=f"the ratio {_part(ratio, 'numerator')} : {_part(ratio, 'denominator')} cannot be worked out")


def _part(whole: Mapping[str, Any], side: str) -> Any:
    part = whole.get(side)
    return part.get("value") if isinstance(part, dict) else part


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float):
        return Decimal(repr(value))
    if isinstance(value, str) and value.strip().lower().lstrip("+-") in ("nan", "infinity", "inf"):
        return Decimal(value.strip())
    parsed = parse_number(value.strip().lower()) if isinstance(value, str) else None
    return parsed if isinstance(parsed, Decimal) else None
