"""The published trials of equivalence: their printed intervals beside those computed again from the counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from typing import Any

from ...facts.markdown import plain
from ...facts.source import Citation, parse_citations
from ..model import Model, read_model
from .intervals import response_interval, response_p_values, verdict
from .responses import GEOMETRIC, ConfidenceInterval, Margin, Responses, Verdict

MODEL = "equivalence-trials"


@dataclass(frozen=True, slots=True)
class PublishedComparison:
    """One comparison of one published trial.

    `printed` holds the printed estimate (`None` where there is none) and bounds; `computed` is the interval from the
    counts, `None` where these were not seen. `way` says how the method is known: named, found or assumed.
    """

    key: str
    product: str
    code: str
    endpoint: str
    scale: str
    level: float
    margin: Margin
    printed: tuple[float | None, float | None, float | None]
    printed_verdict: Verdict
    computed: ConfidenceInterval | None
    computed_verdict: Verdict | None
    p_values: tuple[float | None, float | None]
    arms: tuple[Responses, Responses] | None
    counts: str
    way: str
    adjusted: bool
    citations: tuple[Citation, ...]
    remarks: tuple[str, ...]
    variation: float | None = None

    @property
    def name(self) -> str:
        """What the trial is called where people read it: the code, and the product where it has one."""
        return f"{self.code} ({self.product})" if self.product else self.code

    @property
    def gap(self) -> float | None:
        """The largest difference between a printed and a computed bound, in the unit of the scale."""
        bounds = self.printed[1:]
        if self.computed is None or None in bounds:
            return None
        pairs = zip(bounds, (self.computed.lower, self.computed.upper), strict=True)
        return max(abs(one - other) for one, other in pairs if one is not None)

    def as_json(self) -> dict[str, Any]:
        """The comparison as the command prints it with `--json`."""
        names = ("estimate", "lower", "upper")
        computed = self.computed
        return {
            "trial": self.key,
            "product": self.product,
            "code": self.code,
            "endpoint": self.endpoint,
            "scale": self.scale,
            "level": self.level,
            "margin": {"lower": self.margin.lower, "upper": self.margin.upper},
            "printed": dict(zip(names, self.printed, strict=True)),
            "verdict": self.printed_verdict.word,
            "row": self.printed_verdict.row,
            "possible": list(self.printed_verdict.possible),
            "computed": computed
            and {
                "estimate": computed.estimate,
                "lower": computed.lower,
                "upper": computed.upper,
                "method": computed.method,
                "method_is": self.way,
            },
            "computed_verdict": self.computed_verdict and self.computed_verdict.word,
            "p_values": {"lower": self.p_values[0], "upper": self.p_values[1]},
            "arms": self.arms
            and {
                name: {"responders": arm.responders, "patients": arm.patients}
                for name, arm in zip(("test", "reference"), self.arms, strict=True)
            },
            "counts": self.counts,
            "adjusted": self.adjusted,
            "variation_behind": self.variation,
            "sources": [citation.as_json() for citation in self.citations],
            "remarks": list(self.remarks),
        }


@cache
def response_comparisons() -> tuple[PublishedComparison, ...]:
    """Every comparison of responses, in the order of the file."""
    model = read_model(MODEL)
    readings = {plain(row["reading"]): row for row in model.grids["Responses"]}
    return tuple(_response(row, readings[plain(row["reading"])]) for row in model.grids["Comparisons"])


def _response(row: Mapping[str, str], reading: Mapping[str, str]) -> PublishedComparison:
    arms = _arms(reading)
    scale, level, margin = plain(row["scale"]), _required(row["level %"]) / 100, _margin(row)
    method = plain(row["method"])
    lower, upper = _bounds(row["interval"])
    computed: ConfidenceInterval | None = None
    again: Verdict | None = None
    p_values: tuple[float | None, float | None] = (None, None)
    if arms is not None:
        computed = response_interval(scale, *arms, level, method)
        p_values = response_p_values(scale, *arms, margin, method)
        again = verdict(computed.lower, computed.upper, margin)
    return PublishedComparison(
        plain(row["reading"]),
        _cell_text(reading["product"]),
        reading["code"],
        reading["endpoint"],
        scale,
        level,
        margin,
        (cell_number(row["estimate"]), lower, upper),
        verdict(lower, upper, margin),
        computed,
        again,
        p_values,
        arms,
        reading["counts"],
        row["it is"],
        row["adjusted"] == "yes",
        (*_citations(row), *_citations(reading)),
        tuple(filter(None, (row["remark"], reading["remark"]))),
    )


@cache
def concentration_comparisons() -> tuple[PublishedComparison, ...]:
    """Every ratio of geometric means. Nothing is computed again: the values of the patients are not public."""
    model = read_model(MODEL)
    level = model["pk_level"]
    comparisons = []
    for row in model.grids["Concentrations"]:
        lower, upper = _bounds(row["interval"])
        margin, patients = _margin(row), [int(count) for count in re.findall(r"\d+", row["patients"])]
        spread = variation_behind(lower, upper, level, *patients) if lower and upper and patients else None
        comparisons.append(
            PublishedComparison(
                plain(row["trial"]),
                _cell_text(row["product"]),
                row["code"],
                f"{row['measure']} against {row['against']}",
                GEOMETRIC,
                level,
                margin,
                (cell_number(row["estimate"]), lower, upper),
                verdict(lower, upper, margin),
                None,
                None,
                (None, None),
                None,
                "not public",
                "",
                False,
                _citations(row),
                tuple(filter(None, (row["remark"],))),
                spread,
            )
        )
    return tuple(comparisons)


def variation_behind(lower: float, upper: float, level: float, test_patients: int, reference_patients: int) -> float:
    """The coefficient of variation (a share) behind a printed interval of the ratio of two parallel arms."""
    from scipy.stats import t

    quantile = float(t.ppf((1 + level) / 2, test_patients + reference_patients - 2))
    spread = log(upper / lower) / (2 * quantile * sqrt(1 / test_patients + 1 / reference_patients))
    return sqrt(exp(spread * spread) - 1)


def usual_level(scale: str, model: Model | None = None) -> float:
    """The level (a share) that trials used for a scale, by the table *What regulators ask*."""
    rows = (model or read_model(MODEL)).grids["What regulators ask"]
    return next(_required(row["level %"]) / 100 for row in rows if plain(row["scale"]) == scale)


def cell_number(text: str) -> float | None:
    """The number in a cell, `None` for `-` and blank."""
    text = plain(text)
    return None if text in ("", "-") else float(text)


def _cell_text(text: str) -> str:
    """The text in a cell, blank for `-`."""
    return "" if plain(text) == "-" else plain(text)


def _required(text: str) -> float:
    value = cell_number(text)
    assert value is not None
    return value


def _bounds(text: str) -> tuple[float | None, float | None]:
    if number_of := re.fullmatch(r"(-?[\d.]+) to (-?[\d.]+)", plain(text)):
        return float(number_of[1]), float(number_of[2])
    return None, None


def _margin(row: Mapping[str, str]) -> Margin:
    return Margin(cell_number(row["lower margin"]), cell_number(row["upper margin"]))


def _arms(reading: Mapping[str, str]) -> tuple[Responses, Responses] | None:
    cells = [
        cell_number(reading[f"{arm} {what}"]) for arm in ("test", "reference") for what in ("responders", "patients")
    ]
    known = [int(cell) for cell in cells if cell is not None]
    return (Responses(*known[:2]), Responses(*known[2:])) if len(known) == 4 else None


def _citations(row: Mapping[str, str]) -> tuple[Citation, ...]:
    return parse_citations(row["source"], plain(row["verified"]))
