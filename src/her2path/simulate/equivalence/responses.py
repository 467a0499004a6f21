"""Responses, margins, intervals and verdicts: the words in which equivalence is spoken of."""

from __future__ import annotations

from dataclasses import dataclass

from ...facts.problem import AskedWrongly

RATIO, DIFFERENCE, GEOMETRIC = "ratio", "difference", "geometric mean ratio"
LOG, KOOPMAN, MIETTINEN_NURMINEN = "log", "koopman", "miettinen-nurminen"
WALD, WALD_CORRECTED, NEWCOMBE, HAUCK_ANDERSON = "wald", "wald-corrected", "newcombe", "hauck-anderson"
EXACT = "exact"
RESPONSE_METHODS = {
    RATIO: (MIETTINEN_NURMINEN, LOG, KOOPMAN),
    DIFFERENCE: (MIETTINEN_NURMINEN, WALD, WALD_CORRECTED, NEWCOMBE, HAUCK_ANDERSON, EXACT),
}
"""The methods for responses, by scale; the first is used where none is named."""


@dataclass(frozen=True, slots=True)
class Responses:
    """How many of the patients of one arm responded."""

    responders: int
    patients: int

    def __post_init__(self) -> None:
        if not 0 <= self.responders <= self.patients or self.patients < 1:
            raise AskedWrongly(f"{self.responders} responders of {self.patients} patients: expected 0 to all of them")

    @property
    def share(self) -> float:
        """The responders as a share of the patients, 0 to 1."""
        return self.responders / self.patients


@dataclass(frozen=True, slots=True)
class Margin:
    """The bounds set before the trial; `None` where there is none on that side."""

    lower: float | None
    upper: float | None

    def __post_init__(self) -> None:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise AskedWrongly(f"the margin {self.lower:g} to {self.upper:g} is empty; write the lower bound first")

    def __str__(self) -> str:
        if self.lower is None:
            return "none" if self.upper is None else f"at most {self.upper:g}"
        return f"at least {self.lower:g}" if self.upper is None else f"{self.lower:g} to {self.upper:g}"


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """An estimate with its two-sided confidence interval. `level` is a share such as 0.90."""

    scale: str
    estimate: float
    lower: float
    upper: float
    level: float
    method: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an interval shows against a margin; `word` is `None` where it cannot be told, `row` the row that says it."""

    word: str | None
    row: str
    possible: tuple[str, ...]


def require_level(level: float) -> float:
    """A two-sided level of confidence as a share. Raises `AskedWrongly` for 90 instead of 0.90."""
    if not 0.5 <= level < 1:
        raise AskedWrongly(f"the level {level:g} is not between 0.5 and 1; write 0.90 for 90 %")
    return level
