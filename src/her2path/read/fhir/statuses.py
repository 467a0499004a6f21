"""What a condition says of its own truth and of whether it still stands: by codes, by words, by the German mark."""

from __future__ import annotations

from typing import Any

from .answer import codings_of, text_of

AS_WORDS = {
    "refuted": "refuted", "ruled out": "refuted", "excluded": "refuted", "known absent": "refuted",
    "definitely not present": "refuted", "ausgeschlossen": "refuted", "entered in error": "entered-in-error",
    "error": "entered-in-error", "suspected": "provisional", "provisional": "provisional", "unconfirmed": "unconfirmed",
    "probably not present": "unconfirmed", "probably present": "unconfirmed", "verdacht": "provisional",
    "differential": "differential", "resolved": "resolved", "inactive": "inactive", "remission": "remission",
}  # fmt: skip
"""What a status says that stands there in words, be it a text, a display or, until STU3, alone."""
CERTAINTY = {"A": "refuted", "V": "provisional", "Z": "ended"}
"""The marks of certainty of ICD-10-GM: excluded, suspected, the state after it; G is confirmed."""


def statuses_of(concept: Any) -> set[str]:
    """The statuses that a concept names, by its codes or its words."""
    codings = list(codings_of(concept))
    said = [concept] if isinstance(concept, str) else [text_of(concept), *(coding.get("display") for coding in codings)]
    said += [coding.get("code") for coding in codings]
    words = {" ".join(str(each).replace("-", " ").lower().split()) for each in said if each}
    return {str(coding.get("code")).lower() for coding in codings} | {
        AS_WORDS[word] for word in words if word in AS_WORDS
    }


def certainty_of(concept: Any) -> set[str]:
    """What the German mark of certainty says of a diagnosis: excluded, suspected, or over.

    It stands in an extension of the coding, or behind the code (`I50.1 V`).
    """
    marks = set()
    for coding in codings_of(concept):
        behind = str(coding.get("code", "")).strip().upper().rpartition(" ")
        if behind[1] and len(behind[2]) == 1:
            marks.add(behind[2])
        extensions = coding.get("extension")
        for extension in extensions if isinstance(extensions, list) else ():
            if isinstance(extension, dict) and "diagnosesicherheit" in str(extension.get("url")).lower():
                said = extension.get("valueCoding") or extension.get("valueCode") or {}
                marks.add(str(said.get("code") if isinstance(said, dict) else said).upper())
    return {CERTAINTY[mark] for mark in marks if mark in CERTAINTY}
