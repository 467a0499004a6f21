"""How long after an operation a specimen is of the residual tumour: 60 days, and not one more (decision D306)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_makers import T, date, made
from her2path.record.event import Record
from laws import look


@pytest.mark.parametrize(
    ("day", "expected"),
    [(150, "the residual tumour"), (210, "the residual tumour"), (211, "the newest specimen")],
)
def test_a_specimen_is_of_the_residual_tumour_for_sixty_days(day: int, expected: str) -> None:
    tests = [
        replace(made("ihc_score", score, on), specimen=name, said=score)
        for name, score, on in (("before", "3+", 0), ("after", "0", day))
    ]
    course = [made("setting", "adjuvant", 200), made("surgery_done", "yes", 150)]
    course += [made("dose_mg", 420, each, T) for each in (20, 41, 62, 83)]
    found = look(Record("p", "p", tests, course, {}, {"breast"}), date(300))
    assert found is not None
    assert any(expected in finding.words for finding in found.review.findings)
