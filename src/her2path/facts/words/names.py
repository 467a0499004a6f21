"""The names by which records call what matters here, where no code is known (`names.md`)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..folder import shipped_folder
from .alternatives import Alternatives
from .look_alikes import as_seen
from .rows import rows_in
from .texts import folded

TUMOUR, NO_SITE = "tumour", "no site"


@dataclass
class Names:
    """Names by fact, what denies them, and names of tumours by organ."""

    names: dict[str, list[str]] = field(default_factory=dict)
    never: dict[str, list[str]] = field(default_factory=dict)
    organs: dict[str, list[str]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, object]:
        return {"names": self.names, "never": self.never, "organs": self.organs}

    @cached_property
    def _patterns(self) -> dict[str, tuple[Alternatives, Alternatives | None]]:
        return {
            fact: (_any_of(names), _any_of(self.never[fact]) if fact in self.never else None)
            for fact, names in self.names.items()
        }

    @cached_property
    def _of_organs(self) -> dict[str, Alternatives]:
        return {organ: _any_of(names) for organ, names in self.organs.items()}

    def named(self, words: str, facts: tuple[str, ...] = ()) -> list[str]:
        """The facts that words name, also in letters that look like theirs; of `facts` alone, where these are given."""
        asked = [fact for fact in facts or tuple(self._patterns) if fact in self._patterns]
        plain = folded(words)
        named = [fact for fact in asked if _holds(self._patterns[fact], plain)]
        if named or words.isascii() or (seen := folded(as_seen(words))) == plain:
            return named
        return [fact for fact in asked if _holds(self._patterns[fact], seen)]

    def without(self, words: str, fact: str) -> str:
        """Words without the names of a fact."""
        if fact not in self._patterns:
            return words
        plain = folded(words)
        pattern = self._patterns[fact][0].among(plain)
        return plain if pattern is None else pattern.sub(" ", plain)

    def site(self, words: str) -> str:
        """The organ of the tumour that words name; "" where they name none, or several."""
        plain = folded(words)
        organs = self._of_organs
        if not organs or not organs[TUMOUR].search(plain) or organs[NO_SITE].search(plain):
            return ""
        found = [organ for organ, names in organs.items() if organ not in (TUMOUR, NO_SITE) and names.search(plain)]
        return found[0] if len(found) == 1 else ""

    def is_tumour(self, words: str) -> bool:
        """Whether words name a tumour, and no metastasis or benign one."""
        plain = folded(words)
        organs = self._of_organs
        return bool(organs) and bool(organs[TUMOUR].search(plain)) and not organs[NO_SITE].search(plain)

    def organ(self, words: str) -> str:
        """The organ that words name, without asking for a tumour; `other` for one that is not listed."""
        plain = folded(words)
        found = [o for o, names in self._of_organs.items() if o not in (TUMOUR, NO_SITE) and names.search(plain)]
        return found[0] if len(found) == 1 else "" if found else "other"


def _holds(patterns: tuple[Alternatives, Alternatives | None], plain: str) -> bool:
    names, never = patterns
    return names.search(plain) is not None and (never is None or never.search(plain) is None)


def _any_of(names: list[str]) -> Alternatives:
    parts = [re.split(r"[ /*]", name.strip("*")) for name in names]
    return Alternatives(names, _of_all, [max(each, key=len) for each in parts])


def _of_all(names: tuple[str, ...]) -> str:
    return "|".join(f"(?:{_pattern(name)})" for name in names)


def _pattern(name: str) -> str:
    """A name as a pattern of whole words; `*` is any letters, and between its parts may stand a mark or nothing."""
    start = "" if name.startswith("*") else r"(?<![a-z])"
    end = "" if name.endswith("*") else r"(?![a-z])" if name[-1].isalpha() else r"(?!\d)"
    parts = [re.escape(part).replace(r"\*", r"[a-z]*") for part in re.split(r"[ /]", name.strip("*"))]
    return start + r"[ \-_/.,'()]*".join(parts) + ("[a-z]*" if name.endswith("*") else "") + end


def read_names(folder: Path) -> Names:
    """The names in a folder of codes; those that ship where it has none."""
    path = folder / "words" / "names.md"
    names = Names()
    for row in rows_in(path if path.is_file() else shipped_folder() / "codes" / "words" / "names.md"):
        for column, into in (("name", names.names), ("not with", names.never), ("organ named", names.organs)):
            if column in row:
                into.setdefault(row["fact" if "fact" in row else "organ"], []).append(row[column])
    return names
