"""Mutants of settings in TOML and of knowledge in Markdown, and whether each setting and each row is used or told."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from her2path.facts.codes import _read_codes as read_codes_of
from her2path.facts.fact import read_facts
from her2path.facts.folder import knowledge_folder
from her2path.facts.problem import AskedWrongly, KnowledgeError
from her2path.facts.source import read_sources
from her2path.tables.edition import read_edition
from her2path.tables.load import default_knowledge
from her2path.tables.proof import prove_table
from her2path.tables.site import Site, read_site

from .fhir_mutations import ALIKE, bytes_changed, bytes_cut_or_doubled, truncated
from .judged import READ, REFUSED, Fault, Mutant, Verdict, fault_of

SETTINGS = """[site]
name = "St. Elsewhere"
jurisdiction = "eu"

[heart]
lvef_lower_limit = 53
echo_tolerance_days = 21

[dosing]
infusion_volume_ml = 250
round_dose_mg = 10
weight_max_age_days = 60

[treatment]
t_dxd_available = false

[vials]
trastuzumab-iv = [150]
t-dm1 = [100, 160]

[formulary]
trastuzumab-iv = "ogivri"

[prices]
currency = "EUR"
kanjinti = 2.35
ogivri = 2.10

[editions]
"cardiac_action.trastuzumab-iv" = "heart-trastuzumab-us"
"""
FIELDS = {
    "site.name": "name", "site.jurisdiction": "jurisdiction", "heart.lvef_lower_limit": "lvef_lower_limit",
    "heart.echo_tolerance_days": "echo_tolerance_days", "dosing.infusion_volume_ml": "infusion_volume_ml",
    "dosing.weight_max_age_days": "weight_max_age_days",
    "dosing.round_dose_mg": "round_dose_mg", "treatment.t_dxd_available": "t_dxd_available", "prices.currency": "currency",
    "vials.*": "vials", "formulary.*": "preferred", "prices.*": "prices", "editions.*": "editions",
}  # fmt: skip
"""Where each setting of a file stands once it is read."""
Change = Callable[[random.Random, str], str]


def _line(rng: random.Random, text: str, change: Callable[[str], str], wanted: Callable[[str], bool] = bool) -> str:
    lines = text.split("\n")
    listed = [number for number, line in enumerate(lines) if line.strip() and wanted(line)]
    if not listed:
        return text
    number = rng.choice(listed)
    lines[number] = change(lines[number])
    return "\n".join(lines)


def line_dropped(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    del lines[rng.randrange(len(lines))]
    return "\n".join(lines)


def line_twice(rng: random.Random, text: str) -> str:
    return _line(rng, text, lambda line: f"{line}\n{line}")


def line_moved(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def letter_changed(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    sign = rng.choice(
        (
            "",
            "x",
            " ",
            "|",
            "`",
            '"',
            "=",
            "[",
            "\t",
            "\u200b",
            "\u00a0",
            "0",
            "\n",
            "\\",
            "<",
            "-",
            ALIKE.get(text[place], "é"),
        )
    )
    return text[:place] + sign + text[place + 1 :]


def word_changed(rng: random.Random, text: str) -> str:
    words = list(re.finditer(r"\w+", text))
    word = rng.choice(words)
    other = rng.choice(
        (word[0].upper(), word[0][:-1], word[0] + "s", rng.choice(words)[0], "", "none", "-", "999999", "０")
    )
    return text[: word.start()] + other + text[word.end() :]


def number_changed(rng: random.Random, text: str) -> str:
    numbers = list(re.finditer(r"\d+(?:\.\d+)?", text))
    if not numbers:
        return text
    number = rng.choice(numbers)
    other = rng.choice(
        (
            "1e400",
            "-1",
            "0",
            "nan",
            "inf",
            "1_000",
            "0x10",
            "５３",
            "53,5",
            '"53"',
            "true",
            "[1]",
            "{}",
            "9" * 400,
            "53.0000001",
        )
    )
    return text[: number.start()] + other + text[number.end() :]


def nested_brackets(rng: random.Random, text: str) -> str:
    many = rng.choice((3, 500, 5_000))
    return _line(rng, text, lambda line: f"{line.partition('=')[0]}= {'[' * many}{']' * many}")


def huge(rng: random.Random, text: str) -> str:
    return _line(
        rng, text, lambda line: line + rng.choice((" ", "x", "|", "<", "`", "[", "#")) * rng.choice((1_000, 20_000))
    )


def cells_missing(rng: random.Random, text: str) -> str:
    return _line(
        rng, text, lambda line: "|".join(line.split("|")[: rng.randrange(1, 4)]) + rng.choice(("", "|")), _is_row
    )


def cells_swapped(rng: random.Random, text: str) -> str:
    def swapped(line: str) -> str:
        cells = line.split("|")
        if len(cells) > 3:
            one, other = rng.sample(range(1, len(cells) - 1), 2) if len(cells) > 4 else (1, 2)
            cells[one], cells[other] = cells[other], cells[one]
        return "|".join(cells)

    return _line(rng, text, swapped, _is_row)


def separator_broken(rng: random.Random, text: str) -> str:
    return _line(
        rng,
        text,
        lambda line: rng.choice(
            ("", line[: len(line) // 2], line.replace("-", "x", 1), line.replace("|", "", 1), " " * 4 + line)
        ),
        lambda line: line.startswith("|--"),
    )


def _is_row(line: str) -> bool:
    return line.startswith("|")


OF_ANY: dict[str, Change] = {
    "line dropped": line_dropped, "line twice": line_twice, "line moved": line_moved, "letter changed": letter_changed,
    "word changed": word_changed, "number changed": number_changed, "huge": huge,
}  # fmt: skip
OF_BYTES = {"truncated": truncated, "bytes changed": bytes_changed, "bytes cut or doubled": bytes_cut_or_doubled}


def _encoded(rng: random.Random, text: str) -> bytes:
    return text.encode(rng.choice(("utf-16", "utf-8-sig", "latin-1", "utf-32")), "replace")


def _changed(rng: random.Random, kind: str, text: str, changes: dict[str, Change]) -> bytes:
    if kind in changes:
        return changes[kind](rng, text).encode("utf-8", "surrogatepass")
    if kind == "encoding":
        return _encoded(rng, text)
    return OF_BYTES[kind](rng, text.encode())


class _Pages:
    """What both families of texts share."""

    name = ""
    changes: dict[str, Change] = OF_ANY

    def judge(self, mutants: list[Mutant], folder: Path) -> list[Verdict]:
        return [self._judge(mutant, folder) for mutant in mutants]

    def _judge(self, mutant: Mutant, folder: Path) -> Verdict:
        raise NotImplementedError

    def smaller(self, mutant: Mutant) -> Iterator[Mutant]:
        ((name, content),) = mutant.files.items()
        lines = content.splitlines(keepends=True)
        for number in range(len(lines)):
            yield replace(mutant, files={name: b"".join(lines[:number] + lines[number + 1 :])})


class SettingsFiles(_Pages):
    """A site's settings."""

    name = "settings"
    changes = OF_ANY | {"nested brackets": nested_brackets}
    kinds = (*changes, *OF_BYTES, "encoding")

    def mutant(self, seed: int, kind: str | None = None) -> Mutant:
        rng = random.Random(f"settings {seed}")
        kind = kind or rng.choice(self.kinds)
        return Mutant(self.name, seed, kind, "toml", {"site.toml": _changed(rng, kind, SETTINGS, self.changes)})

    def _judge(self, mutant: Mutant, folder: Path) -> Verdict:
        path = folder / "site.toml"
        path.write_bytes(mutant.files["site.toml"])
        try:
            site = read_site(path, default_knowledge())
        except AskedWrongly as refused:
            return Verdict(
                REFUSED,
                []
                if "site.toml" in str(refused)
                else [Fault("lost", mutant.how, f"refused without its place: {refused}")],
            )
        except Exception as error:
            return Verdict(REFUSED, [fault_of(mutant, error)])
        content = tomllib.loads(mutant.files["site.toml"].decode("utf-8-sig"), parse_float=Decimal)
        return Verdict(READ, list(_of_settings(mutant, content, site)))


