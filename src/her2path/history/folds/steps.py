"""What two folds do alike, each step once: the product in hand, and a look-up in compiled tables.

Interpreted they are plain functions; `run.py` lets numba compile them where a compiled fold calls them.
"""

from __future__ import annotations

from typing import Any


def takes_over(product: int, last_day: int, drug: int, today: int, drugs: Any, partner_days: int) -> bool:
    """Whether a dose of `drug` makes it the product in hand, in place of `product`, last given on the day `last_day`.

    A partner given on the same day or between two doses does not end the product that it is given beside. `product` is
    a code of `drugs` (a column of each property), not unknown.
    """
    partner, was_partner = drugs.partner[drug] == 1, drugs.partner[product] == 1
    if last_day == today:
        return was_partner and not partner
    if partner and not was_partner:
        return today - last_day > partner_days
    return True


def other_drug(product: int, drug: int, drugs: Any) -> bool:
    """Whether a drug is another antibody or conjugate than the product in hand, and no other form of it or partner."""
    if drugs.partner[drug] == 1 or drugs.partner[product] == 1 or drug == product:
        return False
    return not (drugs.of_trastuzumab[drug] == 1 and drugs.of_trastuzumab[product] == 1)


def look_up(tables: Any, row: int, facts: Any) -> int:
    """The answer of one compiled table, the `row`-th of `tables` (`heart_tables.tables_for`), by `facts`.

    `facts` are the values of `heart.INPUTS` in their order as floats: percent, days, counts, places of categories; NaN
    is unknown.
    """
    axis_count, axis_input, axis_unknown, bound_count, bounds, slots, offsets, answers = tables
    index = offsets[row]
    for a in range(axis_count[row]):
        x = facts[axis_input[row][a]] if axis_input[row][a] >= 0 else float("nan")
        if x != x:
            index += axis_unknown[row][a]
        elif bound_count[row][a] < 0:
            index += slots[row][a][int(x)]
        else:
            low, high = 0, bound_count[row][a]
            while low < high:
                middle = (low + high) // 2
                if bounds[row][a][middle] <= x:
                    low = middle + 1
                else:
                    high = middle
            index += slots[row][a][low]
    answer: int = answers[index]
    return answer
