"""`her2path simulate exposure` and `truth`, as users run them: what is printed, written, drawn, and said of bad input."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

import click
import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("numba")
pytest.importorskip("scipy")

from her2path.cli.group import Commands
from her2path.cli.simulate.exposure import exposure
from her2path.cli.simulate.truth import truth
from her2path.simulate.exposure.dose_history import Level, own_schedule, without
from her2path.simulate.exposure.doses_of_record import History, find_record, history_of
from her2path.simulate.exposure.individual import estimate_deviations, predict, residual_deviation
from her2path.simulate.exposure.population import concentrations
from her2path.simulate.exposure.schedule import Dose, cut, labelled
from her2path.simulate.exposure.truth import chance_of_median, count_of_rows, truth_rows
from her2path.simulate.model import read_model
from her2path.simulate.patients import parameters_for
from her2path.tables.load import default_knowledge

COURSES = Path(__file__).parent.parent / "examples" / "courses"
HOLD = COURSES / "adjuvant-hold.csv"


@click.group(cls=Commands)
def simulate() -> None:
    """The commands of this file, as they stand below `her2path simulate`."""


simulate.add_command(exposure)
simulate.add_command(truth)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(simulate, ["exposure", *map(str, arguments)])


def told(*arguments: object) -> dict:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# -- virtual patients -----------------------------------------------------------------------------


def test_percentiles_of_every_measure_for_the_first_cycle_and_the_steady_state() -> None:
    found = told("--virtual-patients", 60, "--cycles", 8)
    for cycle in ("cycle_1", "steady_state"):
        for measure in ("cmin", "cmax_end_of_infusion", "cmax_12h", "auc"):
            values = found[cycle][measure]
            assert list(values) == ["p5", "p50", "p95"]
            assert 0 < values["p5"] < values["p50"] < values["p95"]
        assert (
            found[cycle]["cmin"]["p50"] < found[cycle]["cmax_12h"]["p50"] < found[cycle]["cmax_end_of_infusion"]["p50"]
        )
    assert found["steady_state"]["cmin"]["p50"] > found["cycle_1"]["cmin"]["p50"]


def test_the_typical_patient_has_the_medians_of_the_label() -> None:
    found = told("--typical", "--cycles", 12)
    for cycle, measure, published in (
        ("cycle_1", "cmin", 29.4), ("cycle_1", "cmax_12h", 178), ("cycle_1", "auc", 1373),
        ("steady_state", "cmin", 47.4), ("steady_state", "cmax_12h", 179), ("steady_state", "auc", 1794),
    ):  # fmt: skip
        assert found[cycle][measure]["p50"] == pytest.approx(published, rel=0.02)
    assert found["asked"]["patients"] == 1


def test_the_same_seed_gives_the_same_answer_and_another_seed_another() -> None:
    assert told("--virtual-patients", 40, "--seed", 3) == told("--virtual-patients", 40, "--seed", 3)
    assert told("--virtual-patients", 40, "--seed", 3)["cycle_1"] != told("--virtual-patients", 40, "--seed", 4)["cycle_1"]


def test_under_the_skin_chooses_its_model_and_has_no_infusion() -> None:
    found = told("--schedule", "sc", "--typical", "--cycles", 7)
    assert found["asked"]["model"] == "trastuzumab-sc"
    assert "cmax_end_of_infusion" not in found["cycle_1"]
    assert found["steady_state"]["cmin"]["p50"] == pytest.approx(75.0, rel=0.01)


def test_gastric_cancer_has_lower_concentrations() -> None:
    gastric, breast = (
        told("--typical", "--population", each)["steady_state"]["cmin"]["p50"] for each in ("gastric", "breast")
    )
    assert gastric / breast == pytest.approx(32.9 / 47.4, rel=0.03)


def test_a_heavier_patient_clears_more() -> None:
    heavy, light = (
        told("--typical", "--covariate", f"weight_kg={kg}")["steady_state"]["cmin"]["p50"] for kg in (98, 46)
    )
    assert heavy > light  # the dose grows with weight, and the clearance a little less than the dose


def test_a_late_dose_is_a_first_one_again_as_the_label_says_unless_told_otherwise() -> None:
    by_label = run("--typical", "--delay", 14)
    assert "8 mg/kg over 90 minutes (a first dose again)" in by_label.stdout
    assert "missed_dose_action" in by_label.stdout
    a_little = run("--typical", "--delay", 5)
    assert "a first dose again" not in a_little.stdout
    told_not_to = run("--typical", "--delay", 14, "--reload", "no")
    assert "a first dose again" not in told_not_to.stdout


def test_which_dose_is_late_may_be_said_and_is_the_middle_one_otherwise() -> None:
    assert "day 35: 8 mg/kg" in run("--typical", "--delay", 14, "--delay-dose", 2).stdout
    assert "day 203: 8 mg/kg" in run("--typical", "--delay", 14).stdout  # dose 10 of 18, two weeks after day 189


def test_a_missed_dose_is_left_out_and_the_next_one_loads_again() -> None:
    schedule = without(labelled("trastuzumab-iv", "q3w", 6), (3,), None, "trastuzumab-iv")
    assert [dose.day for dose in schedule.doses] == [0, 21, 63, 84, 105]
    assert [dose.mg_per_kg for dose in schedule.doses] == [8, 6, 8, 6, 6]
    kept = without(labelled("trastuzumab-iv", "q3w", 6), (3,), False, "trastuzumab-iv")
    assert [dose.mg_per_kg for dose in kept.doses] == [8, 6, 6, 6, 6]


def test_doses_of_ones_own_switch_between_the_routes(tmp_path: Path) -> None:
    file = write(
        tmp_path / "own.csv", "date,mg,minutes,route\n2025-01-01,600,,sc\n2025-01-22,400,90,iv\n2025-02-12,600,,sc\n"
    )
    result = run("--doses", file, "--model", "trastuzumab-sc", "--virtual-patients", 20)
    assert result.exit_code == 0, result.output
    assert "day 0: 600 mg under the skin" in result.stdout
    assert "day 21: 400 mg over 90 minutes" in result.stdout


def test_absurd_doses_and_very_long_gaps_stay_finite(tmp_path: Path) -> None:
    file = write(tmp_path / "own.csv", "day,mg_per_kg,minutes\n0,1000,90\n900,1000,90\n")
    found = told("--doses", file, "--typical", "--after-days", 900)
    assert found["cycle_1"]["cmin"]["p50"] < 1e-6
    assert found["cycle_1"]["auc"]["p50"] == pytest.approx(found["steady_state"]["auc"]["p50"], rel=1e-4)
    assert 20000 < found["cycle_1"]["cmax_end_of_infusion"]["p50"] < 1000 * 66 / 2.62


def test_every_profile_is_written_in_groups(tmp_path: Path) -> None:
    output = tmp_path / "profiles.parquet"
    assert run("--virtual-patients", 1100, "--cycles", 1, "--after-days", 0, "-o", output).exit_code == 0
    file = pq.ParquetFile(output)
    assert file.metadata.num_row_groups == 2
    table = file.read().to_pydict()
    assert set(table) == {"patient", "day", "concentration_mg_per_l"}
    assert set(table["patient"]) == set(range(1, 1101))
    trough = [c for day, c in zip(table["day"], table["concentration_mg_per_l"], strict=True) if day == 21]
    assert np.percentile(trough, 50) == pytest.approx(told("--virtual-patients", 1100, "--cycles", 1)["cycle_1"]["cmin"]["p50"])


@pytest.mark.parametrize("name", ["bands.png", "bands.svg"])
def test_a_chart_is_drawn_and_the_same_again(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        assert run("--virtual-patients", 20, "--cycles", 3, "--miss", 2, "--chart", path).exit_code == 0
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert len(made[0]) > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--virtual-patients", 0], "0 patients"),
        (["--virtual-patients", -3, "--typical"], "-3 patients"),
        (["--cycles", 0], "0 cycles; expected 1 to"),
        (["--model", "heart"], "no model of exposure is called 'heart'; there are"),
        (["--model", "nope"], "no model of exposure is called 'nope'"),
        (["--population", "moon"], "no population is called 'moon'; there are breast"),
        (["--schedule", "daily"], "no schedule is called 'daily'"),
        (["--schedule", "weekly", "--model", "pertuzumab"], "no weekly schedule"),
        (["--schedule", "sc", "--model", "trastuzumab-iv"], "use --model trastuzumab-sc"),
        (["--covariate", "weight_kg=-5"], "weight_kg=-5; expected a number from 20 to 300"),
        (["--covariate", "weight_kg=1000"], "expected a number from 20 to 300"),
        (["--covariate", "weight_kg=heavy"], "expected a number"),
        (["--covariate", "shoe_size=42"], "no covariate is called 'shoe_size'"),
        (["--covariate", "weight_kg"], "write NAME=VALUE"),
        (["--target", -1], "a target of -1 mg/L"),
        (["--after-days", -1], "-1 days after the last dose"),
        (["--delay", -1], "a delay of -1.0 days"),
        (["--delay", "nan"], "a delay of nan days"),
        (["--delay", 7, "--delay-dose", 19], "dose 19 cannot be late"),
        (["--miss", 1], "dose 1 cannot be missed"),
        (["--miss", 99], "dose 99 cannot be missed"),
        (["--reload", "yes"], "make one with --delay DAYS or --miss N"),
        (["--delay-dose", 4], "say by how much"),
        (["--chart", "bands.pdf"], "a chart ends in .png or .svg"),
        (["-o", "profiles.csv"], "ends in .parquet"),
        (["-o", "no-such-folder/profiles.parquet"], "there is no folder"),
        (["--doses", "no-such-file.csv"], "cannot be read"),
        (["--levels", "levels.csv"], "--levels needs her doses"),
        (["--patient", "x"], "--patient chooses a patient"),
        (["--on", "2026-01-01"], "--on is for the doses of --record"),
        (["--record", HOLD, "--cycles", 3], "--record has doses of its own"),
        (["--record", HOLD, "--typical"], "--typical is for virtual patients"),
        (["--record", HOLD, "--patient", "nobody"], "no patient of adjuvant-hold.csv is called 'nobody'"),
        (["--record", HOLD, "--model", "pertuzumab"], "no dated dose of pertuzumab is on record; on record are doses of trastuzumab-iv"),
        (["--record", HOLD, "--on", "2025-06-30"], "no dose of trastuzumab"),
        (["--record", HOLD, "--covariate", "weight_kg=70~0.2"], "one patient has a value"),
        (["--record", COURSES / "her2-low.csv"], "no dose of trastuzumab, pertuzumab, T-DM1 or T-DXd is on record"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_clearly(arguments: list, words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("her2path: ")
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day,mg_per_kg\n0,8\n42,6\n21,6\n", "own.csv: the doses are out of order"),
        ("day,mg_per_kg\n0,-8\n", "own.csv: dose 1: -8 mg/kg; expected 0 to"),
        ("day,mg_per_kg\n0,90000\n", "90000 mg/kg; expected 0 to"),
        ("day,mg\n0,0\n", "no amount"),
        ("day,mg,minutes\n0,500,-9\n", "an infusion of -9 minutes"),
        ("day,mg\n0,much\n", "own.csv:2: mg 'much' is no number"),
        ("day,mg\n0,inf\n", "not finite"),
        ("day,mg,mg_per_kg\n0,500,8\n", "in mg or in mg_per_kg, one of them"),
        ("day,mg,route\n0,500,im\n", "the route 'im' is not known"),
        ("day,mg,route\n0,600,sc\n", "use --model trastuzumab-sc"),
        ("date,mg\n2025-13-01,500\n", "'2025-13-01' is no date"),
        ("date,mg\n2025-01-01,500\n2065-01-01,500\n", "the doses span"),
        ("day,dose\n0,500\n", "has a column 'dose'"),
        ("mg\n500\n", "has no column day or date"),
        ("day,mg\n", "holds no row"),
    ],
)
def test_a_file_of_doses_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    result = run("--doses", write(tmp_path / "own.csv", text), "--virtual-patients", 5)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_request_that_fails_leaves_an_older_file_as_it_is(tmp_path: Path) -> None:
    output = write(tmp_path / "old.parquet", "something older")
    assert run("--virtual-patients", 0, "-o", output).exit_code == 2
    assert output.read_text(encoding="utf-8") == "something older"


# -- her own record -------------------------------------------------------------------------------


def doses_in_the_file(path: Path) -> list[tuple[str, float]]:
    """The doses of trastuzumab that stand in an example, read by itself."""
    with path.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["product"] == "trastuzumab-iv" and row["fact"] == "dose_mg"]
    return [(row["date"], float(row["value"])) for row in rows]


@pytest.mark.parametrize(
    "name", ["adjuvant-hold", "end-of-year", "fourth-hold", "late-dose", "metastatic-thp", "persistent-decline"]
)
def test_the_doses_are_those_of_the_record(name: str) -> None:
    path = COURSES / f"{name}.csv"
    found = told("--record", path, "--on", "2026-11-01", "--virtual-patients", 5)
    assert [(dose["date"], dose["mg"]) for dose in found["doses"]] == doses_in_the_file(path)
    assert found["patient"] == name
    assert found["covariates"]["weight_kg"] > 40
    assert any(
        words.startswith(f"{len(found['doses'])} doses of trastuzumab-iv") for words in found["taken_from_record"]
    )


def test_later_doses_do_not_count_before_their_day() -> None:
    found = told("--record", HOLD, "--on", "2025-12-08", "--virtual-patients", 5)
    assert found["doses"][-1]["date"] == "2025-12-08"


def test_doses_by_weight_take_the_latest_weight_and_the_undated_is_not_used() -> None:
    """The mess has two doses in mg/kg, a weight in pounds before them, and a dose without a date."""
    history = history_of(find_record(COURSES / "mess.csv", default_knowledge(), None), dt.date(2026, 2, 10))
    assert history.schedule.doses[0].mg == pytest.approx(8 * 154 * 0.45359237, rel=1e-3)
    assert any("without a date" in words for words in history.assumed)


def test_pertuzumab_of_the_same_record_is_simulated_by_its_own_model() -> None:
    found = told(
        "--record", COURSES / "metastatic-thp.csv", "--model", "pertuzumab", "--on", "2026-10-01", "--virtual-patients", 5
    )
    assert [dose["mg"] for dose in found["doses"][:3]] == [840, 420, 420]
    assert "lean_body_mass_kg" in found["covariates"]


def test_a_dose_under_the_skin_and_one_of_unknown_amount(tmp_path: Path) -> None:
    file = write(tmp_path / "skin.csv", "patient,date,fact,value,unit,product\n"
                 "a,2025-01-01,weight_kg,60,,\na,2025-01-02,dose_mg,480,mg,trastuzumab-iv\n"
                 "a,2025-01-23,dose_given,yes,,trastuzumab-sc\na,2025-02-13,dose_mg,600,mg,trastuzumab-sc\n")  # fmt: skip
    found = told("--record", file, "--on", "2025-03-01", "--virtual-patients", 5)
    assert found["model"] == "trastuzumab-sc"
    assert [(dose["mg"], dose["route"]) for dose in found["doses"]] == [(480, "iv"), (600, "sc"), (600, "sc")]
    assert any("the amount of 2025-01-23 is not known" in words for words in found["assumed"])


def test_a_statement_that_therapy_was_given_is_no_dose(tmp_path: Path) -> None:
    """An undated dose alone gives no course, and the message says why."""
    file = write(tmp_path / "undated.csv", "patient,date,fact,value,unit,product\na,,dose_mg,480,mg,trastuzumab-iv\n")
    result = run("--record", file)
    assert result.exit_code == 2
    assert "1 dose without a date: not used" in result.stderr


def test_the_day_below_1_mg_per_l_comes_with_its_limits_before_the_end_of_contraception() -> None:
    found = told("--record", HOLD, "--on", "2026-04-27", "--virtual-patients", 300)
    days = found["washout"]["date_below_1_mg_per_l"]
    assert "2026-04-13" < days["p5"] < days["p50"] < days["p95"]
    assert found["contraception_until"] == "2026-11-13"
    assert found["share_below_1_mg_per_l_by_then"] > 0.9
    text = run("--record", HOLD, "--on", "2026-04-27", "--virtual-patients", 300).stdout
    assert f"falls below 1 mg/L on {days['p50']}" in text
    assert "contraception goes on until 2026-11-13" in text
    assert "at the model's reference: alt_u_per_l" in text
    assert "nobody clinical has reviewed" in text


def test_one_patient_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    levels = write(tmp_path / "levels.csv", "patient,date,concentration_mg_per_l\nadjuvant-hold,2025-10-27,22\n"
                   "adjuvant-hold,2026-02-09,<1\n")  # fmt: skip
    path = tmp_path / "her.png"
    result = run("--record", HOLD, "--on", "2026-04-27", "--levels", levels, "--virtual-patients", 50, "--chart", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")


# -- her levels -----------------------------------------------------------------------------------


def somebody(**covariates: float) -> History:
    """A woman with eight labelled doses."""
    doses = [Dose(21.0 * n, mg_per_kg=8.0 if n == 0 else 6.0) for n in range(8)]
    return History("somebody", "trastuzumab-iv", "early-breast", own_schedule(doses), None, covariates, 66.0)


def levels_of(
    history: History, deviations: dict[str, float], days: list[float], errors: np.ndarray | None = None
) -> list[Level]:
    """What would be measured of her with these deviations: without error, or with the model's own."""
    model = read_model(history.model)
    eta = {name: np.array([value]) for name, value in deviations.items()}
    parameters = parameters_for(model, history.population, {}, eta, 1)
    expected = concentrations(parameters, history.schedule.amounts_mg(np.array([66.0])), cut(history.schedule, days))[
        0
    ][:, 0]
    noise = 0.0 if errors is None else errors * residual_deviation(model, expected)
    return [Level(day, max(float(value), 0.1)) for day, value in zip(days, expected + noise, strict=True)]


