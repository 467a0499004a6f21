"""The fold of the heart: baseline, falls, and hold episodes; the decision table judges, the fold remembers.

At each LVEF during a course, and when heart failure appears, the facts of the moment (fall, limit, hold, days,
holds so far) are looked up in the compiled table of the product then given, and the answer moves the state:

- *hold* or *consider stopping* opens a hold, if none is open; its day is that of the LVEF (H-8);
- *resume*, *clinician decides* and *continue* during a hold allow to resume; the next dose closes the hold;
- *stop* ends the therapy for good; doses after it are counted;
- a dose during a hold that was not allowed to end is counted, and the hold stays open.

A hold is one however many low LVEFs it has (H-12), and holds are counted over products and courses (H-13). Once a
stop is recorded, LVEFs are judged no more until a next dose. Once the rule stopped for good, no LVEF undoes it.
A hold for another reason is remembered and not counted (H-14), and so is one that the record calls cardiac while its
LVEF did not ask for it, or while the label of its product has no rule: it becomes a hold of the rule with the first
LVEF that is too low. Of two LVEFs on one day the lower counts.
"""

from __future__ import annotations

from typing import Any

from ..drug_codes import HER2_PRODUCT
from ..names import (
    ADJUVANT,
    CARDIAC,
    DOSE,
    DOSE_PER_M2,
    HEART_FAILURE,
    HOLD,
    LVEF,
    METASTATIC,
    NO,
    OTHER,
    RESUMED,
    SETTING,
    STATED,
    STOP,
    SURGERY,
    UNKNOWN,
    YES,
)
from ..names import HEART_AT as AT
from .steps import look_up, takes_over

ACTIONS = ("continue", "hold", "resume", "stop", "consider stopping", "clinician decides")
"""The outcomes of `cardiac_action` by the numbers the fold knows them by; any other is `OTHER_ACTION`."""
FINDINGS = ("too low", "far too low")
"""The outcomes of `lvef_finding` that a later LVEF of the same hold is judged by (`lvef_finding_at_hold`)."""
NOT_TOO_LOW = len(FINDINGS)
"""Any other outcome of `lvef_finding`."""
OTHER_ACTION = 9
CONTINUES, HOLDS, RESUMES, STOPS, CONSIDERS, DECIDES = range(6)
INPUTS = (
    "lvef", "lvef_fall", "lvef_below_limit", "on_hold", "days_on_hold", "hold_count", "heart_failure", "setting",
    "lvef_baseline", "lvef_finding_at_hold",
)  # fmt: skip
"""The facts the fold knows at an LVEF, in the order of its inputs; any other input of a table stays unknown."""


NAN = float("nan")


def lay_lvef(facts: Any, lvef: int, baseline: int, limit: int, setting: float) -> None:
    """Lay what one LVEF says into the `facts` that a table is looked up by; whatever is of holds is left out.

    `lvef`, `baseline` and `limit` are thousandths, `setting` the place of its value, NaN where it is unknown.
    """
    facts[0], facts[1], facts[2], facts[8], facts[9] = NAN, NAN, NAN, NAN, NAN
    facts[3], facts[4], facts[5], facts[6] = float(NO), 0.0, NAN, float(NO)
    facts[7] = setting
    if baseline != UNKNOWN:
        facts[8] = baseline / 1000
    if lvef != UNKNOWN:
        facts[0] = lvef / 1000
        facts[2] = float(YES) if lvef < limit else float(NO)
        if baseline != UNKNOWN:
            facts[1] = (baseline - lvef) / 1000


