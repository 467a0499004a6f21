"""Mutants of FHIR, many in one folder: a bundle a line, a resource a line, a bundle a file; and what became of each."""

from __future__ import annotations

import copy
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from her2path.facts.value import Unknown
from her2path.findings.patient import Reviewed, Reviewer
from her2path.findings.settings import Settings
from her2path.read.source import read_records
from her2path.record.event import Event, Record, Trouble
from her2path.tables.load import default_knowledge
from her2path.write.review_json import patient_json

from .fhir_base import BASES, ON, TAG, patient
from .fhir_mutations import OF_RESOURCES, OF_TEXT, TWICE
from .fhir_oracle import Ours, numbers_in, ours_in, several
from .judged import READ, REFUSED, TOLD, Fault, Mutant, Verdict

FORMS = ("bundle in a line", "resources in lines", "bundle in a file")
IN_LINES, LOOSE = "bundles.ndjson", "loose.ndjson"
_PLACE = re.compile(r"(?P<file>[^ :/()]+\.(?:ndjson|json))(?::(?P<line>\d+))?")
_ENTRY = re.compile(r"entry (\d+)")
_NOT_FOUND = re.compile(r"medications? (?:resources )?.*not found")
NO_REFUSAL = ("not strict JSON",)
"""Troubles of a whole piece that is read all the same."""
SCALES = [Decimal(scale) for scale in ("1", "100", "1000", "0.001", "0.45359237", "0.028349523125", "6.35029318")]
"""What a number may be multiplied by on its way to the unit of its fact."""
TRUTH = ("status", "resource twice", "date")
"""Mutations after which a conclusion may rightly be another one."""
UNDER_WAY = ("on treatment", "on hold", "completed")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")


@dataclass(slots=True)
class Parts:
    """Of which patient a mutant was made, and which of her resources were touched."""

    base: int
    touched: frozenset[str]


@dataclass(slots=True)
class Piece:
    """What was read of one line or file, and told of it."""

    events: list[tuple[Event, Record]] = field(default_factory=list)
    told: list[Trouble] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def written(resource: Any) -> str:
    return json.dumps(resource).replace(json.dumps(TWICE)[1:-1] + '":', '":')