MANY = sorted({0.1, 0.2, 3.0, 7.0, 14.0, 160.0, 180.0, 200.0, 215.0, *(21.0 * n for n in range(1, 8)),
               *(21.0 * n + part for n in range(8) for part in (0.07, 0.12))})  # fmt: skip


def test_many_levels_find_her_parameters_again() -> None:
    history = somebody()
    true = {"clearance": 0.5, "central_volume": -0.2}
    found = estimate_deviations(history, levels_of(history, true, MANY), 200, 1)
    by_name = dict(zip(found.names, found.mode, strict=True))
    assert by_name["clearance"] == pytest.approx(0.5, abs=0.1)
    assert by_name["central_volume"] == pytest.approx(-0.2, abs=0.06)
    assert found.covariance[0, 0] < 0.25 * found.prior[0, 0]


def test_the_limits_hold_the_truth_about_as_often_as_they_say() -> None:
    """Twenty women with known deviations and errors of measurement: 90 % limits hold most of them."""
    history, random = somebody(), np.random.default_rng(5)
    inside = 0
    for _ in range(20):
        true = 0.401 * random.standard_normal()
        levels = levels_of(history, {"clearance": true}, [21.0, 42.0, 84.0, 126.0], random.standard_normal(4))
        found = estimate_deviations(history, levels, 200, 1)
        low, high = np.percentile(found.draws[found.names.index("clearance")], (5, 95))
        inside += low <= true <= high
    assert 14 <= inside <= 20


