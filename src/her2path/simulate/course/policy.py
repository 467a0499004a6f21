"""A policy: the editions and the site's settings by which a course is run, and how doctors keep to them.

    [policy]
    name = "LVEF every 3 months, US label"
    product = "trastuzumab-iv"

    [site]
    jurisdiction = "us"

    [heart]
    lvef_lower_limit = 50
    edition_file = "heart-fall-10.md"    # a rule of one's own; otherwise that of the label

    [monitoring]
    months = 3                           # otherwise as the label's table says
    confirm = "repeat"                   # none, repeat or mean: measured again before anything is withheld

    [doctors]
    follow_holds = 0.9

The tables `[site]`, `[heart]`, `[editions]` are those of a site's settings (docs/site-settings.md).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from ...facts.days import DAYS_A_MONTH
from ...facts.problem import AskedWrongly
from ...findings.course.rules import Rules as ReviewRules
from ...history.clocks import span
from ...history.folds.heart import INPUTS
from ...tables.edition import Edition
from ...tables.library import Knowledge
from ...tables.load import read_knowledge
from ...tables.own.edition_file import read_own_edition
from ...tables.site import Site, read_toml, site_of
from ..exposure.choice import UNDER_SKIN_PRODUCT, model_and_population

POLICY_PRODUCTS = ("trastuzumab-iv", UNDER_SKIN_PRODUCT)
CONFIRMATIONS = ("none", "repeat", "mean")
STARTS_ON = dt.date(2026, 6, 1)
"""The day on which courses begin and editions are chosen, unless another is asked for."""
NUMBER_LIMITS: dict[str, dict[str, tuple[float, float]]] = {
    "monitoring": {"months": (0.25, 24), "confirm_days": (1, 60), "attendance": (0, 1), "step_of_lvef": (0.1, 10)},
    "doctors": {"follow_holds": (0, 1), "stop_when_considered": (0, 1), "resume_when_asked": (0, 1)},
}
LAST_VISIT_DAY, LEAST_DAYS_APART, MOST_VISITS = 1700, 7, 150
"""Of `visits_days`: errors of measuring are drawn by week, and a timeline has room for so many events."""
OWN = ("policy", "monitoring", "doctors")


@dataclass(frozen=True, slots=True)
class Policy:
    """How LVEF is watched and what follows.

    `months` between LVEFs, `None` as the label's table has it; `visits_days` in place of an interval; `confirm`
    none, repeat or mean, `confirm_days` after the first; `attendance` the share of due LVEFs that are done;
    `follow_holds` the share of holds and stops that doctors follow; `step_of_lvef` what readings are rounded to.
    """

    name: str
    site: Site = field(default_factory=lambda: Site(jurisdiction="us"))
    product: str = "trastuzumab-iv"
    months: float | None = None
    visits_days: tuple[int, ...] = ()
    confirm: str = "none"
    confirm_days: int = 7
    attendance: float = 1.0
    step_of_lvef: float = 1.0
    method: str = "study"
    follow_holds: float = 1.0
    stop_when_considered: float = 1.0
    resume_when_asked: float = 1.0
    own_editions: tuple[Edition, ...] = ()

    def knowledge(self) -> Knowledge:
        """The knowledge that ships, with the policy's own editions before it."""
        shipped = read_knowledge().with_editions(self.site.own_editions)
        if not self.own_editions:
            return shipped
        return Knowledge(shipped.folder, shipped.facts, shipped.sources, [*self.own_editions, *shipped.editions])

    def courses(self, on: dt.date = STARTS_ON) -> ReviewRules:
        """What reviews courses by this policy, as of a day."""
        chosen = {outcome: edition.key for edition in self.own_editions for outcome in edition.tables}
        site = replace(self.site, editions={**self.site.editions, **chosen})
        return ReviewRules(self.knowledge(), site, on, site.jurisdiction)


def exposure_model(product: str, population: str) -> str:
    """The model that a policy's concentrations follow. Raises `AskedWrongly` where no model is for that population."""
    return model_and_population(None, population, product == UNDER_SKIN_PRODUCT)[0]


