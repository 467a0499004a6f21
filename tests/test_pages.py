"""The pages as they are sent: what stands on them, what they refuse, and that no record writes markup."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
import io
import json
import re
import sys
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pages_server import ON, WANTED, WARD, client_of, loaded_of

for name in WANTED:
    pytest.importorskip(name)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def loaded() -> Any:
    return loaded_of(reads_paths=True)


@pytest.fixture(scope="module")
def client(loaded: Any) -> Any:
    return client_of(loaded)


def shown(client: Any, path: str, status: int = 200, **query: object) -> str:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == status, (path, query, answer.status_code)
    return str(answer.text)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# -- the worklist -------------------------------------------------------------------------------


def test_the_ward_is_what_its_script_makes() -> None:
    path = WARD.parent / "make_ward.py"
    spec = importlib.util.spec_from_file_location("make_ward", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert WARD.read_text(encoding="utf-8") == module.ward(path.parent)


def test_worklist_says_what_the_command_says(loaded: Any) -> None:
    from click.testing import CliRunner

    from her2path.cli import main

    told = CliRunner().invoke(main, ["review", str(WARD), "--on", str(ON), "--jurisdiction", "us"]).stdout
    for each in loaded.ward.listed:
        line = next(line for line in told.splitlines() if re.search(rf"  {re.escape(each.row.patient)}  ", line))
        assert line.startswith(each.row.verdict), each.row.patient
        assert each.row.reason[:60] in line


def test_the_csv_of_the_worklist_is_that_of_the_command(client: Any, loaded: Any, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from her2path.cli import main

    output = tmp_path / "x.csv"
    CliRunner().invoke(main, ["review", str(WARD), "--on", str(ON), "--jurisdiction", "us", "-o", str(output)])
    written = (tmp_path / "x.patients.csv").read_text(encoding="utf-8")
    answer = client.get("/worklist.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines() == written.splitlines()
    assert len(answer.text.splitlines()) == len(loaded.ward) + 1
    held = [each.row.patient for each in loaded.ward.listed if each.row.verdict == "HOLD"]
    assert held
    narrowed = client.get("/worklist.csv?verdict=HOLD").text.splitlines()
    assert sorted(line.partition(",")[0] for line in narrowed[1:]) == sorted(held)
    assert 'href="/worklist.csv?verdict=HOLD"' in shown(client, "/worklist", verdict="HOLD")


def test_worklist_has_the_most_urgent_first_and_counts_that_filter(client: Any, loaded: Any) -> None:
    html = shown(client, "/worklist")
    assert html.index("fourth-hold") < html.index("dose-in-hold") < html.index("contraception-window")
    assert "27 patients of ward.csv" in html
    only = shown(client, "/worklist", verdict="HOLD")
    assert len(re.findall(r'class="p" href', only)) == loaded.ward.counts["HOLD"] == 2


@pytest.mark.parametrize(
    ("query", "patients"),
    [
        ({"search": "tenfold"}, ["tenfold-order"]),
        ({"search": "t-dm1 METASTATIC"}, ["t-dm1-overdose"]),
        ({"search": "no such patient"}, []),
        ({"verdict": "STOP", "search": "heart failure yes"}, ["heart-failure"]),
        ({"edition": "heart-trastuzumab-us", "outcome": "cardiac_action", "row": "8"}, ["dose-in-hold"]),
    ],
)
def test_search_and_filters(client: Any, query: dict[str, str], patients: list[str]) -> None:
    html = shown(client, "/worklist", **query)
    assert re.findall(r'class="p" href="/patient\?id=([^"]+)"', html) == patients
    assert ("Nobody fits this." in html) is (not patients)


def test_a_page_has_fifty(tmp_path: Path) -> None:
    rows = ["patient,date,fact,value,unit,product,qualifier,specimen"]
    rows += [f"p{number:03},2026-02-02,ihc_score,{number % 4}+,,,,core" for number in range(120)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    client = client_of(loaded_of(path))
    pages = [re.findall(r'class="p" href', shown(client, "/worklist", page=number)) for number in (1, 2, 3)]
    assert [len(found) for found in pages] == [50, 50, 20]
    assert re.findall(r'class="p" href', shown(client, "/worklist", page="99999")) == pages[2]
    assert shown(client, "/worklist", page="-1").count('class="p" href') == 50


def test_an_empty_worklist_leads_to_load() -> None:
    client = client_of(loaded_of(None))
    html = shown(client, "/worklist")
    assert "The worklist is empty" in html
    assert 'href="/load"' in html


# -- the patient --------------------------------------------------------------------------------


def test_the_first_look_is_the_review(client: Any) -> None:
    told = text_of(shown(client, "/patient", id="dose-in-hold"))
    assert "HOLD trastuzumab day 43 of 56" in told
    assert "Withhold (LVEF 48 % on 2026-02-16, 13 points below the baseline of 61 %)" in told
    assert "LVEF again by 2026-03-16: recovery must show by then" in told
    assert "61 (2025-06-05, echo) → 48 (2026-02-16, echo)" in told


def test_the_row_is_lit_and_what_rules_the_others_out_is_struck(client: Any) -> None:
    html = shown(client, "/patient", id="dose-in-hold")
    table = html[html.index("Decision table cardiac_action of heart-trastuzumab-us, behind f2, row 8 applies") :]
    table = table[: table.index("</table>")]
    (lit,) = re.findall(r'<tr class="hit">.*?</tr>', table, re.S)
    assert "▶ 8" in lit
    assert 'class="no"' not in lit
    rows = re.findall(r"<tr class=\"dim\">.*?</tr>", table, re.S)
    assert len(rows) == 12
    assert all("rules this row out" in row for row in rows)


def test_every_finding_with_rows_has_its_table(loaded: Any) -> None:
    from her2path.serve.pages.findings import addresses, decision_of, shown_findings

    without = []
    for each in loaded.ward.listed:
        review = loaded.open(each.row.patient).review
        named = addresses(review)
        for finding, told in zip(named, shown_findings(review, named, loaded.knowledge), strict=True):
            if finding.rows and not told.tables:
                without.append((each.row.patient, finding.key))
            if finding.rows:
                decision = decision_of(finding, review, loaded.knowledge)
                assert decision is not None
                assert tuple(decision.rows) == finding.rows
                names = [f"{table.outcome}:{name}" for table in told.tables for name in table.names]
                assert set(finding.rows) == set(names)
    assert not without


def test_only_rows_that_no_cell_rules_out_apply(loaded: Any) -> None:
    """The struck cells agree with the rows of the decision, table by table."""
    from her2path.serve.pages.findings import addresses, shown_findings, shown_specimens

    seen = 0
    for each in loaded.ward.listed:
        review = loaded.open(each.row.patient).review
        told = shown_findings(review, addresses(review), loaded.knowledge)
        for shown_one in [*told, *shown_specimens(review, loaded.knowledge)]:
            for table in shown_one.tables[:1]:
                seen += 1
                for row in table.rows:
                    if row.state != "dim":
                        assert not any(struck for _, struck in row.cells), (each.row.patient, table.outcome, row.name)
                    elif not table.is_open and "open" not in row.outcome:
                        assert any(struck for _, struck in row.cells), (each.row.patient, table.outcome, row.name)
    assert seen > 80


def test_an_open_finding_marks_every_row_that_is_still_possible(client: Any) -> None:
    html = shown(client, "/patient", id="equivocal-ordered")
    table = html[html.index("Decision table adjuvant_eligible") :]
    table = table[: table.index("</table>")]
    assert re.findall(r'<tr class="maybe"><td class="rn">\? (\d+)<', table) == ["4", "5", "6", "7"]
    assert 'class="hit"' not in table
    assert "4 rows are still possible" in html


def test_what_is_missing_says_what_it_would_change(client: Any) -> None:
    told = text_of(shown(client, "/patient", id="ratio-to-recount"))
    part = told[told.index("What is missing, and what it would change") :]
    assert "ISH recount" in part
    assert "unchanged negative (row 15)" in part


def test_timeline_has_its_numbers_as_a_table_and_three_sizes(client: Any) -> None:
    html = shown(client, "/patient", id="dose-in-hold")
    assert [re.search(rf'class="tl {size}"', html) is not None for size in ("far", "mid", "near")] == [True] * 3
    table = html[html.index("Timeline as a table") :]
    table = table[: table.index("</table>")]
    assert table.count("<td>LVEF</td>") == 5
    assert table.count("<td>Trazimera</td>") == 12
    assert 'href="#f1" aria-label="2026-03-02: Trazimera 656 mg (8 mg/kg)' in html
    assert "style=" not in html
    assert "<style" not in html


@pytest.mark.parametrize(
    ("patient", "words"),
    [
        ("two-tumours", ["Tissue, left", "Tissue, right"]),
        ("change-of-brand", [">Herceptin<", ">Ogivri<", ">Kanjinti<"]),
        ("progression", ["2025-09-22: progression"]),
        ("contraception-window", ["contraception, to 2026-06-24"]),
        ("six-years", [">2020<", ">2025<", "Hold for the heart from 2023-01-23 to 2023-03-13"]),
        ("weekly-for-years", ["69 doses"]),
        ("heart-failure", ["2026-03-02: heart failure"]),
    ],
)
def test_what_was_still_to_be_drawn(client: Any, patient: str, words: list[str]) -> None:
    html = shown(client, "/patient", id=patient)
    far = html[html.index('class="tl far"') : html.index('class="tl mid"')]
    for word in words:
        assert word in far, word


def test_around_today_every_dose_stands_alone(client: Any) -> None:
    html = shown(client, "/patient", id="weekly-for-years", view="near")
    far = html[html.index('class="tl far"') : html.index('class="tl mid"')]
    assert not re.search(r'aria-label="\d+ doses,', far)
    assert "2026-02-23: Kanjinti" in far
    assert "2025-11-24: Kanjinti" not in far


def test_no_dose_is_lost_in_a_band(loaded: Any) -> None:
    from her2path.serve.pages.findings import addresses
    from her2path.serve.pages.timeline.course import course_of
    from her2path.serve.pages.timeline.drawing import SIZES, Drawing

    for patient in ("weekly-for-years", "six-years"):
        opened = loaded.open(patient)
        course = course_of(opened, addresses(opened.review), ON)
        doses = sum(mark.kind == "dose" for mark in course.marks)
        html = str(Drawing(course, "x", SIZES[0]).svg())
        bands = [int(count) for count in re.findall(r'aria-label="(\d+) doses,', html)]
        single = len(re.findall(r'class="[po]\d(?: hov)?"', html))
        assert sum(bands) + single == doses, patient


def test_nobody_is_not_found(client: Any) -> None:
    assert "No patient is called nobody." in shown(client, "/patient", 404, id="nobody")
    assert shown(client, "/patient", 404)
    assert shown(client, "/plan", 404, id="nobody")
    assert shown(client, "/patient", 404, id="dose-in-hold", which="7")


def test_two_records_of_one_number_are_both_shown(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text(
        "patient,date,fact,value,specimen\nа,2026-01-05,ihc_score,3+,core\nb,2026-01-05,ihc_score,1+,core\n", encoding="utf-8"
    )
    loaded = loaded_of(path)
    ward = loaded.ward
    ward.of_patient["b"].append(ward.of_patient["а"][0])
    assert "2 records bear this number" in shown(client_of(loaded), "/patient", id="b")


# -- what if ------------------------------------------------------------------------------------


def test_what_if_is_the_review_of_the_record_with_the_event(client: Any, loaded: Any) -> None:
    from her2path import Reviewer, Settings
    from her2path.record.event import Event

    opened = loaded.open("dose-in-hold")
    fact = loaded.knowledge.facts["lvef"]
    record = opened.record
    before = (len(record.events), len(record.course))
    told = text_of(shown(client, "/patient/what-if", id="dose-in-hold", fact="lvef", value="55"))
    record.course.append(Event("lvef", fact.coerce("55"), ON, "", "test", "55"))
    record.sort()
    review = Reviewer(loaded.knowledge, Settings(ON, jurisdiction="us")).review(record)
    assert review.course is not None
    assert f"→ {review.course.verdicts[0].verdict} trastuzumab" in told
    again = loaded.open("dose-in-hold").record
    assert (len(again.events), len(again.course)) == before
    assert "HOLD" in text_of(shown(client, "/patient", id="dose-in-hold"))


def test_nothing_by_a_later_day(client: Any) -> None:
    told = text_of(shown(client, "/patient/what-if", id="dose-in-hold", fact="lvef", value="", day="2026-03-30"))
    assert "With nothing more recorded by 2026-03-30" in told
    assert "changed HOLD" in told


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"fact": "lvef", "value": "a lot"}, "LVEF cannot be a lot; expected a number"),
        ({"fact": "lvef", "value": "700"}, "LVEF cannot be 700"),
        ({"fact": "nonsense", "value": "1"}, "No fact is called nonsense."),
        ({"fact": "lvef", "value": "50", "day": "tomorrow"}, "tomorrow is no day; write it as 2026-03-03."),
        ({"fact": "lvef", "value": ""}, "Give a value, or a later day"),
    ],
)
def test_what_cannot_be_asked_is_said(client: Any, query: dict[str, str], words: str) -> None:
    assert words in text_of(shown(client, "/patient/what-if", id="dose-in-hold", **query))


def test_the_strip_is_the_verdict_of_each_percent(client: Any, loaded: Any) -> None:
    from her2path.serve.pages.what_if import lvef_strip, with_event

    opened = loaded.open("dose-in-hold")
    fact = loaded.knowledge.facts["lvef"]
    for stretch in lvef_strip(opened, loaded):
        for percent in (stretch.low, stretch.high):
            record = with_event(opened.record, fact, fact.coerce(str(percent)), ON, str(percent))
            review = loaded.review(record).review
            assert review.course.verdicts[0].verdict == stretch.verdict, percent
            assert review.course.standing.outcomes.get("cardiac_action", "") == stretch.action, percent
    html = shown(client, "/patient/strip", id="dose-in-hold")
    assert "50 to 75 %: ASK FIRST" in html
    told = text_of(html[html.index('id="next-lvef"') :])
    assert "up to 49 % HOLD, heart: hold" in told
    assert "50 % or more ASK FIRST, heart: resume" in told
    later = loaded.what_if(opened.record, type(opened.record)("x"), dt.date(2026, 3, 17)).after
    assert f"none by 2026-03-16 {later.course.verdicts[0].verdict}" in told


# -- plan and tables ----------------------------------------------------------------------------


def test_plan_has_the_dose_and_the_rows_at_its_edge(client: Any) -> None:
    told = text_of(shown(client, "/plan", id="late-dose"))
    assert "440 mg (8 x 55 kg of" in told
    assert "missed_dose_action:3" in told
    order = ["Eligibility", "Exclusions", "Tests", "Premedication", "Treatment", "Dose modifications", "Precautions"]
    places = [told.index(word) for word in [*order, "Call", "References"]]
    assert places == sorted(places)


def test_table_page_is_the_proven_table(client: Any, loaded: Any) -> None:
    html = shown(
        client, "/table", edition="heart-trastuzumab-us", outcome="cardiac_action", against="heart-trastuzumab-eu"
    )
    told = text_of(html)
    assert "432 situations" in told
    assert "1,061 situations differ" in told
    assert "outcome=cardiac_action&amp;row=8" in html
    assert shown(client, "/table", 404, edition="heart-trastuzumab-us", outcome="nothing")


def test_every_table_of_every_edition_is_shown(client: Any, loaded: Any) -> None:
    for edition in loaded.knowledge.editions[::7]:
        for outcome in edition.tables:
            shown(client, "/table", edition=edition.key, outcome=outcome)
    assert shown(client, "/guidelines").count("/table?edition=") == sum(
        len(edition.tables) for edition in loaded.knowledge.editions
    )


# -- load ---------------------------------------------------------------------------------------


def sent(client: Any, name: str, content: bytes, status: int = 303) -> str:
    answer = client.post("/load", files={"file": (name, content, "application/octet-stream")})
    assert answer.status_code == status, answer.text[:400]
    return str(answer.headers.get("location") or text_of(answer.text))


def test_a_file_is_loaded_and_reviewed() -> None:
    client = client_of(loaded_of(None))
    assert sent(client, "ward.csv", WARD.read_bytes()) in ("/load", "/worklist")
    assert "27 patients of ward.csv" in shown(client, "/worklist")
    assert "What is in ward.csv, before any rule" in shown(client, "/load/inspect")


def test_errors_are_told_as_a_table(tmp_path: Path) -> None:
    client = client_of(loaded_of(None))
    content = b"patient,date,fact,value\na,2026-01-05,ihc_score,3+\na,2026-01-05,no_such_fact,1\nb,never,lvef,60\n"
    sent(client, "bad.csv", content)
    told = text_of(shown(client, "/load"))
    assert "no_such_fact" in told
    assert "records.csv:3" in told or "bad.csv:3" in told


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", b"{not json"), ("x.csv", b"\x00\x01\x02"), ("x.parquet", b"PAR1 nothing"), ("x.zip", b"PK\x03\x04 broken"),
        ("x.gz", b"\x1f\x8b broken"), ("x", b""), ("../../etc/passwd", b"root"), ("a\r\nb.csv", b"x"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_leaves_what_was_loaded(name: str, content: bytes) -> None:
    loaded = loaded_of(None)
    client = client_of(loaded)
    answer = client.post("/load", files={"file": (name, content, "text/plain")})
    assert answer.status_code in (303, 422), answer.status_code
    assert len(loaded.ward) == 0
    told = text_of(shown(client, "/load"))
    assert "was not loaded" in told or "What could not be read" in told
    assert "/tmp/her2path" not in told


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.serve.pages.load.MOST_UNPACKED", 40_000_000)  # a gigabyte takes its time
    client = client_of(loaded_of(None))
    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("records.ndjson", "w", force_zip64=True) as member,
    ):
        for _ in range(41):
            member.write(b" " * 1_000_000)
    started = time.monotonic()
    assert "unpacks to more than" in sent(client, "bomb.zip", bomb.getvalue(), 422)
    assert time.monotonic() - started < 10
    packed = gzip.compress(b" " * 1_000_000, 9)
    assert "unpacks to more than" in sent(client, "bomb.json.gz", packed * 41, 422)


def test_no_path_is_read_where_it_may_not(tmp_path: Path) -> None:
    client = client_of(loaded_of(None, reads_paths=False))
    answer = client.post("/load", files={"path": (None, str(WARD))})
    assert answer.status_code == 422
    assert "paths are read only where" in text_of(answer.text)


@pytest.mark.parametrize("path", ["/dev/zero", "/proc/self/mem/x", "../x", "x\x00y", "/no/such/file"])
def test_paths_that_are_no_files_are_refused(path: str) -> None:
    client = client_of(loaded_of(None, reads_paths=True))
    answer = client.post("/load", files={"path": (None, path)})
    assert answer.status_code == 422, answer.text[:300]


def test_a_path_is_loaded_on_this_machine() -> None:
    client = client_of(loaded_of(None, reads_paths=True))
    assert client.post("/load", files={"path": (None, str(WARD))}).status_code == 303
    assert "27 patients" in shown(client, "/worklist")


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_foreign_page_loads_nothing(headers: dict[str, str]) -> None:
    loaded = loaded_of(None)
    answer = client_of(loaded).post("/load", files={"file": ("w.csv", WARD.read_bytes())}, headers=headers)
    assert answer.status_code == 403
    assert len(loaded.ward) == 0


@pytest.mark.parametrize("path", ["/static/../routes.py", "/static/..%2froutes.py", "/static/%2e%2e/routes.py", "/static//etc/passwd"])
def test_nothing_above_the_static_files_is_sent(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


# -- what a record may write --------------------------------------------------------------------

ATTACK = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
CONTROLS = "p\x1b[31m\x07\u202e\u2028\r\nx"


def fhir(patient: str) -> bytes:
    """A bundle with the attack in every text that the pages show."""
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p1", "identifier": [{"value": patient}], "birthDate": ATTACK, "gender": ATTACK},
        {
            "resourceType": "Observation", "id": ATTACK, "status": "final", "subject": {"reference": "Patient/p1"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "85319-2", "display": ATTACK}], "text": ATTACK},
            "effectiveDateTime": "2026-02-02", "valueString": ATTACK, "specimen": {"display": ATTACK},
            "note": [{"text": ATTACK}],
        },
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    return json.dumps(bundle).encode()


class Markup(HTMLParser):
    """Finds what no page of ours has: pictures, scripts in the page, attributes that run or style something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.is_script = tag == "script"
        if tag in ("img", "iframe", "object", "style", "i", "base") or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in names if name.startswith("on") or name == "style"]
        self.found += [f"{tag} {name}" for name, value in attrs if (value or "").lower().startswith("javascript:")]

    def handle_data(self, data: str) -> None:
        if self.is_script and data.strip():
            self.found.append(f"script {data}")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self.is_script = False


