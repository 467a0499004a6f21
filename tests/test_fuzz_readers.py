"""Whatever a file holds, a review ends with records and troubles, never with an error."""

from __future__ import annotations

import copy
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import fhir_makers as make
from fhir_makers import (
    CELLS,
    CEP17_COPIES,
    HER2_COPIES,
    IHC,
    ISH,
    ISH_PANEL,
    OVERALL,
    RATIO,
    about,
    component,
    observation,
    quantity,
)
from her2path.cohort.review import review_source
from her2path.facts.value import Interval, OneOf, Reason, Unknown
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.findings.summary import Summary
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge
from her2path.write.review_json import patient_json
from her2path.write.review_text import patient_text, summary_text, trouble_text

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
UNSHRUNK = settings(QUICK, max_examples=400, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
"""For tests that are expected to fail: the first failure is enough."""

GOOD = json.dumps(about(observation(IHC, "3+", subject="Patient/good"), identity="good"))

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["Bundle", "Observation", "Patient", "Specimen", "Condition", make.LOINC, make.SNOMED, IHC, RATIO, "3+", "Patient/good"]),
)  # fmt: skip
KEYS = st.one_of(
    st.sampled_from(
        [
            "resourceType", "entry", "resource", "fullUrl", "id", "subject", "reference", "code", "coding", "system", "display",
            "valueQuantity", "value", "comparator", "unit", "component", "status", "specimen", "collection", "type",
        ]
    ),
    st.text(max_size=5),
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)

RICH = about(
    make.specimen("s1", kind="122737001", words="core biopsy", site="breast", taken="2020-02-20"),
    make.condition("427685000", make.SNOMED, identity="c2"),
    observation(IHC, make.coded(make.SNOMED_NEGATIVE, text="Negative"), specimen="Specimen/s1"),
    observation(RATIO, {"valueRatio": {"numerator": {"value": 84}, "denominator": {"value": 40}}}, specimen="Specimen/s1"),
    observation(HER2_COPIES, quantity(4.2, "{copies}/cell", ">"), identity="o3"),
    observation(CEP17_COPIES, {"valueRange": {"low": {"value": 1.8}, "high": {"value": 2.2}}}, identity="o4"),
    observation(ISH, {"dataAbsentReason": make.concept(make.coding("error", "x"))}, identity="o5"),
    observation(
        ISH_PANEL, components=[component(HER2_COPIES, quantity(84, "{signals}")), component(CELLS, {"valueInteger": 20})],
        identity="o6",
    ),
    observation(OVERALL, None, interpretation=[make.concept(make.coding("POS", "x"))], identity="o7", issued="2020-03-03"),
)  # fmt: skip
"""A bundle in which every field that is read stands somewhere."""

HEAD = ("resourceType", "fullUrl", "id", "subject", "reference", "status", "effectiveDateTime", "issued")


def review(folder: Path, name: str, content: bytes) -> list[PatientReview | Trouble]:
    """Everything a review of these bytes yields; all of it can be written in both forms."""
    path = folder / name
    path.write_bytes(content)
    summary = Summary()
    found = list(review_source(path, default_knowledge(), Settings(make.TODAY)))
    for each in found:
        if isinstance(each, Trouble):
            assert each.where.startswith(name)
            assert each.what
            assert trouble_text(each)
        else:
            summary.add(each)
            json.loads(json.dumps(patient_json(each), allow_nan=False))
            assert patient_text(each)
    assert summary_text(summary)
    return found


def good_is_reviewed(found: list[PatientReview | Trouble]) -> bool:
    return any(
        isinstance(each, PatientReview) and each.patient == "good" and each.status == "positive" for each in found
    )


def beside_the_good(line: str | bytes) -> bytes:
    raw = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
    raw = raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return raw + b"\n" + GOOD.encode() + b"\n" + raw + b"\n"


