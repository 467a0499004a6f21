"""A run of the tumour in words: the table of cycles, what each term contributes, and what published data cannot fix."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np

from ..bands import PERCENTILES
from ..exposure.schedule import CYCLE_LENGTH_DAYS
from .equations import SEEN_CM3, TERMS
from .run import TumourPatients, TumourRequest, TumourRun, term_rows

TEXT_WIDTH = 110


def run_summary(run: TumourRun) -> dict[str, Any]:
    """What came of it, as plain numbers: by cycle, by term, and what is not identifiable."""
    course, request = run.course, run.request
    rows = []
    for day in range(0, request.days + 1, CYCLE_LENGTH_DAYS):
        rows.append(
            {
                "day": day,
                "serum_mg_per_l": float(course.serum_nm[day] * course.tumour.molecular_weight / 1e6),
                "occupancy_at_the_vessel": float(course.occupancy_at_the_vessel[day]),
                "occupancy_mean": float(course.occupancy[day]),
                "free_copies_per_cell": float(course["free"][day]),
                "bound_copies_per_cell": float(course["bound"][day]),
                "ecd_free_ng_per_ml": float(course.ecd_free_ng_per_ml[day]),
                "ecd_total_ng_per_ml": float(course.ecd_total_ng_per_ml[day]),
                "payload_in_cells_nm": float(course.payload_nm[day]),
                "volume_cm3": float(course.volume_cm3[day]),
                "volume_untreated_cm3": float(run.untreated.volume_cm3[day]),
            }
        )
    return {
        **request_json(request),
        "terms_on": [term for term in TERMS if term in run.terms],
        "terms_off": [term for term in TERMS if term not in run.terms],
        "mean_occupancy": course.mean_occupancy,
        "mean_occupancy_with_the_other_permeability": run.mean_occupancy_other_permeability,
        "cycles_table": rows,
        "without_each_term": [
            {
                "term": part.term,
                "volume_cm3": part.volume_without_cm3,
                "mean_occupancy": part.occupancy_without,
                "ecd_total_ng_per_ml": part.ecd_without_ng_per_ml,
            }
            for part in run.contributions
        ],
        "not_identifiable": not_identifiable(request, run.terms, run.mean_occupancy_other_permeability),
    }


def patients_summary(patients: TumourPatients) -> dict[str, Any]:
    """Percentiles over patients, and how many tumours are smaller at the end than at the start."""
    end = patients.columns["volume_cm3"]
    start = patients.start_volume_cm3
    return {
        **request_json(patients.request),
        "patients": int(end.size),
        "terms_on": [term for term in TERMS if term in patients.terms],
        "percentiles": {
            name: {str(percent): float(np.percentile(values, percent)) for percent in PERCENTILES}
            for name, values in patients.columns.items()
        },
        "share_smaller_than_at_the_start": float(np.mean(end < start)),
        "not_identifiable": [
            *not_identifiable(patients.request, patients.terms, None),
            "Everybody has the typical patient's exposure. The spread of receptors is ours; growth and kill spread"
            " by the numbers with which the source drew its patients.",
        ],
    }


def request_json(request: TumourRequest) -> dict[str, Any]:
    """What was asked for, as every summary repeats it; `days` from the first dose."""
    return {
        "ihc": request.ihc,
        "drug": request.drug,
        "schedule": request.schedule,
        "cycles": request.cycles,
        "days": request.days,
    }


def not_identifiable(request: TumourRequest, terms: frozenset[str], other_occupancy: float | None) -> list[str]:
    """What published data cannot fix in this run: sentences, never empty."""
    if request.drug == "none":
        return ["Growth was taken from HER2-positive metastatic disease; how it differs by IHC class is not published."]
    sentences = []
    rows = {row["term"]: row for row in term_rows()}
    scenario = [term for term in TERMS if term in terms and rows[term]["size"].startswith("scenario")]
    if scenario:
        sizes = "size" if len(scenario) == 1 else "sizes"
        sentences.append(
            f"Not identifiable from published data: the {sizes} of {_listed(scenario)}. What stands here is a"
            " scenario of ours, and its contribution is not a finding."
        )
    if "repair" in terms and request.other_kill_per_day == 0 and "payload" not in terms:
        sentences.append("Repair acts only beside therapy that damages DNA (--other-kill); here it changes nothing.")
    if "shedding-block" in terms:
        sentences.append(
            "That bound HER2 is not cut at all is an assumption from cells; in patients it cannot be told from"
            " response. What is bound of ECD is given the half-life of the antibody, an assumption too."
        )
    if "binding" in terms:
        other = "" if other_occupancy is None else f" (with the other published permeability {other_occupancy:.0%})"
        sentences.append(
            "What is bound on average over the tumour rests on the permeability of vessels and the turnover of HER2"
            f"{other}, neither measured in patients; cells at the vessel see C / (C + KD)."
        )
    if "payload" in terms:
        sentences.append(
            "Not identifiable from published data: payload in the tumour, which was not measured in patients, and so"
            " its kill by amount. The kill is that of mice, and the source needed a spread of 2,000 % (T-DM1) or"
            " 10,000 % (T-DXd) of the half-kill to meet trials. Nothing here becomes resistant, and no cell is the"
            " last. Held against trials T-DM1 comes out far better and T-DXd below 3+ worse: no benefit can be read"
            " from this."
        )
    elif request.ihc != "3+" and request.drug == "trastuzumab":
        sentences.append(
            "A trial of trastuzumab at 1+, or 2+ without amplification, found no benefit; do not read one from this."
        )
    return sentences


def run_text(run: TumourRun) -> str:
    """The run for a reader."""
    content = run_summary(run)
    request = run.request
    lines = [f"IHC {request.ihc}, {_drug(request)}: typical patient, {request.days} days"]
    lines += ["  on:  " + ", ".join(content["terms_on"])]
    if content["terms_off"]:
        lines += ["  off: " + ", ".join(content["terms_off"])]
    lines += ["", "             serum   bound at   bound,    copies per cell       ECD ng/mL       tumour   untreated"]
    lines += ["    day       mg/L the vessel    mean      free     bound    free   total       cm3         cm3"]
    for row in content["cycles_table"]:
        lines.append(
            f"  {row['day']:5d} {row['serum_mg_per_l']:10.1f} {row['occupancy_at_the_vessel']:10.1%} {cells(row)}"
            f" {row['ecd_free_ng_per_ml']:7.2f} {row['ecd_total_ng_per_ml']:7.1f}"
            f" {volume(row['volume_cm3']):>9} {volume(row['volume_untreated_cm3']):>11}"
        )
    lines.append("  Days are those before the next dose.")
    if content["without_each_term"]:
        rows = {row["term"]: row for row in term_rows()}
        last = content["cycles_table"][-1]
        lines += ["", "  At the end, with one term       tumour    bound,    ECD total   evidence     size"]
        lines += ["  switched off                       cm3      mean        ng/mL   in humans"]
        lines.append(
            f"    {'(none)':24s} {volume(last['volume_cm3']):>11} {content['mean_occupancy']:9.1%}"
            f" {last['ecd_total_ng_per_ml']:12.1f}"
        )
        for part in content["without_each_term"]:
            row = rows[part["term"]]
            lines.append(
                f"    {part['term']:24s} {volume(part['volume_cm3']):>11} {part['mean_occupancy']:9.1%}"
                f" {part['ecd_total_ng_per_ml']:12.1f}   {row['strength']:12s} {row['size']}"
            )
        lines.append("  Bound, mean: over the tumour, and over the days on which it can be seen.")
    return "\n".join([*lines, "", *limits_paragraph(content["not_identifiable"])])


def patients_text(patients: TumourPatients) -> str:
    """Many patients for a reader."""
    counted = patients_summary(patients)
    request = patients.request
    lines = [f"IHC {request.ihc}, {_drug(request)}: {counted['patients']} patients, {request.days} days", ""]
    lines.append(f"  {'percentile':28s}" + "".join(f"{percent:>14d}" for percent in PERCENTILES))
    for name, values in counted["percentiles"].items():
        written = "".join(
            f"{volume(values[str(percent)]) if name.endswith('volume_cm3') else _short(values[str(percent)]):>14}"
            for percent in PERCENTILES
        )
        lines.append(f"  {name.replace('_', ' '):28s}{written}")
    share = counted["share_smaller_than_at_the_start"]
    lines += ["", f"  Smaller at the end than at the start: {share:.0%} of patients."]
    return "\n".join([*lines, "", *limits_paragraph(counted["not_identifiable"])])


def terms_text() -> str:
    """The terms with evidence and source."""
    lines = []
    for row in term_rows():
        lines += [
            row["term"],
            f"    {row['what it does']}",
            f"    shown in: {row['shown in']}",
            f"    evidence in humans: {row['strength']};  size: {row['size']};  identifiable: {row['identifiable']}",
            f"    source: {row['source'].replace('@', '')} ({row['verified']})",
        ]
    return "\n".join(lines)


def cells(row: dict[str, Any]) -> str:
    """Three columns of the receptors; dashes where no tumour is left to be seen."""
    if row["volume_cm3"] < SEEN_CM3:
        return f"{'-':>7} {'-':>9} {'-':>9}"
    return f"{row['occupancy_mean']:7.1%} {row['free_copies_per_cell']:9.0f} {row['bound_copies_per_cell']:9.0f}"


def volume(cm3: float) -> str:
    """A volume in cm3 with its digits, or that it is too small to be seen."""
    return f"< {SEEN_CM3:g}" if cm3 < SEEN_CM3 else f"{cm3:.3g}"


def limits_paragraph(sentences: list[str]) -> list[str]:
    """Sentences as a wrapped paragraph below its heading."""
    body = fill(" ".join(sentences), TEXT_WIDTH, initial_indent="  ", subsequent_indent="  ")
    return ["  What published data cannot fix", body]


def _drug(request: TumourRequest) -> str:
    return "no drug" if request.drug == "none" else f"{request.drug} {request.schedule}, {request.cycles} cycles"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
