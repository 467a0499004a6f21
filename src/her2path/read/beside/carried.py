"""Columns of tables that hold no fact: which there are, and what they say of each patient, to be carried along.

No rule reads them. They are told by name, so that nobody takes them for read.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...facts.fact import Facts
from ...facts.problem import AskedWrongly
from ..source import TABLES

BETWEEN = "; "
"""What stands between the words of a patient who has several."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What is carried: the `names` of the columns, and by patient a word for each ("" where nothing is said)."""

    names: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, patient: str) -> dict[str, str]:
        """What the columns say of a patient; several words in the order of the source."""
        return dict(zip(self.names, self.row(patient), strict=True))

    def row(self, patient: str) -> tuple[str, ...]:
        """The same without the names."""
        return self.words.get(patient) or ("",) * len(self.names)


def unread_columns(path: Path, facts: Facts, columns: Mapping[str, str] | None = None) -> list[str]:
    """The columns of a table that nothing is read from, in their order; none of a source that is no table.

    `columns` says which column bears which of our names. Raises `AskedWrongly` as reading it does.
    """
    from ..tabular.long import PATIENT, is_long, names_of, places_of

    if path.suffix.lower() not in TABLES:
        return []
    names, mapped = names_of(path), columns or {}
    if is_long(path, mapped):
        read: set[str] = set(places_of(names, mapped).values())
    else:
        from ..tabular.wide_events import WideFile  # not needed for one event a row
        from ..tabular.wide_names import OUTCOMES

        file = WideFile(path, facts, mapped)
        ours = {column: name for name, column in mapped.items()}
        known = {*file.plan.used, *file.mapped, *facts, *OUTCOMES, *PATIENT}
        read = {name for name in names if ours.get(name, name) in known}
    return [name for name in names if name not in read]


def carried_of(
    paths: Iterable[Path], wanted: Sequence[str], columns: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
) -> Carried:  # fmt: skip
    """What columns of tables say of each patient, each distinct word once. A table that has none of them is passed by.

    `missing` are the words, in small letters, for a cell that holds nothing. Rows without a patient are left out.
    Raises `AskedWrongly` for a column that no table has, and where no source is a table.
    """
    from ..tabular.long import PATIENT, names_of

    if not wanted:
        return Carried()
    tables = [path for path in paths if path.suffix.lower() in TABLES]
    if not tables:
        raise AskedWrongly("--carry is for columns of CSV and Parquet, and no source is one")
    names = tuple(dict.fromkeys(wanted))
    there: dict[str, None] = {}
    found: dict[str, list[dict[str, None]]] = {}
    for path in tables:
        listed = names_of(path)
        there |= dict.fromkeys(listed)
        patient = next((n for own in PATIENT if (n := (columns or {}).get(own, own)) in listed), None)
        if patient is not None:
            _take(path, patient, [name if name in listed else None for name in names], missing, found)
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(there)}"
            raise AskedWrongly(f"--carry {name}: no column is called {name!r}{hint}")
    return Carried(names, {who: tuple(BETWEEN.join(words) for words in said) for who, said in found.items()})


def _take(
    path: Path, patient: str, names: Sequence[str | None], missing: Collection[str],
    found: dict[str, list[dict[str, None]]],
) -> None:  # fmt: skip
    """Take note of the distinct words of some columns of a file by patient."""
    import pyarrow as pa

    from ..tabular.file import read_table
    from ..tabular.words import as_words, is_missing, words_of

    table = read_table(path, [])
    whose = as_words(table.column(patient)).cast(pa.string())
    for place, name in enumerate(names):
        if name is None:
            continue
        pairs = pa.table({"whose": whose, "word": as_words(table.column(name)).cast(pa.string())})
        distinct = pairs.group_by(["whose", "word"], use_threads=False).aggregate([])
        for who, word in zip(words_of(distinct["whose"]), words_of(distinct["word"]), strict=True):
            if not who or not who.strip():
                continue
            said = found.setdefault(who.strip(), [{} for _ in names])
            if word is not None and word.strip() and not is_missing(word, missing):
                said[place].setdefault(word.strip())
