"""A whole feed inspected: reviewed as any source is, in bounded memory and by many processes, counted on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..cohort.review import review_parts
from ..facts.codes import codes_of
from ..findings.patient import Reviewed
from ..findings.questions import questions_of_feeds
from ..findings.settings import Settings
from ..read.files import PACKED_ENDINGS, Piece
from ..read.source import TABLES
from ..record.event import Trouble
from ..tables.library import Knowledge
from .facts import count_facts
from .fhir import Examiner
from .questions import OF_TESTS, count_questions
from .seen import Seen
from .tables import TableExaminer, count_answers
from .words import Guesser

_LINE = re.compile(r":\d+$")


@dataclass(slots=True)
class _Looked:
    """What was counted of some pieces, and the files they came from, in turn."""

    seen: Seen = field(default_factory=Seen)
    files: list[str] = field(default_factory=list)


class _Counter:
    """Counts pieces and reviewed batches; one stands in every process."""

    def __init__(self, path: Path, knowledge: Knowledge, settings: Settings) -> None:
        self.knowledge = knowledge
        self.is_table = path.suffix.lower() in TABLES
        self.facts = settings.facts(knowledge)
        codes = codes_of(self.facts)
        self.guesser = Guesser(codes, knowledge.folder)
        self.examiner = Examiner(self.facts, codes, self.guesser)

    def of_pieces(self, pieces: list[Piece | Trouble]) -> _Looked:
        looked = _Looked()
        for piece in pieces:
            if isinstance(piece, Piece):
                name = _LINE.sub("", piece.where)
                if not looked.files or looked.files[-1] != name:
                    looked.files.append(name)
                self.examiner.count(piece, looked.seen)
        return looked

    def of_batch(self, reviewed: Reviewed) -> Seen:
        seen = Seen()
        count_facts(reviewed.record, seen)
        count_questions(reviewed, self.knowledge, seen)
        if self.is_table:
            count_answers(reviewed.record, self.facts, seen)
        return seen


def inspect_source(
    path: Path, knowledge: Knowledge, settings: Settings, *, processes: int = 1,
    progress: Callable[[int], object] | None = None, columns: Mapping[str, str] | None = None,
) -> Seen:  # fmt: skip
    """Everything that a source holds, counted. `progress` is told the bytes just read, `columns` says which column of a
    CSV or Parquet file holds which fact."""
    counter = _Counter(path, knowledge, settings)
    seen = Seen()
    for key in (*OF_TESTS, *(question.key for question in questions_of_feeds(knowledge.folder))):
        seen.question(key)
    if counter.is_table:
        seen.files[_ending(path.name)] += 1
        if not TableExaminer(path, counter.facts, columns, counter.guesser, settings.at.missing).examine(seen):
            return seen
    last = ""
    for part in review_parts(
        path, knowledge, settings, counter.of_batch,
        processes=processes, progress=progress, columns=columns, look=counter.of_pieces,
    ):  # fmt: skip
        if isinstance(part.looked, _Looked):
            seen.merge(part.looked.seen)
            for name in part.looked.files:
                seen.files[_ending(name)] += name != last
                last = name
        for item in part.items:
            if isinstance(item, Trouble):
                seen.trouble(str(item.kind), str(item))
                seen.lost += 1
            else:
                seen.merge(item)
    return seen


def _ending(name: str) -> str:
    """The ending of a file's name, with that of its packing; its name where it has none (standard input)."""
    lower = Path(name.lower())
    return ("".join(lower.suffixes[-2:]) if lower.suffix in PACKED_ENDINGS else lower.suffix) or lower.name


def without_mapping(settings: Settings) -> Settings:
    """The same settings, as if the site had no mapping."""
    return replace(settings, at=replace(settings.at, mapping=None))
