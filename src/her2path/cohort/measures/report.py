"""Measures in FHIR R4: a Measure for each definition, and a MeasureReport for what it came to.

FHIR has no population for those of whom it is not known; they stand in one of our own, and never in another.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .count import Counted
from .read import Measure

BASE = "https://her2path.org/fhir"
OWN = f"{BASE}/CodeSystem/measure-population"
POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"
IMPROVEMENT = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"
BASIS = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-populationBasis"
UNKNOWN = (("undetermined", "Counted, and not known"), ("membership-undetermined", "Not known whether counted"))


def bundle(found: list[tuple[Measure, list[Counted]]], folder: Path, least: int = 0) -> dict[str, Any]:
    """A collection of the measures and their reports."""
    plan = json.loads((folder / "manifest.json").read_text("utf-8"))["plan"]
    entries = [
        entry for measure, counted in found for entry in (as_measure(measure), report(measure, counted, plan, least))
    ]  # fmt: skip
    return {
        "resourceType": "Bundle", "type": "collection",
        "entry": [{"fullUrl": f"{BASE}/{each['resourceType']}/{each['id']}", "resource": each} for each in entries],
    }  # fmt: skip


def as_measure(measure: Measure) -> dict[str, Any]:
    """The definition as a Measure; its conditions are SQL."""
    parts = [("denominator", measure.denominator), ("numerator", measure.numerator)]
    parts += [("denominator-exclusion", measure.exclusions)] if measure.exclusions else []
    scoring = "continuous-variable" if measure.value else "proportion"
    if measure.value:
        parts = [("measure-population", measure.denominator), ("measure-observation", measure.value)]
    told: dict[str, Any] = {
        "resourceType": "Measure", "id": measure.key, "url": f"{BASE}/Measure/{measure.key}",
        "version": measure.version, "name": measure.key.replace("-", "_"), "title": measure.title, "status": "draft",
        "experimental": True, "extension": [{"url": BASIS, "valueCode": _basis(measure)}],
        "scoring": {"coding": [{"system": SCORING, "code": scoring}]},
        "rationale": measure.undetermined,
        "relatedArtifact": [{"type": "citation", "citation": str(each)} for each in measure.citations],
        "group": [{"population": [
            {"code": _code(POPULATION, code),
             "criteria": {"language": "application/sql", "expression": sql}} for code, sql in parts
        ]}],
    }  # fmt: skip
    if measure.better in ("higher", "lower"):
        code = "increase" if measure.better == "higher" else "decrease"
        told["improvementNotation"] = {"coding": [{"system": IMPROVEMENT, "code": code}]}
    return told


def report(measure: Measure, counted: list[Counted], plan: dict[str, Any], least: int) -> dict[str, Any]:
    """What it came to: a stratum each, or the whole."""
    name = hashlib.sha256(f"{measure.key} {json.dumps(plan, sort_keys=True)}".encode()).hexdigest()[:32]
    group: dict[str, Any] = {}
    if len(counted) == 1 and counted[0].stratum == "all":
        group = _populations(counted[0], least)
    else:
        strata = [{"value": {"text": each.stratum}, **_populations(each, least)} for each in counted]
        group["stratifier"] = [{"stratum": strata}]
    return {
        "resourceType": "MeasureReport", "id": name, "status": "complete", "type": "summary",
        "measure": f"{BASE}/Measure/{measure.key}|{measure.version}", "date": plan["on"],
        "period": {"end": plan["on"]}, "group": [group],
    }  # fmt: skip


def _populations(counted: Counted, least: int) -> dict[str, Any]:
    if counted.is_small(least):
        return {}
    known = [("denominator", counted.denominator), ("numerator", counted.met)]
    if counted.measure.value:
        known = [("measure-population", counted.denominator)]
    elif counted.excluded:
        known.append(("denominator-exclusion", counted.excluded))
    counts = [{"code": _code(POPULATION, code), "count": number} for code, number in known]
    for (code, words), number in zip(UNKNOWN, (counted.undetermined, counted.maybe), strict=True):
        counts.append({"code": _code(OWN, code, words), "count": number})
    told: dict[str, Any] = {"population": counts}
    if counted.quartiles is not None:
        told["measureScore"] = {
            "value": counted.quartiles[1],
            "unit": "d",
            "system": "http://unitsofmeasure.org",
            "code": "d",
        }
    elif counted.rate is not None:
        told["measureScore"] = {"value": round(counted.rate, 6)}
    return told


def _code(system: str, code: str, words: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": words} if words else {})}]}


def _basis(measure: Measure) -> str:
    return {"patient": "Patient", "specimen": "Specimen", "dose": "MedicationAdministration"}[measure.counts]
