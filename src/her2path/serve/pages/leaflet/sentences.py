"""The sentences of `knowledge/leaflet.md`, proven when they are read: sections, conditions, sources, long words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ....facts.markdown import Grid, plain, read_markdown
from ....facts.problem import KnowledgeError, Problem
from ....facts.source import VERIFIED, Citation, Sources, parse_citations
from ....write.text.worklist import NO_COURSE, ORDER

NEEDS_A_PERSON = "needs a person"
PLAN, TABLE = "plan", "table"
"""What a sentence rests on beside its sources: the plan of the patient, or a decision table."""
DATED, TALK = "dated", "talk"
NOT_KNOWN = "not known"
FORMS = ("box", "text", "call", "last")
FILLED = ("drug", "next_day", "scan_day", "every", "year", "minutes", "observation", "washout")
"""What a sentence may have in braces."""
ASKED = {
    "next": (DATED, TALK), "scan": (DATED, TALK), "her2": ("positive", "negative", NOT_KNOWN), "product": None,
    "route": ("intravenous", "subcutaneous"), "setting": ("neoadjuvant", "adjuvant", "metastatic", NOT_KNOWN),
    "phase": ("before start", "on treatment", "on hold", "completed", NOT_KNOWN),
    "sex": ("female", "male", NOT_KNOWN), "jurisdiction": ("us", "eu"),
}  # fmt: skip
"""What a condition may ask, and the values there are; `None`: one of the products that have a leaflet."""
_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a section. `is_big` is what a box says in large letters; `level` how far it was verified,
    `needs a person`, or `plan` where it says nothing but what her plan does."""

    row: str
    section: str
    when: tuple[tuple[str, tuple[str, ...]], ...]
    words: str
    is_big: bool
    citations: tuple[Citation, ...]
    rests_on: tuple[str, ...]
    level: str

    def fits(self, known: Mapping[str, str]) -> bool:
        """Whether every condition holds and everything in its braces is known."""
        return all(known.get(name) in values for name, values in self.when) and all(
            name in known for name in _BRACES.findall(self.words)
        )

    def filled(self, known: Mapping[str, str]) -> str:
        """The sentence for one patient."""
        return _BRACES.sub(lambda found: known[found[1]], self.words)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a leaflet: its name, heading and form (`FORMS`)."""

    name: str
    heading: str
    form: str


@dataclass(frozen=True, slots=True)
class Words:
    """All of the page: whose leaflets there are, what each verdict allows, sections, sentences, long words."""

    drugs: Mapping[str, str]
    allowed: Mapping[str, tuple[str, str]]
    sections: Sequence[Section] = ()
    sentences: Sequence[Sentence] = ()
    long_words: frozenset[str] = field(default_factory=frozenset)


def leaflet_path(folder: Path) -> Path:
    """Where the sentences stand."""
    return folder / "leaflet.md"


def read_words(path: Path, sources: Sources) -> Words:
    """The sentences of a page, none where there is no such page. Raises `KnowledgeError` with every problem found."""
    if not path.is_file():
        return Words({}, {})
    problems: list[Problem] = []
    grids: dict[str, list[tuple[int, dict[str, str]]]] = {}
    document = read_markdown(path)
    for _, grid in document.grids():
        grids.setdefault(grid.first, []).extend(_records(grid))
    problems += document.problems()

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(path, line, "bad leaflet", what, advice))

    drugs = {cells["leaflet for"]: cells["called"] for _, cells in grids.get("leaflet for", ())}
    allowed = {cells["verdict"]: (cells["next"], cells["scan"]) for _, cells in grids.get("verdict", ())}
    for line, cells in grids.get("verdict", ()):
        if cells["verdict"] not in ORDER or not {cells["next"], cells["scan"]} <= {DATED, TALK}:
            fault(line, f"the verdict {cells['verdict']!r} allows {cells['next']}, {cells['scan']}", "see verdict.md")
    if lacking := set(ORDER) - {NO_COURSE} - set(allowed):
        fault(1, f"nothing is said of the verdicts {', '.join(sorted(lacking))}", "write a row for each")
    sections = [Section(cells["section"], cells["heading"], cells["form"]) for _, cells in grids.get("section", ())]
    for line, cells in grids.get("section", ()):
        if cells["form"] not in FORMS:
            fault(line, f"no form is called {cells['form']!r}", f"write one of {', '.join(FORMS)}")
    names, rows, sentences = {each.name for each in sections}, set(), []
    for line, cells in grids.get("row", ()):
        sentence = _sentence(cells)
        sentences.append(sentence)
        for what, advice in _faults(sentence, names, drugs, sources):
            fault(line, f"row {sentence.row}: {what}", advice)
        if sentence.row in rows:
            fault(line, f"row {sentence.row} stands there twice", "number each row once")
        rows.add(sentence.row)
    if problems:
        raise KnowledgeError(sorted(problems))
    long_words = frozenset(cells["long word"].lower() for _, cells in grids.get("long word", ()))
    return Words(drugs, allowed, sections, sentences, long_words)


def _records(grid: Grid) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in grid.records():
        yield line, {name: plain(cell) for name, cell in cells.items()}


def _sentence(cells: Mapping[str, str]) -> Sentence:
    parts = [part.partition("=") for part in cells["when"].split(";") if part.strip()]
    when = tuple((name.strip(), tuple(each.strip() for each in values.split(","))) for name, _, values in parts)
    source = cells["source"]
    rests_on = tuple(
        part.strip() for part in source.split(";") if not part.strip().startswith("@") and part.strip() != "-"
    )
    return Sentence(
        cells["row"], cells["section"], when, cells["sentence"], cells["as"] == "big",
        parse_citations(source, cells["verified"]), rests_on, cells["verified"],
    )  # fmt: skip


def _faults(
    sentence: Sentence, sections: set[str], drugs: Mapping[str, str], sources: Sources
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """What is wrong with a sentence, and what to do."""
    if sentence.section not in sections:
        yield f"there is no section {sentence.section!r}", f"write one of {', '.join(sorted(sections))}"
    for name, values in sentence.when:
        there = tuple(drugs) if name == "product" else ASKED.get(name)
        if there is None:
            yield f"nothing is asked as {name!r}", f"write one of {', '.join(ASKED)}"
        elif wrong := [value for value in values if value not in there]:
            yield f"{name} is never {', '.join(wrong)}", f"write some of {', '.join(there)}"
    for name in _BRACES.findall(sentence.words):
        if name not in FILLED:
            yield f"nothing fills {{{name}}}", f"write one of {', '.join(FILLED)}"
    if wrong := [each for each in sentence.rests_on if each not in (PLAN, TABLE)]:
        yield f"it rests on {', '.join(wrong)}", f"cite with @, or write {PLAN} or {TABLE}"
    for citation in sentence.citations:
        if citation.key not in sources:
            yield f"@{citation.key} is not in sources.md", "add the source there, or correct its key"
    has_source = bool(sentence.citations or sentence.rests_on)
    if sentence.level == NEEDS_A_PERSON and has_source:
        yield "it has a source and needs a person", "take one of both"
    if sentence.level != NEEDS_A_PERSON and not has_source:
        yield f"it has no source and is {sentence.level!r}", f"cite a source, or write {NEEDS_A_PERSON}"
    if sentence.level == PLAN and sentence.citations:
        yield "it cites a source that is not verified", f"write one of {', '.join(VERIFIED)}"
    if sentence.level not in (*VERIFIED, PLAN, NEEDS_A_PERSON):
        yield f"its level is {sentence.level!r}", f"write one of {', '.join((*VERIFIED, PLAN, NEEDS_A_PERSON))}"
