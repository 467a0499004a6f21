"""What a card offers and by which words it may be passed over: `knowledge/cards.md`, proven when it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...facts.fact import Facts
from ...facts.folder import knowledge_folder
from ...facts.markdown import plain, read_markdown
from ...facts.problem import KnowledgeError, Problem
from ...findings.questions import NOT_NO, UNDETERMINED, read_questions
from ...tables.library import Knowledge

ORDER_LVEF, ORDER_PREGNANCY_TEST = "order LVEF", "order pregnancy test"
CORRECT_DOSE, REPLACE_PRODUCT, WITHDRAW = "correct the dose", "replace the product", "withdraw the order"
OFFERS = (ORDER_LVEF, ORDER_PREGNANCY_TEST, CORRECT_DOSE, REPLACE_PRODUCT, WITHDRAW)
OF_TESTS = (ORDER_LVEF, ORDER_PREGNANCY_TEST)
ANY = "any"
MOST_REASONS = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """One way to pass over a card; a `promise` says that something will be done."""

    code: str
    display: str
    promise: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What a card of an outcome offers."""

    offers: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


NOTHING = Offer()


class Offers:
    """All offers by outcome and value."""

    def __init__(self, rows: dict[tuple[str, str], Offer], reasons: dict[str, Reason]) -> None:
        self._rows, self.reasons = rows, reasons

    @property
    def outcomes(self) -> set[str]:
        """The outcomes that have a row."""
        return {outcome for outcome, _ in self._rows}

    def of(self, outcome: str, value: str) -> Offer:
        """What is offered for a value of an outcome; nothing where no row names it."""
        name = outcome.partition(" of ")[0]
        return self._rows.get((name, value)) or self._rows.get((name, ANY), NOTHING)


def read_offers(facts: Facts, folder: Path | None = None) -> Offers:
    """The offers of a folder of knowledge, by default of that in use; none where it has no `cards.md`.

    Raises `KnowledgeError` with every problem found.
    """
    path = (folder or knowledge_folder()) / "cards.md"
    return _read(path, facts) if path.is_file() else Offers({}, {})


def prove_offers(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with `cards.md`: an outcome, value, offer or reason that there is not, or a card nobody shows."""
    path = knowledge.folder / "cards.md"
    try:
        outcomes = read_offers(knowledge.facts, knowledge.folder).outcomes
    except KnowledgeError as faulty:
        return faulty.problems
    asked = {question.outcome for question in read_questions(knowledge.folder)}
    return [
        Problem(path, 1, "bad offer", f"no finding is of {outcome!r}", "name an outcome that findings.md asks for")
        for outcome in sorted(outcomes - asked)
    ]


def _read(path: Path, facts: Facts) -> Offers:
    problems: list[Problem] = []
    reasons: dict[str, Reason] = {}
    rows: dict[tuple[str, str], Offer] = {}

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(path, line, "bad offer", what, advice))

    grids = [grid for _, grid in read_markdown(path).grids()]
    for grid in grids:
        for line, cells in grid.records() if grid.first == "reason" else ():
            code, promise = plain(cells["reason"]), plain(cells.get("promise", ""))
            if code in reasons or promise not in ("yes", "no"):
                fault(line, f"{code!r} stands twice, or promise is {promise!r}", "keep one row; write yes or no")
            reasons[code] = Reason(code, plain(cells.get("display", "")), promise == "yes")
    for grid in grids:
        for line, cells in grid.records() if grid.first == "outcome" else ():
            outcome = plain(cells["outcome"])
            if outcome not in facts:
                fault(line, f"no outcome is called {outcome!r}", "name an outcome of facts.md")
                continue
            offers, named = _listed(cells.get("offers", "")), _listed(cells.get("reasons", ""))
            for offer in offers:
                if offer not in OFFERS:
                    fault(line, f"nothing is called {offer!r}", f"write some of {', '.join(OFFERS)}")
            for name in named:
                if name not in reasons:
                    fault(line, f"no reason is called {name!r}", f"write some of {', '.join(reasons)}")
            if len(named) > MOST_REASONS:
                fault(line, f"{len(named)} reasons", f"keep at most {MOST_REASONS}: more are not read")
            for value in (each.strip() for each in plain(cells.get("value", "")).split(";")):
                if value not in (*facts[outcome].values, ANY, UNDETERMINED, NOT_NO):
                    fault(line, f"{outcome} has no value {value!r}", f"write {ANY}, or a value of it")
                if (outcome, value) in rows:
                    fault(line, f"{outcome} {value!r} stands there twice", "keep one row")
                rows[outcome, value] = Offer(offers, tuple(reasons[name] for name in named if name in reasons))
    if problems:
        raise KnowledgeError(sorted(problems))
    return Offers(rows, reasons)


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in plain(cell).split(",") if part.strip() not in ("", "-"))
