"""How a value becomes a fact: every form that records use, and a reason for all that cannot be read."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from her2path.facts.derive import prepare
from her2path.facts.number import parse_ihc_score, parse_interval, parse_number
from her2path.facts.value import Interval, OneOf, Reason, Unknown
from her2path.tables.load import default_knowledge

FACTS = default_knowledge().facts
COPIES, RATIO, PERCENT = FACTS["her2_copies"], FACTS["her2_cep17_ratio"], FACTS["stained_percent"]
IHC, GROUP, MEMBRANE, DATE = (FACTS[n] for n in ("ihc_score", "ish_group", "any_membrane_staining", "test_date"))


def above(number: str) -> Interval:
    return Interval(low=Decimal(number))


def below(number: str) -> Interval:
    return Interval(high=Decimal(number))


def between(low: str, high: str) -> Interval:
    return Interval(Decimal(low), Decimal(high), True, True)


# -- numbers ------------------------------------------------------------------------------------

EXACT_NUMBERS = [
    (4, "4"),
    (4.0, "4.0"),
    (1.9999999, "1.9999999"),
    ("4", "4"),
    ("2.00", "2.00"),
    (" 2.00 ", "2.00"),
    ("= 2", "2"),
    (".5", "0.5"),
    ("+2.5", "2.5"),
    ("1,9", "1.9"),
    ("1,95", "1.95"),
    ("2e1", "20"),
    ("6.1 copies/cell", "6.1"),
    ("6.1 signals per nucleus", "6.1"),
    (Decimal("2.00"), "2.00"),
    (np.float32(1.8), "1.8"),
    (np.float64(1.8), "1.8"),
    (np.float16(1.5), "1.5"),
    (np.int64(6), "6"),
    (np.uint8(6), "6"),
    (200, "200"),
    ("0.0001", "0.0001"),
]


@pytest.mark.parametrize(("raw", "number"), EXACT_NUMBERS)
def test_a_number_is_taken_as_it_was_recorded(raw, number) -> None:
    value = COPIES.coerce(raw)
    recorded = value if isinstance(value, Decimal) else Decimal(repr(value))
    assert recorded == Decimal(number)


@pytest.mark.parametrize("raw", [2.0, 1.9999999, 4.4])
def test_a_plain_float_stays_a_float(raw) -> None:
    assert COPIES.coerce(raw) is raw


LIMITS = [
    ("> 6", above("6")),
    (">6.0", above("6.0")),
    ("greater than 2.2", above("2.2")),
    ("Greater Than 2.2", above("2.2")),
    ("more than 6 copies", above("6")),
    ("above 6", above("6")),
    ("over 6", above("6")),
    ("less than 1.8", below("1.8")),
    ("fewer than 4", below("4")),
    ("below 4", below("4")),
    ("under 4", below("4")),
    ("< 1.8", below("1.8")),
    ("<= 4", Interval(high=Decimal(4), high_included=True)),
    ("≤4", Interval(high=Decimal(4), high_included=True)),
    ("at most 4", Interval(high=Decimal(4), high_included=True)),
    ("up to 4", Interval(high=Decimal(4), high_included=True)),
    ("less than or equal to 4", Interval(high=Decimal(4), high_included=True)),
    (">= 6", Interval(low=Decimal(6), low_included=True)),
    ("≥ 6", Interval(low=Decimal(6), low_included=True)),
    ("at least 6", Interval(low=Decimal(6), low_included=True)),
    ("greater than or equal to 6", Interval(low=Decimal(6), low_included=True)),
    ("4-6", between("4", "6")),
    ("4 – 6", between("4", "6")),
    ("4 to 6", between("4", "6")),
    ("1,8-2,2", between("1.8", "2.2")),
    ("4.0-5.9 copies per cell", between("4.0", "5.9")),
]


@pytest.mark.parametrize(("raw", "interval"), LIMITS)
def test_a_limit_or_a_range_is_an_interval(raw, interval) -> None:
    assert COPIES.coerce(raw) == interval


@pytest.mark.parametrize(
    "raw", ["1,234", "1.234,5", "1.2.3", "six", "6?", "~6", "6 or 7", "6-4", "4-5-6", "> six", ">", "-", "NaN", "inf",
            "1 2", "0x6", "1_0", "banana", "2 mg", "not done"]
)  # fmt: skip
def test_text_that_is_no_number_is_unparsable_and_quoted(raw) -> None:
    assert_refused(COPIES, raw, Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize(
    "raw", [float("nan"), float("inf"), float("-inf"), np.float32("nan"), np.float32("inf"), Decimal("NaN"), Decimal("sNaN"),
            Decimal("Infinity"), 1e308, -1.0, -1, "-3", 0, 0.0, "0", 200.0001, 201, "201", "> 200", "< 0", "<= 0",
            "300-400", Decimal("1e5000"), Interval(low=Decimal(300)), Interval(Decimal(6), Decimal(4), True, True)]
)  # fmt: skip
def test_a_number_out_of_the_plausible_range_is_implausible(raw) -> None:
    assert_refused(COPIES, raw, Reason.IMPLAUSIBLE)


def assert_refused(fact, raw, reason: Reason) -> None:
    """Unknown with its reason, the fact's name, what stood there and what was expected."""
    value = fact.coerce(raw)
    assert isinstance(value, Unknown), value
    assert value.reason is reason
    assert value.detail.startswith(f"{fact.name} ")
    assert value.detail.endswith(f"expected {fact.expected()}")
    if isinstance(raw, str) and reason is Reason.UNPARSABLE_TEXT:
        assert repr(raw) in value.detail


