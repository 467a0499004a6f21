"""`her2path.review` takes what programs hold and says what the command says; what cannot be meant is refused in words."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import her2path
from her2path import AskedWrongly, Settings, Site, read_knowledge
from her2path.cli import main
from her2path.tables.many.frames import arrow_of

ROOT = Path(__file__).parent.parent
COURSES = ROOT / "examples" / "courses"
COURSE = COURSES / "late-dose.csv"
ON = "2026-03-30"
PLUGIN = ROOT / "examples" / "plugin"


def said(reviews: her2path.Reviews) -> list[tuple[object, ...]]:
    """What is found, without where it stands."""
    table = reviews.to_arrow()
    names = ("patient", "grade", "outcome", "value", "words", "do", "by", "rows", "next_dose")
    return [tuple(row[name] for name in names if name in row) for row in table.to_pylist()]


def frame() -> pa.Table:
    return pyarrow.csv.read_csv(COURSE)


def pandas_frame() -> object:
    return pytest.importorskip("pandas").read_csv(COURSE)


def polars_frame() -> object:
    return pytest.importorskip("polars").read_csv(COURSE)


def duckdb_relation() -> object:
    return pytest.importorskip("duckdb").sql(f"select * from read_csv('{COURSE}', all_varchar=true)")


GIVEN = {
    "text": lambda: str(COURSE),
    "path": lambda: COURSE,
    "list of paths": lambda: [COURSE],
    "Arrow": frame,
    "Arrow batches": lambda: frame().to_reader(),
    "pandas": pandas_frame,
    "Polars": polars_frame,
    "DuckDB": duckdb_relation,
    "rows": lambda: frame().to_pylist(),
    "a generator of rows": lambda: iter(frame().to_pylist()),
    "columns": lambda: frame().to_pydict(),
    "records": lambda: list(her2path.read_records(str(COURSE), read_knowledge().facts)),
    "a generator of records": lambda: her2path.read_records([COURSE], read_knowledge().facts),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_whatever_holds_the_records_the_same_is_found(kind: str) -> None:
    reviews = her2path.review(GIVEN[kind](), on=ON, jurisdiction="us")
    assert reviews.patients == ["late-dose"]
    assert said(reviews) == said(her2path.review(COURSE, on=ON, jurisdiction="us"))
    assert len(said(reviews)) > 3


def test_cells_of_several_kinds_are_read_as_those_of_a_file() -> None:
    rows = [
        {"patient": 1, "date": dt.datetime(2026, 1, 5), "fact": "ihc_score", "value": "3+"},
        {"patient": 1, "date": "2026-01-08", "fact": "lvef", "value": 64},
        {"patient": 1, "date": dt.date(2026, 1, 8), "fact": "weight_kg", "value": Decimal("70.5")},
        {"patient": 1, "date": dt.date(2026, 1, 8), "fact": "heart_failure", "value": False},
        {"patient": 1, "date": dt.date(2026, 1, 9), "fact": "lvef", "value": float("nan")},
        {"patient": 1, "date": dt.date(2026, 1, 12), "fact": "dose_mg", "value": 564.0, "product": "Herceptin"},
    ]
    values = her2path.review(rows, on=dt.date(2026, 1, 13)).patient("1").course.standing.values
    assert {name: values[name] for name in ("lvef", "weight_kg", "doses_given", "product")} == {
        "lvef": 64, "weight_kg": Decimal("70.5"), "doses_given": 1, "product": "trastuzumab-iv",
    }  # fmt: skip


def test_wide_rows_and_fhir_are_taken_too() -> None:
    wide = her2path.review([{"patient": "a", "test_date": dt.date(2026, 1, 1), "ihc_score": "3+"}], on=ON)
    assert wide.patient("a").status == "positive"
    lines = (ROOT / "examples" / "her2-tests.ndjson").read_text(encoding="utf-8").splitlines()
    bundles = [json.loads(line) for line in lines]
    assert said(her2path.review(bundles, on=ON)) == said(her2path.review(ROOT / "examples" / "her2-tests.ndjson", on=ON))
    one = her2path.review(bundles[0], on=ON)
    assert len(one) == 1
    assert said(one) == [row for row in said(her2path.review(bundles, on=ON)) if row[0] == one.patients[0]]


def test_the_text_is_that_of_the_command() -> None:
    for source in (COURSE, ROOT / "examples" / "her2-tests.ndjson"):
        printed = CliRunner().invoke(main, ["review", str(source), "--on", ON])
        assert her2path.review(source, on=ON).text() == printed.stdout
        printed = CliRunner().invoke(main, ["review", str(source), "--on", ON, "--why"])
        assert her2path.review(source, on=ON).text(why=True) == printed.stdout


def test_the_tables_are_those_of_the_command(tmp_path: Path) -> None:
    source = ROOT / "examples" / "her2-tests.ndjson"
    CliRunner().invoke(main, ["review", str(source), "--on", ON, "-o", str(tmp_path / "by-command.parquet")])
    reviews = her2path.review(source, on=ON)
    reviews.write(tmp_path / "by-library.parquet")
    for name in ("findings", "patients", "episodes", "specimens"):
        part = "" if name == "findings" else f".{name}"
        written = [pq.read_table(tmp_path / f"by-{which}{part}.parquet") for which in ("command", "library")]
        assert written[0].to_pylist() == written[1].to_pylist() == reviews.to_arrow(name).to_pylist()
        assert reviews.to_arrow(name).schema.equals(written[0].schema)
        assert len(reviews.to_pandas(name)) == reviews.to_polars(name).height == written[0].num_rows
    assert reviews.to_arrow().num_rows


def test_reviews_are_written_in_the_format_of_the_ending(tmp_path: Path) -> None:
    reviews = her2path.review([COURSE, COURSES / "adjuvant-hold.csv"], on=ON)
    reviews.write(str(tmp_path / "reviews.json"))
    written = json.loads((tmp_path / "reviews.json").read_text(encoding="utf-8"))
    assert [each["patient"] for each in written["patients"]] == reviews.patients == ["late-dose", "adjuvant-hold"]
    with pytest.raises(AskedWrongly, match="no format ends so"):
        reviews.write(tmp_path / "reviews.doc")


def test_an_empty_review_is_one() -> None:
    reviews = her2path.review([], on=ON)
    assert (len(reviews), list(reviews), reviews.to_arrow().num_rows) == (0, [], 0)
    assert repr(reviews) == "<Reviews of 0 patients on 2026-03-30: no course; findings: none>"


def test_what_is_shown_says_how_many_and_how_grave() -> None:
    reviews = her2path.review(COURSES / "adjuvant-hold.csv", on="2026-02-03", jurisdiction="us")
    assert repr(reviews).startswith("<Reviews of 1 patient on 2026-02-03: 1 ")
    assert "2 act, 1 due" in repr(reviews)
    assert reviews._repr_html_().startswith("<pre>Patient adjuvant-hold")
    grades = [*reviews.summary.as_json()["findings"]]
    order = [grade.word for grade in her2path.Grade]
    assert grades == sorted(grades, key=order.index)


def test_one_patient_of_many() -> None:
    reviews = her2path.review(sorted(COURSES.glob("*.csv")), on=ON, patient="late-dose")
    assert reviews.patients == ["late-dose"]
    every = her2path.review(sorted(COURSES.glob("*.csv")), on=ON)
    assert every.patient("late-dose").every_finding() == reviews.patient("late-dose").every_finding()
    with pytest.raises(AskedWrongly, match="no patient is called 'late-dos'; did you mean late-dose"):
        every.patient("late-dos")
    with pytest.raises(AskedWrongly, match="2 records are of a patient 'late-dose'"):
        her2path.review([COURSE, COURSE], on=ON).patient("late-dose")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: Settings("17.2.2026"), "on='17.2.2026' is no day; give a datetime.date, or text as '2026-02-17'"),
        (lambda: Settings("2026-02-30"), "on='2026-02-30' is no day of the calendar"),
        (lambda: Settings(20260217), "on=20260217 is no day"),
        (lambda: Settings(ON, jurisdiction="uk"), "jurisdiction='uk' is none that is known; there are us, eu"),
        (lambda: Settings(ON, site="brest"), "site='brest' is none that is known; did you mean breast?"),
        (lambda: Settings(ON, at={"limit": 53}), "are no settings of an institution"),
        (lambda: her2path.review("examples/courses/lat-dose.csv"), "there is no such file or folder; did you mean late-dose.csv?"),
        (lambda: her2path.review(5), "records is of type int; expected an Arrow table"),
        (lambda: her2path.review([1, 2]), "records is of type list; expected an Arrow table"),
        (lambda: her2path.review({"patient": ["a"], "lvef": [1, 2]}), "are not of one length: patient 1, lvef 2"),
        (lambda: her2path.review({"patient": "a"}), r"records\['patient'\] is a str; expected the cells of a column"),
        (lambda: her2path.review(COURSE, edition="asco-cap-2019"), "did you mean asco-cap-2013"),
        (lambda: her2path.review(COURSE, settings=[1]), "settings is a list; give one path"),
        (lambda: her2path.decide("her2_status", "3+"), "facts are given by name, as in"),
        (lambda: her2path.decide("her2_status", [("ihc_score",)]), "is no pair of a name and a value"),
        (lambda: her2path.decide("her2_status", [("ihc_score", "1+"), ("ihc_score", "2+")]), "ihc_score is given twice"),
        (lambda: her2path.decide("her2_status", {}, jurisdiction="uk"), "jurisdiction='uk' is none that is known"),
        (lambda: her2path.decide("her2_status", {}, on="soon"), "on='soon' is no day"),
        (lambda: her2path.decide_table("her2_status", "tests.csv"), "table is of type str; expected an Arrow table"),
        (lambda: list(her2path.read_records([], read_knowledge().facts)), "path is an empty list"),
        (lambda: her2path.read_site(["a.toml"], read_knowledge()), "path is a list; give one path"),
        (lambda: her2path.review(COURSE, on=ON).to_arrow("patient"), "no table is called 'patient'; did you mean patients?"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(ask, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(AskedWrongly, match=said):
        ask()


def test_text_is_taken_for_paths_and_days(tmp_path: Path) -> None:
    knowledge = read_knowledge(str(read_knowledge().folder))
    settings = Settings("2026-03-30", jurisdiction="US")
    assert (settings.on, settings.jurisdiction) == (dt.date(2026, 3, 30), "us")
    assert Settings(dt.datetime(2026, 3, 30, 12)) == Settings(dt.date(2026, 3, 30))
    assert Settings("today").on == dt.date.today()
    (tmp_path / "site.toml").write_text("[heart]\nlvef_lower_limit = 53\n", encoding="utf-8")
    site = her2path.read_site(str(tmp_path / "site.toml"), knowledge)
    for given in (str(tmp_path / "site.toml"), site, Settings(ON, at=site)):
        assert her2path.review(COURSE, on=ON, settings=given).settings.at == site != Site()
    total = her2path.review_file(str(COURSE), str(tmp_path / "findings.parquet"), knowledge, settings)
    assert total.patients == len([*her2path.review_source([str(COURSE)], knowledge, settings)]) == 1
    reviews = her2path.review_source([COURSE, str(COURSE)], knowledge, settings)
    assert her2path.write_reviews(reviews, str(tmp_path / "reviews.txt"), ON).patients == 2
    assert her2path.decide("her2_status", [("ihc_score", "3+")], on=ON).value == "positive"


def test_a_frame_is_decided_as_an_arrow_table_is() -> None:
    rows = [{"id": "083", "ihc_score": "1+", "her2_copies": 3.6}, {"id": "110", "ihc_score": "3+"}]
    asked = {"knowledge": read_knowledge(), "edition": "asco-cap-2018"}
    for table in (rows, pa.Table.from_pylist(rows), arrow_of(rows).to_pandas(), arrow_of(rows).to_pydict()):
        decided, problems = her2path.decide_table("her2_status", table, **asked)
        assert (decided["her2_status"].to_pylist(), problems) == (["negative", "positive"], [])


def test_the_module_of_old_does_not_stand_in_the_way_of_the_function() -> None:
    code = f"import her2path.review, her2path; print(len(her2path.review({str(COURSE)!r}, on='2026-03-30')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"


def test_help_and_dir_say_what_there_is() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import her2path; help(her2path)"], capture_output=True, text=True, check=True
    )
    for name in ("review(", "decide(", "class Reviews(", "class Settings(", "Where to begin:"):
        assert name in run.stdout
    assert {"review", "Reviews", "decide", "Source"} <= set(dir(her2path))
    module = subprocess.run(
        [sys.executable, "-m", "her2path", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout.startswith("her2path, version ")


# -- packages that add to it ----------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python in which the example is installed, as pip leaves it: the module and its entry points."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place = tmp_path / "site-packages"
    about = place / f"her2path_ward-{project['version']}.dist-info"
    about.mkdir(parents=True)
    (place / "her2path_ward.py").write_bytes((PLUGIN / "her2path_ward.py").read_bytes())
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"].items()
    (about / "entry_points.txt").write_text(
        "".join(f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in named.items()) for group, named in points)
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])}


def run_installed(installed: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "her2path", *words], capture_output=True, text=True, env=installed, check=False
    )


def test_an_installed_package_brings_a_kind_of_file_and_a_format(installed: dict[str, str], tmp_path: Path) -> None:
    ward = str(PLUGIN / "ward.doses")
    asked = ("review", ward, "--on", "2026-02-17", "--jurisdiction", "us")
    found = run_installed(installed, *asked, "--format", "handover")
    assert found.stdout == (
        "Handover of 2026-02-17\n[ ] ward-1: HER2 positive, HOLD\n[ ] ward-2: HER2 negative, no course\n2 patients\n"
    )
    assert (found.returncode, found.stderr) == (0, "")
    run_installed(installed, *asked, "-o", str(tmp_path / "x.handover"))
    assert (tmp_path / "x.handover").read_text(encoding="utf-8") == found.stdout
    why = run_installed(installed, *asked, "--why")
    assert "ward.doses, line 6" in why.stdout
    assert run_installed(installed, "inspect", ward).returncode == 0


def test_what_a_source_refuses_is_told(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.doses").write_text("a|2026-01-12\n", encoding="utf-8")
    found = run_installed(installed, "review", str(tmp_path / "bad.doses"))
    assert (found.returncode, found.stdout) == (2, "")
    assert "bad.doses: line 1 has 2 parts; expected patient|day|what|value|drug" in found.stderr
    (tmp_path / "empty.doses").write_text("", encoding="utf-8")
    assert "there are no rows" in run_installed(installed, "review", str(tmp_path / "empty.doses")).stderr


def test_what_is_no_source_is_refused() -> None:
    def made(name: str, suffixes: tuple[str, ...], base: type = her2path.Source) -> type:
        return type("Made", (base,), {"name": name, "suffixes": suffixes})

    for kind, said in (
        (made("x", (".x",), object), "is no source; expected a class derived from her2path.Source"),
        (made("", (".x",)), "a source needs a name without spaces"),
        (made("x", ()), "a source needs some"),
        (made("x", (".X",)), "a source needs some"),
        (made("x", (".csv",)), "what ends in .csv is read by her2path itself"),
    ):
        with pytest.raises(AskedWrongly, match=said):
            her2path.register_source(kind)
