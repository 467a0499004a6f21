"""A review as cards: few, one for each act, the verdict first; nothing where nothing is to be done.

A chart that is opened gets what is an alarm, to be done, contradictory or due. An order of a HER2-directed drug gets
that too, and what keeps the order from being given. An order of another drug gets only what it would newly bring about.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...facts.source import Sources
from ...findings.finding import Finding, Grade
from ...findings.plan.verdicts import Verdict
from ...findings.reviews import PatientReview
from ...write.caution import CAUTION
from ...write.fhir.proposals import references_of
from ...write.plan_words import PROJECT
from ...write.table_text import settle_words
from ...write.text.first_lines import FOR_A_DOSE, all_findings, in_words, verdict_words
from .actions import Asked, suggestions_of
from .markdown import escaped, one_line, shortened
from .messages import EXTENSION, MOST_SUMMARY, Card, Coding, Json, Source
from .offers import NOTHING, OF_TESTS, Offers
from .orders import Draft

MOST_CARDS = 4
"""What is beyond stands as a line in the last card."""
TOLD = ("STOP", "DO NOT GIVE THE ORDER", "HOLD", "CHANGE", "ASK FIRST", "NOT KNOWN")
CRITICAL = ("STOP", "DO NOT GIVE THE ORDER", "HOLD")
ALWAYS = (Grade.ALARM, Grade.ACT, Grade.CONTRADICTION, Grade.DUE)
LETS_BE = "lets be"
Indicator = Literal["info", "warning", "critical"]
INDICATORS: dict[Grade, Indicator] = {Grade.ALARM: "critical", Grade.ACT: "warning", Grade.CONTRADICTION: "warning"}
MOST_FACTS, MOST_LABEL = 12, 120
REASONS = f"{PROJECT}/fhir/override-reason"
TOPICS = f"{PROJECT}/fhir/outcome"
Before = Callable[[str], str]
"""What was done with the last card of an outcome, in words; "" for none."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to be done: its words, the finding behind it, the verdict that it leads to, and what else says so."""

    words: str
    finding: Finding | None
    verdict: Verdict | None = None
    further: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        return self.finding.grade if self.finding is not None else Grade.ACT

    @property
    def outcome(self) -> str:
        """The outcome behind it, or the name of the doubt."""
        if self.finding is None:
            return "verdict"
        return self.finding.key.partition(": ")[0] or self.finding.name or "record"

    @property
    def value(self) -> str:
        if self.finding is None:
            return self.verdict.verdict if self.verdict is not None else ""
        return self.finding.key.partition(": ")[2]


