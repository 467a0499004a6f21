"""Tables evaluated by hand: cell text against a value, row by row, with fractions and plain sets.

Nothing here uses the arrays, the axes or the project's own parser of cells, so that an agreement says
something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product

from her2path.tables.edition import Edition
from her2path.tables.library import Knowledge
from her2path.tables.table import Table

NEVER = "cannot happen"
NOT_REPORTED = "not reported"
Held = str | Fraction
"""A category or named value, or a number."""

_LIMIT = re.compile(r"(<=|>=|<|>|=)\s*(-?[\d.]+)")
_RANGE = re.compile(r"([\[(])(-?[\d.]*)\.\.(-?[\d.]*)([\])])")


def held(value: str | Decimal) -> Held:
    """A value as this module holds it: numbers as fractions."""
    return value if isinstance(value, str) else Fraction(value)


def admits(text: str, value: Held) -> bool:
    """Whether the text of a cell admits a value."""
    if text == "-":
        return True
    return any(_part_admits(part.strip(), value) for part in text.split(","))


def _part_admits(part: str, value: Held) -> bool:
    limit, interval = _LIMIT.fullmatch(part), _RANGE.fullmatch(part)
    if isinstance(value, str):
        return not limit and not interval and part == value
    if limit:
        number = Fraction(limit[2])
        return {
            "<": value < number, "<=": value <= number, "=": value == number,
            ">=": value >= number, ">": value > number,
        }[limit[1]]  # fmt: skip
    if interval:
        left, low, high, right = interval.groups()
        above = not low or value > Fraction(low) or (left == "[" and value == Fraction(low))
        below = not high or value < Fraction(high) or (right == "]" and value == Fraction(high))
        return above and below
    return False


def cuts_in(text: str) -> set[Fraction]:
    """Every number that stands in a cell."""
    numbers: set[Fraction] = set()
    for part in (part.strip() for part in text.split(",")):
        if limit := _LIMIT.fullmatch(part):
            numbers.add(Fraction(limit[2]))
        elif interval := _RANGE.fullmatch(part):
            numbers |= {Fraction(end) for end in (interval[2], interval[3]) if end}
    return numbers


def rows_that_apply(table: Table, values: Mapping[str, Held]) -> list[int]:
    """The numbers of the rows all of whose cells admit the values."""
    return [
        number
        for number, row in enumerate(table.rows)
        if all(admits(cell.text, values[name]) for name, cell in zip(table.inputs, row.cells, strict=True))
    ]


class Chain:
    """An outcome decided table by table from base facts, each table memorised by its own inputs."""

    def __init__(self, knowledge: Knowledge, edition: Edition, outcome: str, given: Iterable[str] = ()) -> None:
        self.tables = knowledge.tables_of(edition)
        self.outcome = outcome
        self.given = frozenset(given)
        self._memory: dict[tuple[str, tuple[Held, ...]], list[int]] = {}
        self.order = self._sorted()

    def _sorted(self) -> list[str]:
        order: list[str] = []

        def visit(name: str) -> None:
            for fed_by in self.tables[name].inputs:
                if fed_by in self.tables and fed_by not in self.given and fed_by not in order:
                    visit(fed_by)
            order.append(name)

        visit(self.outcome)
        return order

    def rows(self, name: str, values: Mapping[str, Held]) -> list[int]:
        table = self.tables[name]
        key = (name, tuple(values[each] for each in table.inputs))
        if key not in self._memory:
            self._memory[key] = rows_that_apply(table, values)
        return self._memory[key]

    def decide(self, values: Mapping[str, Held]) -> tuple[set[str], set[int]]:
        """The outcomes, and the rows of the last table, for fully known base facts.

        An open outcome of a feeding table is followed into each of its values, one at a time.
        """
        outcomes: set[str] = set()
        rows: set[int] = set()
        for last in self._follow(self.order, dict(values)):
            if last is None:
                outcomes.add(NEVER)
            else:
                rows.add(last)
                outcomes |= self.tables[self.outcome].rows[last].outcomes
        return outcomes, rows

    def _follow(self, order: Sequence[str], values: dict[str, Held]) -> Iterator[int | None]:
        name, later = order[0], order[1:]
        applying = self.rows(name, values)
        assert len(applying) == 1, f"{name} has rows {applying} for {values}"
        if not later:
            yield applying[0]
            return
        outcomes = self.tables[name].rows[applying[0]].outcomes
        if NEVER in outcomes:
            yield None
            return
        for outcome in sorted(outcomes):
            yield from self._follow(later, {**values, name: outcome})


Box = tuple[int, ...]


class Extended:
    """The union over the known boxes below each box with unknown bins, worked out by recursion.

    `unknown[place]` is the number of the unknown bin of an axis, `real[place]` the bins it stands for.
    """

    def __init__(
        self, known: dict[Box, tuple[set[str], set[int]]], unknown: Box, real: Sequence[Sequence[int]]
    ) -> None:
        self.unknown = unknown
        self.real = real
        self._held: dict[Box, tuple[frozenset[str], frozenset[int], frozenset[int]]] = {}
        for box, (outcomes, rows) in known.items():
            never = outcomes == {NEVER}
            possible, impossible = (frozenset(), frozenset(rows)) if never else (frozenset(rows), frozenset())
            self._held[box] = (frozenset(outcomes), possible, impossible)

    def __call__(self, box: Box) -> tuple[frozenset[str], frozenset[int]]:
        outcomes, rows, impossible = self._union(box)
        others = outcomes - {NEVER}
        return (others, rows) if others else (outcomes, impossible)

    def _union(self, box: Box) -> tuple[frozenset[str], frozenset[int], frozenset[int]]:
        if box not in self._held:
            place = next(place for place, code in enumerate(box) if code == self.unknown[place])
            below = [self._union((*box[:place], code, *box[place + 1 :])) for code in self.real[place]]
            self._held[box] = tuple(frozenset().union(*each) for each in zip(*below, strict=True))  # type: ignore[assignment]
        return self._held[box]


def all_boxes(counts: Iterable[int]) -> Iterator[Box]:
    return product(*(range(count) for count in counts))