class Fhir:
    """FHIR in JSON and NDJSON."""

    name = "fhir"
    kinds = (*OF_RESOURCES, *OF_TEXT)

    def mutant(self, seed: int, kind: str | None = None) -> Mutant:
        rng = random.Random(f"fhir {seed}")
        base = rng.randrange(BASES)
        kind = kind or rng.choice(self.kinds)
        resources: list[Any] = patient(base)
        form = FORMS[2] if kind == "encoding" else rng.choice(FORMS)
        place, touched = "", frozenset({"*"})
        if kind in OF_RESOURCES:
            number = rng.randrange(len(resources))
            first = resources[number]
            about = (str(first["resourceType"]), str(first["id"]))
            place = f"{about[0]} {OF_RESOURCES[kind](rng, resources, number)}".strip()
            everyone = about[0] in ("Medication", "Patient") or place.endswith(" id")
            touched = frozenset({"*"} if everyone else {about[1].replace(TAG, f"{seed:x}z")})
        made = self.made(seed, kind, form, resources, rng)
        made.place, made.parts = place, Parts(base, touched)
        return made

    def made(self, seed: int, kind: str, form: str, resources: list[Any], rng: random.Random | None = None) -> Mutant:
        tag = f"{seed:x}z"
        if form == FORMS[1]:
            texts = [written(resource).replace(TAG, tag).encode() for resource in resources]
        else:
            bundle = {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": each} for each in resources],
            }
            texts = [written(bundle).replace(TAG, tag).encode()]
        if kind in OF_TEXT and rng is not None:
            number = rng.randrange(len(texts))
            texts[number] = OF_TEXT[kind](rng, texts[number])
        if form != FORMS[2]:
            texts = [text.replace(b"\n", b" ").replace(b"\r", b" ") for text in texts]
        return Mutant(
            self.name,
            seed,
            kind,
            form,
            {str(number): text for number, text in enumerate(texts)},
            parts=Parts(0, frozenset({"*"})),
        )

    def control(self, base: int, form: str) -> Mutant:
        """A patient as she is."""
        made = self.made(base, "none", form, patient(base))
        made.parts = Parts(base, frozenset())
        return made

    def judge(self, mutants: list[Mutant], folder: Path) -> list[Verdict]:
        whose: dict[tuple[str, int], tuple[int, bytes]] = {}
        lines: dict[str, list[bytes]] = {IN_LINES: [], LOOSE: []}
        for number, mutant in enumerate(mutants):
            for text in mutant.files.values():
                if mutant.form == FORMS[2]:
                    name = f"m{number}.json"
                    (folder / name).write_bytes(text)
                    whose[name, 0] = number, text
                else:
                    name = IN_LINES if mutant.form == FORMS[0] else LOOSE
                    lines[name].append(text)
                    whose[name, len(lines[name])] = number, text
        for name, listed in lines.items():
            if listed:
                (folder / name).write_bytes(b"\n".join(listed) + b"\n")
        reading = Reading(folder, whose, len(mutants))
        return [self._verdict(number, mutant, reading) for number, mutant in enumerate(mutants)]

    def _verdict(self, number: int, mutant: Mutant, reading: Reading) -> Verdict:
        verdict = Verdict()
        unread_touched = False
        documents: list[tuple[Any, Piece]] = []
        for key, text in reading.pieces_of(number):
            piece = reading.pieces[key]
            refusal = any(t.where in (_where(key), key[0]) and t.kind not in NO_REFUSAL for t in piece.told)
            if refusal and not piece.events:
                verdict.ended = REFUSED
                continue
            if piece.told and verdict.ended == READ:
                verdict.ended = TOLD
            try:
                documents += [(document, piece) for document in several(text)]
            except (ValueError, RecursionError):
                if text.strip() and not piece.told and not piece.events:
                    verdict.faults.append(
                        Fault("lost", f"{mutant.kind} no JSON", f"{_where(key)}: no JSON, and not told")
                    )
        for ours, piece in _all_ours(documents, mutant.form == FORMS[1]):
            is_touched = "*" in mutant.parts.touched or ours.id in mutant.parts.touched
            is_read, faults = self._of_ours(ours, piece, is_touched, mutant, reading, number)
            unread_touched |= is_touched and not is_read
            verdict.faults += faults
        base = conclusion_of(mutant.parts.base)
        if mutant.kind not in TRUTH and unread_touched and (what := self._firmer(base, reading, number, mutant)):
            verdict.faults.append(Fault("firmer", f"{what[0]} {mutant.how}", what[1]))
        return verdict

    def _of_ours(
        self, ours: Ours, piece: Piece, is_touched: bool, mutant: Mutant, reading: Reading, number: int
    ) -> tuple[bool, list[Fault]]:  # fmt: skip
        """Whether anything of a resource of ours is known, and what is at fault with it."""
        alone, how = mutant.form == FORMS[1], self._how(mutant, ours)
        events = [(event, record) for event, record in piece.events if _names(event.origin, ours, alone)]
        known = [event for event, _ in events if not isinstance(event.value, Unknown)]
        told = [t for t in piece.told if _names(t.where, ours, alone) or _names_beside(t.what, ours, alone)]
        words = written(ours.resource)[:300]
        if not events and not told and not self._elsewhere(ours, piece, reading, number):
            return False, [Fault("lost", how, f"{'/'.join(sorted(ours.kinds))}: neither read nor told: {words}")]
        if events and not known and not told and not all(reading.is_said(*each) for each in events):
            what = f"an event of {events[0][0].fact} that is unknown and not said: {words}"
            return False, [Fault("lost", f"{how} (unread, unsaid)", what)]
        expected = conclusion_of(mutant.parts.base).events.get(_untagged(ours.id, mutant))
        found = frozenset(_said(event) for event, _ in events)
        if found == expected:
            return bool(known), []
        text = _text_of(ours.resource) if known else ""
        faults = [Fault("wrong", how, what) for event in known if (what := _wrong(event, text))]
        if not is_touched and events and not told and expected is not None and mutant.kind not in TRUTH:
            what = f"reads {sorted(found)}, alone {sorted(expected)}"
            faults.append(Fault("wrong", f"{mutant.how} > {ours.type} untouched", what))
        return bool(known), faults

    @staticmethod
    def _how(mutant: Mutant, ours: Ours) -> str:
        touched = (
            ours.id in mutant.parts.touched or _untagged(ours.id, mutant) not in conclusion_of(mutant.parts.base).events
        )
        return mutant.how if touched else f"{mutant.how} > {ours.type}"

    @staticmethod
    def _elsewhere(ours: Ours, piece: Piece, reading: Reading, number: int) -> bool:
        """Whether a resource that is named nowhere is read all the same, as some rightly are."""
        records = reading.records[number]
        dosed = any(event.fact.startswith("dose_") for event, _ in reading.events[number])
        if "patient" in ours.kinds:
            return any(record.patient == ours.id for record in records) or any(
                record in records for record in piece.records
            )
        if ours.type == "Condition" and "diagnosis" in ours.kinds and any(record.sites for record in records):
            return not any("failure" in word.lower() for word in numbers_in(ours.resource))
        if "drug" in ours.kinds:
            completed = isinstance(ours.resource, dict) and ours.resource.get("status") == "completed"
            if ours.type == "MedicationRequest" and completed and dosed:
                return True
            return any(_NOT_FOUND.search(trouble.what) for record in records for trouble in record.troubles)
        return False

    @staticmethod
    def _firmer(base: Conclusion, reading: Reading, number: int, mutant: Mutant) -> tuple[str, str] | None:
        wanted = f"p-{mutant.seed:x}z"
        records = [record for record in reading.records[number] if record.patient == wanted] or reading.records[number]
        if len(records) != 1:
            return None
        status, phase = reading.concluded(records[0])
        if status is not None and status != base.status:
            return "status", f"her2_status {base.status or 'undetermined'} became {status}"
        if base.phase in UNDER_WAY and phase in (None, "before start"):
            return "phase", f"therapy_phase {base.phase} became {phase or 'none: her course is not told any more'}"
        return None

    def smaller(self, mutant: Mutant) -> Iterator[Mutant]:
        for name, text in mutant.files.items():
            if len(mutant.files) > 1:
                yield replace(mutant, files={other: each for other, each in mutant.files.items() if other != name})
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                continue
            for smaller in _smaller(document):
                yield replace(mutant, files=mutant.files | {name: json.dumps(smaller).encode()})


