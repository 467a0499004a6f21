"""Records that a program brings: tables and rows by which no file stands, and sources of other packages.

A `Source` is one class with one method, which gives rows. Sources are registered by `register_source`, or found by the
entry points of the group `her2path.sources`, where the ending of a path is none that is read here. Rows are read as
those of a file: the same cells, units, brands and refusals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ...facts.problem import AskedWrongly
from ..files import ARCHIVE_ENDINGS, JSON_ENDINGS, NOT_FROM_A_FOLDER, PACKED_ENDINGS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "her2path.sources"
OWN_ENDINGS = (*JSON_ENDINGS, *PACKED_ENDINGS, *ARCHIVE_ENDINGS, *NOT_FROM_A_FOLDER)
ROWS_AT_ONCE = 100_000
TABLE_NAME = "rows.parquet"
"""What a table is called in origins by which no file stands."""


class Source:
    """One more kind of file or folder to read: `rows` gives what stands in it.

    A row is a dictionary of the long format (patient, date, fact, value, and where there are any unit, product,
    qualifier, specimen, origin) or of the wide one (patient, and facts by name), as `docs/reading.md` has them. Rows of
    one patient need not stand together. `origin` says where a row stands; it comes back with what rests on it.
    """

    name: ClassVar[str] = ""
    """What it is called in errors."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The endings of its files or folders, such as `.omop`, in small letters."""

    def rows(self, path: Path) -> Iterable[Mapping[str, object]]:
        """The rows of a file or folder. Raise `AskedWrongly` for one that cannot be read."""
        raise NotImplementedError


SomeSource = TypeVar("SomeSource", bound=type[Source])
_SOURCES: dict[str, type[Source]] = {}


def register_source(kind: SomeSource) -> SomeSource:
    """Add a source from outside, for this process; may stand above the class as a decorator.

    A class that is defined anew takes its own place. Raises `AskedWrongly` for one without a name or an ending, and for
    an ending that is read here or by another source.
    """
    _required(kind, getattr(kind, "__qualname__", repr(kind)))
    for other in _SOURCES.values():
        again = set(other.suffixes) & set(kind.suffixes)
        if again and (other.__module__, other.__qualname__) != (kind.__module__, kind.__qualname__):
            raise AskedWrongly(f"{sorted(again)[0]} is read by the source {other.name} already; give another ending")
    _SOURCES[kind.name] = kind
    return kind


def source_for(path: Path) -> type[Source] | None:
    """The source of other packages that reads what ends so, `None` where there is none.

    Raises `AskedWrongly` where the source cannot be imported, or is none.
    """
    ending = path.suffix.lower()
    if not ending or ending in OWN_ENDINGS:
        return None
    for kind in _SOURCES.values():
        if ending in kind.suffixes:
            return kind
    for name, point in _entry_points().items():
        if name in _SOURCES:
            continue
        where = f"{point.value} (the entry point {name})"
        try:
            loaded = point.load()
        except (ImportError, AttributeError) as error:
            raise AskedWrongly(f"the source {name} ({point.value}) cannot be imported: {error}") from error
        _SOURCES[name] = kind = _required(loaded, where)
        if ending in kind.suffixes:
            return kind
    return None


@contextmanager
def rows_as_file(path: Path, source: type[Source]) -> Iterator[Path]:
    """What a source gives as a table in a file, which is gone in the end. Raises `AskedWrongly` without any row."""
    with TemporaryDirectory(prefix="her2path-") as folder:
        file = Path(folder, f"{path.stem}.parquet")
        _write_rows(source().rows(path), file, f"{path} (the source {source.name})")
        yield file


@contextmanager
def table_as_file(table: Any, name: str = TABLE_NAME) -> Iterator[Path]:
    """A `pyarrow.Table` as a file, which is gone in the end. Raises `AskedWrongly` where Parquet cannot hold it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with TemporaryDirectory(prefix="her2path-") as folder:
        file = Path(folder, name)
        try:
            pq.write_table(table, file)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise AskedWrongly(f"the table cannot be read: {error}") from error
        yield file


def _write_rows(rows: Iterable[Mapping[str, object]], file: Path, where: str) -> None:
    """Rows as text in a Parquet file; they may be more than memory holds, where all name their columns alike."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ...tables.many.frames import rows_as_table

    waiting: list[Mapping[str, object]] = []
    tables: list[Any] = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise AskedWrongly(f"{where} gave a {type(row).__name__}; expected a dictionary for each row")
        waiting.append(row)
        if len(waiting) >= ROWS_AT_ONCE:
            tables.append(_in_text(rows_as_table(waiting)))
            waiting = []
    if waiting:
        tables.append(_in_text(rows_as_table(waiting)))
    if not tables:
        raise AskedWrongly(f"{where}: there are no rows")
    pq.write_table(pa.concat_tables(tables, promote_options="default"), file)


def _in_text(table: Any) -> Any:
    """A table in whose columns are words, so that its parts go together."""
    import pyarrow as pa

    from ..tabular.words import as_words

    columns = []
    for column in table.columns:
        words = as_words(column)
        columns.append(words.cast(pa.string()) if pa.types.is_dictionary(words.type) else words)
    return pa.table(columns, names=table.column_names)


def _required(kind: object, where: str) -> type[Source]:
    if not (isinstance(kind, type) and issubclass(kind, Source)):
        raise AskedWrongly(f"{where} is no source; expected a class derived from her2path.Source")
    if not kind.name or kind.name.split() != [kind.name]:
        raise AskedWrongly(f"{where} is called {kind.name!r}; a source needs a name without spaces")
    if not kind.suffixes or any(not each.startswith(".") or each != each.lower() for each in kind.suffixes):
        raise AskedWrongly(f"{where} has the endings {kind.suffixes!r}; a source needs some, such as ('.omop',)")
    taken = [each for each in kind.suffixes if each in OWN_ENDINGS]
    if taken:
        raise AskedWrongly(f"{where}: what ends in {taken[0]} is read by her2path itself; give another ending")
    return kind


def _entry_points() -> dict[str, EntryPoint]:
    """The sources of other packages by name, none imported yet."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}
