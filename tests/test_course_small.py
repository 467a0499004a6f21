"""The small parts of a course: calendar months, clocks, arithmetic, scores, vials, settings, what is kept, the agenda."""

from __future__ import annotations

import calendar
import datetime as dt
import os
import pickle
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_makers import ZERO, date
from her2path.facts.arithmetic import can_be_pregnant, derive, difference, either_positive, is_below
from her2path.facts.cache import MOST_KEPT
from her2path.facts.days import months_after, months_between, years_between
from her2path.facts.folder import knowledge_folder
from her2path.facts.markdown import read_markdown
from her2path.facts.problem import AskedWrongly, Problem
from her2path.facts.value import Interval, OneOf, Reason, Unknown, Value
from her2path.findings import questions as agenda
from her2path.findings.plan.vials import rounded, vials_for, volume_ml
from her2path.history import clocks
from her2path.history.drug_codes import default_codes
from her2path.history.names import UNKNOWN
from her2path.tables.library import Knowledge
from her2path.tables.load import kept_knowledge, read_facts_and_sources
from her2path.tables.score import Score, parse_scores
from her2path.tables.site import ASSUMED_LOWER_LIMIT, LIMITS, Site, read_site

DATES = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))


def column(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


# -- calendar months ----------------------------------------------------------------------------


def by_calendar(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2023-08-31", 6, "2024-02-29"), ("2024-08-31", 6, "2025-02-28"), ("2024-08-31", 7, "2025-03-31"),
        ("2024-07-31", 7, "2025-02-28"), ("2024-02-29", 12, "2025-02-28"), ("2024-01-30", 1, "2024-02-29"),
        ("2024-12-31", 2, "2025-02-28"), ("2024-05-15", 0, "2024-05-15"), ("2024-03-31", -1, "2024-02-29"),
    ],
)  # fmt: skip
def test_months_end_with_the_month(day: str, months: int, expected: str) -> None:
    made = months_after(column(dt.date.fromisoformat(day).toordinal()), months)
    assert dt.date.fromordinal(int(made[0])).isoformat() == expected


@given(DATES, st.integers(-240, 240))
def test_months_after_is_the_calendar(day: dt.date, months: int) -> None:
    assert months_after(column(day.toordinal()), months).tolist() == [by_calendar(day, months).toordinal()]


@given(DATES, DATES)
def test_months_between_are_the_most_that_fit(one: dt.date, other: dt.date) -> None:
    months = int(months_between(column(one.toordinal()), other.toordinal())[0])
    assert by_calendar(one, months) <= other < by_calendar(one, months + 1)
    assert years_between(column(one.toordinal()), other.toordinal()).tolist() == [months // 12]


def test_months_of_a_whole_column() -> None:
    days = column(*(dt.date(2024, 1, n).toordinal() for n in (29, 30, 31)))
    assert months_after(days, 1).tolist() == [dt.date(2024, 2, 29).toordinal()] * 3
    assert months_after(days, column(0, 1, 2)).tolist() == [
        by_calendar(dt.date(2024, 1, 29 + n), n).toordinal() for n in range(3)
    ]


# -- clocks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("3 months", (0, 3)), ("4 weeks", (28, 0)), ("12 weeks", (84, 0)), ("6 to 8 weeks", (56, 0)), ("5 days", (5, 0)),
        ("1 week", (7, 0)), ("1 year", (0, 12)), ("none", None), ("not stated", None), ("before the start", None), ("7", None),
    ],
)  # fmt: skip
def test_spans(words: str, expected: tuple[int, int] | None) -> None:
    assert clocks.span(words) == expected


def test_every_interval_of_the_knowledge_is_a_span_or_none(knowledge: Knowledge) -> None:
    none = {"before the start", "none", "not stated", "not called for", "cardiologist decides"}
    for name in ("echo_interval", "echo_interval_esc", "echo_recheck"):
        assert {value for value in knowledge.facts[name].values if clocks.span(value) is None} <= none
    for value in knowledge.facts["contraception_months"].values:
        assert value.isdigit() or clocks.span(value) or value == "none stated"


