"""Where one course stands on a day: its states and clocks, its facts and what was decided, in words and days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ..facts.value import Unknown, Value
from ..history.course_facts import Columns
from ..history.names import HER2_PRODUCTS, UNKNOWN
from ..history.timeline import Timeline
from ..record.event import Event
from ..tables.decision import Decision
from ..tables.site import Site

THOUSAND = Decimal(1000)
STATEMENT = "from a statement"
"""How the note of a dose begins that a record only states."""


@dataclass(slots=True)
class Standing:
    """A course on a day: its states and days, the facts known of it, and what was decided.

    `day` gives dates by name (`product_last`, `echo_due`, ...); `latest` are the events behind the facts no fold reads.
    """

    on: dt.date
    site: Site
    jurisdiction: str
    timeline: Timeline
    state: Mapping[str, int]
    values: dict[str, Value]
    unknown: dict[str, Unknown]
    columns: Columns
    decisions: dict[str, Decision] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    latest: dict[str, Event] = field(default_factory=dict)
    differing: list[tuple[Event, Event]] = field(default_factory=list)

    def day(self, name: str) -> dt.date | None:
        """A day of the states or clocks, by its name without `_day`; `None` where it is unknown."""
        number = self.state.get(f"{name}_day", UNKNOWN)
        if number == UNKNOWN and f"{name}_day" in self.columns:
            number = int(self.columns[f"{name}_day"][0])
        return None if number < 1 else dt.date.fromordinal(number)

    @property
    def started(self) -> bool:
        """Whether any HER2-directed dose is recorded."""
        return self.state["first_ever_day"] != UNKNOWN

    @property
    def product(self) -> str | None:
        """The HER2-directed product in hand."""
        said = self.values.get("product")
        return said if isinstance(said, str) else None

    def text(self, name: str) -> str:
        """A fact in words, for a finding."""
        if name in self.outcomes:
            return self.outcomes[name]
        value = self.values.get(name)
        if value is None:
            if name.endswith("_day"):
                return str(self.day(name.removesuffix("_day")) or "unknown")
            if name == "lvef" and self.state["lvef"] != UNKNOWN:
                return plain_number(Decimal(self.state["lvef"]) / THOUSAND)
            if name in ("last_mg", "last_per_kg") and self.state[name] != UNKNOWN:
                return plain_number(Decimal(self.state[name]) / THOUSAND)
            return "unknown"
        if isinstance(value, Decimal):
            return plain_number(value.to_integral_value() if name.endswith("_percent") else value)
        return str(value)


def undated_doses(timeline: Timeline) -> list[Event]:
    """HER2-directed doses that are on record without a day."""
    given = ("dose_mg", "dose_mg_per_kg", "dose_given")
    return [e for e in timeline.undated if e.fact in given and e.product in HER2_PRODUCTS and e.value != "no"]


def from_statement(found: Standing) -> bool:
    """Whether the last dose is only known as a statement that therapy was given: its end is then not known."""
    last = found.day("any_last")
    events = [
        e for e in found.timeline.events if e.day == last and e.product in HER2_PRODUCTS and e.fact == "dose_given"
    ]
    return bool(events) and all(STATEMENT in event.note for event in events)


def plain_number(value: Decimal) -> str:
    """A number without needless zeros behind the point."""
    return f"{value.normalize():f}"


def brand_in_hand(found: Standing, product: str = "") -> str:
    """The brand of the last order or dose of a HER2-directed product up to the day; "" where none is named.

    With a `product`, of the last dose of that product alone.
    """
    events = (
        event for event in reversed(found.timeline.events)
        if event.product in ((product,) if product else HER2_PRODUCTS) and event.qualifier
        and event.day is not None and event.day <= found.on and not (product and event.fact.startswith("ordered"))
    )  # fmt: skip
    return next((event.qualifier for event in events), "")
