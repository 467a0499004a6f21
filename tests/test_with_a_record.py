"""With a record: what would change, the plan on a page, several sources, every output by its ending, the manifest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.findings.patient import Reviewer
from her2path.findings.plan.what_if import what_if
from her2path.findings.settings import Settings
from her2path.read.beside.said import read_said
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.load import default_knowledge

EXAMPLES = Path(__file__).parent.parent / "examples"
COURSES = EXAMPLES / "courses"
HOLD = COURSES / "adjuvant-hold.csv"
ON = "2026-02-03"


def run(*words: object, on: str = ON, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, words), "--on", on], input=stdin)


def answered(*words: object, on: str = ON) -> str:
    done = run(*words, on=on)
    assert done.exit_code == 0, done.output
    return done.stdout


# -- what would change ----------------------------------------------------------------------------


def changed(*events: str, source: Path = HOLD, on: str = ON) -> dict:
    options = [word for event in events for word in ("--what-if", event)]
    return json.loads(answered(source, *options, "--format", "json", on=on))


def test_an_lvef_that_fell_holds_the_dose_that_could_resume() -> None:
    found = changed("lvef=48")
    assert [each["verdict"] for each in found["before"]["verdicts"]] == ["ASK FIRST"]
    assert [each["verdict"] for each in found["after"]["verdicts"]] == ["HOLD"]
    assert "cardiac_action: hold" in {each.get("key") for each in found["appears"]}
    assert "cardiac_action: resume" in {each.get("key") for each in found["goes"]}
    ((one, other),) = [(each["before"]["finding"], each["after"]["finding"]) for each in found["changes"]]
    assert (one.rpartition(" ")[2], other.rpartition(" ")[2]) == ("resume", "hold")


def test_before_is_what_the_review_says_and_after_what_it_would_say(tmp_path: Path) -> None:
    """The same as a record in which the event stands."""
    more = tmp_path / HOLD.name
    header = HOLD.read_text(encoding="utf-8").splitlines()[0].split(",")
    row = {"patient": "adjuvant-hold", "date": ON, "fact": "lvef", "value": "48"}
    text = HOLD.read_text(encoding="utf-8") + ",".join(row.get(name, "") for name in header) + "\n"
    more.write_text(text, encoding="utf-8")
    found = changed("lvef=48")
    for part, source in (("before", HOLD), ("after", more)):
        (patient,) = json.loads(answered(source, "--format", "json"))["patients"]
        for name in ("verdicts", "plan"):
            assert found[part][name] == patient["course"][name]


def test_a_dose_and_an_order_are_of_the_drug_that_is_named_or_in_hand() -> None:
    assert changed("dose_mg=420")["events"][0]["product"] == "trastuzumab-iv"
    branded = changed("dose_mg:Kanjinti=420 mg@2026-02-02")["events"][0]
    assert (branded["product"], branded["qualifier"], branded["date"]) == ("trastuzumab-iv", "kanjinti", "2026-02-02")
    swapped = changed("ordered_mg:Kadcyla=252")
    assert [each["verdict"] for each in swapped["after"]["verdicts"]] == ["DO NOT GIVE THE ORDER"]


def test_a_later_event_is_compared_on_its_own_day() -> None:
    found = changed("lvef=48@2026-02-17")
    assert found["on"] == "2026-02-17"
    (patient,) = json.loads(answered(HOLD, "--format", "json", on="2026-02-17"))["patients"]
    assert found["before"]["verdicts"] == patient["course"]["verdicts"]


def test_nothing_that_is_said_again_changes_anything() -> None:
    found = changed("sex=female")
    assert (found["appears"], found["goes"], found["changes"]) == ([], [], [])
    assert found["stays"] > 3


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("lvfe=48", "did you mean lvef?"), ("lvef=abc", "expected a number"), ("lvef=500", "expected a number"),
        ("lvef=48@2026-13-01", "write YYYY-MM-DD"), ("lvef", "write FACT=VALUE@DAY"),
        ("dose_mg:herceptinn=4", "nearest: herceptin"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_the_nearest(said: str, told: str) -> None:
    done = run(HOLD, "--what-if", said)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_dose_of_no_drug_is_asked_for() -> None:
    done = run(COURSES / "her2-low.csv", "--what-if", "dose_mg=300")
    assert done.exit_code == 2
    assert "of which drug?" in done.stderr


def test_the_record_stays_as_it_is_and_the_answer_is_quick() -> None:
    import datetime as dt

    knowledge = default_knowledge()
    reviewer = Reviewer(knowledge, Settings(dt.date(2026, 2, 3), jurisdiction="us"))
    (record,) = [each for each in read_records(HOLD, knowledge.facts) if isinstance(each, Record)]
    before = (list(record.course), list(record.events), dict(record.tissues))
    taken = []
    for _ in range(5):
        start = perf_counter()
        added = read_said(["lvef=48"], knowledge.facts, dt.date(2026, 2, 3), record.patient)
        found = what_if(reviewer, record, added)
        taken.append(perf_counter() - start)
    assert found.after.course.verdicts[0].verdict == "HOLD"
    assert (record.course, record.events, record.tissues) == before
    assert min(taken) < 0.1


# -- the plan on one page -------------------------------------------------------------------------

ORDER = (
    "Eligibility", "Exclusions", "Tests", "Premedication", "Treatment", "Dose modifications", "Precautions", "Call",
    "References",
)  # fmt: skip


class Words(HTMLParser):
    """The words of a page, its headings and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.headings: list[str] = []
        self.data: dict[str, str] = {}
        self.words: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag == "script":
            assert attributes["type"] == "application/json"
            self.data[str(attributes["id"])] = data
        elif tag != "style":
            self.words.append(data)
            if tag == "h2":
                self.headings.append(data)


