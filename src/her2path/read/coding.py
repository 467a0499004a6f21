"""Codings as tuples: what the readers of heads, of parsed resources and of a site's mapping hand each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Coded = tuple[str | None, str | None, str | None]
"""A coding: system, code and display."""


def coded_of(codings: Iterable[object]) -> Iterator[Coded]:
    """Codings as they were parsed, as tuples; what is no text in them is left out."""
    for coding in codings:
        if isinstance(coding, dict):
            yield (
                text_alone(coding.get("system")), text_alone(coding.get("code")), text_alone(coding.get("display")),
            )  # fmt: skip


def text_alone(value: object) -> str | None:
    """A value that is text; `None` for any other."""
    return value if isinstance(value, str) else None
