"""The fold of everything else: disease and lines, pregnancy, anthracyclines and taxanes, surgery, death."""

from __future__ import annotations

from typing import Any

from ..drug_codes import ANTHRACYCLINE, CHEMOTHERAPY, ENDOCRINE, HER2_PRODUCT, TAXANE
from ..names import (
    ADJUVANT,
    DEATH,
    DOSE,
    DOSE_PER_M2,
    HEIGHT,
    METASTATIC,
    ORDER,
    PREGNANCY_TEST,
    PREGNANT,
    PROGRESSION,
    SETTING,
    STATED,
    STOP,
    STOP_PROGRESSION,
    SURGERY,
    UNKNOWN,
    WEIGHT,
)
from ..names import COURSE_AT as AT

THOUSAND = 1000


def fold_course(
    starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, drugs: Any, numbers: Any, out: Any
) -> None:
    """For each patient fill `out[p]` (`CourseState`). Body surface is by Mosteller from the last weight and height.

    `drugs` are columns of the properties of drugs by code, `numbers` those of the course (`drug_codes.py`).
    """
    for p in range(len(starts) - 1):
        row = out[p]
        metastatic = last_progression = surgery = pregnant_day = test = test_day = in_pregnancy = UNKNOWN
        after_dose = death = after_death = first_anthracycline = last_anthracycline = last_taxane = UNKNOWN
        last_chemotherapy = last_endocrine = after_her2 = weight = height = last_her2 = UNKNOWN
        before_metastatic = after_metastatic = cycle_start = anthracycline_order = UNKNOWN
        early_chemotherapy = UNKNOWN
        pregnant, progressions, taxanes, unmeasured = UNKNOWN, 0, 0, 0
        lines = chemotherapy_lines = endocrine_lines = cycles = known_before = 0
        setting = UNKNOWN
        new_line = new_chemotherapy_line = new_endocrine_line = True
        equivalent = 0.0
        for e in range(starts[p], starts[p + 1]):
            today, what = day[e], kind[e]
            if today > on:
                break
            if what == WEIGHT and number[e] != UNKNOWN:
                weight = number[e]
            elif what == HEIGHT and number[e] != UNKNOWN:
                height = number[e]
            elif what == SETTING:
                if code[e] != METASTATIC:
                    setting = code[e]
                elif metastatic == UNKNOWN:
                    metastatic = today
                    cycles, cycle_start = 0, UNKNOWN
            elif what == PROGRESSION:
                if code[e] == STATED and today != last_progression:
                    progressions += 1
                    last_progression = today
                    new_line = new_chemotherapy_line = new_endocrine_line = True
            elif what == STOP and code[e] == STOP_PROGRESSION:
                # A stop for progression says that it came; one that is recorded with no dose since is the same.
                if last_progression == UNKNOWN or (not new_line and today != last_progression):
                    progressions += 1
                    last_progression = today
                    new_line = new_chemotherapy_line = new_endocrine_line = True
            elif what == SURGERY:
                surgery, setting = today, ADJUVANT
            elif what == ORDER and drugs.kind[code[e]] == ANTHRACYCLINE:
                anthracycline_order = today
            elif what == PREGNANT:
                if last_her2 == UNKNOWN:
                    known_before = 1
                if code[e] == STATED and pregnant != STATED:
                    pregnant_day = today
                    after_dose = today - last_her2 if last_her2 != UNKNOWN else UNKNOWN
                pregnant = code[e]
            elif what == PREGNANCY_TEST:
                test, test_day = code[e], today
                if last_her2 == UNKNOWN:
                    known_before = 1
                if code[e] == STATED and pregnant != STATED:
                    pregnant, pregnant_day = STATED, today
                    after_dose = today - last_her2 if last_her2 != UNKNOWN else UNKNOWN
                elif code[e] != STATED and pregnant == UNKNOWN:
                    pregnant = code[e]  # nobody said that she is, and the test says that she is not
            elif what == DEATH:
                death = today
            elif DOSE <= what <= DOSE_PER_M2:
                family = drugs.kind[code[e]]
                if family == HER2_PRODUCT:
                    if pregnant == STATED:
                        in_pregnancy = today
                    if death != UNKNOWN and today > death:
                        after_death = today
                    if metastatic == UNKNOWN:
                        before_metastatic = today
                    else:
                        after_metastatic = today
                        if new_line:
                            lines += 1
                            new_line = False
                    last_her2 = today
                elif family == ANTHRACYCLINE:
                    if first_anthracycline == UNKNOWN:
                        first_anthracycline = today
                    last_anthracycline = today
                    if last_her2 != UNKNOWN:
                        after_her2 = today
                    amount = 0.0
                    if what == DOSE_PER_M2 and number[e] != UNKNOWN:
                        amount = number[e] / 1000
                    elif what == DOSE and number[e] != UNKNOWN and weight != UNKNOWN and height != UNKNOWN:
                        amount = (number[e] / 1000) / ((weight / 1000) * (height / 1000) / 3600) ** 0.5
                    else:
                        unmeasured = 1
                    equivalent += amount * (drugs.as_doxorubicin[code[e]] / THOUSAND)
                elif family == TAXANE:
                    if today != last_taxane:
                        taxanes += 1
                    last_taxane = today
                    if cycle_start == UNKNOWN or today - cycle_start >= numbers.taxane_cycle_days:
                        cycles += 1
                        cycle_start = today
                elif family == ENDOCRINE:
                    last_endocrine = today
                    if metastatic != UNKNOWN and new_endocrine_line:
                        endocrine_lines += 1
                        new_endocrine_line = False
                if family == ANTHRACYCLINE or family == TAXANE or family == CHEMOTHERAPY:
                    last_chemotherapy = today
                    if metastatic == UNKNOWN:
                        early_chemotherapy = today
                    if metastatic != UNKNOWN and new_chemotherapy_line:
                        chemotherapy_lines += 1
                        new_chemotherapy_line = False
        if pregnant == STATED and on - pregnant_day > numbers.longest_pregnancy_days:
            pregnant = UNKNOWN  # its end is not on record
        row[AT.metastatic_day] = metastatic
        row[AT.progressions] = progressions
        row[AT.last_progression_day] = last_progression
        row[AT.surgery_day] = surgery
        row[AT.pregnant] = pregnant
        row[AT.pregnant_day] = pregnant_day
        row[AT.pregnancy_test] = test
        row[AT.pregnancy_test_day] = test_day
        row[AT.dose_in_pregnancy_day] = in_pregnancy
        row[AT.pregnant_after_dose_days] = after_dose
        row[AT.death_day] = death
        row[AT.dose_after_death_day] = after_death
        row[AT.anthracycline_first_day] = first_anthracycline
        row[AT.anthracycline_last_day] = last_anthracycline
        row[AT.doxorubicin_equivalent] = int(round(equivalent * THOUSAND)) if first_anthracycline != UNKNOWN else 0
        row[AT.taxane_doses] = taxanes
        row[AT.taxane_last_day] = last_taxane
        row[AT.chemotherapy_last_day] = last_chemotherapy
        row[AT.endocrine_last_day] = last_endocrine
        row[AT.her2_lines] = lines
        row[AT.anthracycline_after_her2_day] = after_her2
        row[AT.chemotherapy_lines] = chemotherapy_lines
        row[AT.anthracycline_unmeasured] = unmeasured
        row[AT.her2_before_metastatic_day] = before_metastatic
        row[AT.her2_after_metastatic_day] = after_metastatic
        row[AT.setting] = METASTATIC if metastatic != UNKNOWN else setting
        row[AT.pregnancy_known_before] = known_before
        row[AT.taxane_cycles] = cycles
        row[AT.anthracycline_order_day] = anthracycline_order
        row[AT.endocrine_lines] = endocrine_lines
        row[AT.chemotherapy_before_metastatic_day] = early_chemotherapy
        row[AT.height] = height