def page(path: Path) -> Words:
    words = Words()
    words.feed(path.read_text(encoding="utf-8"))
    return words


@pytest.mark.parametrize("path", sorted(COURSES.glob("*.csv")), ids=lambda path: path.stem)
def test_every_plan_stands_in_the_order_of_pharmacists(path: Path, tmp_path: Path) -> None:
    text = answered(path, "--print")
    places = [re.search(rf"^{heading}\b", text, re.MULTILINE).start() for heading in ORDER]
    assert places == sorted(places)
    output = tmp_path / "plan.html"
    answered(path, "--print", "-o", output)
    assert tuple(page(output).headings) == ORDER
    (patient,) = json.loads(answered(path, "--format", "json"))["patients"]
    for item in patient["course"]["plan"]:
        if item["kind"] == "dose" and "dose_mg" in item["details"]:
            assert f"{item['details']['dose_mg']} mg" in text


def test_the_row_that_applies_now_is_marked_and_only_rows_of_her_setting_stand_there() -> None:
    text = " ".join(answered(HOLD, "--print").split())
    (now,) = re.findall(r"\(now\): resume\. [^\[]*\[(cardiac_action:\d+)\]", text)
    assert now == "cardiac_action:7"
    assert "[cardiac_action:13]" not in text  # of metastatic disease
    assert "[cardiac_action:4]" not in text  # who is not on hold


def test_who_has_no_course_has_no_plan_and_it_is_told() -> None:
    done = run(EXAMPLES / "her2-tests.ndjson", "--patient", "discordant", "--her2-only", "--print")
    assert done.exit_code == 2
    assert "no course of therapy is recorded" in done.stderr


def test_a_plan_is_of_one_patient() -> None:
    done = run(*sorted(COURSES.glob("*.csv")), "--print")
    assert done.exit_code == 2
    assert "name one by --patient" in done.stderr
    assert answered(*sorted(COURSES.glob("*.csv")), "--print", "--patient", "adjuvant-hold").startswith("PLAN")


HOSTILE = "<script>alert(1)</script>&\"'\u202e"