def test_after() -> None:
    values = ("3 months", "4 weeks", "none")
    made = clocks.after(column(ZERO, ZERO, ZERO, UNKNOWN, ZERO), column(0, 1, 2, 0, UNKNOWN), values)
    assert made.tolist() == [date(91).toordinal(), ZERO + 28, UNKNOWN, UNKNOWN, UNKNOWN]


def test_the_washout_counts_calendar_months_and_its_last_day_is_over() -> None:
    values = ("7", "1 week", "none stated")
    last, months = column(dt.date(2024, 7, 31).toordinal()), column(0)
    end = dt.date(2025, 2, 28).toordinal()
    for on, expected in ((end - 1, 0), (end, 1)):
        made = clocks.washout_clock(last, months, values, on)
        assert (made["contraception_until_day"].tolist(), made["within_washout"].tolist()) == ([end], [expected])
    week = clocks.washout_clock(column(ZERO, ZERO), column(1, 2), values, ZERO)
    assert week["contraception_until_day"].tolist() == [ZERO + 7, UNKNOWN]
    assert week["within_washout"].tolist() == [0, UNKNOWN]


def test_the_clock_of_a_hold() -> None:
    state = {
        "on_hold": column(1, 0), "hold_day": column(ZERO, ZERO), "may_resume": column(0, 0), "stopped_day": column(UNKNOWN, 5),
        "doses_in_hold": column(2, 0), "doses_after_stop": column(0, 1), "past_doses_in_hold": column(0, 0),
    }  # fmt: skip
    made = clocks.hold_clock(state, ZERO + 30, default_codes().numbers)
    assert made["earliest_resume_day"].tolist() == [ZERO + 28, UNKNOWN]
    assert made["latest_recovery_day"].tolist() == [ZERO + 56, UNKNOWN]
    assert made["days_since_hold"].tolist() == [30_000, UNKNOWN]
    assert (made["hold_open"].tolist(), made["stopped_for_good"].tolist()) == ([0, 1], [1, 0])
    assert made["doses_in_hold"].tolist() == [2000, 0]


def test_the_clock_of_the_next_dose() -> None:
    state = {"product_last_day": column(ZERO, ZERO, UNKNOWN), "schedule_days": column(21, UNKNOWN, 21)}
    made = clocks.dose_clock(state, ZERO + 25)
    assert made["next_dose_day"].tolist() == [ZERO + 21, UNKNOWN, UNKNOWN]
    assert made["dose_days_late"].tolist() == [4000, UNKNOWN, UNKNOWN]


def test_the_year_ends_after_52_weeks_in_early_disease_only() -> None:
    settings, products = (0, 1, 2, UNKNOWN, 1), (0, 0, 0, 0, 4)
    state = {
        "setting": column(*settings), "product": column(*products), "trastuzumab_first_day": column(*[ZERO] * 5),
    }  # fmt: skip
    ends = [ZERO + 364, ZERO + 364, UNKNOWN, UNKNOWN, UNKNOWN]
    assert clocks.year_clock(state, default_codes())["year_end_day"].tolist() == ends, (
        "T-DM1 has its own number of cycles"
    )


# -- arithmetic ---------------------------------------------------------------------------------

D = Decimal


def closed(low: int, high: int) -> Interval:
    return Interval(D(low), D(high), True, True)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (D(65), D(49), D(16)), (D("70.1"), D("54.6"), D("15.5")), (65.1, 49.0, D("16.1")), (None, D(49), None), ("yes", D(1), None),
        (D(65), closed(50, 55), closed(10, 15)), (closed(60, 65), closed(50, 55), closed(5, 15)),
        (D(65), Interval(None, D(50), False, False), Interval(D(15), None, False, False)),
        (D(65), Interval(D(50), None, True, False), Interval(None, D(15), False, True)),
    ],
)  # fmt: skip
def test_differences(left: Value | None, right: Value | None, expected: Value | None) -> None:
    assert difference(left, right) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (D(49), D(50), "yes"), (D(50), D(50), "no"), (D("49.999"), 50.0, "yes"), (closed(45, 49), D(50), "yes"),
        (closed(45, 50), D(50), None), (closed(50, 55), D(50), "no"), (Interval(None, D(50), False, False), D(50), "yes"),
        (Interval(None, D(50), False, True), D(50), None), (Interval(D(50), None, False, False), D(50), "no"), (None, D(50), None),
    ],
)  # fmt: skip
def test_whether_it_is_below(left: Value | None, right: Value | None, expected: str | None) -> None:
    assert is_below(left, right) == expected


