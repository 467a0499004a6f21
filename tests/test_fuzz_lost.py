"""Mutants of records, settings and knowledge: nothing crashes, hangs, is lost, is read wrongly, or makes a conclusion firmer.

The short form of `bench/fuzz.py`. That it would see a fault is shown by faults that are planted.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fuzz.fhir
import fuzz.pages
import fuzz.tables
from fuzz.families import FAMILIES
from fuzz.fhir import BASES, FORMS, Fhir, Reading, conclusion_of
from fuzz.judged import FAULTS, Fault, Tally, Verdict, judged, shrunk, tallied
from fuzz.tables import FORMS as TABLE_FORMS
from fuzz.tables import Tables
from her2path.read.fhir.resources import medication, observation
from her2path.record.event import Record
from her2path.tables.site import Site

SEED = 20_250_915
TRIED = {"fhir": 800, "tables": 250, "settings": 300, "knowledge": 60}
RANDOM = {"fhir": 100, "tables": 40, "settings": 40, "knowledge": 10}
AT_MOST: dict[str, dict[str, int]] = {
    "fhir": {},
    "tables": {},
    "settings": {},
    "knowledge": {},
}
"""Of the mutants of `TRIED` so many may be at fault; what is not listed may not at all. Numbers here only ever go down."""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    conclusion_of(0)  # before anything is planted
    return tmp_path / "mutants"


def over(tally: Tally, name: str, share: float = 1.0, more: int = 0) -> list[str]:
    """What of a tally is more than it may be, with an example of each; `more` are chance."""
    return [
        f"{kind}: {tally.faults[kind]} of {tally.tried}; such as {how}: {about}"
        for kind in FAULTS
        if tally.faults[kind] > AT_MOST[name].get(kind, 0) * share + more
        for (of, how), about in list(tally.examples.items())
        if of == kind
    ]


@pytest.mark.parametrize("name", TRIED)
def test_of_mutants_with_fixed_seeds_nothing_is_lost(name: str, scratch: Path) -> None:
    tally = Tally()
    for start in range(0, TRIED[name], 200):
        tally.merge(tallied(FAMILIES[name], SEED + start, min(200, TRIED[name] - start), scratch))
    assert tally.tried == TRIED[name]
    assert not over(tally, name)


@pytest.mark.parametrize("name", RANDOM)
def test_of_mutants_with_random_seeds_nothing_is_lost(name: str, scratch: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    tally = tallied(FAMILIES[name], seed, RANDOM[name], scratch)
    assert not over(tally, name, RANDOM[name] / TRIED[name] * 2, more=3), seed


@pytest.mark.parametrize("form", FORMS)
def test_of_patients_as_they_are_everything_is_read(form: str, scratch: Path) -> None:
    verdicts = judged(Fhir(), [Fhir().control(base, form) for base in range(BASES)], scratch)
    assert [verdict.faults for verdict in verdicts] == [[]] * BASES
    assert {verdict.ended for verdict in verdicts} <= {"read", "told"}  # told: what stands in types that are not read


@pytest.mark.parametrize("form", TABLE_FORMS)
def test_of_tables_as_they_are_everything_is_read(form: str, scratch: Path) -> None:
    (verdict,) = judged(Tables(), [Tables().control(form)], scratch)
    assert verdict == Verdict("read", [])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_mutant_follows_from_its_seed(name: str) -> None:
    family = FAMILIES[name]
    for seed in range(len(family.kinds)):
        one, other = (family.mutant(seed, family.kinds[seed]) for _ in range(2))
        assert one.files == other.files


def test_every_mutation_changes_something() -> None:
    for name, family in FAMILIES.items():
        for kind in set(family.kinds):
            listed = {tuple(family.mutant(seed, kind).files.values()) for seed in range(30)}
            assert len(listed) > 3 or kind == "row groups", (name, kind)


# -- faults that are planted -------------------------------------------------------------------


def faults_of(scratch: Path, seconds: float = 20.0) -> list[Fault]:
    """What the fuzz sees of patients as they are."""
    mutants = [Fhir().control(base, form) for base, form in zip(range(12), FORMS * 4, strict=True)]
    return [fault for verdict in judged(Fhir(), mutants, scratch, seconds) for fault in verdict.faults]


def test_a_reader_that_drops_a_heart_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "read_clinical", lambda *_: iter(()))
    found = faults_of(scratch)
    assert {fault.kind for fault in found} == {"lost"}
    assert any("lvef: neither read nor told" in fault.what for fault in found)


def test_a_reader_that_drops_a_test_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "read_observation", lambda *_: iter(()))
    assert any(fault.kind == "lost" and "her2" in fault.what for fault in faults_of(scratch))


def test_a_reader_that_drops_a_dose_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medication, "_given", lambda *_: iter(()))
    assert any(fault.kind == "lost" and "drug" in fault.what for fault in faults_of(scratch))


def changed(change: Callable[[Any], Any]) -> Callable[..., Iterator[Any]]:
    """The reader of observations of the therapy, each of its events changed."""
    honest = observation.read_clinical

    def reader(*asked: Any) -> Iterator[Any]:
        return (change(said) if hasattr(said, "fact") else said for said in honest(*asked))

    return reader


def test_a_reader_that_reads_another_number_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace
    from decimal import Decimal

    monkeypatch.setattr(observation, "read_clinical", changed(lambda event: replace(event, value=Decimal(61))))
    found = [fault for fault in faults_of(scratch) if fault.kind == "wrong"]
    assert any("is read as 61, which its resource does not say" in fault.what for fault in found)


def test_a_reader_that_reads_another_day_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt
    from dataclasses import replace

    monkeypatch.setattr(observation, "read_clinical", changed(lambda event: replace(event, day=dt.date(2025, 1, 2))))
    assert any("is dated 2025-01-02" in fault.what for fault in faults_of(scratch))


def test_a_reader_that_raises_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reader(*_: Any) -> Iterator[Any]:
        raise LookupError("planted")

    monkeypatch.setattr(observation, "read_clinical", reader)
    monkeypatch.setattr("her2path.read.fhir.patient.WRONG_TYPES", (ValueError,))
    found = faults_of(scratch)
    assert {fault.kind for fault in found} == {"crashed"}


def test_a_reader_that_hangs_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reader(path: Path, *_: Any) -> Iterator[Any]:
        while b"echo2-" in b"".join(file.read_bytes() for file in path.iterdir()):
            time.sleep(0.01)
        return iter(())

    monkeypatch.setattr(fuzz.fhir, "read_records", reader)
    (verdict,) = judged(Fhir(), [Fhir().control(0, FORMS[2])], scratch, seconds_each=0.2)
    assert [fault.kind for fault in verdict.faults] == ["hung"]


def test_a_conclusion_that_gets_firmer_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reading, "concluded", lambda *_: ("negative", "before start"))
    tally = tallied(Fhir(), 0, 60, scratch, only="type changed")
    assert tally.faults["firmer"] > 5


def without_last(honest: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A reader of records that drops the last event of each without a word."""

    def reader(*asked: Any) -> Iterator[Any]:
        for item in honest(*asked):
            if isinstance(item, Record):
                (item.course or item.events).pop()
            yield item

    return reader


