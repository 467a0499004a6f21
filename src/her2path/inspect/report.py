"""What was counted of a feed, as one document: the same content for the page, for JSON and for the starter mapping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ..facts.mapping.entries import SiteMapping
from .seen import FactSeen, QuestionSeen, Seen, Unmapped

VERSION = "1"
"""Of the JSON document; it goes up where a key goes or changes its meaning."""
ALWAYS = FactSeen()


def report(
    seen: Seen, source: str, on: dt.date, expected: Mapping[str, str], mapping: SiteMapping | None, before: Seen | None
) -> dict[str, Any]:
    """The document of an inspected feed; `before` is the same feed read without the site's mapping."""
    first, last = seen.days
    told: dict[str, Any] = {
        "version": VERSION, "source": source, "on": on.isoformat(), "patients": seen.patients,
        "first_day": first or None, "last_day": last or None, "files": by_count(seen.files),
        "resources": by_count(seen.types), "rows": seen.rows, "passed_over": seen.passed_over,
        "passed_over_example": seen.passed_over_example,
        "not_read": [
            {"kind": kind, "count": count, "example": seen.unread_example[kind]}
            for kind, count in by_count(seen.unread).items()
        ],
        "remarks": [
            {"kind": kind, "count": count, "example": seen.remark_example[kind]}
            for kind, count in by_count(seen.remarks).items()
        ],
        "facts": _facts(seen, expected, before),
        "products": [
            {"given": kind, "product": product, "count": count}
            for (kind, product), count in sorted(seen.products.items(), key=lambda at: (at[0][0], -at[1], *at[0]))
        ],
        "unmapped": [
            {
                "kind": what.kind, "about": what.about, "system": what.system, "code": what.code, "name": what.name,
                "guess": what.guess, "count": found.count, "example": found.value, "where": found.where,
                "why": found.why,
            }
            for what, found in in_order(seen)
        ],
        "unmapped_beyond_these": seen.more_unmapped,
        "questions": [_question(key, question) for key, question in seen.questions.items()],
        "mapping": None,
    }  # fmt: skip
    if mapping is not None:
        told["mapping"] = [
            {"entry": entry.number, "found_by": entry.found_by, "means": entry.means, "read": seen.mapped[entry.number]}
            for entry in mapping.entries
        ]
    if before is not None:
        told["before_mapping"] = {
            "unmapped": sum(found.count for found in before.unmapped.values()) + before.more_unmapped,
            "questions_answered": sum(1 for question in before.questions.values() if question.answered),
        }  # fmt: skip
    return told


def _facts(seen: Seen, expected: Mapping[str, str], before: Seen | None) -> list[dict[str, Any]]:
    """Every fact that was read or refused, and those expected of a feed; first these, in their order."""
    names = [*expected, *sorted(name for name in seen.facts if name not in expected)]
    listed = []
    for name in names:
        fact = seen.facts.get(name, ALWAYS)
        first, last = fact.days
        told = {
            "fact": name, "is": expected.get(name, ""), "read": fact.read, "patients": fact.patients,
            "first_day": first or None, "last_day": last or None, "undated": fact.undated,
            "refused": [
                {"reason": reason, "count": count, "value": fact.example[reason][0], "where": fact.example[reason][1]}
                for reason, count in by_count(fact.refused).items()
            ],
        }  # fmt: skip
        if before is not None:
            told["read_before_mapping"] = before.facts.get(name, ALWAYS).read
        listed.append(told)
    return listed


def _question(key: str, question: QuestionSeen) -> dict[str, Any]:
    return {
        "question": key, "asked": question.asked, "answered": question.answered,
        "missing": by_count(question.missing), "patients_with": dict(question.known),
        "answer": "never asked" if not question.asked else "never" if not question.answered
        else "always" if question.answered == question.asked else "in part",
    }  # fmt: skip


def in_order(seen: Seen) -> list[tuple[Unmapped, Any]]:
    """What was not mapped, the most frequent first; of equal ones the first in the alphabet."""
    return sorted(seen.unmapped.items(), key=lambda item: (-item[1].count, item[0]))


def by_count(counter: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first; of equal ones the first in the alphabet, whoever came first."""
    return {word: counter[word] for word in sorted(counter, key=lambda word: (-counter[word], word))}
