"""A population under several editions, from the facts of its run: counts, who changes, what follows, two texts of a measure."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from her2path import AskedWrongly, Population, Site, population
from her2path.cli.group import main
from her2path.cohort.changes import changes
from her2path.cohort.population import editions as module
from her2path.cohort.report.flow import flow_of
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge

ON = "2026-02-17"
EDITIONS = ["asco-cap-2013", "asco-cap-2018", "asco-cap-2023"]
NAMES = ["patient", "date", "fact", "value", "product", "specimen", "hospital"]
TESTS = {
    "pos": {"ihc_score": "3+"},
    "neg": {"ihc_score": "1+"},
    "group2": {"ihc_score": "2+", "her2_cep17_ratio": "2.1", "her2_copies": "3.2"},
    "group2-treated": {"ihc_score": "2+", "her2_cep17_ratio": "2.1", "her2_copies": "3.2"},
    "group4": {"ihc_score": "2+", "her2_cep17_ratio": "1.4", "her2_copies": "4.5"},
    "unread": {"ihc_score": "see report"},
    "untested": {},
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("editions") / "labs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, restval="")
        writer.writeheader()
        for number, (name, tests) in enumerate(TESTS.items()):
            row = {"patient": name, "hospital": "North" if number % 2 else "O'Hara, \"East\""}
            for fact, value in {"sex": "female", "birth_date": "1970-05-01", "stage": "2", "setting": "adjuvant"}.items():
                writer.writerow({**row, "fact": fact, "value": value})
            for fact, value in tests.items():
                writer.writerow({**row, "fact": fact, "value": value, "date": "2025-01-02", "specimen": "core"})
            if name in ("pos", "group2-treated"):
                writer.writerow({**row, "fact": "dose_mg_per_kg", "value": "8", "date": "2025-02-03", "product": "trastuzumab-iv"})
                writer.writerow({**row, "fact": "dose_given", "value": "yes", "date": "2025-02-03", "product": "docetaxel"})
    return path


@pytest.fixture(scope="module")
def made(source: Path) -> Population:
    return population(
        source, source.parent / "hospital", on=ON, jurisdiction="us", carry=["hospital"], editions=EDITIONS, parts=3
    )


def test_each_patient_by_each_edition(made: Population) -> None:
    """Decided beforehand: group 2 is positive in 2013 and open in 2018; group 4 with IHC 2+ is equivocal, then open."""
    by = {key: made.to_arrow("patients", key) for key in EDITIONS}
    status = {key: dict(zip(table["patient"].to_pylist(), table["her2_status"].to_pylist(), strict=True)) for key, table in by.items()}
    assert status["asco-cap-2013"] == {
        "pos": "positive", "neg": "negative", "group2": "positive", "group2-treated": "positive", "group4": "equivocal",
        "unread": None, "untested": None,
    }  # fmt: skip
    later = {**status["asco-cap-2013"], "group2": None, "group2-treated": None, "group4": None}
    assert status["asco-cap-2018"] == status["asco-cap-2023"] == later


def test_the_flow_and_who_changes(made: Population) -> None:
    flow = flow_of(made.folder, EDITIONS)
    assert flow.paths == {
        ("positive",) * 3: 1, ("negative",) * 3: 1, ("undetermined",) * 3: 1, ("not tested",) * 3: 1,
        ("positive", "undetermined", "undetermined"): 2, ("equivocal", "undetermined", "undetermined"): 1,
    }  # fmt: skip
    assert {each.patient for each in flow.changed} == {"group2", "group2-treated", "group4"}
    assert flow.column(0) == {"positive": 3, "equivocal": 1, "undetermined": 1, "negative": 1, "not tested": 1}
    assert flow.follows[0][("HER2-directed therapy, by the status", "eligible", "open")] == 2
    assert flow.follows[1] == {}
    (mover,) = [each for each in flow.changed if each.patient == "group2"]
    assert "ish_group:2" in mover.rows[1]
    assert "ish_group:2" not in mover.rows[0]


def test_the_flow_is_what_the_source_reviewed_twice_says(made: Population, source: Path) -> None:
    """`diff --patients` reads the source again and reviews it by both; from the facts the same patients move."""
    settings = Settings(dt.date.fromisoformat(ON), jurisdiction="us")
    twice = changes(source, *EDITIONS[:2], default_knowledge(), settings, "her2_status")
    flow = flow_of(made.folder, EDITIONS[:2])
    assert {each.patient for each in twice.changed} == {each.patient for each in flow.changed}
    moved = {(a, b.partition(" ")[0]): n for (_, a, b), n in twice.counts("outcomes").items()}
    assert moved == {pair: n for pair, n in flow.step(0).items() if pair[0] != pair[1]}


def test_one_measure_by_two_editions_and_by_two_texts(made: Population) -> None:
    (before,) = made.measure("her2-treated", edition="asco-cap-2013")
    (after,) = made.measure("her2-treated", edition="asco-cap-2023")
    assert (before.met, before.not_met, before.maybe) == (2, 1, 2)
    assert (after.met, after.not_met, after.maybe) == (1, 0, 5)
    # The text of 2019 is counted by the edition of 2013, that of 2026 by the edition of 2023; both ask for chemotherapy.
    assert made.who("her2-treated-2019", "met") == ["group2-treated", "pos"]
    assert made.who("her2-treated-2026", "met") == ["pos"]
    assert "group2" in made.who("her2-treated-2019", "membership undetermined")


def test_what_is_carried_goes_with_every_edition(made: Population) -> None:
    for edition in (None, *EDITIONS):
        table = made.to_arrow("patients", edition)
        hospital = dict(zip(table["patient"].to_pylist(), table["hospital"].to_pylist(), strict=True))
        assert hospital == {name: "North" if n % 2 else "O'Hara, \"East\"" for n, name in enumerate(TESTS)}
    strata = made.measure("her2-tested", by="hospital")
    assert {each.stratum: each.denominator for each in strata} == {"North": 3, "O'Hara, \"East\"": 4}
    with pytest.raises(AskedWrongly, match=r"no such column; there are .*, hospital"):
        made.measure("her2-tested", by="hospitl")


def test_a_column_of_any_name_can_be_carried(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    path.write_text(source.read_text(encoding="utf-8").replace(",hospital\n", ',"order ""by"" 1"\n'), encoding="utf-8")
    odd = population(path, tmp_path / "odd", on=ON, carry=['order "by" 1'])
    assert [each.denominator for each in odd.measure("her2-tested", by='order "by" 1')] == [3, 4]


def test_the_source_is_not_needed_and_a_broken_run_goes_on(
    source: Path, made: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(made.folder, folder)
    shutil.rmtree(folder / "editions")
    done: list[int] = []
    real = module._Part.__call__

    def breaks(self: object, part: int) -> int:
        if part == 2 and not done.count(2):
            done.append(part)
            raise KeyboardInterrupt
        done.append(part)
        return real(self, part)  # type: ignore[arg-type]

    monkeypatch.setattr(module._Part, "__call__", breaks)
    copy = Population(folder)
    with pytest.raises(KeyboardInterrupt):
        copy.review_editions(["asco-cap-2013", "asco-cap-2018"])
    assert copy.editions == []
    copy.review_editions(["asco-cap-2013", "asco-cap-2018"])
    assert done == [0, 1, 2, 2, 0, 1, 2]
    for name in ("findings", "patients", "episodes", "specimens"):
        for edition in copy.editions:
            for path in sorted((made.folder / "editions" / edition / name).iterdir()):
                assert (folder / "editions" / edition / name / path.name).read_bytes() == path.read_bytes()


def test_wrong_requests_are_told(made: Population, tmp_path: Path) -> None:
    told = run("editions", made.folder, "asco-cap-2013", "asco-cap-2019")
    assert (told.exit_code, "did you mean asco-cap-201" in told.stderr) == (2, True)
    assert "name two editions at least" in run("editions", made.folder, "asco-cap-2013").stderr
    assert "holds no population that is done" in run("editions", tmp_path).stderr
    with pytest.raises(AskedWrongly, match="made with other settings"):
        made.review_editions(EDITIONS, settings=Site(accept_recorded_status=True))
    told = run("measure", made.folder, "her2-treated", "--edition", "asco-cap-2007")
    assert f"her2path editions {made.folder} asco-cap-2007 makes them" in told.stderr


def test_the_command_tells_flow_and_picture(made: Population, tmp_path: Path) -> None:
    text = run("editions", made.folder).stdout
    assert "2  positive -> undetermined" in text
    assert "nobody has another status" in text
    assert "asco-cap-2018: 100.0 % (1 of 1" in text
    who = run("editions", made.folder, *EDITIONS[:2], "--who").stdout.splitlines()
    assert who == [
        "patient, asco-cap-2013, asco-cap-2018", "group2, positive, undetermined", "group2-treated, positive, undetermined",
        "group4, equivocal, undetermined",
    ]  # fmt: skip
    told = json.loads(run("editions", made.folder, "--format", "json").stdout)
    assert told["her2_status"]["asco-cap-2018"] == {"positive": 1, "undetermined": 4, "negative": 1, "not tested": 1}
    picture = tmp_path / "flow.svg"
    assert run("editions", made.folder, "-o", picture).exit_code == 0
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    titles = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "asco-cap-2013 positive to asco-cap-2018 undetermined: 2" in titles


def test_small_counts_are_not_told_and_nobody_is_named(made: Population) -> None:
    told = json.loads(run("editions", made.folder, "--suppress", 5, "--format", "json").stdout)
    assert told["patients_changed"] == []
    assert {each["patients"] for step in told["steps"] for each in step["status"]} == {None}
    assert run("editions", made.folder, "--suppress", 5, "--who").exit_code == 2
    assert "group2" not in run("editions", made.folder, "--suppress", 5).stdout


def test_anew_forgets_what_the_editions_said(made: Population, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    population(source, folder, on=ON, editions=["asco-cap-2013"])
    assert Population(folder).editions == ["asco-cap-2013"]
    assert population(source, folder, on="2026-02-18", anew=True).editions == []
