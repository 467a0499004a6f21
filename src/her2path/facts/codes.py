"""Codes: what each code of each system means, as `knowledge/codes/` lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from .cache import kept
from .fact import Facts
from .folder import knowledge_folder
from .mapping.entries import SiteMapping
from .mapping.tables import extended
from .markdown import code_names, plain, read_markdown
from .problem import KnowledgeError, Problem
from .therapy_codes import TherapyCodes, read_therapy_codes
from .words.names import Names, read_names
from .words.systems import keys_of, system_name
from .words.texts import Texts, read_texts

__all__ = ["TELLING", "Codes", "Key", "check_digit_holds", "codes_of", "read_codes", "system_name"]

TELLING = ("ratio", "her2_copies", "cep17_copies", "cells", "ish", "ihc", "overall", "panel")
"""Where one observation carries several codings, the first of these counts."""

Key = tuple[str, str]


@dataclass(slots=True)
class Codes:
    """Meanings by (system, code). `test_sites` are codes that name the organ they test; `texts` what laboratories
    write, `names` what records call things.
    """

    tests: dict[Key, str] = field(default_factory=dict)
    test_sites: dict[Key, str] = field(default_factory=dict)
    answers: dict[Key, str] = field(default_factory=dict)
    specimens: dict[Key, str] = field(default_factory=dict)
    diagnoses: dict[Key, tuple[str, str]] = field(default_factory=dict)
    therapy: TherapyCodes = field(default_factory=TherapyCodes)
    texts: Texts = field(default_factory=Texts)
    names: Names = field(default_factory=Names)
    mapping: SiteMapping | None = None
    """The mapping of a site, whose entries stand in the tables too."""

    def diagnosis(self, key: Key) -> tuple[str, str]:
        """The tumour site and the HER2 status a diagnosis claims; "" where it says nothing.

        Codes of ICD are looked up with their longer forms: C50.911 is found under C50.
        """
        return next((self.diagnoses[form] for form in keys_of(*key) if form in self.diagnoses), ("", ""))

    def knows(self, key: Key) -> bool:
        """Whether a table says what a code means, be it that nothing is to be read from it; answers apart."""
        if not key[0]:
            return False
        therapy = self.therapy
        if key in self.tests or key in therapy.measures or therapy.drug(key) is not None:
            return True
        return any(form in therapy.claims or form in self.diagnoses for form in keys_of(*key))


def read_codes(folder: Path | None = None) -> Codes:
    """The code tables of the knowledge in use, or those in the folder of codes `folder`."""
    return _read_once(folder or knowledge_folder() / "codes")


def codes_of(facts: Facts) -> Codes:
    """The code tables beside some facts, with the site's mapping; of the knowledge in use where none stand there."""
    folder = facts.path.parent / "codes"
    codes = read_codes(folder if folder.is_dir() else None)
    return codes if facts.mapping is None else _mapped(folder, facts.mapping)


@lru_cache(maxsize=8)
def _mapped(folder: Path, mapping: SiteMapping) -> Codes:
    codes: Codes = extended(read_codes(folder if folder.is_dir() else None), mapping)
    return codes


@cache
def _read_once(folder: Path) -> Codes:
    return kept("codes", sorted(folder.rglob("*.md")), lambda: _read_codes(folder))


def _read_codes(folder: Path) -> Codes:
    """Read the code tables of a folder. Raises `KnowledgeError` with every row that misses a cell."""
    codes = Codes()
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.md")):
        try:
            document = read_markdown(path)
        except KnowledgeError as faulty:
            problems += faulty.problems
            continue
        except OSError as error:
            what = f"the file cannot be read: {error}"
            problems.append(Problem(path, 1, "unreadable", what, "write Markdown in UTF-8"))
            continue
        problems += document.problems()
        for _, grid in document.grids():
            for line, record in grid.records():
                try:
                    _take(codes, record)
                except (KeyError, IndexError):
                    what = f"the row of a code misses what it means: {' | '.join(record.values())[:100]}"
                    advice = (
                        "a table of codes has system, code, display, and means, answer, kind, or site and her2_status"
                    )
                    problems.append(Problem(path, line, "bad code", what, advice))
    if problems:
        raise KnowledgeError(problems)
    codes.therapy = read_therapy_codes(folder / "therapy")
    codes.texts, codes.names = read_texts(folder), read_names(folder)
    return codes


def _take(codes: Codes, record: dict[str, str]) -> None:
    """Take in one row. Raises `KeyError` or `IndexError` where a cell is missing or blank that must not be."""
    key = (plain(record["system"]), plain(record["code"]))
    if "means" in record:
        codes.tests[key] = code_names(record["means"])[0]
        if site := plain(record.get("site", "")):
            codes.test_sites[key] = site
    elif "answer" in record:
        codes.answers[key] = code_names(record["answer"])[0]
    elif "kind" in record:
        codes.specimens[key] = code_names(record["kind"])[0]
    else:
        codes.diagnoses[key] = (plain(record["site"]), plain(record["her2_status"]))


def check_digit_holds(system: str, code: str) -> bool:
    """Whether a LOINC or SNOMED CT code carries the right check digit.

    LOINC parts and answers (LP..., LA...) are passed over: the rule of numeric codes does not fit them.
    """
    if system == "LOINC":
        number, dash, digit = code.partition("-")
        if not (dash and number.isdigit() and digit.isdigit()):
            return code[:2] in ("LA", "LP", "LL", "LG")
        return _luhn(number) == int(digit)
    if system == "SNOMED":
        return code.isdigit() and 6 <= len(code) <= 18 and _verhoeff(code)
    return True


def _luhn(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return (10 - total % 10) % 10


_D = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 0, 6, 7, 8, 9, 5), (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7), (4, 0, 1, 2, 3, 9, 5, 6, 7, 8), (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2), (7, 6, 5, 9, 8, 2, 1, 0, 4, 3), (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)  # fmt: skip
_P = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def _verhoeff(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _D[check][_P[place % 8][int(digit)]]
    return check == 0