INTERVALS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()).map(
    lambda t: Interval(D(min(t[:2])), D(max(t[:2])), t[2] or t[0] == t[1], t[3] or t[0] == t[1])
)


@given(INTERVALS, INTERVALS)
@example(Interval(D(1), D(2), False, False), Interval(D(0), D(2), False, False))
def test_arithmetic_holds_for_every_number_inside(one: Interval, other: Interval) -> None:
    quarters = [D(n) / 4 for n in range(40)]  # halves are too coarse for (1, 2) below (0, 2): 1.5 is alone in it
    left, right = ([n for n in quarters if n in each] for each in (one, other))
    fall, below = difference(one, other), is_below(one, other)
    for a, b in product(left, right):
        assert a - b in fall if isinstance(fall, Interval) else a - b == fall
        assert below in (None, "yes" if a < b else "no")
    if left and right and below is None:
        assert {a < b for a, b in product(left, right)} == {True, False}


def test_receptors_and_reproductive_potential() -> None:
    assert either_positive("negative", "positive") == either_positive(None, "positive") == "positive"
    assert either_positive("negative", "negative") == "negative"
    assert either_positive("negative", None) is None
    assert can_be_pregnant("male", None) == can_be_pregnant(None, "postmenopausal") == "no"
    assert can_be_pregnant("female", "premenopausal") == "yes"
    assert can_be_pregnant("female", None) is None


def test_a_given_result_that_arithmetic_contradicts_is_unknown(knowledge: Knowledge) -> None:
    values: dict[str, Value] = {"lvef_baseline": D(65), "lvef": D(49), "lvef_fall": D(3)}
    unknown: dict[str, Unknown] = {}
    derive(values, unknown, knowledge.facts)
    assert "lvef_fall" not in values
    assert unknown["lvef_fall"].reason is Reason.CONTRADICTORY
    partly: dict[str, Value] = {"lvef_baseline": D(65), "lvef": closed(48, 50), "lvef_fall": D(16)}
    derive(partly, unknown, knowledge.facts)
    assert partly["lvef_fall"] == D(16)


# -- scores -------------------------------------------------------------------------------------

SCORE = """
# Points

| points for `hfa_points` | fact            | value    | source       | verified |
|-------------------------|-----------------|----------|--------------|----------|
| 2                       | `age_years`     | [65..80) | @decisions D37 | decided  |
| 4                       | `age_years`     | >= 80    | @decisions D37 | decided  |
| 1                       | `heart_failure` | yes      | @decisions D37 | decided  |
"""


def scores_in(text: str, folder: Path) -> list[Score | Problem]:
    path = folder / "points.md"
    path.write_text(text, encoding="utf-8")
    facts, sources = read_facts_and_sources(knowledge_folder())
    return [each for section in read_markdown(path).sections for each in parse_scores(section, path, facts, sources)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"age_years": D(70), "heart_failure": "yes"}, D(3)), ({"age_years": D(80), "heart_failure": "no"}, D(4)),
        ({"age_years": 64.9, "heart_failure": "no"}, D(0)), ({}, closed(0, 5)), ({"age_years": D(70)}, closed(2, 3)),
        ({"heart_failure": "yes"}, closed(1, 5)), ({"age_years": closed(66, 70), "heart_failure": "no"}, D(2)),
        ({"age_years": closed(60, 70), "heart_failure": "no"}, closed(0, 2)),
        ({"age_years": D(5), "heart_failure": OneOf(frozenset({"yes", "no"}))}, closed(0, 1)),
    ],
)  # fmt: skip
def test_a_score(values: dict[str, Value], expected: Value, tmp_path: Path) -> None:
    (score,) = scores_in(SCORE, tmp_path)
    assert isinstance(score, Score)
    assert score.inputs == ("age_years", "heart_failure")
    assert score.total(values) == expected


