"""Measures over a population: each of a few patients decided beforehand; the undetermined are never a "no"."""

from __future__ import annotations

import csv
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from her2path.cohort.measures.count import ANSWERS, Counted, count, patients_of
from her2path.cohort.measures.prove import prove_measures
from her2path.cohort.measures.read import measure_named, measures, read_measure
from her2path.cohort.measures.views import opened
from her2path.cohort.population.run import review_population
from her2path.facts.problem import AskedWrongly, KnowledgeError
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge

ON = dt.date(2026, 2, 17)
NAMES = ["patient", "date", "fact", "value", "product", "qualifier", "specimen"]
START = dt.date(2025, 1, 6)


def after(days: int) -> str:
    return str(START + dt.timedelta(days=days))


def doses(last: int, every: int = 21, brand: str = "", until: int | None = None) -> list[dict[str, str]]:
    rows = [{"date": after(day), "fact": "dose_mg_per_kg", "value": "6" if day else "8", "product": "trastuzumab-iv",
             "qualifier": brand} for day in range(0, last, every)]  # fmt: skip
    return rows[:until]


def lvef(*days: int | None, value: str = "62") -> list[dict[str, str]]:
    return [{"date": "" if day is None else after(day), "fact": "lvef", "value": value, "qualifier": "echo"} for day in days]


def woman(stage: str = "2", ihc: str | None = "3+", on: int = -30) -> list[dict[str, str]]:
    rows = [{"fact": "sex", "value": "female"}, {"fact": "birth_date", "value": "1970-05-01"},
            {"fact": "setting", "value": "adjuvant"}, {"fact": "menopausal_status", "value": "postmenopausal"}]  # fmt: skip
    rows += [{"fact": "stage", "value": stage}] if stage else []
    return rows + ([{"date": after(on), "fact": "ihc_score", "value": ihc, "specimen": "core"}] if ihc else [])