def test_without_levels_she_is_as_the_model_has_patients_like_her() -> None:
    found = estimate_deviations(somebody(), [], 4000, 1)
    assert not found.mode.any()
    assert found.draws.std(axis=1) == pytest.approx(np.sqrt(np.diag(found.prior)), rel=0.06)


def test_one_level_draws_her_only_part_of_the_way() -> None:
    """A trough half of the typical one: the estimate lies between, since the level has its error."""
    history = somebody()
    (typical,) = levels_of(history, {}, [21.0])
    prediction = predict(history, [Level(21.0, typical.mg_per_l / 2)], 200)
    assert typical.mg_per_l / 2 < prediction.predicted[0]["predicted"] < typical.mg_per_l
    assert prediction.predicted[0]["by_model_alone"] == pytest.approx(typical.mg_per_l, rel=1e-4)


def test_a_level_below_quantification_counts_as_at_most_that() -> None:
    """It pulls down where more was expected, and says next to nothing where less was."""
    history = somebody()
    low = predict(history, [Level(200.0, 2.0, below=True)], 200)
    assert low.predicted[0]["predicted"] < 0.5 * low.predicted[0]["by_model_alone"]
    nothing_new = predict(history, [Level(300.0, 50.0, below=True)], 200)
    assert nothing_new.estimate.mode == pytest.approx(np.zeros(4), abs=0.02)


