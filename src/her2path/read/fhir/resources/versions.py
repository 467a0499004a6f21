"""Medication resources of other FHIR versions (DSTU2, STU3, R5) in the words of R4, so that one reader reads them all.

Only what differs is renamed; a resource of R4 is given back as it is. R5 spells `occurence` with one r; feeds write
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "occurenceDateTime": "effectiveDateTime", "occurrenceDateTime": "effectiveDateTime",
    "occurencePeriod": "effectivePeriod", "occurrencePeriod": "effectivePeriod",
    "effectiveTimeDateTime": "effectiveDateTime", "effectiveTimePeriod": "effectivePeriod",
    "dateWritten": "authoredOn", "dateEnded": "statusChanged",
    "reasonEnded": "statusReason", "reasonNotGiven": "statusReason", "reasonNotTaken": "statusReason",
}  # fmt: skip
"""Fields by the names they have in R4; `dateEnded` and R5's `statusChanged` have none there."""
TIMINGS = ("occurenceTiming", "occurrenceTiming", "effectiveTiming")
DENIED = ("wasNotGiven", "notGiven", "wasNotTaken")
_OTHERWISE = frozenset((*RENAMED, *TIMINGS, *DENIED, "taken", "adherence", "statusReason"))
ADHERENCE = (("not-taking", "not-taken"), ("taking", "active"), ("stopped", "stopped"), ("on-hold", "on-hold"))
"""How the adherence of R5 begins, and the status of R4 that says so."""


def in_words_of_r4(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content of a medication resource as R4 would say it."""
    kind = content.get("resourceType")
    dosage: Any = content.get("dosage")
    by_quantity = isinstance(dosage, dict) and "dose" not in dosage and "quantity" in dosage
    is_renamed = by_quantity and kind == "MedicationAdministration"
    if _OTHERWISE.isdisjoint(content) and content.get("status") != "recorded" and not is_renamed:
        return content
    said = dict(content)
    for name, known in RENAMED.items():
        if name in content and known not in content:
            said[known] = content[name]
    for name in TIMINGS:
        timing = content.get(name)
        days = timing.get("event") if isinstance(timing, dict) else None
        if isinstance(days, list) and len(days) == 1:
            said.setdefault("effectiveDateTime", days[0])
    if any(content.get(name) is True for name in DENIED) or content.get("taken") == "n":
        said["status"] = "not-taken" if kind == "MedicationStatement" else "not-done"
    elif content.get("taken") == "unk":
        said["status"] = "unknown"
    if kind == "MedicationStatement" and content.get("status") == "recorded":
        said["status"] = _by_adherence(content.get("adherence"), said)
    if by_quantity:
        said["dosage"] = {**dosage, "dose": dosage["quantity"]}
    return said


def _by_adherence(adherence: Any, said: dict[str, Any]) -> str:
    """The status that a statement of R5 has by its adherence; one without is in use."""
    if not isinstance(adherence, dict):
        return "active"
    if "reason" in adherence:
        said.setdefault("statusReason", adherence["reason"])
    code = adherence.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    words = [str(c.get("code")) for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
    return next((status for word in words for begins, status in ADHERENCE if word.startswith(begins)), "unknown")
