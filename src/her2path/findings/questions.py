"""What a review asks of the tables, in which order, and what each answer means as a finding.

The questions stand here, since one answer may be needed for the next; the words, grades and what to do stand
in `knowledge/findings.md`, where a clinician can read and change them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..facts.cache import kept
from ..facts.fact import Facts
from ..facts.folder import knowledge_folder
from ..facts.markdown import plain, read_markdown
from ..facts.problem import Problem
from ..history.names import COURSE, DOSING, HEART
from ..tables.library import Knowledge
from .effects import Effect, faults_of, parse_effects
from .finding import Grade

UNDETERMINED = "undetermined"
NOT_NO = "undetermined, not no"
"""An outcome that is undetermined, of which *no* is not possible any more."""

CLOCKS = (
    "next_dose_day", "echo_due_day", "earliest_resume_day", "latest_recovery_day", "year_end_day",
    "contraception_until_day",
)  # fmt: skip
"""The days of `clocks.py` that words may name."""
EACH_DOSE = 0
"""The stage of the questions that are asked of each dose and order."""
WORDS_OF_DOSES = (
    "drug", "amount", "amount_is", "on_day", "due", "maximum", "off", "above", "previous", "days_apart", "in_hand",
    "weight", "resembles", "use", "lowest", "toxicity",
)  # fmt: skip
"""What words about one dose or order may name, made by `doses/words.py`."""
GRADES = {grade.word: grade for grade in Grade}
ORDERED = "ordered_product"
"""What a question is about where it is asked of the product on order, whichever that is."""
NEXT_DOSE = "next dose"
"""The column that says what a finding does to the next dose."""


@dataclass(frozen=True, slots=True)
class Question:
    """An outcome to ask for, and when: only where every fact of `when` has one of its values.

    `stage` orders the questions: what is asked of each dose and order by itself (0), what a clock needs comes before
    it (1), what needs the clock after it (2), what is asked of all findings together last (3).
    `about` is a product to ask about instead of the one in hand, or `ORDERED`: the one on order.
    """

    outcome: str
    stage: int
    when: tuple[tuple[str, tuple[str, ...]], ...] = ()
    about: str = ""

    @property
    def key(self) -> str:
        """The name its answer is kept under: the outcome, and the product where it is another than that in hand."""
        return f"{self.outcome} of {self.about}" if self.about and self.about != ORDERED else self.outcome


@dataclass(frozen=True, slots=True)
class Saying:
    """What one value of an outcome means: grade, words and what to do, with facts in braces.

    Of a doubt of the record `value` is its name, and `key` what stands for outcome and value in the outputs, if any.
    """

    outcome: str
    value: str
    grade: Grade
    say: str
    do: str
    line: int
    key: str = ""
    effects: tuple[Effect, ...] = ()


def findings_path(folder: Path | None = None) -> Path:
    """Where the findings of a folder of knowledge stand, by default of that in use."""
    return (folder or knowledge_folder()) / "findings.md"


def questions_of_feeds(folder: Path | None = None) -> tuple[Question, ...]:
    """The questions that a record may answer: all but those that are asked of all findings together."""
    return tuple(question for question in read_questions(folder) if question.stage != OF_ALL_FINDINGS)


def read_questions(folder: Path | None = None) -> tuple[Question, ...]:
    """The questions of `findings.md` of a folder of knowledge, in their order."""
    return _questions_of(findings_path(folder))


@cache
def _questions_of(path: Path) -> tuple[Question, ...]:
    return kept("questions", [path], lambda: _read_questions(path))


def _read_questions(path: Path) -> tuple[Question, ...]:
    found: list[Question] = []
    for _, grid in read_markdown(path).grids():
        if grid.first != "question":
            continue
        for _, record in grid.records():
            when = tuple(_conditions(record.get("asked when", "")))
            about = plain(record.get("about", ""))
            found.append(Question(plain(record["question"]), int(plain(record["stage"])), when, about))
    return tuple(found)


def _conditions(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, values = plain(part).partition("=")
        yield name.strip(), tuple(value.strip() for value in values.split(","))


def read_sayings(folder: Path | None = None) -> dict[tuple[str, str], Saying]:
    """What each value means, by outcome and value; `undetermined` is one of the values."""
    return _sayings_of(findings_path(folder))


@cache
def _sayings_of(path: Path) -> dict[tuple[str, str], Saying]:
    return kept("sayings", [path], lambda: _read_sayings(path))


def _read_sayings(path: Path) -> dict[tuple[str, str], Saying]:
    found: dict[tuple[str, str], Saying] = {}
    for _, grid in read_markdown(path).grids():
        if grid.first != "outcome":
            continue
        for line, record in grid.records():
            outcome = plain(record["outcome"])
            for value in (each.strip() for each in plain(record["value"]).split(";")):
                grade = GRADES[plain(record["grade"])]
                found[outcome, value] = Saying(
                    outcome, value, grade, record["say"], record.get("do", ""), line,
                    effects=parse_effects(plain(record[NEXT_DOSE])),
                )  # fmt: skip
    return found


def read_doubts(folder: Path | None = None) -> dict[str, Saying]:
    """What is said of each doubt of the record, by its name."""
    return _doubts_of(findings_path(folder))


@cache
def _doubts_of(path: Path) -> dict[str, Saying]:
    return kept("doubts", [path], lambda: _read_doubts(path))


def _read_doubts(path: Path) -> dict[str, Saying]:
    doubts: dict[str, Saying] = {}
    for _, grid in read_markdown(path).grids():
        if grid.first != "doubt":
            continue
        for line, record in grid.records():
            name, key = plain(record["doubt"]), plain(record.get("key", ""))
            outcome, _, value = key.partition(": ")
            grade = GRADES[plain(record["grade"])]
            doubts[name] = Saying(
                outcome or OF_RECORD, value or name, grade, record["say"], record.get("do", ""), line, key,
                parse_effects(plain(record[NEXT_DOSE])),
            )  # fmt: skip
    return doubts


DOUBTS: dict[str, tuple[str, ...]] = {
    "allergy to the drug": ("substance", "drugs"),
    "allergy to benzyl alcohol": (),
    "pregnant man": (),
    "not an adult": (),
    "last LVEF unread": ("day", "value", "judged"),
    "LVEF unread before the last": ("day", "value"),
    "doses unread": ("entries",),
    "drug without doses": ("entries",),
    "drugs not known": ("entries",),
    "later doses unread": ("entries", "last"),
    "doses unread beside others": ("entries",),
    "drug without doses later": ("entries", "last"),
    "LVEF low beside unread therapy": ("value", "day", "highest", "from"),
    "LVEF fallen beside unread therapy": ("value", "day", "highest", "from"),
    "parts of a dose": ("drug", "times", "amounts", "total", "day"),
    "dose recorded twice": ("drug", "times", "amounts", "total", "day"),
    "parts or twice": ("drug", "times", "amounts", "day"),
    "doses on unknown days": ("drugs",),
    "doses on unknown days beside others": ("drugs",),
    "dead on an unknown day": ("death",),
    "entry in the future": ("count", "review_day"),
    "entries in the future": ("count", "review_day"),
    "value unread": ("entry", "value"),
    "reproductive potential unread": ("value",),
    "reaction unread": ("day", "value"),
    "stop unread": ("day", "value"),
    "hold unread": ("day", "value"),
    "progression unread": ("day", "value"),
    "pregnancy unread": ("day", "value"),
    "order unread": ("entries", "day"),
    "drug not named later": ("entries", "last"),
    "two orders": ("drugs", "day"),
    "dyspnoea unread": ("day", "value"),
    "weights unread": ("count", "day", "value"),
    "earlier weights unread": ("count", "day", "value"),
    "remark of the record": ("entry", "remark"),
    "doses without an amount": ("drugs",),
    "orders without an amount": ("drug", "count", "day", "value"),
    "entry without a day": ("entry",),
    "entry without a day that matters": ("entry", "value"),
    "limits alone": ("entry", "value", "day"),
    "values of a day differ": ("entry", "value", "other", "day"),
    "two LVEFs on one day": ("day", "value"),
    "methods of LVEF differ": ("method", "baseline_method"),
    "hold for another reason": (),
    "hold not asked for": (),
    "holds not asked for": ("count",),
    "drugs not followed": ("drugs",),
    "course began anew": (),
    "brands changed": ("brands",),
    "cost so far": ("cost",),
    "cost so far in part": ("cost", "count"),
    "limit of LVEF assumed": ("limit",),
    "dose level reduced": ("level", "day"),
    "dose level raised": ("given", "raised_day", "level", "day"),
    "dose level not told": (),
    "earlier dose level not told": (),
    "no dose level left": (),
    "cycle of so many": ("count", "cycles"),
    "no interval in the label": (),
    "silence": (),
}
"""The doubts that the review looks for, and the words that each may name.