def test_draws_agree_with_a_brute_weighing_of_the_prior() -> None:
    """The draws by curvature and weights against plain draws of the spread, each weighed by the levels' likelihood."""
    history = somebody()
    levels = [Level(21.0, 14.0), Level(63.0, 22.0)]
    found = estimate_deviations(history, levels, 2000, 1)
    plain = estimate_deviations(history, [], 60_000, 2).draws
    model = read_model(history.model)
    parameters = parameters_for(
        model, history.population, {}, dict(zip(found.names, plain, strict=True)), plain.shape[1]
    )
    amounts = history.schedule.amounts_mg(np.full(plain.shape[1], 66.0))
    expected = concentrations(parameters, amounts, cut(history.schedule, [21.0, 63.0]))[0]
    deviation = residual_deviation(model, expected)
    weight = np.exp(-((((np.array([[14.0], [22.0]]) - expected) / deviation) ** 2) / 2 + np.log(deviation)).sum(axis=0))
    for place in range(len(found.names)):
        mean = np.average(plain[place], weights=weight)
        spread = np.sqrt(np.average((plain[place] - mean) ** 2, weights=weight))
        assert found.draws[place].mean() == pytest.approx(mean, abs=0.08 * np.sqrt(found.prior[place, place]))
        assert found.draws[place].std() == pytest.approx(spread, rel=0.1)


