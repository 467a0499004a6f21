"""Values of HER2 observations in every shape FHIR allows, and in the words pathologists write."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from fhir_makers import CELLS, CEP17_COPIES, HER2_COPIES, IHC, ISH, ISH_PANEL, LOINC, OVERALL, RATIO, SNOMED, facts_of
from her2path.facts.value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value
from her2path.record.event import RECORDED_STATUS

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ZERO_OR_ONE = OneOf(frozenset({"0", "1+"}))
ONE_NAME = {IHC: "ihc_score", ISH: "ish_result", RATIO: "her2_cep17_ratio", HER2_COPIES: "her2_copies"}


def below(limit: str, included: bool = False) -> Interval:
    return Interval(high=Decimal(limit), high_included=included)


def above(limit: str, included: bool = False) -> Interval:
    return Interval(low=Decimal(limit), low_included=included)


def one_value(code: str, value: dict[str, Any] | str | None, **more: Any) -> Value:
    """The only fact of an observation, which must be the one its code means."""
    facts = facts_of(code, value, **more)
    assert list(facts) == [ONE_NAME[code]]
    return facts[ONE_NAME[code]]


def reason_of(value: Value) -> Reason:
    assert isinstance(value, Unknown), value
    return value.reason


def quantity_as_written(code: str, number: str) -> Value:
    """A quantity whose digits stand in the JSON exactly as given."""
    document = json.dumps(make.about(make.observation(code, make.quantity("DIGITS")))).replace('"DIGITS"', number)
    (record,) = make.records_of(document.encode())
    (event,) = record.events
    return event.value


@pytest.mark.parametrize(
    ("words", "score"),
    [
        ("0", "0"), ("1+", "1+"), ("2+", "2+"), ("3+", "3+"), ("3", "3+"), ("2 +", "2+"), ("score 3+", "3+"),
        ("Score: 2+", "2+"), ("IHC 1+", "1+"), ("HER2 IHC score 3+", "3+"), ("HER2/neu 3+", "3+"),
        ("positive (3+)", "3+"), ("3+ positive", "3+"), ("Equivocal, 2+", "2+"), ("negative (1+)", "1+"),
        ("negative (0)", "0"), ("  2+  ", "2+"), ("Positive", "3+"), ("equivocal", "2+"),
    ],
)  # fmt: skip
def test_ihc_scores_as_pathologists_write_them(words: str, score: str) -> None:
    assert one_value(IHC, words) == score


@pytest.mark.parametrize(
    ("words", "scores"),
    [
        ("0-1+", {"0", "1+"}), ("0 to 1+", {"0", "1+"}), ("1+/2+", {"1+", "2+"}), ("2+ or 3+", {"2+", "3+"}),
        ("3+ (2+ outside)", {"2+", "3+"}), ("2+ (3+ focally)", {"2+", "3+"}), ("1+-3+", {"1+", "2+", "3+"}),
        ("negative", {"0", "1+"}),
    ],
)  # fmt: skip
def test_ihc_words_that_leave_several_scores(words: str, scores: set[str]) -> None:
    assert one_value(IHC, words) == OneOf(frozenset(scores))


@pytest.mark.parametrize(
    "words",
    [
        "1+2", "see comment", "4+", "3+?", "not 3+", "no 3+ staining",
        "-1", "2.5", "30%", "> 2", "weak", "3+ in DCIS only", "12+", "H-score 210", "2+3+",
        "positive control 3+", "low",
    ],
)  # fmt: skip
def test_ihc_words_that_are_refused(words: str) -> None:
    value = one_value(IHC, words)
    assert reason_of(value) is Reason.UNPARSABLE_TEXT
    assert words in value.detail
    assert "expected one of 0, 1+, 2+, 3+" in value.detail


@pytest.mark.parametrize(
    "words", ["negative (3+)", "positive (1+)", "positive 2+", "positive/negative", "3+ (1+)", "2+; 0"]
)
def test_ihc_words_that_say_two_things_are_a_contradiction(words: str) -> None:
    value = one_value(IHC, words)
    assert reason_of(value) is Reason.CONTRADICTORY
    assert words in value.detail


def test_zero_plus_leaves_the_staining_open() -> None:
    facts = facts_of(IHC, "0+")
    assert facts["ihc_score"] == "0"
    assert reason_of(facts["any_membrane_staining"]) is Reason.ABSENT


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
@pytest.mark.parametrize("words", ["Not done", "not performed", "NOT TESTED", "n/a", "Not applicable"])
def test_a_test_not_done_is_not_reported(code: str, words: str) -> None:
    assert one_value(code, words) == NOT_REPORTED


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
@pytest.mark.parametrize("words", ["pending", "In progress", "to follow"])
def test_a_pending_result_is_preliminary(code: str, words: str) -> None:
    assert reason_of(one_value(code, words)) is Reason.PRELIMINARY


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
@pytest.mark.parametrize(
    "words", ["failed", "Failed, no signal", "indeterminate", "inconclusive", "insufficient tissue"]
)
def test_a_failed_test_is_absent_and_says_so(code: str, words: str) -> None:
    value = one_value(code, words)
    assert reason_of(value) is Reason.ABSENT
    assert words in value.detail


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
@pytest.mark.parametrize("words", ["see comment", "?", "HER2", "tumour"])
def test_words_that_say_nothing_are_unparsable(code: str, words: str) -> None:
    assert reason_of(one_value(code, words)) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize("code", [IHC, RATIO, HER2_COPIES])
@pytest.mark.parametrize("words", ["", "   "])
def test_an_empty_string_is_absent(code: str, words: str) -> None:
    assert reason_of(one_value(code, words)) is Reason.ABSENT


def test_an_empty_string_for_an_ish_is_absent() -> None:
    assert reason_of(one_value(ISH, "")) is Reason.ABSENT


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ("Amplified", "positive"), ("not amplified", "negative"), ("Non-amplified", "negative"),
        ("NOT AMPLIFIED.", "negative"), ("HER2 not amplified", "negative"), ("FISH: amplified", "positive"),
        ("ISH positive", "positive"), ("negative", "negative"), ("equivocal", "equivocal"), ("borderline", "equivocal"),
        ("no amplification", "negative"), ("HER2 gene amplified", "positive"), ("not detected", "negative"),
    ],
)  # fmt: skip
def test_ish_words(words: str, result: str) -> None:
    assert one_value(ISH, words) == result


@pytest.mark.parametrize(
    "words", ["amplified?", "not clearly amplified", "positive and negative areas", "no", "yes", "3+"]
)
def test_ish_words_that_are_refused(words: str) -> None:
    assert reason_of(one_value(ISH, words)) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize("group", ["1", "2", "3", "4", "5"])
def test_an_ish_group_is_read(group: str) -> None:
    assert facts_of(ISH, f"Group {group}") == {"ish_group": group}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("less than 1.8", below("1.8")), ("greater than 2.2", above("2.2")), ("<1.8", below("1.8")),
        (">= 2.0", above("2.0", included=True)), ("≤2.2", below("2.2", included=True)), ("at least 2", above("2", included=True)),
        ("2.1", Decimal("2.1")), ("2,1", Decimal("2.1")), ("HER2/CEP17 ratio: 2.1", Decimal("2.1")),
        ("ratio 2.1", Decimal("2.1")), ("ratio of 1.95", Decimal("1.95")), ("HER2:CEP17 = 2.5", Decimal("2.5")),
        ("1.8-2.2", Interval(Decimal("1.8"), Decimal("2.2"), True, True)), (">6", above("6")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [RATIO, ISH])
def test_ratios_in_words(code: str, words: str, value: Value) -> None:
    assert facts_of(code, words) == {"her2_cep17_ratio": value}


@pytest.mark.parametrize(
    "words", ["1,234", "2.1.3", "~2.0", "about 2", "2 or 3", "2.1?", "2/1", "two", "<", "1.8 <", "NaN", "inf"]
)
def test_ratio_words_that_are_refused(words: str) -> None:
    assert reason_of(one_value(RATIO, words)) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize(
    "words", ["1.8 (CN 7.5)", "1.8 (copies: 7.5)", "1,8; mean copies 7,5", "1.8 (HER2 copy number 7.5)"]
)
@pytest.mark.parametrize("code", [RATIO, ISH])
def test_a_ratio_with_its_copies_gives_both(code: str, words: str) -> None:
    assert facts_of(code, words) == {"her2_cep17_ratio": Decimal("1.8"), "her2_copies": Decimal("7.5")}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (">6", above("6")), ("> 6.0 copies/cell", above("6.0")), ("4.2", Decimal("4.2")), ("4,2", Decimal("4.2")),
        ("4.2 signals/cell", Decimal("4.2")), ("4.2 copies per nucleus", Decimal("4.2")),
        ("4-6", Interval(Decimal(4), Decimal(6), True, True)), ("84 signals / 20 cells", Decimal("4.2")),
        ("84 HER2 signals in 20 nuclei", Decimal("4.2")), ("84 total signals over 20 cells", Decimal("4.2")),
    ],
)  # fmt: skip
def test_copies_in_words(words: str, value: Value) -> None:
    assert one_value(HER2_COPIES, words) == value


def test_a_total_of_no_cells_is_implausible() -> None:
    assert reason_of(one_value(HER2_COPIES, "84 signals / 0 cells")) is Reason.IMPLAUSIBLE


@pytest.mark.parametrize("unit", ["{signals}", "signals", "signal", "total signals"])
def test_a_total_of_signals_is_a_mean_only_where_the_cells_are_counted(unit: str) -> None:
    total = make.component(HER2_COPIES, make.quantity(84, unit))
    cells = make.component(CELLS, {"valueInteger": 20})
    assert facts_of(ISH_PANEL, components=[total, cells]) == {"her2_copies": Decimal("4.2")}
    assert facts_of(ISH_PANEL, components=[cells, total]) == {"her2_copies": Decimal("4.2")}
    alone = facts_of(ISH_PANEL, components=[total])["her2_copies"]
    assert reason_of(alone) is Reason.IMPLAUSIBLE
    assert "expected copies per cell" in alone.detail


def test_a_total_as_a_fhir_ratio_of_signals_and_cells_is_a_mean() -> None:
    ratio = {"numerator": {"value": 84, "unit": "{signals}"}, "denominator": {"value": 20, "unit": "{cells}"}}
    assert one_value(HER2_COPIES, {"valueRatio": ratio}) == Decimal("4.2")


@pytest.mark.parametrize("words", ["84 signals", "40 signals"])
def test_a_total_of_signals_in_words_is_never_copies_per_cell(words: str) -> None:
    assert reason_of(one_value(HER2_COPIES, words)) is Reason.IMPLAUSIBLE


def test_a_number_beside_the_cells_counted_may_be_a_total() -> None:
    """40 signals over 20 cells are 2.0 a cell, and far from 40 copies a cell."""
    parts = [make.component(HER2_COPIES, make.quantity(40)), make.component(CELLS, {"valueInteger": 20})]
    copies = facts_of(ISH_PANEL, components=parts)["her2_copies"]
    assert reason_of(copies) is Reason.IMPLAUSIBLE
    assert "20 cells counted: a total, or a mean?" in copies.detail


@pytest.mark.parametrize(
    "unit",
    ["{copies}/cell", "copies/cell", "/cell", "{signals}/{cell}", "signals per nucleus", "1", "{copies}", "copies"],
)
def test_units_of_copies_that_are_understood(unit: str) -> None:
    assert one_value(HER2_COPIES, make.quantity("5.1", unit)) == Decimal("5.1")


@pytest.mark.parametrize("unit", ["%", "ng/mL", "mg", "cells", "copies/mL", "{copies}/100 cells", "kg"])
@pytest.mark.parametrize("code", [HER2_COPIES, RATIO])
def test_wrong_units_are_refused_with_what_was_expected(code: str, unit: str) -> None:
    value = one_value(code, make.quantity("5.1", unit))
    assert reason_of(value) is Reason.UNPARSABLE_TEXT
    assert unit in value.detail
    assert "expected" in value.detail


@pytest.mark.parametrize("unit", ["%", "ng/mL", "copies/cell"])
def test_a_quantity_with_a_unit_is_no_ihc_score(unit: str) -> None:
    assert reason_of(one_value(IHC, make.quantity(3, unit))) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize("unit", ["copies/cell", "{copies}/{cell}", "/cell", "{copies}"])
@pytest.mark.parametrize("code", [RATIO, ISH])
def test_copies_per_cell_are_never_a_ratio(code: str, unit: str) -> None:
    assert not isinstance(facts_of(code, make.quantity("3.0", unit)).get("her2_cep17_ratio"), Decimal)


@pytest.mark.parametrize("words", ["6.2 copies/cell", "40 signals", "30 %"])
def test_words_with_another_unit_are_never_a_ratio(words: str) -> None:
    assert isinstance(one_value(RATIO, words), Unknown)


def test_a_percentage_in_words_is_never_copies() -> None:
    assert isinstance(one_value(HER2_COPIES, "80%"), Unknown)


@pytest.mark.parametrize("comparator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("code", [RATIO, HER2_COPIES])
def test_a_comparator_makes_an_interval(code: str, comparator: str) -> None:
    make_limit = below if comparator.startswith("<") else above
    limit = make_limit("2.2", included="=" in comparator)
    assert one_value(code, make.quantity(2.2, comparator=comparator)) == limit


@pytest.mark.parametrize("comparator", ["≤", "ad", "~", "less than", 5])
def test_a_comparator_that_is_not_understood_is_never_dropped(comparator: Any) -> None:
    assert not isinstance(one_value(RATIO, make.quantity(2.1, comparator=comparator)), Decimal)


def test_a_comparator_on_an_ihc_score_is_refused() -> None:
    assert reason_of(one_value(IHC, make.quantity(2, comparator=">"))) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize(("number", "score"), [(0, "0"), (1, "1+"), (2, "2+"), (3, "3+")])
def test_an_integer_is_an_ihc_score(number: int, score: str) -> None:
    assert one_value(IHC, {"valueInteger": number}) == score
    assert one_value(IHC, make.quantity(number)) == score
    assert one_value(IHC, make.quantity(number, "{score}")) == score


@pytest.mark.parametrize("number", [-1, 4, 30, 300])
def test_an_integer_that_is_no_score_is_refused(number: int) -> None:
    assert reason_of(one_value(IHC, {"valueInteger": number})) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize("code", [RATIO, HER2_COPIES])
def test_an_integer_is_a_number(code: str) -> None:
    assert one_value(code, {"valueInteger": 3}) == Decimal(3)


def test_an_integer_under_ish_presence_is_read_as_a_ratio_and_said() -> None:
    (event,) = make.events_of(ISH, {"valueInteger": 3})
    assert (event.fact, event.value) == ("her2_cep17_ratio", Decimal(3))
    assert "read as the HER2/CEP17 ratio" in event.note


def test_a_fhir_ratio_is_divided() -> None:
    ratio = {"numerator": {"value": 84}, "denominator": {"value": 40}}
    assert one_value(RATIO, {"valueRatio": ratio}) == Decimal("2.1")
    assert facts_of(ISH, {"valueRatio": ratio}) == {"her2_cep17_ratio": Decimal("2.1")}


@pytest.mark.parametrize(
    "ratio", [{}, {"numerator": {"value": 4}}, {"numerator": {"value": 4}, "denominator": {"value": 0}}]
)
def test_a_fhir_ratio_without_two_numbers_is_refused(ratio: dict[str, Any]) -> None:
    assert reason_of(one_value(RATIO, {"valueRatio": ratio})) is Reason.UNPARSABLE_TEXT


def test_a_fhir_ratio_is_no_ihc_score() -> None:
    ratio = {"numerator": {"value": 3}, "denominator": {"value": 1}}
    assert isinstance(one_value(IHC, {"valueRatio": ratio}), Unknown)


def test_a_range_is_an_interval() -> None:
    limits = {"low": {"value": 1.8}, "high": {"value": 2.2}}
    assert one_value(RATIO, {"valueRange": limits}) == Interval(Decimal("1.8"), Decimal("2.2"), True, True)
    assert one_value(HER2_COPIES, {"valueRange": {"low": {"value": 6}}}) == Interval(Decimal(6), None, True, True)
    backwards = {"low": {"value": 2.2}, "high": {"value": 1.8}}
    assert reason_of(one_value(RATIO, {"valueRange": backwards})) is Reason.IMPLAUSIBLE
    assert reason_of(one_value(IHC, {"valueRange": limits})) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize(("said", "result"), [(True, "positive"), (False, "negative")])
def test_a_boolean_says_whether_the_gene_is_amplified(said: bool, result: str) -> None:
    assert one_value(ISH, {"valueBoolean": said}) == result


def test_a_boolean_ihc_is_positive_or_negative_and_said_to_lack_a_score() -> None:
    (event,) = make.events_of(IHC, {"valueBoolean": False})
    assert event.value == ZERO_OR_ONE
    assert "no score was recorded" in event.note


@pytest.mark.parametrize("code", [RATIO, HER2_COPIES])
def test_a_boolean_is_no_number(code: str) -> None:
    assert reason_of(one_value(code, {"valueBoolean": True})) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize(
    ("system", "code", "score"),
    [
        (SNOMED, "10828004", "3+"), (SNOMED, "260385009", ZERO_OR_ONE), (SNOMED, "42425007", "2+"),
        (LOINC, "LA6576-8", "3+"), (LOINC, "LA6577-6", ZERO_OR_ONE), (LOINC, "LA6111-4", "0"),
        (LOINC, "LA11841-6", "1+"), (LOINC, "LA11842-4", "2+"), (LOINC, "LA11843-2", "3+"), (SNOMED, "385660001", NOT_REPORTED),
    ],
)  # fmt: skip
def test_coded_ihc_values(system: str, code: str, score: Value) -> None:
    assert one_value(IHC, make.coded(code, system)) == score


@pytest.mark.parametrize(
    ("system", "code", "result"),
    [
        (SNOMED, "10828004", "positive"), (SNOMED, "260385009", "negative"), (SNOMED, "42425007", "equivocal"),
        (LOINC, "LA6576-8", "positive"), (LOINC, "LA6577-6", "negative"), (SNOMED, "260415000", "negative"),
        (SNOMED, "385660001", NOT_REPORTED),
    ],
)  # fmt: skip
def test_coded_ish_values(system: str, code: str, result: Value) -> None:
    assert one_value(ISH, make.coded(code, system)) == result


@pytest.mark.parametrize("code", [IHC, ISH])
def test_an_indeterminate_code_is_a_failed_test(code: str) -> None:
    assert reason_of(one_value(code, make.coded("82334004"))) is Reason.ABSENT


def test_an_unknown_code_is_read_by_its_text() -> None:
    assert one_value(IHC, make.coded("X3", make.LOCAL, text="3+")) == "3+"
    assert one_value(ISH, make.coded("AMP", make.LOCAL, text="Amplified")) == "positive"
    assert one_value(RATIO, make.coded("R", make.LOCAL, text="less than 1.8")) == below("1.8")


def test_an_unknown_code_is_read_by_its_display_where_it_has_no_text() -> None:
    value = {"valueCodeableConcept": make.concept(make.coding("X3", make.LOCAL, "2+"))}
    assert one_value(IHC, value) == "2+"


def test_an_ish_with_an_unknown_code_is_not_an_ish_nobody_did(tmp_path: Path) -> None:
    """The code may mean amplified, so IHC 0 beside it does not make the status negative."""
    review = make.review_tests(
        tmp_path, make.observation(IHC, "0"), make.observation(ISH, make.coded("ZZ9", make.LOCAL))
    )
    assert "positive" in review.possible
    assert make.says(review, "unmapped code", "ZZ9")


@pytest.mark.parametrize(("code", "text"), [(IHC, None), (IHC, "see comment"), (ISH, "see comment")])
def test_an_unknown_code_alone_is_unmapped_and_names_the_code(code: str, text: str | None) -> None:
    value = one_value(code, make.coded("ZZ9", make.LOCAL, text=text))
    assert reason_of(value) is Reason.UNMAPPED_CODE
    assert f"{make.LOCAL} ZZ9" in value.detail


@pytest.mark.parametrize("code", [RATIO, HER2_COPIES])
def test_an_unknown_code_for_a_number_is_unknown(code: str) -> None:
    assert isinstance(one_value(code, make.coded("ZZ9", make.LOCAL)), Unknown)


def test_a_known_code_of_the_wrong_system_is_not_read_by_its_number() -> None:
    assert reason_of(one_value(IHC, make.coded("10828004", LOINC))) is Reason.UNMAPPED_CODE
    assert reason_of(one_value(IHC, make.coded("LA6576-8", SNOMED))) is Reason.UNMAPPED_CODE


def test_a_code_counts_before_its_text() -> None:
    assert one_value(ISH, make.coded(make.SNOMED_NEGATIVE, text="Negative (qualifier value)")) == "negative"


def test_a_listed_code_counts_wherever_it_stands() -> None:
    first, second = make.coding("P", make.LOCAL, "HER2 pos"), make.coding(make.SNOMED_POSITIVE, SNOMED)
    assert one_value(IHC, {"valueCodeableConcept": make.concept(first, second)}) == "3+"


@pytest.mark.parametrize("code", [IHC, ISH])
def test_codes_that_contradict_each_other_are_no_answer(code: str) -> None:
    codings = [make.coding(make.SNOMED_POSITIVE, SNOMED), make.coding(make.SNOMED_NEGATIVE, SNOMED)]
    value = one_value(code, {"valueCodeableConcept": make.concept(*codings)})
    assert reason_of(value) is Reason.CONTRADICTORY
    assert "codes that contradict each other: negative and positive" in value.detail


@pytest.mark.parametrize(("said", "code"), [("Positive 3+", make.SNOMED_NEGATIVE), ("Negative", make.SNOMED_POSITIVE)])
def test_a_code_that_contradicts_its_text_is_no_plain_answer(said: str, code: str) -> None:
    value = one_value(IHC, make.coded(code, text=said))
    assert value not in ("3+", ZERO_OR_ONE)


@pytest.mark.parametrize(("code", "score"), [("POS", "3+"), ("NEG", ZERO_OR_ONE), ("E", "2+")])
def test_an_interpretation_alone_is_read(code: str, score: Value) -> None:
    assert one_value(IHC, None, interpretation=[make.concept(make.coding(code, INTERPRETATION))]) == score


def test_an_interpretation_alone_is_read_for_an_ish() -> None:
    assert one_value(ISH, None, interpretation=[make.concept(make.coding("NEG", INTERPRETATION))]) == "negative"


def test_a_value_counts_before_its_interpretation() -> None:
    more = {"interpretation": [make.concept(make.coding("POS", INTERPRETATION))]}
    assert one_value(IHC, "3+", **more) == "3+"


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
def test_no_value_is_absent(code: str) -> None:
    assert one_value(code, None) == Unknown(Reason.ABSENT, "no value")


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
@pytest.mark.parametrize("reason", ["error", "unknown"])
def test_a_data_absent_reason_is_absent_with_its_reason(code: str, reason: str) -> None:
    absent = {"dataAbsentReason": make.concept(make.coding(reason, ABSENT_REASON))}
    assert one_value(code, absent) == Unknown(Reason.ABSENT, reason)


@pytest.mark.parametrize("code", [IHC, ISH, RATIO, HER2_COPIES])
def test_a_test_that_was_not_performed_is_not_reported(code: str) -> None:
    absent = {"dataAbsentReason": make.concept(make.coding("not-performed", ABSENT_REASON))}
    assert one_value(code, absent) == NOT_REPORTED


def test_a_data_absent_reason_counts_before_a_value() -> None:
    absent = {"dataAbsentReason": make.concept(text="no tumour in the block")}
    assert one_value(IHC, absent | make.text("3+")) == Unknown(Reason.ABSENT, "no tumour in the block")


@pytest.mark.parametrize("reason", ["temp-unknown", "masked"])
def test_an_ihc_that_exists_but_is_not_told_is_not_a_test_nobody_did(tmp_path: Path, reason: str) -> None:
    """The score may be 3+, so a normal ISH must not make the status negative."""
    absent = {"dataAbsentReason": make.concept(make.coding(reason, ABSENT_REASON))}
    review = make.review_tests(
        tmp_path, make.observation(IHC, absent), make.observation(RATIO, make.quantity(1.1)),
        make.observation(HER2_COPIES, make.quantity(2.0)),
    )  # fmt: skip
    assert "positive" in review.possible


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("2.0", Decimal("2.0")), ("2.00", Decimal("2.0")), ("1.9999999", Decimal("1.9999999")), ("2", Decimal(2)),
        ("1.99999999999999999999999", Decimal("1.99999999999999999999999")), ("2e0", Decimal(2)), ("20e-1", Decimal(2)),
    ],
)  # fmt: skip
def test_decimals_are_exact(digits: str, value: Decimal) -> None:
    assert quantity_as_written(RATIO, digits) == value
    assert one_value(RATIO, digits) == value
    assert one_value(RATIO, make.quantity(digits)) == value


def test_a_ratio_just_below_the_cut_is_below_it(tmp_path: Path) -> None:
    def status(ratio: str) -> str | None:
        tests = [
            make.observation(IHC, "2+"),
            make.observation(RATIO, ratio),
            make.observation(HER2_COPIES, make.quantity(4.1)),
        ]
        return make.review_tests(tmp_path, *tests).status

    assert status("2.0") == "positive"
    assert status("2.00") == "positive"
    assert status("1.9999999") is None
    assert status("1.99999999999999999999999") is None


@pytest.mark.parametrize("number", ["-4", "0", "-0.0", "1e308", "-1e308", "1e5000", "1e-99999999", "9" * 400])
@pytest.mark.parametrize("code", [RATIO, HER2_COPIES, CEP17_COPIES])
def test_numbers_that_cannot_be_are_implausible(number: str, code: str) -> None:
    value = quantity_as_written(code, number)
    if number == "1e-99999999":
        assert isinstance(value, Decimal)
    else:
        assert reason_of(value) is Reason.IMPLAUSIBLE


def test_a_ratio_that_contradicts_the_copies_is_found_and_both_are_kept(tmp_path: Path) -> None:
    review = make.review_tests(
        tmp_path, make.observation(IHC, "2+"), make.observation(RATIO, make.quantity(1.2)),
        make.observation(HER2_COPIES, make.quantity(6.0)), make.observation(CEP17_COPIES, make.quantity(2.0)),
    )  # fmt: skip
    assert make.says(review, "contradiction", "ratio 1.2 recorded, but 6.0 / 2.0 = 3.00")
    assert review.status is None
    assert set(review.possible) == {"positive", "adjudicate"}


def test_a_ratio_that_agrees_with_the_copies_after_rounding_is_no_contradiction(tmp_path: Path) -> None:
    review = make.review_tests(
        tmp_path, make.observation(RATIO, make.quantity(2.3)), make.observation(HER2_COPIES, make.quantity(6.0)),
        make.observation(CEP17_COPIES, make.quantity(2.6)),
    )  # fmt: skip
    assert not make.says(review, "contradiction")
    assert review.status == "positive"


def test_a_limit_that_contradicts_the_copies_is_found(tmp_path: Path) -> None:
    review = make.review_tests(
        tmp_path, make.observation(RATIO, "less than 1.8"), make.observation(HER2_COPIES, make.quantity(8.0)),
        make.observation(CEP17_COPIES, make.quantity(2.0)),
    )  # fmt: skip
    assert make.says(review, "contradiction")


@pytest.mark.parametrize(("word", "ratio", "copies"), [("not amplified", 2.5, 6.4), ("amplified", 1.1, 2.0)])
def test_an_ish_word_that_contradicts_its_numbers_is_a_contradiction(
    tmp_path: Path, word: str, ratio: float, copies: float
) -> None:
    review = make.review_tests(
        tmp_path, make.observation(IHC, "2+"), make.observation(ISH, word), make.observation(RATIO, make.quantity(ratio)),
        make.observation(HER2_COPIES, make.quantity(copies)),
    )  # fmt: skip
    assert review.status is None
    assert make.says(review, "contradiction")


def written_ratio(identity: str, digits: str) -> str:
    tests = [
        make.observation(RATIO, make.quantity("DIGITS"), subject=f"Patient/{identity}"),
        make.observation(HER2_COPIES, make.quantity(4.0), subject=f"Patient/{identity}"),
        make.observation(CEP17_COPIES, make.quantity(2.1), subject=f"Patient/{identity}"),
    ]
    return json.dumps(make.about(*tests, identity=identity)).replace('"DIGITS"', digits)


def test_a_ratio_may_be_rounded_as_far_as_it_is_written(tmp_path: Path) -> None:
    """4.0 / 2.1 may be 1.975 before rounding: 2.0 can be that, 2.00 cannot."""
    for digits, status in (("2.0", "positive"), ("2.00", None)):
        path = tmp_path / "one.json"
        path.write_text(written_ratio("p1", digits))
        patients, _ = make.review_of(path)
        assert [each.status for each in patients] == [status]


@pytest.mark.parametrize("first", ["2.0", "2.00"])
def test_a_patient_is_decided_alike_whoever_came_before(tmp_path: Path, first: str) -> None:
    second = {"2.0": "2.00", "2.00": "2.0"}[first]
    path = tmp_path / "two.ndjson"
    path.write_text(written_ratio("p1", first) + "\n" + written_ratio("p2", second) + "\n")
    patients, _ = make.review_of(path)
    statuses = dict(zip((first, second), (each.status for each in patients), strict=True))
    assert statuses == {"2.0": "positive", "2.00": None}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("positive", "positive"), ("HER2 negative", "negative"), ("HER2-low", "negative"), ("Equivocal", "equivocal"),
        ("HER2: positive", "positive"),
    ],
)  # fmt: skip
def test_an_overall_interpretation_is_a_recorded_status_and_no_test(words: str, status: str) -> None:
    assert facts_of(OVERALL, words) == {RECORDED_STATUS: status}


def test_an_overall_interpretation_that_is_a_score_is_read_as_one() -> None:
    assert facts_of(OVERALL, "2+") == {"ihc_score": "2+"}


@pytest.mark.parametrize("words", ["see comment", "triple negative", "not negative"])
def test_an_overall_interpretation_that_cannot_be_read_is_unknown(words: str) -> None:
    assert reason_of(facts_of(OVERALL, words)[RECORDED_STATUS]) is Reason.UNPARSABLE_TEXT


@pytest.mark.parametrize("unit", ["%", "ng/mL", "copies/cell"])
def test_an_overall_interpretation_with_a_unit_is_no_score(unit: str) -> None:
    assert "ihc_score" not in facts_of(OVERALL, make.quantity(3, unit))


@pytest.mark.parametrize("words", ["1+++", "2+++", "0+++"])
def test_plus_signs_that_contradict_the_digit_are_refused(words: str) -> None:
    assert isinstance(one_value(IHC, words), Unknown)