@pytest.mark.parametrize("options", [("--print",), ()], ids=["plan", "review"])
def test_words_of_a_record_are_no_markup(options: tuple[str, ...], tmp_path: Path) -> None:
    source, output = tmp_path / "hostile.csv", tmp_path / "x.html"
    rows = list(csv.reader(io.StringIO(HOLD.read_text(encoding="utf-8"))))
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows[0], "ward"])
        writer.writerows([HOSTILE, *row[1:], HOSTILE] for row in rows[1:])
    answered(source, *options, "--carry", "ward", "-o", output)
    words = page(output)
    text = output.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert words.tags["script"] == len(words.data)
    assert json.loads(words.data["manifest"])["asked"]["carried"] == ["ward"]
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["'](?!#)""", text)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser to print with")
@pytest.mark.parametrize("path", sorted(COURSES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_plan_is_printed_on_one_sheet(path: Path, tmp_path: Path) -> None:
    output, printed = tmp_path / "plan.html", tmp_path / "plan.pdf"
    answered(path, "--print", "-o", output)
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}", output.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) == 1


# -- brief ------------------------------------------------------------------------------------------


def test_brief_is_the_first_lines_alone() -> None:
    whole, brief = answered(HOLD), answered(HOLD, "--brief")
    told = brief.splitlines()
    assert whole.splitlines()[: len(told) - 1] == told[:-1]
    assert [line.split()[0] for line in told[1:-1] if not line.startswith("   ")] == [
        "ASK",
        "NEXT",
        "DO",
        "HEART",
        "BASIS",
    ]
    both = answered(HOLD, COURSES / "fourth-hold.csv", "--brief")
    assert both.count("\nPatient ") + both.startswith("Patient ") == 2


# -- columns that no rule reads --------------------------------------------------------------------


@pytest.fixture
def hospitals(tmp_path: Path) -> Path:
    """Two patients with a hospital, one of them in two, and a column of nothing."""
    source = tmp_path / "wards.csv"
    source.write_text(
        "patient,date,fact,value,product,hospital,extra\n"
        "a,2025-12-05,ihc_score,3+,,North,\na,2025-12-07,setting,adjuvant,,South,\n"
        "a,2026-01-12,dose_mg,560,trastuzumab-iv,North,\nb,2026-01-12,ihc_score,1+,,NA,\n",
        encoding="utf-8",
    )
    return source


def test_a_column_that_nobody_reads_is_told(hospitals: Path) -> None:
    done = run(hospitals)
    assert done.exit_code == 0
    assert "nothing is read from the columns hospital, extra; --carry hospital" in done.stderr
    assert "hospital" not in run(hospitals, "--carry", "hospital", "--carry", "extra").stderr


@pytest.mark.parametrize("output", ["x.txt", "x.json", "x.jsonl", "x.html", "x.csv", "x.parquet"])
def test_a_column_is_carried_to_every_output(output: str, hospitals: Path, tmp_path: Path) -> None:
    path = tmp_path / output
    answered(hospitals, "--carry", "hospital", "--missing", "NA", "-o", path, "--patient", "a")
    if output.endswith("json"):
        assert json.loads(path.read_text(encoding="utf-8"))["patients"][0]["carried"] == {"hospital": "North; South"}
    elif output.endswith((".csv", ".parquet")):
        for table in (path, path.with_name(f"x.patients{path.suffix}")):
            assert {row["hospital"] for row in rows_of(table)} == {"North; South"}
    else:
        assert "North; South" in path.read_text(encoding="utf-8")


def test_a_word_for_nothing_is_not_carried(hospitals: Path, tmp_path: Path) -> None:
    answered(hospitals, "--carry", "hospital", "--missing", "NA", "-o", tmp_path / "x.parquet")
    patients = {row["patient"]: row["hospital"] for row in rows_of(tmp_path / "x.patients.parquet")}
    assert patients == {"a": "North; South", "b": None}


def test_a_column_that_is_not_there_is_not_carried(hospitals: Path) -> None:
    done = run(hospitals, "--carry", "hospitel")
    assert (done.exit_code, "did you mean hospital?" in done.stderr) == (2, True)
    done = run(EXAMPLES / "her2-tests.ndjson", "--carry", "hospital")
    assert (done.exit_code, "no source is one" in done.stderr) == (2, True)


def test_a_dose_without_a_product_is_told(hospitals: Path) -> None:
    text = hospitals.read_text(encoding="utf-8").replace("560,trastuzumab-iv", "560,")
    hospitals.write_text(text, encoding="utf-8")
    told = answered(hospitals, "--patient", "a")
    assert "whether therapy has begun is not known: 560 (drug not known, 2026-01-12)" in " ".join(told.split())
    assert "whether a dose was given is not known" in told
    assert "no dose yet" not in told


# -- several sources --------------------------------------------------------------------------------


def halves(folder: Path) -> list[Path]:
    """The rows of one patient in two files, by turns."""
    header, *rows = HOLD.read_text(encoding="utf-8").splitlines()
    paths = [folder / "one.csv", folder / "two.csv"]
    for place, path in enumerate(paths):
        path.write_text("\n".join([header, *rows[place::2]]) + "\n", encoding="utf-8")
    return paths


def findings(*words: object) -> Counter[tuple[str, str]]:
    (patient,) = json.loads(answered(*words, "--format", "json"))["patients"]
    listed = [*patient["findings"], *patient["course"]["findings"]]
    return Counter((each["grade"], each["finding"]) for each in listed)


def test_who_stands_in_two_sources_is_one_patient(tmp_path: Path) -> None:
    assert findings(*halves(tmp_path)) == findings(HOLD)


def test_a_pattern_names_files_and_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    paths = halves(tmp_path)
    assert findings(tmp_path / "*.csv") == findings(HOLD)
    assert findings(*paths, tmp_path / "*.csv", paths[0]) == findings(HOLD)
    done = run(tmp_path / "*.parquet")
    assert (done.exit_code, "no file fits this pattern" in done.stderr) == (2, True)
    done = run(tmp_path / "none.csv")
    assert (done.exit_code, "does not exist" in done.stderr) == (2, True)


def test_a_table_and_fhir_are_joined_by_the_name_of_the_patient(tmp_path: Path) -> None:
    labs = tmp_path / "labs.csv"
    labs.write_text(
        "patient,date,fact,value\ndiscordant,2024-03-20,lvef,61\nsomeone,2024-03-20,lvef,55\n", encoding="utf-8"
    )
    told = json.loads(answered(labs, EXAMPLES / "her2-tests.ndjson", "--format", "json"))
    alone = json.loads(answered(EXAMPLES / "her2-tests.ndjson", "--format", "json"))
    names = Counter(patient["patient"] for patient in told["patients"])
    assert names == Counter(patient["patient"] for patient in alone["patients"]) + Counter(["someone"])
    (joined,) = [patient for patient in told["patients"] if patient["patient"] == "discordant"]
    assert joined["course"]["facts"]["lvef"] == "61"
    assert joined["specimens"]


def test_fhir_of_several_files_is_read_as_of_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    lines = (EXAMPLES / "her2-tests.ndjson").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "a.ndjson").write_text("".join(lines[:20]), encoding="utf-8")
    (folder / "b.ndjson").write_text("".join(lines[20:]), encoding="utf-8")
    whole, parts = (
        json.loads(answered(source, "--format", "json")) for source in (folder, folder / "*.ndjson")
    )  # fmt: skip
    assert whole["patients"] == parts["patients"]
    assert whole["summary"] == parts["summary"]