def fold_heart(
    starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, limit: int, tables: Any, drugs: Any,
    numbers: Any, out: Any, marks: Any = None, hands: Any = None,
) -> None:  # fmt: skip
    """For each patient fill `out[p]` (`HeartState`). `limit` is the lower limit of normal LVEF in thousandths.

    `tables` is what `heart_tables.tables_for` makes: the arrays of `lvef_finding`, then of `cardiac_action`, by
    product. `drugs` are columns of the properties of drugs by code, `numbers` those of the course (`drug_codes.py`).
    `marks`, where given, has a place for each event: 1 where it opens a hold, 2 where it closes one. `hands`, where
    given, is what the fold of doses left: which product each dose leaves in hand.
    """
    products = len(tables[0]) // 2
    nan = float("nan")
    facts = [nan, nan, nan, nan, nan, nan, nan, nan, nan, nan]
    for p in range(len(starts) - 1):
        row = out[p]
        baseline = baseline_day = lvef = lvef_day = hold_day = may_day = stopped = in_hold_day = UNKNOWN
        failure_day = same_day = baseline_method = method = before_lvef = before_lvef_day = UNKNOWN
        other_hold = last_dose = lowest = before_days = product_last = UNKNOWN
        on_hold = may_resume = holds = before_on = before_holds = doses_in_hold = after_stop = 0
        failure = count = from_record = longest = doses_past = ended = not_asked = 0
        asked = 1
        action, product, declared = OTHER_ACTION, UNKNOWN, nan
        finding, finding_at_hold = OTHER_ACTION, OTHER_ACTION
        metastatic = False
        for e in range(starts[p], starts[p + 1]):
            today, what = day[e], kind[e]
            if today > on:
                break
            was_on_hold = on_hold
            if what == SETTING:
                if code[e] == METASTATIC:
                    metastatic = True
                else:
                    declared = float(code[e])
            elif what == SURGERY:
                declared = float(ADJUVANT)
            elif what == HOLD:
                if code[e] == CARDIAC:
                    if on_hold == 0:
                        on_hold, hold_day, may_resume, from_record = 1, today, 0, 1
                        recent = lvef_day != UNKNOWN and today - lvef_day <= numbers.judged_days
                        if product != UNKNOWN and failure == 0:
                            finding = NOT_TOO_LOW if tables[0][product] == 0 else OTHER_ACTION
                            if recent and finding == OTHER_ACTION:
                                lay_lvef(facts, lvef, baseline, limit, METASTATIC if metastatic else declared)
                                finding = look_up(tables, product, facts)
                            if finding == NOT_TOO_LOW:
                                asked, may_resume, may_day = 0, 1, today
                elif code[e] == OTHER:
                    other_hold = today
                elif code[e] == RESUMED:
                    other_hold = UNKNOWN
                    if on_hold == 1:
                        on_hold, holds, may_resume, from_record = 0, holds + asked, 0, 0
                        not_asked, asked = not_asked + 1 - asked, 1
                        doses_past, doses_in_hold = doses_past + doses_in_hold, 0
            elif what == STOP:
                # Therapy is over: a later LVEF holds nothing, and a hold that the rule had not ended ends with it.
                ended = 1
                if on_hold == 1 and stopped == UNKNOWN:
                    on_hold, holds, may_resume, from_record = 0, holds + asked, 0, 0
                    not_asked, asked = not_asked + 1 - asked, 1
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
            elif what == HEART_FAILURE or (what == LVEF and number[e] != UNKNOWN):
                treated = last_dose != UNKNOWN and (on_hold == 1 or today - last_dose <= numbers.judged_days)
                treated = treated and ended == 0
                if what == HEART_FAILURE:
                    # Heart failure before the first dose is history (a risk), not harm of this therapy.
                    if last_dose == UNKNOWN:
                        continue
                    failure = 1 if code[e] == STATED else 0
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
                    before_on, before_holds, before_days = on_hold * asked, holds, UNKNOWN
                    if before_on == 1:
                        before_days = today - hold_day
                    if last_dose == UNKNOWN:
                        baseline, baseline_day, baseline_method = lvef, today, method
                    if not treated:
                        action = OTHER_ACTION
                        continue
                    if lowest == UNKNOWN or lvef < lowest:
                        lowest = lvef
                held = on_hold * asked
                lay_lvef(facts, lvef, baseline, limit, METASTATIC if metastatic else declared)
                facts[3] = float(YES) if held == 1 else float(NO)
                facts[4] = float(today - hold_day) if held == 1 else 0.0
                facts[5] = float(holds)
                facts[6] = float(YES) if failure == 1 else float(NO)
                # First what the LVEF says, then what it means for the next dose.
                finding = look_up(tables, product, facts)
                if on_hold == 0 or asked == 0:
                    finding_at_hold = finding
                if held == 1 and 0 <= finding_at_hold < NOT_TOO_LOW:
                    facts[9] = float(finding_at_hold)
                action = look_up(tables, products + product, facts)
                if action == STOPS:
                    if stopped == UNKNOWN:
                        stopped = today
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                    if held == 0:
                        on_hold, hold_day, asked = 1, today, 1
                    may_resume = 0
                elif action == HOLDS or action == CONSIDERS:
                    if held == 0:
                        on_hold, hold_day, asked = 1, today, 1
                    may_resume = 0
                elif (
                    on_hold == 1
                    and stopped == UNKNOWN
                    and (action == RESUMES or action == DECIDES or action == CONTINUES)
                ):
                    may_resume, may_day = 1, today
            elif DOSE <= what <= DOSE_PER_M2 and drugs.kind[code[e]] == HER2_PRODUCT:
                if last_dose != UNKNOWN and today - last_dose > numbers.course_break_days:
                    if on_hold == 1:
                        # A long gap ends an open hold: it was one occasion.
                        on_hold, holds, may_resume, from_record = 0, holds + asked, 0, 0
                        not_asked, asked = not_asked + 1 - asked, 1
                        doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                    if lvef_day != UNKNOWN and lvef_day > last_dose:
                        # A new course has its own baseline, where one was measured since the last.
                        baseline, baseline_day, baseline_method = lvef, lvef_day, method
                ended = 0
                drug = code[e]
                # The product in hand, as the fold of doses has it.
                if hands is not None:
                    product = hands[e][1]
                elif product == UNKNOWN or takes_over(product, product_last, drug, today, drugs, numbers.partner_days):
                    product, product_last = drug, today
                if stopped != UNKNOWN and today > stopped and today != last_dose:
                    after_stop += 1
                elif on_hold == 1 and may_resume == 1:
                    on_hold, holds, may_resume, from_record = 0, holds + asked, 0, 0
                    not_asked, asked = not_asked + 1 - asked, 1
                    doses_past, doses_in_hold = doses_past + doses_in_hold, 0
                elif on_hold == 1 and today > hold_day and today != last_dose:
                    doses_in_hold += 1
                    in_hold_day = today
                last_dose = today
                other_hold = UNKNOWN
            if marks is not None and on_hold != was_on_hold:
                marks[e] = 1 if on_hold == 1 else 2
        row[AT.baseline] = baseline
        row[AT.baseline_day] = baseline_day
        row[AT.lvef] = lvef
        row[AT.lvef_day] = lvef_day
        row[AT.before_on_hold] = before_on
        row[AT.before_days_on_hold] = before_days
        row[AT.before_holds] = before_holds
        row[AT.on_hold] = on_hold
        row[AT.hold_day] = hold_day
        row[AT.may_resume] = may_resume
        row[AT.may_resume_day] = may_day
        row[AT.holds] = holds
        row[AT.last_action] = action
        row[AT.stopped_day] = stopped
        row[AT.doses_in_hold] = doses_in_hold
        row[AT.dose_in_hold_day] = in_hold_day
        row[AT.doses_after_stop] = after_stop
        row[AT.heart_failure] = failure
        row[AT.heart_failure_day] = failure_day
        row[AT.lvef_count] = count
        row[AT.same_day_day] = same_day
        row[AT.hold_from_record] = from_record
        row[AT.longest_echo_gap_days] = longest
        row[AT.baseline_method] = baseline_method
        row[AT.lvef_method] = method
        row[AT.previous_lvef] = before_lvef
        row[AT.previous_lvef_day] = before_lvef_day
        row[AT.other_hold_day] = other_hold
        row[AT.lowest] = lowest
        row[AT.finding_at_hold] = finding_at_hold
        row[AT.past_doses_in_hold] = doses_past
        row[AT.hold_not_asked] = on_hold * (1 - asked)
        row[AT.holds_not_asked] = not_asked