@given(st.integers(0, 120), st.integers(0, 120), st.sampled_from(["yes", "no", None]))
def test_a_score_holds_for_every_age_inside(one: int, other: int, failure: str | None) -> None:
    (score,) = SCORES
    low, high = sorted((one, other))
    known: dict[str, Value] = {} if failure is None else {"heart_failure": failure}
    total = score.total({**known, "age_years": closed(low, high)})
    for age in {low, high, (low + high) // 2}:
        for each in [failure] if failure else ["yes", "no"]:
            exact = score.total({"age_years": D(age), "heart_failure": each})
            assert isinstance(exact, Decimal)
            assert exact in total if isinstance(total, Interval) else exact == total


@pytest.fixture(scope="module", autouse=True)
def _scores(tmp_path_factory: pytest.TempPathFactory) -> None:
    SCORES.extend(each for each in scores_in(SCORE, tmp_path_factory.mktemp("scores")) if isinstance(each, Score))


SCORES: list[Score] = []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("`hfa_points`", "`sex`", "'sex', which is no number"), ("| 2  ", "| -2 ", "'-2' are no points"),
        ("| 2  ", "| ²  ", "'²' are no points"), ("| 2  ", "| 0  ", "'0' are no points"),
        ("`heart_failure`", "`heart_falure`", "no fact is called 'heart_falure'"),
        ("| @decisions D37 | decided  |\n| 4", "| | decided  |\n| 4", "age_years has no source or level"),
        ("| @decisions D37 | decided  |\n| 4", "| @nobody 1 | decided |\n| 4", "@nobody is not in sources.md"),
        ("[65..80)", "maybe", "maybe"),
    ],
)  # fmt: skip
def test_faulty_scores(before: str, after: str, said: str, tmp_path: Path) -> None:
    assert before in SCORE
    problems = [each for each in scores_in(SCORE.replace(before, after, 1), tmp_path) if isinstance(each, Problem)]
    assert len(problems) == 1
    assert said in problems[0].what


# -- vials --------------------------------------------------------------------------------------