@dataclass(frozen=True, slots=True)
class Advised:
    """A card and what it says, for the record of advice."""

    card: Card
    act: Act
    edition: str
    rows: tuple[str, ...]
    sources: tuple[Json, ...]
    facts: tuple[tuple[str, str], ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Telling:
    """By what cards are written: sources, offers, what was not seen, what was done before, and of which drafts."""

    sources: Sources
    offers: Offers
    asked: Asked
    unseen: Sequence[str] = ()
    before: Before = lambda _: ""
    concerned: Sequence[Draft] = ()
    """The drafts that the cards speak of."""


def acts_of(review: PatientReview, *, of_order: bool, known: Sequence[Finding] = ()) -> list[Act]:
    """What is to be done, each once, the most urgent first; without what was `known` before the order."""
    course = review.course
    acts: list[Act] = []
    verdict = course.verdicts[0] if course is not None and course.verdicts else None
    leading: tuple[Finding, ...] = ()
    if course is not None and verdict is not None and verdict.verdict in TOLD and (verdict.findings or of_order):
        leading = verdict.findings
        if not known or any(finding not in known for finding in leading):
            acts.append(Act(verdict_words(course), leading[0] if leading else None, verdict))
    is_planned = course is not None and any(item.kind == "dose" for item in course.plan)
    gated = of_order and (verdict is None or verdict.verdict not in CRITICAL)  # what is forbidden needs nothing more
    rest = [finding for finding in all_findings(review) if _is_told(finding, of_order=gated)]
    for finding in dict.fromkeys((*leading[1:], *rest)):
        if finding in leading[:1] or finding in known:
            continue
        if finding.key.partition(":")[0] in FOR_A_DOSE and not is_planned:
            continue
        place = next((place for place, act in enumerate(acts) if _same_act(act, finding)), None)
        if place is None:
            acts.append(Act(_begun(in_words(finding.words)), finding))
        else:
            acts[place] = replace(acts[place], further=(*acts[place].further, in_words(finding.words)))
    return acts


def _is_told(finding: Finding, *, of_order: bool) -> bool:
    if not finding.do:
        return False
    gates = bool(finding.next_dose) and finding.next_dose != LETS_BE
    return finding.grade in ALWAYS or (of_order and finding.grade == Grade.MISSING and gates)


def _begun(words: str) -> str:
    """Words with a large letter at their beginning; the names of drugs keep theirs."""
    first = words.partition(" ")[0]
    return words if "-" in first else words[:1].upper() + words[1:]


def _same_act(act: Act, finding: Finding) -> bool:
    return act.finding is not None and act.finding.do == finding.do


def cards_of(review: PatientReview, acts: Sequence[Act], telling: Telling) -> list[Advised]:
    """The cards of some acts; what is beyond the most stands in the last one. A test is offered by one card alone."""
    shown, beyond = acts[:MOST_CARDS], acts[MOST_CARDS:]
    more = [act.words for act in beyond]
    made: list[Advised] = []
    offered: set[str] = set()
    for act in shown:
        advised = _advised(review, act, telling, more if act is shown[-1] else (), offered)
        if advised.card.suggestions:
            offered |= {*telling.offers.of(act.outcome, act.value).offers} & {*OF_TESTS}
        made.append(advised)
    return made


def _advised(
    review: PatientReview, act: Act, telling: Telling, more: Sequence[str], offered: Container[str]
) -> Advised:  # fmt: skip
    finding, verdict = act.finding, act.verdict
    citations = finding.citations if finding is not None else verdict.citations if verdict is not None else ()
    rows = finding.rows if finding is not None else verdict.rows if verdict is not None else ()
    edition = finding.edition if finding is not None else ""
    facts = finding.facts if finding is not None else ()
    resources = tuple(each["reference"] for each in references_of(finding.origins)) if finding is not None else ()
    offer = telling.offers.of(act.outcome, act.value) if finding is not None else NOTHING
    drafts = [draft for draft in telling.concerned if draft.reference in resources] or list(telling.concerned)
    offers = [each for each in offer.offers if each not in offered]
    made = suggestions_of(offers, review, telling.asked, act.words, drafts)
    told: Json = {
        "grade": act.grade.word, "outcome": act.outcome, "value": act.value, "edition": edition, "rows": list(rows),
        "sources": [citation.as_json() for citation in citations], "facts": dict(facts), "resources": list(resources),
    }  # fmt: skip
    if verdict is not None:
        told["verdict"] = verdict.verdict
    if finding is not None and finding.settle:
        told["wouldSettle"] = [list(names) for names in finding.settle]
    extension: Json = {EXTENSION: told}
    if concerned := [draft.reference for draft in drafts if draft.reference]:
        extension["davinci-associated-resource"] = concerned
    card = Card(
        uuid=str(uuid.uuid4()),
        summary=shortened(act.words, MOST_SUMMARY),
        indicator=_indicator(act),
        source=_source(act, telling.sources),
        detail="\n".join(_detail(act, telling, rows, edition, more)),
        suggestions=made or None,
        selectionBehavior="at-most-one" if made else None,
        overrideReasons=[
            Coding(code=reason.code, system=REASONS, display=reason.display) for reason in offer.reasons
        ] or None,
        extension=extension,
    )  # fmt: skip
    sources = tuple(dict(citation.as_json()) for citation in citations)
    return Advised(card, act, edition, tuple(rows), sources, tuple(facts), resources)


def _indicator(act: Act) -> Indicator:
    if act.verdict is not None:
        return "critical" if act.verdict.verdict in CRITICAL or act.grade == Grade.ALARM else "warning"
    return INDICATORS.get(act.grade, "info")


def _source(act: Act, sources: Sources) -> Source:
    finding = act.finding
    citations = finding.citations if finding is not None else act.verdict.citations if act.verdict is not None else ()
    topic = Coding(code=act.outcome.replace(" ", "-")[:200], system=TOPICS, display=in_words(act.outcome))
    if not citations:
        return Source(label="her2path: what the record itself holds", topic=topic)
    first = citations[0]
    source = sources.by_key.get(first.key)
    if source is None:
        return Source(label=shortened(str(first), MOST_LABEL), topic=topic)
    label = f"{first.key} {first.where}: {source.reference}" if first.where else f"{first.key}: {source.reference}"
    address = source.address if source.address.startswith("https://") else None
    return Source(label=shortened(label, MOST_LABEL), url=address, topic=topic)


def _detail(
    act: Act, telling: Telling, rows: Sequence[str], edition: str, more: Sequence[str]
) -> Iterator[str]:  # fmt: skip
    finding, verdict = act.finding, act.verdict
    if shortened(act.words, MOST_SUMMARY) != one_line(act.words):
        yield f"**{escaped(act.words)}**\n"  # the summary is cut
    yield from (f"- Also: {escaped(words)}" for words in act.further)
    if finding is not None and finding.do:
        by = f" By {finding.by}." if finding.by is not None else ""
        yield f"- To do: {escaped(finding.do)}{by}"
    if verdict is not None and verdict.condition:
        yield f"- Once: {escaped(verdict.condition)}"
    if finding is not None:
        if finding.remark:
            yield f"- Remark: {escaped(finding.remark)}"
        if finding.facts:
            listed = "; ".join(f"{in_words(name)} {value}" for name, value in finding.facts[:MOST_FACTS])
            yield f"- From: {escaped(listed)}"
        if finding.settle:
            yield f"- Would settle it: {escaped(settle_words(finding.settle))}"
    if rows:
        named = ", ".join(row.replace(":", " row ") for row in rows)
        yield f"- By: {escaped(f'{named} of {edition}' if edition else named)}"
    citations = finding.citations if finding is not None else verdict.citations if verdict is not None else ()
    if citations:
        yield f"- Source: {escaped('; '.join(map(str, citations)))}"
    if before := telling.before(act.outcome):
        yield f"- Before: {escaped(before)}"
    if telling.unseen:
        yield f"- Not seen: {escaped(', '.join(telling.unseen))}, which the record system did not send"
    yield from (f"- Further: {escaped(words)}" for words in more)
    yield f"\n{escaped(CAUTION)}"
