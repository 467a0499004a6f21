"""What an answer is: first what to do, then the chain of rows behind it, then what is missing and would change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..facts.source import VERIFIED, Citation
from ..facts.value import Json
from ..write.caution import CAUTION
from .words import listed

GO_ON, CHANGE, HOLD, STOP, ASK, UNTIL = "go on", "change", "hold", "stop", "ask", "until"
TONES = (GO_ON, CHANGE, HOLD, STOP, ASK, UNTIL)
"""What kind of answer it is, for whoever colours it: nothing stands in the way; something is to be done otherwise;
wait; never; somebody has to be asked; a day is named."""
LEVELS = {
    "seen": "seen in the source itself", "secondary": "seen in a copy or a review",
    "remembered": "not seen, check before relying on it", "decided": "our decision where the source is silent",
}  # fmt: skip
"""How far a row was verified, in words."""


def weakest(citations: Iterable[Citation]) -> str:
    """The level of the citation that was verified least, "" without any."""
    return max((citation.verified for citation in citations), key=VERIFIED.index, default="")


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain: from what (`given`, in words) follows what (`says`), by which rows of which edition.

    `outcome` names the table; `rows` are the names of its rows that apply, or that are still possible; `level` is how
    far the weakest of their citations was verified, "" where a step is arithmetic alone.
    """

    given: str
    says: str
    outcome: str = ""
    rows: tuple[str, ...] = ()
    edition: str = ""
    title: str = ""
    citations: tuple[Citation, ...] = ()
    remark: str = ""

    @property
    def level(self) -> str:
        """How far the weakest citation was verified."""
        return weakest(self.citations)

    @property
    def where(self) -> str:
        """The rows with their table and edition, in words."""
        if not self.outcome:
            return ""
        rows = ", ".join(self.rows)
        named = f"{self.outcome} row{'s' if len(self.rows) > 1 else ''} {rows}" if rows else self.outcome
        return f"{named}, {self.edition}" if self.edition else named

    def as_json(self) -> dict[str, Json]:
        return {
            "given": self.given, "says": self.says, "outcome": self.outcome or None, "rows": list(self.rows),
            "edition": self.edition or None, "title": self.title or None, "level": self.level or None,
            "remark": self.remark or None, "sources": [citation.as_json() for citation in self.citations],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One answer that is still possible: `when` (in words; empty: always) it is `then`, by a row.

    `differs` are those of the conditions that are not also of the first case.
    """

    when: tuple[str, ...]
    then: str
    row: str = ""
    remark: str = ""
    differs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {"when": list(self.when), "then": self.then, "row": self.row or None, "remark": self.remark or None}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not known: `fact` in words, `option` that says it, and what it `changes`.

    Without an option nobody can say it here: the knowledge does not hold it.
    """

    fact: str
    changes: str
    option: str = ""

    def as_json(self) -> dict[str, Json]:
        return {"fact": self.fact, "changes": self.changes, "option": self.option or None}


@dataclass(frozen=True, slots=True)
class Assumed:
    """Something that was taken as usual because it was not said, and the `option` that says it; `otherwise` what it
    would change."""

    what: str
    option: str
    otherwise: str = ""

    def as_json(self) -> dict[str, Json]:
        return {"what": self.what, "option": self.option, "otherwise": self.otherwise or None}


@dataclass(frozen=True, slots=True)
class Detail:
    """A line of the answer below its first: a label and its words, with the level of what they rest on."""

    label: str
    words: str
    level: str = ""

    def as_json(self) -> dict[str, Json]:
        return {"label": self.label, "words": self.words, "level": self.level or None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one of the questions.

    `headline` is what to do in one sentence and `tone` its kind (`TONES`). `settled` says whether the rules decide it
    on what was said; if not, `possible` lists the values left and `cases` when each of them holds. `chain` leads from
    what was said to the answer. `on` and `jurisdiction` say by which day's and whose rules.
    """

    question: str
    headline: str
    tone: str
    settled: bool
    jurisdiction: str
    on: str
    possible: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    cases: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()
    chain: tuple[Step, ...] = ()
    missing: tuple[Missing, ...] = ()
    assumed: tuple[Assumed, ...] = ()

    @property
    def level(self) -> str:
        """How far the weakest link of the chain was verified."""
        return weakest(citation for step in self.chain for citation in step.citations)

    def own(self) -> dict[str, Json]:
        """The numbers and names of this answer alone, as JSON has them."""
        return {}

    def as_json(self) -> dict[str, Json]:
        """The answer as the command prints it with `--json`."""
        return {
            "question": self.question, "answer": self.headline, "tone": self.tone, "settled": self.settled,
            **self.own(),
            "possible": list(self.possible), "cases": [case.as_json() for case in self.cases],
            "details": [detail.as_json() for detail in self.details], "notes": list(self.notes),
            "chain": [step.as_json() for step in self.chain], "level": self.level or None,
            "missing": [each.as_json() for each in self.missing],
            "assumed": [each.as_json() for each in self.assumed],
            "jurisdiction": self.jurisdiction, "on": self.on, "caution": CAUTION,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The answer as plain text, line by line: the answer first, then why, then what is missing."""
        return list(self._lines())

    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines())

    def _lines(self) -> Iterator[str]:
        yield self.headline
        if self.details:
            width = max(len(detail.label) for detail in self.details)
            for detail in self.details:
                weak = f"  ({detail.level})" if detail.level in ("remembered", "decided") else ""
                yield f"  {detail.label.ljust(width)}  {detail.words}{weak}"
        yield from self._case_lines()
        for note in self.notes:
            yield f"  ! {note}"
        yield ""
        yield "Why"
        for number, step in enumerate(self.chain, start=1):
            yield f"  {number}. {step.given} -> {step.says}" if step.given else f"  {number}. {step.says}"
            if where := step.where:
                cited = "; ".join(dict.fromkeys(f"{each.key} {each.where}".strip() for each in step.citations))
                yield f"     {where}: {cited} ({step.level})" if cited else f"     {where}"
            if step.remark:
                yield f"     {step.remark}"
        if self.missing or self.assumed:
            yield ""
            yield "Not known, or assumed"
        by_change: dict[str, list[str]] = {}
        for each in self.missing:
            by_change.setdefault(each.changes, []).append(f"{each.fact} ({each.option})" if each.option else each.fact)
        for changes, facts in by_change.items():
            if len(facts) == 1:
                yield f"  - not known: {facts[0]}. {changes}"
                continue
            yield f"  - not known. {changes}"
            yield from (f"      {fact}" for fact in facts)
        for taken in self.assumed:
            otherwise = f" {taken.otherwise}" if taken.otherwise else ""
            yield f"  - assumed: {taken.what} ({taken.option}).{otherwise}"
        yield ""
        told = {detail.level for detail in self.details} | {step.level for step in self.chain}
        yield from (f"{level}: {LEVELS[level]}." for level in ("remembered", "decided") if level in told)
        yield CAUTION

    def _case_lines(self) -> Iterator[str]:
        """The cases, the first with all its conditions, the others with what differs from it."""
        for place, case in enumerate(self.cases):
            row = f"  [row {case.row}]" if case.row else ""
            when = listed([*(case.when if place == 0 else case.differs or case.when)])
            but = "but " if place and case.differs and case.differs != case.when else ""
            yield f"  - {but}if {when}: {case.then}{row}" if when else f"  - {case.then}{row}"
            if case.remark:
                yield f"      {case.remark}"
