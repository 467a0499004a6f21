"""What a small command does not do: import what it does not need, read what it knows, believe what has changed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from copy import copy, deepcopy
from pathlib import Path

import pytest

from her2path.facts import cache
from her2path.tables.load import default_knowledge

EXAMPLE = Path(__file__).parent.parent / "examples" / "courses" / "adjuvant-hold.csv"
REVIEW = f"""
from her2path.cli import main
main(["review", {str(EXAMPLE)!r}, "--on", "2026-02-03", "--summary-only"], standalone_mode=False)
"""
NOT_FOR_ONE_PATIENT = {
    "numba", "scipy", "matplotlib", "icalendar", "markdown_it", "importlib.metadata", "email.message", "http.client", "ssl",
    "pyarrow.compute", "pyarrow.parquet", "pyarrow.fs", "pyarrow.dataset", "her2path.tables.proof", "her2path.write.fhir",
}  # fmt: skip


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after some code."""
    code = f"{code}\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.splitlines()[-1].split())


def test_the_package_alone_imports_next_to_nothing() -> None:
    assert not imported_by("import her2path") & (NOT_FOR_ONE_PATIENT | {"numpy", "pyarrow", "click", "her2path.facts"})


def test_the_version_is_looked_up_when_it_is_asked_for() -> None:
    assert "importlib.metadata" in imported_by("import her2path; her2path.__version__")


def test_a_review_of_one_patient_imports_only_what_it_needs() -> None:
    imported_by(REVIEW)  # the knowledge is kept from here on
    assert not imported_by(REVIEW) & NOT_FOR_ONE_PATIENT


FHIR = REVIEW.replace(str(EXAMPLE), str(EXAMPLE.parent.parent / "her2-tests.ndjson"))
NOT_FOR_FHIR = {"pyarrow", "pandas", "tomllib", "concurrent.futures.process", "numpy.ma"}


def test_a_small_review_of_fhir_imports_no_tables_and_no_pool() -> None:
    imported_by(FHIR)
    assert not imported_by(FHIR) & (NOT_FOR_ONE_PATIENT | NOT_FOR_FHIR)


# -- stamps ---------------------------------------------------------------------------------------


class Source:
    """A file, how often it was read and how often its bytes were looked at; `later` seconds after it was written."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.read, self.digested = path, 0, 0
        path.write_text("one", encoding="utf-8")
        content = cache._of_content
        monkeypatch.setattr(cache, "_of_content", lambda sources: self._counted(content, sources))
        monkeypatch.setattr(cache, "time_ns", lambda: path.stat().st_ctime_ns + self.age_ns)
        self.age_ns = 3600 * 10**9

    def _counted(self, content, sources) -> bytes:
        self.digested += 1
        return content(sources)

    def get(self) -> str:
        return cache.kept("some", [self.path], self._text)

    def _text(self) -> str:
        self.read += 1
        return self.path.read_text(encoding="utf-8")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setattr(cache, "user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(cache, "CODE", tmp_path / "code")
    monkeypatch.delenv("HER2PATH_CACHE", raising=False)
    (tmp_path / "code").mkdir()
    cache._of_code.cache_clear()
    cache._of_code_files.cache_clear()
    yield Source(tmp_path / "some.md", monkeypatch)
    cache._of_code.cache_clear()
    cache._of_code_files.cache_clear()


posix = pytest.mark.skipif(not cache.HAS_TIME_OF_CHANGE, reason="the time of a change is known on POSIX only")


@posix
def test_the_bytes_of_a_settled_file_are_looked_at_once(source: Source) -> None:
    assert [source.get() for _ in range(3)] == ["one"] * 3
    assert (source.read, source.digested) == (1, 1)


def test_a_file_that_has_not_settled_is_looked_at_every_time(source: Source) -> None:
    source.age_ns = cache.SETTLED_NS - 1
    assert [source.get() for _ in range(3)] == ["one"] * 3
    assert (source.read, source.digested) == (1, 3)
    source.path.write_text("two", encoding="utf-8")
    assert source.get() == "two"


def test_a_file_whose_time_and_size_were_put_back_is_read_anew(source: Source) -> None:
    source.get()
    status = source.path.stat()
    source.path.write_text("two", encoding="utf-8")
    os.utime(source.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (source.path.stat().st_mtime_ns, source.path.stat().st_size) == (status.st_mtime_ns, status.st_size)
    assert source.get() == "two"


def test_a_file_that_was_replaced_is_read_anew(source: Source, tmp_path: Path) -> None:
    source.get()
    (tmp_path / "other.md").write_text("two", encoding="utf-8")
    os.replace(tmp_path / "other.md", source.path)
    assert source.get() == "two"


def test_where_no_time_of_change_is_known_the_bytes_are_looked_at(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "HAS_TIME_OF_CHANGE", False)
    assert [source.get() for _ in range(2)] == ["one"] * 2
    assert (source.read, source.digested) == (1, 2)


@posix
def test_code_that_changed_is_another_stamp(source: Source, tmp_path: Path) -> None:
    source.get()
    (tmp_path / "code" / "new.py").write_text("", encoding="utf-8")
    cache._of_code.cache_clear()
    cache._of_code_files.cache_clear()
    source.get()
    assert source.digested == 2


@posix
@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 40])
def test_a_stamp_that_says_nothing_true_only_costs_time(source: Source, tmp_path: Path, content: bytes) -> None:
    source.get()
    (stamp,) = (tmp_path / "cache" / "her2path").glob("stamp-*")
    stamp.write_bytes(content)
    assert (source.get(), source.read) == ("one", 1)


@posix
def test_only_the_latest_stamps_are_kept(source: Source, tmp_path: Path) -> None:
    for number in range(cache.MOST_STAMPS + 3):
        source.path.write_text(str(number), encoding="utf-8")
        assert source.get() == str(number)
    assert len([*(tmp_path / "cache" / "her2path").glob("stamp-*")]) == cache.MOST_STAMPS


def test_every_module_of_the_package_is_in_the_stamp() -> None:
    files = {entry.path for entry in cache._files_below(str(cache.CODE), ".py")}
    assert files == {str(path) for path in cache.CODE.rglob("*.py")}


# -- parts ----------------------------------------------------------------------------------------


def test_rows_and_cases_wait_until_they_are_asked_for() -> None:
    knowledge = default_knowledge()
    loaded = pickle.loads(pickle.dumps(knowledge, protocol=5))
    edition, table = loaded.editions[-1], next(iter(loaded.editions[-1].tables.values()))
    for part, name in ((table, "rows"), (edition, "cases")):
        with pytest.raises(AttributeError):
            object.__getattribute__(part, name)
    assert table.rows
    assert object.__getattribute__(table, "rows") is table.rows
    assert loaded.editions == knowledge.editions


def test_what_is_in_parts_is_copied_and_pickled_like_any_other() -> None:
    table = next(iter(default_knowledge().editions[-1].tables.values()))
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(table))))
    assert copy(table) == deepcopy(table) == again == table


def test_what_is_not_there_is_not_made_up() -> None:
    table = next(iter(default_knowledge().editions[-1].tables.values()))
    with pytest.raises(AttributeError, match="'Table' object has no attribute 'columns'"):
        table.columns  # noqa: B018
