"""Equivalence: the published trials reproduced, a trial as a file, power by simulation, and the forest plot."""

from __future__ import annotations

import json
import math
import re
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from her2path.cli.group import Commands
from her2path.facts.folder import knowledge_folder
from her2path.facts.markdown import plain, read_markdown
from her2path.facts.problem import AskedWrongly

pytest.importorskip("scipy")

from scipy import integrate, stats

from her2path.cli.simulate.equivalence import equivalence, trial
from her2path.simulate.equivalence.arms import ComparisonOptions, compare_arms
from her2path.simulate.equivalence.data import read_trial
from her2path.simulate.equivalence.intervals import (
    crossover_ratio,
    parallel_ratio,
    response_interval,
    response_p_values,
    two_one_sided,
    verdict,
)
from her2path.simulate.equivalence.power import Concentrations, ResponseShares, power, sample_size
from her2path.simulate.equivalence.published import concentration_comparisons, response_comparisons, variation_behind
from her2path.simulate.equivalence.responses import RESPONSE_METHODS, Margin, Responses
from her2path.simulate.model import read_model

COMMANDS = Commands()
COMMANDS.add_command(equivalence)
COMMANDS.add_command(trial)
RESPONSES = {(each.key, each.scale): each for each in response_comparisons()}
CONCENTRATIONS = {each.key: each for each in concentration_comparisons()}
MODEL = read_model("equivalence-trials")


def run(*arguments: str):
    return CliRunner().invoke(COMMANDS, [str(each) for each in arguments])


# -- the published trials -------------------------------------------------------------------------

PUBLISHED = {
    ("ogivri", "ratio"): "equivalent",
    ("ogivri", "difference"): "equivalent",
    ("herzuma", "ratio"): "equivalent",
    ("herzuma", "difference"): "equivalent",
    ("ontruzant", "ratio"): "equivalent",
    ("ontruzant", "difference"): "upper margin passed",
    ("trazimera", "ratio"): "equivalent",
    ("trazimera-trough", "difference"): "not inferior",
    ("kanjinti-local", "ratio"): "upper margin passed",
    ("kanjinti-local", "difference"): "upper margin passed",
    ("kanjinti-central", "ratio"): "equivalent",
    ("kanjinti-central", "difference"): "equivalent",
    ("zercepac", "difference"): "equivalent",
    ("tuznue", "difference"): "equivalent",
    ("tx05", "ratio"): "equivalent",
    ("bcd-022", "difference"): "equivalent",
    ("hylecta", "difference"): "not inferior",
    ("herwenda", "ratio"): "not judged",
}


