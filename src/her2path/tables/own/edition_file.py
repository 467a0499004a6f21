"""An edition in a file of one's own, proven before it is used, beside the knowledge in use.

It brings its own sources in a table headed `key`, as in `sources.md`. It is never chosen by itself: who wants it names
it, where the key of an edition may stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ...facts.problem import AskedWrongly, KnowledgeError, Problem
from ..cases import run_cases
from ..edition import Edition, is_edition_file
from ..library import Knowledge
from ..load import read_edition_files
from ..proof import prove
from .faults import first_faults


def read_own_edition(path: Path, knowledge: Knowledge) -> Edition:
    """The edition of a file, proven with its worked cases, on the facts and sources in use.

    Raises `AskedWrongly` where there is no such file, and `KnowledgeError` with every first fault of it.
    """
    if not path.is_file():
        raise AskedWrongly(f"there is no file {path}; name a file of an edition (.md), or the key of one")
    shipped = next((each for each in knowledge.editions if _is_same(each.path, path)), None)
    if shipped is not None:
        return shipped
    editions, problems = read_edition_files([path], knowledge.facts, knowledge.sources)
    if editions and not problems:
        problems = [*_clashes(editions[0], knowledge)]
    if problems or not editions:
        raise KnowledgeError(first_faults(problems))
    edition = replace(editions[0], topic=topic_of(editions[0], knowledge), own=True)
    alone = Knowledge(path, knowledge.facts, knowledge.sources, [edition, *_lenders(edition, knowledge)])
    if problems := [*prove(alone)] or [each for each in run_cases(alone) if each.path == path]:
        raise KnowledgeError(first_faults(problems))
    return edition


def _is_same(shipped: Path, path: Path) -> bool:
    return shipped.name == path.name and shipped.resolve() == path.resolve()


def _clashes(edition: Edition, knowledge: Knowledge) -> Iterable[Problem]:
    """What of a file says the same name as what is in use, and means another thing."""
    path = edition.path
    if any(each.key == edition.key for each in knowledge.editions):
        what = f"an edition in use is called {edition.key} already"
        yield Problem(path, edition.line, "bad edition", what, "give yours a key of its own, such as my-" + edition.key)
    if edition.supplement:
        what = "a supplement lends its tables to other editions, so no key can name it"
        advice = "put it into a folder and give that with --knowledge, or drop the entry"
        yield Problem(path, edition.line, "bad edition", what, advice)
    for source in edition.sources.values():
        other = knowledge.sources.get(source.key)
        if other is not None and (other.reference, other.address) != (source.reference, source.address):
            what = f"the source {source.key} stands in sources.md already, and is another: {other.reference}"
            yield Problem(path, source.line, "bad source", what, "give yours a key of its own")
    if not edition.tables:
        what = "the file has no table of rows, so it decides nothing"
        yield Problem(path, edition.line, "bad edition", what, "head a table | row | `fact` | => `outcome` | ...")


def topic_of(edition: Edition, knowledge: Knowledge) -> str:
    """The topic among whose editions one of one's own stands: that of the edition in use that is most like it.

    Its supplements lend it their tables, as they do to those. Likest is who decides the same outcomes, then who decides
    for the same. Where nobody decides its outcomes, the topic is the name of the folder it lies in.
    """
    mine = set(edition.tables)
    able = [each for each in knowledge.editions if not each.supplement and mine & set(each.tables)]
    if not able:
        return edition.topic

    def likeness(other: Edition) -> tuple[float, bool, bool]:
        theirs = set(other.tables)
        same_scope = (other.scope, set(other.scope_values)) == (edition.scope, set(edition.scope_values))
        return len(mine & theirs) / len(mine | theirs), same_scope, other.jurisdiction == edition.jurisdiction

    return max(able, key=likeness).topic


def _lenders(edition: Edition, knowledge: Knowledge) -> list[Edition]:
    return [each for each in knowledge.editions if each.supplement and each.topic == edition.topic]


def with_edition(knowledge: Knowledge, path: Path) -> Knowledge:
    """The same knowledge with the edition of a file, to be named by its key. Raises as `read_own_edition`."""
    return knowledge.with_editions([read_own_edition(path, knowledge)])


def named_edition(name: str, knowledge: Knowledge) -> tuple[Knowledge, str]:
    """The knowledge and the key that a name means: a key as it is, or the path of a file. Raises as those."""
    if not is_edition_file(name):
        return knowledge, name
    edition = read_own_edition(Path(name), knowledge)
    return knowledge.with_editions([edition]), edition.key
