"""Codes that are easily taken for another: each trap as a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from fhir_makers import (
    HER2_COPIES,
    ICD10CM,
    IHC,
    IHC_ANY_TISSUE,
    ISH,
    ISH_ANY_TISSUE,
    LOINC,
    OVERALL,
    RATIO,
    SNOMED,
    coding,
    concept,
    facts_of,
)
from her2path.facts.codes import check_digit_holds, read_codes, system_name
from her2path.facts.value import Interval
from her2path.findings.reviews import PatientReview
from her2path.record.event import RECORDED_STATUS

BY_IMMUNOASSAY = ("72383-3", "72382-5")
IN_SERUM = ("32996-1", "42914-2", "51981-9")
NEVER_SEEN = ("85328-3", "42783-1", "48675-3", "104279-5")


def review_with(folder: Path, *resources: dict[str, Any], **settings: Any) -> PatientReview:
    """The review of a patient whose conditions are all among the resources."""
    return make.review_bundle(folder, make.bundle(make.patient(), *resources), **settings)


def test_an_overall_code_beside_an_ihc_code_is_an_ihc() -> None:
    for codes in ((OVERALL, IHC), (IHC, OVERALL)):
        about = concept(*(coding(code) for code in codes))
        assert facts_of(about, "3+") == {"ihc_score": "3+"}


def test_an_overall_code_beside_an_ish_code_is_an_ish() -> None:
    assert facts_of(concept(coding(OVERALL), coding(ISH)), "Amplified") == {"ish_result": "positive"}


def test_a_ratio_code_beside_an_ish_code_is_a_ratio() -> None:
    assert list(facts_of(concept(coding(ISH), coding(RATIO)), make.quantity(2.4))) == ["her2_cep17_ratio"]


@pytest.mark.parametrize("other", [ISH, RATIO, HER2_COPIES])
def test_one_observation_coded_as_ihc_and_as_ish_is_read_as_neither(other: str) -> None:
    record = make.record_of(make.observation(concept(coding(IHC), coding(other)), "3+"))
    assert not record.events
    (trouble,) = record.troubles
    assert trouble.what.startswith("one observation is coded as several tests: ")


def test_one_observation_coded_as_ratio_and_as_copies_is_read_as_neither() -> None:
    record = make.record_of(make.observation(concept(coding(RATIO), coding(HER2_COPIES)), make.quantity(3.0)))
    assert not record.events


@pytest.mark.parametrize("other", [*IN_SERUM, *BY_IMMUNOASSAY])
def test_one_observation_coded_as_serum_and_as_ihc_is_not_read_as_ihc(other: str) -> None:
    assert not make.events_of(concept(coding(other), coding(IHC)), "3+")


@pytest.mark.parametrize("words", ["less than 1.8", "greater than 2.2"])
@pytest.mark.parametrize("code", [ISH, ISH_ANY_TISSUE])
def test_a_presence_code_used_for_a_ratio_is_read_as_one_and_said(code: str, words: str) -> None:
    (event,) = make.events_of(code, words)
    assert event.fact == "her2_cep17_ratio"
    assert isinstance(event.value, Interval)
    assert "a number under an ISH presence code is read as the HER2/CEP17 ratio" in event.note


def test_the_code_of_gene_duplication_in_tumour_is_a_presence_and_not_the_ratio() -> None:
    codes = read_codes()
    assert codes.tests["LOINC", "96893-3"] == "ish"
    assert codes.tests["LOINC", RATIO] == "ratio"
    assert facts_of("96893-3", "Amplified") == {"ish_result": "positive"}


@pytest.mark.parametrize("code", [*IN_SERUM, *BY_IMMUNOASSAY, *NEVER_SEEN])
@pytest.mark.parametrize(
    "value", [make.text("3+"), make.coded(make.SNOMED_POSITIVE), make.quantity(3), make.quantity(15.2, "ng/mL")]
)
def test_other_her2_tests_are_never_an_ihc_score(code: str, value: dict[str, Any]) -> None:
    record = make.record_of(make.observation(code, value))
    assert not record.events
    (passed_over,) = record.passed_over
    assert code in passed_over.what
    assert "is no IHC or ISH of tissue" in passed_over.what


@pytest.mark.parametrize("code", [IN_SERUM[0], BY_IMMUNOASSAY[0], NEVER_SEEN[0]])
def test_what_is_passed_over_is_told_and_leaves_no_test(tmp_path: Path, code: str) -> None:
    review = make.review_tests(tmp_path, make.observation(code, make.coded(make.SNOMED_POSITIVE)))
    assert review.status is None
    assert not review.has_tests
    assert make.says(review, "not used", code)


def test_other_her2_tests_as_components_are_not_read() -> None:
    parts = [make.component(code, "3+") for code in (*IN_SERUM, *BY_IMMUNOASSAY, *NEVER_SEEN)]
    assert not make.events_of(make.ISH_PANEL, components=parts)


@pytest.mark.parametrize("system", [None, ""])
def test_a_code_without_a_system_is_not_read_and_is_told(tmp_path: Path, system: str | None) -> None:
    review = make.review_tests(tmp_path, make.observation(concept(coding(IHC, system)), "3+"))
    assert review.status is None
    assert make.says(review, "unreadable", IHC, "expected http://loinc.org")


@pytest.mark.parametrize("system", [make.LOCAL, "LOINCX", "urn:oid:1.2.3"])
def test_a_code_of_an_unknown_system_is_not_read_and_is_told(tmp_path: Path, system: str) -> None:
    review = make.review_tests(tmp_path, make.observation(concept(coding(IHC, system)), "3+"))
    assert review.status is None
    assert make.says(review, IHC, system)


@pytest.mark.parametrize("system", [SNOMED, ICD10CM])
def test_a_code_of_another_system_is_not_read(system: str) -> None:
    assert not make.events_of(concept(coding(IHC, system)), "3+")


@pytest.mark.parametrize("system", [SNOMED, ICD10CM])
def test_a_code_of_another_system_is_told(tmp_path: Path, system: str) -> None:
    review = make.review_tests(tmp_path, make.observation(concept(coding(IHC, system)), "3+"))
    assert make.says(review, "unreadable", IHC)


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("2106-3", LOINC), ("2106-3", "urn:oid:2.16.840.1.113883.6.238"), ("2118-8", "urn:oid:2.16.840.1.113883.6.238"),
        ("33878-0", LOINC), ("428941002", SNOMED), ("427685000", SNOMED),
    ],
)  # fmt: skip
def test_codes_that_say_nothing_of_a_her2_test_leave_nothing(code: str, system: str) -> None:
    record = make.record_of(make.observation(concept(coding(code, system)), "Positive"))
    assert not record.events
    assert not record.troubles


@pytest.mark.parametrize(
    "address",
    [
        "http://loinc.org", "http://loinc.org|2.77", "http://loinc.org/", "https://loinc.org",
        "urn:oid:2.16.840.1.113883.6.1", "2.16.840.1.113883.6.1", "http://www.loinc.org/", "LOINC", "loinc", "LN",
    ],
)  # fmt: skip
def test_addresses_of_loinc(address: str) -> None:
    assert system_name(address) == "LOINC"
    assert facts_of(concept(coding(IHC, address)), "2+") == {"ihc_score": "2+"}


@pytest.mark.parametrize("address", [None, "", "http://loinc.org.example", "http://loinc.organisation", "loinc-local"])
def test_addresses_that_are_not_loinc(address: str | None) -> None:
    assert system_name(address) == ""


def test_a_snomed_edition_is_snomed() -> None:
    assert system_name("http://snomed.info/sct/version/20250101") == "SNOMED"
    assert system_name("http://snomed.info/sct|http://snomed.info/sct/731000124108") == "SNOMED"


def test_the_display_of_a_listed_code_does_not_matter() -> None:
    for display in ("Ki-67", "HER2 Ag [Presence] in Breast cancer specimen by Immune stain", ""):
        assert facts_of(concept(coding(IHC, LOINC, display)), "3+") == {"ihc_score": "3+"}


@pytest.mark.parametrize("display", ["HER2 [Presence] in Urine", "ERBB2 gene mutation analysis", "Her-2/neu Ag"])
def test_a_code_we_do_not_know_whose_display_names_her2_is_told(tmp_path: Path, display: str) -> None:
    review = make.review_tests(tmp_path, make.observation(concept(coding("10351-5", LOINC, display)), "Positive"))
    assert review.status is None
    assert make.says(review, "unreadable", "LOINC 10351-5 speaks of HER2 but is not a code we know")


def test_a_wrong_check_digit_is_told() -> None:
    wrong = make.record_of(make.observation(concept(coding("85319-3", LOINC, "HER2 by immune stain")), "3+"))
    right = make.record_of(make.observation(concept(coding("10351-5", LOINC, "HER2 by immune stain")), "3+"))
    assert not wrong.events
    assert not right.events
    assert "its check digit is wrong" in wrong.troubles[0].what
    assert "check digit" not in right.troubles[0].what


@pytest.mark.parametrize(
    "about",
    [
        concept(coding("X1", make.LOCAL, "HER2 by IHC")), concept(coding("X1", make.LOCAL), text="HER2 by IHC"),
        concept(text="HER2 by IHC"), concept(coding("X1", None, "HER2 IHC score")),
    ],
)  # fmt: skip
def test_a_her2_test_under_a_code_of_the_hospital_is_told(tmp_path: Path, about: dict[str, Any]) -> None:
    review = make.review_tests(tmp_path, make.observation(about, "3+"))
    assert review.status is None
    assert make.says(review, "unreadable", "HER2")


@pytest.mark.parametrize(
    ("system", "code", "holds"),
    [
        ("LOINC", "85319-2", True), ("LOINC", "85319-3", False), ("LOINC", "49683-6", True), ("LOINC", "LA6576-8", True),
        ("LOINC", "LP12345-6", True), ("LOINC", "85319", False), ("LOINC", "", False), ("LOINC", "abc-1", False),
        ("SNOMED", "10828004", True), ("SNOMED", "260385009", True), ("SNOMED", "1222806001", False),
        ("SNOMED", "1222806003", True), ("SNOMED", "1222593007", False), ("SNOMED", "1222594001", False),
        ("SNOMED", "427685000", True), ("SNOMED", "431396003", True), ("SNOMED", "", False), ("SNOMED", "12a", False),
        ("ICD-10-CM", "C50.911", True),
    ],
)  # fmt: skip
def test_check_digits(system: str, code: str, holds: bool) -> None:
    assert check_digit_holds(system, code) is holds


def test_every_code_that_ships_has_a_right_check_digit() -> None:
    codes = read_codes()
    for table in (codes.tests, codes.answers, codes.specimens, codes.diagnoses):
        assert not [key for key in table if not check_digit_holds(*key)]


@pytest.mark.parametrize(
    ("code", "system", "site", "status"),
    [
        ("427685000", SNOMED, "breast", "positive"), ("431396003", SNOMED, "breast", "negative"),
        ("706970001", SNOMED, "breast", "negative"), ("878807001", SNOMED, "gastric", "positive"),
        ("Z17.31", ICD10CM, "", "positive"), ("Z17.32", ICD10CM, "", "negative"), ("Z17.410", ICD10CM, "", "positive"),
        ("Z17.411", ICD10CM, "", "negative"), ("Z17.420", ICD10CM, "", "positive"), ("Z17.421", ICD10CM, "", "negative"),
        ("C50.911", ICD10CM, "breast", ""), ("c50.911", ICD10CM, "breast", ""), ("C50.A1", ICD10CM, "breast", ""),
        ("C50", ICD10CM, "breast", ""), ("C16.0", ICD10CM, "gastric", ""), ("C16.9", ICD10CM, "gastric", ""),
        ("C15.5", ICD10CM, "other", ""), ("C79.81", ICD10CM, "other", ""), ("C5", ICD10CM, "", ""), ("C18.9", ICD10CM, "other", ""), ("C61", ICD10CM, "other", ""), ("C79.5", ICD10CM, "", ""),
        ("Z17.0", ICD10CM, "", ""), ("C50.911", LOINC, "", ""), ("", ICD10CM, "", ""),
    ],
)  # fmt: skip
def test_diagnoses(code: str, system: str, site: str, status: str) -> None:
    assert read_codes().diagnosis((system_name(system), code)) == (site, status)


@pytest.mark.parametrize(
    ("code", "system", "status"),
    [("427685000", SNOMED, "positive"), ("431396003", SNOMED, "negative"), ("Z17.31", ICD10CM, "positive"), ("Z17.411", ICD10CM, "negative")],
)  # fmt: skip
def test_a_diagnosis_is_no_test(tmp_path: Path, code: str, system: str, status: str) -> None:
    review = make.review_tests(tmp_path, make.condition(code, system, identity="c2"))
    assert review.status is None
    assert not review.has_tests
    assert make.says(review, "missing", f"a diagnosis says HER2 {status}", "no test is recorded")


@pytest.mark.parametrize(("code", "score"), [("427685000", "0"), ("431396003", "3+")])
def test_a_diagnosis_that_contradicts_the_tests_is_found(tmp_path: Path, code: str, score: str) -> None:
    review = make.review_tests(
        tmp_path, make.condition(code, SNOMED, identity="c2"), make.observation(IHC_ANY_TISSUE, score)
    )
    assert review.status == {"0": "negative", "3+": "positive"}[score]
    assert make.says(review, "contradiction", "a diagnosis says HER2", f"the tests come out {review.status}")


@pytest.mark.parametrize(("code", "score"), [("427685000", "3+"), ("431396003", "0")])
def test_a_diagnosis_that_agrees_is_no_finding(tmp_path: Path, code: str, score: str) -> None:
    review = make.review_tests(tmp_path, make.condition(code, SNOMED, identity="c2"), make.observation(IHC, score))
    assert not make.says(review, "diagnosis")


@pytest.mark.parametrize("code", ["C50.911", "C50.A1", "C50.A0", "C50.1"])
def test_icd_breast(tmp_path: Path, code: str) -> None:
    review = review_with(tmp_path, make.condition(code), make.observation(IHC_ANY_TISSUE, "3+"))
    assert review.site == "breast"
    assert not make.says(review, "no tumour site is named")


@pytest.mark.parametrize("code", ["C16.0", "C16.3", "C16"])
def test_icd_gastric(tmp_path: Path, code: str) -> None:
    review = review_with(tmp_path, make.condition(code), make.observation(IHC_ANY_TISSUE, "3+"))
    assert review.site == "gastric"
    assert review.specimens[0].status.edition.key == "cap-2016"


@pytest.mark.parametrize("code", ["C15.5", "C79.81", "C15.9"])
def test_other_tumours_are_not_gastric_and_name_no_site(code: str) -> None:
    (record,) = make.records_of(json.dumps(make.bundle(make.patient(), make.condition(code))).encode())
    assert record.sites <= {"other"}


@pytest.mark.parametrize("code", ["C15.5", "C15.9"])
@pytest.mark.parametrize("score", ["0", "3+"])
def test_a_tumour_of_another_organ_is_not_decided_as_breast(tmp_path: Path, code: str, score: str) -> None:
    review = review_with(tmp_path, make.condition(code), make.observation(IHC_ANY_TISSUE, score))
    assert review.status is None


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_a_refuted_diagnosis_names_no_site(tmp_path: Path, verification: str) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    refuted = make.condition("C16.0", identity="c2", verificationStatus=concept(coding(verification, system)))
    review = make.review_tests(tmp_path, refuted, make.observation(IHC_ANY_TISSUE, "3+"))
    assert not make.says(review, "breast and gastric tumours are both named")


def test_a_refuted_her2_diagnosis_does_not_count(tmp_path: Path) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    refuted = make.condition(
        "427685000", SNOMED, identity="c2", verificationStatus=concept(coding("entered-in-error", system))
    )
    review = make.review_tests(tmp_path, refuted, make.observation(IHC, "0"))
    assert not make.says(review, "contradiction")


def test_both_sites_named_is_a_contradiction_that_an_option_settles(tmp_path: Path) -> None:
    resources = make.breast(), make.condition("C16.0", identity="c2"), make.observation(IHC_ANY_TISSUE, "2+")
    review = review_with(tmp_path, *resources)
    assert make.says(review, "contradiction", "breast and gastric tumours are both named", "--site")
    settled = review_with(tmp_path, *resources, site="gastric")
    assert settled.site == "gastric"
    assert not make.says(settled, "contradiction")


def test_a_test_of_breast_cancer_tissue_names_the_site(tmp_path: Path) -> None:
    review = review_with(tmp_path, make.observation(IHC, "3+"))
    assert review.site == "breast"
    assert not make.says(review, "no tumour site is named")


def test_a_test_that_names_no_site_is_read_as_breast_and_that_is_said(tmp_path: Path) -> None:
    review = review_with(tmp_path, make.observation(IHC_ANY_TISSUE, "3+"))
    assert review.site == "breast"
    assert make.says(review, "no tumour site is named; breast is assumed")


def test_the_overall_code_is_compared_and_never_a_test(tmp_path: Path) -> None:
    assert facts_of(OVERALL, make.coded(make.SNOMED_POSITIVE)) == {RECORDED_STATUS: "positive"}
    review = make.review_tests(tmp_path, make.observation(OVERALL, make.coded(make.SNOMED_POSITIVE)))
    assert review.status is None
    assert review.recorded == "positive"
    assert not review.has_tests