def best_by_force(need: Decimal, sizes: list[Decimal]) -> tuple[Decimal, int]:
    """The least waste, then the fewest vials, of every choice of vials."""
    each = [range(int(need // size) + 2) for size in sizes]
    choices = (
        (sum((n * s for n, s in zip(counts, sizes, strict=True)), D(0)), sum(counts)) for counts in product(*each)
    )
    return min((total - need, count) for total, count in choices if total >= need)


@settings(max_examples=60)
@given(
    st.integers(1, 12000).map(lambda n: D(n) / 10),
    st.lists(
        st.sampled_from([D(150), D(420), D(440), D(60), D("62.5"), D(100), D(160)]), min_size=1, max_size=3, unique=True
    ),
)
def test_vials_waste_least(need: Decimal, sizes: list[Decimal]) -> None:
    made = vials_for(need, sizes)
    assert made is not None
    opened = sum((size * count for size, count in made.counts), D(0))
    assert opened - need == made.waste_mg >= 0
    assert {size for size, _ in made.counts} <= set(sizes)
    assert (made.waste_mg, sum(count for _, count in made.counts)) == best_by_force(need, sizes)


def test_vials_in_words() -> None:
    made = vials_for(D(560), [D(150), D(420)])
    assert made is not None
    assert (str(made), made.waste_mg) == ("1 x 420 mg + 1 x 150 mg", D(10))
    exact = vials_for(D("450.04"), [D(150)])
    assert exact is not None
    assert exact.waste_mg == D("149.96")


@pytest.mark.parametrize(("dose", "sizes"), [(0, [150]), (-1, [150]), (20_001, [150]), (100, []), (100, ["0.05"])])
def test_no_vials(dose: int, sizes: list[Any]) -> None:
    assert vials_for(D(dose), [D(size) for size in sizes]) is None


def test_volumes_and_rounding() -> None:
    assert volume_ml(D(420), 21) == D("20.0")
    assert volume_ml(D(560), 21) == D("26.7")
    assert rounded(D("417.5"), D(10)) == D(420)
    assert rounded(D("414.9"), D(10)) == D(410)
    assert rounded(D("417.46"), D("0.1")) == D("417.5")


# -- settings of a site -------------------------------------------------------------------------


def site_of(text: str | bytes, folder: Path, knowledge: Knowledge) -> Site:
    path = folder / "site.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_site(path, knowledge)


FULL = """
[site]
name = "St. Elsewhere"
jurisdiction = "eu"
[heart]
lvef_lower_limit = 53.5
echo_tolerance_days = 7
[dosing]
infusion_volume_ml = 500
round_dose_mg = 0.5
weight_max_age_days = 60
[treatment]
t_dxd_available = false
[vials]
trastuzumab-iv = [150, 420]
t-dm1 = 100
[formulary]
trastuzumab-iv = "kanjinti"
[prices]
currency = "EUR"
kanjinti = 3.2
[editions]
cardiac_action = "heart-trastuzumab-us"
"""


def test_a_whole_site(tmp_path: Path, knowledge: Knowledge) -> None:
    assert site_of(FULL, tmp_path, knowledge) == Site(
        "St. Elsewhere", "eu", D("53.5"), 7, 500, D("0.5"), {"trastuzumab-iv": (D(150), D(420)), "t-dm1": (D(100),)},
        {"trastuzumab-iv": "kanjinti"}, {"kanjinti": D("3.2")}, "EUR", {"cardiac_action": "heart-trastuzumab-us"}, False,
        weight_max_age_days=60,
    )  # fmt: skip


def test_what_a_silent_site_assumes(tmp_path: Path, knowledge: Knowledge) -> None:
    site = site_of("", tmp_path, knowledge)
    assert (site, site.limit) == (Site(), ASSUMED_LOWER_LIMIT)
    assert site.assumed == {"lvef_lower_limit": "50", "jurisdiction": "us"}
    assert site_of(FULL, tmp_path, knowledge).assumed == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "x stands outside a table; expected [dosing], [editions], [files], [formulary], [heart], [laboratory], [omop], [prices], [site], [tests], [treatment], [vials] or [[map]]"),
        ("[heart]\nlvef_limit = 50", "[heart] lvef_limit is no setting; did you mean lvef_lower_limit? expected lvef_lower_limit, echo_tolerance_days, baseline_lvef_days"),
        ("[hart]\nlimit = 50",
         "[hart] limit is no setting; did you mean heart? expected one of the tables dosing, editions, files, formulary, heart, laboratory, omop, prices, site, tests, treatment, vials"),
        ("[heart]\nlvef_lower_limit = 39.9", "[heart] lvef_lower_limit = Decimal('39.9'); expected a number from 40 to 65"),
        ("[heart]\nlvef_lower_limit = '50'", "[heart] lvef_lower_limit = '50'; expected a number from 40 to 65"),
        ("[heart]\nlvef_lower_limit = true", "[heart] lvef_lower_limit = True; expected a number from 40 to 65"),
        ("[heart]\nlvef_lower_limit = inf", "[heart] lvef_lower_limit = Decimal('Infinity'); expected a number from 40 to 65"),
        ("[heart]\necho_tolerance_days = 7.5", "[heart] echo_tolerance_days = Decimal('7.5'); expected a whole number"),
        ("[heart]\necho_tolerance_days = -1", "[heart] echo_tolerance_days = -1; expected a number from 0 to 90"),
        ("[site]\njurisdiction = 'jp'", "[site] jurisdiction = 'jp'; expected us or eu"),
        ("[site]\nname = 3", "[site] name = 3; expected text"),
        ("[treatment]\nt_dxd_available = 'no'", "[treatment] t_dxd_available = 'no'; expected true or false"),
        ("[prices]\ncurrency = 3", "[prices] currency = 3; expected text"),
        ("[prices]\nkanjinti = -3", "[prices] kanjinti = -3; expected a price of one mg above 0"),
        ("[prices]\nnobody = 3", "[prices] nobody = 3; nobody is unknown here; all 23 are listed by her2path show brand"),
        ("[vials]\ntrastuzumab = [150]", "[vials] trastuzumab = [150]; trastuzumab is unknown here; did you mean trastuzumab-iv, trastuzumab-sc or pertuzumab? (all 11: her2path show product)"),
        ("[vials]\ntrastuzumab-iv = []", "[vials] trastuzumab-iv = []; expected sizes in mg above 0"),
        ("[vials]\ntrastuzumab-iv = [150, 0]", "[vials] trastuzumab-iv = [150, 0]; expected sizes in mg above 0"),
        ("[formulary]\nkanjinti = 'kanjinti'", "[formulary] kanjinti = 'kanjinti'; no product is called kanjinti; expected one of "),
        ("[formulary]\ntrastuzumab-iv = 'x'", "[formulary] trastuzumab-iv = 'x'; no brand is called so; all 23 are listed by her2path show brand"),
        ("[editions]\ncardiac_action = 3", "[editions] cardiac_action = 3; expected the key of an edition, or its file"),
        ("[site", "this is no TOML: "), (b"\xff", "line 1 is not UTF-8; save the file as UTF-8"),
    ],
)  # fmt: skip
def test_what_a_site_cannot_say(text: str | bytes, said: str, tmp_path: Path, knowledge: Knowledge) -> None:
    with pytest.raises(AskedWrongly) as told:
        site_of(text, tmp_path, knowledge)
    message = str(told.value)
    assert message.startswith(f"{tmp_path / 'site.toml'}: {said}")
    if not said.endswith((" one of ", ": ")):
        assert message == f"{tmp_path / 'site.toml'}: {said}"


