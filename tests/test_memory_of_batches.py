"""A batch that was reviewed and written is let go at once: nothing of it waits for the collector of cycles."""

from __future__ import annotations

import datetime as dt
import gc

import pytest

from course_makers import columns_of, dose, doses, lvef, made
from her2path.findings.course.columns import CourseFacts
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge


def test_a_batch_holds_itself_in_no_circle() -> None:
    pytest.importorskip("pyarrow")
    from her2path.write.tables.findings import findings_table

    course = [
        lvef(-7, 65),
        made("weight_kg", 70, -1),
        *doses(0, 84),
        dose(85),
        lvef(90, 44),
        made("ordered_mg", 5600, 91, "t-dm1"),
    ]
    reviewer = Reviewer(default_knowledge(), Settings(dt.date(2024, 4, 10), jurisdiction="us"))

    def once() -> None:
        reviewed = reviewer.review_columns(columns_of([course] * 30))
        assert reviewed.courses is not None
        assert findings_table(reviewed).num_rows

    once()  # what is read and kept the first time is no part of a batch
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        once()
        gc.collect()
        assert [type(each).__name__ for each in gc.garbage if isinstance(each, CourseFacts)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
