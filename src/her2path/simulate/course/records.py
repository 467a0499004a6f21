"""Simulated patients as Records: what a hospital would have on file of the courses that were simulated.

The doses, LVEFs, heart failure and stops are those of the course; around them stand the test of the tumour, surgery,
chemotherapy and the patient herself. A record says nothing that only the simulator knows (the true LVEF).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from ...facts.fact import Facts
from ...findings.brands import read_brands
from ...history import names as v
from ...history.drug_codes import default_codes
from ...record.columns import METHODS
from ...record.event import Event, Record, Tissue
from ..model import read_model
from ..patients import BLOCK, RECORD_STREAM, covariates_of, draw_covariates, generator
from .heart import anthracycline
from .kernel import BASELINE_DAY, COLUMNS
from .policy import STARTS_ON, Policy
from .run import Portion, Scenario

SURGERY_DAY, BIOPSY_DAY = -112, -140
TAXANE_CYCLES = 4
"""With the first doses of trastuzumab, after an anthracycline; six with carboplatin without one (BCIRG 006)."""
_SPECIMEN = "core-biopsy"


@dataclass(frozen=True, slots=True)
class Calendar:
    """When simulated therapy begins: from `starts_on` on, spread evenly over `over_days`."""

    starts_on: dt.date = dt.date(2024, 1, 8)
    over_days: int = 365


@cache
def _demography() -> dict[str, float]:
    return {row["name"].strip("`"): float(row["value"]) for row in read_model("patients").grids["Demography"]}


def records_of(
    portion: Portion, scenario: Scenario, policy: Policy, facts: Facts, calendar: Calendar | None = None
) -> Iterator[Record]:
    """The record of every patient of a portion."""
    days = calendar or Calendar()
    count = len(portion.out)
    random = generator(scenario.seed, portion.first // BLOCK, RECORD_STREAM).random((BLOCK, 12))
    drawn = draw_covariates(covariates_of(scenario.population), scenario.seed, portion.first, count)
    brands = [name for name, brand in read_brands().items() if brand.product == policy.product]
    for place in range(count):
        maker = _Maker(f"sim-{portion.first + place:07d}", facts, days, random[place])
        yield maker.make(portion, place, scenario, policy, float(drawn["height_cm"][place]), brands)


class _Maker:
    """One record in the making: days count from the first dose of trastuzumab."""

    def __init__(self, patient: str, facts: Facts, calendar: Calendar, chance: Any) -> None:
        self.facts = facts
        self.chance = chance
        self.record = Record(patient, patient)
        self.start = calendar.starts_on + dt.timedelta(days=int(chance[0] * calendar.over_days))

    def make(
        self, portion: Portion, place: int, scenario: Scenario, policy: Policy, height_cm: float, brands: list[str]
    ) -> Record:
        self._herself(height_cm)
        self._tumour()
        self._before(scenario)
        brand = brands[int(self.chance[1] * len(brands))]
        doses = self._course(portion, place, policy, brand)
        self._taxane(scenario, doses)
        stopped = portion.out[place, COLUMNS.index("stopped")] == 1
        # The year ends when the next dose would be due, or, where that was withheld to the end, with the year itself.
        after = max(doses[-1] + 21, default_codes().numbers.year_days) if doses else 0
        if doses and not stopped and after <= scenario.horizon_days:
            self._say("stop_recorded", "complete", after, product=policy.product)
        self.record.sort()
        return self.record

    def _say(
        self, fact: str, value: Any, day: int, *, product: str = "", qualifier: str = "", written: str = ""
    ) -> None:
        known = self.facts[fact].coerce(value)
        on = self.start + dt.timedelta(days=day)
        text = written or str(value)
        self.record.course.append(
            Event(fact, known, on, "", self.record.patient, text, product=product, qualifier=qualifier)
        )

    def _herself(self, height_cm: float) -> None:
        demography = _demography()
        # The sum of uniform numbers is near enough to normal for an age, and has ends.
        spread = (self.chance[2] + self.chance[3] + self.chance[4] - 1.5) * 2
        age = demography["age_mean"] + demography["age_spread"] * spread
        born = self.start - dt.timedelta(days=int(age * 365.25))
        self._say("birth_date", born.isoformat(), BIOPSY_DAY)
        self._say("sex", "female", BIOPSY_DAY)
        menopause = "postmenopausal" if age >= demography["menopause_age"] else "premenopausal"
        self._say("menopausal_status", menopause, BIOPSY_DAY)
        if menopause == "premenopausal":
            self._say("pregnancy_test", "negative", BASELINE_DAY)
        self._say("height_cm", Decimal(round(height_cm)), BASELINE_DAY)

    def _tumour(self) -> None:
        demography = _demography()
        day = self.start + dt.timedelta(days=BIOPSY_DAY)
        self.record.sites.add("breast")
        self.record.tissues[_SPECIMEN] = Tissue(_SPECIMEN, "biopsy", "primary", day)
        tests: dict[str, Any] = {"ihc_score": "3+"}
        if self.chance[5] >= demography["ihc_3"]:
            ratio = Decimal(str(round(2.2 + 4 * self.chance[6], 1)))
            tests = {"ihc_score": "2+", "her2_cep17_ratio": ratio, "her2_copies": ratio * 2}
        for name, value in tests.items():
            known = self.facts[name].coerce(value)
            self.record.events.append(Event(name, known, day, _SPECIMEN, self.record.patient, str(value)))
        receptor = "positive" if self.chance[7] < demography["hormone_receptor_positive"] else "negative"
        self._say("er_status", receptor, BIOPSY_DAY)
        self._say("pr_status", receptor if self.chance[8] < demography["progesterone_too"] else "negative", BIOPSY_DAY)
        self._say("surgery_done", "yes", SURGERY_DAY)
        nodes = "positive" if self.chance[9] < demography["node_positive"] else "negative"
        self._say("node_status", nodes, SURGERY_DAY)
        # Half to twice the median, evenly on a log scale.
        self._say(
            "tumour_size_mm", Decimal(round(demography["tumour_size"] * 2 ** (2 * self.chance[10] - 1))), SURGERY_DAY
        )
        self._say("grade", "3" if self.chance[11] < demography["grade_3"] else "2", SURGERY_DAY)
        self._say("stage", "2" if nodes == "positive" else "1", SURGERY_DAY)

    def _before(self, scenario: Scenario) -> None:
        self._say("setting", "adjuvant", -100)
        given = anthracycline(scenario.chemotherapy)
        if given is None:
            return
        for n in range(given.cycles):
            day = -given.days_apart * (given.cycles - n)
            self._say("dose_mg_per_m2", Decimal(str(given.mg_per_m2)), day, product=given.drug)
            self._say("dose_given", "yes", day, product="cyclophosphamide")

    def _course(self, portion: Portion, place: int, policy: Policy, brand: str) -> list[int]:
        """The events of the course; the days of the doses."""
        origin = STARTS_ON.toordinal()
        doses: list[int] = []
        weight = Decimal(str(round(float(portion.weight_kg[place]), 1)))
        for day, kind, number, code in portion.events[place, :, : portion.counts[place]].T.tolist():
            on = day - origin
            if kind == v.WEIGHT:
                self._say("weight_kg", weight, on)
            elif kind == v.LVEF:
                self._say("lvef", Decimal(number) / 1000, on, qualifier=METHODS[code])
            elif kind == v.HEART_FAILURE:
                self._say("heart_failure", "yes", on)
            elif kind == v.STOP:
                self._say("stop_recorded", "cardiac", on, product=policy.product)
            elif kind in (v.DOSE, v.DOSE_PER_KG):
                amount = Decimal(number) / 1000
                milligrams = amount if kind == v.DOSE else (amount * weight).quantize(Decimal(1))
                self._say("dose_mg", milligrams.normalize() + 0, on, product=policy.product, qualifier=brand)
                doses.append(on)
        return doses

    def _taxane(self, scenario: Scenario, doses: list[int]) -> None:
        alone = scenario.chemotherapy == "none"
        for day in doses[: 6 if alone else TAXANE_CYCLES]:
            self._say("dose_given", "yes", day, product="docetaxel")
            if alone:
                self._say("dose_given", "yes", day, product="carboplatin")


def all_records(
    parts: Iterable[Portion], scenario: Scenario, policy: Policy, facts: Facts, calendar: Calendar | None = None
) -> Iterator[Record]:
    """The records of all portions, in order."""
    for portion in parts:
        yield from records_of(portion, scenario, policy, facts, calendar)