def read_policy(path: Path) -> Policy:
    """Read a policy. Raises `AskedWrongly`, naming file, table and key, for anything that cannot be."""
    content = read_toml(path)
    for table in content:
        if not isinstance(content[table], dict):
            raise AskedWrongly(f"{path}: {table} stands outside a table")
    own = {table: dict(content.pop(table)) for table in OWN if table in content}
    heart = dict(content.get("heart", {}))
    file = heart.pop("edition_file", None)
    if "heart" in content:
        content["heart"] = heart
    site = site_of(path, content, read_knowledge())
    policy = own.get("policy", {})
    name = policy.pop("name", path.stem)
    product = policy.pop("product", "trastuzumab-iv")
    if not isinstance(name, str) or not name.strip():
        raise AskedWrongly(f"{path}: [policy] name = {name!r}; expected text")
    if product not in POLICY_PRODUCTS:
        raise AskedWrongly(f"{path}: [policy] product = {product!r}; expected one of {', '.join(POLICY_PRODUCTS)}")
    _nothing_left(path, "policy", policy, ("name", "product"))
    editions = _own_editions(path, file, product) if file is not None else ()
    monitoring, doctors = own.get("monitoring", {}), own.get("doctors", {})
    confirm = _one_of(path, "monitoring", "confirm", monitoring.pop("confirm", "none"), CONFIRMATIONS)
    visits = _visits(path, monitoring.pop("visits_days", []))
    method = _method(path, monitoring.pop("method", "study"))
    numbers = {**_numbers(path, "monitoring", monitoring), **_numbers(path, "doctors", doctors)}
    if "months" in numbers and visits:
        raise AskedWrongly(f"{path}: [monitoring] gives both months and visits_days; expected one of them")
    if "confirm_days" in numbers:
        numbers["confirm_days"] = int(numbers["confirm_days"])
    site = replace(site, jurisdiction=site.jurisdiction or "us")
    return Policy(
        name, site, product, visits_days=visits, confirm=confirm, method=method, own_editions=editions, **numbers
    )


def _numbers(path: Path, table: str, values: dict[str, Any]) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for key, value in values.items():
        limits = NUMBER_LIMITS[table].get(key)
        if limits is None:
            more = ["confirm", "visits_days", "method"] if table == "monitoring" else []
            expected = ", ".join([*NUMBER_LIMITS[table], *more])
            raise AskedWrongly(f"{path}: [{table}] {key} is no setting; expected {expected}")
        low, high = limits
        number = isinstance(value, int | Decimal) and not isinstance(value, bool) and isfinite(value)
        whole = key != "confirm_days" or (number and value == int(value))
        if not number or not low <= value <= high or not whole:
            written = value if isinstance(value, Decimal) else repr(value)
            kind = "a whole number" if key == "confirm_days" else "a number"
            raise AskedWrongly(f"{path}: [{table}] {key} = {written}; expected {kind} from {low:g} to {high:g}")
        numbers[key] = float(value)
    return numbers


def _nothing_left(path: Path, table: str, values: dict[str, Any], known: tuple[str, ...]) -> None:
    for key in values:
        raise AskedWrongly(f"{path}: [{table}] {key} is no setting; expected {', '.join(known)}")


def _one_of(path: Path, table: str, key: str, value: Any, values: tuple[str, ...]) -> str:
    if value not in values:
        raise AskedWrongly(f"{path}: [{table}] {key} = {value!r}; expected one of {', '.join(values)}")
    return str(value)


def _visits(path: Path, days: Any) -> tuple[int, ...]:
    whole = isinstance(days, list) and all(type(day) is int and 0 < day <= LAST_VISIT_DAY for day in days)
    if not whole or any(later - day < LEAST_DAYS_APART for day, later in pairwise(days)) or len(days) > MOST_VISITS:
        raise AskedWrongly(
            f"{path}: [monitoring] visits_days = {days!r}; expected ascending days from 1 to {LAST_VISIT_DAY}, at "
            f"least {LEAST_DAYS_APART} apart and at most {MOST_VISITS} of them"
        )
    return tuple(days)


def _method(path: Path, name: Any) -> str:
    from .heart import methods

    return _one_of(path, "monitoring", "method", name, tuple(methods()))


def _own_editions(path: Path, file: Any, product: str) -> tuple[Edition, ...]:
    """A rule of one's own: proven like any other before it is used."""
    if not isinstance(file, str):
        raise AskedWrongly(f"{path}: [heart] edition_file = {file!r}; expected the name of a Markdown file")
    place = path.parent / file
    if not place.exists():
        raise AskedWrongly(f"{path}: [heart] edition_file = {file!r}; there is no file {place}")
    shipped = read_knowledge()
    edition = read_own_edition(place, shipped)
    if "cardiac_action" not in edition.tables or "lvef_finding" not in edition.tables:
        raise AskedWrongly(f"{place}: a rule of the heart decides lvef_finding and cardiac_action; this does not")
    if not edition.is_for({"product": product}):
        raise AskedWrongly(f"{place}: edition {edition.key} does not decide for {product}, which {path} gives")
    for outcome in ("lvef_finding", "cardiac_action"):
        names = {axis.fact.name for axis in shipped.with_editions([edition]).array(edition, outcome).axes}
        if unseen := sorted(names - {*INPUTS, "product"}):
            raise AskedWrongly(f"{place}: {outcome} asks for {', '.join(unseen)}; expected only {', '.join(INPUTS)}")
    return (edition,)


def interval_days(words: str | None, otherwise: float) -> float:
    """An interval in a table's words ("3 months") as days; `otherwise`, in days, where it names none."""
    length = span(words) if words else None
    if length is None:
        return otherwise
    return round(length[1] * DAYS_A_MONTH) if length[1] else float(length[0])