def markup_of(html: str) -> list[str]:
    parser = Markup()
    parser.feed(html)
    return parser.found


def test_markup_is_found_where_it_is() -> None:
    assert markup_of('<p onclick="x">a</p><script>b</script><img src=x onerror=y><a href="javascript:z">c</a>') == [
        "p onclick", "script", "script b", "img", "img onerror", "a href",
    ]  # fmt: skip


def columns() -> list[str]:
    return ["patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen"]


def test_no_text_of_a_record_becomes_markup(tmp_path: Path) -> None:
    import csv

    base = ["evil", "2026-02-02", "lvef", "60", "%", "", "echo", "core"]
    rows = [base, ["evil", "2026-02-02", "ihc_score", "3+", "", "", "", "core"]]
    rows += [["evil", "2026-02-09", "dose_mg", "560", "mg", "trastuzumab-iv", ATTACK, ""]]
    rows += [["evil", "2026-02-10", "allergy", ATTACK, "", "", "", ""]]
    rows += [["evil", "2026-02-03", "ihc_score", "1+", "", "", "", ATTACK]]
    for place in range(8):
        row = list(base)
        row[place] = ATTACK
        rows.append(row)
    path = tmp_path / "evil.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns(), *rows])
    loaded = loaded_of(path, reads_paths=True)
    client = client_of(loaded)
    pages = ["/worklist", "/load", "/load/inspect", f"/worklist?{urlencode({'search': ATTACK, 'drug': ATTACK, 'edition': ATTACK, 'outcome': ATTACK, 'row': ATTACK})}"]
    for patient in {each.row.patient for each in loaded.ward.listed}:
        pages += [f"{page}?{urlencode({'id': patient})}" for page in ("/patient", "/plan")]
        asked = urlencode({"id": patient, "fact": ATTACK, "value": ATTACK, "day": ATTACK})
        pages += [f"/patient?{asked}", f"/patient/what-if?{asked}"]
    pages += [f"/guidelines?{urlencode({'search': ATTACK})}"]
    assert any("evil" in page for page in pages)
    for page in pages:
        html = client.get(page).text
        assert markup_of(html) == [], page
        assert "}}49" not in html
        assert ">49<" not in html
    html = client.get(f"/patient?{urlencode({'id': ATTACK})}").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_no_text_of_fhir_becomes_markup(tmp_path: Path) -> None:
    path = tmp_path / "evil.json"
    path.write_bytes(fhir(ATTACK))
    loaded = loaded_of(path)
    client = client_of(loaded)
    assert len(loaded.ward) == 1
    for each in loaded.ward.listed:
        for page in ("/worklist", f"/patient?{urlencode({'id': each.row.patient})}", "/load", "/load/inspect"):
            assert markup_of(client.get(page).text) == [], page


