"""Models as parameter tables: reading `knowledge/models/*.md`.

A model's file holds its parameters (value, unit, spread, meaning, source, how far verified), the effects of covariates
on them, and whatever else it needs as named grids. The equations are in the kernels; no number stands there.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import log, sqrt
from pathlib import Path

from ..facts.folder import knowledge_folder, shipped_folder
from ..facts.markdown import Document, Grid, plain, read_markdown
from ..facts.problem import AskedWrongly, KnowledgeError, Problem
from ..facts.source import VERIFIED, Citation, parse_citations

SPREADS = ("sqrt of variance", "log-normal")
"""How a coefficient of variation is meant: the standard deviation of the logarithm itself, or that of the values."""
MODEL_KINDS = ("exposure", "heart", "tumour", "population", "trial", "choice")
TABLE_COLUMNS = {
    "Parameters": ("name", "value", "unit", "spread", "meaning", "source", "verified"),
    "Covariates": ("parameter", "covariate", "effect", "coefficient", "reference", "source", "verified"),
    "Covariances": ("one", "other", "covariance", "source", "verified"),
}
"""The tables that are read by their titles, and what they need."""
PLAUSIBLE = {
    "weight_kg": (20.0, 300.0),
    "height_cm": (100.0, 230.0),
    "ast_u_per_l": (1.0, 10000.0),
    "alt_u_per_l": (1.0, 10000.0),
    "albumin_g_per_dl": (1.0, 7.0),
    "liver_metastases": (0.0, 1.0),
    "ecd_ng_per_ml": (0.01, 10000.0),
    "tumour_cm": (0.1, 100.0),
    "male": (0.0, 1.0),
    "japan": (0.0, 1.0),
    "lean_body_mass_kg": (15.0, 150.0),
    "body_mass_index": (8.0, 90.0),
}
"""Limits for what is asked for by hand; they catch slips of the unit, and judge nobody."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `value` in `unit`; `spread` is the standard deviation of its logarithm between patients."""

    name: str
    value: float
    unit: str
    spread: float = 0.0
    meaning: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """How a covariate changes a parameter, by factors.

    `power`: `(covariate / reference) ** coefficient`; `exponential`: `exp(coefficient * (covariate - reference))`;
    `factor`: `coefficient` where the covariate is 1, and 1 where it is 0.
    """

    parameter: str
    covariate: str
    kind: str
    coefficient: float
    reference: float
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its file has it; `model["clearance"]` is a value, `grids` holds the other tables by their titles."""

    key: str
    title: str
    kind: str
    structure: str
    population: str
    citations: tuple[Citation, ...]
    parameters: dict[str, Parameter]
    effects: tuple[Effect, ...] = ()
    covariances: tuple[tuple[str, str, float], ...] = ()
    grids: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    path: Path = Path("models")

    def __getitem__(self, name: str) -> float:
        return self.parameters[name].value

    def __contains__(self, name: str) -> bool:
        return name in self.parameters


def model_keys(kind: str | None = None) -> list[str]:
    """The models there are, by their keys; those of one kind where one is named."""
    return sorted(key for key, path in _paths().items() if kind is None or read_model_file(path).kind == kind)


def read_model(key: str) -> Model:
    """A model by its key. Raises `AskedWrongly` for one that there is not."""
    paths = _paths()
    if key not in paths:
        raise AskedWrongly(f"no model is called {key!r}; there are {', '.join(sorted(paths))}")
    return read_model_file(paths[key])


def models_folder() -> Path:
    """Where the models of the knowledge in use stand; those that ship where it has none."""
    folder = knowledge_folder() / "models"
    return folder if folder.is_dir() else shipped_folder() / "models"


def _paths() -> dict[str, Path]:
    return _paths_in(models_folder())


@cache
def _paths_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.md"))}


@cache
def read_model_file(path: Path) -> Model:
    """Read one file. Raises `KnowledgeError` with every fault: a number that is none, a level that is unknown."""
    document = read_markdown(path)
    problems: list[Problem] = []
    head = _head(document)
    for name in ("model", "kind", "structure", "population", "source", "reviewed by"):
        if name not in head:
            problems.append(Problem(path, 1, "bad model", f"the head of the model has no row {name}", "add it"))
    spread_is = head.get("spread is", SPREADS[0])
    if spread_is not in SPREADS:
        what = f"spread is {spread_is!r}"
        problems.append(Problem(path, 1, "bad model", what, "write one of: " + ", ".join(SPREADS)))
    parameters: dict[str, Parameter] = {}
    effects: list[Effect] = []
    covariances: list[tuple[str, str, float]] = []
    grids: dict[str, list[dict[str, str]]] = {}
    for section, grid in document.grids():
        if grid.first == "model":
            continue
        rows = grid.records() if section.title in TABLE_COLUMNS else ()
        missing = [name for name in TABLE_COLUMNS.get(section.title, ()) if name not in map(plain, grid.header)]
        if missing:
            what = f"the table {section.title} has no column {' and no '.join(missing)}"
            problems.append(Problem(path, grid.line, "bad model", what, "add it"))
            continue
        problems += _levels(path, grid)
        if section.title == "Parameters":
            for line, row in rows:
                _parameter(path, line, row, spread_is, parameters, problems)
        elif section.title == "Covariates":
            effects += [effect for line, row in rows if (effect := _effect(path, line, row, problems))]
        elif section.title == "Covariances":
            pairs = (_covariance(path, line, row, parameters, problems) for line, row in rows)
            covariances += [pair for pair in pairs if pair is not None]
        else:
            grids[section.title] = [dict(row.items()) for _, row in grid.records()]
    for effect in effects:
        if effect.parameter not in parameters:
            what = f"an effect names the parameter {effect.parameter}, which there is not"
            problems.append(Problem(path, 1, "bad model", what, "write one of: " + ", ".join(sorted(parameters))))
    for name, value in (("kind", MODEL_KINDS), ("model", (path.stem,))):
        if name in head and plain(head[name]) not in value:
            what = f"{name} is {plain(head[name])!r}"
            problems.append(Problem(path, 1, "bad model", what, "write one of: " + ", ".join(value)))
    if problems:
        raise KnowledgeError(problems)
    citations = parse_citations(head["source"], head.get("verified", "secondary"))
    return Model(
        plain(head["model"]), document.title, head["kind"], head["structure"], head["population"], citations,
        parameters, tuple(effects), tuple(covariances), grids, path,
    )  # fmt: skip


def prove_models(sources: Container[str]) -> tuple[list[Model], list[Problem]]:
    """Every model that can be read, and every fault of the others; a citation must be a source."""
    models: list[Model] = []
    problems: list[Problem] = []
    for path in _paths().values():
        try:
            model = read_model_file(path)
        except KnowledgeError as faulty:
            problems += faulty.problems
            continue
        cited = {citation.key for citations in _citations(model) for citation in citations}
        for key in sorted(key for key in cited if key not in sources):
            problems.append(Problem(path, 1, "unknown source", f"@{key} is not in sources.md", "add it there"))
        models.append(model)
    return models, problems


def _citations(model: Model) -> Iterator[tuple[Citation, ...]]:
    yield model.citations
    yield from (parameter.citations for parameter in model.parameters.values())
    yield from (effect.citations for effect in model.effects)
    for rows in model.grids.values():
        yield from (parse_citations(row["source"], "") for row in rows if "source" in row)


def _head(document: Document) -> dict[str, str]:
    for _, grid in document.grids():
        if grid.first == "model":
            rows = {plain(row.cells[0]): row.cells[1] for row in grid.rows}
            return {"model": grid.header[1], **rows}
    return {}


def _parameter(
    path: Path, line: int, row: Mapping[str, str], spread_is: str, into: dict[str, Parameter], problems: list[Problem]
) -> None:
    name, value = plain(row.get("name", "")), _number(row.get("value", ""))
    level = plain(row.get("verified", ""))
    if value is None:
        problems.append(_no_number(path, line, name, row.get("value", "")))
        return
    if level not in VERIFIED:
        what = f"{name} is verified {level!r}"
        problems.append(Problem(path, line, "bad model", what, "write one of: " + ", ".join(VERIFIED)))
    if not plain(row.get("unit", "")):
        problems.append(Problem(path, line, "bad model", f"{name} has no unit", "write it, or - for a pure number"))
    if not parse_citations(row.get("source", ""), level):
        problems.append(Problem(path, line, "bad model", f"{name} has no source", "cite one: @key"))
    if name.endswith("volume") and value <= 0:
        problems.append(Problem(path, line, "bad model", f"{name} is {value:g}", "a volume is above 0"))
    if name in into:
        problems.append(Problem(path, line, "bad model", f"{name} is listed twice", "keep one row"))
    written = row.get("spread", "").strip()
    spread = 0.0
    if written not in ("", "-"):
        number = _number(written.removesuffix("%"))
        if number is None or number < 0:
            problems.append(_no_number(path, line, f"the spread of {name}", written))
            return
        spread = _omega(number / 100, spread_is) if written.endswith("%") else number
    into[name] = Parameter(
        name,
        value,
        plain(row.get("unit", "")),
        spread,
        row.get("meaning", ""),
        parse_citations(row.get("source", ""), level),
    )


def _omega(variation: float, spread_is: str) -> float:
    """The standard deviation of the logarithm for a coefficient of variation (a share, not percent)."""
    return variation if spread_is == SPREADS[0] else sqrt(log(1 + variation * variation))


def _effect(path: Path, line: int, row: Mapping[str, str], problems: list[Problem]) -> Effect | None:
    kind, coefficient = plain(row.get("effect", "")), _number(row.get("coefficient", ""))
    written = row.get("reference", "").strip()
    reference = 0.0 if written in ("", "-") else _number(written)
    if kind not in ("power", "exponential", "factor") or coefficient is None or reference is None:
        what = f"effect {kind!r}, coefficient {row.get('coefficient')!r}, reference {row.get('reference')!r}"
        advice = "effects are power, exponential and factor; the others are numbers"
        problems.append(Problem(path, line, "bad model", what, advice))
        return None
    covariate = plain(row["covariate"])
    if kind == "power" and reference <= 0:
        what = f"the effect of {covariate} is a power of the reference {written!r}"
        problems.append(Problem(path, line, "bad model", what, "write a reference above 0"))
    if covariate not in PLAUSIBLE:
        what = f"no covariate is called {covariate}"
        problems.append(Problem(path, line, "bad model", what, "write one of: " + ", ".join(PLAUSIBLE)))
    citations = parse_citations(row.get("source", ""), plain(row.get("verified", "")))
    return Effect(plain(row["parameter"]), covariate, kind, coefficient, reference, citations)


def _covariance(
    path: Path, line: int, row: Mapping[str, str], parameters: Mapping[str, Parameter], problems: list[Problem]
) -> tuple[str, str, float] | None:
    """A covariance of two parameters' logarithms, no greater than their spreads allow."""
    one, other, number = plain(row["one"]), plain(row["other"]), _number(row["covariance"])
    if number is None:
        problems.append(_no_number(path, line, "covariance", row["covariance"]))
        return None
    for name in (one, other):
        if name not in parameters:
            what = f"a covariance names the parameter {name}, which there is not"
            problems.append(Problem(path, line, "bad model", what, "write one of: " + ", ".join(sorted(parameters))))
            return None
    most = parameters[one].spread * parameters[other].spread
    if abs(number) > most:
        what = f"the covariance of {one} and {other} is {number:g}"
        problems.append(Problem(path, line, "bad model", what, f"their spreads allow {most:.4g} at most"))
    return one, other, number


def _number(text: str) -> float | None:
    text = plain(text).replace("−", "-")
    return float(text) if _NUMBER.fullmatch(text) else None


def _no_number(path: Path, line: int, name: str, text: str) -> Problem:
    return Problem(path, line, "bad model", f"{name}: {text!r} is no number", "write a plain number")


def _levels(path: Path, grid: Grid) -> list[Problem]:
    """Grids with a column `verified` keep to its levels."""
    advice = "write one of: " + ", ".join(VERIFIED)
    return [
        Problem(path, line, "bad model", f"verified is {row['verified']!r}", advice)
        for line, row in grid.records()
        if "verified" in row and plain(row["verified"]) not in VERIFIED
    ]
