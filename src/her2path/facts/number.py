"""Numbers, limits and IHC scores as text says them: parsed, or refused, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from .value import Interval, OneOf

_NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?"
MG_PER_KG = re.compile(r"(\d+(?:\.\d+)?) mg/kg")
"""A dose of the label by body weight, as tables of doses say it: `5.4 mg/kg`."""
_PER_CELL = r"(?:\s*/\s*|\s+per\s+)(?:cell|nucleus)"
_COUNTED = rf"(?:copies(?:{_PER_CELL})?|signals{_PER_CELL})"
_UNIT = rf"(?:\s*(?:%|percent|{_COUNTED}))?"
_COMPARATORS = {
    "<": "<",
    "<=": "<=",
    "≤": "<=",
    ">": ">",
    ">=": ">=",
    "≥": ">=",
    "=<": "<=",
    "=>": ">=",
    "lt": "<",
    "lte": "<=",
    "le": "<=",
    "gt": ">",
    "gte": ">=",
    "ge": ">=",
    "less than": "<",
    "fewer than": "<",
    "below": "<",
    "under": "<",
    "greater than": ">",
    "more than": ">",
    "above": ">",
    "over": ">",
    "less than or equal to": "<=",
    "at most": "<=",
    "up to": "<=",
    "greater than or equal to": ">=",
    "at least": ">=",
}
_COMPARATOR = "|".join(re.escape(word) for word in sorted(_COMPARATORS, key=len, reverse=True))
_COMPARED = re.compile(rf"({_COMPARATOR})\s*({_NUMBER}){_UNIT}")
_EXACT = re.compile(rf"=?\s*({_NUMBER}){_UNIT}")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER}){_UNIT}")


def parse_number(word: str) -> Decimal | Interval | None:
    """A number or a limit as text says it ("2.00", "> 6", "less than 1.8", "4-6"); `None` if neither.

    A comma is a decimal point only before one or two last digits; "1,234" is refused.
    """
    if match := _EXACT.fullmatch(word):
        return _decimal(match[1])
    if match := _COMPARED.fullmatch(word):
        return compared(_COMPARATORS[match[1]], _decimal(match[2]))
    if match := _RANGE.fullmatch(word):
        low, high = _decimal(match[1]), _decimal(match[2])
        if low is not None and high is not None and low <= high:
            return Interval(low, high, True, True)
    return None


def compared(comparator: str, number: Decimal | None) -> Interval | None:
    """The interval that a comparator (`<`, `<=`, `>=`, `>`) and a number stand for."""
    if number is None:
        return None
    if comparator in ("<", "<="):
        return Interval(high=number, high_included=comparator == "<=")
    return Interval(low=number, low_included=comparator == ">=")


def _decimal(text: str) -> Decimal | None:
    if "," in text:
        if len(text.split(",")[1]) > 2:
            return None
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern admits only numbers
        return None
    return number


_SCORE = r"([0-3])\s*\+?"
_SCORE_ALONE = re.compile(
    rf"(?:her-?2(?:/neu)?\s*)?(?:ihc\s*)?(?:score\s*)?[:=]?\s*{_SCORE}"
    rf"(?:\s*\(?(positive|negative|equivocal)\)?)?|(positive|negative|equivocal)\s*[,:]?\s*\(?{_SCORE}\)?"
)
_OF_THREE = re.compile(r"([0-3])\s*(?:/|of|out of)\s*3\s*\+?|([0-3])\s*\+\s*(?:/\s*3|(?:of|out of)\s*3\s*\+?)")
_SIGNS = re.compile(r"\+{2,3}")
_SCORE_RANGE = re.compile(r"([0-3])\s*\+?\s*(?:-|–|to|or|/|,)\s*([0-3])\s*\+?")
_TWO_SCORES = re.compile(r"([0-3])\+?\s*\(\s*([0-3])\s*\+?\s+(?:outside|elsewhere|focal(?:ly)?|in places)\s*\)")
_SCORE_WORDS = {"positive": {"3+"}, "negative": {"0", "1+"}, "equivocal": {"2+"}}


def parse_ihc_score(word: str) -> str | OneOf | None:
    """An IHC score as pathologists write it; `None` when the text cannot be read as one.

    "2+", "2", "score 2+", "++" and "positive (3+)" are scores; "0/3+" and "2+/3" those of three. "0-1+" is 0 or 1+.
    "3+ (2+ outside)" names two scores, so it is 2+ or 3+. A word that contradicts its score ("negative (3+)") is
    refused.
    """
    if _SIGNS.fullmatch(word):
        return f"{len(word)}+"
    word = word.replace("3+++", "3+").replace("2++", "2+")
    if match := _OF_THREE.fullmatch(word):
        return _score(match[1] or match[2])
    if match := _SCORE_ALONE.fullmatch(word):
        digit, result_word = (match[1], match[2]) if match[1] else (match[4], match[3])
        score = _score(digit)
        return None if result_word and score not in _SCORE_WORDS[result_word] else score
    if match := _SCORE_RANGE.fullmatch(word):
        low, high = sorted((int(match[1]), int(match[2])))
        return _one_of(_score(str(step)) for step in range(low, high + 1))
    if match := _TWO_SCORES.fullmatch(word):
        return _one_of((_score(match[1]), _score(match[2])))
    if word in _SCORE_WORDS:
        # Every ASCO/CAP edition calls 3+ positive, 2+ equivocal, 0 and 1+ negative (Fig 1 of each).
        return _one_of(_SCORE_WORDS[word])
    return None


def _score(digit: str) -> str:
    return "0" if digit == "0" else f"{digit}+"


def _one_of(values: Iterable[str]) -> str | OneOf:
    chosen = frozenset(values)
    return next(iter(chosen)) if len(chosen) == 1 else OneOf(chosen)


_INTERVAL = re.compile(rf"([\[(])\s*({_NUMBER})?\s*\.\.\s*({_NUMBER})?\s*([\])])")
_LIMIT = re.compile(rf"(>=|<=|>|<|=)\s*({_NUMBER})")


def parse_interval(text: str) -> Interval | None:
    """A cell such as `>= 2.0`, `< 4`, `= 5` or `[4.0..6.0)`; `None` when it is none of these."""
    if match := _LIMIT.fullmatch(text):
        number = _plain_decimal(match[2])
        if number is None:
            return None
        return Interval(number, number, True, True) if match[1] == "=" else compared(match[1], number)
    if match := _INTERVAL.fullmatch(text):
        ends = [_plain_decimal(part) if part else None for part in (match[2], match[3])]
        if any(part and end is None for part, end in zip((match[2], match[3]), ends, strict=True)):
            return None
        low, high = ends
        return Interval(low, high, match[1] == "[", match[4] == "]")
    return None


def _plain_decimal(text: str) -> Decimal | None:
    """A number of a cell: with a point, never a comma, and of a sensible size."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if abs(number.adjusted()) < 400 else None
