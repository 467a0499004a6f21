"""The fold of everything else: disease and lines, pregnancy, anthracyclines and taxanes, surgery, death."""

from __future__ import annotations

from typing import Any

from .names import (
    DEATH,
    DOSE,
    DOSE_PER_M2,
    FIRST_CHEMOTHERAPY,
    FIRST_ENDOCRINE,
    FIRST_OTHER,
    FIRST_TAXANE,
    HEIGHT,
    ORDER,
    PREGNANCY_TEST,
    PREGNANT,
    PRODUCTS,
    PROGRESSION,
    SETTING,
    SURGERY,
    TUCATINIB,
    UNKNOWN,
    WEIGHT,
    YES,
)

ADJUVANT, METASTASIZED = 1, 2
LONGEST_PREGNANCY_DAYS = 300
CYCLE_DAYS = 20
"""A taxane dose so long after the first of a cycle begins the next: weekly doses of three weeks are one cycle."""
EQUIVALENCE = (1.0, 1.0, 0.8, 0.6, 10.5, 5.0)
"""mg/m2 of doxorubicin that one mg/m2 of each anthracycline counts as, in the order of `ANTHRACYCLINES`
(ESC 2022, table 5, seen; liposomal doxorubicin is counted as doxorubicin, decision D92)."""


def fold_course(starts: Any, day: Any, kind: Any, number: Any, code: Any, on: int, out: Any) -> None:
    """For each patient fill `out[p]` (`COURSE`). Body surface is by Mosteller from the last weight and height."""
    for p in range(len(starts) - 1):
        metastatic = last_progression = surgery = pregnant_day = test = test_day = in_pregnancy = UNKNOWN
        after_dose = death = after_death = first_anthracycline = last_anthracycline = last_taxane = UNKNOWN
        last_chemotherapy = last_endocrine = after_her2 = weight = height = last_her2 = UNKNOWN
        before_metastatic = after_metastatic = cycle_start = anthracycline_order = last_tucatinib = UNKNOWN
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
                if code[e] != METASTASIZED:
                    setting = code[e]
                elif metastatic == UNKNOWN:
                    metastatic = today
                    cycles, cycle_start = 0, UNKNOWN
            elif what == PROGRESSION:
                if code[e] == YES and today != last_progression:
                    progressions += 1
                    last_progression = today
                    new_line = new_chemotherapy_line = new_endocrine_line = True
            elif what == SURGERY:
                surgery, setting = today, ADJUVANT
            elif what == ORDER and PRODUCTS <= code[e] < FIRST_TAXANE:
                anthracycline_order = today
            elif what == PREGNANT:
                if last_her2 == UNKNOWN:
                    known_before = 1
                if code[e] == YES and pregnant != YES:
                    pregnant_day = today
                    after_dose = today - last_her2 if last_her2 != UNKNOWN else UNKNOWN
                pregnant = code[e]
            elif what == PREGNANCY_TEST:
                test, test_day = code[e], today
                if last_her2 == UNKNOWN:
                    known_before = 1
                if code[e] == YES and pregnant != YES:
                    pregnant, pregnant_day = YES, today
                    after_dose = today - last_her2 if last_her2 != UNKNOWN else UNKNOWN
            elif what == DEATH:
                death = today
            elif DOSE <= what <= DOSE_PER_M2:
                drug = code[e]
                if drug < PRODUCTS:
                    if pregnant == YES:
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
                    if drug == TUCATINIB:
                        last_tucatinib = today
                    last_her2 = today
                elif drug < FIRST_TAXANE:
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
                    equivalent += amount * EQUIVALENCE[drug - PRODUCTS]
                elif drug < FIRST_CHEMOTHERAPY:
                    if today != last_taxane:
                        taxanes += 1
                    last_taxane = today
                    if cycle_start == UNKNOWN or today - cycle_start >= CYCLE_DAYS:
                        cycles += 1
                        cycle_start = today
                elif FIRST_ENDOCRINE <= drug < FIRST_OTHER:
                    last_endocrine = today
                    if metastatic != UNKNOWN and new_endocrine_line:
                        endocrine_lines += 1
                        new_endocrine_line = False
                if PRODUCTS <= drug < FIRST_ENDOCRINE:
                    last_chemotherapy = today
                    if metastatic == UNKNOWN:
                        early_chemotherapy = today
                    if metastatic != UNKNOWN and new_chemotherapy_line:
                        chemotherapy_lines += 1
                        new_chemotherapy_line = False
        out[p][0], out[p][1], out[p][2], out[p][3] = metastatic, progressions, last_progression, surgery
        if pregnant == YES and on - pregnant_day > LONGEST_PREGNANCY_DAYS:
            pregnant = UNKNOWN  # its end is not on record
        out[p][4], out[p][5], out[p][6], out[p][7] = pregnant, pregnant_day, test, test_day
        out[p][8], out[p][9], out[p][10], out[p][11] = in_pregnancy, after_dose, death, after_death
        out[p][12], out[p][13] = first_anthracycline, last_anthracycline
        out[p][14] = int(round(equivalent * 1000)) if first_anthracycline != UNKNOWN else 0
        out[p][15], out[p][16], out[p][17] = taxanes, last_taxane, last_chemotherapy
        out[p][18], out[p][19], out[p][20], out[p][21] = last_endocrine, lines, after_her2, chemotherapy_lines
        out[p][22], out[p][23], out[p][24] = unmeasured, before_metastatic, after_metastatic
        out[p][25] = METASTASIZED if metastatic != UNKNOWN else setting
        out[p][26], out[p][27], out[p][28] = known_before, cycles, anthracycline_order
        out[p][29], out[p][30], out[p][31], out[p][32] = last_tucatinib, endocrine_lines, early_chemotherapy, height
