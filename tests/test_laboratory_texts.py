"""What laboratories write about HER2: texts that are read, that contradict themselves, and that are refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from fhir_makers import HER2_COPIES, IHC, ISH, OVERALL, RATIO, facts_of
from her2path.facts.codes import read_codes
from her2path.facts.value import NOT_REPORTED, Interval, OneOf, Reason, Unknown
from her2path.facts.words.texts import NotUnderstood
from her2path.record.event import RECORDED_STATUS, ZERO_PLUS

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CASES = Path(__file__).parent / "records"
OPEN_ZERO = {"ihc_score": "0", "any_membrane_staining": Unknown(Reason.ABSENT, ZERO_PLUS)}


def either(*scores: str) -> OneOf:
    return OneOf(frozenset(scores))


IHC_TEXTS: list[tuple[str, dict[str, Any]]] = [
    ("Negative (Score 1+)", {"ihc_score": "1+"}), ("Equivocal (Score 2+)", {"ihc_score": "2+"}),
    ("Positive (Score 3+)", {"ihc_score": "3+"}), ("Negative (Score 0)", {"ihc_score": "0"}),
    ("Negative (Score 0+)", OPEN_ZERO), ("0+", OPEN_ZERO), ("Score: 0+", OPEN_ZERO),
    ("Negative (Score 0): no membrane staining detected", {"ihc_score": "0", "any_membrane_staining": "no"}),
    (
        "Negative (Score 0+): incomplete, faint / barely perceptible staining in <=10% of cells",
        {"ihc_score": "0", "any_membrane_staining": "yes"},
    ),
    ("Negative (Score 1+): incomplete, faint / barely perceptible staining in >10% of cells", {"ihc_score": "1+"}),
    ("Positive (Score 3+): circumferential, complete, intense staining in >10% of cells", {"ihc_score": "3+"}),
    ("Negative (IHC 1+)", {"ihc_score": "1+"}), ("IHC 3+ Overexpressed", {"ihc_score": "3+"}),
    ("HER2/neu: Negative (score 1+)", {"ihc_score": "1+"}), ("Her-2/neu: 0 (negative)", {"ihc_score": "0"}),
    ("3+ (score positive)", {"ihc_score": "3+"}), ("Positive, 3+", {"ihc_score": "3+"}), ("IHC: 3+", {"ihc_score": "3+"}),
    ("HER-2/neu protein expression: 2+ equivocal", {"ihc_score": "2+"}), ("3+ strongly positive", {"ihc_score": "3+"}),
    ("+++", {"ihc_score": "3+"}), ("++", {"ihc_score": "2+"}), ("(+++)", {"ihc_score": "3+"}), ("3 (+)", {"ihc_score": "3+"}),
    ("3 plus", {"ihc_score": "3+"}), ("three plus", {"ihc_score": "3+"}), ("+3", {"ihc_score": "3+"}), ("3", {"ihc_score": "3+"}),
    ("0/3+", {"ihc_score": "0"}), ("NEGATIVE, 0/3+", {"ihc_score": "0"}), ("2+/3", {"ihc_score": "2+"}), ("1/3", {"ihc_score": "1+"}),
    ("2/3+", {"ihc_score": "2+"}), ("score 2 of 3", {"ihc_score": "2+"}), ("3+/3", {"ihc_score": "3+"}),
    ("1+/2+", {"ihc_score": either("1+", "2+")}), ("2+/3+", {"ihc_score": either("2+", "3+")}), ("0-1+", {"ihc_score": either("0", "1+")}),
    ("Negative (0 or 1+)", {"ihc_score": either("0", "1+")}), ("3+ (2+ outside)", {"ihc_score": either("2+", "3+")}),
    ("3+ (2+ focal)", {"ihc_score": either("2+", "3+")}), ("3+ in 80 % of tumour cells", {"ihc_score": "3+"}),
    ("IHC 0 (null)", {"ihc_score": "0", "any_membrane_staining": "no"}), ("HER2 null", {"ihc_score": "0", "any_membrane_staining": "no"}),
    ("ultralow", {"ihc_score": "0", "any_membrane_staining": "yes"}), ("HER2-ultralow", {"ihc_score": "0", "any_membrane_staining": "yes"}),
    ("HER2-low", {"ihc_score": either("1+", "2+"), "ish_result": "negative"}), ("Low (1+)", {"ihc_score": "1+"}),
    ("2+ (equivocal), FISH pending", {"ihc_score": "2+", "ish_result": Reason.PRELIMINARY}),
    ("Negative (1+ by IHC, FISH not performed)", {"ihc_score": "1+", "ish_result": NOT_REPORTED}),
    (
        "HER2: negative (2+ by IHC; FISH: ratio 1.3, non-amplified)",
        {"ihc_score": "2+", "ish_result": "negative", "her2_cep17_ratio": Decimal("1.3")},
    ),
    ("Positive (2+, FISH amplified)", {"ihc_score": "2+", "ish_result": "positive"}),
    ("Negative by FISH, 1+ by IHC", {"ihc_score": "1+", "ish_result": "negative"}),
    ("IHC 2+ / FISH neg", {"ihc_score": "2+", "ish_result": "negative"}), ("No overexpression", {"ihc_score": either("0", "1+")}),
    ("Negativ (Score 0)", {"ihc_score": "0"}), ("Score 2+, FISH nicht amplifiziert", {"ihc_score": "2+", "ish_result": "negative"}),
    ("Überexpression 3+", {"ihc_score": "3+"}), ("HER2 négatif (score 1+)", {"ihc_score": "1+"}), ("Negativo (1+)", {"ihc_score": "1+"}),
]  # fmt: skip
ISH_TEXTS: list[tuple[str, dict[str, Any]]] = [
    ("Amplified (ratio 2.3, copies 5.6)", {"ish_result": "positive", "her2_cep17_ratio": Decimal("2.3"), "her2_copies": Decimal("5.6")}),
    ("Non-Amplified; HER2/CEP17 = 1.1", {"ish_result": "negative", "her2_cep17_ratio": Decimal("1.1")}),
    ("Not amplified (ratio 1.2)", {"ish_result": "negative", "her2_cep17_ratio": Decimal("1.2")}),
    ("HER2/CEP17 ratio 1.1; HER2 copy number 3.2", {"her2_cep17_ratio": Decimal("1.1"), "her2_copies": Decimal("3.2")}),
    ("2.3 (positive)", {"ish_result": "positive", "her2_cep17_ratio": Decimal("2.3")}),
    ("HER2 amplified, ratio 4.2", {"ish_result": "positive", "her2_cep17_ratio": Decimal("4.2")}),
    ("Ratio: 2.3", {"her2_cep17_ratio": Decimal("2.3")}), ("HER2/CEP 17 ratio: 2,3", {"her2_cep17_ratio": Decimal("2.3")}),
    ("GT 2.0", {"her2_cep17_ratio": Interval(Decimal("2.0"), None)}), (">=2.0", {"her2_cep17_ratio": Interval(Decimal("2.0"), None, True)}),
    (
        "ratio 1.3; HER2 3.4 copies/cell; CEP17 2.6 copies/cell",
        {"her2_cep17_ratio": Decimal("1.3"), "her2_copies": Decimal("3.4"), "cep17_copies": Decimal("2.6")},
    ),
    ("Amplified, ratio 1.5, copies 7.2", {"ish_result": "positive", "her2_cep17_ratio": Decimal("1.5"), "her2_copies": Decimal("7.2")}),
    ("Negative for amplification", {"ish_result": "negative"}), ("Positive for HER2 amplification", {"ish_result": "positive"}),
    ("No evidence of amplification", {"ish_result": "negative"}), ("amplification: NOT detected", {"ish_result": "negative"}),
    ("No HER2 gene amplification detected", {"ish_result": "negative"}), ("HER2 gene amplification is not detected", {"ish_result": "negative"}),
    ("ISH positive", {"ish_result": "positive"}), ("D-DISH not amplified", {"ish_result": "negative"}), ("Group 5", {"ish_group": "5"}),
    ("Negative (not amplified, Group 5 result)", {"ish_result": "negative", "ish_group": "5"}), ("Group 2 ISH result (with IHC 0-2+)", {"ish_group": "2"}),
    ("ratio 2.3 (group 1)", {"her2_cep17_ratio": Decimal("2.3"), "ish_group": "1"}), ("HER2/CEP17 ratio: 1.1 (ref <2.0)", {"her2_cep17_ratio": Decimal("1.1")}),
    ("nicht amplifiziert (Ratio 1,2)", {"ish_result": "negative", "her2_cep17_ratio": Decimal("1.2")}), ("keine HER2-Amplifikation", {"ish_result": "negative"}),
    ("non amplifié", {"ish_result": "negative"}), ("amplifié, ratio 3.2", {"ish_result": "positive", "her2_cep17_ratio": Decimal("3.2")}),
    ("FISH: not done", {"ish_result": NOT_REPORTED}), ("pending", {"ish_result": Reason.PRELIMINARY}), ("no amplificado", {"ish_result": "negative"}),
]  # fmt: skip


def read(code: str, text: str) -> dict[str, Any]:
    """The facts of a text; of what is pending only the reason."""
    return {
        fact: value.reason if isinstance(value, Unknown) and value.reason is Reason.PRELIMINARY else value
        for fact, value in facts_of(code, text).items()
    }


@pytest.mark.parametrize(("text", "facts"), IHC_TEXTS)
def test_texts_of_ihc(text: str, facts: dict[str, Any]) -> None:
    assert read(IHC, text) == facts


@pytest.mark.parametrize(("text", "facts"), ISH_TEXTS)
def test_texts_of_ish(text: str, facts: dict[str, Any]) -> None:
    assert read(ISH, text) == facts


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (IHC, "Negative (3+)"), (IHC, "Positive (Score 1+)"), (IHC, "3+ 1+"), (IHC, "no overexpression (3+)"), (IHC, "HER2-low (3+)"),
        (IHC, "3+ in 5% of tumor cells"), (IHC, "Negative (2+, FISH amplified)"), (IHC, "1+ (no staining)"), (IHC, "positive/negative"),
        (ISH, "Amplified (ratio 1.2)"), (ISH, "Not amplified (ratio 4.2)"), (ISH, "Amplified (not amplified)"), (ISH, "ratio 2.3 and 1.1"),
        (ISH, "ratio 1.2 (group 1)"), (ISH, "ratio 4.1, copies 9.0, not amplified"), (OVERALL, "Negative (3+)"), (OVERALL, "positive (0)"),
    ],
)  # fmt: skip
def test_a_text_that_says_two_things_is_a_contradiction(code: str, text: str) -> None:
    (value,) = facts_of(code, text).values()
    assert isinstance(value, Unknown)
    assert value.reason is Reason.CONTRADICTORY
    assert text in value.detail


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (IHC, "see report"), (IHC, "3+?"), (IHC, "probably 3+"), (IHC, "not 3+"), (IHC, "no 3+ staining"), (IHC, "1+2"), (IHC, "2+3+"),
        (IHC, "++++"), (IHC, "+"), (IHC, "H-score 210"), (IHC, "Allred 8"), (IHC, "triple negative"), (IHC, "ER positive, HER2 negative"),
        (IHC, "weakly positive"), (IHC, "low"), (IHC, "focal 3+"), (IHC, "positive control 3+"), (IHC, "HER2"), (IHC, "4+"),
        (IHC, "2.5"), (IHC, "3+ in DCIS only"), (ISH, "polysomy"), (ISH, "3+"), (ISH, "Group 6"), (ISH, "84 signals"),
        (ISH, "total HER2 signals 84"), (ISH, "amplification suspected"), (ISH, "not"), (RATIO, "amplified"), (HER2_COPIES, "3+"),
    ],
)  # fmt: skip
def test_a_text_that_is_not_understood_is_refused(code: str, text: str) -> None:
    (value,) = facts_of(code, text).values()
    assert isinstance(value, Unknown)
    assert value.reason in (Reason.UNPARSABLE_TEXT, Reason.IMPLAUSIBLE)
    assert text in value.detail


def test_the_nearest_phrase_is_told() -> None:
    texts = read_codes().texts
    assert texts.read("equivocall") == NotUnderstood("equivocall", "equivocal")
    (value,) = facts_of(ISH, "non-amplifed, ratio 1.2").values()
    assert isinstance(value, Unknown)
    assert "nearest is 'non-amplified'" in value.detail


def test_every_phrase_is_understood_and_says_something_known() -> None:
    texts = read_codes().texts
    fillings = {"plus": "2+", "bare": "2", "digit": "2", "score": "2+", "group": "3", "number": "2.3"}
    for phrase in texts.phrases:
        written = phrase.written
        for place, filling in fillings.items():
            written = written.replace(f"{{{place}}}", filling)
        assert not isinstance(texts.read(written), NotUnderstood), phrase.written


SAYS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "a text adds the score", {"valueCodeableConcept": make.concept(make.coding(make.SNOMED_NEGATIVE, make.SNOMED), text="1+")},
        {"ihc_score": "1+"},
    ),
    (
        "an interpretation agrees",
        {"valueString": "3+", "interpretation": [make.concept(make.coding("POS", INTERPRETATION))]}, {"ihc_score": "3+"},
    ),
    (
        "a flag is no answer", {"valueString": "1+", "interpretation": [make.concept(make.coding("N", INTERPRETATION))]},
        {"ihc_score": "1+"},
    ),
    ("a note adds the score", {"valueString": "Negative", "note": [{"text": "HER2 score 1+"}]}, {"ihc_score": "1+"}),
    (
        "an interpretation alone", {"interpretation": [make.concept(make.coding("POS", INTERPRETATION))]}, {"ihc_score": "3+"},
    ),
    (
        "a text that only refers elsewhere",
        {"valueCodeableConcept": make.concept(make.coding(make.SNOMED_POSITIVE, make.SNOMED), text="see comment")}, {"ihc_score": "3+"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value", "facts"), SAYS, ids=[what for what, *_ in SAYS])
def test_what_stands_beside_an_answer_adds_to_it(what: str, value: dict[str, Any], facts: dict[str, Any]) -> None:
    assert facts_of(IHC, value) == facts


DISAGREE: list[tuple[str, dict[str, Any]]] = [
    ("text", {"valueCodeableConcept": make.concept(make.coding(make.SNOMED_NEGATIVE, make.SNOMED), text="3+ (positive)")}),
    ("display", {"valueCodeableConcept": make.concept(make.coding(make.SNOMED_POSITIVE, make.SNOMED, "Negative"))}),
    ("display of a score", {"valueCodeableConcept": make.concept(make.coding("LA11843-2", make.LOINC, "1+"))}),
    ("interpretation", {"valueString": "1+", "interpretation": [make.concept(make.coding("POS", INTERPRETATION))]}),
    ("interpretation of a number", {"valueInteger": 3, "interpretation": [make.concept(make.coding("NEG", INTERPRETATION))]}),
    ("interpretations", {"valueString": "3+", "interpretation": [
        make.concept(make.coding("NEG", INTERPRETATION), make.coding("POS", INTERPRETATION))]}),
    ("note", {"valueString": "Negative", "note": [{"text": "3+ (positive)"}]}),
    ("text that is not understood as a whole", {"valueCodeableConcept": make.concept(
        make.coding(make.SNOMED_NEGATIVE, make.SNOMED), text="the invasive part shows 3+ in most areas")}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value"), DISAGREE, ids=[what for what, _ in DISAGREE])
def test_an_answer_that_contradicts_its_words_is_not_read(what: str, value: dict[str, Any], tmp_path: Path) -> None:
    (read_value,) = facts_of(IHC, value).values()
    assert isinstance(read_value, Unknown)
    assert read_value.reason is Reason.CONTRADICTORY
    review = make.review_tests(tmp_path, make.observation(IHC, value))
    assert review.status is None
    assert make.says(review, "contradiction", "ihc_score unknown")


def test_words_alone_under_the_overall_code_are_no_test() -> None:
    assert facts_of(OVERALL, "HER2-low") == {RECORDED_STATUS: "negative"}
    assert facts_of(OVERALL, "Positive (3+)") == {RECORDED_STATUS: "positive", "ihc_score": "3+"}


STATUSES = {
    "P15-cap-ecc-answers.ndjson": ["negative", "equivocal", "positive", "negative"],
    "P15-her2-ihc-texts.ndjson": [
        "negative", "negative", "positive", "equivocal", "positive", "negative", "negative", "negative", "negative", "negative",
        "positive", "negative", "negative", "negative", None, "positive", "positive", "negative", "negative", "positive", "positive",
        "equivocal", "equivocal", "equivocal", "negative", "negative", "negative",
    ],
    "P15-her2-fish-texts.ndjson": [
        "positive", "negative", "negative", "positive", "negative", "positive", "negative", "negative", None, "positive", "negative",
        "positive", "positive", "negative", None, None, None,
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STATUSES)
def test_files_of_laboratories(name: str) -> None:
    patients, troubles = make.review_of(CASES / name)
    assert not troubles
    assert [patient.status for patient in patients] == STATUSES[name]


def test_a_score_beside_a_word_that_leaves_it_open_is_that_score(tmp_path: Path) -> None:
    part = make.component(IHC, "1+")
    for tests in (
        [make.observation(IHC, "Negative", components=[part])],
        [make.observation(IHC, "Negative"), make.observation(IHC, "1+", identity="o2")],
    ):
        review = make.review_tests(tmp_path, *tests)
        assert (review.status, review.expression) == ("negative", "low")
        assert not make.says(review, "contradiction")
    apart = make.review_tests(tmp_path, make.observation(IHC, "Negative", components=[make.component(IHC, "3+")]))
    assert apart.status is None
    assert make.says(apart, "contradiction", "results differ on one day (Negative and 3+)")


def test_a_status_recorded_as_unknown_is_told_and_is_not_none(tmp_path: Path) -> None:
    review = make.review_tests(tmp_path, make.observation(OVERALL, make.coded("261665006")))
    assert review.unknown_tests
    assert make.says(review, "recorded status unknown")


OBDS = (
    "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-mamma-her2neu-status-obds"
)


@pytest.mark.parametrize(
    ("codings", "facts"),
    [
        ((("P", OBDS), ("positiv", OBDS.replace("obds", "leitlinie"))), {RECORDED_STATUS: "positive"}),
        ((("N", OBDS), ("low", OBDS.replace("obds", "leitlinie"))), {RECORDED_STATUS: "negative"}),
        ((("N", OBDS), ("ultralow", OBDS.replace("obds", "leitlinie"))), {RECORDED_STATUS: "negative", "ihc_score": "0", "any_membrane_staining": "yes"}),
    ],
)  # fmt: skip
def test_the_status_of_the_german_oncology_module(codings: Any, facts: dict[str, Any]) -> None:
    value = {"valueCodeableConcept": make.concept(*(make.coding(code, system) for code, system in codings))}
    assert facts_of(OVERALL, value) == facts
