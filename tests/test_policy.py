"""Policies: their files, their comparison on the same patients, and what the command says of wrong requests."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.facts.problem import AskedWrongly, KnowledgeError
from her2path.simulate.course.compare import (
    OUTCOME_MEASURES,
    Comparison,
    TrialMean,
    bounded,
    compare_policies,
    pooled,
    run_policy,
    trial_mean,
    trial_size_for,
)
from her2path.simulate.course.kernel import COLUMNS
from her2path.simulate.course.policy import Policy, interval_days, read_policy
from her2path.simulate.course.run import Scenario
from her2path.simulate.course.words import comparison_page, comparison_text, in_short, policy_words, scenario_words
from simulated import POLICIES, US, example, policy_with

BY_KEY = {measure.key: measure for measure in OUTCOME_MEASURES}
NAMES = ("every-3-months", "every-6-months-confirmed", "hold-at-10")


def call(*asked: object):
    return CliRunner().invoke(main, ["simulate", "course", *map(str, asked)])


def written(folder: Path, text: str, name: str = "policy.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- the files --------------------------------------------------------------------------------------


def test_every_example_is_read_and_says_what_it_is() -> None:
    found = {path.stem: read_policy(path) for path in sorted(POLICIES.glob("*.toml"))}
    assert len({policy.name for policy in found.values()}) == len(found) >= 7
    words = {name: policy_words(policy) for name, policy in found.items()}
    assert words["eu"].startswith("EU label; LVEF as the label's table says; limit 50 %")
    assert "LVEF every 6 months" in words["every-6-months-confirmed"]
    assert "a second reading decides before anything is withheld, 7 days later" in words["every-6-months-confirmed"]
    assert "own rule heart-fall-10" in words["hold-at-10"]
    assert "50 % of due LVEFs are done; 80 % of holds are followed" in words["half-followed"]


def test_every_setting_is_taken(tmp_path) -> None:
    policy = read_policy(written(tmp_path, """
        [policy]
        product = "trastuzumab-sc"
        [site]
        jurisdiction = "eu"
        [heart]
        lvef_lower_limit = 53
        [monitoring]
        visits_days = [42, 90]
        confirm = "mean"
        confirm_days = 14
        attendance = 0.9
        step_of_lvef = 0.5
        method = "echo-3d"
        [doctors]
        follow_holds = 0.8
        stop_when_considered = 0.7
        resume_when_asked = 0.6
    """))  # fmt: skip
    assert policy == Policy(
        "policy", policy.site, "trastuzumab-sc", visits_days=(42, 90), confirm="mean", confirm_days=14, attendance=0.9,
        step_of_lvef=0.5, method="echo-3d", follow_holds=0.8, stop_when_considered=0.7, resume_when_asked=0.6,
    )  # fmt: skip
    assert (policy.site.jurisdiction, policy.site.limit) == ("eu", 53)
    assert read_policy(written(tmp_path, "")) == Policy("policy", replace(US.site))


def test_an_own_rule_is_known_to_its_policy_alone() -> None:
    own = example("hold-at-10")
    edition = own.courses().edition("cardiac_action", {"product": own.product})
    assert edition.key == "heart-fall-10"
    assert US.courses().edition("cardiac_action", {"product": own.product}).key == "heart-trastuzumab-us"
    assert own.courses().edition("missed_dose_action", {"product": own.product}).key == "trastuzumab-iv-us"


def test_intervals_in_words() -> None:
    assert [interval_days(words, 91) for words in ("3 months", "3 weeks", "4 weeks", None, "before the start")] == [
        91,
        21,
        28,
        91,
        91,
    ]


BAD = {
    "[policy": "this is no TOML",
    "heart = 3": "heart stands outside a table",
    "[policy]\nfoo = 1": "[policy] foo is no setting; expected name, product",
    "[policy]\nname = 3": "[policy] name = 3; expected text",
    "[policy]\nname = ' '": "[policy] name = ' '; expected text",
    "[policy]\nproduct = 't-dm1'": "[policy] product = 't-dm1'; expected one of trastuzumab-iv, trastuzumab-sc",
    "[policy]\nproduct = ['trastuzumab-iv']": "[policy] product = ['trastuzumab-iv']; expected one of",
    "[monitoring]\nmonts = 3": "[monitoring] monts is no setting; expected months, confirm_days, attendance, step_of_lvef, confirm, visits_days, method",
    "[monitoring]\nmonths = '3'": "[monitoring] months = '3'; expected a number from 0.25 to 24",
    "[monitoring]\nmonths = true": "[monitoring] months = True; expected a number from 0.25 to 24",
    "[monitoring]\nmonths = nan": "[monitoring] months = NaN; expected a number from 0.25 to 24",
    "[monitoring]\nmonths = inf": "[monitoring] months = Infinity; expected a number from 0.25 to 24",
    "[monitoring]\nmonths = 25": "[monitoring] months = 25; expected a number from 0.25 to 24",
    "[monitoring]\nmonths = 3\nvisits_days = [90]": "[monitoring] gives both months and visits_days; expected one of them",
    "[monitoring]\nconfirm = 'twice'": "[monitoring] confirm = 'twice'; expected one of none, repeat, mean",
    "[monitoring]\nconfirm_days = 0": "[monitoring] confirm_days = 0; expected a whole number from 1 to 60",
    "[monitoring]\nconfirm_days = 7.5": "[monitoring] confirm_days = 7.5; expected a whole number from 1 to 60",
    "[monitoring]\nattendance = 50": "[monitoring] attendance = 50; expected a number from 0 to 1",
    "[monitoring]\nstep_of_lvef = 0": "[monitoring] step_of_lvef = 0; expected a number from 0.1 to 10",
    "[monitoring]\nmethod = 'x-ray'": "[monitoring] method = 'x-ray'; expected one of study, echo-2d, echo-3d, cmr, exact",
    "[monitoring]\nvisits_days = [90, 30]": "[monitoring] visits_days = [90, 30]; expected ascending days from 1 to 1700",
    "[monitoring]\nvisits_days = [0]": "[monitoring] visits_days = [0]; expected ascending days",
    "[monitoring]\nvisits_days = [90, 93]": "at least 7 apart and at most 150 of them",
    "[monitoring]\nvisits_days = 90": "[monitoring] visits_days = 90; expected ascending days",
    "[monitoring]\nvisits_days = [true]": "[monitoring] visits_days = [True]; expected ascending days",
    "[doctors]\nfollow_holds = -0.1": "[doctors] follow_holds = -0.1; expected a number from 0 to 1",
    "[doctors]\nhurry = 1": "[doctors] hurry is no setting; expected follow_holds, stop_when_considered, resume_when_asked",
    "[site]\njurisdiction = 'jp'": "[site] jurisdiction = 'jp'; expected us or eu",
    "[heart]\nlvef_lower_limit = 90": "[heart] lvef_lower_limit = 90; expected a number from 40 to 65",
    "[heart]\nedition_file = 3": "[heart] edition_file = 3; expected the name of a Markdown file",
    "[heart]\nedition_file = 'none.md'": "[heart] edition_file = 'none.md'; there is no file",
    "[other]\nx = 1": "[other] x is no setting; expected one of the tables",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_with_a_policy_is_said(tmp_path, text) -> None:
    path = written(tmp_path, text)
    found = call("--virtual-patients", 20, "--policy", path)
    assert found.exit_code == 2, found.output
    assert f"her2path: {path}: " in found.output
    assert BAD[text] in found.output


def own_rule(folder: Path, change: tuple[str, str] | None = None) -> Path:
    text = (POLICIES / "heart-fall-10.md").read_text(encoding="utf-8")
    if change is not None:
        assert re.search(change[0], text)
        text = re.sub(change[0], change[1], text)
    written(folder, text, "rule.md")
    return written(folder, '[heart]\nedition_file = "rule.md"\n')


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        ((r"\| too low           \| @decisions D106 \| decided  \| 10 points", "| too lo | @decisions D106 | decided | 10 points"),
         20, "row 1: lvef_finding has no value 'too lo'"),
        ((r"\| 2   \| < 10 .*\n", ""), 18, "no row applies when lvef_fall < 10, lvef_below_limit is yes"),
        ((r"enough            \| 3   \|", "too low | 3   |"), 29, "case 65 to 56: lvef_finding comes out enough, not too low"),
        ((r"@decisions D106 \| decided  \|     ", "@nobody2020 | decided |     "), None, "nobody2020"),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_proven_is_not_used(tmp_path, change, line, words) -> None:
    path = own_rule(tmp_path, change)
    found = call("--virtual-patients", 20, "--policy", path)
    assert found.exit_code == 1, found.output
    assert words in found.output
    assert f"rule.md:{line if line is not None else ''}" in found.output
    with pytest.raises(KnowledgeError):
        read_policy(path)


def test_a_rule_must_decide_for_the_product_and_ask_for_what_is_known(tmp_path) -> None:
    other = own_rule(tmp_path, (r"`trastuzumab-iv`, `trastuzumab-sc`", "`trastuzumab-iv`"))
    assert [edition.key for edition in read_policy(other).own_editions] == ["heart-fall-10"]
    other.write_text('[policy]\nproduct = "trastuzumab-sc"\n' + other.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(AskedWrongly, match="edition heart-fall-10 does not decide for trastuzumab-sc"):
        read_policy(other)
    text = (POLICIES / "heart-fall-10.md").read_text(encoding="utf-8")
    head, rest = text.split("## What the LVEF says")
    asks = head + """## What the LVEF says

