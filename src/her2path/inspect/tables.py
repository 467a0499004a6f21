"""Tables (CSV and Parquet): their words for facts, drugs and columns that look like our business and are not ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..facts.codes import codes_of
from ..facts.fact import Facts
from ..facts.mapping.entries import folded
from ..facts.value import Reason, Unknown
from ..read.tabular.cells import NO_FACT, Cells
from ..read.tabular.file import read_table
from ..read.tabular.long import LongFile, Part, is_long
from ..read.tabular.site_words import site_words_of
from ..read.tabular.wide import local_columns
from ..read.tabular.wide_events import WideFile
from ..read.tabular.wide_plan import is_unread_cell
from ..read.tabular.words import as_words, is_missing, words_of
from ..record.columns import RecordColumns
from .seen import Seen, Unmapped
from .words import Guesser

NOT_UNDERSTOOD = (Reason.UNPARSABLE_TEXT, Reason.UNMAPPED_CODE)


class TableExaminer:
    """Counts the words of a table that are not known."""

    def __init__(
        self, path: Path, facts: Facts, columns: Mapping[str, str] | None, guesser: Guesser,
        missing: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.path, self.facts, self.columns, self.guesser, self.missing = path, facts, columns, guesser, missing
        self.cells = Cells(facts, codes_of(facts))

    def examine(self, seen: Seen) -> bool:
        """Count the words of the table that are unknown; whether there is anything in it to review."""
        if not is_long(self.path, self.columns):
            if self._columns(seen):
                return True
            what = "no column is a fact: name them by --column or the site's mapping"
            seen.trouble("no fact", f"{self.path.name}: {what}")
            seen.lost += 1
            return False
        for part in LongFile(self.path, self.columns, self.missing).parts():
            if isinstance(part, Part):
                seen.rows += part.table.num_rows
                self._words(part, seen)
        return True

    def _columns(self, seen: Seen) -> bool:
        """Count the columns of a wide file that hold no fact; whether any holds one."""
        table = read_table(self.path, [])  # rows that cannot be read are told by the review
        seen.rows += table.num_rows
        local = local_columns(table.column_names, self.columns or {}, self.facts).values()
        plan = WideFile(self.path, self.facts, self.columns or {}).plan
        known = {*self.facts, *plan.used, *(self.columns or {}).values()}
        mapped = {folded(word) for entry in local for word in (entry.name, entry.code)}
        for name in table.column_names:
            guess = "" if name in known or folded(name) in mapped else self.guesser.guess_word(name, "observations")
            if guess in self.facts:
                cells = [cell for cell in self._cells(table, name) if cell]
                example = cells[0] if cells else ""
                what = Unmapped("column", "columns", name=name, guess=guess)
                seen.note(what, example, self.path.name, "no fact is called so", len(cells))
        return bool(plan.values or plan.product)

    def _words(self, part: Part, seen: Seen) -> None:
        """The words for facts and drugs of a part of the file that are not known."""
        site = site_words_of(self.facts)
        table, numbers = part.table, part.numbers
        for column, place in (("fact", "observations"), ("product", "drugs")):
            if column not in table.column_names:
                continue
            words = self._cells(table, column)
            first = {word: row for row, word in reversed(list(enumerate(words)))}
            for word, count in Counter(words).items():
                if not word or (site is not None and site.entry("fact" if column == "fact" else "product", word)):
                    continue
                why = self._why(column, word)
                if why:
                    guess = self.guesser.guess_word(word, place)
                    row = first[word]
                    (value,) = self._cells(table.slice(row, 1), "value")
                    where = f"{self.path.name}:{numbers[row]}"
                    seen.note(Unmapped("concept", f"column {column}", name=word, guess=guess), value, where, why, count)

    def _cells(self, table: Any, column: str) -> list[str]:
        """The cells of a column in words, "" for what holds nothing."""
        words = words_of(as_words(table.column(column)).cast(pa.string()))
        return ["" if word is None or is_missing(word, self.missing) else word.strip() for word in words]

    def _why(self, column: str, word: str) -> str:
        """Why a word is not known; "" where it is."""
        if column == "fact":
            return "" if word in self.facts else self.cells.no_fact(word)
        return self.cells.read_product(word)[2]


def count_answers(batch: RecordColumns, facts: Facts, seen: Seen) -> None:
    """Count the values of a table that their facts do not understand."""
    unread = [isinstance(v, Unknown) and v.reason in NOT_UNDERSTOOD for v in batch.values]
    if not any(unread):
        return
    rows = np.flatnonzero(np.array(unread, np.bool_)[batch.value])
    for row in rows.tolist():
        fact, value = batch.facts[batch.fact[row]], batch.values[batch.value[row]]
        said = batch.saids[batch.said[row]]
        if is_unread_cell(said) or NO_FACT in str(value):  # its column, or its fact, is told
            continue
        numeric = fact in facts and facts[fact].is_number
        kind = "answer" if not numeric else "unit" if "unit" in str(value) else "words"
        name = said.rpartition(" ")[2] if kind == "unit" else said
        where = str(batch.origins[int(batch.origin[row])])
        seen.note(Unmapped(kind, fact, name=name[:200]), said, where, str(value))