def test_control_characters_are_shown_and_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "controls.json"
    bundle = json.loads(fhir(CONTROLS))
    bundle["entry"][0]["resource"]["id"] = "p1"
    path.write_text(json.dumps(bundle), encoding="utf-8")
    csv = tmp_path / "controls.csv"
    csv.write_text(f'patient,date,fact,value\n"{CONTROLS}",2026-01-05,ihc_score,3+\n', encoding="utf-8", newline="")
    for source in (path, csv):
        loaded = loaded_of(source)
        client = client_of(loaded)
        assert len(loaded.ward) == 1
        name = loaded.ward.listed[0].row.patient
        for page in ("/worklist", f"/patient?{urlencode({'id': name})}", f"/plan?{urlencode({'id': name})}"):
            answer = client.get(page)
            assert answer.status_code in (200, 422), (page, name)
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u202e]", answer.text), page


def test_pages_are_strict_and_are_not_kept(client: Any) -> None:
    answer = client.get("/patient?id=dose-in-hold")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert '"historyCacheSize":0' in answer.text


def test_the_first_load_is_small(client: Any) -> None:
    static = ("/static/style.css", "/static/htmx.min.js", "/static/pages.js", "/static/icon.svg")
    sent = 0
    for path in static:
        with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            sent += len(b"".join(answer.iter_raw()))
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert client.get(path).content == plain.content
    for path in ("/worklist", "/patient?id=dose-in-hold", "/patient?id=adjuvant-hold", "/patient?id=six-years"):
        assert sent + len(client.get(path).content) < 200_000, path


