"""The review of HER2 tests of one patient: every specimen decided, the patient's status, and everything found.

A specimen is decided by the edition in force on the day of its first test. Which specimen speaks for the
patient is said in `speaker.py`; where specimens differ, that is a finding.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...facts.derive import ABSENT, MOST_KEPT, Given
from ...facts.value import NOT_REPORTED, Reason, Unknown, Value
from ...record.event import (
    INCOMPLETE,
    RECORDED_STATUS,
    STAINED,
    STAINING_OPEN,
    TOLD,
    UNMAPPED_TEST,
    WORDS_ALONE,
    ZERO_PLUS,
    Event,
    Record,
    Trouble,
)
from ...tables.decision import Decision
from ...tables.edition import ASSUMED_JURISDICTION, Edition
from ...tables.library import Knowledge
from ...tables.site import ZERO_PLUS_MEANS
from ..finding import Finding, Grade, in_order
from ..reviews import PatientReview, SpecimenReview
from ..settings import Settings
from .around import NOTHING, Around
from .decided import Decider
from .speaker import ANOTHER, spoken_for, words_of_change
from .together import Specimen, specimens_of

OTHER = "other"
"""The site of a tumour for which no edition here decides."""
LABEL_STATUS = "her2_label_status"
AFTER_THE_REVIEW, EDITION_CHOSEN = "results after the day of the review", "how the edition was chosen"
OF_THE_REVIEW = (AFTER_THE_REVIEW, EDITION_CHOSEN)
"""The findings that name the day of the review, which is no day of the patient."""


class SpecimenReviewer:
    """Reviews the HER2 tests of records."""

    def __init__(self, knowledge: Knowledge, settings: Settings) -> None:
        self.knowledge = knowledge
        self.settings = settings
        if settings.edition:
            knowledge.edition(settings.edition, "her2_status")
        self._editions: dict[tuple[str, dt.date | None], tuple[Edition, str]] = {}
        self._by_span: dict[tuple[str, int], tuple[Edition, str]] = {}
        self.cuts = sorted(
            cut.toordinal()
            for edition in knowledge.editions if "her2_status" in knowledge.tables_of(edition)
            for cut in (edition.since, edition.until) if cut
        )  # fmt: skip
        """The days at which editions come into force or leave it."""
        self._decider = Decider(knowledge)

    def review(self, record: Record, around: Around = NOTHING) -> PatientReview:
        """Everything the tables say of one record, as known on the day of the review; `around` is what stands around
        its tests."""
        findings = of_troubles(record.troubles, record.passed_over)
        on = self.settings.on
        future = [event for event in record.events if event.day is not None and event.day > on]
        if future:
            record.events = [event for event in record.events if event.day is None or event.day <= on]
            origins = tuple(dict.fromkeys(event.origin for event in future))
            words = f"{len(future)} results are dated after {on} and were not used"
            findings.append(Finding(Grade.NOTE, words, origins, name=AFTER_THE_REVIEW))
        site = self._site(record, findings)
        self._zero_plus(record)
        diagnoses = [event for event in record.events if event.note == "diagnosis"]
        found, loose = specimens_of(record)
        if site == OTHER:
            return _not_decided(record, found, findings)
        specimens = [self._specimen(specimen, site or "breast") for specimen in found]
        spoken = spoken_for(specimens, around)
        status, rule, speaker = spoken.status, spoken.rule, spoken.speaker
        recorded, since = _recorded_alone(loose) if not specimens else ("", None)
        if recorded and self.settings.at.accept_recorded_status:
            status, rule = recorded, "recorded, by no test named; the site accepts it"
        agreed = speaker is not None and status == speaker.status.value
        expression = speaker.expression.value if speaker and speaker.expression and agreed else None
        if not specimens and status == "positive" and site != "gastric":
            expression = "positive"
        if not specimens and len({event.value for event in loose if isinstance(event.value, str)}) > 1:
            words = "the recorded statuses differ, and no test is named"
            findings.append(Finding(Grade.CONTRADICTION, words, name="recorded statuses differ"))
        if len(specimens) > 1 and len({specimen.status.value for specimen in specimens}) > 1:
            grade = Grade.NOTE if spoken.change == ANOTHER else Grade.CONTRADICTION
            findings.append(Finding(grade, words_of_change(spoken, specimens), name="specimens differ"))
        if diagnoses or loose:
            findings += _of_claims([*diagnoses, *loose], status, bool(specimens))
        unread = any(trouble.kind == UNMAPPED_TEST for trouble in record.troubles)
        unread = unread or any(isinstance(event.value, Unknown) for event in loose)
        unknown_tests = unread and not specimens and not recorded
        if not specimens and not diagnoses and not loose and (site or unknown_tests):
            words = "no HER2 test could be read" if record.troubles else "no HER2 test is recorded"
            findings.append(Finding(Grade.MISSING, words, name="no test"))
        return PatientReview(
            record.patient, record.origin, site or "breast", specimens, status, spoken.possible, expression, rule,
            in_order(findings), _unread(record), recorded=recorded, recorded_day=str(since or ""),
            unknown_tests=unknown_tests, change=spoken.change,
            score=speaker.status.given.values.get("ihc_score") if speaker else None,
            by_label_alone=speaker.by_label_alone if speaker and agreed else "no", speaker=speaker,
        )  # fmt: skip

    def _zero_plus(self, record: Record) -> None:
        """Take a score of 0+ as the site's laboratory means it, where nothing says more of its specimen and day."""
        means = self.settings.at.zero_plus
        if not means:
            return
        said = {
            (each.specimen, each.day) for each in record.events if each.fact == STAINED and isinstance(each.value, str)
        }
        for place, event in enumerate(record.events):
            if event.value == STAINING_OPEN and (event.specimen, event.day) not in said:
                note = f"0+ is taken as 0 with {means}, as the site says"
                record.events[place] = replace(event, value=ZERO_PLUS_MEANS[str(means)], note=note)

    def _site(self, record: Record, findings: list[Finding]) -> str | None:
        if self.settings.site:
            return self.settings.site
        sites = record.sites if len(record.sites) == 1 else record.sites - {OTHER}
        if len(sites) == 1:
            return next(iter(sites))
        if len(sites) > 1:
            words = "breast and gastric tumours are both named; the tests are read as breast (--site chooses)"
            findings.append(Finding(Grade.CONTRADICTION, words, name="tumour sites differ"))
        elif any(event.note != "diagnosis" for event in record.events):
            words = "no tumour site is named; breast is assumed"
            findings.append(Finding(Grade.NOTE, words, name="tumour site assumed"))
        else:
            return None
        return "breast"

    def _specimen(self, specimen: Specimen, site: str) -> SpecimenReview:
        edition, note = self._edition(site, specimen.day)
        decided = self._decider.decide(_facts_of(specimen, site), edition)
        decisions = decided.decisions
        status = decisions["her2_status"]
        by_label_alone, told = self._by_label(specimen, site, status, edition)
        tests = tuple(dict.fromkeys(event.origin for event in specimen.used))
        findings = [
            *specimen.findings,
            *[replace(finding, origins=tests) if finding.key else finding for finding in decided.findings],
        ]
        if note:
            findings.append(Finding(Grade.NOTE, note, name=EDITION_CHOSEN))
        if told:
            findings.append(Finding(Grade.NOTE, told, tests, name="label and guideline differ"))
        if decided.given.unknown:
            findings += _of_unknowns(decided.given, specimen)
        if specimen.recorded:
            findings += _of_recorded(specimen.recorded, status)
        tissue = specimen.tissue
        return SpecimenReview(
            specimen.name, str(specimen.day or ""), tissue.kind if tissue else "", tissue.place if tissue else "",
            [(event.fact, event.said or str(event.value), event.origin) for event in specimen.used],
            status, decisions.get("her2_expression"), decisions.get("her2_next_step"), in_order(findings),
            tissue.side if tissue else "", by_label_alone,
        )  # fmt: skip

    def _by_label(self, specimen: Specimen, site: str, status: Decision, edition: Edition) -> tuple[str | None, str]:
        """Whether HER2 is positive by the label of trastuzumab alone, and words where it is."""
        if site != "gastric" or self.settings.edition or status.value == "positive":
            return "no", ""
        on, where = specimen.day or self.settings.on, self.settings.jurisdiction or ASSUMED_JURISDICTION
        label, note = self.knowledge.in_force(LABEL_STATUS, {"tumour_site": site}, on, where)
        if note:  # no label in force on that day
            return "no", ""
        by_label = self._decider.decide(_facts_of(specimen, site), label).decisions["her2_status"]
        if by_label.value != "positive":
            return (None if "positive" in by_label.possible and by_label.value is None else "no"), ""
        said = status.value or "undetermined"
        return "yes", f"HER2 is positive by the label of trastuzumab ({label.key}) and {said} by {edition.key}"

    def _edition(self, site: str, day: dt.date | None) -> tuple[Edition, str]:
        """The edition that decides a test of a day, and a note where that was not plain."""
        # Between two cuts the edition is the same; where that was not plain, the note names the day.
        span = (site, bisect_right(self.cuts, day.toordinal()) if day else -1)
        found = self._by_span.get(span) or self._editions.get((site, day))
        if found is None:
            if self.settings.edition:
                found = self.knowledge.edition(self.settings.edition, "her2_status"), ""
            else:
                on = day or self.settings.on
                found = self.knowledge.in_force("her2_status", {"tumour_site": site}, on, self.settings.jurisdiction)
                if day is None:
                    found = found[0], f"no date: the edition in force on {on} is applied"
            if found[0].site not in ("", site):
                found = found[0], f"{found[0].key} is for {found[0].site}, but the tumour is {site}"
            if day and not found[1]:
                self._by_span[span] = found
            elif len(self._editions) < MOST_KEPT:
                self._editions[site, day] = found
        return found


