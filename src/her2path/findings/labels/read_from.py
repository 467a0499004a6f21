"""Which recorded facts a fact of a table follows from, and by which codes a record says them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...facts.arithmetic import RULES
from ...facts.pages.followed import read_followed
from ...facts.therapy_codes import BLANK_CELLS
from ...facts.words.rows import rows_in
from ...history.drug_codes import drug_codes
from ...history.kinds import KINDS
from ...history.sources import sources_by
from ...tables.library import Knowledge

OWN = "HER2PATH"
"""The system of our own codes: they say the name of the fact and nothing of the world's."""
_HEADS = ("system", "adverse event system")


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system that says a fact, with how far that was verified."""

    system: str
    code: str
    display: str
    verified: str


@dataclass(frozen=True, slots=True)
class ReadFact:
    """A fact that a table asks for: what it follows from, whether a table decides it, and its codes if it has any."""

    name: str
    follows_from: tuple[str, ...]
    is_outcome: bool
    codes: tuple[Code, ...]

    def as_json(self) -> dict[str, Any]:
        """The fact as the command prints it with `--json`."""
        codes = [{"system": c.system, "code": c.code, "display": c.display, "verified": c.verified} for c in self.codes]
        follows = list(self.follows_from)
        return {"fact": self.name, "is_outcome": self.is_outcome, "follows_from": follows, "codes": codes}


def read_facts(names: Iterable[str], knowledge: Knowledge) -> list[ReadFact]:
    """Every fact named, and whatever these follow from, each once and in the order in which they are met."""
    found: dict[str, ReadFact] = {}
    waiting = list(names)
    outcomes = {name for edition in knowledge.editions for name in edition.tables}
    follows, codes = _follows(knowledge), _codes_in(knowledge.folder / "codes" / "therapy")
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        of = () if name in outcomes else tuple(each for each in follows.get(name, ()) if each != name)
        found[name] = ReadFact(name, of, name in outcomes, codes.get(name, ()))
        waiting += of
    return list(found.values())


def _follows(knowledge: Knowledge) -> Mapping[str, tuple[str, ...]]:
    """By fact the facts behind it: by arithmetic, by what is followed of a record, by the events of a course."""
    follows: dict[str, tuple[str, ...]] = {}
    by_kind: dict[int, list[str]] = {}
    for fact, kind in KINDS.items():
        by_kind.setdefault(kind, []).append(fact)
    for fact, sources in sources_by(drug_codes(knowledge)).items():
        kinds = dict.fromkeys(kind for source in sources for kind in source.kinds)
        follows[fact] = tuple(name for kind in kinds for name in by_kind.get(kind, ()))
    follows |= {rule.result: rule.inputs for rule in RULES}
    followed = read_followed(knowledge.folder)
    for each in followed.facts:
        follows[each.fact] = tuple(dict.fromkeys(name for group in each.of for name in group))
    for joined in followed.joined:
        follows[joined.fact] = joined.of
    for multiple in followed.multiples:
        follows[multiple.multiple] = (multiple.value, multiple.limit)
    return follows


@lru_cache(maxsize=4)
def _codes_in(folder: Path) -> Mapping[str, tuple[Code, ...]]:
    """By fact the codes of the tables of a folder, in their order; what has no code of the world's is left out."""
    codes: dict[str, list[Code]] = {}
    for path in sorted(folder.glob("*.md")):
        for row in rows_in(path):
            system = next((row[head] for head in _HEADS if head in row), "")
            fact = row.get("fact", "")
            if system and fact not in BLANK_CELLS and system != OWN:
                code = Code(system, row.get("code", ""), row.get("display", ""), row.get("verified", ""))
                codes.setdefault(fact, []).append(code)
    return {fact: tuple(each) for fact, each in codes.items()}
