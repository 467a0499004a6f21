"""The catalogue of regimens: what they are made of, and whom they fit by the facts known.

A regimen fits where every cell of one of its rows holds; it is ruled out where one cell of each row is known not
to; otherwise it is possible, and the unknown facts would tell. It is no recommendation (decision D77).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ...facts.cache import kept
from ...facts.fact import Facts
from ...facts.markdown import Grid, code_names, plain, read_markdown
from ...facts.pages.products import CHEMOTHERAPY
from ...facts.problem import Problem
from ...facts.source import Citation, parse_citations
from ...facts.value import Json, Value
from ...history.kinds import DOSE_FACTS
from ...tables.library import Knowledge
from ...tables.score import lies_in
from ...tables.table import Cell, parse_cell
from ..course.standing import NOT_DECIDED, Standing

Get = Callable[[str], Value | None]
FITS, POSSIBLE, RULED_OUT = "fits", "possible", "ruled out"


@dataclass(frozen=True, slots=True)
class Component:
    """One drug of a regimen: its dose, schedule and cycles in words."""

    drug: str
    dose: str
    schedule: str
    cycles: str
    citations: tuple[Citation, ...]

    def __str__(self) -> str:
        cycles = f"{self.cycles} cycles" if self.cycles.isdigit() else self.cycles
        return f"{self.drug} {self.dose} {self.schedule}, {cycles}"


@dataclass(frozen=True, slots=True)
class Fit:
    """One row of what a regimen asks: its cells by fact."""

    cells: tuple[tuple[str, Cell], ...]
    citations: tuple[Citation, ...]
    line: int


@dataclass(slots=True)
class Regimen:
    """A regimen of the catalogue."""

    key: str
    title: str
    setting: str
    trial: str
    citations: tuple[Citation, ...]
    remark: str
    components: list[Component] = field(default_factory=list)
    fits: list[Fit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fitting:
    """What the catalogue says of one regimen for one patient: the verdict, and why.

    `because` are the facts of the row that fits or could; `unknown` those that would tell.
    """

    regimen: Regimen
    verdict: str
    because: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {
            "regimen": self.regimen.key, "title": self.regimen.title, "trial": self.regimen.trial,
            "verdict": self.verdict, "because": dict(self.because), "unknown": list(self.unknown),
            "components": [str(each) for each in self.regimen.components], "remark": self.regimen.remark,
            "sources": [citation.as_json() for citation in (*self.regimen.citations, *self.citations)],
        }  # fmt: skip


@cache
def read_catalogue(facts: Facts, folder: Path | None = None) -> tuple[dict[str, Regimen], list[Problem]]:
    """Every regimen by its key, and what is wrong with the file; of the folder of the facts where none is named."""
    path = (folder or facts.path.parent) / "regimen" / "catalogue.md"
    return kept("regimens", [path, facts.path], lambda: _read_catalogue(path, facts))


def _read_catalogue(path: Path, facts: Facts) -> tuple[dict[str, Regimen], list[Problem]]:
    found: dict[str, Regimen] = {}
    problems: list[Problem] = []
    grids = [grid for _, grid in read_markdown(path).grids()]
    for grid in grids:
        if grid.first == "regimen":
            for _, record in grid.records():
                key = plain(record["regimen"])
                found[key] = Regimen(
                    key, record["title"], record["setting"], record["trial"], _cited(record), record.get("remark", "")
                )
    for grid in grids:
        for problem in _components(grid, found) if grid.first == "component of" else _fits(grid, found, facts):
            problems.append(Problem(path, problem[0], "bad regimen", problem[1], "mend the row"))
    return found, problems


def _cited(record: dict[str, str]) -> tuple[Citation, ...]:
    return parse_citations(record.get("source", ""), plain(record.get("verified", "")))


def _components(grid: Grid, found: dict[str, Regimen]) -> Iterator[tuple[int, str]]:
    for line, record in grid.records():
        key = plain(record["component of"])
        if key not in found:
            yield line, f"no regimen is called {key!r}"
            continue
        drug, dose, schedule, cycles = (plain(record[name]) for name in ("drug", "dose", "schedule", "cycles"))
        found[key].components.append(Component(drug, dose, schedule, cycles, _cited(record)))


def _fits(grid: Grid, found: dict[str, Regimen], facts: Facts) -> Iterator[tuple[int, str]]:
    if grid.first != "fits":
        return
    columns = [(place, names[0]) for place, head in enumerate(grid.header) if (names := code_names(head))]
    for row in grid.rows:
        key = plain(row.cells[0])
        if key not in found:
            yield row.line, f"no regimen is called {key!r}"
            continue
        cells: list[tuple[str, Cell]] = []
        for place, name in columns:
            cell = parse_cell(row.cells[place], facts[name]) if name in facts else f"no fact is called {name!r}"
            if isinstance(cell, str):
                yield row.line, cell
            elif not cell.is_any:
                cells.append((name, cell))
        record = dict(zip((plain(head) for head in grid.header), row.cells, strict=False))
        found[key].fits.append(Fit(tuple(cells), _cited(record), row.line))


def fitting(knowledge: Knowledge, get: Get) -> list[Fitting]:
    """What the catalogue says of every regimen; those that fit first. `get` gives the value of a fact or outcome."""
    catalogue, _ = read_catalogue(knowledge.facts, knowledge.folder)
    made = [_judge(regimen, get) for regimen in catalogue.values() if regimen.fits]
    return sorted(made, key=lambda each: (FITS, POSSIBLE, RULED_OUT).index(each.verdict))


def _judge(regimen: Regimen, get: Get) -> Fitting:
    """The best of a regimen's rows: one that fits, else the one with the fewest unknown facts."""
    best = Fitting(regimen, RULED_OUT)
    for fit in regimen.fits:
        held: dict[str, bool | None] = {}
        for name, cell in fit.cells:
            held[name] = lies_in(cell, get(name))
            if held[name] is False:
                break
        if False in held.values():
            continue
        unknown = tuple(name for name, each in held.items() if each is None)
        because = tuple((name, str(get(name))) for name, each in held.items() if each)
        verdict = POSSIBLE if unknown else FITS
        if best.verdict == RULED_OUT or len(unknown) < len(best.unknown):
            best = Fitting(regimen, verdict, because, unknown, fit.citations)
    return best