@pytest.mark.parametrize(
    ("key", "word"), PUBLISHED.items(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_each_published_verdict_follows_from_the_printed_and_from_the_computed_interval(key, word) -> None:
    found = RESPONSES[key]
    assert found.printed_verdict.word == word
    if found.computed is not None:
        assert found.computed_verdict.word == word


def test_the_printed_interval_comes_out_of_the_counts_to_the_last_digit_where_nothing_was_adjusted() -> None:
    """The bounds of an exact interval depend on a grid, and may differ by one in the last digit."""
    checked = 0
    for row in MODEL.grids["Comparisons"]:
        found = RESPONSES[plain(row["reading"]), plain(row["scale"])]
        if row["it is"] == "assumed":
            continue
        for text, bound in zip(
            plain(row["interval"]).split(" to "), (found.computed.lower, found.computed.upper), strict=True
        ):
            last_digit = 10.0 ** -len(text.partition(".")[2])
            assert bound == pytest.approx(float(text), abs=last_digit * (1 if row["method"] == "exact" else 0.501)), (
                found.key
            )
            checked += 1
    assert checked >= 24


def test_an_adjusted_interval_lies_within_a_point_and_a_half_of_the_one_from_the_counts() -> None:
    adjusted = [each for each in RESPONSES.values() if each.adjusted and each.gap is not None]
    assert len(adjusted) == 7
    assert all(each.gap < (0.03 if each.scale == "ratio" else 1.5) for each in adjusted)


def test_responders_from_a_rate_are_the_only_whole_number_that_gives_it() -> None:
    checked = 0
    for row in MODEL.grids["Responses"]:
        rates = re.match(r"([\d.]+) and ([\d.]+) %", row["remark"])
        if row["counts"] != "from the rate" or not rates:
            continue
        for arm, rate in zip(("test", "reference"), rates.groups(), strict=True):
            responders, patients = int(row[f"{arm} responders"]), int(row[f"{arm} patients"])
            fitting = [x for x in range(patients + 1) if f"{100 * x / patients:.1f}" == rate]
            assert fitting == [responders], row["reading"]
            checked += 1
    assert checked >= 10


def test_the_trials_agree_with_those_of_the_edition_on_biosimilars() -> None:
    """`product/equivalence.md` has the same trials for reading; a number may stand in both only if it is the same."""
    document = read_markdown(knowledge_folder() / "product" / "equivalence.md")
    grid = next(grid for section, grid in document.grids() if section.title == "The trials")
    names = {"MYL-1401O": "ogivri", "SB3": "ontruzant", "PF-05280014": "trazimera", "TX05": "tx05", "EG12014": "herwenda",
             "ABP 980, local reading": "kanjinti-local", "ABP 980, central reading": "kanjinti-central"}  # fmt: skip
    compared = 0
    for _, row in grid.records():
        key = names.get(row["code"], "")
        if row["endpoint"].startswith("trough"):
            key = "trazimera-trough"
        if (found := RESPONSES.get((key, {"RR": "ratio", "RD": "difference"}[row["scale"]]))) is None:
            continue
        for text, bound in zip(row["interval"].split(" to "), found.printed[1:], strict=True):
            assert f"{bound:.{len(text.partition('.')[2])}f}" == text
        if row["margin"] != "-" and found.margin != Margin(None, None):
            lower, upper = (None if part == "-" else float(part) for part in row["margin"].split(" to "))
            assert found.margin == Margin(lower, upper)
        assert row["level %"] in ("-", f"{100 * found.level:.0f}")
        compared += 1
    assert compared >= 10


def test_every_printed_ratio_of_means_lies_in_the_middle_of_its_interval() -> None:
    """On the logarithmic scale an interval is symmetric: a slip of the pen in a bound shows."""
    known = [each for each in CONCENTRATIONS.values() if None not in each.printed]
    assert len(known) >= 9
    for each in known:
        estimate, lower, upper = each.printed
        assert math.sqrt(lower * upper) == pytest.approx(estimate, rel=0.006), each.key


def test_the_phase_one_trials_are_equivalent_and_the_trough_under_the_skin_is_not_inferior() -> None:
    words = {each.printed_verdict.word for each in CONCENTRATIONS.values() if each.printed[1] and each.margin.upper}
    assert words == {"equivalent"}
    assert CONCENTRATIONS["hannah-trough"].printed_verdict.word == "not inferior"
    assert CONCENTRATIONS["sb3"].printed_verdict.word is None


def test_the_assumed_variations_are_those_behind_the_printed_intervals() -> None:
    assert MODEL["pk_variation"] == pytest.approx(CONCENTRATIONS["ct-p6-auc"].variation, abs=0.005)
    assert MODEL["trough_variation"] == pytest.approx(CONCENTRATIONS["hannah-trough"].variation, abs=0.005)
    assert MODEL["response_reference"] == pytest.approx(137 / 338, abs=0.0005)


def test_the_variation_behind_an_interval_is_that_of_the_values() -> None:
    values = np.exp(np.random.default_rng(3).normal(0, 0.3, (2, 40)))
    found = parallel_ratio(values[0], values[1], 0.9)
    pooled = np.log(values).var(axis=1, ddof=1).mean()
    assert variation_behind(found.lower, found.upper, 0.9, 40, 40) == pytest.approx(math.sqrt(math.exp(pooled) - 1))


# -- intervals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "method", "counts", "bounds"),
    [
        # Newcombe, Stat Med 1998;17:873-890, table II, contrast (a): methods 1, 6 and 10.
        ("difference", "wald", (56, 70, 48, 80), (5.75, 34.25)),
        ("difference", "miettinen-nurminen", (56, 70, 48, 80), (5.28, 33.82)),
        ("difference", "newcombe", (56, 70, 48, 80), (5.24, 33.39)),
        # Koopman, Biometrics 1984;40:513-517, example.
        ("ratio", "koopman", (36, 40, 16, 80), (2.94, 7.15)),
    ],
)
def test_an_interval_is_the_one_of_its_paper(scale, method, counts, bounds) -> None:
    found = response_interval(scale, Responses(*counts[:2]), Responses(*counts[2:]), 0.95, method)
    assert (found.lower, found.upper) == pytest.approx(bounds, abs=0.006)


@pytest.mark.parametrize(
    ("scale", "method"), [(scale, method) for scale, methods in RESPONSE_METHODS.items() for method in methods]
)
def test_changing_the_arms_turns_the_interval_round(scale, method) -> None:
    one, other = Responses(37, 60), Responses(41, 90)
    there, back = response_interval(scale, one, other, 0.9, method), response_interval(scale, other, one, 0.9, method)
    turned = (1 / back.upper, 1 / back.lower) if scale == "ratio" else (-back.upper, -back.lower)
    assert (there.lower, there.upper) == pytest.approx(turned, abs=0.01)
    assert there.lower < there.estimate < there.upper


@pytest.mark.parametrize(
    ("scale", "method"), [(scale, method) for scale, methods in RESPONSE_METHODS.items() for method in methods]
)
def test_both_one_sided_tests_reject_exactly_where_the_interval_lies_between_the_margins(scale, method) -> None:
    one, other = Responses(115, 240), Responses(100, 236)
    for width in (1.15, 1.3, 1.5, 1.8):
        margin = Margin(1 / width, width) if scale == "ratio" else Margin(-10 * width, 10 * width)
        found = response_interval(scale, one, other, 0.9, method)
        lower, upper = response_p_values(scale, one, other, margin, method)
        assert (lower <= 0.05) == (found.lower >= margin.lower)
        assert (upper <= 0.05) == (found.upper <= margin.upper)


def test_a_p_value_against_a_margin_on_the_far_side_is_above_a_half() -> None:
    margin = Margin(-13, 13)
    lower, upper = response_p_values("difference", Responses(80, 100), Responses(50, 100), margin)
    assert lower < 0.001
    assert upper > 0.9


def test_the_p_values_of_a_ratio_of_means_are_those_of_students_test() -> None:
    one, other = np.exp(np.random.default_rng(1).normal(0, 0.25, (2, 30)))
    lower, upper = two_one_sided(lambda level: parallel_ratio(one, other, level), Margin(0.8, 1.25))
    assert lower == pytest.approx(
        stats.ttest_ind(np.log(one) - math.log(0.8), np.log(other), alternative="greater").pvalue
    )
    assert upper == pytest.approx(
        stats.ttest_ind(np.log(one) - math.log(1.25), np.log(other), alternative="less").pvalue
    )


def test_an_arm_where_nobody_responds_leaves_a_difference_but_no_ratio() -> None:
    assert response_interval("difference", Responses(5, 20), Responses(0, 20), 0.95).lower < 25
    with pytest.raises(AskedWrongly, match="nobody responded in the reference arm"):
        response_interval("ratio", Responses(5, 20), Responses(0, 20), 0.95)


def test_where_everybody_responds_the_score_interval_still_has_a_width() -> None:
    found = response_interval("difference", Responses(30, 30), Responses(30, 30), 0.95)
    assert found.lower < -5
    assert found.upper > 5


def test_a_crossover_compares_within_patients_and_takes_the_period_out() -> None:
    generator = np.random.default_rng(5)
    patients, first = np.exp(generator.normal(0, 1, 24)), np.arange(24) < 10
    noise = np.exp(generator.normal(0, 0.05, (2, 24)))
    test, reference = 1.1 * patients * noise[0], patients * noise[1]
    plain_ratio = crossover_ratio(test, reference, 0.9, first)
    # Whatever the second period does to everybody must not change the ratio of the treatments.
    doubled = crossover_ratio(np.where(first, test, 2 * test), np.where(first, 2 * reference, reference), 0.9, first)
    assert (doubled.lower, doubled.estimate, doubled.upper) == pytest.approx(
        (plain_ratio.lower, plain_ratio.estimate, plain_ratio.upper)
    )
    within = np.log(test / reference)
    assert plain_ratio.estimate == pytest.approx(math.exp((within[first].mean() + within[~first].mean()) / 2))
    between = parallel_ratio(test, reference, 0.9)
    assert between.upper / between.lower > 1.5 * plain_ratio.upper / plain_ratio.lower


# -- the verdict ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "margin", "word"),
    [
        ((0.80, 1.25), (0.80, 1.25), "equivalent"),
        ((0.7999, 1.25), (0.80, 1.25), "lower margin passed"),
        ((0.80, 1.2501), (0.80, 1.25), "upper margin passed"),
        ((0.7, 1.4), (0.80, 1.25), "both margins passed"),
        ((-8.02, 6.49), (-12.5, None), "not inferior"),
        ((-13.0, 6.49), (-12.5, None), "lower margin passed"),
        ((0.9, 1.1), (None, None), "not judged"),
        ((None, None), (0.80, 1.25), None),
    ],
)
def test_the_verdict_is_that_of_the_table(bounds, margin, word) -> None:
    assert verdict(*bounds, Margin(*margin)).word == word