| row | `lvef_fall` | `menopausal_status` | => `lvef_finding` | source          | verified | remark |
|-----|-------------|---------------------|-------------------|-----------------|----------|--------|
| 1   | >= 10       | -                   | too low           | @decisions D106 | decided  |        |
| 2   | < 10        | premenopausal       | in between        | @decisions D106 | decided  |        |
| 3   | < 10        | postmenopausal      | enough            | @decisions D106 | decided  |        |

## The next dose""" + rest.split("## The next dose")[1]  # fmt: skip
    written(tmp_path, asks, "asks.md")
    path = written(tmp_path, '[heart]\nedition_file = "asks.md"\n', "asks.toml")
    with pytest.raises(AskedWrongly, match="lvef_finding asks for menopausal_status; expected only lvef, lvef_fall"):
        read_policy(path)


def test_a_table_that_is_no_rule_of_the_heart_is_refused(tmp_path) -> None:
    text = (POLICIES.parent.parent / "src/her2path/knowledge/cardiac/trastuzumab-us.md").read_text(encoding="utf-8")
    head = text.split("## What the LVEF says")[0].replace("heart-trastuzumab-us", "only-intervals")
    rest = "## When the next LVEF is due" + text.split("## When the next LVEF is due")[1].split("\n## ")[0]
    written(tmp_path, head + rest, "intervals.md")
    with pytest.raises(
        AskedWrongly, match="a rule of the heart decides lvef_finding and cardiac_action; this does not"
    ):
        read_policy(written(tmp_path, '[heart]\nedition_file = "intervals.md"\n'))