def test_an_edition_that_does_not_exist(tmp_path: Path, knowledge: Knowledge) -> None:
    with pytest.raises(AskedWrongly, match="no edition is called 'mine'"):
        site_of("[editions]\ncardiac_action = 'mine'", tmp_path, knowledge)


def test_no_such_file(tmp_path: Path, knowledge: Knowledge) -> None:
    with pytest.raises(AskedWrongly, match="the file cannot be read"):
        read_site(tmp_path / "none.toml", knowledge)


def test_the_bounds_themselves_are_allowed(tmp_path: Path, knowledge: Knowledge) -> None:
    for low_or_high in (0, 1):
        site = site_of(f"[heart]\nlvef_lower_limit = {LIMITS['lvef_lower_limit'][low_or_high]}", tmp_path, knowledge)
        assert site.limit == LIMITS["lvef_lower_limit"][low_or_high]


# -- what is kept -------------------------------------------------------------------------------


class Reading:
    """A little knowledge, and how often it was read."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.times = folder, 0
        (folder / "facts.md").write_text("one", encoding="utf-8")

    def __call__(self) -> Knowledge:
        self.times += 1
        return Knowledge(self.folder, None, None, [])  # type: ignore[arg-type]

    def get(self) -> Knowledge:
        return kept_knowledge(self.folder, self)


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    monkeypatch.setattr("her2path.facts.cache.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("HER2PATH_CACHE", raising=False)
    (tmp_path / "knowledge").mkdir()
    return Reading(tmp_path / "knowledge")


def kept_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "her2path").glob("knowledge-*"))


def test_knowledge_is_read_once(reading: Reading, tmp_path: Path) -> None:
    assert [reading.get().folder, reading.get().folder] == [reading.folder] * 2
    assert (reading.times, len(kept_files(tmp_path))) == (1, 1)


def test_a_changed_file_is_read_anew(reading: Reading) -> None:
    reading.get()
    for change in ("two", "one more"):
        (reading.folder / "facts.md").write_text(change, encoding="utf-8")
        reading.get()
    (reading.folder / "more").mkdir()
    (reading.folder / "more" / "new.md").write_text("x", encoding="utf-8")
    reading.get()
    assert reading.times == 4
    (reading.folder / "more" / "new.md").unlink()
    (reading.folder / "facts.md").write_text("one", encoding="utf-8")
    reading.get()
    assert reading.times == 4


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"not a pickle", pickle.dumps("something else"), b"\x80\x05\x95", b"cno_module\nthing\n."]
)
def test_a_corrupt_pickle_is_survived_and_mended(content: bytes, reading: Reading, tmp_path: Path) -> None:
    reading.get()
    (kept,) = kept_files(tmp_path)
    kept.write_bytes(content)
    assert reading.get().folder == reading.folder
    assert reading.times == 2
    reading.get()
    assert reading.times == 2


def test_half_a_pickle_is_survived(reading: Reading, tmp_path: Path) -> None:
    reading.get()
    (kept,) = kept_files(tmp_path)
    whole = kept.read_bytes()
    for length in range(len(whole)):
        kept.write_bytes(whole[:length])
        assert reading.get().folder == reading.folder
    assert reading.times == len(whole) + 1


def test_nothing_is_kept_where_it_is_switched_off_or_cannot_be(
    reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HER2PATH_CACHE", "no")
    reading.get()
    reading.get()
    assert (reading.times, kept_files(tmp_path)) == (2, [])
    monkeypatch.delenv("HER2PATH_CACHE")
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    reading.get()
    reading.get()
    assert reading.times == 4


def test_only_the_latest_are_kept(reading: Reading, tmp_path: Path) -> None:
    for number in range(MOST_KEPT + 3):
        (reading.folder / "facts.md").write_text(str(number), encoding="utf-8")
        reading.get()
        for place, path in enumerate(kept_files(tmp_path)):
            os.utime(path, ns=(number * 10 + place, number * 10 + place))
    assert len(kept_files(tmp_path)) == MOST_KEPT
    assert all(path.suffix == ".pickle" for path in kept_files(tmp_path))


# -- the agenda ---------------------------------------------------------------------------------


@pytest.fixture
def findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "findings.md"
    path.write_text((knowledge_folder() / "findings.md").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(agenda, "findings_path", lambda _folder=None: path)
    forget()
    yield path
    monkeypatch.undo()
    forget()


def forget() -> None:
    agenda._questions_of.cache_clear()
    agenda._sayings_of.cache_clear()


def test_the_agenda_that_ships_holds(knowledge: Knowledge) -> None:
    assert agenda.prove_questions(knowledge) == []
    asked = {question.outcome for question in agenda.read_questions()}
    assert {outcome for outcome, _ in agenda.read_sayings()} <= asked
    assert {question.stage for question in agenda.read_questions()} == {0, 1, 2, 3}


QUESTIONS = """
# Agenda