def _all_ours(documents: list[tuple[Any, Piece]], alone: bool) -> list[tuple[Ours, Piece]]:
    """Every resource of ours with its piece; those that came by themselves may name medications of each other."""
    if not alone:
        return [(ours, piece) for document, piece in documents for ours in ours_in(document)]
    pieces = {id(document): piece for document, piece in documents}
    listed = [
        (ours, pieces[id(ours.resource)]) for ours in ours_in([d for d, _ in documents]) if id(ours.resource) in pieces
    ]
    inside = [(ours, piece) for document, piece in documents for ours in ours_in(document)]
    return listed + [(ours, piece) for ours, piece in inside if id(ours.resource) not in pieces]


def _smaller(document: Any) -> Iterator[Any]:
    """A document without one of its entries, then without one of its fields."""
    entries = document.get("entry") if isinstance(document, dict) else None
    for number in range(len(entries) if isinstance(entries, list) else 0):
        yield document | {"entry": entries[:number] + entries[number + 1 :]}
    from .fhir_mutations import holder_of, places

    for path in places(document):
        copied = copy.deepcopy(document)
        del holder_of(copied, path)[path[-1]]
        yield copied


def _where(key: tuple[str, int]) -> str:
    return f"{key[0]}:{key[1]}" if key[1] else key[0]


