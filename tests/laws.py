"""The laws of a review, as functions: each takes a record and gives what breaks it, in words; nothing where it holds."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, partial

from her2path.facts.value import Reason, Unknown
from her2path.findings.effects import Strength
from her2path.findings.finding import Finding, Grade
from her2path.findings.patient import Reviewed, Reviewer
from her2path.findings.plan.items import PlanItem
from her2path.findings.plan.verdicts import NOT_KNOWN, URGENCY, Verdict
from her2path.findings.reviews import CourseReview, PatientReview
from her2path.findings.settings import Settings
from her2path.record.event import Record
from her2path.tables.load import default_knowledge
from her2path.write.text.first_lines import all_findings

OF_THE_FUTURE = ("entry in the future", "entries in the future")
ALARMING = ("STOP", "HOLD", "DO NOT GIVE THE ORDER", "ASK FIRST")
FREE = ("GIVE", "CHANGE")
WANTED = {
    Strength.FORBIDS_FOR_GOOD: ("STOP",), Strength.FORBIDS: ("HOLD",), Strength.REPLACES: ("CHANGE", "DO NOT GIVE THE ORDER"),
    Strength.GATES: ("ASK FIRST", "DO NOT GIVE THE ORDER", "NOTHING DUE", NOT_KNOWN),
}  # fmt: skip
"""The verdicts that the strongest effect on a drug allows; weaker ones leave it to order and day."""
CONTEXT = (
    "weight_kg", "sex", "birth_date", "menopausal_status", "setting", "tumour_site", "lvef_baseline", "stage", "node_status",
    "er_status", "pr_status", "hormone_receptor_status", "payer_brand", "height_cm",
)  # fmt: skip
"""Facts of which none is itself what an alarm is about: without one, an alarm stays or says what is missing."""

CONTRACEPTION_IF = "effective_contraception_needed: undetermined"
"""The note on who may be able to become pregnant."""


@cache
def reviewer(on: dt.date, jurisdiction: str = "us") -> Reviewer:
    return Reviewer(default_knowledge(), Settings(on, jurisdiction=jurisdiction))


@dataclass(frozen=True)
class Look:
    """A review, taken apart."""

    review: PatientReview
    course: CourseReview

    @property
    def first(self) -> Verdict:
        return self.course.verdicts[0]

    @property
    def main(self) -> Verdict:
        """The verdict on the drug in hand, before the start on the one ordered."""
        drug = self.course.standing.product or self.course.standing.values.get("ordered_product", "")
        return next((each for each in self.course.verdicts if each.drug == drug), self.first)

    @property
    def is_free(self) -> bool:
        """Whether the drug in hand may be given or changed, and neither it nor an order waits: CHANGE of a drug that another one replaces
        says nothing of that other one."""
        ordered = self.course.standing.values.get("ordered_product", "")
        waits = any(each.verdict in ALARMING for each in self.course.verdicts if each.drug == ordered)
        is_gated = any(bears.effect.strength == Strength.GATES for bears in self.course.standing.bears(self.main.drug))
        return self.main.verdict in FREE and not waits and not is_gated

    @property
    def doses(self) -> list[PlanItem]:
        return [item for item in self.course.plan if item.kind == "dose"]

    @property
    def is_living(self) -> bool:
        return self.course.standing.values.get("alive") != "no"


def look(record: Record, on: dt.date, jurisdiction: str = "us") -> Look | None:
    """The review of a record, where it has a course."""
    review = reviewer(on, jurisdiction).review(record)
    return Look(review, review.course) if review.course is not None else None


def keys(findings: list[Finding], *grades: Grade) -> set[str]:
    return {each.key or each.name for each in findings if each.grade in grades}


# -- the laws -----------------------------------------------------------------------------------


def nothing_against_a_finding(record: Record, on: dt.date) -> Iterator[str]:
    """1. No dose is planned against a finding that forbids it; a gated one says its gate; none is given by an order that
    waits."""
    seen = look(record, on)
    for item in seen.doses if seen else ():
        assert seen is not None
        for bears in seen.course.standing.bears(item.drug):
            condition = seen.course.standing.condition(bears)
            if bears.effect.strength >= Strength.ENDS:
                yield f"{item.what} is planned although {bears.rows.saying.say} ({condition})"
            if bears.effect.strength == Strength.GATES and condition not in item.condition:
                yield f"{item.what} does not say its gate: {condition}"
    for verdict in seen.course.verdicts if seen else ():
        assert seen is not None
        for bears in seen.course.standing.bears_on_order(verdict.drug) if verdict.verdict == "GIVE" else ():
            if bears.effect.strength >= Strength.GATES:
                yield f"GIVE {verdict.drug}, and of its order: {seen.course.standing.finding(bears).words}"
    if seen and seen.doses and not seen.is_living:
        yield "a dose is planned for the dead"
    forbidding = ("cardiac_action: stop", "cardiac_action: hold", "cardiac_action: consider stopping")
    if seen and seen.doses:
        told = keys(all_findings(seen.review), Grade.ALARM, Grade.ACT)
        for key in forbidding:
            if key in told:
                yield f"{seen.doses[0].what} is planned although {key}"
        if any(key.startswith("pregnancy_exposure") for key in told):
            yield f"{seen.doses[0].what} is planned in pregnancy"


def _freer(
    before: Look, changed: list[tuple[str, Record]], on: dt.date, but_for: Callable[[Look, Look], bool] | None = None
) -> Iterator[str]:
    """Which of some changed records turn an alarming verdict on the drug in hand into a free one; all are one batch."""
    if not changed:
        return
    batch = reviewer(on).review_records(record for _, record in changed)
    if batch.courses is None or "verdict" not in batch.courses.reasons.asker.outcomes:
        return
    values = default_knowledge().facts["verdict"].values
    for (what, _), answer, review in zip(
        changed, batch.courses.reasons.asker.outcomes["verdict"].tolist(), _each(batch), strict=True
    ):
        if answer < 0 or values[answer] not in FREE or (course := review().course) is None:
            continue
        after = Look(review(), course)
        if after.main.drug == before.main.drug and after.is_free and not (but_for and but_for(before, after)):
            told = f"{after.main.verdict} ({after.main.reason}) {what}"
            yield f"{before.main.verdict} ({before.main.reason}) becomes {told}"


def _each(batch: Reviewed) -> Iterator[Callable[[], PatientReview]]:
    """The review of each patient, made when it is asked for."""
    return (partial(batch.patient, place) for place in range(len(batch)))


def unreadable_is_never_firmer(record: Record, on: dt.date) -> Iterator[str]:
    """3. Making an entry unreadable never turns an alarming verdict into a free one.

    Not asked of an LVEF beside another one of its day: that one tells the day, and the unread one is told (D209). Nor of
    one that is four weeks old and that a legible one followed: it is told, and gates nothing (D305). Nor of the
    setting where an LVEF was low: in a setting that is not known no hold is known to have been asked for, and the last LVEF
    is judged by itself.
    """
    before = look(record, on)
    if before is None or before.main.verdict not in ALARMING:
        return
    changed = []
    lvefs = [event.value for event in record.course if event.fact == "lvef"]
    was_low = any(not isinstance(value, Decimal) or value < 50 for value in lvefs)
    measured = Counter(event.day for event in record.course if event.fact == "lvef")
    for place, event in enumerate(record.course):
        if event.fact == "lvef" and (measured[event.day] > 1 or _is_past(event.day, measured, on)):
            continue
        if event.fact == "setting" and was_low:
            continue
        if isinstance(event.value, Unknown) or event.fact in ("death_date", "switch_intended"):
            continue
        spoiled = replace(event, value=Unknown(Reason.UNPARSABLE_TEXT, "illegible"), said="illegible")
        course = [*record.course[:place], spoiled, *record.course[place + 1 :]]
        changed.append((f"when {event.fact} of {event.day} is illegible", replace(record, course=course)))
    yield from _freer(before, changed, on)


def _is_past(day: dt.date | None, measured: Counter[dt.date | None], on: dt.date) -> bool:
    """Whether an LVEF is of four weeks ago or older, and another one followed."""
    later = any(other is not None and day is not None and day < other <= on for other in measured)
    return day is not None and later and (on - day).days >= 28


def absence_is_never_safer(record: Record, on: dt.date) -> Iterator[str]:
    """3. Taking a fact of the context away never turns an alarming verdict into a free one.

    Not asked where she waits for a pregnancy test alone, and is told then what follows if she can become pregnant: where
    nothing says whether she can, that is a note (D185).
    """
    before = look(record, on)
    if before is None or before.main.verdict not in ALARMING:
        return
    changed = [
        (f"without {name}", replace(record, course=[event for event in record.course if event.fact != name]))
        for name in sorted({event.fact for event in record.course} & set(CONTEXT))
    ]
    yield from _freer(before, changed, on, but_for=_is_told_if_she_can)


def _is_told_if_she_can(before: Look, after: Look) -> bool:
    """Whether only a missing pregnancy test was waited for, and it is told that she may be able to become pregnant."""
    waited_for = {finding.key for finding in before.main.findings}
    noted = keys(all_findings(after.review), Grade.NOTE)
    return waited_for == {"pregnancy_test_status: not on record"} and CONTRACEPTION_IF in noted


def a_low_lvef_is_told(record: Record, on: dt.date) -> Iterator[str]:
    """4. An LVEF below the limit is always told as more than a note; one that is 10 points down is told, be it as a note.

    Where the label gives the dose at a fall that leaves the LVEF above the limit, nothing is to be done (D188).
    """
    seen = look(record, on)
    if seen is None or not seen.is_living:
        return
    values = seen.course.standing.values
    lvef, baseline = values.get("lvef"), values.get("lvef_baseline")
    if not isinstance(lvef, Decimal):
        return
    grades = [
        each.grade for each in all_findings(seen.review) if "LVEF" in each.words and "limit of normal" not in each.words
    ]
    low = lvef < seen.course.standing.site.limit
    fallen = isinstance(baseline, Decimal) and baseline - lvef >= 10
    if (low and min(grades, default=Grade.NOTE) == Grade.NOTE) or (fallen and not grades):
        yield f"LVEF {lvef} (baseline {baseline}) is not told"


def there_is_a_next_step(record: Record, on: dt.date) -> Iterator[str]:
    """5. A living patient on therapy always has a next step: a dose, a condition, or why none."""
    seen = look(record, on)
    if seen is None or not seen.is_living:
        return
    if not seen.course.verdicts:
        yield "there is no verdict"
    for verdict in seen.course.verdicts:
        if not verdict.reason.strip():
            yield f"{verdict.verdict} {verdict.drug} has no reason"
        if verdict.verdict in ("HOLD", "ASK FIRST", "STOP") and not verdict.condition:
            yield f"{verdict.verdict} {verdict.drug} has no condition"
        if verdict.verdict == "GIVE" and verdict.drug and not any(item.drug == verdict.drug for item in seen.doses):
            yield f"GIVE {verdict.drug} has no planned dose"


def nothing_later_is_seen(record: Record, on: dt.date) -> Iterator[str]:
    """7. What is dated after the day changes nothing but that it is told as such."""
    course = [event for event in record.course if event.day is None or event.day <= on]
    if len(course) == len(record.course):
        return
    one, other = look(record, on), look(replace(record, course=course), on)
    if one is None or other is None:
        return
    if [(v.drug, v.verdict, v.reason) for v in one.course.verdicts] != [
        (v.drug, v.verdict, v.reason) for v in other.course.verdicts
    ]:
        yield f"the future changes the verdict: {one.first} and {other.first}"
    told = [
        {(each.grade, each.words) for each in all_findings(seen.review) if not each.name.startswith(OF_THE_FUTURE)}
        for seen in (one, other)
    ]
    if told[0] != told[1]:
        yield f"the future is seen: {sorted(words for _, words in told[0] ^ told[1])[:4]}"


def nothing_is_said_twice(record: Record, on: dt.date) -> Iterator[str]:
    """7. No finding stands twice, and no two say the same words of the same grade and entries.

    What is said of each specimen is its own: of two the same may be true, but not of one and of the patient as a whole.
    """
    seen = look(record, on)
    if seen is None:
        return
    of_her = [*seen.course.findings, *seen.review.findings]
    for findings in (of_her, *([*of_her, *specimen.findings] for specimen in seen.review.specimens)):
        words = [(each.grade, each.words, each.origins) for each in findings]
        for each in sorted(set(words)):
            if words.count(each) > 1:
                yield f"said twice: {each[1]}"


def verdict_agrees(record: Record, on: dt.date) -> Iterator[str]:
    """7. The verdict is that of the strongest effect on the drug."""
    seen = look(record, on)
    if seen is None or not seen.is_living:
        return
    for verdict in seen.course.verdicts:
        strengths = (
            [bears.effect.strength for bears in seen.course.standing.bears(verdict.drug)] if verdict.drug else []
        )
        strongest = max(strengths, default=Strength.LETS_BE)
        wanted = WANTED.get(Strength(strongest))
        if wanted is not None and verdict.verdict not in wanted:
            yield f"{verdict.verdict} {verdict.drug}, and the strongest effect is {strongest.words}"
        if verdict.verdict not in URGENCY:
            yield f"an unknown verdict {verdict.verdict}"


LAWS: tuple[Callable[[Record, dt.date], Iterator[str]], ...] = (
    nothing_against_a_finding, unreadable_is_never_firmer, absence_is_never_safer, a_low_lvef_is_told,
    there_is_a_next_step, nothing_later_is_seen, nothing_is_said_twice, verdict_agrees,
)  # fmt: skip
