"""What can be said only of a whole source: its pages, what was deleted, errors of an export, who was read whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from ....record.event import Trouble
from ..resource import Missing, Stamp

MOST_TOLD = 20
"""So many of a kind are told one by one, the others by their number."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a search: where it stands, its own address, the next and the one before, and the types on it.

    `total` is how many the search has found in all, 0 where it does not say so, and `count` how many stand here.
    """

    where: str
    own: str = ""
    next: str = ""
    previous: str = ""
    types: frozenset[str] = frozenset()
    total: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Deleted:
    """A resource that an entry says was deleted, by type and id."""

    name: str
    stamp: Stamp


@dataclass(slots=True)
class SourceNotes:
    """What was noted on the way through a source; those of its parts are put together with `add_all`."""

    pages: list[Page] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    withdrawn: dict[str, list[Stamp]] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)
    """What was deleted in the bundle that holds the patient whole."""

    def add(self, note: Page | Missing | Deleted) -> None:
        """Take in one note."""
        if isinstance(note, Page):
            self.pages.append(note)
        elif isinstance(note, Missing):
            self.missing.append(note)
        else:
            stamps = self.withdrawn.setdefault(note.name, [])
            if note.stamp not in stamps:
                stamps.append(note.stamp)

    def add_all(self, other: SourceNotes) -> None:
        """Take in what another part noted."""
        self.pages += other.pages
        self.missing += other.missing
        self.applied |= other.applied
        for name, stamps in other.withdrawn.items():
            for stamp in stamps:
                self.add(Deleted(name, stamp))

    def all_missing(self) -> list[Missing]:
        """What is missing, with the next pages that are not in the source."""
        own = {_plain(page.own) for page in self.pages if page.own}
        followed = {_plain(page.previous) for page in self.pages if page.previous}
        missing = list(self.missing)
        for page in self.pages:
            if page.next and _plain(page.next) not in own and not (page.own and _plain(page.own) in followed):
                types = page.types or _types_of(page.own) or _types_of(page.next)
                what = f"the next page of this search ({page.next[:120]}) is not in the source"
                patient = _patient_of(page.own) or _patient_of(page.next)
                missing.append(Missing(page.where, what, types, patient))
        missing += self._too_few({each.where for each in missing})
        return sorted(set(missing), key=lambda each: (each.where, each.what))

    def _too_few(self, told: set[str]) -> Iterator[Missing]:
        """Searches that have found more than stands on all their pages, as far as no page of them is missing."""
        searches: dict[tuple[int, str], list[Page]] = {}
        for page in self.pages:
            if page.total:
                about = " ".join(sorted(_types_of(page.own) or page.types))
                searches.setdefault((page.total, about), []).append(page)
        for (total, about), pages in searches.items():
            held = sum(page.count for page in pages)
            if held < total and not any(page.where in told for page in pages):
                what = f"the search has found {total}, of which {held} are in the source"
                yield Missing(pages[0].where, what, frozenset(about.split()), _patient_of(pages[0].own))


def troubles_of(missing: list[Missing]) -> Iterator[Trouble]:
    """What is missing, told for the whole source."""
    for each in missing[:MOST_TOLD]:
        yield Trouble("incomplete", each.where, f"{each.what}: what stands there is not known")
    if len(missing) > MOST_TOLD:
        yield Trouble("incomplete", missing[MOST_TOLD].where, f"{len(missing) - MOST_TOLD} more are missing like this")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that hold no address
        return SplitResult("", "", url, "", "")


def _plain(url: str) -> str:
    """A link in one form: host, path and its parameters in any order."""
    parts = _split(url)
    query = "&".join(sorted(f"{name}={value}" for name, value in parse_qsl(parts.query, keep_blank_values=True)))
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}?{query}"


def _types_of(url: str) -> frozenset[str]:
    last = _split(url).path.rstrip("/").rpartition("/")[2]
    return frozenset({last}) if last[:1].isupper() and last.isalpha() and last != "Patient" else frozenset()


def _patient_of(url: str) -> str:
    """The one patient whom a search is about; "" where it is about any."""
    for name, value in parse_qsl(_split(url).query):
        if name in ("patient", "subject", "patient._id", "subject:Patient") and "," not in value:
            return value.rpartition("/")[2]
    return ""
