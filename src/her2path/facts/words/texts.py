"""Texts of laboratories taken apart into the phrases of `her2-texts.md`: what each says, in the order of the text.

A text is read from left to right, at each place by the longest phrase; between phrases only punctuation may stand.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from ..folder import shipped_folder
from .rows import rows_in

MOST_LETTERS = 600
"""A longer text is a report and no answer."""
_NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
_LIMITS = (
    "less than", "fewer than", "below", "under", "greater than", "more than", "above", "over", "at (?:least|most)",
    "up to",
)  # fmt: skip
_SHORT_LIMITS = ("gte?", "lte?", "ge", "le")
_LIMIT = rf"<=|>=|=<|=>|<|>|≤|≥|\b(?:{'|'.join(_SHORT_LIMITS)})\b|{'|'.join(_LIMITS)}"
_BEGIN_LIMITS = frozenset(limit[0] for limit in (*_LIMITS, *_SHORT_LIMITS))
_PARTS = {
    "plus": r"(?<![\d.,+])((?:3\s?\+(?:\+\+)?|2\s?\+\+?|[01]\s?\+))(?![+\d])",
    "bare": r"(?<![\d.,+])([0-3])(?![\d.,]*\d)(?!\s?\+)",
    "digit": r"([1-3])(?![\d.,+])",
    "score": r"(?<![\d.,+])([0-3]\s?\+?)(?![\d.,]*\d)(?!\+)",
    "group": r"([1-5])(?!\d)",
    "number": rf"((?:(?:{_LIMIT})\s*)?(?<![\d.,]){_NUMBER}"
    rf"(?:\s*(?:-|to)\s*{_NUMBER})?)(?![\d]|[.,]\d)",
}
_PLACE = re.compile(r"\{(\w+)\}")
_VARYING = re.compile(r"\{\w+\}|[ \-/:,]")
"""What of a phrase a text may write otherwise: blanks, marks, and the places of values."""
_BETWEEN = re.compile(r"[ \u2192,;:.()\[\]|*\"'=/-]+")
_CHUNK = re.compile(r"[^\s,;()]+")
WITH_VALUES = (
    "score", "word", "protein", "gene", "method", "group", "staining", "share", "number", "ratio", "her2_copies",
    "cep17_copies",
)  # fmt: skip
"""The keys of `her2-texts.md` that have a value behind them."""
BREAK = "\ue000"
"""Between two texts that are read as one; what was said of a method before it no longer holds."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a text says: `key` of the list in `her2-texts.md`, its values, and the words it stood in."""

    key: str
    values: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """The first words of a text that no phrase holds, and the nearest phrase, "" where none is near."""

    words: str
    nearest: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase as its row writes it, as a pattern, and what it says of the parts of the pattern."""

    written: str
    pattern: str
    says: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass
class Texts:
    """The phrases of laboratories; and, by a word of an ISH, the numbers that no edition calls so."""

    phrases: list[Phrase] = field(default_factory=list)
    impossible: list[tuple[str, str, str]] = field(default_factory=list)

    @cached_property
    def _by_length(self) -> list[Phrase]:
        return sorted(self.phrases, key=lambda phrase: (phrase.written.count("{"), -len(phrase.written)))

    @cached_property
    def _by_letter(self) -> dict[str, list[tuple[str, str, Phrase]]]:
        """By the letter at which a phrase may begin those that may, each with how it begins and its longest part."""
        return {}

    def _beginning(self, letter: str) -> list[tuple[str, str, Phrase]]:
        known = self._by_letter.get(letter)
        if known is None:
            may = [each for each in self._by_length if _may_begin(each.written, letter)]
            parts = [(each, _VARYING.split(each.written)) for each in may]
            known = self._by_letter[letter] = [(part[0], max(part, key=len), each) for each, part in parts]
        return known

    def __getstate__(self) -> dict[str, object]:
        return {"phrases": self.phrases, "impossible": self.impossible}

    def read(self, text: str) -> list[Said] | NotUnderstood:
        """What a text says, phrase by phrase; or what of it is not understood."""
        plain = folded(text)
        if len(plain) > MOST_LETTERS:
            return NotUnderstood(plain[:40] + "...", "")
        said: list[Said] = []
        at = 0
        while at < len(plain):
            if plain[at] == BREAK:
                said.append(Said("break", (), ""))
                at += 1
                continue
            best = self._longest(plain, at)
            if best is not None:
                match, phrase = best
                said += [
                    Said(
                        key, tuple(match[int(value[1:-1])] if value[0] == "{" else value for value in values), match[0]
                    )
                    for key, values in phrase.says
                ]
                at = match.end()
            elif between := _BETWEEN.match(plain, at):
                at = between.end()
            else:
                chunk = _CHUNK.match(plain, at)
                words = chunk[0] if chunk else plain[at]
                return NotUnderstood(words, self.nearest(words))
        return said

    def _longest(self, plain: str, at: int) -> tuple[re.Match[str], Phrase] | None:
        best: tuple[re.Match[str], Phrase] | None = None
        for begins, longest, phrase in self._beginning(plain[at]):
            if not plain.startswith(begins, at) or longest not in plain:
                continue
            match = _compiled(phrase.pattern).match(plain, at)
            if match is not None and match.end() > at and (best is None or match.end() > best[0].end()):
                best = match, phrase
        return best

    def nearest(self, words: str) -> str:
        """The phrase nearest to some words, "" where none is near."""
        written = [phrase.written for phrase in self.phrases if "{" not in phrase.written]
        import difflib  # slow to import, and needed only here

        return next(iter(difflib.get_close_matches(words, written, 1, 0.7)), "")


def _may_begin(written: str, letter: str) -> bool:
    """Whether a phrase may begin at a letter; a value begins at a digit, and a number also at a limit."""
    place = _PLACE.match(written)
    if place is None:
        return written[0] == letter or not written[0].isalnum()
    return not letter.isalpha() or (place[1] == "number" and letter in _BEGIN_LIMITS)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def folded(text: str) -> str:
    """A text in small letters, without accents, with one kind of dash, quote and blank."""
    bare = unicodedata.normalize("NFKD", text.replace("≤", "<=").replace("≥", ">=").replace("ß", "ss"))
    bare = "".join(letter for letter in bare if not unicodedata.combining(letter)).lower()
    bare = (
        re.sub("[\u2010-\u2015\u2212]", "-", bare).replace("\u2019", "'").replace("\u2215", "/").replace("\u2044", "/")
    )
    return " ".join(part for part in re.split(r"[ \t\r\n\f\v]+", bare) if part)


def read_texts(folder: Path) -> Texts:
    """The phrases of a folder of codes; those that ship where it has none."""
    path = folder / "words" / "her2-texts.md"
    rows = rows_in(path if path.is_file() else shipped_folder() / "codes" / "words" / "her2-texts.md")
    texts = Texts()
    for row in rows:
        if "phrase" in row:
            says = tuple(_says(part) for part in row["says"].split(","))
            texts.phrases.append(Phrase(row["phrase"], _pattern(row["phrase"]), says))
        elif "ratio" in row:
            texts.impossible.append((row["word"], row["ratio"], row["copies"]))
    return texts


def _says(part: str) -> tuple[str, tuple[str, ...]]:
    """A key and its values: `score {1}`, `from {1} to {2}`, `zero plus`."""
    words = part.split()
    if words[0] == "from":
        return "from", (words[1], words[3])
    return (words[0], tuple(words[1:])) if words[0] in WITH_VALUES else (" ".join(words), ())


def _pattern(phrase: str) -> str:
    """A phrase as a pattern: blanks of any width, for a hyphen also a blank or nothing, around a slash blanks."""
    pieces = []
    at = 0
    for place in _PLACE.finditer(phrase):
        before = phrase[at : place.start()]
        colon = r"\s*(?:of|is|was|[:=])?\s*" if before[-1:] == " " and before.strip() else ""
        literal = r"\s*-\s*" if before == "-" else _literal(before.rstrip(" ") if colon else before)
        pieces += [literal, colon, _PARTS[place[1]]]
        at = place.end()
    pieces.append(_literal(phrase[at:]))
    start = r"(?<![a-z0-9])" if phrase[0].isalnum() else r"(?<![+\d])" if phrase[0] == "+" else ""
    end = r"(?![a-z0-9])" if phrase[-1].isalnum() else r"(?!\+)" if phrase[-1] == "+" else ""
    return start + "".join(pieces) + end


def _literal(text: str) -> str:
    made = []
    for letter in text:
        if letter == " ":
            made.append(r"\s*")
        elif letter == "-":
            made.append(r"[\s-]?")
        elif letter in "/:,":
            made.append(rf"\s*{re.escape(letter)}\s*")
        else:
            made.append(re.escape(letter))
    return "".join(made)