def test_levels_of_a_file_move_her_day(tmp_path: Path) -> None:
    levels = write(tmp_path / "levels.csv", "patient,date,concentration_mg_per_l\nadjuvant-hold,2025-10-27,12\n"
                   "adjuvant-hold,2025-11-17T08:30,16\nother,2025-11-17,90\nadjuvant-hold,2026-02-09,<0.5\n")  # fmt: skip
    without_levels = told("--record", HOLD, "--on", "2026-04-27", "--virtual-patients", 300)
    found = told("--record", HOLD, "--on", "2026-04-27", "--virtual-patients", 300, "--levels", levels)
    assert [level["concentration_mg_per_l"] for level in found["levels"]] == [12, 16, 0.5]
    assert [level["below_quantification"] for level in found["levels"]] == [False, False, True]
    assert found["washout"]["date_below_1_mg_per_l"]["p50"] < without_levels["washout"]["date_below_1_mg_per_l"]["p50"]
    clearance = next(row for row in found["estimate"]["parameters"] if row["name"] == "clearance")
    assert clearance["most_likely"] > clearance["typical"]
    assert clearance["spread_left"] < 0.8


def test_levels_belong_to_doses_of_a_file_too(tmp_path: Path) -> None:
    doses = write(tmp_path / "own.csv", "day,mg_per_kg,minutes\n10,8,90\n31,6,90\n")
    levels = write(tmp_path / "levels.csv", "day,concentration_mg_per_l\n31,40\n")
    found = told("--doses", doses, "--levels", levels, "--covariate", "weight_kg=70", "--virtual-patients", 50)
    assert found["levels"][0]["day"] == 21
    assert found["doses"][0]["mg"] == 560


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient,date,concentration_mg_per_l\nsomebody,2025-10-27,20\n", "holds no level of adjuvant-hold; it holds levels of somebody"),
        ("date,concentration_mg_per_l\n2025-10-27,-3\n", "a level of -3 mg/L"),
        ("date,concentration_mg_per_l\n2025-10-27,90000\n", "a level of 90000 mg/L"),
        ("date,concentration_mg_per_l\n2025-10-27,0\n", "write it as below the limit of quantification"),
        ("date,concentration_mg_per_l\n2025-10-27,<x\n", "is no number"),
        ("date,concentration_mg_per_l\n27.10.2025,20\n", "is no date"),
        ("date,concentration_mg_per_l\n2024-01-01,20\n", "lies outside the time"),
        ("date,level\n2025-10-27,20\n", "has no column concentration_mg_per_l"),
    ],
)  # fmt: skip
def test_a_file_of_levels_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    levels = write(tmp_path / "levels.csv", text)
    result = run("--record", HOLD, "--on", "2026-04-27", "--levels", levels, "--virtual-patients", 5)
    assert result.exit_code == 2
    assert words in result.stderr


