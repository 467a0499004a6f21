"""FHIR resources counted by type, and what of them looks like our business and was read as nothing.

Whether a resource is read is asked of its reader: each different concept with each different answer is given to it
once, alone. A code that is known is never told here, a status that makes a resource void is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ..facts.codes import Codes, system_name
from ..facts.fact import Facts
from ..facts.mapping.tables import SITE
from ..facts.value import Reason, Unknown
from ..read.coding import Coded
from ..read.fhir.containers.versions import versions_of
from ..read.fhir.patient import WRONG_TYPES, read_resources
from ..read.fhir.readers import RESOURCE_TYPES, Interest, heads
from ..read.fhir.resource import VOID, Group, Resource, Stamp
from ..read.fhir.resources.evidence import NOT_SO
from ..read.fhir.resources.her2_test import meaning
from ..read.fhir.resources.ingredients import drug_of_medication, refers_on
from ..read.fhir.site_mapping import OF_TESTS
from ..read.files import Piece
from ..record.event import DOSE_NOT_READ, HER2_DRUG, ORDER_NOT_READ, UNMAPPED_TEST, WORDS_ALONE, Event, Trouble
from .concepts import (
    CLAIMS,
    CONCLUSION,
    OF_MEDICATION,
    WHOLE,
    About,
    alone,
    answer_of,
    codings_in,
    concepts_of,
    contained_in,
    deletions_in,
    named,
    one_line,
    resources_in,
    shown,
    text_in,
)
from .seen import Seen, Unmapped
from .words import Guesser

MOST_KEPT = 100_000
PASSED_OVER = (*NOT_SO, *VOID)
ANSWER_REASONS = (Reason.UNMAPPED_CODE, Reason.UNPARSABLE_TEXT)
NOT_READ = (DOSE_NOT_READ, ORDER_NOT_READ)
"""What a reader says of a drug that may be HER2-directed and that it does not know."""
NOT_KNOWN = "neither code nor name is one we know"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a concept with an answer: nothing to tell (`unmapped` is `None`), or what is told."""

    unmapped: Unmapped | None = None
    why: str = ""


NOTHING_TO_TELL = Verdict()


