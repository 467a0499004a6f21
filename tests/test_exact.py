"""Exact at the cut: what was recorded falls on the side of a limit where the decimal falls."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from by_hand import admits, cuts_in
from her2path.facts.fact import Fact
from her2path.facts.value import Unknown
from her2path.tables.array import Array
from her2path.tables.decision import decide
from her2path.tables.load import default_knowledge

KNOWLEDGE = default_knowledge()
COLUMNS = [
    (table, place)
    for edition in KNOWLEDGE.editions
    for table in edition.tables.values()
    for place, name in enumerate(table.inputs)
    if KNOWLEDGE.facts[name].is_number
]


def column_name(column) -> str:
    table, place = column
    return f"{table.name}-{table.inputs[place]}"


def cuts_of(table, place: int, fact: Fact) -> list[Fraction]:
    """The numbers in the column's cells, and the ends of the plausible range."""
    ends = {Fraction(end) for end in (fact.plausible.low, fact.plausible.high) if end is not None}
    return sorted(ends.union(*(cuts_in(row.cells[place].text) for row in table.rows)))


def around(cut: Fraction) -> list[object]:
    """The cut and its neighbours as floats, float32, decimals, text and, where it is whole, integers."""
    double, single = float(cut), np.float32(float(cut))
    doubles = [math.nextafter(double, -math.inf), double, math.nextafter(double, math.inf)]
    singles = [np.nextafter(single, np.float32(-np.inf)), single, np.nextafter(single, np.float32(np.inf))]
    exact = Decimal(cut.numerator) / Decimal(cut.denominator)
    decimals = [exact - Decimal("1e-20"), exact, exact.quantize(Decimal("0.00")), exact + Decimal("1e-20")]
    texts = [
        str(exact),
        f"{exact:.2f}",
        f"{exact:.1f}".replace(".", ","),
        str(exact - Decimal("1e-7")),
        repr(doubles[0]),
    ]
    whole = [int(cut), np.int64(int(cut)), np.uint8(int(cut))] if cut.denominator == 1 and 0 <= cut < 256 else []
    return [*doubles, *map(np.float64, doubles), *singles, *decimals, *texts, *whole]


def recorded(raw: object) -> Fraction:
    """The number as it was written down: the shortest decimal of a float of its own width."""
    text = repr(raw) if type(raw) is float else str(raw)
    return Fraction(text.replace(",", "."))


def is_plausible(number: Fraction, fact: Fact) -> bool:
    return admits(str(fact.plausible), number)


@pytest.mark.parametrize("column", COLUMNS, ids=column_name)
def test_every_form_of_every_cut_falls_on_its_side(column) -> None:
    table, place = column
    fact = KNOWLEDGE.facts[table.inputs[place]]
    axis = Array([table], KNOWLEDGE.facts).axes[
        [each for each in KNOWLEDGE.facts if each in table.inputs].index(fact.name)
    ]
    assert axis.fact is fact
    for cut in cuts_of(table, place, fact):
        for raw in around(cut):
            value = fact.coerce(raw)
            number = recorded(raw)
            assert isinstance(value, Unknown) != is_plausible(number, fact), f"{raw!r}"
            code = axis.code(value)
            if isinstance(value, Unknown):
                assert code == axis.unknown
                continue
            for row in table.rows:
                cell = row.cells[place]
                assert axis.admits(cell)[code] == admits(cell.text, number), f"{raw!r} against {cell.text}"


@pytest.mark.parametrize("column", COLUMNS, ids=column_name)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_column_of_numbers_is_binned_as_each_number_is(column, kind) -> None:
    table, place = column
    fact = KNOWLEDGE.facts[table.inputs[place]]
    axis = next(axis for axis in Array([table], KNOWLEDGE.facts).axes if axis.fact is fact)
    numbers = []
    for cut in cuts_of(table, place, fact):
        middle = kind(float(cut))
        numbers += [np.nextafter(middle, kind(-np.inf)), middle, np.nextafter(middle, kind(np.inf))]
    numbers += [kind("nan"), kind("inf"), kind("-inf"), kind(-1)]
    codes = axis.codes_of(np.array(numbers, dtype=kind))
    for number, code in zip(numbers, codes.tolist(), strict=True):
        assert code == axis.code(fact.coerce(number)), f"{number!r}"


