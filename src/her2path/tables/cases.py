"""The worked cases run, and everything else that `check` looks at beside the proofs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..facts.derive import prepare
from ..facts.folder import MEASURES, VIGNETTES, knowledge_folder
from ..facts.problem import AskedWrongly, KnowledgeError, Problem
from .array import Array, TooManyBoxes
from .coverage import prove_coverage
from .edition import Edition
from .library import Knowledge, chain
from .load import read_edition_files, read_facts_and_sources, read_unproven
from .proof import prove
from .table import Case, Table

NOT_FILLED_IN = "not filled in"
"""The kind of a problem that keeps no table from being proven."""
TO_FILL_IN = "FILL IN"
"""With this begins what the author of a copied edition has still to write."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A table that holds: its number of situations, rows and worked cases."""

    table: Table
    situations: int
    cases: int


def _too_large(knowledge: Knowledge, edition: Edition) -> Iterator[Problem]:
    """Chains whose array could not be held, though each of their tables can."""
    tables = knowledge.tables_of(edition)
    for outcome, table in edition.tables.items():
        links = chain(tables, outcome)
        try:
            Array(links, knowledge.facts)
        except TooManyBoxes as large:
            advice = "use fewer inputs or cuts, or give an outcome in between instead of deriving it"
            yield Problem(table.path, table.line, "too large", str(large), advice)


def run_cases(knowledge: Knowledge) -> Iterator[Problem]:
    """Run every worked case; a `Problem` for each that disagrees with the tables."""
    from .decision import decide_in

    for edition in knowledge.editions:
        for case in edition.cases:
            given = prepare(case.given, knowledge.facts)
            runs_in = edition
            if edition.supplement:
                # A supplement lends its tables: its cases run under the newest edition that borrows them.
                try:
                    runs_in, _ = _any_borrower(knowledge, edition, case)
                except AskedWrongly:
                    what = f"case {case.name}: no edition here borrows the table of {case.outcome}"
                    advice = "check the supplement together with its editions"
                    yield Problem(edition.path, case.line, "case not run", what, advice)
                    continue
            if case.outcome not in knowledge.tables_of(runs_in):
                what = f"case {case.name}: {edition.key} does not decide {case.outcome}"
                yield Problem(edition.path, case.line, "case not run", what, "add the table, or drop the case")
                continue
            decision = decide_in(case.outcome, given, knowledge, runs_in)
            advice = "mend the case or the rows: one of them is wrong"
            if set(decision.possible) != case.expected:
                what = (
                    f"case {case.name}: {case.outcome} comes out {' or '.join(decision.possible) or 'impossible'}, "
                    f"not {' or '.join(sorted(case.expected)) or 'impossible'}"
                )
                yield Problem(edition.path, case.line, "case disagrees", what, advice)
            elif case.row and case.row not in decision.last_rows:
                what = f"case {case.name}: decided by row {', '.join(decision.last_rows)}, not {case.row}"
                yield Problem(edition.path, case.line, "case disagrees", what, advice)


def _any_borrower(knowledge: Knowledge, supplement: Edition, case: Case) -> tuple[Edition, str]:
    scopes: dict[str, object] = {}
    if supplement.scope_values:
        scopes[supplement.scope] = case.given.get(supplement.scope, supplement.scope_values[0])
    return knowledge.in_force(case.outcome, scopes, dt.date.max)


def check(knowledge: Knowledge) -> tuple[list[Proven], list[Problem]]:
    """Prove every table, run every case and look for every carrier: what holds, and what does not."""
    problems = prove(knowledge)
    if not problems:
        problems += [problem for edition in knowledge.editions for problem in _too_large(knowledge, edition)]
    if not problems:
        problems += run_cases(knowledge)
    problems += [problem for edition in knowledge.editions for problem in not_filled_in(edition)]
    problems += prove_coverage(knowledge)
    faulty = {problem.path for problem in problems if problem.kind != NOT_FILLED_IN}
    proven = [
        Proven(
            table, Array([table], knowledge.facts).situations, sum(c.outcome == table.outcome for c in edition.cases)
        )
        for edition in knowledge.editions
        for table in edition.tables.values()
        if edition.path not in faulty
    ]
    return proven, problems


def not_filled_in(edition: Edition) -> Iterator[Problem]:
    """Sources of its own that a copied edition still has to name; it can be tried before."""
    for source in edition.sources.values():
        if TO_FILL_IN in (source.reference[: len(TO_FILL_IN)], source.address[: len(TO_FILL_IN)]):
            what = f"the source {source.key} is not filled in"
            advice = "say what it is and where it stands; until then the edition can be tried, and nobody can check it"
            yield Problem(edition.path, source.line, NOT_FILLED_IN, what, advice)


def read_for_check(path: Path | None) -> tuple[Knowledge | None, list[Problem]]:
    """The knowledge to check: what ships, a folder with its own facts.md, or edition files by themselves.

    Edition files outside the shipped knowledge are read with the shipped facts and sources. `None`
    comes back, with the problems, where facts or sources cannot be read.
    """
    shipped = knowledge_folder()
    try:
        if path is None or path == shipped or shipped in path.parents:
            return read_unproven(shipped)
        if path.is_dir() and (path / "facts.md").exists():
            return read_unproven(path)
        facts, sources = read_facts_and_sources(shipped)
    except KnowledgeError as error:
        return None, error.problems
    files = sorted(path.rglob("*.md")) if path.is_dir() else [path]
    editions, problems = read_edition_files(
        [file for file in files if file.parent.name not in (MEASURES, VIGNETTES)], facts, sources
    )
    return Knowledge(path, facts, sources, editions), problems


def relative(path: Path) -> Path:
    """A path as short as it can be said from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
