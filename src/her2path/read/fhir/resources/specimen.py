"""A Specimen: biopsy or resection, of the primary tumour or a metastasis, of which side, and when it was taken."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....facts.codes import system_name
from ....facts.words.sides import side_in
from ....record.event import Tissue
from ..answer import codings_of, text_of
from ..resource import Resource, ResourceType, Surroundings, always
from ..terms import HER2
from .her2_test import read_day, specimen_name

DENIED = re.compile(r"\b(?:no|non|not|without|negative for|free of)\b[\s-]*(?:\w+[\s-]+){0,2}?metasta")
RESECTIONS = ("mastectomy", "gastrectomy", "resection")


def read_specimen(resource: Resource, beside: Surroundings) -> Iterator[Tissue]:
    """The tissue of a specimen, by its id and by the address of its entry."""
    content = resource.parsed()
    collection = content.get("collection")
    collection = collection if isinstance(collection, dict) else {}
    kind, texts = "", []
    for concept in (content.get("type"), collection.get("method"), collection.get("bodySite")):
        texts.append(text_of(concept))
        for coding in codings_of(concept):
            key = (system_name(coding.get("system")), str(coding.get("code")))
            kind = kind or beside.codes.specimens.get(key, "")
            texts.append(str(coding.get("display") or ""))
    words = " ".join(texts).lower()
    if not kind:
        kind = "biopsy" if "biops" in words and "excision" not in words else ""
        kind = kind or ("resection" if any(word in words for word in RESECTIONS) else "")
    place = "metastasis" if "metasta" in words and not DENIED.search(words) else ""
    place = place or ("primary" if "primary" in words else "")
    day, _ = read_day({"effectiveDateTime": collection.get("collectedDateTime") or content.get("receivedTime")})
    for reference in (f"Specimen/{resource.head.id}" if resource.head.id else "", resource.url):
        # Where it is contained in a test, the test names it by where the test stands.
        if name := reference if "#" in reference and reference == resource.url else specimen_name(reference):
            yield Tissue(name, kind, place, day, side_in(words))


SPECIMEN = ResourceType(
    name="Specimen",
    matters=always(HER2),
    read_tests=read_specimen,
    only_some_matter=False,
    days=("collection.collectedDateTime", "receivedTime"),
    reads_address=True,
)
