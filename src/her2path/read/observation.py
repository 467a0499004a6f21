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
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..fact import Facts
from ..phrase import compared, parse_number
from ..record import RECORDED_STATUS, Event, Trouble
from ..value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value
from .codes import TELLING, Codes, Key, check_digit_holds, system_name

UNREAD = ("serum", "immunoassay", "variant", "unclear")
NUMBERS = {"ratio": "her2_cep17_ratio", "her2_copies": "her2_copies", "cep17_copies": "cep17_copies"}
NUMBER_NAMES = {name: means for means, name in NUMBERS.items()}

_PER_CELL = re.compile(r"(copies|signals|#|count)?\W*(/|per)\W*(cell|nucleus|nuclei|cells)?", re.IGNORECASE)
_PLAIN_UNITS = ("", "1", "{ratio}", "ratio", "{score}", "score", "{#}", "#", "{copies}", "copies", "n/a")
_TOTAL = re.compile(
    r"([\d.,]+)\s*(?:total\s+)?(?:her-?2\s+)?signals?\s*(?:/|in|over|per)\s*(\d+)\s*(?:cells|nuclei)", re.I
)
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
_NOT_DONE = ("not done", "not performed", "not tested", "not reported", "n/a", "na", "not applicable", "not available")
_PENDING = ("pending", "in progress", "to follow", "awaited")
_ISH_WORDS = {
    "positive": "positive", "amplified": "positive", "detected": "positive", "gene amplified": "positive",
    "her2 amplified": "positive", "pos": "positive", "present": "positive",
    "negative": "negative", "not amplified": "negative", "non-amplified": "negative", "nonamplified": "negative",
    "non amplified": "negative", "no amplification": "negative", "unamplified": "negative", "neg": "negative",
    "not detected": "negative", "absent": "negative",
    "equivocal": "equivocal", "borderline": "equivocal",
}  # fmt: skip
_STATUS_WORDS = {"positive": "positive", "negative": "negative", "equivocal": "equivocal", "low": "negative"}
_FAILED = ("indeterminate", "inconclusive", "failed", "unsatisfactory", "uninterpretable", "insufficient")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value as it stands: its words, a number, or an interval, with the unit and why it may be absent."""

    words: str = ""
    number: Decimal | None = None
    interval: Interval | None = None
    unit: str = ""
    absent: str = ""
    unmapped: str = ""
    pair: tuple[Decimal, Decimal] | None = None


def meaning(codings: list[Any], codes: Codes) -> tuple[str, Key | None, list[str]]:
    """What a list of codings means: the most telling one, its key, and troubles with the rest."""
    found: dict[str, Key] = {}
    told: list[str] = []
    for coding in codings:
        if not isinstance(coding, dict):
            continue
        code, system = str(coding.get("code", "")).strip(), system_name(coding.get("system"))
        key = (system, code)
        if key in codes.tests:
            found[codes.tests[key]] = key
        elif not system and any(code == known for _, known in codes.tests):
            told.append(f"code {code} has the system {coding.get('system')!r}; expected http://loinc.org")
        elif system and _speaks_of_her2(coding.get("display")):
            wrong = "" if check_digit_holds(system, code) else " (its check digit is wrong)"
            told.append(f"{system} {code} speaks of HER2 but is not a code we know{wrong}")
    if "ihc" in found and ({"ish", *NUMBERS} & set(found)):
        return "contradictory", None, [*told, "one observation is coded as IHC and as ISH"]
    for means in (*TELLING, *UNREAD):
        if means in found:
            return means, found[means], told
    return "", None, told


def _speaks_of_her2(text: Any) -> bool:
    return isinstance(text, str) and ("her2" in text.lower() or "her-2" in text.lower() or "erbb2" in text.lower())


def read_answer(resource: Mapping[str, Any], codes: Codes) -> Answer:
    """The value of an observation or component, whichever shape it has."""
    absent = resource.get("dataAbsentReason")
    if isinstance(absent, dict):
        coded_reasons = [c.get("code") for c in absent.get("coding") or [] if isinstance(c, dict)]
        reason = absent.get("text") or next(iter(coded_reasons), "")
        return Answer(absent=str(reason or "no reason given"))
    concept = resource.get("valueCodeableConcept")
    if isinstance(concept, dict):
        return _coded(concept, codes)
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, dict):
        number = _decimal(quantity.get("value"))
        unit = str(quantity.get("code") or quantity.get("unit") or "")
        comparator = quantity.get("comparator")
        if number is not None and comparator in ("<", "<=", ">", ">="):
            return Answer(interval=compared(str(comparator), number), unit=unit)
        return Answer(number=number, unit=unit, words=str(quantity.get("value") or ""))
    for name in ("valueInteger", "valueDecimal"):
        if name in resource:
            number = _decimal(resource[name])
            return Answer(number=number, words=str(resource[name]))
    if isinstance(resource.get("valueString"), str):
        return Answer(words=resource["valueString"].strip())
    if isinstance(resource.get("valueBoolean"), bool):
        return Answer(words="positive" if resource["valueBoolean"] else "negative")
    if isinstance(ratio := resource.get("valueRatio"), dict):
        parts = [_decimal((ratio.get(side) or {}).get("value")) for side in ("numerator", "denominator")]
        if parts[0] is not None and parts[1]:
            return Answer(number=parts[0] / parts[1], pair=(parts[0], parts[1]))
        return Answer(words=str(ratio))
    if isinstance(limits := resource.get("valueRange"), dict):
        low, high = (_decimal((limits.get(side) or {}).get("value")) for side in ("low", "high"))
        return Answer(interval=Interval(low, high, True, True))
    interpretation = resource.get("interpretation")
    if isinstance(interpretation, list) and interpretation and isinstance(interpretation[0], dict):
        return _coded(interpretation[0], codes)
    return Answer(absent="no value")


def _coded(concept: Mapping[str, Any], codes: Codes) -> Answer:
    unmapped = ""
    for coding in concept.get("coding") or []:
        if not isinstance(coding, dict):
            continue
        key = (system_name(coding.get("system")), str(coding.get("code", "")))
        if key in codes.answers:
            return Answer(words=codes.answers[key])
        unmapped = f"{coding.get('system')} {coding.get('code')}"
        if isinstance(coding.get("display"), str) and not concept.get("text"):
            return Answer(words=coding["display"].strip(), unmapped=unmapped)
    return Answer(words=str(concept.get("text") or "").strip(), unmapped=unmapped)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float):
        return Decimal(repr(value))
    parsed = parse_number(value.strip().lower()) if isinstance(value, str) else None
    return parsed if isinstance(parsed, Decimal) else None


@lru_cache(maxsize=50_000)
def read_values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> tuple[tuple[str, Value, str], ...]:
    """The facts one answer gives, each with its value (or why it is unknown) and a note."""
    return tuple(_values(means, answer, facts, cells))


def _values(means: str, answer: Answer, facts: Facts, cells: Decimal | None) -> Iterator[tuple[str, Value, str]]:
    words = " ".join(answer.words.split())
    lower = words.lower()
    if answer.absent:
        yield _main_fact(means), Unknown(Reason.ABSENT, answer.absent), ""
    elif lower in _NOT_DONE:
        yield _main_fact(means), NOT_REPORTED, ""
    elif lower in _PENDING:
        yield _main_fact(means), Unknown(Reason.PRELIMINARY, words), ""
    elif any(lower.startswith(word) for word in _FAILED):
        yield _main_fact(means), Unknown(Reason.ABSENT, f"the test failed: {words}"), ""
    elif means == "ihc":
        yield from _ihc(answer, lower, words, facts)
    elif means == "overall":
        yield from _overall(lower, words, facts)
    elif means == "ish":
        yield from _ish(answer, lower, words, facts)
    elif means in NUMBERS:
        yield from _number(means, answer, words, facts, cells)


def _main_fact(means: str) -> str:
    return {"ihc": "ihc_score", "ish": "ish_result", "overall": RECORDED_STATUS}.get(means) or NUMBERS[means]


def _ihc(answer: Answer, lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    if answer.unit.lower() not in _PLAIN_UNITS:
        yield "ihc_score", _refused("ihc_score", f"{words} {answer.unit}", facts), ""
        return
    if answer.interval is not None:
        yield "ihc_score", _refused("ihc_score", str(answer.interval), facts), ""
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


def _overall(lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    said = lower.removeprefix("her2").strip(" -:")
    if said in _STATUS_WORDS:
        yield RECORDED_STATUS, _STATUS_WORDS[said], ""
        return
    score = facts["ihc_score"].coerce(words)
    if isinstance(score, Unknown):
        yield RECORDED_STATUS, Unknown(Reason.UNPARSABLE_TEXT, f"HER2 interpretation {words!r}"), ""
    else:
        yield "ihc_score", score, f"the interpretation {words!r} is an IHC score"


def _ish(answer: Answer, lower: str, words: str, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    said = re.sub(r"^(?:her-?2|erbb2|ish|fish|gene)[\s:-]+", "", lower).strip(" .")
    if said in _ISH_WORDS:
        yield "ish_result", _ISH_WORDS[said], ""
    elif group := re.fullmatch(r"(?:ish\s*)?group\s*([1-5])", lower):
        yield "ish_group", group[1], ""
    elif answer.number is not None or answer.interval is not None or words:
        read = list(_number("ratio", answer, words, facts, None))
        if all(isinstance(value, Unknown) for _, value, _ in read):
            reason = Reason.UNMAPPED_CODE if answer.unmapped else Reason.UNPARSABLE_TEXT
            detail = f"ISH {answer.unmapped} {words!r}, expected a word such as amplified, or a ratio"
            yield "ish_result", Unknown(reason, " ".join(detail.split())), ""
        else:
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
        yield from _mean_of_total(name, Decimal(total[1].replace(",", ".")), Decimal(total[2]), facts)
        return
    if "signal" in unit and not _PER_CELL.fullmatch(unit.strip("{}")) and "cell" not in unit and "nucle" not in unit:
        if cells and isinstance(value, Decimal):
            yield from _mean_of_total(name, value, cells, facts)
        else:
            detail = f"{value} {answer.unit} is a total over cells, expected copies per cell"
            yield name, Unknown(Reason.IMPLAUSIBLE, detail), ""
        return
    if unit and unit not in _PLAIN_UNITS and not _is_per_cell(unit):
        yield name, Unknown(Reason.UNPARSABLE_TEXT, f"unit {answer.unit!r}, expected {facts[name].unit}"), ""
        return
    if value is None and (both := _RATIO_WITH_COPIES.fullmatch(words)) and means == "ratio":
        yield name, facts[name].coerce(both["ratio"].strip()), ""
        yield "her2_copies", facts["her2_copies"].coerce(both["copies"].strip()), f"copies from {words!r}"
        return
    if value is None:
        named = _NAMED_NUMBER.fullmatch(words)
        value = named["number"] if named and means == "ratio" else words
    read = facts[name].coerce(value)
    if isinstance(read, Unknown) and read.reason is Reason.IMPLAUSIBLE and cells and isinstance(answer.number, Decimal):
        detail = f"{answer.number} over {cells} cells looks like a total of signals, not copies per cell"
        read = Unknown(Reason.IMPLAUSIBLE, detail)
    yield name, read, ""


def _is_per_cell(unit: str) -> bool:
    bare = unit.replace("{", "").replace("}", "").replace("[", "").replace("]", "")
    return bool(_PER_CELL.fullmatch(bare))


def _mean_of_total(name: str, total: Decimal, cells: Decimal, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    if cells <= 0:
        yield name, Unknown(Reason.IMPLAUSIBLE, f"{total} signals over {cells} cells"), ""
        return
    yield name, facts[name].coerce(total / cells), f"{total} signals over {cells} cells = {total / cells:.2f} per cell"


def _refused(name: str, said: str, facts: Facts) -> Unknown:
    return Unknown(Reason.UNPARSABLE_TEXT, f"{name} {said.strip()!r}, expected {facts[name].expected()}")


def read_day(resource: Mapping[str, Any]) -> tuple[dt.date | None, str]:
    """The day an observation speaks of, and a trouble where it cannot be told exactly.

    `effective[x]`, then `issued`. A year or a month alone is taken as its first day, and said.
    """
    period = resource.get("effectivePeriod")
    said = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    if not said and isinstance(period, dict):
        said = period.get("start") or period.get("end")
    said = said or resource.get("issued")
    if not isinstance(said, str) or not said:
        return None, "no date"
    try:
        if len(said) == 4:
            return dt.date(int(said), 1, 1), f"only the year {said} is given"
        if len(said) == 7:
            return dt.date.fromisoformat(said + "-01"), f"only the month {said} is given"
        return dt.date.fromisoformat(said[:10]), ""
    except ValueError:
        return None, f"date {said!r} cannot be read; expected YYYY-MM-DD"


def read_observation(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Iterator[Event | Trouble]:
    """Every event of one Observation of a HER2 test, and every trouble with it."""
    status = resource.get("status")
    code = resource.get("code")
    codings = code.get("coding") or [] if isinstance(code, dict) else []
    means, _, told = meaning(codings if isinstance(codings, list) else [], codes)
    for trouble in told:
        yield Trouble(Reason.UNMAPPED_CODE, origin, trouble)
    if status in ("entered-in-error", "cancelled"):
        yield Trouble("passed over", origin, f"status {status}")
        return
    if means in UNREAD:
        yield Trouble("passed over", origin, f"{_what(codings)} is no IHC or ISH of tissue ({means})")
        return
    if means == "contradictory":
        return
    day, trouble = read_day(resource)
    if trouble:
        yield Trouble("date", origin, trouble)
    reference = resource.get("specimen")
    specimen = str(reference.get("reference") or "") if isinstance(reference, dict) else ""
    amended = status in ("amended", "corrected", "appended")
    parts: list[tuple[str, Mapping[str, Any]]] = [(means, resource)] if means and means != "panel" else []
    for component in resource.get("component") or []:
        if isinstance(component, dict) and isinstance(component.get("code"), dict):
            meant, _, told = meaning(component["code"].get("coding") or [], codes)
            for each in told:
                yield Trouble(Reason.UNMAPPED_CODE, origin, each)
            if meant and meant not in (*UNREAD, "contradictory", "panel"):
                parts.append((meant, component))
    cells = next((read_answer(part, codes).number for meant, part in parts if meant == "cells"), None)
    for meant, part in parts:
        if meant == "cells":
            continue
        answer = read_answer(part, codes)
        if part is resource and answer.absent == "no value" and len(parts) > 1:
            continue
        for name, value, note in read_values(meant, answer, facts, cells):
            early = status in ("preliminary", "registered")
            read = Unknown(Reason.PRELIMINARY, f"status {status}") if early else value
            said = answer.words or str(answer.number if answer.number is not None else answer.interval or answer.absent)
            yield Event(name, read, day, specimen, origin, said, amended, note)


def _what(codings: list[Any]) -> str:
    return next((str(c.get("display") or c.get("code")) for c in codings if isinstance(c, dict)), "the code")
