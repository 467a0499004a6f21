"""The fold of doses: which product, since when, how many, how much, and what is due by which schedule."""

from __future__ import annotations

from typing import Any

from .names import (
    COURSE_BREAK_DAYS,
    DOSE,
    DOSE_PER_KG,
    DOSE_PER_M2,
    NOT_GIVEN,
    ORDER,
    PARTNER_DAYS,
    PERTUZUMAB,
    PHESGO,
    PRODUCTS,
    STOP,
    T_DM1,
    T_DXD,
    TRASTUZUMAB_IV,
    TUCATINIB,
    UNKNOWN,
    WEIGHT,
    ZANIDATAMAB,
)

THOUSAND = 1000
SHORT_GAP = 10
"""Days between two doses up to which they are weekly."""


def fold_doses(starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, out: Any) -> None:
    """For each patient `p`, events `starts[p]` to `starts[p + 1]` up to the day `on`: fill `out[p]` (`DOSING`).

    The main product is that of the latest day; where pertuzumab or a tablet was given beside an antibody,
    the antibody. A dose by weight counts as mg with the last weight known.
    """
    for p in range(len(starts) - 1):
        product = first = last = previous = order_product = order_day = stop_day = stop_reason = UNKNOWN
        trastuzumab_first = trastuzumab_last = pertuzumab_last = weight = first_weight = UNKNOWN
        product_first = product_last = last_mg = last_per_kg = two_day = earlier = UNKNOWN
        last_t_dm1 = last_t_dxd = first_ever = UNKNOWN
        earlier_day = pertuzumab_first = first_per_kg = UNKNOWN
        doses = product_doses = trastuzumab_doses = courses = longest = weekly = 0
        for e in range(starts[p], starts[p + 1]):
            today, what = day[e], kind[e]
            if today > on:
                break
            if what == WEIGHT and number[e] != UNKNOWN:
                weight = number[e]
                if first_weight == UNKNOWN:
                    first_weight = weight
            elif what == STOP:
                stop_day, stop_reason = today, code[e]
            elif what == ORDER and code[e] < PRODUCTS:
                order_product, order_day = code[e], today
            elif DOSE <= what <= DOSE_PER_M2 and code[e] < PRODUCTS and what != NOT_GIVEN:
                drug = code[e]
                if first_ever == UNKNOWN:
                    first_ever = today
                if last == UNKNOWN or today - last > COURSE_BREAK_DAYS:
                    courses += 1
                    first, doses, trastuzumab_doses, longest = today, 0, 0, 0
                    product = trastuzumab_first = product_last = UNKNOWN
                    stop_day = stop_reason = UNKNOWN
                if stop_day != UNKNOWN and today > stop_day:
                    stop_day = stop_reason = UNKNOWN
                if drug == T_DM1:
                    last_t_dm1 = today
                if drug == T_DXD:
                    last_t_dxd = today
                if drug == PERTUZUMAB or drug == PHESGO:
                    pertuzumab_last = today
                    if pertuzumab_first == UNKNOWN:
                        pertuzumab_first = today
                if drug <= PHESGO:
                    if trastuzumab_last != today:
                        trastuzumab_doses += 1
                    if trastuzumab_first == UNKNOWN:
                        trastuzumab_first = today
                    trastuzumab_last = today
                if last != today:
                    doses += 1
                    if last != UNKNOWN and doses > 1 and today - last > longest:
                        longest = today - last
                last = today
                partner = drug == PERTUZUMAB or drug >= TUCATINIB
                if product_last == today and product != UNKNOWN:
                    was_partner = product == PERTUZUMAB or product >= TUCATINIB
                    if drug != product and not partner and not was_partner:
                        two_day = today
                    replaces = was_partner and not partner
                elif partner and product != UNKNOWN and product != PERTUZUMAB and product < TUCATINIB:
                    # A partner given between two doses of the antibody does not end the antibody.
                    replaces = today - product_last > PARTNER_DAYS
                else:
                    replaces = True
                if not replaces:
                    continue
                if drug != product:
                    earlier = product
                    product, product_first, product_doses = drug, today, 0
                    previous = earlier_day = UNKNOWN
                    weekly = 0
                elif today != product_last:
                    if today - product_last <= SHORT_GAP:
                        weekly += 1
                    earlier_day, previous = previous, product_last
                if today != product_last or product_doses == 0:
                    product_doses += 1
                product_last = today
                last_mg = last_per_kg = UNKNOWN
                if what == DOSE and number[e] != UNKNOWN:
                    last_mg = number[e]
                    if weight != UNKNOWN and drug in (TRASTUZUMAB_IV, T_DM1, T_DXD):
                        last_per_kg = number[e] * THOUSAND // weight
                elif what == DOSE_PER_KG and number[e] != UNKNOWN:
                    last_per_kg = number[e]
                    if weight != UNKNOWN:
                        last_mg = number[e] * weight // THOUSAND
                if today == first:
                    first_per_kg = last_per_kg if drug == TRASTUZUMAB_IV else UNKNOWN
        schedule = UNKNOWN
        if product == TRASTUZUMAB_IV:
            # Two gaps that agree say the schedule, and one wrong dose does not change it, but 6 mg/kg a week after
            # weekly doses is the labelled change to three-weekly ones. Otherwise the amount does:
            # 2 or 4 mg/kg belong to the weekly schedule, 6 or 8 to the three-weekly one.
            gap = product_last - previous if previous != UNKNOWN else 0
            before = previous - earlier_day if previous != UNKNOWN and earlier_day != UNKNOWN else 0
            changes = last_per_kg != UNKNOWN and last_per_kg >= 5 * THOUSAND
            if 0 < gap <= SHORT_GAP and 0 < before <= SHORT_GAP and not changes:
                schedule = 7
            elif gap > SHORT_GAP and before > SHORT_GAP:
                schedule = 21
            elif last_per_kg != UNKNOWN:
                schedule = 7 if last_per_kg < 5 * THOUSAND else 21
            elif gap > 0:
                schedule = 7 if gap <= SHORT_GAP else 21
        elif product != UNKNOWN:
            schedule = 21 if product < TUCATINIB else 1
            if product == ZANIDATAMAB:
                schedule = 14
        out[p][0], out[p][1], out[p][2], out[p][3] = product, first, last, doses
        out[p][4], out[p][5], out[p][6] = product_first, product_last, product_doses
        out[p][7], out[p][8], out[p][9] = last_mg, last_per_kg, previous
        out[p][10], out[p][11], out[p][12] = trastuzumab_first, trastuzumab_last, trastuzumab_doses
        out[p][13], out[p][14], out[p][15], out[p][16] = pertuzumab_last, courses, weight, first_weight
        out[p][17], out[p][18], out[p][19], out[p][20] = schedule, longest, order_product, order_day
        out[p][21], out[p][22], out[p][23], out[p][24] = stop_day, stop_reason, two_day, earlier
        out[p][25], out[p][26], out[p][27], out[p][28] = last_t_dm1, last_t_dxd, last, first_ever
        out[p][29], out[p][30], out[p][31] = weekly, pertuzumab_first, first_per_kg
