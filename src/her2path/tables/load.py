"""Knowledge loaded: read, proven, and kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from ..facts.cache import kept
from ..facts.fact import Facts, read_facts
from ..facts.folder import MEASURES, NO_TABLES, OWN_EDITIONS, VIGNETTES, knowledge_folder
from ..facts.pages.followed import prove_followed
from ..facts.pages.numbers import prove_numbers
from ..facts.pages.page import is_page
from ..facts.pages.preparation import prove_preparation
from ..facts.pages.products import prove_products
from ..facts.problem import KnowledgeError, Problem
from ..facts.source import Sources, read_sources
from ..facts.words.given import path_given
from .edition import Edition, read_edition
from .library import Knowledge


def read_facts_and_sources(folder: Path) -> tuple[Facts, Sources]:
    """`facts.md` and `sources.md` of a folder. Raises `KnowledgeError`, also for a file that cannot be read."""
    path = folder / "facts.md"
    try:
        facts = read_facts(path)
        path = folder / "sources.md"
        return facts, read_sources(path)
    except OSError as error:
        what = f"the file cannot be read: {error}"
        raise KnowledgeError([Problem(path, 1, "unreadable", what, "write Markdown in UTF-8")]) from error


def read_editions(folder: Path, facts: Facts, sources: Sources) -> tuple[list[Edition], list[Problem]]:
    """Every edition file in the topic folders below `folder`, with the problems found."""
    paths = [path for path in sorted(folder.glob("*/*.md")) if path.parent.name not in NO_TABLES]
    editions, problems = read_edition_files([path for path in paths if not is_page(path)], facts, sources)
    own = {folder / place for place in _own_places(folder)}
    for edition in editions:
        edition.own = edition.path in own
    return sorted(editions, key=lambda edition: not edition.own), problems


def _own_places(folder: Path) -> list[str]:
    """The editions of merged knowledge that are one's own (`own/overlay.py`); none elsewhere."""
    listed = folder / OWN_EDITIONS
    return listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []


def read_edition_files(paths: Iterable[Path], facts: Facts, sources: Sources) -> tuple[list[Edition], list[Problem]]:
    """The editions of some files, with the problems found; a file that cannot be read is one of them."""
    editions: list[Edition] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            edition, faults = read_edition(path, facts, sources)
        except KnowledgeError as faulty:
            problems += faulty.problems
            continue
        except OSError as error:
            problems.append(
                Problem(path, 1, "unreadable", f"the file cannot be read: {error}", "write Markdown in UTF-8")
            )
            continue
        problems += faults
        if edition is not None:
            twice = next((e for e in editions if (e.topic, e.key) == (edition.topic, edition.key)), None)
            if twice is not None:
                what = f"two editions are called {edition.key}; the other is {twice.path.name}"
                problems.append(Problem(path, edition.line, "edition twice", what, "give one of them another key"))
            editions.append(edition)
    return editions, problems


def read_unproven(folder: Path) -> tuple[Knowledge, list[Problem]]:
    """All knowledge below a folder as it is written, with the problems of reading it; nothing is proven yet."""
    facts, sources = read_facts_and_sources(folder)
    editions, problems = read_editions(folder, facts, sources)
    return Knowledge(folder, facts, sources, editions), problems + prove_pages(folder, facts, sources)


def prove_pages(folder: Path, facts: Facts, sources: Sources) -> list[Problem]:
    """What is wrong with the pages beside the editions; knowledge without the fact `product` needs none."""
    if "product" not in facts:
        return []
    products, numbers = prove_products(folder, facts, sources), prove_numbers(folder, sources)
    preparation = prove_preparation(folder, facts, sources)
    return [*products, *numbers, *preparation, *prove_followed(folder, facts, sources)]


def read_knowledge(folder: str | Path | None = None) -> Knowledge:
    """Read and prove all knowledge below `folder` (by default that in use, see `knowledge_folder`).

    Raises `KnowledgeError` with every problem found. Worked cases are run by `cases.check`, not here.
    The knowledge in use is kept once it is proven (`facts/cache.py`).
    """

    if folder is None:
        return kept_knowledge(knowledge_folder(), lambda: read_proven(knowledge_folder()))
    return read_proven(path_given(folder, "folder"))


def read_proven(folder: Path) -> Knowledge:
    """Read and prove all knowledge below a folder, whatever is kept of it.

    Raises `KnowledgeError` with every problem.
    """
    from .proof import prove

    knowledge, problems = read_unproven(folder)
    problems += prove(knowledge)
    if problems:
        raise KnowledgeError(sorted(problems))
    return knowledge


def default_knowledge() -> Knowledge:
    """The knowledge in use (`knowledge_folder`), read and proven once."""
    return _read_once(knowledge_folder())


@cache
def _read_once(folder: Path) -> Knowledge:
    return kept_knowledge(folder, lambda: read_proven(folder))


def kept_knowledge(folder: Path, read: Callable[[], Knowledge]) -> Knowledge:
    """The knowledge of a folder: as kept, or as `read` makes it, which is then kept."""
    sources = [path for path in sorted(folder.rglob("*.md")) if path.parent.name not in (MEASURES, VIGNETTES)]
    return kept(f"knowledge-{folder.name}", sources, read)