PEOPLE: dict[str, list[dict[str, str]]] = {
    "watched": [*woman(), *doses(350, brand="kanjinti"), *lvef(-7, 80, 160, 240, 320)],
    "gap": [*woman(), *doses(350, brand="herceptin"), *lvef(-7, 80, 300)],
    "gap-undated": [*woman(), *doses(350), *lvef(-7, 80, 300, None)],
    "no-baseline": [*woman(), *doses(350), *lvef(80, 160, 240, 320)],
    "late-start": [*woman(on=-500), *doses(350), *lvef(-7, 80, 160, 240, 320)],
    "untreated": woman(),
    "no-stage": [*woman(stage=""), *doses(60), *lvef(-7)],
    "negative": woman(ihc="1+"),
    "equivocal": woman(ihc="2+"),
    "equivocal-ish": [*woman(ihc="2+"), {"date": after(-25), "fact": "her2_cep17_ratio", "value": "1.2", "specimen": "core"},
                      {"date": after(-25), "fact": "her2_copies", "value": "2.1", "specimen": "core"}],
    "untested": woman(ihc=None),
    "unreadable": woman(ihc="see report"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("measures")
    with (place / "people.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, restval="")
        writer.writeheader()
        for name, rows in PEOPLE.items():
            writer.writerows({"patient": name, **row} for row in rows)
    review_population(place / "people.csv", place / "out", default_knowledge(), Settings(ON), parts=3)
    return place / "out"


def people(folder: Path, key: str) -> dict[str, set[str]]:
    """Who stands behind each number of a measure."""
    connection = opened(folder)
    return {answer: found for answer in ANSWERS if (found := {*patients_of(connection, measure_named(key), answer)})}


def one(folder: Path, key: str, **asked: Any) -> Counted:
    (counted,) = count(opened(folder), measure_named(key), **asked)
    return counted


TREATED = {"watched", "gap", "gap-undated", "no-baseline", "late-start", "no-stage"}
BEHIND = {
    "her2-tested": {"met": {*PEOPLE} - {"untested", "unreadable"}, "not met": {"untested"}, "undetermined": {"unreadable"}},
    "her2-treated": {
        "met": {"watched", "gap", "gap-undated", "no-baseline"}, "not met": {"late-start", "untreated"},
        "membership undetermined": {"no-stage", "untested", "unreadable"},
    },
    "her2-spared": {"met": {"negative", "equivocal", "equivocal-ish", "untested", "unreadable"}},
    "reflex-ish": {"met": {"equivocal-ish"}, "not met": {"equivocal"}, "membership undetermined": {"unreadable"}},
    "lvef-baseline": {"met": TREATED - {"no-baseline"}, "not met": {"no-baseline"}},
    "lvef-every-4-months": {
        "met": {"watched", "late-start", "no-stage"}, "not met": {"gap", "no-baseline"}, "undetermined": {"gap-undated"},
    },
    "biosimilar-share": {
        "met": {"watched"}, "not met": {"gap"}, "undetermined": TREATED - {"watched", "gap"},
    },
    "days-to-first-dose": {"met": TREATED},
}  # fmt: skip


@pytest.mark.parametrize("key", BEHIND)
def test_who_stands_behind_each_number(folder: Path, key: str) -> None:
    assert people(folder, key) == BEHIND[key]


def test_the_undetermined_move_the_rate_and_are_no_no(folder: Path) -> None:
    counted = one(folder, "lvef-every-4-months")
    assert (counted.met, counted.not_met, counted.undetermined) == (3, 2, 1)
    assert counted.rate == pytest.approx(3 / 5)
    assert (counted.lowest, counted.highest) == (pytest.approx(3 / 6), pytest.approx(4 / 6))
    treated = one(folder, "her2-treated")
    assert (treated.met, treated.not_met, treated.maybe) == (4, 2, 3)
    # Were those of whom nothing is known counted: the treated one would meet it, the two others would not.
    assert (treated.lowest, treated.highest) == (pytest.approx(4 / 8), pytest.approx(5 / 7))
    low, high = treated.interval or (0, 1)
    assert low < treated.rate < high


def test_by_stratum_and_in_a_period(folder: Path) -> None:
    strata = count(opened(folder), measure_named("lvef-baseline"), "stage")
    assert {each.stratum: each.denominator for each in strata} == {"2": 5, "not recorded": 1}
    assert one(folder, "lvef-baseline", period=(START, START)).denominator == 6
    assert one(folder, "lvef-baseline", period=(START + dt.timedelta(days=1), None)).denominator == 0
    with pytest.raises(AskedWrongly, match=r"--by height: no such column; there are tumour_site, year"):
        count(opened(folder), measure_named("lvef-baseline"), "height")


def test_small_counts_are_not_told(folder: Path) -> None:
    assert "rate" not in one(folder, "her2-tested").as_json(least=5)
    assert one(folder, "her2-tested").as_json(least=1)["numerator"] == 10


def test_another_edition_is_another_denominator(folder: Path, tmp_path: Path) -> None:
    """Ratio 2.1 with 3.2 copies: positive in 2013, open in 2023, so whether she is counted differs."""
    path = tmp_path / "group-2.csv"
    rows = [*woman(ihc="2+"), *({"date": after(-25), "fact": fact, "value": value, "specimen": "core"}
            for fact, value in (("her2_cep17_ratio", "2.1"), ("her2_copies", "3.2")))]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, restval="")
        writer.writeheader()
        writer.writerows({"patient": "p", **row} for row in rows)
    told = {}
    for edition in ("asco-cap-2013", "asco-cap-2023"):
        review_population(path, tmp_path / edition, default_knowledge(), Settings(ON, edition=edition))
        told[edition] = people(tmp_path / edition, "her2-treated")
    assert told == {"asco-cap-2013": {"not met": {"p"}}, "asco-cap-2023": {"membership undetermined": {"p"}}}


def her2path(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "her2path", *arguments], capture_output=True, text=True, check=False)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    told = her2path("measure", str(folder), "lvef-every-4-months")
    assert "60.0 % (3 of 5; 95 % interval 23.1 % to 88.2 %); 1 undetermined: from 50.0 % to 66.7 %" in told.stdout
    who = her2path("measure", str(folder), "lvef-every-4-months", "--who", "undetermined")
    assert who.stdout.split() == ["gap-undated"]
    wrong = her2path("measure", str(folder), "lvef-basline")
    assert wrong.returncode == 2
    assert "no measure is called 'lvef-basline'; did you mean lvef-baseline?" in wrong.stderr
    assert her2path("measure", str(tmp_path)).stderr.startswith(f"her2path: {tmp_path} holds no population that is done")
    output = tmp_path / "measures.json"
    assert her2path("measure", str(folder), "-o", str(output)).returncode == 0
    written = json.loads(output.read_text())
    any_edition = {key for key, each in measures().items() if each.edition == "any"}
    assert {each["measure"] for each in written["measures"]} == any_edition
    assert written["manifest"]["inputs"][0]["sha256"]


def test_fhir_measures_and_reports(folder: Path) -> None:
    told = json.loads(her2path("measure", str(folder), "--format", "fhir").stdout)
    bundle = Bundle.model_validate(told)
    kinds = [entry.resource.get_resource_type() for entry in bundle.entry]
    assert kinds.count("Measure") == kinds.count("MeasureReport") == len([each for each in measures().values() if each.edition == "any"])
    (report,) = (each["resource"] for each in told["entry"] if "/Measure/lvef-every-4-months|" in each["resource"].get("measure", ""))
    counts = {each["code"]["coding"][0]["code"]: each["count"] for each in report["group"][0]["population"]}
    assert counts == {"denominator": 6, "numerator": 3, "undetermined": 1, "membership-undetermined": 0}


def test_every_measure_that_ships_holds() -> None:
    found, problems = prove_measures(default_knowledge().sources)
    assert not problems
    assert len(found) >= 16


def test_a_faulty_measure_is_told(tmp_path: Path) -> None:
    shipped = measure_named("lvef-baseline").path.read_text(encoding="utf-8")
    (tmp_path / "a.md").write_text(shipped.replace("lvef_between", "lvef_betwen").replace("@visser2016", "@nobody"))
    (tmp_path / "b.md").write_text(shipped.replace("| better      | higher |", "| better      | more |"))
    _, problems = prove_measures(default_knowledge().sources, tmp_path)
    told = [problem.what for problem in problems]
    assert told[0] == "no source is called nobody"
    assert "lvef_betwen" in told[1]
    assert told[2] == "better is 'more'"
    with pytest.raises(KnowledgeError):
        read_measure(tmp_path / "b.md")