| question    | stage | about | asked when            |
|-------------|-------|-------|-----------------------|
| echo_status | 2     |       | therapy_phase = known |

| outcome     | value   | grade | say       | do | next dose |
|-------------|---------|-------|-----------|----|-----------|
| echo_status | overdue | act   | it is due |    | lets be   |
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("| echo_status | 2", "| echo_state  | 2", "no table decides 'echo_state'"),
        ("therapy_phase = known", "therapy_fase = known", "therapy_fase cannot be known"),
        ("therapy_phase = known", "therapy_phase = done", "therapy_phase cannot be done"),
        ("| echo_status | overdue", "| echo_state  | overdue", "no table decides 'echo_state'"),
        ("overdue", "tardy", "echo_status has no value 'tardy'"),
        ("| act ", "| now ", "'now' is no grade"),
        ("| allergy to the drug ", "| allergy to a drug ", "nobody looks for the doubt 'allergy to a drug'"),
        ("| allergy to the drug ", "| allergy to a drug ", "nothing is said of the doubt 'allergy to the drug'"),
        ("{substance}", "{substances}", "no fact, day or word is called 'substances'"),
        ("| alarm         | an allergy", "| alert         | an allergy", "'alert' is no grade"),
    ],
)
def test_wrong_names_in_the_agenda_are_found(
    before: str, after: str, said: str, findings: Path, knowledge: Knowledge
) -> None:
    shipped = (knowledge_folder() / "findings.md").read_text(encoding="utf-8")
    text = QUESTIONS + shipped[shipped.index("\n## Doubts of the record") :]
    findings.write_text(text, encoding="utf-8")
    assert agenda.prove_questions(knowledge) == []
    assert before in text
    findings.write_text(text.replace(before, after, 1), encoding="utf-8")
    problems = agenda.prove_questions(knowledge)
    assert said in [problem.what for problem in problems]