def _of_settings(mutant: Mutant, content: dict[str, Any], site: Site) -> Iterator[Fault]:
    """Each setting of a file that was taken, held against what stands in the site."""
    for table, values in content.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            field = FIELDS.get(f"{table}.{key}") or FIELDS.get(f"{table}.*")
            if field is None:
                yield Fault("lost", mutant.how, f"[{table}] {key} is no setting, and not told")
                continue
            held = getattr(site, field)
            held = held.get(key) if f"{table}.{key}" not in FIELDS else held
            wanted = tuple(map(Decimal, value)) if isinstance(value, list) else value
            if held not in (wanted, (wanted,)):
                yield Fault("wrong", mutant.how, f"[{table}] {key} = {value!r} is taken as {held!r}")


@cache
def _knowledge_texts() -> tuple[tuple[str, str], ...]:
    """The files of the knowledge that are mutated: facts, sources, codes, and every edition without a score."""
    folder = knowledge_folder()
    names = ["facts.md", "sources.md", *(f"codes/{path.name}" for path in sorted((folder / "codes").glob("*.md")))]
    names += sorted(
        {edition.path.relative_to(folder).as_posix() for edition in default_knowledge().editions if not edition.scores}
    )
    return tuple((name, (folder / name).read_text(encoding="utf-8")) for name in names)


