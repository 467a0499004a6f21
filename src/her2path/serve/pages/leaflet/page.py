"""The leaflet of one patient as one printed page, and where each of its sentences comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ....answers.days import in_words
from ....findings.reviews import PatientReview
from ....tables.library import Knowledge
from ...loaded import Loaded
from ..patient import find, not_found
from ..rendering import page
from .known import NoLeaflet, known_of
from .reading import Measure, measure
from .sentences import NEEDS_A_PERSON, Section, Sentence, Words, leaflet_path, read_words


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence as it is printed for one patient, with where it comes from."""

    words: str
    sentence: Sentence

    @property
    def needs_a_person(self) -> bool:
        return self.sentence.level == NEEDS_A_PERSON


@dataclass(frozen=True, slots=True)
class Part:
    """A section as it is printed: its heading, what it says in large letters, and its sentences."""

    section: Section
    heading: str
    big: Sequence[Said]
    said: Sequence[Said]


@dataclass(frozen=True, slots=True)
class Leaflet:
    """A leaflet: its parts, and how hard it is to read."""

    drug: str
    parts: Sequence[Part]
    reading: Measure

    @property
    def sentences(self) -> list[Said]:
        """Every sentence, in its order."""
        return [said for part in self.parts for said in (*part.big, *part.said)]

    def of(self, *forms: str) -> list[Part]:
        """The parts of some forms."""
        return [part for part in self.parts if part.section.form in forms]


def leaflet_of(review: PatientReview, words: Words, knowledge: Knowledge) -> Leaflet:
    """The leaflet of a review. Raises `NoLeaflet`, in words for the clinician."""
    known = known_of(review, words, knowledge)
    parts = []
    for section in words.sections:
        told = [
            Said(each.filled(known), each)
            for each in words.sentences if each.section == section.name and each.fits(known)
        ]  # fmt: skip
        if told:
            big, rest = ([each for each in told if each.sentence.is_big is is_big] for is_big in (True, False))
            parts.append(Part(section, section.heading.format(**known), big, rest))
    text = [each.words for part in parts for each in part.said] + [part.heading for part in parts]
    return Leaflet(known["drug"], parts, measure(text))


def routes(loaded: Loaded) -> list[BaseRoute]:
    """The address of the leaflet. Raises `KnowledgeError` where its sentences cannot be read."""
    knowledge = loaded.knowledge
    words = read_words(leaflet_path(knowledge.folder), knowledge.sources)

    def endpoint(request: Request) -> Response:
        return leaflet(request, loaded, words)

    return [Route("/leaflet", endpoint)]


def leaflet(request: Request, loaded: Loaded, words: Words) -> Response:
    """The page."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    review, which = opened.review, request.query_params.get("which", "")
    try:
        made = leaflet_of(review, words, loaded.knowledge)
    except NoLeaflet as why:
        return page(request, loaded, "no_leaflet.html", id=review.patient, which=which, why=str(why))
    return page(
        request, loaded, "leaflet.html", id=review.patient, which=which, leaflet=made,
        made_on=in_words(loaded.settings.on), sources=loaded.knowledge.sources,
    )  # fmt: skip