# -- the command ------------------------------------------------------------------------------------

WRONG = {
    ("--virtual-patients", "0"): "0 patients; expected 1 to 20000000",
    ("--virtual-patients", "-3"): "-3 patients; expected 1 to 20000000",
    ("--seed", "-1"): "a seed of -1; expected a whole number from 0 on",
    (
        "--chemotherapy",
        "mitoxantrone",
    ): "no chemotherapy is called 'mitoxantrone'; there are none, doxorubicin, epirubicin",
    (
        "--population",
        "mars",
    ): "no course is simulated of the population 'mars'; expected early-breast, breast, metastatic-breast",
    ("--population", "volunteers"): "no course is simulated of the population 'volunteers'",
    ("--population", "gastric"): "no course is simulated of the population 'gastric'",
    ("--days", "29"): "29 days of follow-up; expected 30 to 1700",
    ("--days", "1701"): "1701 days of follow-up; expected 30 to 1700",
    ("--entry-lvef", "nan"): "an LVEF at entry of nan %; expected 20 to 70",
    ("--entry-lvef", "71"): "an LVEF at entry of 71 %; expected 20 to 70",
    ("--baseline-lvef", "39"): "a median LVEF of 39 % before therapy; expected 40 to 80",
    ("--irreversible", "1.5"): "an irreversible share of 1.5; expected 0 to 1",
    ("--irreversible", "nan"): "an irreversible share of nan; expected 0 to 1",
    ("--chart", "chart.pdf"): "chart.pdf: a chart ends in .png or .svg, not .pdf",
    ("--fan", "fan"): "fan: a chart ends in .png or .svg",
    ("--mess", "some"): "no mess is called 'some'; expected one of none, light, heavy",
    ("--starts-on", "2024-13-01"): "--starts-on '2024-13-01' is no date; expected YYYY-MM-DD",
    ("--fhir", "file.json"): "file.json: Bundles are written to a folder, or to a file that ends with .ndjson",
    ("--policy", "none.toml"): "none.toml: the file cannot be read",
}


