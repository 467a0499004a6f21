"""The public names as a program uses them that is checked by mypy; `make lint` checks this file, a test runs it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import her2path
from her2path import (
    CourseReview,
    Decision,
    Disagreement,
    Edition,
    Event,
    Fact,
    Finding,
    Format,
    Grade,
    Interval,
    Json,
    Knowledge,
    PatientReview,
    PlanItem,
    Reason,
    Record,
    Reviewer,
    Reviews,
    Settings,
    Site,
    Standing,
    Summary,
    Trouble,
    Unknown,
    Value,
)

COURSE = Path(__file__).parent.parent / "examples" / "courses" / "adjuvant-hold.csv"


def decisions() -> Decision:
    facts = {"product": "trastuzumab-iv", "setting": "adjuvant", "lvef_baseline": 64, "lvef": 48, "on_hold": "no"}
    decision = her2path.decide("cardiac_action", facts, jurisdiction="us", on=dt.date(2026, 2, 3))
    assert_type(decision.value, str | None)
    assert_type(decision.possible, tuple[str, ...])
    assert_type(decision.edition, Edition)
    assert_type(decision.as_json(), dict[str, Json])
    her2path.decide(
        "her2_status", {"ihc_score": Unknown(Reason.ABSENT), "her2_copies": Interval()}, edition="asco-cap-2018"
    )
    return decision


def knowledge_of() -> Knowledge:
    knowledge = her2path.read_knowledge()
    assert_type(knowledge.facts["lvef"], Fact)
    assert_type(knowledge.facts["lvef"].coerce("48 %"), Value)
    assert_type(her2path.compare("asco-cap-2013", "asco-cap-2018", knowledge), list[Disagreement])
    return knowledge


def reviewed(knowledge: Knowledge) -> Iterator[PatientReview]:
    settings = Settings(dt.date(2026, 2, 3), jurisdiction="us", at=Site())
    reviewer = Reviewer(knowledge, settings)
    for record in her2path.read_records(COURSE, knowledge.facts):
        assert_type(record, Record | Trouble)
        if isinstance(record, Record):
            assert_type(record.course, list[Event])
            yield reviewer.review(record)
    assert_type(her2path.review_source(COURSE, knowledge, settings), Iterator[PatientReview | Trouble])


def asked_at_once() -> list[PatientReview]:
    reviews = her2path.review(COURSE, on="2026-02-03", jurisdiction="us")
    assert_type(reviews, Reviews)
    assert_type(reviews.patient("adjuvant-hold"), PatientReview)
    assert_type(reviews.text(), str)
    assert_type(reviews.patients, list[str])
    her2path.review([{"patient": "a", "fact": "ihc_score", "value": "3+"}], on=dt.date(2026, 2, 3))
    return list(reviews)


def told(review: PatientReview) -> str:
    assert_type(review.course, CourseReview | None)
    if review.course is None:
        return ""
    assert_type(review.course.standing, Standing)
    assert_type(review.course.findings, list[Finding])
    assert_type(review.course.plan, list[PlanItem])
    assert_type(review.course.plan[0].earliest, dt.date | None)
    return ", ".join(finding.words for finding in review.course.findings if finding.grade <= Grade.ACT)


@her2path.register_format
class Names(Format):
    """The names alone."""

    name = "names-alone"
    suffixes = (".names",)

    def patient(self, review: PatientReview) -> str:
        return review.patient + "\n"

    def end(self, summary: Summary) -> str:
        return f"{summary.patients}\n"


def wrong() -> None:
    """What a type checker must refuse; an ignored error that is none would be an error itself."""
    her2path.decid("her2_status", {})  # type: ignore[attr-defined]
    her2path.decide("her2_status", ["ihc_score"])  # type: ignore[arg-type]
    her2path.review(COURSE, on=20260203)  # type: ignore[arg-type]
    her2path.review(5)  # type: ignore[arg-type]
    Settings("2026-02-03")  # type: ignore[arg-type]
    knowledge_of().editions[0].nothing  # type: ignore[attr-defined]  # noqa: B018


def main(output: Path) -> Summary:
    decisions()
    reviews = [*reviewed(knowledge_of())]
    assert all(told(review) for review in reviews)
    assert [told(review) for review in asked_at_once()] == [told(review) for review in reviews]
    return her2path.write_reviews(reviews, output, dt.date(2026, 2, 3))