@pytest.mark.parametrize("form", TABLE_FORMS)
def test_a_row_or_cell_that_is_dropped_is_seen(form: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz.tables, "read_records", without_last(fuzz.tables.read_records))
    (verdict,) = judged(Tables(), [Tables().control(form)], scratch)
    assert "lost" in {fault.kind for fault in verdict.faults}


def test_a_setting_that_is_dropped_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz.pages, "read_site", lambda *_: Site())
    assert tallied(FAMILIES["settings"], 0, 20, scratch).faults["wrong"] > 5


def test_a_row_of_knowledge_that_is_dropped_is_seen(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fuzz.pages.read_edition

    def reader(*asked: Any) -> Any:
        edition, problems = honest(*asked)
        if edition is not None:
            del edition.cases[-1:]
        return edition, problems

    monkeypatch.setattr(fuzz.pages, "read_edition", reader)
    assert tallied(FAMILIES["knowledge"], 0, 20, scratch, only="huge").faults["lost"] > 3


def test_what_is_found_is_made_small(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "read_clinical", lambda *_: iter(()))
    mutant = Fhir().control(0, FORMS[2])
    (verdict,) = judged(Fhir(), [mutant], scratch)
    small = shrunk(Fhir(), mutant, verdict.faults[0], scratch, tries=60)
    assert len(small.files["0"]) < len(mutant.files["0"]) / 2
    (again,) = judged(Fhir(), [small], scratch)
    assert verdict.faults[0].how in {fault.how for fault in again.faults}