def _facts_of(specimen: Specimen, site: str) -> dict[str, Value]:
    """The facts that decide a specimen: those of its tests, how it was taken, and the site."""
    facts = dict(specimen.facts)
    if specimen.tissue and specimen.tissue.kind:
        facts["specimen_kind"] = specimen.tissue.kind
    facts["tumour_site"] = site
    return facts


def _not_decided(record: Record, specimens: list[Specimen], findings: list[Finding]) -> PatientReview:
    """A tumour of an organ that no edition here decides: nothing is said of its tests but the score of the latest."""
    if specimens:
        words = "HER2 tests are recorded, but the tumour is of an organ without rules here (--site chooses)"
        findings.append(Finding(Grade.MISSING, words, name="no rules for the organ"))
    rule = "no rules for this organ" if specimens else "no specimen"
    scores = [specimen.facts.get("ihc_score") for specimen in specimens]
    score = scores[-1] if len({str(each) for each in scores}) == 1 else None
    return PatientReview(
        record.patient, record.origin, OTHER, [], None, (), None, rule, in_order(findings), _unread(record), score=score
    )


def _unread(record: Record) -> int:
    return sum(trouble.kind == "unreadable" for trouble in record.troubles) if record.troubles else 0


def _recorded_alone(statuses: list[Event]) -> tuple[str, dt.date | None]:
    """The HER2 status that every recorded status says, and the first day of one; "" where they differ."""
    said = [event for event in statuses if isinstance(event.value, str) and event.value != NOT_REPORTED]
    values = {str(event.value) for event in said}
    return (values.pop() if len(values) == 1 else ""), min((event.day for event in said if event.day), default=None)


