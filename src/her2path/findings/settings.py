"""What the person who asks for a review sets: the day, the organ, the edition, the jurisdiction, the institution."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from ..facts.fact import Facts
from ..facts.mapping.tables import with_mapping
from ..tables.library import Knowledge
from ..tables.site import Site


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
    """

    on: dt.date
    site: str | None = None
    edition: str | None = None
    jurisdiction: str | None = None
    at: Site = field(default_factory=Site)
    courses: bool = True
    patient: str | None = None
    carried: Carried = field(default_factory=NothingCarried)

    def facts(self, knowledge: Knowledge) -> Facts:
        """The facts as the institution's records speak of them, for a reader."""
        return with_mapping(knowledge.facts, self.at.mapping)
