"""Which columns of a wide file hold what: values with their days and drugs, and what looks like ours and is not read.

The plan is made of the names alone. A value has the day of the column that is named for it (`lvef_2_date`), for its
number (`cycle_3_date`), or else of the row (`date`); HER2 tests have that of `test_date`, where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...facts.fact import Facts
from ...facts.words.names import Names
from ...record.columns import OF_SPECIMEN, SITE
from ...record.event import HER2_DRUG
from ..spoken import DrugOf, fact_of_words, plain_words
from . import wide_names as n
from .wide_names import Named, named, parts_of, without_methods

_UNREAD_CELL = re.compile(r".* \(column [^()]*\)", re.DOTALL)


@dataclass(slots=True)
class Value:
    """A column of values: its `column`, the word of the long format for its fact, the fact, and which columns hold
    the rest of each event ("" where none does). `own_day` says that the day is of nothing else, `several` that the name
    says which one of several it is."""

    column: str
    word: str
    fact: str
    date: str = ""
    product: str = ""
    qualifier: str = ""
    unit: str = ""
    specimen: str = ""
    own_day: bool = False
    several: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A column that is not read, and the fact that its filled cells leave unknown; its cells are `days` or values."""

    column: str
    fact: str
    is_days: bool = False


@dataclass(slots=True)
class Plan:
    """How a wide file is read."""

    values: list[Value] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    date: str = ""
    product: str = ""
    told: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def is_of_course(self, facts: Facts) -> bool:
        """Whether the file says more than HER2 tests, each in a row of its own."""
        plain = {name for name, fact in facts.items() if fact.test} | {SITE, *OF_SPECIMEN, "her2_status"}
        return bool(self.unread) or any(
            value.several or value.fact not in plain or value.date not in ("", n.TEST_DATE) for value in self.values
        )


def plan_of(
    names: Sequence[str], facts: Facts, patient: str | None, mapped: Mapping[str, str], drug_of: DrugOf, spoken: Names
) -> Plan:  # fmt: skip
    """How a file with columns of these names is read.

    `mapped` gives the fact of a column that the site's mapping names; `drug_of` says of words which
    kind of drug they name, `spoken` of what they speak.
    """
    plan = Plan()
    read: dict[str, Named] = {}
    for name in names:
        if name == patient or name in n.OUTCOMES:
            continue
        found = Named(n.VALUE, (mapped[name],)) if name in mapped else named(name, facts)
        if found is not None:
            read[name] = found
    _take_apart(read, facts)
    plan.date = next((name for name in ("date", "day") if name in read), "")
    plan.product = "product" if "product" in read else ""
    for name, what in read.items():
        if what.role == n.VALUE:
            plan.values.append(_value(name, what, read, plan, facts, name in mapped))
    plan.used = {name for value in plan.values for name in _columns_of(value)}
    plan.used |= {plan.date, plan.product} - {""}
    _tell_unused(plan, names, read, facts, patient, drug_of, spoken)
    _tell_dayless(plan)
    return plan


def _columns_of(value: Value) -> set[str]:
    return {value.column, value.date, value.product, value.qualifier, value.unit, value.specimen} - {""}


def _take_apart(read: dict[str, Named], facts: Facts) -> None:
    """A fact whose name is another with a word around it (`lvef_baseline`) is that other one where a day is named for
    it (`lvef_baseline_date`)."""
    for name, what in list(read.items()):
        if what.role != n.VALUE or what.which or name not in facts:
            continue
        other = parts_of(name, facts)
        days = [day for day, of in read.items() if of.role == n.DATE and day != name]
        if other is not None and other.role == n.VALUE and any(_is_day_of(read[day], name, other) for day in days):
            read[name] = other
            for day in days:
                if read[day].facts == (name,):
                    read[day] = Named(n.DATE, other.facts, other.which)


def _is_day_of(day: Named, name: str, other: Named) -> bool:
    return (day.facts == (name,) and not day.which) or (
        bool(set(other.facts) & set(day.facts)) and day.which == other.which
    )