# -- many ---------------------------------------------------------------------------------------


def test_a_ward_of_thousands_is_quick(tmp_path: Path) -> None:
    from her2path.serve.loaded import Listed, Loaded
    from her2path.serve.pages.worklist import Filter, select

    loaded: Loaded = loaded_of()
    ward = loaded.ward
    many = [each for each in ward.listed for _ in range(400)]
    ward.listed = many
    assert isinstance(many[0], Listed)
    client = client_of(loaded)
    client.get("/worklist")
    best = sys.float_info.max
    for _ in range(5):
        started = time.perf_counter()
        assert client.get("/worklist?search=trastuzumab+adjuvant&order=patient").status_code == 200
        best = min(best, time.perf_counter() - started)
    assert len(many) > 10_000
    assert best < 0.3
    assert len(select(ward, Filter(verdict="HOLD"))) == 800


def test_a_new_day_reviews_everybody_anew() -> None:
    loaded = loaded_of()
    before = {each.row.patient: each.row.verdict for each in loaded.ward.listed}
    loaded.day = dt.date(2026, 3, 30)
    assert loaded.ward.on == dt.date(2026, 3, 30)
    after = {each.row.patient: each.row.verdict for each in loaded.ward.listed}
    assert set(after) == set(before)
    assert after != before
    assert "2026-03-30" in shown(client_of(loaded), "/worklist")


