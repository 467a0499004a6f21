"""The code tables with the entries of a site's mapping added to them, each under a key of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..fact import Facts
from ..therapy_codes import Drug, Measure
from .entries import DIAGNOSED, TESTS, Entry, SiteMapping

Claim = tuple[str, str]
"""A fact and its value."""
ENOUGH_CODES = 3
"""From so many codes on what all of them state beside a claim goes with it."""
SITE = "SITE"
"""The short name of the code system of the entries."""


def with_mapping(facts: Facts, mapping: SiteMapping | None) -> Facts:
    """The facts as a site's records speak of them: readers that are given these read by the site's mapping too."""
    if mapping is None or not mapping.entries:
        return facts
    return _mapped_facts(facts, mapping)


@lru_cache(maxsize=8)
def _mapped_facts(facts: Facts, mapping: SiteMapping) -> Facts:
    mapped = Facts(facts.by_name, facts.path)
    mapped.mapping = mapping
    return mapped


def extended(codes: Any, mapping: SiteMapping) -> Any:
    """The code tables (`Codes`) with a mapping's entries; the tables themselves stay as they are."""
    therapy = codes.therapy
    tests, answers, diagnoses = dict(codes.tests), dict(codes.answers), dict(codes.diagnoses)
    drugs, measures, claims = dict(therapy.drugs), dict(therapy.measures), dict(therapy.claims)
    for entry in mapping.entries:
        key = (SITE, entry.key)
        if entry.kind == "answer":
            answers[key] = entry.answer
        elif entry.kind == "product":
            drugs[key] = Drug(entry.product, entry.brand)
        elif entry.kind == "statement" and entry.fact in DIAGNOSED:
            diagnoses[key] = _diagnosis(entry)
        elif entry.kind == "statement":
            claims[key] = _stated((entry.fact, entry.value), therapy.claims.values())
        elif entry.kind == "fact" and entry.fact in TESTS:
            tests[key] = TESTS[entry.fact]
        elif entry.kind == "fact":
            measures[key] = Measure(entry.fact, entry.method)
    added = replace(therapy, drugs=drugs, measures=measures, claims=claims)
    return replace(codes, tests=tests, answers=answers, diagnoses=diagnoses, therapy=added, mapping=mapping)


def _stated(claim: Claim, known: Iterable[tuple[Claim, ...]]) -> tuple[Claim, ...]:
    """A claim with those that all codes of the tables state beside it: heart failure is also its history."""
    with_it = [set(claims) for claims in known if claim in claims]
    beside = set.intersection(*with_it) - {claim} if len(with_it) >= ENOUGH_CODES else set()
    return (claim, *sorted(beside))


def _diagnosis(entry: Entry) -> tuple[str, str]:
    return (entry.value, "") if entry.fact == "tumour_site" else ("", entry.value)