class KnowledgeFiles(_Pages):
    """Facts, sources, codes and editions."""

    name = "knowledge"
    changes = OF_ANY | {
        "cells missing": cells_missing,
        "cells swapped": cells_swapped,
        "separator broken": separator_broken,
    }
    kinds = (*changes, *OF_BYTES, "encoding")

    def mutant(self, seed: int, kind: str | None = None) -> Mutant:
        rng = random.Random(f"knowledge {seed}")
        kind = kind or rng.choice(self.kinds)
        name, text = rng.choice(_knowledge_texts())
        what = (
            name
            if name in ("facts.md", "sources.md")
            else name.partition("/")[0]
            if name.startswith("codes/")
            else "edition"
        )
        return Mutant(self.name, seed, kind, name, {Path(name).name: _changed(rng, kind, text, self.changes)}, what)

    def _judge(self, mutant: Mutant, folder: Path) -> Verdict:
        ((name, content),) = mutant.files.items()
        below = folder / "codes"
        path = (below if mutant.place == "codes" else folder) / name
        try:
            read = {"facts.md": _facts_rows, "sources.md": _source_rows, "codes": _code_rows}.get(
                mutant.place, _edition_rows
            )
            below.mkdir(exist_ok=True)
            path.write_bytes(content)
            known, told = read(path)
        except (AskedWrongly, KnowledgeError) as refused:
            return Verdict(
                REFUSED,
                [] if name in str(refused) else [Fault("lost", mutant.how, f"refused without its place: {refused}")],
            )
        except (OSError, UnicodeDecodeError) as error:
            # Who calls these readers tells both; `codes` has no such caller.
            return Verdict(REFUSED, [fault_of(mutant, error)] if mutant.place == "codes" else [])
        except Exception as error:
            return Verdict(REFUSED, [fault_of(mutant, error)])
        finally:
            if below.exists():
                for old in below.iterdir():
                    old.unlink()
                below.rmdir()
        verdict = Verdict(REFUSED if told else READ)
        if told:  # nothing of a file with a problem is used
            return verdict
        for number, cells in table_rows(content):
            if not known(number, cells):
                verdict.faults.append(
                    Fault(
                        "lost",
                        mutant.how,
                        f"{mutant.form}:{number} {' | '.join(cells)[:200]}: the row is neither used nor told",
                    )
                )
        return verdict


Known = Callable[[int, list[str]], bool]
HEADER = (
    "decides for", "jurisdiction", "in force from", "in force until", "source", "verified", "reviewed by", "supplement", "asked for",
)  # fmt: skip


KINDS = ("row", "case", "edition", "fact", "key", "system")
"""What heads the tables that are read."""


def table_rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Every row of a table that is headed as one of ours, with its number and its cells; whether Markdown sees a table or not."""
    kind = ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", content.decode("utf-8-sig", "replace")), start=1):
        if not line.lstrip().startswith("|"):
            kind = ""
            continue
        cells = [cell.replace("`", "").replace("**", "").strip() for cell in line.strip().strip("|").split("|")]
        if not kind:
            kind = cells[0] or "-"
        elif kind in KINDS and not re.fullmatch(r"[\s|:x-]*", line):
            yield number, cells


def _facts_rows(path: Path) -> tuple[Known, bool]:
    facts = read_facts(path)
    lines = {fact.line for fact in facts.values()}
    return lambda number, cells: number in lines or not re.fullmatch(r"[a-z0-9_]+", cells[0]), False


def _source_rows(path: Path) -> tuple[Known, bool]:
    sources = read_sources(path)
    lines = {source.line for source in sources.values()}
    return lambda number, cells: number in lines or len(cells) < 5, False


def _code_rows(path: Path) -> tuple[Known, bool]:
    codes = read_codes_of(path.parent)
    known = {*codes.tests, *codes.answers, *codes.specimens, *codes.diagnoses}
    return lambda _number, cells: len(cells) < 2 or (cells[0], cells[1]) in known, False


def _edition_rows(path: Path) -> tuple[Known, bool]:
    facts, sources = default_knowledge().facts, default_knowledge().sources
    edition, problems = read_edition(path, facts, sources)
    if edition is None or problems:
        return lambda _number, _cells: True, True
    problems = [problem for table in edition.tables.values() for problem in prove_table(table, facts)]
    lines = {row.line for table in edition.tables.values() for row in table.rows} | {
        case.line for case in edition.cases
    }

    def known(number: int, cells: list[str]) -> bool:
        return number in lines or cells[0] in HEADER

    return known, bool(problems)


__all__ = ["KnowledgeFiles", "SettingsFiles", "json", "table_rows"]