def regimens_of(found: Standing) -> list[Fitting]:
    """The regimens that fit or could, where one is to be chosen: before the start, after progression, or with
    residual disease."""
    choosing = (
        found.values.get("therapy_phase") == "before start"
        or found.values.get("progression") == "yes"
        or found.values.get("pathological_response") == "residual"
    )
    unread = not found.started and "therapy_phase" in found.unknown
    if not choosing or unread or found.values.get("alive") == "no":
        return []

    metastatic = found.values.get("setting") == "metastatic"

    @cache
    def get(name: str) -> Value | None:
        if name.startswith(OF_METASTATIC) and not metastatic:
            return NOT_DECIDED
        if name in found.outcomes:
            return found.outcomes[name]
        value = found.values.get(name)
        return found.outcome(name) if value is None else value

    fits = [each for each in fitting(found.rules.knowledge, get) if each.verdict != RULED_OUT]
    return [each for each in fits if _still_open(each, found)]


OF_METASTATIC = ("metastatic_", "her2_low_", "t_dxd_next", "t_dm1_next", "tucatinib_next", "gastric_")


def _still_open(fitting: Fitting, found: Standing) -> bool:
    """False for chemotherapy regimens that begin with a drug never given, once chemotherapy was given, and for those
    before surgery or in place of it once the response to neoadjuvant therapy is known."""
    if found.values.get("setting") == "metastatic":
        return True
    if "pathological_response" in found.values:
        return any(name == "residual_disease_treatment" for name, _ in fitting.because)
    given = {event.product for event in found.events if event.fact in DOSE_FACTS}
    first = fitting.regimen.components[0].drug if fitting.regimen.components else ""
    codes = found.rules.codes
    treated = bool(given & set(codes.page.of_class(*CHEMOTHERAPY)))
    return not treated or first in given or first in codes.products


def prove_catalogue(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with the catalogue: rows that name no regimen, no fact, or no value there is."""
    found, problems = read_catalogue(knowledge.facts, knowledge.folder)
    path = knowledge.folder / "regimen" / "catalogue.md"
    for regimen in found.values():
        if not regimen.components:
            problems = [*problems, Problem(path, 1, "bad regimen", f"{regimen.key} has no component", "add its drugs")]
    return problems