@pytest.mark.parametrize("asked", WRONG, ids=" ".join)
def test_what_is_asked_wrongly_is_said_before_anything_runs(asked, monkeypatch) -> None:
    import her2path.simulate.course.compare

    def never(*_, **__):
        raise AssertionError("ran before it was checked")

    monkeypatch.setattr(her2path.simulate.course.compare, "run_policy", never)
    found = call("--virtual-patients", 20, *asked)
    assert found.exit_code == 2, found.output
    assert f"her2path: {WRONG[asked]}" in found.output


def test_two_policies_of_one_name(tmp_path) -> None:
    found = call("--virtual-patients", 20, "--policy", POLICIES / "eu.toml", "--policy", POLICIES / "eu.toml")
    assert found.exit_code == 2
    assert "two policies have one name (EU text, EU text); expected a name for each" in found.output


def test_a_folder_with_patients_of_before_is_refused_before_anything_runs(tmp_path) -> None:
    (tmp_path / "old.json").write_text("{}")
    found = call("--virtual-patients", 20, "--fhir", tmp_path)
    assert found.exit_code == 2
    assert "is not empty; write to a new folder" in found.output


# -- the comparison ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare_policies([example(name) for name in NAMES], Scenario(patients=3000))


def test_a_policy_against_itself_differs_by_nothing() -> None:
    found = compare_policies([US, replace(US, name="again")], Scenario(patients=600))
    for measure in OUTCOME_MEASURES:
        (difference,) = found.differences(measure)
        if np.isfinite(difference.mean):
            assert difference.mean == difference.low == difference.high == 0
    assert "again, against US label: no clear difference." in comparison_text(found)


def test_differences_are_paired(compared) -> None:
    """The interval of a difference between the same patients is narrower than that between different ones."""
    first, other = compared.outcomes[0], compared.outcomes[1]
    for key in ("dose_intensity", "mean_trough", "area", "true_dysfunction", "heart_failure"):
        one, two = (BY_KEY[key].of(each.by_name()) for each in (first, other))
        paired, apart = np.nanstd(two - one, ddof=1), (np.nanvar(one, ddof=1) + np.nanvar(two, ddof=1)) ** 0.5
        assert paired < 0.9 * apart, key
    unlike = run_policy(example(NAMES[1]), Scenario(patients=3000, seed=2))
    one, same, strange = (BY_KEY["area"].of(each.by_name()) for each in (first, other, unlike))
    assert np.std(same - one) < 0.3 * np.std(strange - one)


def test_intervals_shrink_with_patients_and_hold_the_truth() -> None:
    def width(patients: int):
        outcome = run_policy(US, Scenario(patients=patients))
        found = trial_mean(BY_KEY["holds"].of(outcome.by_name()), pooled(BY_KEY["holds"], outcome))
        return found.high - found.low, found

    (wide, few), (narrow, many) = width(1000), width(16_000)
    assert narrow < 0.5 * wide
    assert few.low < many.mean < few.high
    assert many.trial_low < many.low < many.mean < many.high < many.trial_high


@pytest.mark.parametrize(("patients", "size"), [(1, 1), (19, 1), (40, 2), (3000, 150), (20_000, 1000), (10**6, 1000)])
def test_trials_are_of_one_size(patients, size) -> None:
    assert trial_size_for(patients) == size


def test_a_last_trial_that_is_smaller_is_left_out() -> None:
    sums = run_policy(US, Scenario(patients=50)).sums
    assert sums[:, 0].tolist() == [2.0] * 25
    assert run_policy(US, Scenario(patients=51)).sums[:, 0].tolist() == [2.0] * 25