def _value(name: str, what: Named, read: Mapping[str, Named], plan: Plan, facts: Facts, is_mapped: bool) -> Value:
    (fact,) = what.facts
    value = Value(name, name if is_mapped else fact, fact, several=bool(what.which))
    is_test = bool(facts[fact].test) or fact in (*OF_SPECIMEN, "her2_status")
    value.date, value.own_day = _beside(n.DATE, fact, what.which, read)
    if value.date == n.TEST_DATE:
        value.own_day = False
    if not value.date and not without_methods(what.which) and fact not in n.UNDATED:
        value.date = n.TEST_DATE if is_test and n.TEST_DATE in read else plan.date
    if fact in n.OF_DRUGS:
        value.product = _beside(n.PRODUCT, fact, what.which, read)[0] or plan.product
    if fact in n.OF_DRUGS or fact == "lvef":
        for role in (n.METHOD if fact == "lvef" else n.BRAND, n.QUALIFIER):
            bare = role if role in read else ""
            value.qualifier = value.qualifier or _beside(role, fact, what.which, read)[0] or bare
    value.unit = _beside(n.UNIT, fact, what.which, read)[0]
    if is_test or fact == SITE:
        value.specimen = _beside(n.SPECIMEN, fact, what.which, read)[0] or ("specimen" if "specimen" in read else "")
    return value


def _beside(role: str, fact: str, which: tuple[str, ...], read: Mapping[str, Named]) -> tuple[str, bool]:
    """The column that holds something of a fact, and whether it is named for that fact rather than for its number."""
    for words in dict.fromkeys((which, without_methods(which))):
        for name, what in read.items():
            if what.role == role and fact in what.facts and what.which == words:
                return name, True
        for name, what in read.items():
            if what.role == role and words and not what.facts and what.which == words:
                return name, False
    return "", False


def _tell_unused(
    plan: Plan, names: Sequence[str], read: Mapping[str, Named], facts: Facts, patient: str | None, drug_of: DrugOf,
    spoken: Names,
) -> None:  # fmt: skip
    """What is told of columns that look like ours and are not used, and what they leave unknown."""
    is_course = any(not facts[value.fact].test for value in plan.values)
    for name in names:
        if name in plan.used or name == patient or name in n.OUTCOMES:
            continue
        what, words = read.get(name), plain_words(name)
        if what is not None and what.role == n.DATE:
            fact = next((fact for fact in what.facts if fact in (*n.OF_DRUGS, "lvef", "heart_failure")), "")
            if fact:
                plan.unread.append(Unread(name, HER2_DRUG if fact in n.GIVEN else fact, is_days=True))
            if fact or (what.facts and not _is_tests(what, facts)) or (is_course and not plan.date and not what.facts):
                plan.told.append(f"the column {name} names days, and no column the values that belong to them")
            continue
        if what is not None:
            if what.role not in (n.SPECIMEN,) and (what.facts or what.role in (n.UNIT, n.PRODUCT)):
                plan.told.append(f"the column {name} belongs to no column of values; nothing is read from it")
            if what.role == n.PRODUCT:
                plan.unread.append(Unread(name, HER2_DRUG))
            continue
        if drug_of(words) is False:
            plan.told.append(f"the column {name} speaks of a drug; nothing is read from it")
        elif fact := fact_of_words(words, spoken, drug_of):
            plan.unread.append(Unread(name, fact))


def _is_tests(what: Named, facts: Facts) -> bool:
    return all(fact in (*OF_SPECIMEN, "her2_status") or facts[fact].test for fact in what.facts)


def _tell_dayless(plan: Plan) -> None:
    """Columns of what happens on a day that have no column of their days."""
    timed = (*n.OF_DRUGS, "lvef")
    dayless = [value.column for value in plan.values if not value.date and value.fact in timed]
    if dayless:
        what = f"no column holds the days of {', '.join(dayless)}; they are read without a day"
        plan.told.append(f"{what} (expected {dayless[0]}_date, or date)")


def told_of_unread(plan: Plan) -> Iterator[str]:
    """What is told of the columns that are not read."""
    for unread in plan.unread:
        if not unread.is_days and not any(f"the column {unread.column} " in line for line in plan.told):
            what = f"the column {unread.column} looks like {unread.fact} and is not read"
            yield f"{what}; its cells leave that unknown (--column FACT={unread.column})"


def unread_cell(cell: str, column: str) -> str:
    """A cell of a column that is not read, as what its fact cannot be read from."""
    return f"{cell} (column {column.translate(_NO_BRACKETS)})"


def is_unread_cell(said: str) -> bool:
    """Whether a value is such a cell."""
    return _UNREAD_CELL.fullmatch(said) is not None


_NO_BRACKETS = str.maketrans("()", "[]")
