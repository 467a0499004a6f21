"""The value of one answer under a code of a HER2 test, as facts: words by their phrases, numbers by their units.

What stands beside the words of an answer (display, text, interpretation, note) must say the same, and may add a score.
Signals are not copies: a total over n cells becomes a mean only where the cells counted are stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...facts.number import parse_number
from ...facts.value import NOT_REPORTED, Reason, Unknown, Value
from ...facts.words.texts import BREAK, NotUnderstood, Texts
from ...record.event import RECORDED_STATUS
from ..her2_text import Contradiction, FactValue, Unread, facts_of, statement_of
from .answer import Answer

NUMBERS = {"ratio": "her2_cep17_ratio", "her2_copies": "her2_copies", "cep17_copies": "cep17_copies"}
_PER_CELL = re.compile(r"(copies|signals|#|count)?\W*(/|per)\W*(cell|nucleus|nuclei|cells)?", re.IGNORECASE)
_NO_UNIT = ("", "1", "{#}", "#", "n/a")
_UNITS = {
    "ratio": (*_NO_UNIT, "{ratio}", "ratio"),
    "her2_copies": (*_NO_UNIT, "{copies}", "copies"),
    "cep17_copies": (*_NO_UNIT, "{copies}", "copies"),
    "ihc": (*_NO_UNIT, "{score}", "score"),
}
_TOTAL = re.compile(
    r"([\d.,]+)\s*(?:total\s+)?(?:her-?2\s+)?signals?\s*(?:/|in|over|per)\s*(\d+)\s*(?:cells|nuclei)", re.I
)
_SIGNALS = re.compile(r"([\d.,]+)\s*(?:her-?2\s+|cep17\s+)?signals", re.IGNORECASE)
_SCORES = re.compile(r"(?<![\d.,+])[0-3]\s?\+(?![+\d])")
_NOT_DONE = ("n/a", "not tested", "not performed", "not done", "not reported", "not applicable")
_FAILED = ("indeterminate", "inconclusive", "failed", "unsatisfactory", "uninterpretable", "insufficient")
SHORT = 60


def read_values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> tuple[FactValue, ...]:
    """The facts one answer gives, each with its value (or why it is unknown) and a note."""
    if cells is None and answer.number is None and answer.interval is None and len(answer.words) <= SHORT:
        return _values_of_words(means, answer, facts)
    return tuple(_values(means, answer, facts, cells))


@lru_cache(maxsize=10_000)
def _values_of_words(means: str, answer: Answer, facts: Facts) -> tuple[FactValue, ...]:
    """Short words come again and again; numbers and reports do not, and nothing of them is kept."""
    return tuple(_values(means, answer, facts, None))


def main_fact(means: str) -> str:
    """The fact that a code asks for first."""
    return {"ihc": "ihc_score", "ish": "ish_result", "overall": RECORDED_STATUS}.get(means) or NUMBERS[means]


def _values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> Iterator[FactValue]:
    words = " ".join(answer.words.split())
    lower = words.lower()
    fact = main_fact(means)
    is_number = answer.number is not None or answer.interval is not None
    if answer.refused:
        reason = Reason.CONTRADICTORY if answer.is_contradiction else Reason.UNPARSABLE_TEXT
        yield fact, Unknown(reason, f"{fact}: {answer.refused}"), ""
    elif answer.absent:
        yield fact, Unknown(Reason.ABSENT, answer.absent), ""
    elif not words and not is_number:
        reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.ABSENT
        yield fact, Unknown(reason, answer.unmapped or "an empty value"), ""
    elif lower in _NOT_DONE and not answer.beside:
        yield fact, NOT_REPORTED, ""
    elif any(lower.startswith(word) for word in _FAILED):
        yield fact, Unknown(Reason.ABSENT, f"the test failed: {words}"), ""
    elif is_number:
        yield from _of_number(means, answer, words, facts, cells)
    elif means in NUMBERS and (count := _of_count(means, words, cells, facts)) is not None:
        yield count
    else:
        yield from _of_words(means, answer, words, facts)


def _of_words(means: str, answer: Answer, words: str, facts: Facts) -> Iterator[FactValue]:
    """The facts of a text and of what stands beside it."""
    texts = codes_of(facts).texts
    fact = main_fact(means)
    try:
        told = list(_of_text(means, words, answer, facts, texts))
    except Contradiction as contradiction:
        beside = "".join(f", beside it {other!r}" for other in answer.beside)
        what = f"{fact} {words!r}{beside} says two different things: {contradiction}"
        yield fact, Unknown(Reason.CONTRADICTORY, what), ""
        return
    except Unread as unread:
        yield fact, _not_understood(means, answer, words, NotUnderstood(str(unread), ""), facts), ""
        return
    if means in NUMBERS and all(name != fact for name, _, _ in told):
        told = [(fact, _not_understood(means, answer, words, NotUnderstood("", ""), facts), "")]
    yield from told


def _of_text(means: str, words: str, answer: Answer, facts: Facts, texts: Texts) -> Iterator[FactValue]:
    fact = main_fact(means)
    understood: list[str] = []
    remark = ""
    for said in (words, *answer.beside):
        read = texts.read(said)
        if not isinstance(read, NotUnderstood):
            if said is words or not statement_of(read, means).is_empty:
                understood.append(said)
        elif said is words:
            yield fact, _not_understood(means, answer, words, read, facts), ""
            return
        else:
            understood += _gist(said)
            remark = remark or f"beside it stands {said[:80]!r}, which is not understood"
    whole = texts.read(BREAK.join(understood))
    assert not isinstance(whole, NotUnderstood)  # every part of it was understood
    statement = statement_of(whole, means)
    if statement.is_empty:
        yield fact, _not_understood(means, answer, words, NotUnderstood("", ""), facts), ""
        return
    for fact, value, note in facts_of(statement, words, facts, texts):
        yield fact, value, "; ".join(filter(None, (note, remark)))
        remark = ""


def _gist(said: str) -> list[str]:
    """The scores with their signs, and the result word at the beginning, of words that are not understood."""
    first = (said.lower().split() or [""])[0].strip(" ,;:()")
    return [*([first] if first in ("positive", "negative", "equivocal") else []), *_SCORES.findall(said)]


def _not_understood(means: str, answer: Answer, words: str, why: NotUnderstood, facts: Facts) -> Unknown:
    """What is told of a text that was not understood: where, the nearest phrase, and what was expected."""
    reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.UNPARSABLE_TEXT
    nearest = f"; {why.words!r} is not understood" if why.words and why.words != words.lower() else ""
    nearest += f", nearest is {why.nearest!r}" if why.nearest else ""
    said = f"{answer.unmapped} {words!r}".strip()
    if means == "ihc":
        expected = "an IHC score" if answer.unmapped else facts["ihc_score"].expected()
        return Unknown(reason, f"ihc_score {said}, expected {expected}{nearest}")
    if means == "overall":
        expected = "positive, negative, equivocal or an IHC score such as 2+"
        return Unknown(reason, f"HER2 interpretation {said}, expected {expected}{nearest}")
    if means == "ish":
        return Unknown(reason, f"ISH {said}, expected a word such as amplified, or a ratio{nearest}")
    name = NUMBERS[means]
    return Unknown(reason, f"{name} {said}, expected {facts[name].expected()}{nearest}")


def _of_number(means: str, answer: Answer, words: str, facts: Facts, cells: Decimal | None) -> Iterator[FactValue]:
    """The fact of a number with its unit; what stands beside it in words is compared."""
    read: list[FactValue]
    if means == "ihc":
        if answer.unit.lower() not in _UNITS["ihc"] or answer.interval is not None or answer.pair is not None:
            read = [("ihc_score", _refused("ihc_score", f"{answer.interval or words} {answer.unit}", facts), "")]
        else:
            read = [("ihc_score", facts["ihc_score"].coerce(words or answer.number), "")]
    elif means == "overall":
        # A bare number under an interpretation could be anything.
        read = [
            (
                RECORDED_STATUS,
                _not_understood(means, answer, f"{words} {answer.unit}".strip(), NotUnderstood("", ""), facts),
                "",
            )
        ]
    elif means == "ish":
        read = list(_of_quantity("ratio", answer, facts, None))
        if all(isinstance(value, Unknown) for _, value, _ in read):
            what = f"ISH {words!r} {answer.unit}".strip()
            read = [
                (
                    "ish_result",
                    Unknown(Reason.UNPARSABLE_TEXT, f"{what}, expected a word such as amplified, or a ratio"),
                    "",
                )
            ]
        else:
            extra = "a number under an ISH presence code is read as the HER2/CEP17 ratio"
            read = [(name, value, "; ".join(filter(None, (note, extra)))) for name, value, note in read]
    else:
        read = list(_of_quantity(means, answer, facts, cells))
    yield from _with_words(means, answer, read, facts)


def _with_words(means: str, answer: Answer, read: list[FactValue], facts: Facts) -> Iterator[FactValue]:
    """What was read of a number beside its words, which may not say another result."""
    value = read[0][1]
    if not answer.beside or isinstance(value, Unknown) or means == "overall":
        yield from read
        return
    named = {"ihc": "score {}", "ratio": "ratio {}", "ish": "ratio {}"}.get(means)
    if named is None:
        yield from read
        return
    texts = codes_of(facts).texts
    said = named.format(str(value).replace("= ", ""))
    try:
        for fact, other, note in _of_text(means, said, answer, facts, texts):
            if fact != read[0][0]:
                yield fact, other, note
        yield from read
    except Unread:
        yield from read
    except Contradiction as contradiction:
        what = f"{read[0][0]} {value}, beside it {' and '.join(map(repr, answer.beside))}: {contradiction}"
        yield read[0][0], Unknown(Reason.CONTRADICTORY, what), ""


def _of_count(means: str, words: str, cells: Decimal | None, facts: Facts) -> FactValue | None:
    """A bare number, or the mean of a total of signals that a text gives with its cells; `None` for any other text."""
    name = NUMBERS[means]
    value = facts[name].coerce(words)
    if not isinstance(value, Unknown) or value.reason is Reason.IMPLAUSIBLE:
        return name, value, ""
    if means == "ratio":
        return None
    if total := _TOTAL.fullmatch(words):
        count = parse_number(total[1])
        if isinstance(count, Decimal):
            return name, *_mean_of_total(name, count, Decimal(total[2]), facts)
        return name, _refused(name, words, facts), ""
    if bare := _SIGNALS.fullmatch(words):
        return name, *_total(name, parse_number(bare[1]), "signals", cells, facts)
    return None


def _of_quantity(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> Iterator[FactValue]:
    name = NUMBERS[means]
    unit = answer.unit.strip().lower()
    value: Any = answer.interval if answer.interval is not None else answer.number
    if answer.pair is not None and means == "ratio":
        yield name, facts[name].coerce(value), f"{answer.pair[0]} / {answer.pair[1]}"
        return
    per_cell = means != "ratio" and _is_per_cell(unit)
    if "signal" in unit and not per_cell and means != "ratio":
        yield name, *_total(name, value, answer.unit, cells, facts)
        return
    if unit not in _UNITS[means] and not per_cell:
        yield name, Unknown(Reason.UNPARSABLE_TEXT, f"{name} unit {answer.unit!r}, expected {facts[name].unit}"), ""
        return
    if cells and unit in _NO_UNIT and isinstance(value, Decimal) and value >= cells and value == value.to_integral():
        # A mean is seldom whole, and a total is at least the cells counted.
        detail = f"{name} {value} without a unit beside {cells} cells counted: a total, or a mean?"
        yield name, Unknown(Reason.IMPLAUSIBLE, detail), ""
        return
    yield name, facts[name].coerce(value), ""


def _is_per_cell(unit: str) -> bool:
    bare = unit.translate({ord(mark): None for mark in "{}[]"})
    return bool(_PER_CELL.fullmatch(bare))


def _total(name: str, value: Any, unit: str, cells: Decimal | None, facts: Facts) -> tuple[Value, str]:
    if cells and isinstance(value, Decimal):
        return _mean_of_total(name, value, cells, facts)
    detail = f"{name} {value} {unit} is a total over cells, expected copies per cell"
    return Unknown(Reason.IMPLAUSIBLE, detail), ""


def _mean_of_total(name: str, total: Decimal, cells: Decimal, facts: Facts) -> tuple[Value, str]:
    try:
        mean = total / cells
        note = f"{total} signals over {cells} cells = {mean:.2f} per cell"
    except ArithmeticError:
        return Unknown(Reason.IMPLAUSIBLE, f"{name} {total} signals over {cells} cells"), ""
    value = facts[name].coerce(mean)
    return value, "" if isinstance(value, Unknown) else note


def _refused(name: str, words: str, facts: Facts) -> Unknown:
    return Unknown(Reason.UNPARSABLE_TEXT, f"{name} {words.strip()!r}, expected {facts[name].expected()}")
