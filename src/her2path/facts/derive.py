"""From the facts given to the facts the tables read: what follows from what, by arithmetic or meaning.

Rules, each said in a note where it was used:
- HER2 copies beside a CEP17 that is more than any cell has are a total like it, and no copies a cell;
- the ratio is `her2_copies / cep17_copies` when it is not given; where it is given and cannot be that
  quotient even after rounding, both stand and the ratio is only known to lie between them;
- `ish_group` given without the numbers gives back the ranges of ratio and copies that define it;
- a fact that implies another (a ratio needs a dual probe) sets it, or contradicts it;
- a test of which nothing at all is given is *not reported*; of a test partly given the rest is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from . import arithmetic
from .fact import Fact, Facts
from .value import NOT_REPORTED, Interval, Reason, Unknown, Value

_CEP17_NUMBER = re.compile(r"cep17_copies (?:\[|\(|>=?\s*|=\s*)?(\d+(?:\.\d+)?)")
"""How the detail of a CEP17 that is implausible begins (`Fact.coerce`)."""
GROUP_MEANS = {
    # @wolff2018 Fig 3: the five groups of dual-probe ISH.
    "1": (Interval(low=Decimal("2.0"), low_included=True), Interval(low=Decimal("4.0"), low_included=True)),
    "2": (Interval(low=Decimal("2.0"), low_included=True), Interval(high=Decimal("4.0"))),
    "3": (Interval(high=Decimal("2.0")), Interval(low=Decimal("6.0"), low_included=True)),
    "4": (Interval(high=Decimal("2.0")), Interval(Decimal("4.0"), Decimal("6.0"), True, False)),
    "5": (Interval(high=Decimal("2.0")), Interval(high=Decimal("4.0"))),
}


@dataclass(slots=True)
class Given:
    """Facts ready for the tables: `values` known or named, `unknown` with reasons, and notes."""

    values: dict[str, Value]
    unknown: dict[str, Unknown] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def prepare(raw: Mapping[str, Any], facts: Facts, read: bool = False) -> Given:
    """Read raw facts and derive what follows from them. `raw` names only known facts.

    With `read`, the values are what `Fact.coerce` made of them, and are not read again.
    """
    given = Given({})
    values, unknown = given.values, given.unknown
    for name in sorted(raw, key=facts.place.__getitem__):
        value = raw[name] if read else facts[name].coerce(raw[name])
        if isinstance(value, Unknown):
            unknown[name] = value
        else:
            values[name] = value
    _totals_are_no_copies(given, facts)
    _drop_partly_not_reported(given, facts)
    _ratio_from_copies(given, facts.get("her2_cep17_ratio"))
    _group_means_numbers(given)
    _implied(given, facts)
    _not_reported(given, facts)
    if not arithmetic.RULE_INPUTS.isdisjoint(given.values):
        arithmetic.derive(given.values, given.unknown, facts)
    return given


def is_total(why: Unknown | None, cep17: Fact | None) -> bool:
    """Whether a CEP17 is unknown because it is more than any cell has: it must be a total over the cells counted."""
    found = _CEP17_NUMBER.match(why.detail) if why is not None and why.reason is Reason.IMPLAUSIBLE else None
    highest = cep17.plausible.high if cep17 is not None else None
    return found is not None and highest is not None and Decimal(found[1]) > highest


def _totals_are_no_copies(given: Given, facts: Facts) -> None:
    """HER2 copies that come with a total of CEP17 are a total too: they are no copies a cell."""
    why, copies = given.unknown.get("cep17_copies"), given.values.get("her2_copies")
    if why is None or copies is None or not is_total(why, facts.get("cep17_copies")):
        return
    del given.values["her2_copies"]
    detail = f"her2_copies {copies} stands beside a CEP17 that no cell has ({why.detail}): a total, no copies a cell"
    given.unknown["her2_copies"] = Unknown(Reason.IMPLAUSIBLE, detail)


def _drop_partly_not_reported(given: Given, facts: Facts) -> None:
    """`not reported` beside a reported fact of the same test is only *absent*."""
    if NOT_REPORTED not in given.values.values():
        return
    for members in facts.tests.values():
        not_reported = [fact.name for fact in members if given.values.get(fact.name) == NOT_REPORTED]
        reported = [f.name for f in members if given.values.get(f.name, NOT_REPORTED) != NOT_REPORTED]
        for name in not_reported:
            del given.values[name]
            if reported:
                given.unknown[name] = Unknown(Reason.ABSENT)


def _group_means_numbers(given: Given) -> None:
    group = given.values.get("ish_group")
    if not isinstance(group, str) or group not in GROUP_MEANS:
        return
    for name, interval in zip(("her2_cep17_ratio", "her2_copies"), GROUP_MEANS[group], strict=True):
        if name not in given.values:
            given.values[name] = interval
            given.unknown.pop(name, None)
            given.notes.append(f"ISH group {group} was given: {name} {interval}")


def _ratio_from_copies(given: Given, ratio_fact: Fact | None) -> None:
    copies, cep17 = given.values.get("her2_copies"), given.values.get("cep17_copies")
    if ratio_fact is None or copies is None or cep17 is None:
        return
    recorded = given.values.get("her2_cep17_ratio")
    if not _is_number(cep17) or not (_is_number(copies) or isinstance(copies, Interval)):
        return
    chromosome = as_decimal(cep17)
    try:
        quotient = _over(copies, chromosome) if isinstance(copies, Interval) else as_decimal(copies) / chromosome
    except ArithmeticError:
        given.unknown["her2_cep17_ratio"] = Unknown(Reason.IMPLAUSIBLE, f"({copies}) / {chromosome} is no ratio")
        return
    if recorded is None:
        value = ratio_fact.coerce(quotient)
        if isinstance(value, Unknown):
            given.unknown["her2_cep17_ratio"] = value
            return
        given.values["her2_cep17_ratio"] = value
        given.unknown.pop("her2_cep17_ratio", None)
        words = f"{quotient} = ({copies})"
        if isinstance(quotient, Decimal):
            words = f"{quotient:.2f} = {as_decimal(copies)}"
        given.notes.append(f"ratio {words} / {chromosome}")
    elif _is_number(recorded) and isinstance(quotient, Decimal):
        ratio, her2 = as_decimal(recorded), as_decimal(copies)
        if not quotient_agrees(ratio, her2, chromosome):
            given.values["her2_cep17_ratio"] = Interval(min(ratio, quotient), max(ratio, quotient), True, True)
            detail = f"ratio {ratio} recorded, but {her2} / {chromosome} = {quotient:.2f}"
            given.unknown["her2_cep17_ratio"] = Unknown(Reason.CONTRADICTORY, detail)
    elif (
        isinstance(recorded, Interval)
        and isinstance(quotient, Decimal)
        and not recorded.overlaps(_quotient_range(as_decimal(copies), chromosome))
    ):
        del given.values["her2_cep17_ratio"]
        detail = f"ratio {recorded} recorded, but {as_decimal(copies)} / {chromosome} = {quotient:.2f}"
        given.unknown["her2_cep17_ratio"] = Unknown(Reason.CONTRADICTORY, detail)


def _over(interval: Interval, divisor: Decimal) -> Interval:
    low, high = (None if limit is None else limit / divisor for limit in (interval.low, interval.high))
    return Interval(low, high, interval.low_included, interval.high_included)


def quotient_agrees(ratio: Decimal, her2: Decimal, cep17: Decimal) -> bool:
    """Whether `ratio` can be her2 / cep17 when each was rounded as it is written (half a last digit)."""
    half = half_digit(ratio)
    return Interval(ratio - half, ratio + half, True, True).overlaps(_quotient_range(her2, cep17))


def _quotient_range(her2: Decimal, cep17: Decimal) -> Interval:
    """What her2 / cep17 can be when each was rounded as it is written."""
    half_her2, half_cep17 = half_digit(her2), half_digit(cep17)
    low = (her2 - half_her2) / (cep17 + half_cep17)
    high = (her2 + half_her2) / (cep17 - half_cep17) if cep17 > half_cep17 else None
    return Interval(low, high, True, True)


def half_digit(number: Decimal) -> Decimal:
    """Half of the last digit written, taken no finer than a tenth (how counts are reported) is rounded."""
    exponent = number.as_tuple().exponent
    written = int(exponent) if isinstance(exponent, int) else 0
    return Decimal(5).scaleb(max(written, -2) - 1)


def _implied(given: Given, facts: Facts) -> None:
    for name in [name for name in given.values if name in facts.implied]:
        if given.values[name] == NOT_REPORTED:
            continue
        other, value = facts.implied[name]
        held = given.values.get(other)
        if held is None:
            why = given.unknown.get(other)
            if why is not None and why.reason is Reason.CONTRADICTORY:
                continue
            given.values[other] = value
            given.unknown.pop(other, None)
        elif held != value:
            detail = f"{other} {held} was given, but {name} needs {value}"
            del given.values[other]
            given.unknown[other] = Unknown(Reason.CONTRADICTORY, detail)


ABSENT = Unknown(Reason.ABSENT)
"""Why what nobody speaks of is unknown."""

MOST_KEPT = 10_000
"""How many answers to a repeated question are kept, at most."""


def _not_reported(given: Given, facts: Facts) -> None:
    """Only the first fact of a test carries *not reported*; what the tests' tables derive follows from it."""
    values, unknown = given.values, given.unknown
    spoken_of = (*values, *[name for name, why in unknown.items() if said_something(why)]) if unknown else (*values,)
    gaps = facts.gaps.get(spoken_of)
    if gaps is None:
        gaps = _gaps(spoken_of, facts)
        if len(facts.gaps) < MOST_KEPT:
            facts.gaps[spoken_of] = gaps
    absent, not_done = gaps
    if unknown:
        for name in absent:
            unknown.setdefault(name, ABSENT)
    else:
        unknown.update(absent)
    for name in not_done:
        values[name] = NOT_REPORTED
        unknown.pop(name, None)


def _gaps(spoken_of: Collection[str], facts: Facts) -> tuple[dict[str, Unknown], tuple[str, ...]]:
    """What is not said beside the facts spoken of: the rest of their tests, and the first facts of the other tests."""
    absent: list[str] = []
    not_done: list[str] = []
    for members in facts.tests.values():
        names = [fact.name for fact in members]
        if any(name in spoken_of for name in names):
            absent += [name for name in names if name not in spoken_of]
        else:
            not_done.append(next(fact.name for fact in members if NOT_REPORTED in fact.values))
    return dict.fromkeys(absent, ABSENT), tuple(not_done)


def said_something(unknown: Unknown | None) -> bool:
    """Whether the record speaks of a fact at all: a plain blank does not, a reason for its absence does."""
    return unknown is not None and (unknown.reason is not Reason.ABSENT or bool(unknown.detail))


def _is_number(value: Value | None) -> bool:
    return isinstance(value, float | Decimal)


def as_decimal(value: Any) -> Decimal:
    """The decimal that was recorded: a float's shortest form, a Decimal itself."""
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))
