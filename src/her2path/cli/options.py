"""What the options of a command say: NAME=VALUE, given many times."""

from __future__ import annotations

from collections.abc import Iterable

from ..facts.problem import AskedWrongly


def pairs(texts: Iterable[str], example: str = "--fact ihc_score=2+") -> dict[str, str]:
    """NAME=VALUE options as a mapping. Raises `AskedWrongly` for one without `=` or a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise AskedWrongly(f"{text!r}: write NAME=VALUE, for example {example}")
        if name in found:
            raise AskedWrongly(f"{name} is given twice: {found[name]} and {value}")
        found[name] = value
    return found
