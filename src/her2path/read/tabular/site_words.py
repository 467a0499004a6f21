"""A site's mapping in tables: its own words for facts, drugs, answers and units, put into ours before they are read.

A word is found by the `name` of an entry or by its `code`; the words of facts.md go first. In the long format the
mark of a row says which entries were met in it, in the wide format that of a cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...facts.fact import Facts
from ...facts.mapping.entries import Entry, SiteMapping, folded, mark_of
from ...facts.number import parse_number
from ...facts.value import Unknown
from ...record.columns import Whole
from ..fhir.resources.measurement import in_own_unit


class SiteWords:
    """The entries of a mapping by the words that stand in tables."""

    def __init__(self, mapping: SiteMapping, facts: Facts) -> None:
        self.mapping, self.facts = mapping, facts
        self._by_kind: dict[str, dict[str, list[Entry]]] = {}
        for entry in mapping.entries:
            words = self._by_kind.setdefault(entry.kind, {})
            for word in filter(None, (entry.name, entry.code)):
                words.setdefault(folded(word), []).append(entry)

    def entry(self, kind: str, word: str, fact: str = "") -> Entry | None:
        """The entry of a kind that a word names; of an answer that of the fact."""
        listed = self._by_kind.get(kind, {}).get(folded(word), [])
        return self.mapping.answer(listed, fact) if kind == "answer" else next(iter(listed), None)

    def fact_entry(self, word: str) -> Entry | None:
        """The entry of a word in the place of a fact."""
        return None if word in self.facts else self.entry("fact", word)

    # -- the long format ----------------------------------------------------------------------

    def map_rows(self, places: dict[str, Whole], lists: dict[str, list[str]]) -> dict[int, str]:
        """Put the words of the columns into ours, and give the mark of each row in which an entry was met."""
        met: dict[int, list[int]] = {}
        facts = {place: e for place, word in enumerate(lists["fact"]) if word and (e := self.fact_entry(word))}
        answered = [] if "answer" not in self._by_kind else self._answered(places, lists, facts)
        for place, entry in facts.items():
            rows = np.flatnonzero(places["fact"] == place)
            self._note(met, rows, entry)
            if entry.unit:
                blank = rows[places["unit"][rows] == 0]
                places["unit"][blank] = _place(lists["unit"], entry.unit)
            places["fact"][rows] = _place(lists["fact"], entry.fact)
        for rows, entry in answered:
            self._note(met, rows, entry)
            places["value"][rows] = _place(lists["value"], entry.answer)
        for kind, column in (("product", "product"), ("unit", "unit")):
            for place, word in enumerate(list(lists[column])):
                if word and (found := self.entry(kind, word)) is not None:
                    rows = np.flatnonzero(places[column] == place)
                    self._note(met, rows, found)
                    places[column][rows] = _place(lists[column], found.product or found.unit)
        return {row: mark_of(numbers) for row, numbers in met.items()}

    def _answered(
        self, places: Mapping[str, Whole], lists: Mapping[str, list[str]], facts: Mapping[int, Entry]
    ) -> list[tuple[Whole, Entry]]:
        """The rows whose value is an answer of the mapping, with its entry."""
        found = []
        for place, word in enumerate(lists["value"]):
            if not word or folded(word) not in self._by_kind["answer"]:
                continue
            rows = np.flatnonzero(places["value"] == place)
            for fact_place in sorted(set(places["fact"][rows].tolist())):
                fact = facts[fact_place].fact if fact_place in facts else lists["fact"][fact_place]
                if (entry := self.entry("answer", word, fact)) is not None:
                    found.append((rows[places["fact"][rows] == fact_place], entry))
        return found

    @staticmethod
    def _note(met: dict[int, list[int]], rows: Whole, entry: Entry) -> None:
        for row in rows.tolist():
            met.setdefault(row, []).append(entry.number)

    # -- the wide format ----------------------------------------------------------------------

    def columns(self, names: list[str]) -> dict[str, Entry]:
        """The columns that an entry names, where the file has no column of that fact."""
        found: dict[str, Entry] = {}
        for name in names:
            entry = self.fact_entry(name)
            if entry is not None and entry.fact not in names and entry.fact not in {e.fact for e in found.values()}:
                found[name] = entry
        return found

    def cell(self, fact: str, cell: Any, column: Entry | None) -> tuple[Any, list[int]]:
        """A cell of a column of a fact in our words, and the entries met."""
        met = [column.number] if column is not None else []
        if isinstance(cell, str) and (entry := self.entry("answer", cell, fact)) is not None:
            return entry.answer, [*met, entry.number]
        if column is not None and column.unit and cell not in (None, ""):
            number = parse_number(str(cell).strip())
            if number is not None:
                value, _ = in_own_unit(fact, number, column.unit, self.facts)
                return (cell if isinstance(value, Unknown) else str(value)), met
        return cell, met


def _place(listed: list[str], word: str) -> int:
    if word not in listed:
        listed.append(word)
    return listed.index(word)


def site_words_of(facts: Facts) -> SiteWords | None:
    """The words of the site whose records are read; `None` without a mapping."""
    return None if facts.mapping is None else SiteWords(facts.mapping, facts)


def mapped_cells(table: Any, facts: Facts, columns: Mapping[str, Entry]) -> tuple[Any, Counter[int]]:
    """A table of the wide format with the cells of its facts in our words, and how many cells each entry changed."""
    import pyarrow as pa

    words = site_words_of(facts)
    counts: Counter[int] = Counter()
    if words is None:
        return table, counts
    for place, fact in enumerate(table.column_names):
        if fact not in facts:
            continue
        held = table.column(place).to_pylist()
        read = [words.cell(fact, cell, columns.get(fact)) for cell in held]
        for _, met in read:
            counts.update(met)
        cells = [cell for cell, _ in read]
        if cells != held:
            texts = pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
            table = table.set_column(place, fact, texts)
    return table, counts
