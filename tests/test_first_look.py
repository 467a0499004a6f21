"""The first look: five lines a patient, a worklist for many, and what a finding does to the next dose."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.facts.folder import shipped_folder
from her2path.findings.effects import SCOPES, VERBS, Effect, Strength, faults_of, parse_effects
from her2path.findings.plan.verdicts import URGENCY
from her2path.findings.questions import read_doubts, read_sayings
from her2path.tables.load import default_knowledge

ON = "2026-03-25"
LABELS = ("NEXT DOSE", "DO NOW", "HEART", "BASIS")
BEFORE = [
    ("2025-11-10", "ihc_score", "3+", ""), ("2025-11-10", "tumour_site", "breast", ""), ("2025-11-10", "sex", "female", ""),
    ("2025-11-10", "menopausal_status", "postmenopausal", ""), ("2025-12-01", "setting", "adjuvant", ""),
    ("2026-01-02", "weight_kg", "70", ""), ("2026-01-02", "lvef", "62", ""),
]  # fmt: skip
COURSE = [
    *BEFORE, ("2026-01-05", "dose_mg", "560", "trastuzumab-iv"), ("2026-01-26", "dose_mg", "420", "trastuzumab-iv"),
    ("2026-02-16", "dose_mg", "420", "trastuzumab-iv"), ("2026-03-09", "dose_mg", "420", "trastuzumab-iv"),
]  # fmt: skip


def written(folder: Path, **patients: list[tuple[str, str, str, str]]) -> Path:
    lines = ["patient,date,fact,value,product"]
    lines += [",".join((name, *row)) for name, rows in patients.items() for row in rows]
    path = folder / "x.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(path: Path, *options: str, on: str = ON) -> str:
    done = CliRunner().invoke(main, ["review", str(path), "--on", on, "--jurisdiction", "us", *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def verdicts(path: Path, *options: str, on: str = ON) -> list[dict[str, Any]]:
    document = json.loads(run(path, "--format", "json", *options, on=on))
    return document["patients"][0]["course"]["verdicts"]


# -- what a finding does ------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("scope", SCOPES)
def test_an_effect_is_read(verb: str, scope: str) -> None:
    assert parse_effects(f"{verb} {scope}: it is known") == (Effect(VERBS[verb], scope, "it is known"),)


def test_several_effects_and_none() -> None:
    assert parse_effects("lets be") == ()
    both = parse_effects("gates antibodies: it is known; forbids order: for good")
    assert [each.strength for each in both] == [Strength.GATES, Strength.FORBIDS_FOR_GOOD]


@pytest.mark.parametrize(
    "text", ["forbid product: x", "forbids everything: x", "gates product", "gates product:", "nothing"]
)
def test_what_says_nothing_of_the_next_dose_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="says nothing of the next dose; expected 'lets be'"):
        parse_effects(text)


@pytest.mark.parametrize(
    ("grade", "do", "cell", "fault"),
    [
        ("alarm", "", "lets be", "an alarm that lets the next dose be"),
        ("act", "Find it before the next dose.", "lets be", "it says what to do before a dose"),
        ("note", "", "", "what it does to the next dose is not said"),
        ("note", "", "gate it", "says nothing of the next dose"),
        ("alarm", "", "gates all: it is known", ""), ("act", "Measure LVEF.", "lets be", ""), ("note", "", "lets be", ""),
    ],
)  # fmt: skip
def test_what_may_not_let_the_next_dose_be(grade: str, do: str, cell: str, fault: str) -> None:
    faults = list(faults_of(grade, do, cell))
    assert bool(faults) == bool(fault)
    assert fault in "".join(faults)


def test_check_tells_an_alarm_that_lets_the_next_dose_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import copytree

    folder = tmp_path / "knowledge"
    copytree(shipped_folder(), folder)
    path = folder / "findings.md"
    text = path.read_text(encoding="utf-8")
    row = next(
        line for line in text.splitlines() if line.startswith("| unsafe_dose") and "after permanent stop" in line
    )
    path.write_text(text.replace(row, re.sub(r"\| forbids [^|]*\|$", "| lets be |", row)), encoding="utf-8")
    monkeypatch.setenv("HER2PATH_KNOWLEDGE", str(folder))
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1
    assert "an alarm that lets the next dose be" in done.output


def test_every_alarm_has_an_effect() -> None:
    """What `check` proves, counted here: no alarm, and no doubt that is one, is without."""
    folder = default_knowledge().folder
    sayings = [*read_sayings(folder).values(), *read_doubts(folder).values()]
    alarms = [saying for saying in sayings if saying.grade.word == "alarm"]
    assert len(alarms) > 20
    assert [saying for saying in alarms if not saying.effects] == []


# -- the five lines -----------------------------------------------------------------------------


def test_a_quiet_patient_has_five_lines_and_no_more_than_notes(tmp_path: Path) -> None:
    lines = run(written(tmp_path, p=[*COURSE, ("2026-03-20", "lvef", "61", "")])).splitlines()
    assert lines[1].startswith("  NOTHING DUE trastuzumab: the next dose is due on 2026-03-30")
    assert [label for label in LABELS if any(line.startswith(f"  {label}") for line in lines)] == [
        "NEXT DOSE",
        "HEART",
        "BASIS",
    ]
    assert "trastuzumab 420 mg (6 x 70 kg of 2026-01-02), 30 to 90 min, due 2026-03-30" in " ".join(
        " ".join(lines).split()
    )
    assert not [line for line in lines if re.match(r"  (alarm|act|contradiction|due|missing|unreadable):", line)]
    assert not any("patients" in line or "editions" in line for line in lines), "no statistics after one patient"


@pytest.mark.parametrize(
    ("more", "verdict", "words"),
    [
        ([("2026-03-24", "heart_failure", "yes", ""), ("2026-03-24", "lvef", "38", "")], "STOP", "discontinue for good"),
        ([("2026-03-20", "lvef", "44", "")], "HOLD", "none (until LVEF allows it)"),
        ([("2026-03-24", "ordered_mg", "420", "t-dm1")], "DO NOT GIVE THE ORDER", "by its full name"),
        ([("2026-03-24", "pregnant", "yes", "")], "HOLD", "pregnan"),
        ([("2026-03-20", "lvef", "see report", "")], "ASK FIRST", "once the value is found"),
        ([("2026-03-20", "progression", "yes", "")], "CHANGE", "the disease progressed"),
        ([("2026-03-20", "lvef", "60", "")], "NOTHING DUE", "due 2026-03-30"),
    ],
)  # fmt: skip
def test_the_verdict_and_what_hangs_on_it(
    more: list[tuple[str, str, str, str]], verdict: str, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, p=[*COURSE, *more])
    text = run(path)
    assert text.splitlines()[1].startswith(f"  {verdict} trastuzumab")
    assert words.lower() in " ".join(text.split()).lower()
    first = verdicts(path)[0]
    assert first["verdict"] == verdict
    assert first["rows"]
    assert first["sources"]


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({"trastuzumab-iv": "560", "pertuzumab": "840"}, {"trastuzumab-iv": "GIVE", "pertuzumab": "GIVE"}),
        (
            {"trastuzumab-iv": "560", "pertuzumab": "5600"},
            {"trastuzumab-iv": "DO NOT GIVE THE ORDER", "pertuzumab": "DO NOT GIVE THE ORDER"},
        ),
        ({"trastuzumab-iv": "5600", "pertuzumab": "840"}, {"trastuzumab-iv": "DO NOT GIVE THE ORDER", "pertuzumab": "GIVE"}),
        ({"trastuzumab-iv": "560", "pertuzumab": "600"}, {"trastuzumab-iv": "DO NOT GIVE THE ORDER", "pertuzumab": "DO NOT GIVE THE ORDER"}),
    ],
)  # fmt: skip
def test_each_drug_has_the_verdict_of_its_own_order(
    orders: dict[str, str], said: dict[str, str], tmp_path: Path
) -> None:
    """The one in hand, before the start the one ordered first, tells of any order of hers that waits; another one of its own."""
    both = [("2026-01-05", "ordered_mg", amount, drug) for drug, amount in orders.items()]
    found = verdicts(written(tmp_path, p=[*BEFORE, *both]), on="2026-01-05")
    assert {each["drug"]: each["verdict"] for each in found} == said
    assert all(each["rows"] for each in found)
    assert all(each["findings"] for each in found if each["verdict"] != "GIVE")


def test_a_stop_of_the_drug_that_is_stated_is_none_of_the_one_ordered(tmp_path: Path) -> None:
    """A severe reaction to trastuzumab, of which no dose is on record; pertuzumab is ordered."""
    more = [("2026-01-04", "product", "trastuzumab-iv", ""), ("2026-01-04", "infusion_reaction", "severe", "")]
    path = written(tmp_path, p=[*BEFORE, *more, ("2026-01-05", "ordered_mg", "840", "pertuzumab")])
    first, second = verdicts(path, on="2026-01-05")
    assert (first["drug"], first["verdict"], first["condition"]) == ("trastuzumab-iv", "STOP", "for good")
    assert (second["drug"], second["verdict"]) == ("pertuzumab", "ASK FIRST")
    assert second["condition"]


def test_a_due_dose_is_given(tmp_path: Path) -> None:
    text = run(written(tmp_path, p=[*COURSE, ("2026-03-20", "lvef", "60", "")]), on="2026-03-30")
    assert text.splitlines()[1] == "  GIVE trastuzumab: due today"
    assert "due today" not in text.replace("GIVE trastuzumab: due today", ""), "nothing is said twice"


def test_nothing_is_planned_under_a_stop(tmp_path: Path) -> None:
    path = written(tmp_path, p=[*COURSE, ("2026-03-24", "heart_failure", "yes", "")])
    (patient,) = json.loads(run(path, "--format", "json"))["patients"]
    assert [item for item in patient["course"]["plan"] if item["kind"] == "dose"] == []
    assert patient["course"]["regimens"] == []


def test_no_internal_name_stands_in_the_first_look(tmp_path: Path) -> None:
    """Facts are told in words: no name with an underscore."""
    for source in sorted((Path(__file__).parent.parent / "examples" / "courses").glob("*.csv")):
        text = run(source, on="2026-03-30")
        assert re.findall(r"\b[a-z0-9]+_[a-z_]+\b", text) == [], source.name


# -- many patients ------------------------------------------------------------------------------


def test_many_patients_are_a_worklist_by_urgency(tmp_path: Path) -> None:
    held = [*COURSE, ("2026-03-20", "lvef", "44", "")]
    stopped = [*COURSE, ("2026-03-24", "heart_failure", "yes", "")]
    quiet = [*COURSE, ("2026-03-20", "lvef", "61", "")]
    path = written(tmp_path, quiet=quiet, held=held, stopped=stopped)
    text = run(path)
    lines = text.splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:3]] == ["STOP", "HOLD", "NOTHING DUE"]
    assert [name in line for name, line in zip(("stopped", "held", "quiet"), lines, strict=False)] == [True] * 3
    assert "2026-03-30" in lines[2]
    assert re.search(r"^3 patients$", text, re.MULTILINE)
    assert re.search(r"^ +1 +STOP$", text, re.MULTILINE)
    assert "\x1b" not in text, "no colours where nobody looks at a terminal"
    (tmp_path / "shuffled").mkdir()
    other = written(tmp_path / "shuffled", stopped=stopped, quiet=quiet, held=held)
    assert run(other) == text


def test_a_worklist_says_what_is_to_be_done_meanwhile(tmp_path: Path) -> None:
    path = written(tmp_path, one=COURSE, two=[*COURSE, ("2026-03-20", "lvef", "61", "")])
    text = run(path, on="2026-04-29")
    assert "do: " in text.splitlines()[0] or "CHANGE" in text.splitlines()[0]


def test_every_verdict_has_its_place() -> None:
    assert set(default_knowledge().facts["verdict"].values) <= set(URGENCY)


def test_nobody_is_to_be_weighed_for_a_dose_that_is_not_planned(tmp_path: Path) -> None:
    """A weight of 100 days ago is asked for before the dose that is due, and not under a stop."""
    day, later = "2026-04-12", [("2026-03-20", "lvef", "60", "")]
    assert "weigh her" in run(written(tmp_path, p=[*COURSE, *later]), on=day).lower()
    stopped = [*COURSE, *later, ("2026-03-24", "heart_failure", "yes", "")]
    shown = run(written(tmp_path, p=stopped), on=day)
    assert shown.splitlines()[1].startswith("  STOP trastuzumab")
    assert "weigh her" not in shown.lower()
