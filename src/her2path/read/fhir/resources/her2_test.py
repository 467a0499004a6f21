"""A FHIR Observation of a HER2 test as events: codes, values in all their shapes, status and date.

The rules, in the order they are applied:
1. `entered-in-error`, `cancelled` and `nullified` are passed over, and counted. `preliminary` and `registered`
   results are unknown with the reason *preliminary*.
2. Of several codings the most telling one counts (`codes.TELLING`); codings of IHC and of ISH on one
   observation contradict each other, and nothing is read from it.
3. Components are read like observations of their own, with the parent's date, specimen and status.
4. A value may be coded, text, a quantity, an integer, a ratio, a range or a boolean (`answer.py`). A coded value
   that is not listed is read by its text, or refused; words are read by their phrases (`her2_values.py`).
5. Code, display, text, interpretation and note must agree; words may add a score to a code.
6. A status that is missing is taken as final, and said; one that is not understood makes the result unknown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ....facts.codes import TELLING, Codes, Key, check_digit_holds, system_name
from ....facts.fact import Facts
from ....facts.value import Reason, Unknown, Value
from ....facts.words.texts import NotUnderstood
from ....record.event import UNMAPPED_TEST, WORDS_ALONE, Event, Trouble
from ...coding import Coded, coded_of
from ...her2_text import Unread, statement_of
from ...swapped import codes_elsewhere, words_elsewhere
from ..answer import codings_of, read_answer, text_of
from ..her2_values import read_values
from ..resource import VOID

_SCORE = re.compile(r"(?<![\d.,+])[0-3]\s?\+(?![+\d])")
UNREAD = ("serum", "immunoassay", "variant", "unclear")
FINAL = ("final", "amended", "corrected", "appended")
EARLY = ("preliminary", "registered")
EFFECTIVE_DAYS = ("effectiveDateTime", "effectivePeriod.start", "effectivePeriod.end", "issued")
FALLBACK_DAYS = {"issued": "effectiveDateTime"}
"""The fields of which `read_day` takes the day of a result, and which of them counts only without another."""


def meaning(concept: Any, codes: Codes) -> tuple[str, list[str]]:
    """What a code means: the most telling of its codings, or "", and what is wrong with the others.

    Codings that name two different tests contradict each other: the meaning is then "contradictory".
    """
    tests: set[str] = set()
    wrong: list[str] = []
    named: list[str] = []
    for coding in codings_of(concept):
        code, system = str(coding.get("code", "")).strip(), system_name(coding.get("system"))
        key: Key = (system, code)
        if key in codes.tests:
            tests.add(codes.tests[key])
        elif any(code == known for _, known in codes.tests):
            wrong.append(f"code {code} stands under the system {coding.get('system')!r}; expected http://loinc.org")
        elif _names_her2(coding.get("display"), codes):
            digit = "" if check_digit_holds(system, code) else " (its check digit is wrong)"
            where = system or repr(coding.get("system"))
            named.append(f"{where} {code} speaks of HER2 but is not a code we know{digit}: {coding['display']}")
        else:
            named += [words for each in coded_of([coding]) if (words := _swapped(each, codes))]
    if not tests and not named and not wrong and _names_her2(text_of(concept), codes):
        named.append(f"{text_of(concept)!r} speaks of HER2, but no code says which test it is; expected a LOINC code")
    told = wrong if tests else wrong + named  # a code of the laboratory beside one that is known adds nothing
    exact = tests - {"overall", "panel", "cells", "ish"}
    if len(exact) > 1 or ("ish" in tests and "ihc" in tests):
        return "contradictory", [*told, "one observation is coded as several tests: " + ", ".join(sorted(tests))]
    return next((means for means in (*TELLING, *UNREAD) if means in tests), ""), told


def _swapped(coding: Coded, codes: Codes) -> str:
    """A code or a name of a HER2 test that stands in the place of another part of its coding, in words."""
    for place, written in codes_elsewhere(coding):
        if any(written == known for _, known in codes.tests):
            return f"code {written} stands in the {place} of its coding; expected it in its code"
    for place, words, together in words_elsewhere(coding):
        if _names_her2(together, codes):
            return f"{words!r} speaks of HER2 and stands in the {place} of its coding; expected a LOINC code"
    return ""


def _names_her2(words: Any, codes: Codes) -> bool:
    return isinstance(words, str) and bool(codes.names.named(words, ("her2",)))


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
        is_lost = not means and not parts
        said = read_answer(resource, codes).words if is_lost else ""
        yield Trouble(
            UNMAPPED_TEST if is_lost else str(Reason.UNMAPPED_CODE), origin,
            f"{trouble} (it says {said[:80]!r})" if said else trouble,
        )  # fmt: skip
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
        if part is resource and (notes := _notes(resource)):
            understood = [note for note in notes if _says_result(note, meant, codes)]
            answer = replace(answer, beside=(*answer.beside, *understood))
            for note in notes:
                if note not in understood and (_SCORE.search(note) or _names_her2(note, codes)):
                    yield Trouble(WORDS_ALONE, origin, f"its note is not understood: {note[:120]!r}")
        if meant == "cells" or (part is resource and answer.absent == "no value" and len(parts) > 1):
            continue
        for name, value, note in read_values(meant, answer, facts, cells):
            said = answer.words or str(answer.number if answer.number is not None else answer.interval or "")
            yield Event(
                name, by_status(value, status), day, specimen, origin, said or answer.absent or answer.refused,
                status in FINAL[1:], note,
            )  # fmt: skip


def _notes(resource: Mapping[str, Any]) -> list[str]:
    notes = resource.get("note")
    texts = [note.get("text") for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()]


def _says_result(note: str, means: str, codes: Codes) -> bool:
    """Whether a note is understood as a whole and says a result."""
    read = codes.texts.read(note)
    try:
        return not isinstance(read, NotUnderstood) and not statement_of(read, means).is_empty
    except Unread:
        return False


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
