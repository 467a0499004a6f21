"""Facts as a pharmacist says them: in the chain of an answer, in the conditions of a case, and where one is missing."""

from __future__ import annotations

import re
from decimal import Decimal

from ..facts.value import Value

_SAID = {
    "schedule": "schedule {}", "dose_kind": "{} dose", "infusion_number": "{} infusion", "dose_level": "dose level {}",
    "days_since_last_dose": "{} days since the last dose",
    "days_since_trastuzumab": "days since the last trastuzumab: {}",
    "days_since_pertuzumab": "days since the last pertuzumab: {}", "tumour_site": "{}", "product": "{}",
    "lvef_baseline": "baseline LVEF {} %", "lvef": "LVEF {} %", "lvef_lower_limit": "lower limit {} %",
    "lvef_fall": "a fall of {} points", "setting": "{}", "days_on_hold": "day {} of the hold",
    "hold_count": "holds before: {}", "sex": "{}", "ihc_score": "IHC {}", "her2_cep17_ratio": "ratio {}",
    "her2_copies": "{} HER2 copies a cell", "cep17_copies": "{} CEP17 a cell", "ish_group": "ISH group {}",
    "ish_result": "ISH {}", "ish_probe": "{} probe", "her2_status": "HER2 {}", "lvef_finding": "LVEF {}",
    "her2_expression": "HER2 {}", "ish_recount": "recount {}", "specimen_kind": "{}", "cardiac_action": "{}",
    "contraception_months": "{} months", "months_since_last_dose": "{} months since the last dose",
    "chemotherapy_partner": "with {}", "lvef_finding_at_hold": "{} at the hold", "therapy_phase": "{}",
}  # fmt: skip
"""How a fact and its value are said; a fact that is not here by its name and value."""
_SAID_OF = {
    ("on_hold", "yes"): "a hold is open", ("on_hold", "no"): "no hold is open",
    ("heart_failure", "yes"): "symptoms of heart failure", ("heart_failure", "no"): "no symptoms of heart failure",
    ("lvef_below_limit", "yes"): "below the lower limit", ("lvef_below_limit", "no"): "not below the lower limit",
    ("ish_group", "not reported"): "no ISH group", ("ish_result", "not reported"): "no ISH",
    ("ihc_score", "not reported"): "no IHC", ("ish_recount", "not reported"): "no recount yet",
    ("ish_probe", "not reported"): "no ISH probe", ("sex", "female"): "a woman", ("sex", "male"): "a man",
    ("same_brand", "yes"): "the same brand", ("same_brand", "no"): "another brand",
    ("same_molecule", "yes"): "the same molecule", ("same_molecule", "no"): "another molecule",
    ("same_route", "yes"): "the same route", ("same_route", "no"): "another route",
    ("interchangeable_designation", "yes"): "designated interchangeable",
    ("interchangeable_designation", "no"): "known not to be designated interchangeable",
    ("interchangeable_designation", "unconfirmed"): "a designation as interchangeable is not confirmed",
    ("order_forbids_substitution", "yes"): "the order says as written",
    ("order_forbids_substitution", "no"): "the order allows an exchange",
    ("national_substitution_allowed", "yes"): "the country lets the pharmacy exchange it",
    ("national_substitution_allowed", "no"): "the country does not let the pharmacy exchange it",
    ("any_membrane_staining", "yes"): "some membrane staining", ("any_membrane_staining", "no"): "no staining at all",
    ("schedule", "q3w"): "every 3 weeks", ("schedule", "weekly"): "every week", ("schedule", "q2w"): "every 2 weeks",
    ("infusion_number", "later"): "not the first infusion", ("contraception_months", "none stated"): "no time stated",
    ("contraception_months", "1 week"): "1 week", ("contraception_months", "5 days"): "5 days",
}  # fmt: skip
_ASKED = {
    "heart_failure": "whether there are symptoms of heart failure", "on_hold": "whether a hold for the heart is open",
    "days_on_hold": "how long the hold has lasted", "hold_count": "how many holds there were before",
    "setting": "the setting (neoadjuvant, adjuvant, metastatic)", "sex": "the sex", "lvef": "the LVEF now",
    "lvef_baseline": "the baseline LVEF", "tumour_site": "the organ", "weight_kg": "the weight",
    "days_since_last_dose": "the days since the last dose", "schedule": "the schedule", "ihc_score": "the IHC score",
    "her2_cep17_ratio": "the HER2/CEP17 ratio", "her2_copies": "the HER2 copies a cell", "product": "the product",
    "ish_probe": "whether the ISH was single or dual probe", "ish_recount": "the blinded recount of the ISH",
    "any_membrane_staining": "whether any membrane stains", "specimen_kind": "whether it is a biopsy or a resection",
    "order_forbids_substitution": "whether the order says as written",
    "national_substitution_allowed": "whether the country lets a pharmacy exchange it",
    "same_brand": "the brand that was ordered", "dose_kind": "whether it is a loading or a maintenance dose",
    "infusion_number": "whether it is the first infusion", "dose_level": "the dose level",
    "chemotherapy_partner": "the partner", "lvef_finding_at_hold": "what the LVEF was that opened the hold",
    "lvef_fall": "the fall since the baseline", "days_since_trastuzumab": "the days since the last trastuzumab",
    "days_since_pertuzumab": "the days since the last pertuzumab", "lvef_finding": "what the LVEF is by the label",
    "interchangeable_designation": "whether it is designated interchangeable",
}  # fmt: skip