@pytest.mark.parametrize("column", COLUMNS, ids=column_name)
def test_a_column_of_whole_numbers_is_binned_as_each_number_is(column) -> None:
    table, place = column
    fact = KNOWLEDGE.facts[table.inputs[place]]
    axis = next(axis for axis in Array([table], KNOWLEDGE.facts).axes if axis.fact is fact)
    numbers = np.arange(-1, 205, dtype=np.int64)
    assert axis.codes_of(numbers).tolist() == [axis.code(fact.coerce(int(number))) for number in numbers]


TWO = [2.0, 2, "2", "2.0", "2.00", "2,0", np.float32(2), np.float64(2), Decimal("2.00"), "= 2"]
SIX = [6.0, 6, "6", "6.00", "6,0", np.float32(6), np.int64(6), Decimal("6.0")]
FOUR = [4.0, 4, "4", "4.00", np.float32(4), Decimal("4.0")]
JUST_BELOW_TWO = [
    1.9999999,
    "1.9999999",
    Decimal("1.9999999"),
    np.float32(1.9999999),
    math.nextafter(2, 0),
    np.nextafter(np.float32(2), np.float32(0)),
]


@pytest.mark.parametrize("ratio", TWO)
@pytest.mark.parametrize("copies", FOUR)
def test_at_both_cuts_the_group_is_1(ratio, copies) -> None:
    assert decide("ish_group", {"her2_cep17_ratio": ratio, "her2_copies": copies}, edition="asco-cap-2018").value == "1"


@pytest.mark.parametrize("ratio", JUST_BELOW_TWO)
@pytest.mark.parametrize(("copies", "group"), [(6.0, "3"), ("5.9999999", "4"), (np.float32(4), "4"), (3.9999999, "5")])
def test_just_below_a_ratio_of_two(ratio, copies, group) -> None:
    assert (
        decide("ish_group", {"her2_cep17_ratio": ratio, "her2_copies": copies}, edition="asco-cap-2018").value == group
    )


@pytest.mark.parametrize("copies", SIX)
def test_exactly_six_copies(copies) -> None:
    specimen = {"ish_probe": "single", "her2_copies": copies}
    assert decide("ish_result", specimen, edition="asco-cap-2018").value == "positive"
    assert decide("ish_result", specimen, edition="asco-cap-2007").value == "equivocal"
    dual = {"her2_cep17_ratio": 1.5, "her2_copies": copies}
    assert decide("ish_result", dual, edition="cap-2016").possible == ("positive", "equivocal")


@pytest.mark.parametrize(
    "ratio", ["1.8", 1.8, np.float32(1.8), np.float64(1.8), Decimal("1.80"), "2.2", 2.2, np.float32(2.2), "1,8"]
)
def test_both_ends_of_the_equivocal_band_of_2007_belong_to_it(ratio) -> None:
    assert decide("ish_result", {"her2_cep17_ratio": ratio}, edition="asco-cap-2007").value == "equivocal"


@pytest.mark.parametrize(
    "ratio", [1.7999999999999998, np.nextafter(np.float32(1.8), np.float32(0)), "1.79999999999999999999"]
)
def test_the_next_number_below_the_band_of_2007_is_negative(ratio) -> None:
    assert decide("ish_result", {"her2_cep17_ratio": ratio}, edition="asco-cap-2007").value == "negative"


@pytest.mark.parametrize(
    "ratio", [math.nextafter(2.2, 3), np.nextafter(np.float32(2.2), np.float32(3)), "2.20000000000000000001"]
)
def test_the_next_number_above_the_band_of_2007_is_positive(ratio) -> None:
    assert decide("ish_result", {"her2_cep17_ratio": ratio}, edition="asco-cap-2007").value == "positive"


@pytest.mark.parametrize("percent", [10, 10.0, "10", "10 %", "10.0 percent", np.float32(10), Decimal("10.00")])
def test_exactly_ten_percent_is_the_lower_band_in_breast_and_the_upper_in_gastric(percent) -> None:
    staining = {"staining_intensity": "intense", "staining_completeness": "complete", "stained_percent": percent}
    assert decide("ihc_score", staining, edition="asco-cap-2018").value == "2+"
    assert decide("ihc_score", staining | {"specimen_kind": "resection"}, edition="cap-2016").value == "3+"
