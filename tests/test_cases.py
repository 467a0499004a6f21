"""The worked cases: what a review says of the made patients of `examples/courses`, and that docs/cases.md shows it.

The numbers here were worked out by hand: mg = mg/kg x kg, mL = mg / 21, days by the calendar.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from her2path.cli.group import main

ROOT = Path(__file__).parent.parent
COURSES = ROOT / "examples" / "courses"
CASES = ROOT / "docs" / "cases.md"
OLD_WEIGHT = "weight_status: old"
GRADES = ("alarm", "contradiction", "act", "due", "missing", "unreadable", "note")


@cache
def review(path: Path, on: str, jurisdiction: str = "us") -> dict[str, Any]:
    result = CliRunner().invoke(
        main, ["review", str(path), "--on", on, "--jurisdiction", jurisdiction, "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    (patient,) = json.loads(result.stdout)["patients"]
    return patient


def course(name: str, on: str, jurisdiction: str = "us") -> dict[str, Any]:
    return review(COURSES / f"{name}.csv", on, jurisdiction)["course"]


def keys(found: dict[str, Any], *grades: str) -> list[str]:
    """The findings of these grades by their key, in the order said."""
    return [each.get("key", "") for each in found["findings"] if each["grade"] in grades]


def pressing(found: dict[str, Any]) -> list[str]:
    return [key for key in keys(found, "alarm", "contradiction", "act", "due") if key != OLD_WEIGHT]


def planned(found: dict[str, Any], kind: str) -> list[tuple[str | None, str | None]]:
    return [(each["earliest"], each["latest"]) for each in found["plan"] if each["kind"] == kind]


def doses(found: dict[str, Any]) -> list[dict[str, str]]:
    return [each["details"] for each in found["plan"] if each["kind"] == "dose"]


def varied(
    folder: Path, name: str, *, without: str | None = None, swap: tuple[str, str] | None = None, more: str = ""
) -> Path:
    """A made patient with some rows left out, one text changed, or rows added."""
    lines = (COURSES / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    if without is not None:
        assert any(without in line for line in lines)
        lines = [line for line in lines if without not in line]
    text = "\n".join(lines) + "\n" + more
    if swap is not None:
        assert swap[0] in text
        text = text.replace(*swap)
    path = folder / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    return path


ALL = sorted(path.stem for path in COURSES.glob("*.csv"))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_the_gravest_is_said_first_and_nothing_twice(name: str, jurisdiction: str) -> None:
    for on in ("2025-12-20", "2026-02-16", "2026-05-02"):
        found = review(COURSES / f"{name}.csv", on, jurisdiction)["course"]
        if found is None:
            continue
        grades = [GRADES.index(each["grade"]) for each in found["findings"]]
        assert grades == sorted(grades)
        words = [each["finding"] for each in found["findings"]]
        assert len(words) == len(set(words))


# -- the heart ------------------------------------------------------------------------------------


def test_a_hold_opens() -> None:
    found = course("adjuvant-hold", "2026-01-06")
    assert pressing(found) == ["cardiac_action: hold", "boxed_warning_conflict: yes"]
    (hold,) = (each for each in found["findings"] if each.get("key") == "cardiac_action: hold")
    assert hold["rows"] == ["lvef_finding:1", "cardiac_action:4"]
    assert hold["facts"]["lvef_fall"] == "16"
    assert [each["key"] for each in hold["sources"]] == ["herceptin-us-heart"]
    assert hold["from"][:3] == ["adjuvant-hold.csv:16", "adjuvant-hold.csv:40", "adjuvant-hold.csv:29"]
    assert doses(found) == []
    assert planned(found, "hold") == [("2026-02-02", "2026-03-02")]
    assert planned(found, "echo")[0][0] == "2026-02-02"
    assert planned(found, "end") == [(None, "2026-10-05")]


def test_the_hold_ends_with_a_reload() -> None:
    found = course("adjuvant-hold", "2026-02-03")
    assert pressing(found) == ["cardiac_action: resume", "boxed_warning_conflict: yes"]
    (dose,) = doses(found)
    assert (dose["dose"], dose["dose_mg"], dose["volume_ml"]) == ("8 mg/kg", "560", "26.7")
    assert (dose["vials"], dose["waste_mg"], dose["infusion_minutes"]) == ("1 x 420 mg + 1 x 150 mg", "10", "90")
    assert planned(found, "dose")[0][0] == "2026-02-03"
    assert planned(found, "echo")[0][0] == "2026-03-02"


def test_the_weight_of_the_first_day_is_old_in_the_end() -> None:
    first, last = course("adjuvant-hold", "2025-12-31"), course("adjuvant-hold", "2026-01-01")
    assert [OLD_WEIGHT in keys(found, "due") for found in (first, last)] == [False, True]


def test_after_the_hold_all_goes_on() -> None:
    found = course("adjuvant-hold", "2026-04-27")
    assert pressing(found) == []
    assert planned(found, "dose") == [("2026-05-04", "2026-05-11")]
    (dose,) = doses(found)
    assert (dose["dose"], dose["dose_mg"], dose["volume_ml"]) == ("6 mg/kg", "426", "20.3")
    assert planned(found, "echo")[0][0] == "2026-07-20"
    assert planned(found, "end") == [(None, "2026-10-05")]
    assert planned(found, "contraception") == [(None, "2026-11-13")]


def test_the_eu_has_no_clock_of_a_hold_and_no_rule_to_resume() -> None:
    held = course("adjuvant-hold", "2026-01-06", "eu")
    assert pressing(held) == ["cardiac_action: hold"]
    assert planned(held, "echo")[0][0] == "2026-01-26"
    assert planned(held, "hold") == []
    better = course("adjuvant-hold", "2026-02-03", "eu")
    assert pressing(better)[0] == "cardiac_action: clinician decides"
    cited = {
        source["key"] for found in (held, better) for each in found["findings"] for source in each.get("sources", ())
    }
    assert not {"herceptin-us", "herceptin-us-heart"} & cited
    for on in ("2026-03-17", "2026-03-24"):
        late = course("persistent-decline", on, "eu")
        assert keys(late, "alarm") == ["cardiac_action: consider stopping"]


def test_the_fourth_hold_is_the_end() -> None:
    before, found = course("fourth-hold", "2025-10-05"), course("fourth-hold", "2025-10-08")
    assert keys(before, "alarm") == []
    assert pressing(found) == ["cardiac_action: stop"]
    assert found["findings"][0]["facts"]["hold_count"] == "3"
    assert found["findings"][0]["rows"] == ["lvef_finding:1", "cardiac_action:5"]
    assert doses(found) == []


def test_a_decline_of_more_than_eight_weeks() -> None:
    assert keys(course("persistent-decline", "2026-03-16"), "alarm") == []
    waiting = course("persistent-decline", "2026-03-17")
    assert pressing(waiting)[0] == "hold_status: verdict overdue"
    assert planned(waiting, "echo")[0][0] <= "2026-03-17"
    found = course("persistent-decline", "2026-03-24")
    assert pressing(found) == ["cardiac_action: stop"]
    assert found["findings"][0]["facts"]["days_on_hold"] == "63"
    assert doses(waiting) == doses(found) == []


def test_a_dose_in_the_hold() -> None:
    found = course("dose-in-hold", "2026-03-03")
    assert pressing(found)[:2] == ["unsafe_dose: during a hold", "cardiac_action: hold"]
    assert planned(found, "hold") == [("2026-02-16", "2026-03-16")]  # the clock is not set back
    assert keys(course("dose-in-hold", "2026-03-24"), "alarm")[0] == "cardiac_action: stop"


# -- is the therapy right -------------------------------------------------------------------------


def test_the_first_line_changes_on_15_december_2025() -> None:
    before, after = course("metastatic-thp", "2025-12-14"), course("metastatic-thp", "2025-12-15")
    assert pressing(before) == ["metastatic_first_line: pertuzumab + trastuzumab + taxane"]
    assert pressing(after) == ["metastatic_first_line: pertuzumab + trastuzumab + taxane or T-DXd + pertuzumab"]


def test_both_antibodies_are_planned() -> None:
    found = course("metastatic-thp", "2026-04-27")
    assert {each["dose_mg"] for each in doses(found)} == {"384", "420"}
    assert {each.get("volume_ml") for each in doses(found)} >= {"18.3"}
    assert planned(found, "dose") == [("2026-05-11", "2026-05-18"), ("2026-05-11", "2026-05-31")]
    assert planned(found, "echo")[0][0] == "2026-06-30"


def test_progression_ends_the_old_regimen() -> None:
    for on in ("2026-10-01", "2026-10-05", "2026-11-20"):
        found = course("metastatic-thp", on)
        assert [key for key in pressing(found) if not key.startswith("echo_status")] == [
            "her2_therapy_after_progression: keep HER2-directed therapy and change the regimen", "metastatic_later_line: T-DXd",
        ]  # fmt: skip
        assert doses(found) == []


@pytest.mark.parametrize(
    ("name", "line", "regimens"),
    [
        ("gastric-cps-0", "trastuzumab + chemotherapy", {"ToGA-X", "ToGA-F"}),
        ("gastric-cps-1", "trastuzumab + pembrolizumab + chemotherapy", {"KEYNOTE-811-CAPOX", "KEYNOTE-811-FP"}),
    ],
)
def test_pembrolizumab_from_cps_1(name: str, line: str, regimens: set[str]) -> None:
    found = course(name, "2026-02-16")
    assert pressing(found) == [f"gastric_first_line: {line}"]
    assert {each["regimen"] for each in found["regimens"] if each["verdict"] == "fits"} == regimens


def test_residual_disease_has_two_agents_from_15_may_2026() -> None:
    before, after = course("residual-disease", "2026-05-14"), course("residual-disease", "2026-05-15")
    assert pressing(before) == ["residual_disease_treatment: T-DM1"]
    assert pressing(after) == ["residual_disease_treatment: T-DM1 or T-DXd"]


@pytest.mark.parametrize("name", ["her2-low", "her2-ultralow"])
def test_her2_low_from_27_january_2025(name: str) -> None:
    before, after = course(name, "2025-01-26"), course(name, "2025-01-27")
    assert pressing(before) == []
    assert "her2_low_eligible: no" in keys(before, "note")
    assert pressing(after) == ["her2_low_eligible: after endocrine therapy"]
    for found in (before, after):
        assert not any("endocrine_therapy_added" in key for key in keys(found, *GRADES))


def test_the_wrong_product_is_stopped() -> None:
    found = course("mix-up", "2026-05-02")
    assert pressing(found) == ["product_mixup: conjugate ordered instead of antibody"]
    (dose,) = doses(found)
    assert (dose["dose_mg"], dose["volume_ml"], dose["vials"]) == ("360", "17.1", "1 x 420 mg")  # never Kadcyla's vials


# -- pregnancy, time and bad records --------------------------------------------------------------


def test_pregnancy_in_cycle_4() -> None:
    assert keys(course("pregnancy", "2026-03-20"), "alarm") == []
    found = course("pregnancy", "2026-03-30")
    assert pressing(found)[0] == "pregnancy_exposure: exposure in pregnancy"
    assert doses(found) == []


@pytest.mark.parametrize(
    ("on", "key", "dose", "mg", "ml"),
    [
        ("2026-05-18", "missed_dose_action: maintenance", "6 mg/kg", "330", "15.7"),
        ("2026-05-19", "missed_dose_action: reload", "8 mg/kg", "440", "21.0"),
    ],
)
def test_a_late_dose(on: str, key: str, dose: str, mg: str, ml: str) -> None:
    found = course("late-dose", on)
    assert pressing(found) == [key]
    (details,) = doses(found)
    assert (details["dose"], details["dose_mg"], details["volume_ml"], details["vials"]) == (dose, mg, ml, "3 x 150 mg")
    assert planned(found, "dose")[0][0] == on
    assert planned(found, "echo")[0][0] == "2026-06-30"


def test_the_end_of_the_year() -> None:
    last = course("end-of-year", "2026-03-31")
    assert doses(last) == []
    assert planned(last, "end") == [(None, "2026-04-06")]
    over = course("end-of-year", "2026-04-06")
    assert pressing(over) == ["adjuvant_duration: complete"]
    assert planned(over, "contraception") == [(None, "2026-10-30")]
    later = course("end-of-year", "2026-11-02")
    assert pressing(later) == ["echo_status: overdue"]
    assert planned(later, "contraception") == []


def test_a_mess_is_told() -> None:
    found = course("mess", "2026-02-10")
    assert "record_doubt: doses after death" in pressing(found)
    assert found["plan"] == []
    words = "\n".join(each["finding"] for each in found["findings"])
    for part in ("no date", "'normal'", "500", "154 lb", "lower end", "the lower counts", "methods differ", "ogivri"):
        assert part in words
    held = course("mess", "2025-12-20")
    assert pressing(held)[0] == "unsafe_dose: during a hold"


# -- variations -----------------------------------------------------------------------------------


def test_one_wrong_dose_does_not_change_the_schedule(tmp_path: Path) -> None:
    path = varied(tmp_path, "late-dose", swap=("2026-04-20,dose_mg,330", "2026-04-20,dose_mg,220"))
    found = review(path, "2026-04-27")["course"]
    assert found["facts"]["schedule"] == "q3w"
    assert planned(found, "dose")[0][0] == "2026-05-11"
    (alarm,) = (each for each in found["findings"] if each["grade"] == "alarm")
    assert alarm["key"].startswith("dose_check")
    assert alarm["finding"].startswith("given on 2026-04-20: Herceptin 220 mg is 4 mg/kg; 6 mg/kg = 330 mg was due")


def test_the_first_three_weekly_dose_follows_the_weekly_ones() -> None:
    (dose,) = doses(course("end-of-year", "2025-06-24"))
    assert (dose["dose"], dose["dose_mg"], dose["volume_ml"]) == ("6 mg/kg", "480", "22.9")


def test_the_lvef_at_completion_is_not_lost(tmp_path: Path) -> None:
    path = varied(tmp_path, "end-of-year", without="2026-03-31,lvef")
    assert "echo_status: overdue" in pressing(review(path, "2026-05-04")["course"])


def test_pertuzumab_does_not_follow_her_into_the_next_regimen(tmp_path: Path) -> None:
    path = varied(
        tmp_path, "metastatic-thp", more="metastatic-thp,2026-10-12,dose_mg,346,mg,trastuzumab deruxtecan,enhertu,\n"
    )
    found = review(path, "2026-10-20")["course"]
    assert pressing(found) == []
    assert [each["dose_mg"] for each in doses(found)] == ["346"]


def test_a_dose_in_a_hold_that_is_over_is_history(tmp_path: Path) -> None:
    path = varied(tmp_path, "mess", without="2026-02-0")
    found = review(path, "2026-01-20")["course"]
    assert pressing(found) == ["therapy: on an unknown day"]
    assert any(
        "2025-12-15" in each["finding"] and "hold" in each["finding"]
        for each in found["findings"]
        if "brands" not in each["finding"]
    )


def test_t_dm1_is_counted_by_its_own_label(tmp_path: Path) -> None:
    rows = [
        f"residual-disease,{day},dose_mg,270,mg,ado-trastuzumab emtansine,kadcyla,"
        for day in ("2026-05-18", "2026-06-08")
    ]
    path = varied(tmp_path, "residual-disease", more="\n".join(rows) + "\n")
    found = review(path, "2026-06-09")["course"]
    assert planned(found, "end") != [(None, "2026-11-23")]  # not the year of trastuzumab
    assert not any(key.startswith("residual_disease_treatment") for key in pressing(found))
    (dose,) = doses(found)
    assert (dose["dose_mg"], dose["vials"]) == ("270", "3 x 100 mg")


# -- the page -------------------------------------------------------------------------------------

BLOCK = re.compile(r"^```text\n\$ her2path (.*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), BLOCK.findall(CASES.read_text(encoding="utf-8")))
def test_the_page_shows_what_is_printed(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = iter(CliRunner().invoke(main, command.split()).stdout.splitlines())
    for line in shown.splitlines():
        assert line == "  ..." or line in printed, f"not printed by her2path {command}, or not here: {line}"


def test_the_page_shows_every_patient() -> None:
    text = CASES.read_text(encoding="utf-8")
    readme = (COURSES / "README.md").read_text(encoding="utf-8")
    assert [name for name in ALL if f"examples/courses/{name}.csv" not in text or f"`{name}.csv`" not in readme] == []