def test_the_sums_are_those_of_the_patients() -> None:
    scenario = Scenario(patients=2000)
    seen: list[np.ndarray] = []
    sums = run_policy(US, scenario, watch=lambda part: seen.append(part.out)).by_name()
    out = np.concatenate(seen)
    started = out[:, COLUMNS.index("started")]
    for name in ("holds", "mg", "echoes", "stopped", "area", "doses", "days_held"):
        assert sums[name].sum() == pytest.approx((out[:, COLUMNS.index(name)] * started).sum())


def test_what_a_policy_costs_in_plain_words_is_counted_over_all_patients(compared) -> None:
    for outcome, line in zip(compared.outcomes, in_short(compared), strict=True):
        sums = {name: values.sum() for name, values in outcome.by_name().items()}
        holds, wrong = (int(each) for each in re.search(r"of 1,000 women, (\d+) holds, (\d+) of them", line).groups())
        assert holds == pytest.approx(1000 * sums["holds"] / sums["started"], abs=1.5)  # the mean over trials
        assert wrong == pytest.approx(1000 * sums["false_holds"] / sums["started"], abs=0.6)
        assert f"in {1000 * sums['missed_dysfunction'] / sums['started']:.0f} of these nothing followed" in line


def test_the_texts_name_rules_caveats_and_scenario(compared) -> None:
    scenario = Scenario(patients=3000, irreversible=0.3, drug=False, baseline_lvef=65)
    words = scenario_words(scenario)
    for part in ("3,000 virtual women", "after 4 cycles of doxorubicin", "seed 1", "median true LVEF 65 %",
                 "scenario: 30 % of the greatest fall stays for good", "trastuzumab does not act on the heart"):  # fmt: skip
        assert part in words
    page, text = comparison_page(compared, "chart.svg"), " ".join(comparison_text(compared).split())
    for told in (page, text):
        for name in NAMES:
            assert example(name).name in told
        assert scenario_words(compared.scenario) in told
        assert "de Vries Schultink 2018" in told
        assert "Nobody clinical has reviewed this" in told
        assert "decision D103" in told
        assert "20 " in told
        assert "trials of 150 patients" in told
        assert "nan" not in told
    assert "![The policies side by side](chart.svg)" in page
    assert "`heart-trastuzumab-us`" in page
    assert "`heart-fall-10`" in page
    assert "`trastuzumab-iv-us`" in page
    assert {line.count("|") for line in page.split("## Figures")[1].splitlines() if line.startswith("|")} == {
        len(NAMES) + 2
    }


def test_monitoring_less_often_says_what_is_lost(compared) -> None:
    holds, missed, echoes = (compared.differences(BY_KEY[key])[0] for key in ("holds", "missed_dysfunction", "echoes"))
    assert holds.high < 0 < missed.low
    assert echoes.high < 0
    strict = compared.differences(BY_KEY["holds"])[1]
    assert strict.low > 0


def strict_json(text: str):
    def never(name: str):
        raise AssertionError(f"JSON has no {name}")

    return json.loads(text, parse_constant=never)


def test_json_holds_every_measure_and_nothing_that_is_no_number(tmp_path) -> None:
    for patients in (1, 30):
        found = call(
            "--virtual-patients", patients, "--policy", POLICIES / "eu.toml", "--policy", POLICIES / "hold-at-10.toml", "--format", "json"
        )
        assert found.exit_code == 0, found.output
        told = strict_json(found.stdout)
        assert [each["name"] for each in told["policies"]] == ["EU text", "hold at 10 points"]
        assert set(told["policies"][0]["measures"]) == set(told["units"]) == set(BY_KEY)
        assert told["policies"][0]["difference_from_first"] == {}
        assert set(told["policies"][1]["difference_from_first"]) == set(BY_KEY)
        assert told["scenario"]["patients"] == patients
    target = tmp_path / "told.json"
    assert call("--virtual-patients", 30, "-o", target).exit_code == 0
    assert strict_json(target.read_text())["policies"][0]["name"] == "US label"


