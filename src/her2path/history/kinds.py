"""Which fact is which kind of event on a timeline, and by which numbers its values are known there."""

from __future__ import annotations

from . import names as v

KINDS = {
    "weight_kg": v.WEIGHT, "height_cm": v.HEIGHT, "lvef": v.LVEF, "heart_failure": v.HEART_FAILURE,
    "setting": v.SETTING, "progression": v.PROGRESSION, "surgery_done": v.SURGERY, "pregnant": v.PREGNANT,
    "pregnancy_test": v.PREGNANCY_TEST, "hold_recorded": v.HOLD, "stop_recorded": v.STOP, "dose_mg": v.DOSE,
    "dose_mg_per_kg": v.DOSE_PER_KG, "dose_mg_per_m2": v.DOSE_PER_M2, "dose_given": v.DOSE,
    "ordered_mg": v.ORDER, "ordered_mg_per_kg": v.ORDER, "death_date": v.DEATH,
}  # fmt: skip
DOSE_FACTS = frozenset(name for name, kind in KINDS.items() if kind in v.DOSES)
ORDER_FACTS = frozenset(name for name, kind in KINDS.items() if kind == v.ORDER)


CATEGORIES = {
    "heart_failure": {"yes": v.STATED, "no": v.DENIED},
    "setting": {"neoadjuvant": v.NEOADJUVANT, "adjuvant": v.ADJUVANT, "metastatic": v.METASTATIC},
    "progression": {"yes": v.STATED, "no": v.DENIED},
    "surgery_done": {"yes": v.STATED},
    "pregnant": {"yes": v.STATED, "no": v.DENIED},
    "pregnancy_test": {"positive": v.STATED, "negative": v.DENIED},
    "hold_recorded": {"cardiac": v.CARDIAC, "other": v.OTHER, "resumed": v.RESUMED},
    "stop_recorded": {"cardiac": v.STOP_CARDIAC, "progression": v.STOP_PROGRESSION, "complete": v.STOP_COMPLETE,
                      "other": v.STOP_OTHER},
}  # fmt: skip
"""The codes of the values a fold knows; an event with any other value (an unknown) is not on the timeline."""
