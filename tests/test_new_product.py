"""A product that nobody has: written into a copy of the knowledge as Markdown alone, and a course of it reviewed."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from course_makers import columns_of, dose, lvef, made
from her2path.cli.group import main
from her2path.facts.folder import ELSEWHERE, shipped_folder
from her2path.findings.course.review import review_courses
from her2path.findings.course.rules import Rules
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.history.drug_codes import drug_codes
from her2path.read.source import read_records
from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge, read_knowledge
from her2path.tables.site import Site

KEY, BRAND, LIKE = "t-mys", "mysteria", "t-dxd"
"""Trastuzumab mysterin, brand Mysteria: a conjugate that works like T-DXd, 4.8 mg/kg and less."""
FIRST = "once the pregnancy status is verified: "
"""What the plan of its dose waits for."""

LABEL = (
    "labelled_schedule", "dose_per_administration", "missed_dose_action", "partner_missed_dose_action",
    "switch_dose_kind", "infusion_minutes", "observation_minutes", "infusion_reaction_action", "adjuvant_duration",
    "weight_change_action", "product_mixup", "contraindication", "lvef_finding", "cardiac_action", "echo_interval",
    "echo_recheck", "low_baseline_caution", "anthracycline_caution", "baseline_lvef_window", "boxed_warning_conflict",
    "contraception_months", "washout_status", "effective_contraception_needed", "pregnancy_check", "pregnancy_exposure",
    "breastfeeding_advice",
)  # fmt: skip
"""The tables that carry the label of the new product."""


def write(path: Path, change: Any) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def after(text: str, like: str, row: str) -> str:
    """A row below the first line that begins with `like`."""
    line = next(line for line in text.splitlines() if line.startswith(like))
    return text.replace(line, f"{line}\n{row}", 1)


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def beside_it(text: str) -> str:
    """Every cell of a rule that lists T-DXd lists the new product too; worked cases stay."""
    lines = []
    rule = False
    for line in text.splitlines():
        if line.startswith("| row") or line.startswith("| case"):
            rule = line.startswith("| row")
        lines.append(re.sub(rf"\b{LIKE}\b", f"{LIKE}, {KEY}", line) if rule and line.startswith("|") else line)
    return "\n".join(lines) + "\n"


def mixed_up(text: str) -> str:
    """The rules of mix-ups: the new product stands wherever T-DXd does, and is another conjugate than it."""
    lines = []
    for line in text.splitlines():
        if not re.match(r"\| \d+ ", line):
            lines.append(line)
            continue
        row, product, ordered, *rest = cells_of(line)
        if product != LIKE:
            ordered = ordered.replace(LIKE, f"{LIKE}, {KEY}")
        else:
            same = rest[1] == "none"
            own = ordered.replace(LIKE, KEY) if same else f"{ordered}, {LIKE}" if LIKE not in ordered else ordered
            goes_on = rest[1] in ("none", "antibody ordered instead of conjugate", "other antibody ordered")
            lines.append(
                f"| {row}m | {KEY} | {ordered.replace(LIKE, KEY) if goes_on else own} | " + " | ".join(rest) + " |"
            )
            ordered = ordered if goes_on else f"{ordered}, {KEY}"
        lines.append(f"| {row} | {product} | {ordered} | " + " | ".join(rest) + " |")
    return "\n".join(lines) + "\n"


def listed(text: str) -> str:
    """The facts: a product, an order, a brand, a dose, and what says that it was given before."""
    lines = []
    more = {
        "product": ("`lapatinib`", f"`{KEY}`"), "ordered_product": ("`lapatinib`", f"`{KEY}`"),
        "brand": ("`tykerb`", f"`{BRAND}`"), "payer_brand": ("`tykerb`", f"`{BRAND}`"), "formulary_brand": ("`tykerb`", f"`{BRAND}`"),
        "dose_per_administration": ("`5.4 mg/kg`", "`4.8 mg/kg`, `4.0 mg/kg`"), "labelled_schedule": ("`5.4 mg/kg q3w`", "`4.8 mg/kg q3w`"),
    }  # fmt: skip
    for line in text.splitlines():
        last, new = more.get(line.split("`")[1] if line.startswith("| `") else "", ("", ""))
        lines.append(line.replace(last, f"{last}, {new}") if last else line)
        if line.startswith("| `prior_t_dxd`"):
            lines.append(line.replace("prior_t_dxd", "prior_t_mys"))
    return "\n".join(lines) + "\n"


def added(folder: Path) -> None:
    """The made-up product in a copy of the knowledge: its rows in the pages, and its editions of doses and heart."""
    write(folder / "facts.md", listed)
    page = f"| `{KEY}` | conjugate | trastuzumab | no | intravenous | by weight | yes | `q3w` | `prior_t_mys` | @mysteria | remembered | |"
    cycles = f"| `{KEY}` | 9 | @mysteria | remembered | |"
    write(
        folder / "product" / "products.md",
        lambda text: after(after(text, "| `t-dxd`          | conjugate", page), "| `t-dxd`   | 14", cycles),
    )
    brand = f"| `{BRAND}` | `{KEY}` | trastuzumab mysterin | - | Nobody | us | 2026-01-01 | metastatic breast | @mysteria | remembered | |"
    vial = f"| `{BRAND}` | us | 120 | powder, single-dose | - | @mysteria | remembered | |"
    write(
        folder / "product" / "brands.md",
        lambda text: after(after(text, "| `enhertu`", brand), "| `kadcyla`      | us           | 160", vial),
    )
    names = f"| trastuzumab mysterin | `{KEY}` | - | remembered |\n| {BRAND} | `{KEY}` | `{BRAND}` | remembered |"
    write(folder / "codes" / "therapy" / "drugs.md", lambda text: after(text, "| enhertu ", names))
    carried = ", ".join(f"`{outcome}`" for outcome in LABEL)
    rule = f"| What its label says | dose | `{KEY}` | us | @mysteria | {carried} | | |"
    head = "| rule | kind | products | where | source | carried by | missing | verified |\n" + "|---" * 8 + "|"
    write(folder / "label-rules.md", lambda text: f"{text}\n## Mysteria\n\n{head}\n{rule}\n")
    source = "| mysteria | Mysteria, a product made up for a test | https://example.org | 2026-11-28 | remembered |"
    write(folder / "sources.md", lambda text: text.rstrip("\n") + f"\n{source}\n")
    for name in ("reproduction-us", "reproduction-eu"):
        write(folder / "reproduction" / f"{name}.md", beside_it)
    write(folder / "dosing" / "tablets.md", beside_it)
    write(folder / "dosing" / "product-mixup.md", mixed_up)
    write(
        folder / "course" / "status.md",
        lambda text: text.replace("neratinib, lapatinib", f"neratinib, lapatinib, {KEY}"),
    )
    doses = (folder / "dosing" / "t-dxd-us-2019.md").read_text(encoding="utf-8").replace(LIKE, KEY)
    doses = re.sub(r"\| in force until \|[^|]*\|", "| in force until | - |", doses).replace("5.4 mg/kg", "4.8 mg/kg")
    doses = re.sub(r"\| jurisdiction( *)\| us", r"| jurisdiction\1| any", doses)
    (folder / "dosing" / "t-mys-us.md").write_text(doses.replace("4.4 mg/kg", "4.0 mg/kg"), encoding="utf-8")
    heart = (folder / "cardiac" / "t-dxd.md").read_text(encoding="utf-8").replace(LIKE, KEY)
    (folder / "cardiac" / "t-mys.md").write_text(heart, encoding="utf-8")
    heart_of_all = ("cardiac/low-lvef", "cardiac/baseline", "cardiac/boxed-warning")
    for name in (*heart_of_all, "dosing/weight-conjugates", "dosing/partner-none", "contraindications/other-products"):
        write(folder / f"{name}.md", lambda text: text.replace(f"`{LIKE}`", f"`{LIKE}`, `{KEY}`", 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("with-mysteria") / "knowledge"
    copytree(shipped_folder(), copy)
    added(copy)
    return copy


@pytest.fixture
def elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ELSEWHERE, str(folder))
    return folder


@pytest.fixture(scope="module")
def knowledge(folder: Path) -> Knowledge:
    return read_knowledge(folder)


AS_TEXT = pyarrow.csv.ConvertOptions(
    column_types=dict.fromkeys(("date", "value", "qualifier", "specimen"), pyarrow.string())
)
HEADER = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen")
COURSE = [
    ("2025-11-01", "birth_date", "1970-01-01", "", "", "", ""), ("2025-11-01", "sex", "female", "", "", "", ""),
    ("2025-11-01", "menopausal_status", "premenopausal", "", "", "", ""),
    ("2025-11-01", "tumour_site", "breast", "", "", "", "s1"), ("2025-11-01", "ihc_score", "3+", "", "", "", "s1"),
    ("2025-11-20", "setting", "metastatic", "", "", "", ""), ("2025-12-01", "weight_kg", "70", "kg", "", "", ""),
    ("2025-12-01", "lvef", "62", "%", "", "echo", ""), ("2025-12-08", "dose_mg", "336", "mg", "Mysteria", "", ""),
    ("2025-12-29", "dose_mg", "336", "mg", "trastuzumab mysterin", "", ""),
    ("2026-01-19", "dose_mg", "336", "mg", "Mysteria", "", ""),
]  # fmt: skip


def long_csv(path: Path, *more: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        rows.writerows(("p1", *row) for row in (*COURSE, *more))
    return path


def review(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["review", str(path), "--on", "2026-02-02", *options])


def course_of(path: Path) -> dict[str, Any]:
    result = review(path, "--format", "json")
    assert result.exit_code == 0, result.output
    (patient,) = json.loads(result.stdout)["patients"]
    course: dict[str, Any] = patient["course"]
    return course


def test_nothing_but_markdown_differs_from_what_ships(folder: Path) -> None:
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".md"}


def test_the_command_proves_it(elsewhere: Path) -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0, result.output
    assert f"{KEY}/cardiac_action" in result.output
    assert result.output.splitlines()[-1].endswith("; 0 problems")


def test_without_it_the_product_is_unknown(tmp_path: Path) -> None:
    result = review(long_csv(tmp_path / "p.csv"))
    assert "trastuzumab mysterin" in result.output
    assert KEY not in result.output


def test_a_course_of_it_is_followed_and_planned(elsewhere: Path, tmp_path: Path) -> None:
    course = course_of(long_csv(tmp_path / "p.csv"))
    facts = course["facts"]
    assert (course["product"], facts["schedule"], facts["doses_given"]) == (KEY, "q3w", "3")
    assert (facts["brand"], facts["prior_t_mys"], facts["dose_off_percent"]) == (BRAND, "yes", "0")
    assert "prior_t_dxd" not in facts
    (planned,) = [item for item in course["plan"] if item["kind"] == "dose"]
    assert (planned["what"], planned["earliest"]) == (f"{FIRST}{KEY}: 4.8 mg/kg, maintenance", "2026-02-09")
    details = planned["details"]
    assert (details["dose_mg"], details["weight_kg"], details["vials"]) == ("336", "70", "3 x 120 mg")
    assert "volume_ml" not in details
    assert details["infusion_minutes"] == "30"
    assert course["days"]["last_t_mys"] == "2026-01-19"


def test_its_heart_is_judged_by_its_own_table(elsewhere: Path, tmp_path: Path) -> None:
    """40 of 62, a fall above 20 points: far too low for T-DXd and so for this."""
    course = course_of(long_csv(tmp_path / "p.csv", ("2026-01-26", "lvef", "40", "%", "", "echo", "")))
    assert course["decisions"]["cardiac_action"]["cardiac_action"] == "hold"
    assert course["decisions"]["cardiac_action"]["edition"] == f"heart-{KEY}"
    assert not [item for item in course["plan"] if item["kind"] == "dose"]


def test_its_washout_and_allergy_count(elsewhere: Path, tmp_path: Path) -> None:
    course = course_of(long_csv(tmp_path / "p.csv", ("2025-11-02", "allergy", "trastuzumab", "", "", "", "")))
    assert course["days"]["contraception_until"] == "2026-08-19"
    assert f"an allergy to trastuzumab is recorded, and {KEY} holds it" in [
        each["finding"] for each in course["findings"]
    ]


def test_the_text_names_it_on_its_line(elsewhere: Path, tmp_path: Path) -> None:
    output = review(long_csv(tmp_path / "p.csv"), "--why").output
    assert f"Course: {KEY} q3w, metastatic, on treatment; 3 doses since 2025-12-08, the last on 2026-01-19" in output
    assert f"{KEY}: 4.8 mg/kg, maintenance" in output


def test_a_late_dose_and_a_mix_up(elsewhere: Path, tmp_path: Path) -> None:
    ordered = ("2026-02-01", "ordered_mg", "100", "mg", "trastuzumab deruxtecan", "", "")
    course = course_of(long_csv(tmp_path / "p.csv", ordered))
    assert course["decisions"]["product_mixup"]["product_mixup"] == "other conjugate ordered"


def test_the_knowledge_of_the_library_is_read_from_its_own_folder(knowledge: Knowledge, tmp_path: Path) -> None:
    """Not by the environment: a `Knowledge` of another folder brings its codes, pages, findings and brands."""
    assert default_knowledge().folder == shipped_folder()
    reviewer = Reviewer(knowledge, Settings(on=dt.date(2026, 2, 2)))
    (record,) = read_records(long_csv(tmp_path / "p.csv"), knowledge.facts)
    course = reviewer.review(record).course
    assert course is not None
    assert course.standing.product == KEY
    assert [item.what for item in course.plan if item.kind == "dose"] == [f"{FIRST}{KEY}: 4.8 mg/kg, maintenance"]


def test_many_are_told_what_one_is(knowledge: Knowledge) -> None:
    here = Rules(knowledge, Site(), dt.date(2024, 6, 1))
    course = [
        made("weight_kg", 70, -7), lvef(-7, 62), made("setting", "metastatic", -20),
        *(dose(when, KEY, "4.8") for when in (0, 21, 42)), lvef(50, 40),
    ]  # fmt: skip
    courses = review_courses(columns_of([course, course]), here, {"her2_status": np.zeros(2, np.int64)})
    assert all("cardiac_action: hold" in {finding.key for finding in courses.findings(place)} for place in (0, 1))
    place = knowledge.facts["product"].values.index(KEY)
    assert courses.reasons.course.values["product"].tolist() == [place, place] == [drug_codes(knowledge).code[KEY]] * 2


def test_a_file_of_many_is_reviewed_by_it(elsewhere: Path, tmp_path: Path) -> None:
    low = ("2026-01-26", "lvef", "40", "%", "", "echo", "")
    events = pyarrow.csv.read_csv(long_csv(tmp_path / "p.csv", low), convert_options=AS_TEXT)
    pyarrow.parquet.write_table(events, tmp_path / "p.parquet")
    result = review(tmp_path / "p.parquet", "-o", str(tmp_path / "o.parquet"), "--processes", "1")
    assert result.exit_code == 0, result.output
    rows = pyarrow.parquet.read_table(tmp_path / "o.parquet").to_pylist()
    assert (f"heart-{KEY}", "hold") in {
        (row["edition"], row["value"]) for row in rows if row["outcome"] == "cardiac_action"
    }


# -- what the proof says of a product that is half there ------------------------------------------


def broken(folder: Path, tmp_path: Path, file: str, before: str, behind: str) -> list[str]:
    """What `check` says of a page with one fault, in knowledge without most of its tables: they take long to read."""
    copy = tmp_path / "broken"
    copytree(
        folder, copy, ignore=ignore_patterns("eligibility", "her2-status", "cardiac", "reproduction", "coverage.md")
    )
    text = (copy / file).read_text(encoding="utf-8")
    assert before in text
    (copy / file).write_text(text.replace(before, behind, 1), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(copy)])
    assert result.exit_code == 1
    return [line.partition("  ")[2] for line in result.stderr.splitlines() if f"{Path(file).name}:" in line]


BROKEN: list[tuple[str, str, str, str]] = [
    ("product/products.md", "| `t-mys` | conjugate", "| `t-mis` | conjugate", "the product 't-mys' of facts.md has no row"),
    ("product/products.md", "| `t-mys` | conjugate", "| `t-mis` | conjugate", "'t-mis' is no value of product"),
    ("product/products.md", "| `prior_t_mys` |", "| `prior_mys` |", "no fact is called 'prior_mys'"),
    ("product/products.md", "@mysteria", "@hysteria", "@hysteria is not in sources.md"),
    ("product/products.md", "@mysteria | remembered", "@mysteria | heard", "t-mys is verified 'heard'"),
    ("product/products.md", "@mysteria | remembered", "@mysteria | decided", "t-mys is decided and cites no decision"),
    ("product/products.md", "@mysteria | remembered", " | remembered", "t-mys has no source"),
    ("product/products.md", "| `t-mys` | conjugate", "| `t-mys` | poison", "family is 'poison'"),
    ("product/products.md", "| no | intravenous | by weight", "| perhaps | intravenous | by weight", "partner is 'perhaps'"),
    ("product/products.md", "| yes | `q3w` | `prior_t_mys`", "| yes | `q4w` | `prior_t_mys`", "no schedule is called 'q4w'"),
    ("product/products.md", "| yes | `q3w` | `prior_t_mys`", "| yes | - | `prior_t_mys`", "t-mys has the schedules none"),
    ("product/products.md", "conjugate | trastuzumab | no | intravenous | by weight | yes | `q3w` | `prior_t_mys`",
     "conjugate | gold | no | intravenous | by weight | yes | `q3w` | `prior_t_mys`", "it holds 'gold'"),
    ("product/products.md", "| `t-mys` | 9", "| `t-mys` | many", "cycles is 'many'"),
    ("product/products.md", "| `t-mys` | 9", "| `t-oh` | 9", "no product is called 't-oh'"),
    ("product/products.md", "| family      |", "| clan |", "the table of 'product' has no column 'family'"),
    ("product/products.md", "| cycles of | cycles", "| rounds of | cycles", "no table begins with the column 'cycles of'"),
    ("product/products.md", "| `epirubicin`            | anthracycline | 0.8", "| `epirubicin` | anthracycline | -", "as doxorubicin is ''"),
    ("product/products.md", "| `epirubicin`            | anthracycline | 0.8", "| `epirubicin` | taxane | 0.8",
     "a drug of the class taxane counts as no doxorubicin"),
    ("product/products.md", "| `docetaxel`  ", "| `paclitaxel`  ", "drug 'paclitaxel' stands there twice or is blank"),
    ("product/brands.md", "| `mysteria` | `t-mys`", "| `mysteria` | `t-oh`", "mysteria is a brand of 't-oh', which is no product"),
    ("product/brands.md", "| `mysteria` | `t-mys`", "| `mystery` | `t-mys`", "mystery is no value of brand"),
    ("course/numbers.md", "| `partner_days`                 | 42", "| `partner_days`                 | six weeks", "value is 'six weeks'"),
    ("course/numbers.md", "| `partner_days`  ", "| `partner_day`  ", "nothing reads a number 'partner_day'"),
    ("course/numbers.md", "| `partner_days`  ", "| `partner_day`  ", "the number 'partner_days' is missing"),
    ("course/numbers.md", "| 365   | days ", "| 365   | weeks ", "unit is 'weeks'"),
    ("course/numbers.md", "@decisions D90", "@guesses D90", "@guesses is not in sources.md"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "before", "behind", "said"), BROKEN)
def test_what_is_wrong_is_told_where_it_stands(
    folder: Path, tmp_path: Path, file: str, before: str, behind: str, said: str
) -> None:
    told = broken(folder, tmp_path, file, before, behind)
    assert said in told


def test_knowledge_with_a_faulty_page_is_not_used(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "faulty"
    copytree(folder, copy)
    (copy / "product" / "products.md").unlink()
    monkeypatch.setenv(ELSEWHERE, str(copy))
    result = review(long_csv(tmp_path / "p.csv"))
    assert result.exit_code == 1
    assert "the page cannot be read" in result.output