def _untagged(identity: str, mutant: Mutant) -> str:
    return identity.replace(f"{mutant.seed:x}z", TAG)


def _said(event: Event) -> tuple[str, str, str, str]:
    return event.fact, str(event.value), str(event.day), event.product


def _names(where: str, ours: Ours, alone: bool) -> bool:
    """Whether a place names a resource; one that came by itself is named by its line."""
    rest = where[match.end() :] if (match := _PLACE.search(where)) else where
    if alone and not ours.entries:
        return True
    entries = tuple(map(int, _ENTRY.findall(rest)))
    if entries and not ours.deep:
        return entries == ours.entries
    if ours.type and "id" not in ours.resource and f" {ours.type}/?" in rest:
        return True
    return f"/{ours.id}" in rest or (ours.deep and bool(entries) and entries[: len(ours.entries)] == ours.entries)


def _names_beside(what: str, ours: Ours, alone: bool) -> bool:
    """Whether what is told of a resource names another one as well."""
    starts = [match.start() for match in _PLACE.finditer(what)]
    parts = [what[start:end] for start, end in zip(starts, [*starts[1:], len(what)], strict=False)]
    return not alone and any(_names(part, ours, alone) for part in parts)


def _text_of(resource: Any) -> str:
    text = " ".join(numbers_in(resource))
    return "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)