def test_every_patient_is_a_row_of_parquet(tmp_path) -> None:
    target = tmp_path / "patients.parquet"
    found = call(
        "--virtual-patients", 1100, "--policy", POLICIES / "eu.toml", "--policy", POLICIES / "hold-at-10.toml", "-o", target
    )
    assert found.exit_code == 0, found.output
    table = pq.read_table(target)
    assert table.num_rows == 2200
    assert set(COLUMNS) <= set(table.column_names)
    assert table["policy"].unique().to_pylist() == ["EU text", "hold at 10 points"]
    assert table["patient"].to_pylist() == [*range(1100)] * 2


def test_the_command_says_the_same_for_a_seed_whatever_the_cores() -> None:
    one, two = (call("--virtual-patients", 1500, "--processes", cores).output for cores in (1, 2))
    assert one == two
    assert call("--virtual-patients", 1500, "--seed", 2).output != one


# -- charts -----------------------------------------------------------------------------------------


def test_charts_are_the_same_bytes_twice(tmp_path) -> None:
    for turn, chart, fan in (("a", "svg", "png"), ("b", "svg", "png")):
        asked = ("--policy", POLICIES / "eu.toml", "--policy", POLICIES / "hold-at-10.toml", "--virtual-patients", 100)
        charts = ("--chart", tmp_path / f"{turn}.{chart}", "--fan", tmp_path / f"{turn}-fan.{fan}")
        found = call(*asked, *charts, "-o", tmp_path / f"{turn}.md")
        assert found.exit_code == 0, found.output
    for name in ("a.svg", "a-fan.png"):
        first = (tmp_path / name).read_bytes()
        assert first == (tmp_path / name.replace("a", "b", 1)).read_bytes()
        if name.endswith("svg"):
            root = ET.fromstring(first)
            assert root.tag.endswith("svg")
            assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20
        else:
            assert first.startswith(b"\x89PNG")
            assert len(first) > 10_000
    assert "![The policies side by side](a.svg)" in (tmp_path / "a.md").read_text()


def test_a_chart_of_one_patient_is_drawn(tmp_path) -> None:
    found = call("--virtual-patients", 1, "--chart", tmp_path / "one.svg", "--fan", tmp_path / "fan.svg")
    assert found.exit_code == 0, found.output
    ET.parse(tmp_path / "one.svg")


def test_the_chart_of_the_heart(tmp_path) -> None:
    target = tmp_path / "heart.svg"
    made = CliRunner().invoke(main, ["simulate", "heart", "--virtual-patients", "100", "--chart", str(target)])
    assert made.exit_code == 0, made.output
    ET.parse(target)
    bad = CliRunner().invoke(main, ["simulate", "heart", "--virtual-patients", "100", "--chart", "heart.gif"])
    assert bad.exit_code == 2
    assert "heart.gif: a chart ends in .png or .svg" in bad.output


def test_a_policy_of_python_is_that_of_its_file() -> None:
    made = policy_with(name="every 3 months", months=3.0)
    assert made == example("every-3-months")


@pytest.mark.parametrize(
    ("mean", "half", "most"), [(0.7, 1.0, 100.0), (14.0, 27.0, 100.0), (99.2, 1.5, 100.0), (1.06, 1.52, float("inf"))]
)
def test_an_interval_ends_where_its_measure_ends(mean: float, half: float, most: float) -> None:
    found = bounded(TrialMean(mean, mean - half, mean + half, 0.0, 0.0), most)
    assert 0 < found.low < mean < found.high < most
    near = bounded(TrialMean(mean, mean - half / 1000, mean + half / 1000, 0.0, 0.0), most)
    assert near.low == pytest.approx(mean - half / 1000, rel=1e-4)
    assert near.high == pytest.approx(mean + half / 1000, rel=1e-4)


def test_where_nothing_ever_happened_no_interval_is_claimed() -> None:
    for mean in (0.0, 100.0):
        found = bounded(TrialMean(mean, mean, mean, mean, mean), 100.0)
        assert found.mean == mean
        assert math.isnan(found.low)
        assert math.isnan(found.high)


def test_no_printed_interval_of_a_measure_is_below_nothing() -> None:
    found = call("--virtual-patients", 100, "--policy", POLICIES / "eu.toml")
    cells = re.findall(r"\((-?[\d.]+) to (-?[\d.]+)\)", found.stdout.partition("Mean over")[0])
    assert len(cells) > 8
    assert all(float(low) >= 0 for low, _ in cells)