They are made by `course/entry_doubts.py`, `course/course_doubts.py`, `course/evidence_doubts.py` and
`course/safety.py`.
"""
OF_ALL_FINDINGS = 3
"""The stage of the questions that are asked of all findings together."""
OF_RECORD = "record"
"""What stands for the outcome of a doubt that has no key of its own."""


def prove_questions(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with `findings.md`: an outcome, value, fact or grade that does not exist, or what stands twice."""
    path = findings_path(knowledge.folder)
    problems: list[Problem] = []
    facts: Facts = knowledge.facts
    decided = {name for edition in knowledge.editions for name in edition.tables}
    asked: set[str] = set()
    of_doses = {question.outcome for question in read_questions(knowledge.folder) if question.stage == EACH_DOSE}
    doubts: set[str] = set()

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(path, line, "bad finding", what, advice))

    for _, grid in read_markdown(path).grids():
        for line, record in grid.records():
            if grid.first in ("outcome", "doubt"):
                cell = plain(record.get(NEXT_DOSE, ""))
                for what in faults_of(plain(record["grade"]), record.get("do", ""), cell):
                    fault(line, what, f"say in the column {NEXT_DOSE!r} what it forbids, gates or changes")
            if grid.first == "question":
                name = plain(record["question"])
                asked.add(name)
                if name not in decided:
                    fault(line, f"no table decides {name!r}", "name an outcome that a table decides")
                if plain(record.get("stage", "")) not in ("0", "1", "2", "3"):
                    fault(line, f"stage {record.get('stage')!r}", "write 0, 1, 2 or 3")
                if (about := plain(record.get("about", ""))) and about not in (*facts["product"].values, ORDERED):
                    advice = f"name a value of product or {ORDERED}, or leave it blank"
                    fault(line, f"no product is called {about!r}", advice)
                for fact, values in _conditions(record.get("asked when", "")):
                    if fact not in facts or not set(values) <= {*facts[fact].values, "known", "unknown"}:
                        fault(line, f"{fact} cannot be {', '.join(values)}", "name a fact and its values, or known")
            elif grid.first == "doubt":
                name = plain(record["doubt"])
                doubts.add(name)
                if name not in DOUBTS:
                    fault(line, f"nobody looks for the doubt {name!r}", f"write one of {', '.join(DOUBTS)}")
                for field in _fields_of(record):
                    if field not in (*facts, *DOUBTS.get(name, ()), *DOSING, *HEART, *COURSE, *CLOCKS):
                        fault(line, f"no fact, day or word is called {field!r}", "name one, or mend the braces")
                if plain(record["grade"]) not in GRADES:
                    fault(line, f"{record['grade']!r} is no grade", f"write one of {', '.join(GRADES)}")
            elif grid.first == "outcome":
                name = plain(record["outcome"])
                if name not in decided:
                    fault(line, f"no table decides {name!r}", "name an outcome that a table decides")
                    continue
                for value in (each.strip() for each in plain(record["value"]).split(";")):
                    if value not in (*facts[name].values, UNDETERMINED, NOT_NO):
                        fault(line, f"{name} has no value {value!r}", f"write one of {', '.join(facts[name].values)}")
                if name not in asked:
                    fault(line, f"nobody asks for {name}", "add a question, or drop the row")
                words = WORDS_OF_DOSES if name in of_doses else ()
                for field in _fields_of(record):
                    if field not in facts and field not in (*DOSING, *HEART, *COURSE, *CLOCKS, *words):
                        fault(line, f"no fact or day is called {field!r}", "name one, or mend the braces")
                if plain(record["grade"]) not in GRADES:
                    fault(line, f"{record['grade']!r} is no grade", f"write one of {', '.join(GRADES)}")
    for name in DOUBTS:
        if name not in doubts:
            fault(1, f"nothing is said of the doubt {name!r}", "add its row to the grid of doubts")
    return [*problems, *_twice(path)]


def _fields_of(record: Mapping[str, str]) -> list[str]:
    """The names in the braces of a row."""
    return re.findall(r"\{(\w*)\}", "".join((record["say"], record.get("do", ""), record.get(NEXT_DOSE, ""))))


def _twice(path: Path) -> Iterator[Problem]:
    """What an earlier row says already: of two sayings or doubts only one would be told, of two questions both."""
    lines: dict[tuple[str, ...], int] = {}
    for _, grid in read_markdown(path).grids():
        for line, record in grid.records():
            name = plain(record.get(grid.first, ""))
            keys: list[tuple[str, ...]] = []
            if grid.first == "doubt":
                keys = [(f"the doubt {name!r}",)]
            elif grid.first == "question":
                keys = [(f"the question {name!r}", *(plain(record.get(each, "")) for each in ("about", "asked when")))]
            elif grid.first == "outcome":
                keys = [(f"{name} {value.strip()!r}",) for value in plain(record["value"]).split(";")]
            for key in keys:
                if (first := lines.setdefault(key, line)) != line:
                    yield Problem(
                        path, line, "bad finding", f"{key[0]} stands in line {first} too", "keep one of the rows"
                    )