# -- the truth ------------------------------------------------------------------------------------


def test_what_is_published_stands_beside_what_is_simulated() -> None:
    rows = truth_rows(300)
    assert {row.group for row in rows} == {"Labels", "Washout", "Routes", "Other products"}
    assert len(rows) == count_of_rows()
    medians = [row for row in rows if row.group == "Labels" and row.what.endswith("median")]
    assert len(medians) == 27
    assert all(row.agrees for row in rows if row.group in ("Washout", "Routes"))
    assert all(row.citations for row in rows)


def test_a_median_is_shown_of_both_and_the_populations_own_is_held() -> None:
    """The typical patient meets the labels that come from the models simulated; the population's medians do not all."""
    medians = [row for row in truth_rows(4000) if row.group == "Labels" and row.what.endswith("median")]
    for row in medians:
        assert row.held == "population"
        assert row.simulated == row.population != row.typical
        assert row.agrees == (abs(100 * (row.population / row.published - 1)) <= 3)
        assert row.typical_agrees == (abs(100 * (row.typical / row.published - 1)) <= 3)
        assert 0 < row.chance < 4
    of_these_models = [row for row in medians if not row.key.startswith("eu-early")]
    assert len(of_these_models) == 21
    assert max(abs(row.typical_difference) for row in of_these_models) < 2
    # About 1.5 % of chance in a trough: the rows that miss clearly, and those that nobody can call.
    assert 7 <= sum(not row.agrees for row in of_these_models) <= 11


