"""A FHIR Observation of a HER2 test as events: codes, values in all their shapes, status and date.

The rules, in the order they are applied:
1. `entered-in-error` and `cancelled` are passed over, and counted. `preliminary` and `registered`
   results are unknown with the reason *preliminary*.
2. Of several codings the most telling one counts (`codes.TELLING`); codings of IHC and of ISH on one
   observation contradict each other, and nothing is read from it.
3. Components are read like observations of their own, with the parent's date, specimen and status.
4. A value may be coded, text, a quantity, an integer, a ratio, a range or a boolean. A coded value
   that is not listed is read by its text, or refused.
5. Signals are not copies: a total over n cells becomes a mean only where the cells counted are stated.
6. A status that is missing is taken as final, and said; one that is not understood makes the result unknown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ....facts.codes import TELLING, Codes, Key, check_digit_holds, system_name
from ....facts.fact import Facts
from ....facts.number import parse_number
from ....facts.value import NOT_REPORTED, OneOf, Reason, Unknown, Value
from ....record.event import RECORDED_STATUS, Event, Trouble
from ..answer import Answer, codings_of, read_answer, text_of

UNREAD = ("serum", "immunoassay", "variant", "unclear")
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
_RATIO_WITH_COPIES = re.compile(
    r"(?P<ratio>[<>≤≥=]*\s*[\d.,]+)\s*[(;,]\s*(?:her-?2\s*)?(?:cn|copy number|copies|mean copies)\s*[:=]?\s*"
    r"(?P<copies>[<>≤≥=]*\s*[\d.,]+)(?:\s*(?:copies|signals)?\s*/\s*(?:cell|nucleus))?\s*\)?",
    re.IGNORECASE,
)
_NAMED_NUMBER = re.compile(
    r"(?:(?:her-?2\s*[:/]\s*(?:cep|cen|chr)\s*-?17\s*)?ratio|her-?2\s*[:/]\s*(?:cep|cen|chr)\s*-?17)"
    r"\s*(?:of|is|[:=])?\s*(?P<number>.+)",
    re.IGNORECASE,
)
_NOT_DONE = ("not done", "not performed", "not tested", "not reported", "n/a", "not applicable")
_PENDING = ("pending", "in progress", "to follow", "awaited")
_ISH_WORDS = {
    "positive": "positive", "amplified": "positive", "detected": "positive", "gene amplified": "positive",
    "her2 amplified": "positive", "pos": "positive",
    "negative": "negative", "not amplified": "negative", "non-amplified": "negative", "nonamplified": "negative",
    "non amplified": "negative", "no amplification": "negative", "unamplified": "negative", "neg": "negative",
    "not detected": "negative",
    "equivocal": "equivocal", "borderline": "equivocal",
}  # fmt: skip
_STATUS_WORDS = {"positive": "positive", "negative": "negative", "equivocal": "equivocal", "low": "negative"}
_FAILED = ("indeterminate", "inconclusive", "failed", "unsatisfactory", "uninterpretable", "insufficient")
SHORT = 40
FINAL = ("final", "amended", "corrected", "appended")
EARLY = ("preliminary", "registered")
VOID = ("entered-in-error", "cancelled")


def meaning(concept: Any, codes: Codes) -> tuple[str, list[str]]:
    """What a code means: the most telling of its codings, or "", and what is wrong with the others.

    Codings that name two different tests contradict each other: the meaning is then "contradictory".
    """
    tests: set[str] = set()
    told: list[str] = []
    for coding in codings_of(concept):
        code, system = str(coding.get("code", "")).strip(), system_name(coding.get("system"))
        key: Key = (system, code)
        if key in codes.tests:
            tests.add(codes.tests[key])
        elif any(code == known for _, known in codes.tests):
            told.append(f"code {code} stands under the system {coding.get('system')!r}; expected http://loinc.org")
        elif speaks_of_her2(coding.get("display")):
            wrong = "" if check_digit_holds(system, code) else " (its check digit is wrong)"
            where = system or repr(coding.get("system"))
            told.append(f"{where} {code} speaks of HER2 but is not a code we know{wrong}: {coding['display']}")
    if not tests and not told and speaks_of_her2(text_of(concept)):
        told.append(f"{text_of(concept)!r} speaks of HER2, but no code says which test it is; expected a LOINC code")
    exact = tests - {"overall", "panel", "cells", "ish"}
    if len(exact) > 1 or ("ish" in tests and "ihc" in tests):
        return "contradictory", [*told, "one observation is coded as several tests: " + ", ".join(sorted(tests))]
    return next((means for means in (*TELLING, *UNREAD) if means in tests), ""), told


def speaks_of_her2(text: Any) -> bool:
    """Whether a display or text names HER2."""
    return isinstance(text, str) and any(word in text.lower() for word in ("her2", "her-2", "erbb2"))


def read_values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> tuple[tuple[str, Value, str], ...]:
    """The facts one answer gives, each with its value (or why it is unknown) and a note."""
    if cells is None and answer.number is None and answer.interval is None and len(answer.words) <= SHORT:
        return _values_of_words(means, answer, facts)
    return tuple(_values(means, answer, facts, cells))


@lru_cache(maxsize=10_000)
def _values_of_words(means: str, answer: Answer, facts: Facts) -> tuple[tuple[str, Value, str], ...]:
    """Short words come again and again; numbers and reports do not, and nothing of them is kept."""
    return tuple(_values(means, answer, facts, None))


def _values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> Iterator[tuple[str, Value, str]]:
    words = " ".join(answer.words.split())
    lower = words.lower()
    fact = _main_fact(means)
    if answer.refused:
        yield fact, Unknown(Reason.UNPARSABLE_TEXT, f"{fact}: {answer.refused}"), ""
    elif answer.absent:
        yield fact, Unknown(Reason.ABSENT, answer.absent), ""
    elif not words and answer.number is None and answer.interval is None:
        reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.ABSENT
        yield fact, Unknown(reason, answer.unmapped or "an empty value"), ""
    elif lower in _NOT_DONE:
        yield fact, NOT_REPORTED, ""
    elif lower in _PENDING:
        yield fact, Unknown(Reason.PRELIMINARY, words), ""
    elif any(lower.startswith(word) for word in _FAILED):
        yield fact, Unknown(Reason.ABSENT, f"the test failed: {words}"), ""
    elif means == "ihc":
        yield from _ihc(answer, lower, words, facts)
    elif means == "overall":
        yield from _overall(answer, lower, words, facts)
    elif means == "ish":
        yield from _ish(answer, lower, words, facts)
    elif means in NUMBERS:
        yield from _number(means, answer, words, facts, cells)


def _main_fact(means: str) -> str:
    return {"ihc": "ihc_score", "ish": "ish_result", "overall": RECORDED_STATUS}.get(means) or NUMBERS[means]


def _ihc(answer: Answer, lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    if answer.unit.lower() not in _UNITS["ihc"] or answer.interval is not None or answer.pair is not None:
        yield "ihc_score", _refused("ihc_score", f"{answer.interval or words} {answer.unit}", facts), ""
        return
    if lower.replace(" ", "") == "0+":
        yield "any_membrane_staining", "yes", "0+ is read as score 0 with some membrane staining"
    raw: Any = answer.number if answer.number is not None and not words else words
    value = facts["ihc_score"].coerce(raw)
    note = ""
    if lower in ("positive", "negative", "equivocal") and not isinstance(value, Unknown):
        note = f"no score was recorded: IHC {lower} is read as {value}"
    elif isinstance(value, OneOf):
        note = f"IHC {words!r} is read as {value}"
    if isinstance(value, Unknown) and answer.unmapped:
        value = Unknown(Reason.UNMAPPED_CODE, f"{answer.unmapped} {words!r}, expected an IHC score")
    yield "ihc_score", value, note


def _overall(answer: Answer, lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    word = lower.removeprefix("her2").strip(" -:")
    if word in _STATUS_WORDS:
        yield RECORDED_STATUS, _STATUS_WORDS[word], ""
        return
    # A bare number under an interpretation could be anything; a score has its plus, or is 0.
    is_score = answer.number is None and ("+" in words or words == "0")
    score = facts["ihc_score"].coerce(words) if is_score else None
    if score is None or isinstance(score, Unknown):
        whole = f"{words} {answer.unit}".strip()
        detail = f"HER2 interpretation {whole!r}, expected positive, negative, equivocal or an IHC score such as 2+"
        yield RECORDED_STATUS, Unknown(Reason.UNPARSABLE_TEXT, detail), ""
    else:
        yield "ihc_score", score, f"the interpretation {words!r} is an IHC score"


def _ish(answer: Answer, lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    word = re.sub(r"^(?:her-?2|erbb2|ish|fish|gene)[\s:-]+", "", lower).strip(" .")
    if word in _ISH_WORDS:
        yield "ish_result", _ISH_WORDS[word], ""
        return
    if group := re.fullmatch(r"(?:ish\s*)?group\s*([1-5])", lower):
        yield "ish_group", group[1], ""
        return
    read = list(_number("ratio", answer, words, facts, None))
    if all(isinstance(value, Unknown) for _, value, _ in read):
        reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.UNPARSABLE_TEXT
        detail = f"ISH {answer.unmapped} {words!r} {answer.unit}, expected a word such as amplified, or a ratio"
        yield "ish_result", Unknown(reason, " ".join(detail.split())), ""
        return
    for name, value, note in read:
        extra = "a number under an ISH presence code is read as the HER2/CEP17 ratio"
        yield name, value, "; ".join(filter(None, (note, extra if name == "her2_cep17_ratio" else "")))


def _number(
    means: str, answer: Answer, words: str, facts: Facts, cells: Decimal | None
) -> Iterator[tuple[str, Value, str]]:
    name = NUMBERS[means]
    unit = answer.unit.strip().lower()
    value: Any = answer.interval if answer.interval is not None else answer.number
    if answer.pair is not None and means == "ratio":
        yield name, facts[name].coerce(value), f"{answer.pair[0]} / {answer.pair[1]}"
        return
    total = _TOTAL.fullmatch(words)
    if total and means != "ratio":
        count = parse_number(total[1])
        if isinstance(count, Decimal):
            yield name, *_mean_of_total(name, count, Decimal(total[2]), facts)
        else:
            yield name, _refused(name, words, facts), ""
        return
    if means != "ratio" and (bare := _SIGNALS.fullmatch(words)):
        yield name, *_total(name, parse_number(bare[1]), "signals", cells, facts)
        return
    per_cell = means != "ratio" and _is_per_cell(unit)
    if "signal" in unit and not per_cell and means != "ratio":
        yield name, *_total(name, value, answer.unit, cells, facts)
        return
    if unit not in _UNITS[means] and not per_cell:
        yield name, Unknown(Reason.UNPARSABLE_TEXT, f"{name} unit {answer.unit!r}, expected {facts[name].unit}"), ""
        return
    if value is None and (both := _RATIO_WITH_COPIES.fullmatch(words)) and means == "ratio":
        yield name, facts[name].coerce(both["ratio"].strip()), ""
        yield "her2_copies", facts["her2_copies"].coerce(both["copies"].strip()), f"copies from {words!r}"
        return
    if value is None:
        named = _NAMED_NUMBER.fullmatch(words)
        value = named["number"] if named and means == "ratio" else words
    elif cells and unit in _NO_UNIT and isinstance(value, Decimal) and value >= cells and value == value.to_integral():
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


def read_day(resource: Mapping[str, Any]) -> tuple[dt.date | None, str]:
    """The day an observation speaks of, and a trouble where it cannot be told exactly.

    `effective[x]`, then `issued`. A year or a month alone is taken as its first day, and said.
    """
    period = resource.get("effectivePeriod")
    date = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    if not date and isinstance(period, dict):
        date = period.get("start") or period.get("end")
    date = date or resource.get("issued")
    if date is None or date == "":
        return None, "no date"
    try:
        if not isinstance(date, str):
            raise ValueError
        if len(date) == 4:
            return dt.date(int(date), 1, 1), f"only the year {date} is given; taken as its first day"
        if len(date) == 7:
            return dt.date.fromisoformat(date + "-01"), f"only the month {date} is given; taken as its first day"
        if len(date) > 10 and date[10] not in "T ":
            raise ValueError
        return dt.date.fromisoformat(date[:10]), ""
    except ValueError:
        return None, f"date {str(date)[:40]!r} cannot be read; expected YYYY-MM-DD"


def read_observation(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Iterator[Event | Trouble]:
    """Every event of one Observation of a HER2 test, and every trouble with it."""
    status = resource.get("status")
    means, told = meaning(resource.get("code"), codes)
    parts: list[tuple[str, Mapping[str, Any]]] = []
    components = resource.get("component")
    for component in components if isinstance(components, list) else []:
        meant, wrong = meaning(component.get("code") if isinstance(component, dict) else None, codes)
        told += wrong
        if meant and meant not in (*UNREAD, "contradictory", "panel"):
            parts.append((meant, component))
    if status in VOID:
        yield Trouble("passed over", origin, f"status {status}")
        return
    for trouble in told:
        yield Trouble(Reason.UNMAPPED_CODE, origin, trouble)
    if means in UNREAD:
        yield Trouble("passed over", origin, f"{_what(resource)} is no IHC or ISH of tissue ({means})")
    elif means and means not in ("panel", "contradictory"):
        parts.insert(0, (means, resource))
    if not parts:
        return
    day, trouble = read_day(resource)
    if trouble:
        yield Trouble("date", origin, trouble)
    if status is None:
        yield Trouble("status", origin, "no status; taken as final")
    reference = resource.get("specimen")
    named = reference.get("reference") if isinstance(reference, dict) else ""
    specimen = specimen_name(named) if isinstance(named, str) else ""
    if isinstance(named, str) and named.startswith("#"):
        specimen = f"{origin}{named}"  # contained: a name of this resource alone
    cells = next((read_answer(part, codes).number for meant, part in parts if meant == "cells"), None)
    for meant, part in parts:
        answer = read_answer(part, codes)
        if meant == "cells" or (part is resource and answer.absent == "no value" and len(parts) > 1):
            continue
        for name, value, note in read_values(meant, answer, facts, cells):
            said = answer.words or str(answer.number if answer.number is not None else answer.interval or "")
            yield Event(
                name, by_status(value, status), day, specimen, origin, said or answer.absent or answer.refused,
                status in FINAL[1:], note,
            )  # fmt: skip


def specimen_name(reference: str) -> str:
    """A specimen's id in a reference, whether relative, an address or a `urn:uuid:`."""
    return reference.partition("/_history/")[0].rpartition("/")[2].rpartition(":")[2]


def by_status(value: Value, status: Any) -> Value:
    """A result as its status lets it count."""
    if status is None or status in FINAL:
        return value
    if status in EARLY:
        return Unknown(Reason.PRELIMINARY, f"status {status}")
    return Unknown(Reason.PRELIMINARY, f"status {status!r}, expected one of {', '.join((*FINAL, *EARLY, *VOID))}")


def _what(resource: Mapping[str, Any]) -> str:
    return next((str(c.get("display") or c.get("code")) for c in codings_of(resource.get("code"))), "the code")
