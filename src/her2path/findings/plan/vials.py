"""Vials for a dose: the fewest mg thrown away, then the fewest vials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from math import gcd

MOST_MG = 20_000
UNIT = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Vials:
    """How many vials of each size (mg), and the mg left over of the last ones."""

    counts: tuple[tuple[Decimal, int], ...]
    waste_mg: Decimal

    def __str__(self) -> str:
        return " + ".join(f"{count} x {size.normalize():f} mg" for size, count in self.counts)


def vials_for(dose_mg: Decimal, sizes: Sequence[Decimal]) -> Vials | None:
    """The vials to open for a dose. `None` without sizes, or for a dose no person is given.

    Exact for sizes to a tenth of a mg: the least total at or above the dose is found by counting up in steps of
    the largest size that goes into all.
    """
    if not sizes or dose_mg <= 0 or dose_mg > MOST_MG:
        return None
    tenths = sorted({int(size / UNIT) for size in sizes if size >= UNIT}, reverse=True)
    if not tenths:
        return None
    step = gcd(*tenths) * UNIT
    units = [int(each * UNIT / step) for each in tenths]
    need = int((dose_mg / step).to_integral_value(rounding="ROUND_CEILING"))
    most = need + max(units)
    fewest: list[int | None] = [0] + [None] * most
    last = [0] * (most + 1)
    for total in range(1, most + 1):
        for unit in units:
            before = fewest[total - unit] if total >= unit else None
            held = fewest[total]
            if before is not None and (held is None or before + 1 < held):
                fewest[total], last[total] = before + 1, unit
    total = next(each for each in range(need, most + 1) if fewest[each] is not None)
    opened: dict[int, int] = {}
    left = total
    while left:
        opened[last[left]] = opened.get(last[left], 0) + 1
        left -= last[left]
    counts = tuple((unit * step, count) for unit, count in sorted(opened.items(), reverse=True))
    return Vials(counts, total * step - dose_mg)


def volume_ml(dose_mg: Decimal, mg_per_ml: Decimal | int) -> Decimal:
    """The volume to draw of a reconstituted infusion, to a tenth of a mL."""
    return (dose_mg / mg_per_ml).quantize(UNIT, ROUND_HALF_UP)


def rounded(dose_mg: Decimal, step_mg: Decimal) -> Decimal:
    """A dose to the nearest step of the site."""
    return (dose_mg / step_mg).quantize(Decimal(1), ROUND_HALF_UP) * step_mg