def _of_claims(claims: list[Event], status: str | None, tested: bool) -> Iterator[Finding]:
    """Diagnoses, and recorded statuses that belong to no specimen, against what the tests come out as."""
    for event in claims:
        what = "a diagnosis says" if event.note == "diagnosis" else "recorded as"
        if isinstance(event.value, Unknown):
            words = f"{RECORDED_STATUS} unknown, {event.value}"
            yield Finding(Grade.UNREADABLE, words, (event.origin,), name="recorded status unread")
        elif event.value == NOT_REPORTED:
            continue
        elif not tested and event.note == "diagnosis":
            words = f"{what} HER2 {event.value} ({event.said}), but no test is recorded"
            yield Finding(Grade.MISSING, words, (event.origin,), name="recorded status without a test")
        elif not tested:
            grade = Grade.NOTE if status == event.value else Grade.MISSING
            words = f"recorded as HER2 {event.value}, by no test named: find the test, or test HER2"
            yield Finding(grade, words, (event.origin,), name="recorded status without a test")
        elif status in ("positive", "negative") and event.value != status:
            words = f"{what} HER2 {event.value} ({event.said}), the tests come out {status}"
            yield Finding(Grade.CONTRADICTION, words, (event.origin,), name="recorded status against the tests")


def of_troubles(troubles: Iterable[Trouble], passed_over: Iterable[Trouble]) -> list[Finding]:
    """What could not be read of a record, and what was seen and not used, or is not there."""
    findings = [
        Finding(_GRADES.get(trouble.kind, Grade.UNREADABLE), trouble.what, (trouble.where,)) for trouble in troubles
    ]
    for trouble in passed_over:
        words = trouble.what if trouble.kind in (TOLD, INCOMPLETE) else f"not used: {trouble.what}"
        grade = Grade.MISSING if trouble.kind == INCOMPLETE else Grade.NOTE
        findings.append(Finding(grade, words, (trouble.where,)))
    return findings


