"""Until when contraception is needed after the last dose, and which last dose a planned conception allows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..facts.problem import AskedWrongly
from ..facts.value import Json, Value
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, GO_ON, HOLD, UNTIL, Answer, Case, Detail, Missing, Step
from .asking import CALLED, Asking, cases_of, missing_of, steps_of
from .days import day_given, in_words, months_later
from .names import Drug, described, drug_named
from .words import listed, outcome_said

OPTIONS = {"sex": "--sex female|male"}
SEXES = {"woman": "female", "man": "male", "f": "female", "m": "male"}
WHO = {"female": "a woman", "male": "a man"}
_LENGTH = re.compile(r"(\d+)(?: (day|week)s?)?")
NONE_STATED = "none stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class WashoutAnswer(Answer):
    """The answer on contraception: the last day `until` which it is needed, or the `latest_dose` that lets a planned
    conception be; `None` where it cannot be told. `length` is the label's time, by the product for which it is
    longest; of several products the longest counts."""

    drugs: tuple[Drug, ...]
    length: str
    until: dt.date | None
    latest_dose: dt.date | None
    last_dose: dt.date | None
    conception: dt.date | None

    def own(self) -> dict[str, Json]:
        return {
            "products": [drug.product for drug in self.drugs], "length": self.length or None,
            "last_dose": _iso(self.last_dose), "until": _iso(self.until), "conception": _iso(self.conception),
            "latest_dose": _iso(self.latest_dose),
        }  # fmt: skip


def answer_washout(
    products: str | Sequence[str] = (), *, last_dose: dt.date | str | None = None,
    conception: dt.date | str | None = None, sex: str | None = None, jurisdiction: str | None = None,
    on: dt.date | None = None, facts: Mapping[str, object] | None = None, at: Site | None = None,
    knowledge: Knowledge | None = None,
) -> WashoutAnswer:  # fmt: skip
    """Contraception after the last dose of one or several products, which had their last dose on the same day.

    `last_dose` gives the last day of contraception; a planned `conception` the latest last dose; both together whether
    they fit. `sex` is female or male; without it the answer holds both. Raises `AskedWrongly`.
    """
    asking = Asking(knowledge, jurisdiction, on, at, facts)
    names = [products] if isinstance(products, str) else [*products]
    if not names:
        asking.assume("trastuzumab", "name another product")
    drugs = tuple(drug_named(name, asking.knowledge) for name in names or ["trastuzumab"])
    dosed = None if last_dose is None else day_given(last_dose, "--last-dose")
    wanted = None if conception is None else day_given(conception, "--conception")
    if dosed is None and wanted is None:
        raise AskedWrongly(
            "give the day of the last dose (--last-dose), of a planned conception (--conception), or both"
        )
    values = asking.read_all([("sex", SEXES.get((sex or "").lower(), sex), "--sex")])
    return _answer(asking, drugs, values, dosed, wanted)


def _answer(
    asking: Asking, drugs: tuple[Drug, ...], values: dict[str, Value], dosed: dt.date | None, wanted: dt.date | None
) -> WashoutAnswer:  # fmt: skip
    decisions = [asking.decide("contraception_months", {**values, "product": drug.product}) for drug in drugs]
    chain = [step for decision in decisions for step in steps_of(decision)]
    missing = list(dict.fromkeys(each for decision in decisions for each in missing_of(decision, OPTIONS)))
    cases: list[Case] = []
    length, until, latest = "", None, None
    if all(decision.value for decision in decisions):
        length = _longest(decisions)
        until, latest = _days(length, dosed, wanted)
        chain += _arithmetic(length, dosed, until, wanted, latest)
    else:
        cases = _cases(asking, drugs, values, dosed, wanted)
    if length == NONE_STATED:
        changes = "The label states none; ask the prescriber."
        missing.append(Missing("how long contraception is needed after the last dose", changes))
    headline, tone = _headline(asking, drugs, length, dosed, until, wanted, latest, cases)
    return WashoutAnswer(
        question="washout", headline=headline, tone=tone, settled=bool(length), jurisdiction=asking.jurisdiction,
        on=str(asking.on), possible=tuple(dict.fromkeys(v for d in decisions if not d.value for v in d.possible)),
        details=_details(length, dosed, until, wanted, latest), cases=tuple(cases), chain=tuple(chain),
        missing=tuple(missing), assumed=tuple(asking.assumed), drugs=drugs, length=length, until=until,
        latest_dose=latest, last_dose=dosed, conception=wanted,
    )  # fmt: skip


def _longest(decisions: list[Decision]) -> str:
    """The longest time; none stated where no label states one."""
    lengths = [decision.value or NONE_STATED for decision in decisions]
    stated = [length for length in lengths if length != NONE_STATED]
    return max(stated, key=_about_days) if stated else NONE_STATED


def _about_days(length: str) -> int:
    """A time in days, a month as 30: to compare times alone."""
    number, unit = _parts(length)
    return number * {"": 30, "day": 1, "week": 7}[unit]


def _parts(length: str) -> tuple[int, str]:
    match = _LENGTH.fullmatch(length)
    if match is None:
        raise AskedWrongly(f"the label's time {length!r} cannot be counted")
    return int(match[1]), match[2] or ""


def _later(day: dt.date, length: str) -> dt.date:
    number, unit = _parts(length)
    if not unit:
        return months_later(day, number)
    return day + dt.timedelta(days=number * (7 if unit == "week" else 1))


def _earlier(day: dt.date, length: str) -> dt.date:
    """The latest day whose time after it is over on a day."""
    number, unit = _parts(length)
    found = months_later(day, -number) if not unit else day - dt.timedelta(days=number * (7 if unit == "week" else 1))
    while _later(found + dt.timedelta(days=1), length) <= day:
        found += dt.timedelta(days=1)
    while _later(found, length) > day:
        found -= dt.timedelta(days=1)
    return found


def _days(length: str, dosed: dt.date | None, wanted: dt.date | None) -> tuple[dt.date | None, dt.date | None]:
    """The last day of contraception, and the latest dose for a conception."""
    if length == NONE_STATED:
        return None, None
    return None if dosed is None else _later(dosed, length), None if wanted is None else _earlier(wanted, length)


def _arithmetic(
    length: str, dosed: dt.date | None, until: dt.date | None, wanted: dt.date | None, latest: dt.date | None
) -> list[Step]:  # fmt: skip
    words = outcome_said("contraception_months", length).removeprefix("contraception: ")
    steps = []
    if dosed is not None and until is not None:
        steps.append(Step(f"last dose {dosed}, {words} after it", str(until)))
    if wanted is not None and latest is not None:
        steps.append(Step(f"conception {wanted}, {words} before it", str(latest)))
    return steps


def _cases(
    asking: Asking, drugs: tuple[Drug, ...], values: Mapping[str, Value], dosed: dt.date | None, wanted: dt.date | None
) -> list[Case]:  # fmt: skip
    """A case for each sex, with its days."""
    if "sex" in values:
        decision = asking.decide("contraception_months", {**values, "product": drugs[0].product})
        return [*cases_of(decision)]
    cases = []
    for sex, who in WHO.items():
        decisions = [
            asking.decide("contraception_months", {**values, "sex": sex, "product": drug.product}) for drug in drugs
        ]
        if not all(decision.value for decision in decisions):
            possible = {v for decision in decisions for v in decision.possible}
            cases.append(Case((who,), f"not settled: {listed(sorted(possible), 'or')}", differs=(who,)))
            continue
        length = _longest(decisions)
        rows = ", ".join(dict.fromkeys(row for decision in decisions for row in decision.last_rows))
        until, latest = _days(length, dosed, wanted)
        cases.append(Case((who,), _told(length, dosed, until, wanted, latest), rows, differs=(who,)))
    return cases


def _told(
    length: str, dosed: dt.date | None, until: dt.date | None, wanted: dt.date | None, latest: dt.date | None
) -> str:  # fmt: skip
    """The answer of one length in words."""
    if length == NONE_STATED:
        return "the label states no time"
    words = outcome_said("contraception_months", length).removeprefix("contraception: ")
    if wanted is None or latest is None:
        return f"contraception at least until {in_words(until)} ({words})" if until else words
    if dosed is None or until is None:
        return f"for a conception on {in_words(wanted)} the last dose is on {in_words(latest)} at the latest ({words})"
    if wanted >= until:
        return f"a conception on {in_words(wanted)} is late enough: from {in_words(until)} on ({words})"
    days = (until - wanted).days
    early = "1 day" if days == 1 else f"{days} days"
    return f"a conception on {in_words(wanted)} is {early} too early: from {in_words(until)} on ({words})"


def _headline(
    asking: Asking, drugs: tuple[Drug, ...], length: str, dosed: dt.date | None, until: dt.date | None,
    wanted: dt.date | None, latest: dt.date | None, cases: Sequence[Case],
) -> tuple[str, str]:  # fmt: skip
    names = listed([described(drug, asking.knowledge, asking.jurisdiction) for drug in drugs])
    label = f"{names}, {CALLED[asking.jurisdiction]} label"
    if not length:
        told = "; ".join(f"{case.when[0]}: {case.then}" if case.when else case.then for case in cases)
        return f"{told[:1].upper()}{told[1:]} ({label}).", ASK
    told = _told(length, dosed, until, wanted, latest)
    tone = UNTIL if length != NONE_STATED else ASK
    if dosed is not None and wanted is not None and until is not None:
        tone = GO_ON if wanted >= until else HOLD
    return f"{told[:1].upper()}{told[1:]} ({label}).", tone


def _details(
    length: str, dosed: dt.date | None, until: dt.date | None, wanted: dt.date | None, latest: dt.date | None
) -> tuple[Detail, ...]:  # fmt: skip
    if not length or length == NONE_STATED:
        return ()
    details = []
    if dosed is not None and until is not None:
        details.append(Detail("last dose", str(dosed)))
        details.append(Detail("until", f"{until}, that day included"))
    if wanted is not None and latest is not None:
        details.append(Detail("conception", str(wanted)))
        details.append(Detail("dose", f"on {latest} at the latest"))
    return tuple(details)


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
