"""The fold of the heart: baseline, falls, and hold episodes; the decision table judges, the fold remembers.

At each LVEF during a course, and when heart failure appears, the facts of the moment (fall, limit, hold, days,
holds so far) are looked up in the compiled table of the product then given, and the answer moves the state:

- *hold* or *consider stopping* opens a hold, if none is open; its day is that of the LVEF (H-8);
- *resume*, *clinician decides* and *continue* during a hold allow to resume; the next dose closes the hold;
- *stop* ends the therapy for good; doses after it are counted;
- a dose during a hold that was not allowed to end is counted, and the hold stays open.

A hold is one however many low LVEFs it has (H-12), and holds are counted over products and courses (H-13). Once a
stop is recorded, LVEFs are judged no more until a next dose.
A hold for another reason is remembered and not counted (H-14). Of two LVEFs on one day the lower counts.
"""

from __future__ import annotations

from typing import Any

from .names import (
    AFTER_LAST_DOSE_DAYS,
    CARDIAC,
    COURSE_BREAK_DAYS,
    DOSE,
    DOSE_PER_M2,
    HEART_FAILURE,
    HOLD,
    LVEF,
    OTHER,
    PARTNER_DAYS,
    PERTUZUMAB,
    PRODUCTS,
    RESUMED,
    SETTING,
    STOP,
    SURGERY,
    TUCATINIB,
    UNKNOWN,
    YES,
)

ACTIONS = ("continue", "hold", "resume", "stop", "consider stopping", "clinician decides")
"""The outcomes of `cardiac_action` by the numbers the fold knows them by; any other is `OTHER_ACTION`."""
FINDINGS = ("too low", "far too low")
"""The outcomes of `lvef_finding` that a later LVEF of the same hold is judged by (`lvef_finding_at_hold`)."""
OTHER_ACTION = 9
CONTINUES, HOLDS, RESUMES, STOPS, CONSIDERS, DECIDES = range(6)
INPUTS = (
    "lvef", "lvef_fall", "lvef_below_limit", "on_hold", "days_on_hold", "hold_count", "heart_failure", "setting",
    "lvef_baseline", "lvef_finding_at_hold",
)  # fmt: skip
"""The facts the fold knows at an LVEF, in the order of its inputs; any other input of a table stays unknown."""
NEOADJUVANT, ADJUVANT, METASTASIZED = 0.0, 1.0, 2.0