_GRADES = {"date": Grade.NOTE, WORDS_ALONE: Grade.NOTE}


def _of_unknowns(given: Given, specimen: Specimen) -> Iterator[Finding]:
    for name, why in given.unknown.items():
        if why is ABSENT or (why.reason is Reason.ABSENT and not why.detail):
            continue
        is_contradictory = why.reason is Reason.CONTRADICTORY
        grade = Grade.CONTRADICTION if is_contradictory else Grade.UNREADABLE
        origins = tuple(dict.fromkeys(event.origin for event in specimen.used if event.fact == name))
        if why.detail == ZERO_PLUS:
            words = f"{why.detail}: with staining it is ultralow, without it null"
            yield Finding(Grade.NOTE, words, origins, name="result unread")
            continue
        of = "results contradict each other" if is_contradictory else "result unread"
        yield Finding(grade, f"{name} unknown, {why}", origins, name=of)


def _of_recorded(recorded: Iterable[Event], status: Decision) -> Iterator[Finding]:
    for event in recorded:
        if event.value == NOT_REPORTED:
            continue
        if isinstance(event.value, Unknown):
            words = f"{RECORDED_STATUS} unknown, {event.value}"
            yield Finding(Grade.UNREADABLE, words, (event.origin,), name="recorded status unread")
        elif status.value in ("positive", "negative") and event.value != status.value:
            words = f"recorded as HER2 {event.value}, but the tests come out {status.value}"
            yield Finding(Grade.CONTRADICTION, words, (event.origin,), name="recorded status against the tests")
        elif status.value is None and event.value not in status.possible and status.possible:
            words = f"recorded as HER2 {event.value}, which the tests rule out ({' or '.join(status.possible)})"
            yield Finding(Grade.CONTRADICTION, words, (event.origin,), name="recorded status against the tests")
        elif status.value is None:
            words = f"recorded as HER2 {event.value}; the tests at hand do not settle it"
            yield Finding(Grade.NOTE, words, (event.origin,), name="recorded status, tests open")