@QUICK
@given(
    content=st.binary(max_size=300),
    name=st.sampled_from(["x.json", "x.ndjson", "x.json.gz", "x.tgz", "x.tar", "x.txt"]),
)
def test_random_bytes_raise_nothing(tmp_path: Path, content: bytes, name: str) -> None:
    review(tmp_path, name, content)


@QUICK
@given(content=st.binary(max_size=200))
def test_random_bytes_after_a_gzip_header_raise_nothing(tmp_path: Path, content: bytes) -> None:
    review(tmp_path, "x.ndjson.gz", gzip.compress(GOOD.encode(), mtime=0)[:10] + content)


@QUICK
@given(content=st.binary(max_size=200))
def test_random_bytes_on_a_line_spoil_nothing_else(tmp_path: Path, content: bytes) -> None:
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(content)))


@QUICK
@given(document=ANYTHING)
def test_random_json_spoils_nothing_else(tmp_path: Path, document: Any) -> None:
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(json.dumps(document))))


@QUICK
@given(entries=st.lists(ANYTHING, max_size=5))
def test_random_entries_spoil_nothing_else(tmp_path: Path, entries: list[Any]) -> None:
    document = {"resourceType": "Bundle", "entry": entries}
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(json.dumps(document))))


@QUICK
@given(
    resources=st.lists(st.dictionaries(KEYS, ANYTHING, max_size=6), max_size=4),
    kind=st.sampled_from(["Observation", "Patient", "Specimen", "Condition"]),
)
def test_random_resources_spoil_nothing_else(tmp_path: Path, resources: list[dict[str, Any]], kind: str) -> None:
    entries = [{"resource": each | {"resourceType": kind}} for each in resources]
    document = {"resourceType": "Bundle", "entry": entries}
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(json.dumps(document))))


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document but the document itself."""
    if isinstance(document, dict):
        items: list[tuple[Any, Any]] = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    else:
        return []
    return [place for key, inner in items for place in ((*path, key), *places(inner, (*path, key)))]


PLACES = places(RICH)
HEAD_PLACES = [place for place in PLACES if place[-1] in HEAD]
BODY_PLACES = [place for place in PLACES if place[-1] not in HEAD]


def mutated(place: tuple[Any, ...], value: Any, remove: bool) -> str:
    document = copy.deepcopy(RICH)
    holder: Any = document
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return json.dumps(document)


@QUICK
@given(place=st.sampled_from(HEAD_PLACES), value=ANYTHING, remove=st.booleans())
def test_a_bundle_with_one_field_of_the_head_changed_spoils_nothing_else(
    tmp_path: Path, place: tuple[Any, ...], value: Any, remove: bool
) -> None:
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(mutated(place, value, remove))))


@UNSHRUNK
@given(place=st.sampled_from(BODY_PLACES), value=ANYTHING)
def test_a_bundle_with_any_other_field_changed_spoils_nothing_else(
    tmp_path: Path, place: tuple[Any, ...], value: Any
) -> None:
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(mutated(place, value, remove=False))))


@pytest.mark.parametrize("wrong", [5, "x", [1], {"a": 1}, True])
def test_no_field_of_another_type_ends_a_review(tmp_path: Path, wrong: Any) -> None:
    for place in PLACES:
        assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(mutated(place, wrong, remove=False)))), (
            place
        )


@pytest.mark.parametrize("remove", [True, False])
def test_no_field_that_is_missing_or_null_ends_a_review(tmp_path: Path, remove: bool) -> None:
    for place in PLACES:
        assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(mutated(place, None, remove)))), place


@QUICK
@given(cut=st.integers(0, len(json.dumps(RICH)) - 1))
def test_a_bundle_cut_off_anywhere_spoils_nothing_else(tmp_path: Path, cut: int) -> None:
    found = review(tmp_path, "x.ndjson", beside_the_good(json.dumps(RICH)[:cut]))
    assert good_is_reviewed(found)
    assert any(isinstance(each, Trouble) for each in found) is (cut > 0)


@QUICK
@given(place=st.integers(0, len(json.dumps(RICH)) - 1), byte=st.integers(0, 255))
def test_a_bundle_with_one_byte_changed_spoils_nothing_else(tmp_path: Path, place: int, byte: int) -> None:
    content = bytearray(json.dumps(RICH).encode())
    content[place] = byte
    review(tmp_path, "x.json", bytes(content))


@QUICK
@given(cut=st.integers(0, 400), change=st.binary(max_size=3))
def test_a_gzip_with_bytes_changed_raises_nothing(tmp_path: Path, cut: int, change: bytes) -> None:
    content = gzip.compress((GOOD + "\n").encode() * 3)
    review(tmp_path, "x.ndjson.gz", content[:cut] + change + content[cut + len(change) :])


WORDS = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="0123+-/<>=.,() ecn%ratiogspmlfd", max_size=14),
    st.from_regex(r"[<>≤]?=? ?-?[0-9]{1,4}([.,][0-9]{1,3})?(e[0-9]{1,4})?( ?(copies|signals|%)(/cell)?)?( \(CN [0-9.]+\))?", fullmatch=True),
)  # fmt: skip


@QUICK
@given(words=WORDS, code=st.sampled_from([IHC, ISH, RATIO, HER2_COPIES, CEP17_COPIES, OVERALL]))
def test_random_words_are_a_value_within_bounds_or_unknown(words: str, code: str) -> None:
    facts = default_knowledge().facts
    for event in make.events_of(code, make.text(words)):
        if event.fact not in facts:
            continue
        fact = facts[event.fact]
        if isinstance(event.value, Unknown):
            assert event.value.reason in Reason
        elif isinstance(event.value, str):
            assert event.value in fact.values
        elif isinstance(event.value, OneOf):
            assert event.value.values <= set(fact.values)
        elif isinstance(event.value, Interval):
            assert event.value.overlaps(fact.plausible)
        else:
            assert isinstance(event.value, Decimal)
            assert event.value in fact.plausible


@QUICK
@given(words=WORDS)
def test_random_words_of_an_ihc_are_no_score_they_do_not_name(words: str) -> None:
    """A score is read only where its digit, or one of the three words, stands in the text."""
    for event in make.events_of(IHC, make.text(words)):
        if event.fact == "ihc_score" and event.value in ("0", "1+", "2+", "3+"):
            said = words.lower()
            assert str(event.value)[0] in said or any(word in said for word in ("positive", "negative", "equivocal"))


@QUICK
@given(
    number=st.one_of(st.floats(), st.integers(-(10**30), 10**30), st.decimals(allow_nan=False, allow_infinity=False).map(str)),
    code=st.sampled_from([IHC, ISH, RATIO, HER2_COPIES, CEP17_COPIES]), comparator=st.sampled_from([None, "<", ">=", "x"]),
    unit=st.sampled_from([None, "%", "{signals}", "/cell", "1", "x"]),
)  # fmt: skip
def test_random_quantities_spoil_nothing_else(
    tmp_path: Path, number: Any, code: str, comparator: str | None, unit: str | None
) -> None:
    document = json.dumps(about(observation(code, quantity(number, unit, comparator))))
    assert good_is_reviewed(review(tmp_path, "x.ndjson", beside_the_good(document)))


@QUICK
@given(
    day=st.one_of(
        st.text(max_size=12),
        st.dates().map(str),
        st.datetimes().map(lambda day: day.isoformat()),
        st.from_regex(r"[0-9]{4}(-[0-9]{2}){0,2}", fullmatch=True),
    )
)
def test_random_dates_spoil_nothing(tmp_path: Path, day: str) -> None:
    found = review(tmp_path, "x.ndjson", (json.dumps(about(observation(IHC, "3+", on=day))) + "\n" + GOOD).encode())
    assert good_is_reviewed(found)