def test_a_margin_with_its_bounds_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="write the lower bound first"):
        Margin(1.25, 0.8)


# -- a trial as a file ----------------------------------------------------------------------------


@pytest.fixture
def responses(tmp_path):
    """SB3's trial as a file: 208 of 402 and 167 of 398, with three patients more whose response is not known."""
    rows = ["arm,pcr"]
    for arm, responders, patients in (("SB3", 208, 402), ("reference", 167, 398)):
        rows += [f"{arm},{'yes' if number < responders else 'no'}" for number in range(patients)]
    path = tmp_path / "sb3.csv"
    path.write_text("\n".join([*rows, "SB3,", "SB3,not evaluable", "reference,unknown"]) + "\n")
    return path


def test_a_file_gives_what_the_counts_give(responses) -> None:
    data = read_trial(responses)
    assert data.responses == {"SB3": Responses(208, 402), "reference": Responses(167, 398)}
    found = compare_arms(data, ComparisonOptions("difference", Margin(-13, 13), 0.95, "wald"))[0]
    assert found.interval.upper == pytest.approx(16.66, abs=0.005)
    assert found.verdict.word == "upper margin passed"


def test_unknown_responses_are_named_and_read_both_ways(responses) -> None:
    data = read_trial(responses)
    assert [str(each) for each in data.unknown] == [
        "row 802 (SB3): pcr is blank",
        "row 803 (SB3): pcr is not known",
        "row 804 (reference): pcr is not known",
    ]
    known, counted = compare_arms(data, ComparisonOptions("difference", Margin(-13, 13)))
    assert (known.arms[0], counted.arms[0]) == ("208 of 402 (51.7 %)", "208 of 404 (51.5 %)")


