"""The list of changes that `make changed` tries still fits the source, and its table in docs/tests.md the list."""

from __future__ import annotations

from collections import Counter

import pytest

from changed_constants import BEGINS, CHANGES, ENDS, PACKAGE, PAGE, ROOT, SURVIVES, TESTS, Change, table

OFTEN = ("history/folds/heart.py", "history/folds/doses.py", "history/folds/disease.py", "history/clocks.py", "history/course_facts.py",
         "findings/plan/items.py")  # fmt: skip


@pytest.mark.parametrize("file", sorted({change.file for change in CHANGES}))
def test_what_would_be_changed_stands_once(file: str) -> None:
    text = (PACKAGE / file).read_text(encoding="utf-8")
    for change in CHANGES:
        if change.file == file:
            assert text.count(change.old) == 1, (
                f"{file}: {change.old!r} does not stand once; mend tests/changed_constants.py"
            )
            assert change.new != change.old


def test_the_modules_that_count_are_changed_often_enough() -> None:
    count = Counter(change.file for change in CHANGES)
    assert all(count[file] >= 6 for file in OFTEN)
    assert all((ROOT / "tests" / file).exists() for files in TESTS.values() for file in files)


def test_the_page_shows_every_change_and_that_each_was_caught() -> None:
    made = PAGE.read_text(encoding="utf-8").partition(BEGINS)[2].partition(ENDS)[0]
    rows = [line for line in made.splitlines() if line.startswith("| `")]
    expected = [row_of(change) for change in CHANGES]
    assert [row.rsplit(" | ", 1)[0] for row in rows] == expected, (
        "write it anew: python tests/changed_constants.py --write"
    )
    assert SURVIVES not in made


def row_of(change: Change) -> str:
    return table([(change, "")]).splitlines()[2].rsplit(" | ", 1)[0]
