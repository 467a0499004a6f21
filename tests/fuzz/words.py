"""What could be ours, by code or by word: lists of the oracle's own, wider than those of the readers."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

HER2_CODES = {
    "85319-2", "18474-7", "85318-4", "31150-6", "96893-3", "49683-6", "74860-8", "74861-6", "48676-1",
}  # fmt: skip
LVEF_CODES = {"10230-1", "8806-2", "8807-0", "8808-8", "8811-2", "8812-0", "18043-0", "79991-6", "250908004"}
WEIGHT_CODES = {"29463-7", "3141-9", "27113001"}
DRUG_CODES = {
    "224905", "1298944", "1371041", "2267582", "L01FD01", "L01XC03", "L01FD02", "L01FD03", "L01FD04", "L01FY01",
    "387003001", "J9355", "J9356", "J9306", "J9316", "J9354", "J9358", "Q5112", "Q5113", "Q5114", "Q5116", "Q5117",
}  # fmt: skip
DIAGNOSIS_CODES = {
    "C50", "C50.9", "C50.912", "C16", "C16.0", "C16.9", "I50", "I50.1", "I50.9", "254837009", "363349007", "84114007",
    "42343007", "427685000", "431396003",
}  # fmt: skip

HER2_WORDS = re.compile(r"\bher ?-?2|\berb-? ?b-? ?2|c-?erb")
LVEF_WORDS = re.compile(r"\blv ?ef\b|(?<!right )(?:ventricular )?ejection fraction|\bef\b")
WEIGHT_WORDS = re.compile(r"\bbody ?weight\b|^weight\b|korpergewicht")
DRUG_WORDS = re.compile(
    r"trast[uo]zumab|pertuzumab|herceptin|phesgo|perjeta|kadcyla|enhertu|ogivri|kanjinti|herzuma|ontruzant|trazimera|hercessi"
)
DIAGNOSIS_WORDS = re.compile(
    r"(?:neoplasm|cancer|carcinoma|tumou?r).{0,30}(?:breast|stomach|gastric)|(?:breast|stomach|gastric).{0,20}(?:cancer|carcinoma|neoplasm)"
    r"|(?:heart|cardiac|ventricular) failure"
)
TOXICITY_CODES = {"10035742", "10016288", "10010126"}
TOXICITY_WORDS = re.compile(r"pneumonitis|interstitial lung|febrile neutropenia")
KINDS = {
    "toxicity": (TOXICITY_CODES, TOXICITY_WORDS),
    "her2": (HER2_CODES, HER2_WORDS),
    "lvef": (LVEF_CODES, LVEF_WORDS),
    "weight": (WEIGHT_CODES, WEIGHT_WORDS),
    "drug": (DRUG_CODES, DRUG_WORDS),
    "diagnosis": (DIAGNOSIS_CODES, DIAGNOSIS_WORDS),
}
"""What the law names: its codes, under whatever system, and its words."""

LOOK_ALIKES = dict(zip("АВЕКМНОРСТУХаеорсухіΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTYXaeopcyxiABEZHIKMNOPTYXo", strict=True))
"""Cyrillic and Greek letters that look like Latin ones."""
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), None)
DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


@lru_cache(maxsize=50_000)
def plain(text: str) -> str:
    """A text as somebody reads it: look-alikes, full-width forms, odd dashes, marks and blanks taken for what they look like."""
    text = "".join(LOOK_ALIKES.get(sign, sign) for sign in text)
    text = unicodedata.normalize("NFKD", text.translate(INVISIBLE).translate(DASHES))
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return " ".join(text.casefold().split())


_CODES = {code.casefold(): kind for kind, (codes, _) in KINDS.items() for code in codes}


@lru_cache(maxsize=20_000)
def kinds_of(text: str) -> frozenset[str]:
    """Which kinds of ours a text could be: as a code that it is, or by a word that it holds."""
    read = plain(text)
    kinds = {kind for kind, (_, words) in KINDS.items() if words.search(read)}
    if (code := _CODES.get(read.replace(" ", ""))) is not None:
        kinds.add(code)
    return frozenset(kinds)
