"""Facts that are arithmetic of others: a fall in LVEF, a limit passed, the receptors taken together.

A cell of a table never computes; what it compares is derived here first. Partly known values give partly
known results ("50-55" of 65 is a fall of 10 to 15), and an unknown input leaves the result unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .value import Interval, OneOf, Reason, Unknown, Value


@dataclass(frozen=True, slots=True)
class Rule:
    """How `result` follows from `inputs`: `function` gets their values, `None` for an unknown one."""

    result: str
    inputs: tuple[str, ...]
    function: Callable[..., Value | None]


def as_interval(value: Value | None) -> Interval | None:
    """A number or an interval as an interval; `None` for anything else."""
    if isinstance(value, Interval):
        return value
    if isinstance(value, float | Decimal):
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        return Interval(number, number, True, True)
    return None


def known_value(value: Value) -> Value | None:
    """A value, or `None` for an unknown one."""
    return None if isinstance(value, Unknown) else value


def simplified(interval: Interval) -> Value:
    """An interval of one point as that number."""
    if interval.low is not None and interval.low == interval.high:
        return interval.low
    return interval


def difference(left: Value | None, right: Value | None) -> Value | None:
    """left - right, exactly."""
    a, b = as_interval(left), as_interval(right)
    if a is None or b is None:
        return None
    low = None if a.low is None or b.high is None else a.low - b.high
    high = None if a.high is None or b.low is None else a.high - b.low
    return simplified(Interval(low, high, a.low_included and b.high_included, a.high_included and b.low_included))


def is_below(left: Value | None, right: Value | None) -> Value | None:
    """Whether left < right: `yes`, `no`, or `None` where both are possible."""
    a, b = as_interval(left), as_interval(right)
    if a is None or b is None:
        return None
    touching = a.high_included and b.low_included
    if a.high is not None and b.low is not None and (a.high < b.low or (a.high == b.low and not touching)):
        return "yes"
    if a.low is not None and b.high is not None and a.low >= b.high:
        return "no"
    return None


def either_positive(er: Value | None, pr: Value | None) -> Value | None:
    """Hormone receptors: positive where ER or PR is, negative only where both are known to be."""
    if "positive" in (er, pr):
        return "positive"
    return "negative" if er == pr == "negative" else None


def can_be_pregnant(sex: Value | None, menopause: Value | None) -> Value | None:
    """Of reproductive potential: no for men and after menopause, yes before it; that is said of women alone (D212)."""
    if sex == "male" or menopause == "postmenopausal":
        return "no"
    return "yes" if menopause == "premenopausal" else None


def any_staining(percent: Value | None, intensity: Value | None) -> Value | None:
    """Whether any membrane stains: by the share of stained cells, and by how they stain; `None` where both disagree."""
    share = as_interval(percent)
    by_share = by_intensity = None
    if share is not None:
        none, some = share.high == 0, share.low is not None and (share.low > 0 or not share.low_included)
        by_share = "no" if none else "yes" if some else None
    if isinstance(intensity, str):
        by_intensity = "no" if intensity == "none" else "yes"
    if by_share and by_intensity and by_share != by_intensity:
        return None
    return by_share or by_intensity


RULES = (
    Rule("any_membrane_staining", ("stained_percent", "staining_intensity"), any_staining),
    Rule("lvef_fall", ("lvef_baseline", "lvef"), difference),
    Rule("lvef_below_limit", ("lvef", "lvef_lower_limit"), is_below),
    Rule("days_first_to_last_dose", ("days_since_first_dose", "days_since_last_dose"), difference),
    Rule("hormone_receptor_status", ("er_status", "pr_status"), either_positive),
    Rule("reproductive_potential", ("sex", "menopausal_status"), can_be_pregnant),
)
RULE_INPUTS = frozenset(name for rule in RULES for name in rule.inputs)


def derive(
    values: dict[str, Value], unknown: dict[str, Unknown], facts: Mapping[str, Any], rules: Iterable[Rule] = RULES
) -> None:
    """Add what follows by arithmetic to `values`; a given result that contradicts it becomes unknown."""
    for rule in rules:
        if rule.result not in facts or all(name not in values for name in rule.inputs):
            continue
        derived = rule.function(*[values.get(name) for name in rule.inputs])
        if derived is None:
            continue
        held = values.get(rule.result)
        if held is None:
            coerced = facts[rule.result].coerce(derived)
            if isinstance(coerced, Unknown):
                unknown[rule.result] = coerced
            else:
                values[rule.result] = coerced
                unknown.pop(rule.result, None)
        elif not _agree(held, derived):
            input_words = " and ".join(f"{name} {values.get(name, 'unknown')}" for name in rule.inputs)
            del values[rule.result]
            unknown[rule.result] = Unknown(
                Reason.CONTRADICTORY, f"{held} was given, but {input_words} make it {derived}"
            )


def _agree(held: Value, derived: Value) -> bool:
    one, other = as_interval(held), as_interval(derived)
    if one is not None and other is not None:
        return one.overlaps(other)
    if isinstance(held, OneOf):
        return derived in held.values
    return held == derived