_OUTCOMES = {
    "missed_dose_action": "", "dose_per_administration": "", "switch_dose_kind": "",
    "first_q3w_dose_action": "", "infusion_minutes": "minutes:", "observation_minutes": "minutes of observation:",
    "lvef_finding": "LVEF", "cardiac_action": "", "her2_status": "HER2", "ish_group": "ISH group", "ish_result": "ISH",
    "ihc_score": "IHC", "contraception_months": "contraception:", "substitution": "", "her2_next_step": "next step:",
    "her2_expression": "HER2", "echo_recheck": "LVEF again:", "echo_interval": "LVEF again:",
    "her2_before_start": "before a first dose:",
    "boxed_warning_conflict": "the boxed warning says otherwise:",
}  # fmt: skip
"""What stands before the value of an outcome where it is told; one that is not here is told by its name."""
_VALUES = {
    ("missed_dose_action", "reload"): "re-load", ("her2_status", "adjudicate"): "to be adjudicated",
    ("infusion_minutes", "none stated"): "no time stated",
    ("observation_minutes", "none stated"): "no time stated", ("contraception_months", "none stated"): "no time stated",
}  # fmt: skip
"""Values of outcomes that are told otherwise than they are written."""


def outcome_said(outcome: str, value: str) -> str:
    """An outcome and its value in words: `LVEF too low`, `contraception: 7 months`."""
    told = _VALUES.get((outcome, value), value)
    if outcome == "contraception_months" and value.isdigit():
        told = f"{value} month" if value == "1" else f"{value} months"
    return f"{_OUTCOMES.get(outcome, outcome.replace('_', ' ') + ':')} {told}".strip()


def minutes_said(value: str) -> str:
    """Minutes in words, with the unit after the number: `120 minutes from the start`."""
    found = re.fullmatch(r"(\d+(?: to \d+)?)(?: (.+))?", value)
    return f"{found[1]} minutes {found[2] or ''}".strip() if found else value


def said(name: str, value: object) -> str:
    """A fact and its value in words: `45 days since the last dose`."""
    if isinstance(value, Decimal):
        value = number(value)
    if (words := _SAID_OF.get((name, str(value)))) is not None:
        return words
    pattern = _SAID.get(name)
    return pattern.format(value) if pattern else f"{name.replace('_', ' ')} {value}"


def asked(name: str) -> str:
    """A fact that is missing, in words."""
    return _ASKED.get(name, name.replace("_", " "))


_BY_BOUND = {
    "days_on_hold": (
        "before day {} of it", "up to day {} of it", "from day {} of it on", "after day {} of it",
        "on days {} to {} of it",
    ),
    "hold_count": (
        "fewer than {} holds before", "at most {} holds before", "{} or more holds before", "more than {} holds before",
        "{} to {} holds before",
    ),
}  # fmt: skip
"""How an interval of a fact is said: below, at most, at least, above, and from one to another, both included."""
_BOUND = re.compile(r"(<=|<|>=|>) (\S+)")
_FROM_TO = re.compile(r"\[(\S+)\.\.(\S+)\]")


def condition(name: str, cell: str) -> str:
    """What a cell of a table asks of a fact, in words: `no hold is open`, `fewer than 3 holds before`."""
    parts = [part.strip() for part in cell.split(",")]
    if name in _BY_BOUND and len(parts) == 1:
        if found := _BOUND.fullmatch(cell):
            return _BY_BOUND[name][("<", "<=", ">=", ">").index(found[1])].format(found[2])
        if found := _FROM_TO.fullmatch(cell):
            return _BY_BOUND[name][4].format(found[1], found[2])
    if all((name, part) in _SAID_OF for part in parts):
        return " or ".join(_SAID_OF[name, part] for part in parts)
    return said(name, " or ".join(parts))


def number(value: Decimal) -> str:
    """A number as it is written: 576, not 576.0 and not 5.76E+2."""
    return f"{value.normalize():f}"


def any_number(value: Value | None) -> str:
    """A value in words, whatever it is."""
    return number(value) if isinstance(value, Decimal) else str(value)


def listed(words: list[str], last: str = "and") -> str:
    """Words in a row: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
