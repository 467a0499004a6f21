"""The formats of a review: what a format is, and which there are.

A format is one class in one module and one line of `_FORMATS`. Formats from outside are registered by
`register_format`, or found by the entry points of the group `her2path.formats`; each is imported when it is asked for.
"""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TextIO, TypeVar

from ..facts.problem import AskedWrongly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from ..facts.value import Json
    from ..findings.patient import Reviewed
    from ..findings.reviews import PatientReview
    from ..findings.summary import Summary
    from ..record.event import Trouble

ENTRY_POINTS = "her2path.formats"
WITHIN, BESIDE = "within", "beside"


class Format:
    """One way to write a review: each method gives the text to write, and "" where it has nothing to say.

    One is made for each review. `patient` may be called in another process than the rest, and in any order: what it
    gives must follow from the patient alone. A trouble or a summary that a format has no words for is told on
    standard error instead.
    """

    name: ClassVar[str] = ""
    """What it is called on the command line."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The endings of its files, such as `.json`."""
    between: ClassVar[str] = ""
    """What stands between one patient and the next."""

    manifest_place: ClassVar[str] = ""
    """Where the manifest stands: `WITHIN` what is written, `BESIDE` it in a file of its own, or nowhere."""
    manifest: Mapping[str, Json] | None = None
    """By what the review was made: version, knowledge, editions, settings, inputs, counts; set before `end`."""

    def __init__(self, on: dt.date) -> None:
        """Begin a review as of the day `on`."""
        self.on = on

    @staticmethod
    def page_writer(
        stream: TextIO, on: dt.date, summary_only: bool, beside: Sequence[Beside]  # noqa: ARG004 - for those who do
    ) -> PatientWriter | None:  # fmt: skip
        """What writes all patients together, for a format in which they stand in another order than in the source;
        `None` where they are written one after the other as they come."""
        return None

    def begin(self) -> str:
        """What stands before the first patient."""
        return ""

    def patient(self, review: PatientReview) -> str:
        """One patient."""
        raise NotImplementedError

    def trouble(self, trouble: Trouble) -> str:  # noqa: ARG002 - for those who have words for it
        """What could not be read and belongs to no patient, where it comes among the patients."""
        return ""

    def end(self, summary: Summary) -> str:  # noqa: ARG002
        """What stands after the last patient, with the counts over all of them."""
        return ""


class PatientWriter(Protocol):
    """What takes batches in the order of the source, and writes them at the end or as they come."""

    def batch(self, reviewed: Reviewed) -> Any:
        """What is kept of the patients of a batch. In any process."""

    def add(self, review: PatientReview) -> None:
        """Take one patient."""

    def put(self, item: Any) -> None:
        """Take what `batch` made, or what belongs to no patient."""

    def finish(self, summary: Summary, manifest: Mapping[str, Json] | None = None) -> None:
        """Write what is left to write."""


class Beside(Protocol):
    """Another output of the same patients, such as their calendars."""

    def patient(self, review: PatientReview) -> None:
        """Write what there is of one patient."""


SomeFormat = TypeVar("SomeFormat", bound=type[Format])

_FORMATS: dict[str, str | type[Format]] = {
    "text": "her2path.write.review_text:TextFormat",
    "json": "her2path.write.review_json:JsonFormat",
    "ndjson": "her2path.write.review_json:LinesFormat",
    "html": "her2path.write.html.review:HtmlFormat",
    "fhir": "her2path.write.fhir.proposals:FhirFormat",
}
"""Every format by its name: the class, or where it stands."""


def register_format(kind: SomeFormat) -> SomeFormat:
    """Add a format from outside, for this process; may stand above the class as a decorator.

    A class that is defined anew, as in a notebook, takes its own place. Raises `AskedWrongly` for one without a name,
    and for a name that another format has.
    """
    _required(kind, getattr(kind, "__qualname__", repr(kind)))
    if not kind.name or kind.name.split() != [kind.name]:
        raise AskedWrongly(f"{kind.__qualname__} is called {kind.name!r}; a format needs a name without spaces")
    present = _FORMATS.get(kind.name, kind)
    if isinstance(present, str) or _place_of(present) != _place_of(kind):
        raise AskedWrongly(f"there is a format called {kind.name!r} already; give {kind.__qualname__} another name")
    _FORMATS[kind.name] = kind
    return kind


def format_names() -> list[str]:
    """The names of all formats: those that ship, those registered, those of entry points."""
    return [*_FORMATS, *(name for name in sorted(_entry_points()) if name not in _FORMATS)]


def is_format(name: str) -> bool:
    """Whether there is such a format; looks among the entry points of what is installed only where it must."""
    return name in _FORMATS or name in _entry_points()


def format_named(name: str) -> type[Format]:
    """The format called so. Raises `AskedWrongly` where there is none, or what is called so is no format."""
    present = _FORMATS.get(name)
    if present is None:
        point = _entry_points().get(name)
        if point is None:
            raise AskedWrongly(f"no format is called {name!r}; there are {', '.join(format_names())}")
        try:
            present = _required(point.load(), f"{point.value} (the entry point {name})")
        except (ImportError, AttributeError) as error:
            raise AskedWrongly(f"the format {name} ({point.value}) cannot be imported: {error}") from error
    elif isinstance(present, str):
        module, _, attribute = present.partition(":")
        present = _required(getattr(import_module(module), attribute), present)
    _FORMATS[name] = present
    return present


def has_format_for(path: Path) -> bool:
    """Whether a file's ending names a format."""
    return any(path.suffix.lower() in format_named(name).suffixes for name in format_names())


def format_of(path: Path) -> type[Format]:
    """The format that a file's ending names. Raises `AskedWrongly` where none ends so."""
    formats = [format_named(name) for name in format_names()]
    for kind in formats:
        if path.suffix.lower() in kind.suffixes:
            return kind
    endings = ", ".join(f"{kind.name} ({' '.join(kind.suffixes)})" for kind in formats if kind.suffixes)
    raise AskedWrongly(f"{path}: no format ends so; there are {endings}")


def _place_of(kind: type[Format]) -> tuple[str, str]:
    return kind.__module__, kind.__qualname__


def _required(kind: object, where: str) -> type[Format]:
    if not (isinstance(kind, type) and issubclass(kind, Format)):
        raise AskedWrongly(f"{where} is no format; expected a class derived from her2path.Format")
    return kind


def _entry_points() -> dict[str, EntryPoint]:
    """The formats of other packages by name, none imported yet; looking takes some milliseconds."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}