def test_the_populations_median_and_the_typical_patient_are_those_of_runs_of_their_own() -> None:
    (row,) = (row for row in truth_rows(500) if row.what == "q3w gastric, steady state: trough, median")
    among = told("--population", "gastric", "--virtual-patients", 500)["steady_state"]["cmin"]["p50"]
    alone = told("--population", "gastric", "--typical")["steady_state"]["cmin"]["p50"]
    assert (row.population, row.typical) == (pytest.approx(among), pytest.approx(alone))
    assert row.difference == pytest.approx(100 * (among / 32.9 - 1))
    assert row.typical_difference == pytest.approx(100 * (alone / 32.9 - 1))


def test_what_was_published_of_one_reference_patient_is_held_against_the_typical_one() -> None:
    rows = [row for row in truth_rows(100) if row.what.endswith("reference patient")]
    assert len(rows) == 3
    for row in rows:
        assert row.held == "typical patient"
        assert row.simulated == row.typical != row.population


def test_chance_is_how_far_medians_of_so_many_scatter() -> None:
    random = np.random.default_rng(2)
    draws = np.exp(0.7 * random.standard_normal((2000, 400)))
    scatter = np.percentile(100 * np.abs(np.median(draws, axis=1) - 1), 95)
    assert np.mean([chance_of_median(each) for each in draws[:200]]) == pytest.approx(scatter, rel=0.15)


def test_the_command_says_where_the_two_differ_and_by_which_criterion() -> None:
    result = CliRunner().invoke(simulate, ["truth", "--virtual-patients", "300"])
    assert result.exit_code == 0, result.output
    assert "DIFFERS" in result.stdout
    assert "kanjinti-us-exposure Table 7 (seen)" in result.stdout
    assert "remembered" in result.stdout
    found = json.loads(CliRunner().invoke(simulate, ["truth", "--virtual-patients", "300", "--format", "json"]).stdout)
    differing = [row for row in found["rows"] if row["agrees"] is False]
    assert result.stdout.count("DIFFERS") == len(differing)
    assert result.stdout.count("  agrees ") == sum(row["agrees"] is True for row in found["rows"])
    assert "population: 300 virtual patients in each simulation, seed 1" in result.stdout
    assert "typical: one patient at the model's typical values, without spread" in result.stdout
    row = next(row for row in found["rows"] if row["what"] == "q3w breast, first cycle: trough, median")
    (line,) = (line for line in result.stdout.splitlines() if "q3w breast, first cycle: trough, median" in line)
    shown = [f"{row['population']:.4g}", f"{row['difference']:+.1f}", "%", f"{row['typical_patient']:.4g}"]
    assert line.split("mg/L")[1].split()[:5] == ["29.4", *shown]
    assert (row["held"], row["simulated"]) == ("population", row["population"])
    assert f"population's own differ in {sum(r['agrees'] is False for r in found['rows'] if r['chance_percent'])}," in (
        result.stdout
    )
    assert [fit["population"] for fit in found["models"]] == ["early-breast", "metastatic-breast"]
    for fit in found["models"]:
        assert f"The nearest is {fit['nearest']}, which is taken" in result.stdout
    refused = CliRunner().invoke(simulate, ["truth", "--virtual-patients", "0"])
    assert refused.exit_code == 2
    assert "0 patients" in refused.stderr