def test_a_table_comes_through_standard_input(tmp_path: Path) -> None:
    expected = json.loads(answered(HOLD, "--format", "json"))["patients"][0]["course"]["verdicts"]
    sources = {"csv": HOLD.read_bytes(), "parquet": b""}
    table = pa.table({name: list(cells) for name, cells in zip(*_columns(HOLD), strict=True)})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    sources["parquet"] = sink.getvalue()
    for content in sources.values():
        done = subprocess.run(
            [sys.executable, "-m", "her2path", "review", "-", "--on", ON, "--format", "json"],
            input=content, capture_output=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["patients"][0]["course"]["verdicts"] == expected


def _columns(path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    header, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    return header, list(zip(*rows, strict=True))


def test_on_today_is_the_day_of_today() -> None:
    import datetime as dt

    told = CliRunner().invoke(main, ["review", str(HOLD), "--on", "today", "--format", "json"])
    assert json.loads(told.stdout)["manifest"]["asked"]["on"] == dt.date.today().isoformat()


# -- every output, and the same numbers -------------------------------------------------------------


def rows_of(path: Path) -> list[dict]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


GROUPS = {"her2_group": "her2_status", "therapy_group": "therapy", "verdict_group": "verdicts"}


def counts_of_summary(summary: dict) -> dict[str, Counter[str]]:
    counts = {group: Counter(summary[name]) for group, name in GROUPS.items()}
    counts["her2_group"] += Counter({"not tested": summary["without_her2_tests"]})
    return {**counts, "grade": Counter(summary["findings"])}


def counts_of(patients: list[dict], grades: list[str]) -> dict[str, Counter[str]]:
    counts = {group: Counter(patient[group] for patient in patients) for group in GROUPS}
    return {**counts, "grade": Counter(grades)}


def require_equal_counts(source: Path, folder: Path, on: str) -> None:
    """The summary, JSON, NDJSON, CSV and Parquet of a source give one set of counts, which add up to the patients."""
    outputs = [folder / f"x.{ending}" for ending in ("json", "jsonl", "csv", "parquet", "html")]
    for output in outputs:
        assert run(source, "-o", output, on=on).exit_code in (0, 3)
    told = json.loads(outputs[0].read_text(encoding="utf-8"))
    alone = json.loads(run(source, "--summary-only", "--format", "json", on=on).stdout)["summary"]
    assert alone == told["summary"]
    expected = counts_of_summary(alone)
    for group in GROUPS:
        assert expected[group].total() == alone["patients"], group
    lines = [json.loads(line) for line in outputs[1].read_text(encoding="utf-8").splitlines()]
    for patients in (told["patients"], lines):
        grades = [
            finding["grade"] for patient in patients
            for part in (patient, *patient["specimens"], patient["course"] or {"findings": []})
            for finding in part["findings"]
        ]  # fmt: skip
        assert counts_of(patients, grades) == expected
    everybody = Counter(patient["patient"] for patient in lines)
    for output in outputs[2:4]:
        patients = rows_of(output.with_name(f"x.patients{output.suffix}"))
        assert counts_of(patients, [row["grade"] for row in rows_of(output)]) == expected
        assert Counter(patient["patient"] for patient in patients) == everybody
        assert {row["patient"] for row in rows_of(output.with_name(f"x.episodes{output.suffix}"))} <= set(everybody)
    of_page = json.loads(page(outputs[4]).data["summary"])
    assert of_page == alone


def test_every_output_of_the_examples_counts_the_same(tmp_path: Path) -> None:
    both = tmp_path / "all.csv"
    texts = [path.read_text(encoding="utf-8").splitlines() for path in sorted(COURSES.glob("*.csv"))]
    header = texts[0][0]
    assert {text[0] for text in texts} == {header}
    both.write_text("\n".join([header, *(line for text in texts for line in text[1:])]) + "\n", encoding="utf-8")
    require_equal_counts(both, tmp_path, ON)
    require_equal_counts(EXAMPLES / "her2-tests.ndjson", tmp_path, ON)
    require_equal_counts(EXAMPLES / "wide-course.csv", tmp_path, ON)


def test_every_output_of_the_case_files_counts_the_same(tmp_path: Path) -> None:
    """The records that others sent, of every kind."""
    for path in sorted((Path(__file__).parent / "records").rglob("*")):
        if path.suffix in (".json", ".ndjson", ".csv"):
            require_equal_counts(path, tmp_path, "2026-02-03")


def test_every_output_of_messy_patients_counts_the_same(tmp_path: Path) -> None:
    source = tmp_path / "messy.parquet"
    done = CliRunner().invoke(
        main, ["simulate", "course", "--virtual-patients", "120", "--seed", "14", "--mess", "heavy", "--records", str(source)]
    )
    assert done.exit_code == 0, done.output
    require_equal_counts(source, tmp_path, "2027-06-01")


def test_csv_holds_what_parquet_holds(tmp_path: Path) -> None:
    for output in ("x.csv", "x.parquet"):
        answered(HOLD, "-o", tmp_path / output)
    for part in ("", ".patients", ".episodes", ".specimens"):
        told, table = rows_of(tmp_path / f"x{part}.csv"), rows_of(tmp_path / f"x{part}.parquet")
        assert [*told[0]] == [*table[0]]
        assert [row.get("finding") for row in told] == [row.get("finding") for row in table]
    facts = rows_of(tmp_path / "x.csv")[0]["facts"]
    assert dict(each.split("=", 1) for each in facts.split("; ")) == dict(rows_of(tmp_path / "x.parquet")[0]["facts"])


def test_an_ending_that_no_output_has_is_refused(tmp_path: Path) -> None:
    done = run(HOLD, "-o", tmp_path / "x.xlsx")
    assert (done.exit_code, "no output ends in '.xlsx'" in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [("--what-if", "lvef=50"), ("--print",), ("--brief",), ("--summary-only",)], ids=str)
@pytest.mark.parametrize("output", ["x.csv", "x.parquet", "x.ndjson"])
def test_what_an_output_cannot_hold_is_refused(option: tuple[str, ...], output: str, tmp_path: Path) -> None:
    if option == ("--summary-only",) and output == "x.ndjson":
        pytest.skip("a summary beside FHIR goes to standard error")
    done = run(HOLD, *option, "-o", tmp_path / output)
    assert (done.exit_code, option[0] in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())


# -- the manifest -----------------------------------------------------------------------------------


def manifest_in(path: Path) -> dict:
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))["manifest"]
    if path.suffix == ".html":
        return json.loads(page(path).data["manifest"])
    return json.loads((path.parent / f"{path.stem}.manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("ending", ["json", "html", "jsonl", "csv", "parquet"])
def test_a_manifest_says_by_what_each_output_was_made(ending: str, tmp_path: Path) -> None:
    settings, output = tmp_path / "site.toml", tmp_path / f"x.{ending}"
    settings.write_text("[heart]\nlvef_lower_limit = 53\n", encoding="utf-8")
    answered(HOLD, COURSES / "mess.csv", "--settings", settings, "-o", output)
    made = manifest_in(output)
    for each, path in zip(made["inputs"], (HOLD, COURSES / "mess.csv"), strict=True):
        assert each == {
            "path": str(path), "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()
        }  # fmt: skip
    assert made["settings"]["lvef_lower_limit"] == "53"
    assert made["settings"]["file"]["sha256"] == hashlib.sha256(settings.read_bytes()).hexdigest()
    assert {"asco-cap-2023", "heart-trastuzumab-us", "trastuzumab-iv-us"} <= set(made["editions"])
    assert made["read"]["patients"] == 2
    assert len(made["knowledge_sha256"]) == 64
    if ending in ("csv", "parquet"):
        assert made["rows"][output.name] == made["read"]["findings"]
        assert made["rows"][f"x.patients.{ending}"] == 2


def test_the_digest_of_the_knowledge_changes_with_it(tmp_path: Path) -> None:
    from her2path.cohort.manifest import knowledge_digest
    from her2path.facts.folder import shipped_folder

    copy = tmp_path / "knowledge"
    shutil.copytree(shipped_folder(), copy)
    assert knowledge_digest(copy) == knowledge_digest(shipped_folder())
    changed_copy = tmp_path / "changed"
    shutil.copytree(copy, changed_copy)
    with (changed_copy / "sources.md").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert knowledge_digest(changed_copy) != knowledge_digest(copy)


def test_a_folder_is_in_the_manifest_file_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    shutil.copy(EXAMPLES / "her2-tests.ndjson", folder / "a.ndjson")
    made = json.loads(answered(folder, "--format", "json"))["manifest"]
    (told,) = made["inputs"]
    assert [Path(each["path"]).name for each in told["files"]] == ["a.ndjson"]
    assert told["sha256"] != told["files"][0]["sha256"]


@pytest.mark.parametrize(
    "words",
    [
        ("inspect", str(HOLD)), ("coverage",),
        ("decide", "her2_status", "--edition", "asco-cap-2018", "--fact", "ihc_score=3+"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_the_ending_of_an_output_is_followed_by_other_commands_too(words: tuple[str, ...], tmp_path: Path) -> None:
    for name, is_json in (("x.json", True), ("x.txt", False)):
        assert CliRunner().invoke(main, [*words, "-o", str(tmp_path / name)]).exit_code == 0
        assert ((tmp_path / name).read_text(encoding="utf-8")[0] in "{[") == is_json


def test_of_two_proposals_one_is_chosen_and_it_is_said() -> None:
    """Of two drugs that the label names the prescriber chooses one (decision D201): they are never added up."""
    told = " ".join(answered(COURSES / "residual-disease.csv", on="2026-06-01").split())
    assert re.search(r"proposed T-DM1 270 mg [^;]*\(first dose of 14 cycles\) or proposed T-DXd 405 mg", told)
    plan = answered(COURSES / "residual-disease.csv", "--print", on="2026-06-01")
    assert plan.startswith("PLAN  T-DM1 or T-DXd (proposed, no order yet), adjuvant")
    both = " ".join(answered(COURSES / "metastatic-thp.csv", on="2026-02-16").split())
    assert "trastuzumab 384 mg (6 x 64 kg of 2025-12-01), 30 to 90 min + pertuzumab 420 mg" in both


@pytest.mark.parametrize(("recount", "status"), [("unchanged", "negative"), ("changed", "adjudicate")])
def test_a_test_that_her_only_specimen_lacks_is_of_that_specimen(recount: str, status: str) -> None:
    """The blinded recount settles the specimen that waits for it; it makes no second one."""
    source = EXAMPLES / "her2-tests.ndjson"
    options = ("--patient", "group-2-ihc-2", "--what-if", f"ish_recount={recount}", "--format", "json")
    found = json.loads(answered(source, *options, on="2024-04-01"))
    assert found["before"]["her2_status"] is None
    assert found["after"]["her2_status"] == status
    assert found["goes"]
    assert changed("ihc_score=1+")["appears"]  # her specimen has its score: this one is another, and they disagree
