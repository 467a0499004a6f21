"""The words of the field, `knowledge/feed.md`: what an unread code may be, judged by its names and neighbours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ..facts.cache import kept
from ..facts.codes import Codes, system_name
from ..facts.folder import knowledge_folder
from ..facts.markdown import code_names, plain, read_markdown
from ..facts.words.systems import keys_of
from ..read.coding import Coded

NEIGHBOURS = {"ICD-": 3, "ATC": 5}
"""Of systems whose codes stand in an order, by how their names begin: so many characters are the category that a
neighbour shares."""
PLACES = {
    "Observation": "observations", "Condition": "diagnoses", "Procedure": "procedures", "Flag": "diagnoses",
    "MedicationRequest": "drugs", "MedicationAdministration": "drugs", "MedicationStatement": "drugs",
    "MedicationDispense": "drugs", "MedicationOrder": "drugs", "Medication": "drugs", "Substance": "drugs",
    "AllergyIntolerance": "drugs", "DiagnosticReport": "observations",
}  # fmt: skip


@dataclass(slots=True)
class FeedWords:
    """The facts expected of a feed with what they are, and the words with where they count and what they may mean."""

    expected: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[str, str, str]] = field(default_factory=list)


def read_feed_words(folder: Path | None = None) -> FeedWords:
    """The page of a folder of knowledge, by default of that in use; blank where it has none."""
    return _read_once((folder or knowledge_folder()) / "feed.md")


@cache
def _read_once(path: Path) -> FeedWords:
    return kept("feed words", [path], lambda: _read(path)) if path.is_file() else FeedWords()


def _read(path: Path) -> FeedWords:
    words = FeedWords()
    for _, grid in read_markdown(path).grids():
        for _, record in grid.records():
            if grid.first == "expected":
                words.expected[plain(record["expected"])] = record["what it is"]
            else:
                pattern = "|".join(_pattern(word.strip()) for word in plain(record["words"]).split(";"))
                words.rows.append((pattern, plain(record["in"]), code_names(record["guess"])[0]))
    return words


def _pattern(words: str) -> str:
    """A pattern that is found where each of some words joined by + is."""
    parts = [_word(word.strip()) for word in words.split(" + ")]
    return parts[0] if len(parts) == 1 else "^" + "".join(f"(?=.*{part})" for part in parts)


def _word(word: str) -> str:
    body = re.escape(word.strip("*")).replace(r"\ ", r"[\s_]+")
    before = r"\w*" if word.startswith("*") else r"(?<!\w)"
    after = r"\w*" if word.endswith("*") else r"(?!\w)"
    return f"{before}{body}{after}"


def _width(system: str) -> int:
    return next((width for begins, width in NEIGHBOURS.items() if system.startswith(begins)), 0)


class Guesser:
    """Guesses what a concept is that no reader knew."""

    def __init__(self, codes: Codes, folder: Path | None = None) -> None:
        self.page = read_feed_words(folder)
        self._rows = [(re.compile(pattern, re.IGNORECASE), place, guess) for pattern, place, guess in self.page.rows]
        self._categories = self._of(codes)

    @staticmethod
    def _of(codes: Codes) -> dict[tuple[str, str], str]:
        """What the codes of a category state: the fact and value of most, or that they are drugs."""
        therapy = codes.therapy
        means: dict[tuple[str, str], Counter[str]] = {}
        stated = [(key, f"{fact} {value}") for key, claims in therapy.claims.items() for fact, value in claims]
        stated += [(key, f"tumour_site {site}") for key, (site, _) in codes.diagnoses.items() if site]
        stated += [(key, "product") for key, drug in therapy.drugs.items() if drug.drug]
        for (system, code), said in stated:
            if width := _width(system):
                means.setdefault((system, code[:width].upper()), Counter())[said] += 1
        return {key: min(said, key=lambda word: (-said[word], word)) for key, said in means.items()}

    def guess(self, kind: str, codings: Iterable[Coded], text: str) -> str:
        """What a concept of a resource type may be; "" for what does not look like our business."""
        codings = list(codings)
        words = " / ".join(word for word in (text, *(display or "" for _, _, display in codings)) if word)
        place = PLACES.get(kind, "")
        if words:
            for pattern, where, guess in self._rows:
                if where in ("anywhere", place) and pattern.search(words):
                    return guess
        for system, code, _ in codings:
            name = system_name(system)
            width = _width(name)
            for own, form in keys_of(name, code.strip()) if width and code else ():
                if near := self._categories.get((own, form[:width].upper())):
                    return near
        return ""

    def guess_word(self, word: str, place: str) -> str:
        """What a word of a table may be that stands in the place of a fact (`observations`) or a drug (`drugs`)."""
        spaced = word.replace("_", " ")
        for pattern, where, guess in self._rows:
            if where in ("anywhere", place) and pattern.search(spaced):
                return guess
        return ""
