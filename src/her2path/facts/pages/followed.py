"""What is followed of a record beyond the latest value, `course/followed.md`: the lowest count since the last dose, the
worst grade since the first dose of a drug, multiples of a laboratory's limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from ..cache import kept
from ..fact import Facts
from ..problem import Problem
from ..source import Sources
from .page import Entry, Page, read_or_problems

LATEST, LOWEST, HIGHEST, TOGETHER, DAYS_SINCE, DAYS_TO_END = (
    "latest", "lowest", "highest", "together", "days since", "days to its end",
)  # fmt: skip
TAKES = (LATEST, LOWEST, HIGHEST, TOGETHER, DAYS_SINCE, DAYS_TO_END)
"""What a followed fact may take of the values behind it."""
EVER, LAST_DOSE, DUE, FIRST, UNDER = "ever", "last dose", "due", "first", "under"
BEFORE_LAST = "before the last dose"
"""The named value of an episode that was over before the last dose."""
_SINCE = re.compile(r"last dose|due, (?P<days>\d+) days before|(?P<kind>first|under) (?P<products>.+)")


@dataclass(frozen=True, slots=True)
class Followed:
    """One fact and what it follows from.

    `of` are the recorded facts in groups: of a group any one counts. `since` is one of the words above, `days` so many
    before the next dose was due, `products` those of a first dose or under which it was; `above` the limits of
    `together`, in the facts' own units. `nothing` is the value where nothing is recorded: a named one, `yes` or `no`,
    `LATEST` for that of the latest, "" for unknown. `unread`: whether an entry that could not be read counts.
    """

    fact: str
    of: tuple[tuple[str, ...], ...]
    takes: str
    since: str
    days: int
    products: tuple[str, ...]
    above: tuple[Decimal, ...]
    nothing: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Multiple:
    """A value per litre, the facts of its multiple of the upper limit and of that limit, and the site's setting."""

    value: str
    multiple: str
    limit: str
    setting: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A fact that is recorded as several others of one day together."""

    fact: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowedFacts:
    """All of the page."""

    facts: tuple[Followed, ...] = ()
    multiples: tuple[Multiple, ...] = ()
    joined: tuple[Joined, ...] = ()

    @property
    def recorded(self) -> frozenset[str]:
        """Every fact that is read for it."""
        names = {name for each in self.facts for group in each.of for name in group}
        parts = {name for each in self.joined for name in each.of}
        return frozenset(names.union(parts, *((each.value, each.limit) for each in self.multiples)))

    @property
    def derived(self) -> tuple[str, ...]:
        """The facts that nobody records: they follow from others."""
        recorded = self.recorded
        return tuple(each.fact for each in self.facts if each.fact not in recorded)

    @property
    def measured(self) -> frozenset[str]:
        """The recorded facts that are measured: several values of a day are as many measurements."""
        return frozenset(
            name for each in self.facts if not each.unread for group in each.of for name in group
        ) | frozenset(each.value for each in self.multiples)


def followed_path(folder: Path) -> Path:
    return folder / "course" / "followed.md"


@cache
def read_followed(folder: Path) -> FollowedFacts:
    """The page of a folder of knowledge; nothing is followed where it has none. Raises `KnowledgeError`."""
    path = followed_path(folder)
    return kept("followed", [path], lambda: _read(Page(path))[0]) if path.is_file() else FollowedFacts()


def _read(page: Page) -> tuple[FollowedFacts, list[Entry]]:
    """The page and its rows. Raises `KnowledgeError`."""
    entries: list[Entry] = []
    found: list[Followed] = []
    for entry in page.entries("fact", ("of", "takes", "since", "above", "nothing", "unread")):
        entries.append(entry)
        since, days, products = _since(entry)
        of = tuple(tuple(name.strip() for name in group.split(" or ")) for group in entry.listed("of"))
        takes, unread = entry.one_of("takes", TAKES, "one of " + ", ".join(TAKES)), entry.yes("unread")
        nothing = entry["nothing"]
        found.append(Followed(entry["fact"], of, takes, since, days, products, _limits(entry), nothing, unread))
    multiples: list[Multiple] = []
    for entry in page.entries("value", ("multiple", "limit", "setting")):
        entries.append(entry)
        multiples.append(Multiple(entry["value"], entry["multiple"], entry["limit"], entry["setting"]))
    joined: list[Joined] = []
    for entry in page.entries("joined", ("of",)):
        entries.append(entry)
        joined.append(Joined(entry["joined"], entry.listed("of")))
    page.require()
    return FollowedFacts(tuple(found), tuple(multiples), tuple(joined)), entries


def _since(entry: Entry) -> tuple[str, int, tuple[str, ...]]:
    """Since when: a word, days before that, and products."""
    words = entry["since"]
    if not words:
        return EVER, 0, ()
    match = _SINCE.fullmatch(words)
    if match is None:
        entry.fault(f"since is {words!r}", "write last dose, due, N days before, first PRODUCT, under PRODUCTS, or -")
        return EVER, 0, ()
    products = tuple(name.strip() for name in (match["products"] or "").split(",") if name.strip())
    if match["kind"]:
        return match["kind"], 0, products
    return (DUE, int(match["days"]), ()) if match["days"] else (LAST_DOSE, 0, ())


def _limits(entry: Entry) -> tuple[Decimal, ...]:
    try:
        return tuple(Decimal(word) for word in entry.listed("above"))
    except InvalidOperation:
        entry.fault(f"above is {entry['above']!r}", "write a number for each group of facts")
        return ()


def prove_followed(folder: Path, facts: Facts, sources: Sources) -> list[Problem]:
    """What is wrong with the page: facts, products or values that do not exist, limits that do not match, no source."""
    path = followed_path(folder)
    if not path.is_file():
        return []
    page = Page(path)
    read, problems = read_or_problems(lambda: _read(page))
    if read is None:
        return problems
    whole, entries = read
    for entry in entries:
        page.prove(entry.line, next(iter(entry.cells.values())), entry.citations, sources)
    lines = {next(iter(entry.cells.values())): entry.line for entry in entries}
    for each in whole.facts:
        line, own = lines[each.fact], facts.by_name.get(each.fact)
        for name in (each.fact, *(name for group in each.of for name in group)):
            if name not in facts:
                page.fault(line, f"no fact is called {name!r}", "define it in facts.md or mend the name")
        for product in each.products:
            if product not in facts["product"].values:
                page.fault(line, f"no product is called {product!r}", "name values of product")
        if each.takes == TOGETHER and len(each.above) != len(each.of):
            page.fault(line, "what is high together has a limit for each group of facts", "write them in above")
        if own is not None and each.nothing not in ("", LATEST, *own.values):
            page.fault(line, f"{each.fact} has no value {each.nothing!r}", "name one of its values, latest, or -")
    for multiple in whole.multiples:
        for name in (multiple.value, multiple.multiple, multiple.limit):
            if name not in facts:
                page.fault(lines[multiple.value], f"no fact is called {name!r}", "define it in facts.md")
    for joined in whole.joined:
        for name in (joined.fact, *joined.of):
            if name not in facts:
                page.fault(1, f"{joined.fact} is joined of {name!r}, which is no fact", "define it in facts.md")
    return page.problems
