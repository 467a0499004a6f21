"""How hard a text is to read: the Flesch-Kincaid grade, and its long words.

The grade is 0.39 x words a sentence + 11.8 x syllables a word - 15.59 (Kincaid and others, 1975): about the school
year, and five more about the age. Syllables are counted by the groups of vowels of an English word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

AGE_AT_GRADE_NOUGHT = 5
LONG_SYLLABLES = 3
_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")
_APART = re.compile(r"(?<![cgst])ia|(?<=[cgst])ia(?![ln])|io(?!n)|eo(?!p)|ua(?!r)|iu|ism$|(?<=..)ea$")
"""Vowels beside each other that are two syllables."""
_SILENT = re.compile(r"[^aeiouyl]e$|[aeiouy]le$|[^aeiouylszxcg]es$|[aeiouy]les$|[^aeiouydt]ed$|ely$|eless$|eful$")
_SPOKEN = re.compile(r"(?:ch|sh)es$")


@dataclass(frozen=True, slots=True)
class Measure:
    """A text measured: the grade, the age that goes with it, and its words of three syllables or more."""

    grade: float
    sentences: int
    words: int
    long_words: tuple[str, ...]

    @property
    def age(self) -> int:
        """About the age of reading."""
        return round(max(self.grade, 0)) + AGE_AT_GRADE_NOUGHT


def syllables(word: str) -> int:
    """About how many syllables an English word has, at least one."""
    low = word.lower().replace("'", "")
    if "-" in low:
        return sum(syllables(part) for part in low.split("-") if part)
    count = len(_VOWELS.findall(low)) + len(_APART.findall(low))
    if len(low) > 2 and _SILENT.search(low) and not _SPOKEN.search(low):
        count -= 1
    return max(count, 1)


def measure(sentences: Iterable[str]) -> Measure:
    """Sentences measured together; each is one, however it ends, and one with a full stop inside is several."""
    parts = [part for each in sentences for part in re.split(r"(?<=[.!?])\s+", each) if _WORD.search(part)]
    words = [word for part in parts for word in _WORD.findall(part)]
    if not words:
        return Measure(0.0, 0, 0, ())
    counted = [syllables(word) for word in words]
    grade = 0.39 * len(words) / len(parts) + 11.8 * sum(counted) / len(words) - 15.59
    long_words = {word.lower() for word, count in zip(words, counted, strict=True) if count >= LONG_SYLLABLES}
    return Measure(round(grade, 1), len(parts), len(words), tuple(sorted(long_words)))