def test_parquet_gives_the_same_as_csv(responses, tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = [line.split(",") for line in responses.read_text().splitlines()[1:]]
    table = pa.table(
        {
            "treatment": [arm for arm, _ in known],
            "response": pa.array([{"yes": True, "no": False}.get(cell) for _, cell in known]),
        }
    )
    pq.write_table(table, tmp_path / "sb3.parquet")
    assert read_trial(tmp_path / "sb3.parquet").responses == read_trial(responses).responses


def test_without_a_margin_nothing_is_judged(responses) -> None:
    found = compare_arms(read_trial(responses), ComparisonOptions())
    assert {each.verdict.word for each in found} == {"not judged"}
    assert {each.interval.scale for each in found} == {"ratio", "difference"}


def write_concentrations(path, header, rows) -> None:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def test_three_arms_are_each_compared_with_the_reference(tmp_path) -> None:
    generator = np.random.default_rng(2)
    rows = [
        (arm, f"{value:.2f}") for arm in ("SB3", "EU", "US") for value in 1500 * np.exp(generator.normal(0, 0.15, 36))
    ]
    write_concentrations(tmp_path / "pk.csv", "arm,auc_mg_d_per_l", [*rows, ("SB3", "< 0.5")])
    data = read_trial(tmp_path / "pk.csv", reference="eu")
    found = compare_arms(data, ComparisonOptions())
    assert [(each.test, each.verdict.word, each.interval.level) for each in found] == [
        ("SB3", "equivalent", 0.9), ("US", "equivalent", 0.9),
    ]  # fmt: skip
    assert [str(each) for each in data.unknown] == ["row 110 (SB3): auc_mg_d_per_l is below quantification (< 0.5)"]


def test_non_inferiority_of_a_trough_uses_the_lower_margin_alone(tmp_path) -> None:
    generator = np.random.default_rng(4)
    rows = [("sc", f"{value:.1f}") for value in 69 * np.exp(generator.normal(0, 0.3, 60))]
    rows += [("iv", f"{value:.1f}") for value in 51.8 * np.exp(generator.normal(0, 0.3, 60))]
    write_concentrations(tmp_path / "trough.csv", "arm,trough", rows)
    (both,) = compare_arms(read_trial(tmp_path / "trough.csv"), ComparisonOptions())
    (lower,) = compare_arms(read_trial(tmp_path / "trough.csv"), ComparisonOptions(one_sided=True))
    assert (both.verdict.word, lower.verdict.word) == ("upper margin passed", "not inferior")


def test_a_crossover_names_the_patients_that_cannot_be_paired(tmp_path) -> None:
    rows = [(f"P{n}", arm, 1 if (arm == "test") == (n % 2 == 0) else 2, 100 + n + 5 * (arm == "test"))
            for n in range(12) for arm in ("test", "reference")]  # fmt: skip
    write_concentrations(
        tmp_path / "x.csv", "patient,arm,period,cmax", [*rows, ("P90", "test", 1, 90), ("P91", "test", 1, "")]
    )
    data = read_trial(tmp_path / "x.csv", design="crossover")
    (found,) = compare_arms(data, ComparisonOptions())
    assert found.verdict.word == "equivalent"
    assert found.arms[0] == "12 patients"
    assert [str(each) for each in data.unknown] == [
        "row 26 (test): patient P90 has no known cmax of the other treatment",
        "row 27 (test): cmax is blank",
    ]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("arm,weight\nA,1\nB,2\n", {}, r"no column holds what to compare; expected response .* found 'arm', 'weight'"),
        ("who,pcr\nA,yes\nB,no\n", {}, r"no column holds the arm; expected arm, treatment or group, found 'who', 'pcr'"),
        ("arm,pcr,auc\nA,yes,1\nB,no,2\n", {}, r"responses and concentrations .*; say --endpoint or --column"),
        ("arm,auc,cmax\nA,1,1\nreference,2,1\n", {}, r"several columns could hold the concentration: 'auc', 'cmax'; say --column"),
        ("arm,pcr\nA,yes\nB,no\n", {}, r"say with --reference which arm is the reference; arm has 'A', 'B'"),
        ("arm,pcr\nA,yes\nB,no\n", {"reference": "C"}, r"no arm is called 'C'; arm has 'A', 'B'"),
        ("arm,pcr\nA,yes\nA,no\n", {}, r"arm names 'A'; expected at least two arms"),
        ("arm,pcr\n", {}, r"there are no rows below the header"),
        ("arm,pcr\nA,yes\nreference,\n", {}, r"no pcr is known in the arm 'reference'"),
        ("arm,auc\nA,1\nreference,2\n", {"design": "crossover"}, r"no column holds the patient"),
        ("arm,pcr\nA,yes\nreference,no\n", {"design": "crossover"}, r"a crossover compares concentrations"),
        ("patient,arm,auc\n1,A,1\n1,A,2\n1,reference,2\n", {"design": "crossover"}, r"row 3, patient: '1' has 'A' twice"),
        ("patient,period,arm,auc\n1,3,A,1\n1,1,reference,2\n", {"design": "crossover"}, r"row 2, period: '3' is no period"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_row_field_and_what_was_expected(content, options, message, tmp_path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(AskedWrongly, match=message) as wrong:
        read_trial(path, **options)
    assert str(wrong.value).startswith(str(path))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (ComparisonOptions(margin=Margin(-13, 13)), "say with --scale"),
        (ComparisonOptions("difference", Margin(-0.13, 0.13)), "percent points"),
        (ComparisonOptions("ratio", Margin(-13, 13)), "must lie above 0"),
        (ComparisonOptions("ratio", level=90), "write 0.90 for 90 %"),
        (ComparisonOptions("ratio", method="wald"), "no interval of the ratio is called 'wald'"),
        (ComparisonOptions("difference", Margin(None, 13), one_sided=True), "needs a lower margin"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(asked, message, responses) -> None:
    with pytest.raises(AskedWrongly, match=message):
        compare_arms(read_trial(responses), asked)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("arm,auc\nA,10\nA,11\nreference,10\nreference,9\nreference,-3\n", "row 6 (reference): auc '-3' is no concentration; expected a number above 0"),
        ("arm,auc\nA,10\nA,11\nreference,10\nreference,9\nreference,\"12,5\"\n", "row 6 (reference): auc '12,5' is no concentration"),
        ("arm,auc\nA,10\nA,11\nreference,10\nreference,9\nA,inf\n", "row 6 (A): auc 'inf' is no concentration"),
        ("arm,pcr\nA,yes\nA,no\nreference,yes\nreference,no\nreference,maybe\n", "row 6 (reference): pcr 'maybe' is no response; expected yes or no"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_told_and_loses_nothing_else(content, told, tmp_path) -> None:
    path = tmp_path / "slip.csv"
    path.write_text(content)
    result = CliRunner().invoke(equivalence, [str(path)])
    assert result.exit_code == 3
    assert told in result.stderr
    assert "A" in result.stdout
    assert len(read_trial(path).unknown) == 1


def test_too_few_values_are_refused(tmp_path) -> None:
    write_concentrations(tmp_path / "few.csv", "arm,auc", [("A", 1), ("reference", 2), ("reference", 3)])
    with pytest.raises(AskedWrongly, match="fewer than two known values"):
        compare_arms(read_trial(tmp_path / "few.csv"), ComparisonOptions())


# -- power ----------------------------------------------------------------------------------------


def analytic_power(ratio, variation, patients, margin, level) -> float:
    """The power for a ratio of means: the normal difference of the means, over the distribution of the pooled spread."""
    spread, freedom = math.sqrt(math.log(1 + variation**2)), 2 * patients - 2
    error, quantile = spread * math.sqrt(2 / patients), stats.t.ppf((1 + level) / 2, 2 * patients - 2)

    def given(pooled: float) -> float:
        half = quantile * error * math.sqrt(pooled / freedom)
        low, high = math.log(margin[0]) + half, math.log(margin[1]) - half
        if high <= low:
            return 0.0
        inside = stats.norm.cdf((high - math.log(ratio)) / error) - stats.norm.cdf((low - math.log(ratio)) / error)
        return inside * stats.chi2.pdf(pooled, freedom)

    return integrate.quad(given, 0, freedom + 12 * math.sqrt(2 * freedom), limit=200)[0]


@pytest.mark.parametrize(
    ("ratio", "variation", "patients"), [(0.95, 0.20, 18), (1.0, 0.30, 30), (1.05, 0.40, 60), (0.9, 0.16, 35)]
)
def test_the_simulated_power_of_a_pharmacokinetic_trial_is_the_analytic_one(ratio, variation, patients) -> None:
    found = power(Concentrations(ratio, variation), patients, Margin(0.8, 1.25), 0.9, 20_000, 7)
    expected = analytic_power(ratio, variation, patients, (0.8, 1.25), 0.9)
    assert found.power == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 20_000))


@pytest.mark.parametrize(("scale", "margin"), [("difference", Margin(-13, 13)), ("ratio", Margin(0.759, 1.318))])
def test_the_simulated_power_of_a_trial_of_responses_is_the_enumerated_one(scale, margin) -> None:
    patients, test, reference = 60, 0.5, 0.45
    shares = {"difference": Margin(-20, 20), "ratio": Margin(0.6, 1.6)}
    weights = [stats.binom.pmf(np.arange(patients + 1), patients, share) for share in (test, reference)]
    exact = sum(
        weights[0][x] * weights[1][y]
        for x in range(10, 51) for y in range(10, 51)
        if verdict_of(scale, x, y, patients, shares[scale]) == "equivalent"
    )  # fmt: skip
    found = power(ResponseShares(test, reference, scale), patients, shares[scale], 0.9, 20_000, 7)
    assert found.power == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4)


def verdict_of(scale, x, y, patients, margin):
    found = response_interval(scale, Responses(x, patients), Responses(y, patients), 0.9)
    return verdict(found.lower, found.upper, margin).word


def test_on_the_margin_a_trial_errs_in_five_percent() -> None:
    found = power(Concentrations(1.25, 0.2), 40, Margin(0.8, 1.25), 0.9, 20_000, 3)
    assert found.lower < 0.05 < found.upper
    inferior = power(Concentrations(0.8, 0.5), 60, Margin(0.8, None), 0.9, 20_000, 3)
    assert inferior.lower < 0.05 < inferior.upper
    assert set(inferior.shown) == {"not inferior", "lower margin passed"}


def test_a_seed_gives_the_same_trials_and_more_trials_only_add_to_them() -> None:
    truth, margin = Concentrations(1.0, 0.3), Margin(0.8, 1.25)
    few, again = (power(truth, 25, margin, 0.9, 1500, 9) for _ in range(2))
    assert few == again
    more, other = power(truth, 25, margin, 0.9, 5000, 9), power(truth, 25, margin, 0.9, 1500, 10)
    assert all(few.shown[word] <= count for word, count in more.shown.items())
    assert few != other


def test_the_size_found_reaches_the_power_and_one_patient_fewer_does_not() -> None:
    truth, margin = Concentrations(0.95, 0.25), Margin(0.8, 1.25)
    found = sample_size(truth, 0.8, margin, 0.9, 5000, 1)
    assert found.power >= 0.8 > power(truth, found.patients - 1, margin, 0.9, 5000, 1).power
    assert analytic_power(0.95, 0.25, found.patients, (0.8, 1.25), 0.9) == pytest.approx(0.8, abs=0.03)


def test_the_published_plan_of_pf_05280014_has_the_power_it_claims() -> None:
    """31 men in each arm, more than 81 % for all comparisons (abstract of its design): each must have more than that."""
    found = power(Concentrations(1.0, MODEL["pk_variation"]), 31, Margin(0.8, 1.25), 0.9, 5000, 1)
    assert found.lower > 0.81


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: sample_size(Concentrations(1.3, 0.2), 0.8, Margin(0.8, 1.25), 0.9, 1000, 1), "not inside the margin"),
        (lambda: sample_size(Concentrations(1.0, 0.2), 80, Margin(0.8, 1.25), 0.9, 1000, 1), "write 0.8 for 80 %"),
        (lambda: power(Concentrations(1.0, 0.2), 1, Margin(0.8, 1.25), 0.9, 1000, 1), "expected 2 to"),
        (lambda: power(Concentrations(1.0, 0.2), 9, Margin(0.8, 1.25), 0.9, 10, 1), "expected 100 to"),
        (lambda: power(Concentrations(1.0, 0.2), 9, Margin(None, None), 0.9, 1000, 1), "needs a margin"),
        (lambda: Concentrations(1.0, 16), "write 0.16 for 16 %"),
        (lambda: ResponseShares(1.2, 0.4, "difference"), "not between 0 and 100 %"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(ask, message) -> None:
    with pytest.raises(AskedWrongly, match=message):
        ask()


# -- the commands ---------------------------------------------------------------------------------


def test_the_command_prints_the_published_trials_and_what_is_derived() -> None:
    result = run("equivalence")
    assert result.exit_code == 0
    assert re.search(
        r"SB3 \(ontruzant\) +bpCR +difference +95 % +-13 to 13 +10\.7 \(4\.13 to 17\.26\) +9\.78 .* upper margin passed",
        result.output,
    )
    assert "Every verdict is the same from the printed and the computed interval." in result.output
    assert "Responders that follow from a printed rate: MYL-1401O" in result.output


def test_the_published_trials_as_json_carry_sources_and_levels() -> None:
    found = json.loads(run("equivalence", "--format", "json").output)
    assert len(found) == len(RESPONSES) + len(CONCENTRATIONS)
    assert all(each["sources"] for each in found)
    sb3 = next(each for each in found if each["trial"] == "ontruzant" and each["scale"] == "difference")
    assert (sb3["verdict"], sb3["row"]) == ("upper margin passed", "biosimilar_evidence:4")


def test_the_command_reads_a_file_and_says_what_was_not_used(responses) -> None:
    result = run("equivalence", responses, "--scale", "difference", "--margin", "-13", "13", "--level", "0.95")
    assert result.exit_code == 0, result.output
    assert "upper margin passed" in result.output
    assert "Not used: 3 values that are not known" in result.output
    one_sided = run("equivalence", responses, "--scale", "difference", "--margin", "-12.5", "-", "--format", "json")
    assert json.loads(one_sided.output)["comparisons"][0]["verdict"] == "not inferior"
    assert len(json.loads(one_sided.output)["unknown"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("equivalence", "--margin", "0.8", "1.25"), "--margin is for the trial of a FILE"),
        (("equivalence", "--chart", "x.pdf"), "a chart ends in .png or .svg, not .pdf"),
        (("equivalence", "nowhere.csv"), "there is no such file"),
        (("trial", "--per-arm", "10", "--power", "0.8"), "not both"),
        (("trial", "--difference", "3"), "belong to --endpoint response"),
        (("trial", "--endpoint", "response", "--cv", "0.2"), "--cv belongs to concentrations"),
        (("trial", "--endpoint", "response", "--ratio", "1", "--difference", "1"), "not both"),
        (("trial", "--margin", "a", "b"), "the margin 'a' is no number"),
        (("trial", "--margin", "-", "-"), "at least one bound"),
        (("trial", "--level", "90"), "write 0.90 for 90 %"),
    ],
)
def test_the_commands_refuse_with_a_message_and_code_two(arguments, message) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert result.output.startswith("her2path: ")


def test_a_simulated_trial_says_its_power_and_what_it_assumed() -> None:
    result = run("trial", "--endpoint", "pk", "--ratio", "0.95", "--cv", "0.2", "--per-arm", "18", "--trials", "2000")
    assert result.exit_code == 0, result.output
    assert re.search(r"Power: \d\d\.\d % \(95 % interval of the simulation \d\d\.\d to \d\d\.\d %\)", result.output)
    assert "Given: true ratio 0.95; variation between patients 0.2" in result.output
    assert "Assumed: margin 0.8 to 1.25; level of the interval 0.9" in result.output


@pytest.mark.parametrize("endpoint", ["pk", "response", "trough"])
def test_a_trial_with_nothing_said_searches_its_size(endpoint) -> None:
    found = json.loads(run("trial", "--endpoint", endpoint, "--trials", "1000", "--format", "json").output)
    assert found["searched"]
    assert found["power"] >= 0.8
    assert found["assumed"]["power wanted"] == 0.8
    assert found == json.loads(run("trial", "--endpoint", endpoint, "--trials", "1000", "--format", "json").output)


def test_the_trough_under_the_skin_has_no_upper_margin() -> None:
    found = json.loads(run("trial", "--endpoint", "trough", "--per-arm", "30", "--trials", "500", "--format", "json").output)
    assert found["margin"] == {"lower": 0.8, "upper": None}


@pytest.mark.parametrize(
    ("missing", "arguments"), [("scipy", ("equivalence",)), ("matplotlib", ("equivalence", "--chart", "x.svg"))]
)
def test_without_the_extra_the_command_says_how_to_install_it(missing, arguments, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    result = run(*arguments)
    assert result.exit_code == 2
    assert "pip install 'her2path[simulate]'" in result.output


# -- the forest plot ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_chart_has_the_same_bytes(ending, tmp_path, responses) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    for path in paths:
        assert run("equivalence", responses, "--chart", path).exit_code == 0
    one, two = (path.read_bytes() for path in paths)
    assert one == two
    assert one.startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    assert b"Date" not in one


def test_the_forest_plot_shows_every_trial_with_its_verdict() -> None:
    pytest.importorskip("matplotlib")
    from her2path.simulate.equivalence.words import published_panels
    from her2path.write.charts.forest import forest

    panels = published_panels(response_comparisons(), concentration_comparisons())
    drawn = forest(panels)
    words = [text.get_text() for axes in drawn.axes for text in axes.texts]
    labels = [label.get_text() for axes in drawn.axes for label in axes.get_yticklabels()]
    known = [each for each in (*RESPONSES.values(), *CONCENTRATIONS.values()) if each.printed[1] is not None]
    assert sum(len(panel.rows) for panel in panels) == len(known) == len(labels)
    assert words.count("upper margin passed") == 3
    assert "SB3, bpCR" in labels


def test_a_chart_leaves_the_style_of_the_user_alone(tmp_path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    from her2path.write.charts.style import figure, save

    before = dict(matplotlib.rcParams)
    drawn, axes = figure()
    axes.plot([1, 2])
    save(drawn, tmp_path / "x.svg")
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(AskedWrongly, match="cannot be written"):
        save(drawn, tmp_path / "nowhere" / "x.svg")