def _wrong(event: Event, text: str) -> str:
    """What an event says that its resource, all its words and numbers in one text, does not."""
    if isinstance(event.value, Decimal) and not event.fact.endswith("minutes"):
        found = {Decimal(number.replace(",", ".")) for number in _NUMBER.findall(text) if len(number) < 40}
        if not any(abs(number * scale - event.value) < Decimal("0.01") for number in found for scale in SCALES):
            return f"{event.fact} is read as {event.value}, which its resource does not say: {text[:200]}"
    if event.fact == "ihc_score" and str(event.value)[0] not in text:
        return f"ihc_score is read as {event.value}, which its resource does not say: {text[:200]}"
    if event.day is not None and event.fact not in ("birth_date", "death_date"):
        day = event.day.isoformat()
        parts = (day, day[:7] if day.endswith("-01") else day, day[:4] if day.endswith("-01-01") else day)
        if not any(part in text for part in parts) and day.replace("-", "") not in text:
            return f"{event.fact} is dated {day}, which its resource does not say: {text[:200]}"
    return ""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is concluded of a patient as she is, and her events by the id of their resource."""

    status: str | None
    phase: str | None
    events: dict[str, frozenset[tuple[str, str, str, str]]]


@cache
def conclusions(folder: Path) -> tuple[Conclusion, ...]:
    """Of each patient as she is."""
    family = Fhir()
    listed = []
    for base in range(BASES):
        mutant = family.control(base, FORMS[2])
        (folder / "m0.json").write_bytes(mutant.files["0"])
        reading = Reading(folder, {("m0.json", 0): (0, mutant.files["0"])}, 1)
        (record,) = reading.records[0]
        events: dict[str, set[tuple[str, str, str, str]]] = defaultdict(set)
        for event, _ in reading.events[0]:
            events[_untagged(event.origin.rpartition("/")[2], mutant)].add(_said(event))
        listed.append(Conclusion(*reading.concluded(record), {name: frozenset(each) for name, each in events.items()}))
    (folder / "m0.json").unlink()
    return tuple(listed)


def conclusion_of(base: int) -> Conclusion:
    import tempfile

    if not _CONCLUSIONS:
        with tempfile.TemporaryDirectory(prefix="her2path-fuzz-") as folder:
            _CONCLUSIONS.extend(conclusions(Path(folder)))
    return _CONCLUSIONS[base]


_CONCLUSIONS: list[Conclusion] = []


@cache
def reviewer() -> Reviewer:
    return Reviewer(default_knowledge(), Settings(ON))


class Reading:
    """A folder of mutants read and reviewed, its events and troubles by the mutant and the piece that they came of."""

    def __init__(self, folder: Path, whose: dict[tuple[str, int], tuple[int, bytes]], count: int) -> None:
        self.whose = whose
        self.pieces: dict[tuple[str, int], Piece] = defaultdict(Piece)
        self.records: list[list[Record]] = [[] for _ in range(count)]
        self.events: list[list[tuple[Event, Record]]] = [[] for _ in range(count)]
        self._keys: list[list[tuple[str, int]]] = [[] for _ in range(count)]
        for key, (number, _) in whose.items():
            self._keys[number].append(key)
        self.all: list[Record] = []
        for item in read_records(folder, default_knowledge().facts):
            if isinstance(item, Trouble):
                self._tell(item)
            else:
                self._take(item)
        self._reviewed: Reviewed = reviewer().review_records(self.all)
        self._place = {id(record): place for place, record in enumerate(self.all)}
        self._texts: dict[int, str] = {}
        self._phases: dict[int, str] | None = None

    def _key(self, where: str) -> tuple[str, int] | None:
        match = _PLACE.search(where)
        return (match["file"], int(match["line"] or 0)) if match else None

    def _tell(self, trouble: Trouble) -> None:
        keys = {self._key(trouble.where)}
        keys |= {key for part in _PLACE.finditer(trouble.what) if (key := self._key(part[0])) and key[0] == LOOSE}
        for key in keys & self.whose.keys():
            self.pieces[key].told.append(trouble)  # type: ignore[index]

    def _take(self, record: Record) -> None:
        self.all.append(record)
        numbers: set[int] = set()
        for where in (record.origin, *(trouble.where for trouble in (*record.troubles, *record.passed_over))):
            if (key := self._key(where)) in self.whose:
                numbers.add(self.whose[key][0])  # type: ignore[index]
        if (key := self._key(record.origin)) in self.whose:
            self.pieces[key].records.append(record)  # type: ignore[index]
        for trouble in (*record.troubles, *record.passed_over):
            self._tell(trouble)
        for event in (*record.events, *record.course):
            if (key := self._key(event.origin)) in self.whose:
                number = self.whose[key][0]  # type: ignore[index]
                self.pieces[key].events.append((event, record))  # type: ignore[index]
                self.events[number].append((event, record))
                numbers.add(number)
        for number in numbers:
            self.records[number].append(record)

    def pieces_of(self, number: int) -> list[tuple[tuple[str, int], bytes]]:
        return [(key, self.whose[key][1]) for key in self._keys[number]]

    def concluded(self, record: Record) -> tuple[str | None, str | None]:
        """The HER2 status of a patient, and the phase of her therapy; `None` where her course is not told."""
        place = self._place[id(record)]
        status = self._reviewed.tested.reviews[int(self._reviewed.tested.places[place])].status
        courses = self._reviewed.courses
        if courses is None or not courses.mine[place]:
            return status, None
        if self._phases is None:
            import numpy as np

            mine = np.flatnonzero(courses.mine)
            self._phases = dict(zip(mine.tolist(), courses.reasons.words.column("therapy_phase", mine), strict=True))
        return status, self._phases[place]

    def is_said(self, event: Event, record: Record) -> bool:
        """Whether the review names where an event stands; of somebody whose course is not told only tests must be."""
        place = self._place[id(record)]
        if place not in self._texts:
            self._texts[place] = json.dumps(patient_json(self._reviewed.patient(place)), ensure_ascii=False)
        text = self._texts[place]
        return event.origin in text or '"course": null' in text