def test_many_threads_see_the_same(loaded: Any) -> None:
    """Looks at patients from many threads while a source is loaded: whole records, the old or the new."""
    from concurrent.futures import ThreadPoolExecutor

    names = [each.row.patient for each in loaded.ward.listed]
    alone = {name: [f.words for f in loaded.open(name).review.every_finding()] for name in names}

    def look(name: str) -> bool:
        opened = loaded.open(name)
        return opened is not None and [f.words for f in opened.review.every_finding()] == alone[name]

    with ThreadPoolExecutor(8) as pool:
        loading = pool.submit(loaded.load, WARD)
        assert all(pool.map(look, names * 4))
        assert len(loading.result()) == len(names)


def test_only_one_source_is_loaded_at_a_time(tmp_path: Path) -> None:
    from her2path import AskedWrongly

    loaded = loaded_of(None)
    assert loaded._loading.acquire(blocking=False)
    with pytest.raises(AskedWrongly, match="another source is being loaded"):
        loaded.load(WARD)
    loaded._loading.release()
    with pytest.raises(AskedWrongly, match="is not there"):
        loaded.load(tmp_path / "nothing.csv")
    assert len(loaded.load(WARD)) == 27


def test_a_record_that_is_not_loaded_has_its_page_too(loaded: Any) -> None:
    from starlette.requests import Request

    from her2path.serve.pages.patient import shown as page_of

    record = loaded.open("dose-in-hold").record
    app = client_of(loaded).app
    scope = {"type": "http", "method": "GET", "path": "/smart", "query_string": b"", "headers": [], "app": app}
    html = page_of(Request(scope), loaded, loaded.review(record), is_loaded=False).body.decode()
    assert "day 43 of 56" in html
    assert "/plan" not in html
    assert "/patient" not in html