@pytest.mark.parametrize("fact", list(FACTS.values()), ids=lambda fact: fact.name)
@pytest.mark.parametrize("raw", [None, "", "   ", "\t\n"])
def test_blank_and_none_are_absent(fact, raw) -> None:
    assert fact.coerce(raw) == Unknown(Reason.ABSENT)


@pytest.mark.parametrize("fact", list(FACTS.values()), ids=lambda fact: fact.name)
def test_an_unknown_keeps_its_own_reason(fact) -> None:
    stale = Unknown(Reason.STALE, "older than a year")
    assert fact.coerce(stale) is stale


@pytest.mark.parametrize("raw", [True, False])
def test_a_truth_value_is_no_number(raw) -> None:
    assert_refused(COPIES, raw, Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize(("fact", "low", "high"), [(PERCENT, 0, 100), (RATIO, 0.0001, 100), (COPIES, 0.0001, 200)])
def test_the_ends_of_the_plausible_range(fact, low, high) -> None:
    assert not isinstance(fact.coerce(low), Unknown)
    assert not isinstance(fact.coerce(high), Unknown)
    assert isinstance(fact.coerce(math.nextafter(high, math.inf)), Unknown)
    assert isinstance(fact.coerce(-0.0001), Unknown)
    assert isinstance(fact.coerce("0"), Unknown) == (fact is not PERCENT)


def test_what_is_expected_is_said_in_words() -> None:
    assert COPIES.expected() == "a number (0..200] (copies per cell)"
    assert IHC.expected() == "one of 0, 1+, 2+, 3+, not reported"
    assert DATE.expected() == "a date YYYY-MM-DD"


# -- categories ---------------------------------------------------------------------------------

SCORES = [
    ("3+", "3+"), ("3", "3+"), (3, "3+"), (3.0, "3+"), (np.float32(3), "3+"), (np.int64(2), "2+"),
    (Decimal("2"), "2+"), (Decimal("2.00"), "2+"), (0, "0"), (0.0, "0"), ("0", "0"), ("0+", "0"), ("1 +", "1+"),
    ("3+++", "3+"), ("IHC 2+", "2+"), ("score 2+", "2+"), ("Score: 2+", "2+"), ("HER2/neu IHC score 3+", "3+"),
    ("her-2 1+", "1+"), ("positive (3+)", "3+"), ("3+ positive", "3+"), ("3+ (positive)", "3+"), ("equivocal, 2+", "2+"),
    ("negative (0)", "0"), ("negative 1+", "1+"), ("positive", "3+"), ("POSITIVE", "3+"), ("equivocal", "2+"),
    ("not reported", "not reported"), ("Not  Reported", "not reported"),
    ("2+-2+", "2+"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "score"), SCORES)
def test_an_ihc_score_in_every_form(raw, score) -> None:
    assert IHC.coerce(raw) == score


@pytest.mark.parametrize(
    ("raw", "scores"),
    [
        ("0-1+", {"0", "1+"}), ("0/1+", {"0", "1+"}), ("0 or 1", {"0", "1+"}), ("1+ to 2+", {"1+", "2+"}),
        ("2+-1+", {"1+", "2+"}), ("1+-3+", {"1+", "2+", "3+"}), ("negative", {"0", "1+"}),
        ("3+ (2+ outside)", {"2+", "3+"}), ("2+ (3+ focally)", {"2+", "3+"}), ("1+ (0 elsewhere)", {"0", "1+"}),
    ],
)  # fmt: skip
def test_an_ihc_score_between_several(raw, scores) -> None:
    assert IHC.coerce(raw) == OneOf(frozenset(scores))


@pytest.mark.parametrize(
    "raw", ["1+2", "banana", "negative (3+)", "positive (1+)", "equivocal 3+", "4", "4+", 4, -1, 2.5, "2.5", float("nan"),
            float("inf"), 1e308, True, "3+ 2+", "++++", "+", "3 + 2", Interval(low=Decimal(2)), OneOf(frozenset({"7"})),
            OneOf(frozenset()), Decimal("NaN")]
)  # fmt: skip
def test_a_score_that_cannot_be_read_is_unparsable(raw) -> None:
    assert_refused(IHC, raw, Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize("raw", [1, 1.0, "1", "1.0", " 1 ", Decimal("1.00"), np.int32(1), np.float32(1)])
def test_an_integer_is_a_category_of_whole_numbers(raw) -> None:
    assert GROUP.coerce(raw) == "1"
    assert GROUP.as_json("1") == 1
    assert GROUP.as_json("single probe") == "single probe"
    assert IHC.as_json("0") == "0"


@pytest.mark.parametrize("raw", [0, 6, 1.5, "1.5", "group 1", "NaN", "Infinity", True, None.__class__])
def test_what_is_no_whole_number_of_the_list_is_refused(raw) -> None:
    assert_refused(GROUP, raw, Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize(("raw", "value"), [(True, "yes"), (False, "no"), ("Yes", "yes"), ("no", "no")])
def test_yes_and_no(raw, value) -> None:
    assert MEMBRANE.coerce(raw) == value


def test_several_of_the_values_of_a_category() -> None:
    either = OneOf(frozenset({"2+", "3+"}))
    assert IHC.coerce(either) is either
    assert str(either) == "2+ or 3+"


# -- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", ["2018-05-30", " 2018-05-30 ", "2018-05-30T08:15:00Z", dt.date(2018, 5, 30), dt.datetime(2018, 5, 30, 8, 15)]
)
def test_a_date_in_every_form(raw) -> None:
    assert DATE.coerce(raw) == "2018-05-30"


@pytest.mark.parametrize(
    "raw", ["30.05.2018", "2018-13-01", "2018-02-30", "May 2018", "2018", "2018-05", "banana", 2018]
)
def test_what_is_no_date_is_unparsable(raw) -> None:
    assert_refused(DATE, raw, Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize("raw", ["2018-05-301", "2018-05-30banana", "2018-05-30-31", 20180530])
def test_a_date_with_something_after_it_is_refused(raw) -> None:
    assert_refused(DATE, raw, Reason.UNPARSABLE_TEXT)


# -- never an exception -------------------------------------------------------------------------

ANYTHING = st.one_of(
    st.text(),
    st.text(alphabet="0123456789+-.,<>=≤≥()[] eE/%oroutside", max_size=14),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.integers(),
    st.booleans(),
    st.decimals(),
    st.binary(max_size=6),
    st.dates(),
)


@given(st.sampled_from(list(FACTS.values())), ANYTHING)
@example(COPIES, "1e9999999999999999999999")
@example(COPIES, "1e999999")
@example(IHC, "\ud800")
@example(DATE, "0000-00-00")
def test_coerce_never_raises(fact, raw) -> None:
    value = fact.coerce(raw)
    assert isinstance(value, str | float | Decimal | Interval | OneOf | Unknown)
    if isinstance(value, str) and fact.kind != "date":
        assert value in fact.values
    if isinstance(value, float | Decimal):
        assert Decimal(repr(value) if isinstance(value, float) else value) in fact.plausible


@pytest.mark.parametrize("fact", [IHC, GROUP, COPIES, DATE], ids=lambda fact: fact.name)
def test_coerce_does_not_raise_on_an_enormous_whole_number(fact) -> None:
    assert isinstance(fact.coerce(10**5000), Unknown)


@pytest.mark.parametrize("raw", ["1e5000", Decimal("1e5000")])
def test_coerce_does_not_raise_on_an_enormous_power_of_ten(raw) -> None:
    assert isinstance(GROUP.coerce(raw), Unknown)


@pytest.mark.parametrize("raw", ["0_1", "1_"])
def test_digits_joined_by_an_underscore_are_no_score(raw) -> None:
    assert_refused(IHC, raw, Reason.UNPARSABLE_TEXT)


def test_digits_joined_by_an_underscore_are_no_group() -> None:
    assert_refused(GROUP, "0_1", Reason.UNPARSABLE_TEXT)


@pytest.mark.parametrize(("fact", "raw"), [(COPIES, "6 %"), (RATIO, "60 percent"), (PERCENT, "6 copies")])
def test_a_number_with_the_unit_of_another_fact_is_refused(fact, raw) -> None:
    assert_refused(fact, raw, Reason.UNPARSABLE_TEXT)


@given(st.text() | st.text(alphabet="0123456789+-.,<>=[]() ", max_size=12))
def test_reading_numbers_and_scores_from_text_never_raises(text) -> None:
    assert isinstance(parse_number(text), Decimal | Interval | None)
    assert isinstance(parse_ihc_score(text), str | OneOf | None)


@pytest.mark.parametrize("text", [">= 1,9", "[0,5..3]", ">= 1e9999999999999999999999"])
def test_reading_an_interval_never_raises(text) -> None:
    assert parse_interval(text) is None or isinstance(parse_interval(text), Interval)


# -- intervals ----------------------------------------------------------------------------------

INTERVALS = st.builds(
    Interval,
    st.none() | st.integers(0, 6).map(Decimal), st.none() | st.integers(0, 6).map(Decimal), st.booleans(), st.booleans(),
)  # fmt: skip
QUARTERS = [Decimal(quarter) / 4 for quarter in range(-8, 33)]


@given(INTERVALS, INTERVALS)
def test_intervals_overlap_where_a_number_lies_in_both(one, other) -> None:
    assume(not one.is_empty and not other.is_empty)
    assert one.overlaps(other) == any(number in one and number in other for number in QUARTERS)
    assert one.overlaps(other) == other.overlaps(one)


@given(INTERVALS)
def test_an_interval_is_empty_where_no_number_lies_in_it(interval) -> None:
    assert interval.is_empty == (not any(number in interval for number in QUARTERS))


@given(INTERVALS)
def test_an_interval_reads_back_what_it_writes(interval) -> None:
    assume(not interval.is_empty and not (interval.low is None and interval.high is None))
    back = parse_interval(str(interval))
    assert back is not None
    assert [number in back for number in QUARTERS] == [number in interval for number in QUARTERS]


# -- facts that follow from facts ---------------------------------------------------------------


def test_the_ratio_follows_from_the_copies() -> None:
    given_facts = prepare({"her2_copies": "6.3", "cep17_copies": "2.1"}, FACTS)
    assert given_facts.values["her2_cep17_ratio"] == Decimal(3)
    assert given_facts.values["ish_probe"] == "dual"
    assert given_facts.notes == ["ratio 3.00 = 6.3 / 2.1"]


def test_a_limit_of_copies_gives_a_limit_of_the_ratio() -> None:
    given_facts = prepare({"her2_copies": "> 6", "cep17_copies": "2"}, FACTS)
    assert given_facts.values["her2_cep17_ratio"] == above("3")


def test_a_ratio_that_rounding_explains_agrees_and_another_contradicts() -> None:
    agrees = prepare({"her2_copies": "3.24", "cep17_copies": "1.54", "her2_cep17_ratio": "2.10"}, FACTS)
    assert agrees.notes == []
    contradicts = prepare({"her2_copies": "3.6", "cep17_copies": "1.6", "her2_cep17_ratio": "1.5"}, FACTS)
    assert contradicts.values["her2_cep17_ratio"] == between("1.5", "2.25")
    assert contradicts.unknown["her2_cep17_ratio"].reason is Reason.CONTRADICTORY


def test_a_test_of_which_nothing_is_said_is_not_reported_and_of_one_half_said_the_rest_is_unknown() -> None:
    nothing = prepare({}, FACTS)
    assert {nothing.values[name] for name in ("ihc_score", "ish_probe", "ish_recount")} == {"not reported"}
    half = prepare({"her2_copies": "5"}, FACTS)
    assert "ish_probe" not in half.values
    assert half.unknown["ish_probe"].reason is Reason.ABSENT
    unreadable = prepare({"ihc_score": "banana"}, FACTS)
    assert "ihc_score" not in unreadable.values


def test_a_ratio_contradicts_a_single_probe() -> None:
    given_facts = prepare({"ish_probe": "single", "her2_cep17_ratio": "2.1"}, FACTS)
    assert given_facts.unknown["ish_probe"].reason is Reason.CONTRADICTORY


def test_a_group_gives_the_ranges_that_define_it() -> None:
    given_facts = prepare({"ish_group": 4}, FACTS)
    assert given_facts.values["her2_cep17_ratio"] == below("2.0")
    assert given_facts.values["her2_copies"] == Interval(Decimal("4.0"), Decimal("6.0"), True, False)


def test_a_ratio_too_large_to_be_worked_out_is_implausible() -> None:
    given_facts = prepare({"her2_copies": "4", "cep17_copies": "1e-1000001"}, FACTS)
    assert "her2_cep17_ratio" not in given_facts.values
    assert given_facts.unknown["her2_cep17_ratio"].reason is Reason.IMPLAUSIBLE
    assert given_facts.values["her2_copies"] == Decimal(4)


def test_a_ratio_worked_out_from_copies_is_implausible_out_of_its_range() -> None:
    given_facts = prepare({"her2_copies": "150", "cep17_copies": "0.5"}, FACTS)
    assert given_facts.unknown["her2_cep17_ratio"].reason is Reason.IMPLAUSIBLE


def test_a_re_load_is_read_however_it_is_written(knowledge) -> None:
    facts = knowledge.facts
    for word in ("reload", "re-load", "Re-load", "RELOAD", "re load"):
        assert facts["missed_dose_action"].coerce(word) == "reload"
    for word in ("re-load left out", "reload left out"):
        assert facts["order_step"].coerce(word) == "re-load left out"
    assert isinstance(facts["missed_dose_action"].coerce("loading"), Unknown)