class Examiner:
    """Counts the resources of pieces; one stands in every process."""

    def __init__(self, facts: Facts, codes: Codes, guesser: Guesser) -> None:
        self.facts, self.codes, self.guesser = facts, codes, guesser
        self.interest = Interest(codes)
        self._head_of = heads().head_of
        self._verdicts: dict[Any, Verdict] = {}
        self._guesses: dict[Any, str] = {}
        self._deleted: dict[str, list[Stamp]] = {}

    def count(self, piece: Piece, seen: Seen) -> None:
        """Count the resources of a piece; what cannot be parsed is told by the readers.

        What was deleted, here or in what was counted before, is counted and not examined.
        """
        for deleted in deletions_in(piece):
            self._deleted.setdefault(deleted.name, []).append(deleted.stamp)
        for where, resource in resources_in(piece):
            seen.types[str(resource["resourceType"])] += 1
            if not self._deleted or not self._was_deleted(resource):
                self._examine(resource, where, seen)

    def _was_deleted(self, content: Mapping[str, Any]) -> bool:
        if f"{content['resourceType']}/{content.get('id')}" not in self._deleted:
            return False
        try:
            resource = self._resource(content)
        except (*WRONG_TYPES, msgspec.DecodeError):
            return False
        return bool(versions_of([resource], self._deleted).old)

    def _examine(self, resource: Mapping[str, Any], where: str, seen: Seen, depth: int = 0) -> None:
        kind = str(resource["resourceType"])
        if resource.get("status") in PASSED_OVER:
            return
        place = f"{where} {kind}/{resource.get('id') or '?'}"
        self._examine_text(kind, resource, place, seen)
        for about in concepts_of(kind, resource):
            codings, text = about.codings, about.text
            if not codings and not text:
                continue
            guess = self._guess(kind, about)
            if not guess and not self._is_known(codings) and about.field != CONCLUSION:
                continue
            answer = answer_of(about)
            key = (kind, about.field, codings, text, answer, self._around(resource, about))
            verdict = self._verdicts.get(key)
            if verdict is None:
                verdict = self._judge(kind, resource, about, guess, answer)
                if len(self._verdicts) < MOST_KEPT:
                    self._verdicts[key] = verdict
            if verdict.unmapped is not None:
                seen.note(verdict.unmapped, shown(about), place, verdict.why)
                if (told := self._answer_to(verdict.unmapped, answer)) is not None:
                    seen.note(told, shown(about), place, "the answer of a code that is not mapped")
        for inside in contained_in(resource) if not depth else ():
            if inside["resourceType"] in RESOURCE_TYPES:
                self._examine(inside, f"{where} contained", seen, depth + 1)

    @staticmethod
    def _around(resource: Mapping[str, Any], about: About) -> Any:
        """What beside a concept and its answer decides whether it is read."""
        code = resource.get("code") if about.field == CONCLUSION else None
        if isinstance(code, dict):
            return codings_in(code), text_in(code)
        if resource.get("resourceType") in OF_MEDICATION:
            return _encoder.encode([resource.get("code"), resource.get("ingredient"), resource.get("product")])
        return None

    def _examine_text(self, kind: str, resource: Mapping[str, Any], place: str, seen: Seen) -> None:
        """Tell a conclusion in words that speaks of our business and was not understood."""
        words = resource.get("conclusion")
        if not isinstance(words, str) or not (guess := self.guesser.guess("Observation", (), words)):
            return
        why = "free text is not read"
        if kind in RESOURCE_TYPES:
            content = {key: value for key, value in resource.items() if key not in ("contained", CONCLUSION)}
            events, troubles, _ = self._read_alone(content)
            unread = [trouble.what for trouble in troubles if trouble.kind in (UNMAPPED_TEST, WORDS_ALONE)]
            unread += [str(event.value) for event in events if isinstance(event.value, Unknown)]
            if events and not unread:
                return
            why = unread[0] if unread else "its sentences are not understood"
        concept = resource.get("code")
        concept = concept if isinstance(concept, dict) else {}
        system, code, name = named(codings_in(concept), text_in(concept))
        seen.note(Unmapped("text", f"{kind} conclusion", system, code, name, guess), one_line(words), place, why)

    def _guess(self, kind: str, about: About) -> str:
        asked = "Condition" if about.field == CONCLUSION else kind
        key = (asked, about.field, about.codings, about.text)
        guess = self._guesses.get(key)
        if guess is None:
            guess = self.guesser.guess(asked, about.codings, about.text)
            if kind in CLAIMS and guess != "product":
                guess = ""
            if len(self._guesses) < MOST_KEPT:
                self._guesses[key] = guess
        return guess

    def _is_known(self, codings: tuple[Coded, ...]) -> bool:
        """Whether the tables know one of the codes, be it that nothing is to be read from it."""
        return any(self.codes.knows((system_name(system), (code or "").strip())) for system, code, _ in codings)

    def _judge(
        self, kind: str, resource: Mapping[str, Any], about: About, guess: str, answer: tuple[Any, ...]
    ) -> Verdict:
        """What a reader makes of a concept with its answer."""
        codings, text = about.codings, about.text
        system, code, name = named(codings, text)
        told = Unmapped("concept", kind, system, code, name, guess)
        if kind not in RESOURCE_TYPES:
            return Verdict(told, "resources of this type are not read") if guess else NOTHING_TO_TELL
        if kind in OF_MEDICATION:
            return self._judge_medication(resource, about, told)
        events, troubles, sites = self._read_alone(alone(kind, resource, about))
        if about.field == CONCLUSION and not events and not sites:
            return self._judge_conclusion(resource, about, told)
        refused = [event for event in events if isinstance(event.value, Unknown)
                   and event.value.reason in ANSWER_REASONS]  # fmt: skip
        if refused and len(refused) == len(events):
            first = refused[0]
            is_ours = self._is_known(codings) or self._is_mapped(codings, text)
            if is_ours or (isinstance(first.value, Unknown) and first.value.reason is Reason.UNPARSABLE_TEXT):
                return self._refused(first, answer)
            return Verdict(replace(told, guess=guess or first.fact), str(first.value))
        is_lost = bool(events) and all(event.fact == HER2_DRUG and event.value in NOT_READ for event in events)
        if is_lost:
            told = replace(told, guess="product")
        elif events or sites or not guess:
            return NOTHING_TO_TELL
        if self._is_known(codings):
            return NOTHING_TO_TELL
        why = next((trouble.what for trouble in troubles), NOT_KNOWN)
        return Verdict(told, why)

    def _judge_medication(self, resource: Mapping[str, Any], about: About, told: Unmapped) -> Verdict:
        """A Medication or Substance by itself, which no other resource need name."""
        content = self._mapped(resource)
        drug = drug_of_medication(content, lambda _: None, self.interest)
        is_read = drug is not None and bool(drug.drug)
        if is_read or self._is_known(about.codings) or self._is_mapped(about.codings, about.text):
            return NOTHING_TO_TELL
        if not told.guess or (drug is None and about.field == WHOLE and refers_on(content)):
            return NOTHING_TO_TELL
        return Verdict(told, (drug.trouble if drug is not None else "") or "no code or name of a drug we know")

    def _judge_conclusion(self, resource: Mapping[str, Any], about: About, told: Unmapped) -> Verdict:
        """A coded conclusion that no reader understands: an answer, where its report is of a test that is known."""
        fact = self._asked_by(resource.get("code"))
        if fact:
            why = f"{fact} has no such answer"
            return Verdict(Unmapped("answer", fact, told.system, told.code, told.name), why)
        return Verdict(told, NOT_KNOWN) if told.guess and not self._is_known(about.codings) else NOTHING_TO_TELL

    def _asked_by(self, concept: Any) -> str:
        """The fact that the concept of a report asks for, where it is a test of HER2."""
        if not isinstance(concept, dict):
            return ""
        site = self.interest.site
        entry = None if site is None else site.entry_of(codings_in(concept), text_in(concept))
        return entry.fact if entry is not None else OF_TESTS.get(meaning(concept, self.codes)[0], "")

    def _answer_to(self, asked: Unmapped, answer: tuple[Any, ...]) -> Unmapped | None:
        """The answer of a concept that is not mapped, where nobody would understand it either."""
        fact = self.facts.get(asked.guess)
        if asked.kind != "concept" or fact is None or fact.is_number or answer[0] not in ("coded", "text"):
            return None
        system, code, name = named(answer[1], answer[2]) if answer[0] == "coded" else ("", "", str(answer[1]))
        key = (system_name(system), code)
        if key in self.codes.answers or key[0] == SITE or not isinstance(fact.coerce(name), Unknown):
            return None
        return Unmapped("answer", fact.name, system, code, name)

    def _is_mapped(self, codings: tuple[Coded, ...], text: str) -> bool:
        site = self.interest.site
        return site is not None and site.entry_of(codings, text) is not None

    def _refused(self, event: Event, answer: tuple[Any, ...]) -> Verdict:
        """An answer, or a unit, that the reader of a fact does not know."""
        why = str(event.value)
        kind = "words" if event.fact in self.facts and self.facts[event.fact].is_number else "answer"
        if answer[0] == "coded":
            system, code, name = named(answer[1], answer[2])
            return Verdict(Unmapped(kind, event.fact, system, code, name), why)
        if answer[0] == "text":
            return Verdict(Unmapped(kind, event.fact, name=str(answer[1])), why)
        if answer[0] == "quantity":
            return Verdict(Unmapped("unit", event.fact, name=str(answer[1])), why)
        return Verdict(Unmapped("words", event.fact), why)

    def _resource(self, content: Mapping[str, Any]) -> Resource:
        raw = _encoder.encode(content)
        head = self._head_of(raw)
        return Resource(head, raw, "", "", self.interest.matters(head))

    def _mapped(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """The content of a resource as the site's mapping reads it."""
        if self.interest.site is None:
            return content
        try:
            mapped: Mapping[str, Any] = self.interest.site.resource(self._resource(content), lambda _: None).parsed()
        except (*WRONG_TYPES, msgspec.DecodeError):
            return content
        return mapped

    def _read_alone(self, content: Mapping[str, Any]) -> tuple[list[Event], list[Trouble], set[str]]:
        """What the reader makes of the content of a resource."""
        try:
            resource = self._resource(content)
            group = Group("", "", [resource] if resource.matters else [], terms=self.interest)
            record, therapy = read_resources(group, self.codes, self.facts)
            therapy.finish()
        except (*WRONG_TYPES, msgspec.DecodeError):
            return [], [], set()
        return [*record.events, *record.course], [*record.troubles, *record.passed_over], record.sites