def fold_heart(
    starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, limit: int, tables: Any, out: Any
) -> None:
    """For each patient fill `out[p]` (`HEART`). `limit` is the lower limit of normal LVEF in thousandths.

    `tables` is what `lookup.tables_for` makes: the arrays of `cardiac_action` by product.
    """
    axis_count, axis_input, axis_unknown, bound_count, bounds, slots, offsets, answers = tables
    nan = float("nan")
    facts = [nan, nan, nan, nan, nan, nan, nan, nan, nan, nan]
    for p in range(len(starts) - 1):
        baseline = baseline_day = lvef = lvef_day = hold_day = may_day = stopped = in_hold_day = UNKNOWN
        failure_day = same_day = baseline_method = method = before_lvef = before_lvef_day = UNKNOWN
        other_hold = last_dose = lowest = before_days = product_last = UNKNOWN
        on_hold = may_resume = holds = before_on = before_holds = doses_in_hold = after_stop = 0
        failure = count = from_record = longest = doses_past = ended = 0
        action, product, declared = OTHER_ACTION, UNKNOWN, nan
        finding, finding_at_hold = OTHER_ACTION, OTHER_ACTION
        metastatic = False
        for e in range(starts[p], starts[p + 1]):
            today, what = day[e], kind[e]
            if today > on:
                break
            if what == SETTING:
                if code[e] == METASTASIZED:
                    metastatic = True
                else:
                    declared = float(code[e])
            elif what == SURGERY:
                declared = ADJUVANT
            elif what == HOLD:
                if code[e] == CARDIAC:
                    if on_hold == 0:
                        on_hold, hold_day, may_resume, from_record = 1, today, 0, 1
                elif code[e] == OTHER:
                    other_hold = today
                elif code[e] == RESUMED:
                    other_hold = UNKNOWN
                    if on_hold == 1:
                        on_hold, holds, may_resume, from_record = 0, holds + 1, 0, 0
                        doses_past, doses_in_hold = doses_past + doses_in_hold, 0
            elif what == STOP:
                # Therapy is over: a later LVEF holds nothing, and a hold that the rule had not ended ends with it.
                ended = 1
                if on_hold == 1 and stopped == UNKNOWN:
                    on_hold, holds, may_resume, from_record = 0, holds + 1, 0, 0
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
            elif what == HEART_FAILURE or (what == LVEF and number[e] != UNKNOWN):
                treated = last_dose != UNKNOWN and (on_hold == 1 or today - last_dose <= AFTER_LAST_DOSE_DAYS)
                treated = treated and ended == 0
                if what == HEART_FAILURE:
                    # Heart failure before the first dose is history (a risk), not harm of this therapy.
                    if last_dose == UNKNOWN:
                        continue
                    failure = 1 if code[e] == YES else 0
                    failure_day = today
                    if failure == 0 or not treated:
                        continue
                elif lvef_day == today:
                    same_day = today
                    continue
                if what == LVEF and treated and lvef_day != UNKNOWN and today - lvef_day > longest:
                    longest = today - lvef_day
                if what == LVEF:
                    before_lvef, before_lvef_day = lvef, lvef_day
                    lvef, lvef_day, method = number[e], today, code[e]
                    count += 1
                    before_on, before_holds, before_days = on_hold, holds, UNKNOWN
                    if on_hold == 1:
                        before_days = today - hold_day
                    if last_dose == UNKNOWN:
                        baseline, baseline_day, baseline_method = lvef, today, method
                    if not treated:
                        action = OTHER_ACTION
                        continue
                    if lowest == UNKNOWN or lvef < lowest:
                        lowest = lvef
                facts[0], facts[1], facts[2] = nan, nan, nan
                if lvef != UNKNOWN:
                    facts[0] = lvef / 1000
                    facts[1] = (baseline - lvef) / 1000 if baseline != UNKNOWN else nan
                    facts[2] = 0.0 if lvef < limit else 1.0
                facts[3] = 0.0 if on_hold == 1 else 1.0
                facts[4] = float(today - hold_day) if on_hold == 1 else 0.0
                facts[5] = float(holds)
                facts[6] = 0.0 if failure == 1 else 1.0
                facts[7] = declared
                if metastatic:
                    facts[7] = METASTASIZED
                facts[8] = baseline / 1000 if baseline != UNKNOWN else nan
                # First what the LVEF says (table 0), then what it means for the next dose (table 1).
                for table in range(2):
                    row = product + table * PRODUCTS
                    index = offsets[row]
                    for a in range(axis_count[row]):
                        x = facts[axis_input[row][a]] if axis_input[row][a] >= 0 else nan
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
                    if table == 0:
                        finding = answers[index]
                        if on_hold == 0:
                            finding_at_hold = finding
                        facts[9] = nan
                        if on_hold == 1 and 0 <= finding_at_hold < OTHER_ACTION:
                            facts[9] = float(finding_at_hold)
                    else:
                        action = answers[index]
                if action == STOPS:
                    if stopped == UNKNOWN:
                        stopped = today
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                    if on_hold == 0:
                        on_hold, hold_day = 1, today
                    may_resume = 0
                elif action == HOLDS or action == CONSIDERS:
                    if on_hold == 0:
                        on_hold, hold_day = 1, today
                    may_resume = 0
                elif on_hold == 1 and (action == RESUMES or action == DECIDES or action == CONTINUES):
                    may_resume, may_day = 1, today
            elif DOSE <= what <= DOSE_PER_M2 and code[e] < PRODUCTS:
                if last_dose != UNKNOWN and today - last_dose > COURSE_BREAK_DAYS:
                    if on_hold == 1:
                        # A long gap ends an open hold: it was one occasion.
                        on_hold, holds, may_resume, from_record = 0, holds + 1, 0, 0
                        doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                    if lvef_day != UNKNOWN and lvef_day > last_dose:
                        # A new course has its own baseline, where one was measured since the last.
                        baseline, baseline_day, baseline_method = lvef, lvef_day, method
                ended = 0
                drug = code[e]
                # The product in hand, as the fold of doses has it.
                partner = drug == PERTUZUMAB or drug >= TUCATINIB
                was_partner = product == PERTUZUMAB or product >= TUCATINIB
                if product == UNKNOWN:
                    replaces = True
                elif product_last == today:
                    replaces = was_partner and not partner
                elif partner and not was_partner:
                    replaces = today - product_last > PARTNER_DAYS
                else:
                    replaces = True
                if replaces:
                    product, product_last = drug, today
                if stopped != UNKNOWN and today > stopped and today != last_dose:
                    after_stop += 1
                elif on_hold == 1 and may_resume == 1:
                    on_hold, holds, may_resume, from_record = 0, holds + 1, 0, 0
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                elif on_hold == 1 and today > hold_day and today != last_dose:
                    doses_in_hold += 1
                    in_hold_day = today
                last_dose = today
                other_hold = UNKNOWN
        out[p][0], out[p][1], out[p][2], out[p][3] = baseline, baseline_day, lvef, lvef_day
        out[p][4], out[p][5], out[p][6] = before_on, before_days, before_holds
        out[p][7], out[p][8], out[p][9], out[p][10] = on_hold, hold_day, may_resume, may_day
        out[p][11], out[p][12], out[p][13] = holds, action, stopped
        out[p][14], out[p][15], out[p][16] = doses_in_hold, in_hold_day, after_stop
        out[p][17], out[p][18], out[p][19], out[p][20] = failure, failure_day, count, same_day
        out[p][21], out[p][22], out[p][23], out[p][24] = from_record, longest, baseline_method, method
        out[p][25], out[p][26], out[p][27], out[p][28] = before_lvef, before_lvef_day, other_hold, lowest
        out[p][29], out[p][30] = finding_at_hold, doses_past
