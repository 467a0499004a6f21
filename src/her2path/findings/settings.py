"""What the person who asks for a review sets: the day, the organ, the edition, the jurisdiction, the institution."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from ..facts.fact import Facts
from ..facts.mapping.tables import with_mapping
from ..facts.problem import AskedWrongly
from ..facts.words.given import day_given, word_given
from ..tables.edition import JURISDICTIONS
from ..tables.library import Knowledge
from ..tables.site import Site

SITES = ("breast", "gastric")
"""The organs as of which tests may be read."""
OWN_LABELS = tuple(each for each in JURISDICTIONS if each != "any")
"""The jurisdictions that have labels of their own."""


class Carried(Protocol):
    """What columns that no rule reads say of patients: the `names` of the columns, and a word for each."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def row(self, patient: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class NothingCarried:
    """No column is carried."""

    names: tuple[str, ...] = ()

    def row(self, patient: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the person asks for: the day of the review, the tumour's site, the edition, the jurisdiction.

    `at` are the settings of the institution (`site.py`); without `courses` only HER2 is reviewed, and with `patient`
    only the patient of that id. `carried` says what stands of each patient in columns that no rule reads.
    Text is taken for a day too (`"2026-02-17"`). Raises `AskedWrongly` for a day, site or jurisdiction that is none.
    """

    on: dt.date
    site: str | None = None
    edition: str | None = None
    jurisdiction: str | None = None
    at: Site = field(default_factory=Site)
    courses: bool = True
    patient: str | None = None
    carried: Carried = field(default_factory=NothingCarried)

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", day_given(self.on))
        object.__setattr__(self, "site", word_given(self.site, SITES, "site"))
        object.__setattr__(self, "jurisdiction", word_given(self.jurisdiction, OWN_LABELS, "jurisdiction"))
        if not isinstance(self.at, Site):
            raise AskedWrongly(f"at={self.at!r} are no settings of an institution; give what her2path.read_site reads")

    def facts(self, knowledge: Knowledge) -> Facts:
        """The facts as the institution's records speak of them, for a reader."""
        return with_mapping(knowledge.facts, self.at.mapping)
