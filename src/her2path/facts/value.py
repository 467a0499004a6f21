"""Values a fact can hold: exact, partly known, or unknown with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

NOT_REPORTED = "not reported"
"""The named value of a test that nobody reported; it is not an unknown."""


class Reason(StrEnum):
    """Why a fact is unknown."""

    ABSENT = "absent"
    UNMAPPED_CODE = "unmapped code"
    UNPARSABLE_TEXT = "unparsable text"
    STALE = "stale"
    PRELIMINARY = "preliminary"
    IMPLAUSIBLE = "implausible"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown value and its reason; `detail` quotes what stood in the record."""

    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number known only to lie between two limits; `None` means no limit on that side."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = False
    high_included: bool = False

    def __contains__(self, number: Decimal) -> bool:
        if self.low is not None and (number < self.low or (number == self.low and not self.low_included)):
            return False
        return self.high is None or number < self.high or (number == self.high and self.high_included)

    def overlaps(self, other: Interval) -> bool:
        """True where some number lies in both."""
        return self._starts_before_end_of(other) and other._starts_before_end_of(self)

    def _starts_before_end_of(self, other: Interval) -> bool:
        if self.low is None or other.high is None or self.low < other.high:
            return True
        return self.low == other.high and self.low_included and other.high_included

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in it."""
        return not self._starts_before_end_of(self)

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "any number"
        if self.low is None:
            return f"{'<=' if self.high_included else '<'} {self.high}"
        if self.high is None:
            return f"{'>=' if self.low_included else '>'} {self.low}"
        if self.low == self.high:
            return f"= {self.low}"
        return f"{'[' if self.low_included else '('}{self.low}..{self.high}{']' if self.high_included else ')'}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A category known only to be one of several."""

    values: frozenset[str]

    def __str__(self) -> str:
        return " or ".join(sorted(self.values))


Value = str | float | Decimal | Interval | OneOf | Unknown
"""What a fact may hold after `Fact.coerce`. Categories are `str`, numbers `float` or `Decimal`."""

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | None
"""What JSON has words for."""
