"""The fold of doses: which product, since when, how many, how much, and what is due by which schedule."""

from __future__ import annotations

from typing import Any

from ..drug_codes import HER2_PRODUCT
from ..names import (
    DOSE,
    DOSE_PER_KG,
    DOSE_PER_M2,
    METASTATIC,
    NEOADJUVANT,
    ORDER,
    PROGRESSION,
    SETTING,
    STATED,
    STOP,
    SURGERY,
    UNKNOWN,
    WEIGHT,
)
from ..names import DOSING_AT as AT
from .steps import other_drug, takes_over

THOUSAND = 1000
NOBODY = -1
"""No product in hand."""
PRODUCTS_FROM = len(AT)
"""The place of the last day of the first product."""


def fold_doses(
    starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, drugs: Any, numbers: Any, out: Any,
    meant: Any = None, hands: Any = None,
) -> None:  # fmt: skip
    """For each patient `p`, events `starts[p]` to `starts[p + 1]` up to the day `on`: fill `out[p]`.

    `drugs` are columns of the properties of drugs by code, `numbers` those of the course (`drug_codes.py`). A row of
    `out` has the places of `DosingState`, then the last day of each product. The main product is that of the latest
    day; where a partner was given beside another, the other. A dose by weight counts as mg with the last weight known.

    One dose of another antibody or conjugate is no new course unless the record has a reason for it (a progression, a
    new setting, a stop, or what `meant` says); the second one in a row is (decision D181). `meant` has for each
    patient the days from which on residual disease and a change that is said to be meant stand in the record
    (`UNKNOWN`: never). `hands` has three places for each event of such a dose: the product in hand before it
    (`NOBODY` for none) and after it, and whether the change has a reason (1) or has become one by the second dose
    (2).
    """
    for p in range(len(starts) - 1):
        row = out[p]
        product = first = last = previous = order_product = order_day = stop_day = stop_reason = UNKNOWN
        trastuzumab_first = trastuzumab_last = pertuzumab_last = weight = first_weight = UNKNOWN
        product_first = product_last = last_mg = last_per_kg = two_day = earlier = first_ever = UNKNOWN
        earlier_day = pertuzumab_first = first_per_kg = weight_day = UNKNOWN
        progressed = metastatic = setting = waiting = waiting_day = UNKNOWN
        doses = product_doses = trastuzumab_doses = courses = longest = weekly = 0
        for place in range(PRODUCTS_FROM, len(row)):
            row[place] = UNKNOWN
        for e in range(starts[p], starts[p + 1]):
            today, what = day[e], kind[e]
            if today > on:
                break
            if what == WEIGHT and number[e] != UNKNOWN:
                weight, weight_day = number[e], today
                if first_weight == UNKNOWN:
                    first_weight = weight
            elif what == STOP:
                stop_day, stop_reason = today, code[e]
            elif what == PROGRESSION:
                if code[e] == STATED:
                    progressed = today
            elif what == SETTING:
                setting = code[e]
                if setting == METASTATIC and metastatic == UNKNOWN:
                    metastatic = today
            elif what == SURGERY:
                setting = UNKNOWN
            elif what == ORDER and drugs.kind[code[e]] == HER2_PRODUCT:
                if row[PRODUCTS_FROM + code[e]] == today:
                    continue  # Given on its day; doses stand before orders.
                # A partner or the product in hand, ordered beside a change of product, does not hide the change.
                changes_to = (
                    order_product != UNKNOWN and order_product != product and (last == UNKNOWN or order_day >= last)
                )
                is_change = drugs.partner[code[e]] == 0 and code[e] != product
                if not changes_to or is_change or drugs.partner[order_product] == 1:
                    order_product, order_day = code[e], today
            elif DOSE <= what <= DOSE_PER_M2 and drugs.kind[code[e]] == HER2_PRODUCT:
                drug = code[e]
                row[PRODUCTS_FROM + drug] = today
                ended = stop_day != UNKNOWN
                if hands is not None:
                    hands[e][0] = hands[e][1] = product if product != UNKNOWN else NOBODY
                    hands[e][2] = 0
                if first_ever == UNKNOWN:
                    first_ever = today
                if last == UNKNOWN or today - last > numbers.course_break_days:
                    courses += 1
                    first, doses, trastuzumab_doses, longest = today, 0, 0, 0
                    product = trastuzumab_first = product_last = waiting = UNKNOWN
                    stop_day = stop_reason = UNKNOWN
                    if hands is not None:
                        hands[e][0] = NOBODY
                if stop_day != UNKNOWN and today > stop_day:
                    stop_day = stop_reason = UNKNOWN
                if drugs.of_pertuzumab[drug] == 1:
                    pertuzumab_last = today
                    if pertuzumab_first == UNKNOWN:
                        pertuzumab_first = today
                if drugs.of_trastuzumab[drug] == 1:
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
                if product != UNKNOWN:
                    both_main = drugs.partner[drug] == 0 and drugs.partner[product] == 0
                    if (product_last == today and drug != product and both_main) or (
                        waiting != UNKNOWN and waiting_day == today and drug != waiting and drugs.partner[drug] == 0
                    ):
                        two_day = today
                    if not takes_over(product, product_last, drug, today, drugs, numbers.partner_days):
                        continue
                    if other_drug(product, drug, drugs):
                        # A reason on record, or one that the record shows by going on with it.
                        reason = 0
                        if (
                            ended
                            or (progressed != UNKNOWN and progressed >= product_first)
                            or (metastatic != UNKNOWN and metastatic > product_first)
                            or (setting == NEOADJUVANT and drugs.conjugate[product] == 1)
                            or (meant is not None and meant[p][1] != UNKNOWN and today >= meant[p][1])
                        ):
                            reason = 1
                        elif meant is not None and drugs.conjugate[drug] == 1:
                            reason = 1 if meant[p][0] != UNKNOWN and today >= meant[p][0] else 0
                        if reason == 0 and today - product_last > numbers.judged_days:
                            reason = 2
                        if reason == 0 and waiting == drug and today > waiting_day:
                            reason = 2
                        if hands is not None:
                            hands[e][2] = reason
                        if reason == 0:
                            waiting, waiting_day = drug, today
                            continue
                if drug != product:
                    earlier = product
                    product, product_first, product_doses = drug, today, 0
                    previous = earlier_day = UNKNOWN
                    weekly = 0
                    if waiting == drug and waiting_day < today:
                        product_first, product_doses, previous = waiting_day, 1, waiting_day
                elif today != product_last:
                    if today - product_last <= numbers.short_gap_days:
                        weekly += 1
                    earlier_day, previous = previous, product_last
                waiting = UNKNOWN
                if hands is not None:
                    hands[e][1] = product
                if today != product_last or product_doses == 0:
                    product_doses += 1
                product_last = today
                last_mg = last_per_kg = UNKNOWN
                if what == DOSE and number[e] != UNKNOWN:
                    last_mg = number[e]
                    if weight != UNKNOWN and drugs.by_weight[drug] == 1:
                        last_per_kg = number[e] * THOUSAND // weight
                elif what == DOSE_PER_KG and number[e] != UNKNOWN:
                    last_per_kg = number[e]
                    if weight != UNKNOWN:
                        last_mg = number[e] * weight // THOUSAND
                if today == first:
                    first_per_kg = last_per_kg if drugs.shorter_days[drug] > 0 else UNKNOWN
        schedule = UNKNOWN
        if product != UNKNOWN:
            schedule = drugs.days[product]
            shorter = drugs.shorter_days[product]
            if shorter > 0:
                # Two gaps that agree say the schedule, and one wrong dose does not change it, but an amount of the
                # longer schedule after doses of the shorter one is the labelled change. Otherwise the amount does.
                longer, schedule = schedule, UNKNOWN
                gap = product_last - previous if previous != UNKNOWN else 0
                before = previous - earlier_day if previous != UNKNOWN and earlier_day != UNKNOWN else 0
                cut = numbers.longer_schedule_mg_per_kg * THOUSAND
                changes = last_per_kg != UNKNOWN and last_per_kg >= cut
                if 0 < gap <= numbers.short_gap_days and 0 < before <= numbers.short_gap_days and not changes:
                    schedule = shorter
                elif gap > numbers.short_gap_days and before > numbers.short_gap_days:
                    schedule = longer
                elif last_per_kg != UNKNOWN:
                    schedule = shorter if last_per_kg < cut else longer
                elif gap > 0:
                    schedule = shorter if gap <= numbers.short_gap_days else longer
        row[AT.product] = product
        row[AT.first_day] = first
        row[AT.last_day] = last
        row[AT.doses] = doses
        row[AT.product_first_day] = product_first
        row[AT.product_last_day] = product_last
        row[AT.product_doses] = product_doses
        row[AT.last_mg] = last_mg
        row[AT.last_per_kg] = last_per_kg
        row[AT.previous_day] = previous
        row[AT.trastuzumab_first_day] = trastuzumab_first
        row[AT.trastuzumab_last_day] = trastuzumab_last
        row[AT.trastuzumab_doses] = trastuzumab_doses
        row[AT.pertuzumab_last_day] = pertuzumab_last
        row[AT.courses] = courses
        row[AT.last_weight] = weight
        row[AT.first_weight] = first_weight
        row[AT.schedule_days] = schedule
        row[AT.longest_gap_days] = longest
        row[AT.order_product] = order_product
        row[AT.order_day] = order_day
        row[AT.stop_day] = stop_day
        row[AT.stop_reason] = stop_reason
        row[AT.two_products_day] = two_day
        row[AT.earlier_product] = earlier
        row[AT.any_last_day] = last
        row[AT.first_ever_day] = first_ever
        row[AT.weekly_doses] = weekly
        row[AT.pertuzumab_first_day] = pertuzumab_first
        row[AT.first_per_kg] = first_per_kg
        row[AT.weight_day] = weight_day
