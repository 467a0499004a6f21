"""What words that name no fact speak of: the fact that a column, or a row of the long format, then leaves unknown.

The words are those of people who head a column: `EF2`, `Ejection Fraction (%)`, `Gewicht`, `Herceptin dose`. What is
looked for in every language stands in `knowledge/codes/words/names.md`; here stand the short words that mean it in a
table alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..facts.words.look_alikes import as_seen
from ..facts.words.names import Names
from ..record.event import HER2_DRUG

DrugOf = Callable[[str], bool | None]
"""Whether some words name a HER2-directed drug, `False` for any other drug, `None` for none."""
TEST = "ihc_score"
"""The fact that stands for any HER2 test in what cannot be told which it is."""

_DOSE = re.compile(
    r"\b(?:doses?|dosis|dosen|dosierung|dosi|dosage|posologie|infusions?|infusionen|ordered|administered)\d*\b|\bmg\d*\b"
)
_HEART = re.compile(r"\blvef|\bef\d*\b|ejection|\becho\d*\b|\bmuga\d*\b|\bfevg")
_LIMIT = re.compile(r"\b(?:limit|lln|normal|method|unit)\b")
_FAILURE = re.compile(
    r"heart failure|cardiac failure|\b(?:chf|nyha|hf|hfref|hfpef)\d*\b|cardio ?toxic|cardiac toxic|\blvs?d\b"
)
_NOT_HERS = re.compile(r"\b(?:family|familial|familien\w*|fhx?|mother|father|sister|brother)\b")
_HOLD = re.compile(r"\b(?:hold|held|stopped|discontinued|interrupted)\b")
_WEIGHT = re.compile(r"\bweight\d*\b")
_SHORT_WEIGHT = re.compile(r"(?:kg|wt|bw) ?\d*")
_TEST = re.compile(r"\bihc\d*\b|\b[fcs]?ish\d*\b")


def plain_words(name: str) -> str:
    """A name as somebody reads it: small letters, blanks for what stands between the words."""
    return as_seen(name).lower().replace("_", " ").replace(".", " ")


def fact_of_words(words: str, names: Names, drug_of: DrugOf) -> str:
    """The fact that plain words speak of and leave unknown; "" for none."""
    if _LIMIT.search(words) or _NOT_HERS.search(words):
        return ""
    if _HEART.search(words):
        return "lvef"
    if _FAILURE.search(words):
        return "heart_failure"
    if drug_of(words) or _DOSE.search(words):
        return HER2_DRUG
    if _WEIGHT.search(words) or _SHORT_WEIGHT.fullmatch(words.strip()):
        return "weight_kg"
    if _HOLD.search(words):
        return "hold_recorded"
    named = names.named(words, ("lvef", "heart_failure", "heart_failure_history", "weight_kg"))
    return "heart_failure" if named[:1] == ["heart_failure_history"] else next(iter(named), "")


def speaks_of_test(words: str, names: Names) -> bool:
    """Whether plain words speak of a HER2 test."""
    return _TEST.search(words) is not None or bool(names.named(words, ("her2",)))