@pytest.mark.parametrize(
    ("begins", "changed", "said"),
    [
        ("| allergy to the drug ", ("alarm ", "note "), "the doubt 'allergy to the drug' stands in line {} too"),
        ("| silence ", ("", ""), "the doubt 'silence' stands in line {} too"),
        ("| echo_status | overdue", ("| act ", "| due "), "echo_status 'overdue' stands in line {} too"),
        ("| echo_status | overdue", ("overdue", "due; overdue"), "echo_status 'overdue' stands in line {} too"),
        ("| echo_status | 2 ", ("", ""), "the question 'echo_status' stands in line {} too"),
    ],
)
def test_what_stands_twice_in_the_agenda_is_found(
    begins: str, changed: tuple[str, str], said: str, findings: Path, knowledge: Knowledge
) -> None:
    """The later row would take the place of the first in silence."""
    shipped = (knowledge_folder() / "findings.md").read_text(encoding="utf-8")
    lines = (QUESTIONS + shipped[shipped.index("\n## Doubts of the record") :]).splitlines()
    (first,) = [number for number, line in enumerate(lines, start=1) if line.startswith(begins)]
    lines.insert(first, lines[first - 1].replace(*changed))
    findings.write_text("\n".join(lines), encoding="utf-8")
    (problem,) = agenda.prove_questions(knowledge)
    assert (problem.what, problem.line) == (said.format(first), first + 1)


def test_a_question_may_be_asked_on_two_conditions(findings: Path, knowledge: Knowledge) -> None:
    line = "| echo_status | 2     |       | therapy_phase = known |\n"
    shipped = (knowledge_folder() / "findings.md").read_text(encoding="utf-8")
    twice = QUESTIONS.replace(line, line + line.replace("therapy_phase", "lvef"))
    findings.write_text(twice + shipped[shipped.index("\n## Doubts of the record") :], encoding="utf-8")
    assert agenda.prove_questions(knowledge) == []


def test_conditions_and_several_values_are_read(findings: Path) -> None:
    findings.write_text(
        QUESTIONS.replace("therapy_phase = known", "therapy_phase = on hold, completed; lvef = known").replace(
            "| overdue", "| overdue; due"
        ),
        encoding="utf-8",
    )
    forget()
    (question,) = agenda.read_questions()
    assert question.when == (("therapy_phase", ("on hold", "completed")), ("lvef", ("known",)))
    assert set(agenda.read_sayings()) == {("echo_status", "overdue"), ("echo_status", "due")}


def test_knowledge_that_lies_elsewhere_is_known_by_its_place(tmp_path: Path, reading: Reading) -> None:
    reading.get()
    other = tmp_path / "other"
    copytree(reading.folder, other)
    kept_knowledge(other, reading)
    assert reading.times == 2


LABEL_FILES = (
    "trastuzumab-iv-us", "trastuzumab-iv-eu", "trastuzumab-sc-us", "trastuzumab-sc-eu", "phesgo", "pertuzumab-us",
    "pertuzumab-eu", "t-dm1", "t-dxd-us-2019", "t-dxd-us-2026", "t-dxd-eu",
)  # fmt: skip


def test_the_doses_that_a_weight_is_worked_back_from_are_those_of_the_label_tables() -> None:
    found: dict[tuple[int, int], set[int]] = {}
    for name in LABEL_FILES:
        (number,) = (code for code, label in enumerate(default_codes().products) if name.startswith(label))
        document = (knowledge_folder() / "dosing" / f"{name}.md").read_text(encoding="utf-8")
        lines = iter(document.splitlines())
        for header in lines:
            if not header.startswith("| row") or "=> `dose_per_administration`" not in header:
                continue
            outcome = [cell.strip() for cell in header.split("|")].index("=> `dose_per_administration`")
            next(lines)
            while (line := next(lines)).startswith("|"):
                cells = [cell.strip() for cell in line.split("|")]
                dose = re.search(r"([\d.]+) mg(/kg| trastuzumab)?$", cells[outcome])
                if dose:
                    found.setdefault((number, 7 if "weekly" in cells else 21), set()).add(round(float(dose[1]) * 1000))
    assert found == {key: set(doses) for key, doses in default_codes().labelled.items()}
