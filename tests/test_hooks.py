"""The CDS Hooks service: which cards, for what, with which suggestions; and when it is silent or refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from her2path.facts.folder import knowledge_folder
from her2path.serve.app import create_app
from her2path.serve.configuration import read_configuration
from her2path.serve.hooks.markdown import escaped
from her2path.serve.hooks.messages import EXTENSION
from her2path.serve.hooks.offers import prove_offers
from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge
from hooks_makers import on, ordered, prefetch_of, request, resources_of, searchset

BASE = "http://127.0.0.1:8321"


class Place:
    """A server, and what it answers."""

    def __init__(self, folder: Path) -> None:
        path = folder / "serve.toml"
        path.write_text(f'[advice]\ndatabase = "sqlite:///{folder / "advice.db"}"\n', encoding="utf-8")
        self.app = create_app(read_configuration(path, {}), day=on("2026-01-19"))
        self._client = TestClient(self.app, base_url=BASE)
        self._client.__enter__()

    def client(self, day: str) -> TestClient:
        """The server, with its reviews of a day."""
        self.app.state.engine.day = on(day)
        return self._client

    def close(self) -> None:
        self._client.__exit__()

    def ask(self, day: str, hook: str, asked: dict[str, Any], status: int = 200) -> dict[str, Any]:
        answer = self.client(day).post(f"/cds-services/her2path-{hook}", json=asked)
        assert answer.status_code == status, answer.text
        return answer.json()

    def cards(
        self, course: str, until: str, day: str, hook: str, *orders: dict[str, Any], drop: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """The cards for a course of the examples as it was known on a day."""
        asked = request(hook, course, prefetch_of(resources_of(course, until, drop)), *orders)
        found = self.ask(day, hook, asked)["cards"]
        for card in found:
            holds(card)
        return found


def holds(card: dict[str, Any]) -> None:
    """What every card must have, and that its suggestions are FHIR."""
    assert card["uuid"]
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert len(card.get("overrideReasons", [])) <= 4
    assert all(reason["display"] and reason["code"] for reason in card.get("overrideReasons", []))
    told = card["extension"][EXTENSION]
    assert {"grade", "outcome", "value", "edition", "rows", "sources", "facts", "resources"} <= set(told)
    assert bool(card.get("suggestions")) == (card.get("selectionBehavior") == "at-most-one")
    for suggestion in card.get("suggestions", []):
        assert suggestion["label"]
        assert suggestion["uuid"]
        for action in suggestion["actions"]:
            assert action["description"]
            if action["type"] == "delete":
                assert "/" in action["resourceId"]
            else:
                get_fhir_model_class(action["resource"]["resourceType"]).model_validate(action["resource"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("hooks"))
    yield made
    made.close()


def suggested(card: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The actions of a kind that a card suggests."""
    actions = [action for each in card.get("suggestions", []) for action in each["actions"]]
    return [action for action in actions if action["type"] == kind]


# -- the acts -------------------------------------------------------------------------------------


def test_an_order_of_trastuzumab_at_an_lvef_of_48_is_held(place: Place) -> None:
    card, signed = place.cards("adjuvant-hold", "2026-01-05", "2026-01-19", "order-sign", ordered("trastuzumab", 420))
    assert card["summary"].startswith("HOLD trastuzumab: withhold (LVEF 48 % on 2026-01-05, 16 points below")
    assert card["indicator"] == "critical"
    told = card["extension"][EXTENSION]
    assert (told["outcome"], told["value"], told["verdict"]) == ("cardiac_action", "hold", "HOLD")
    assert told["edition"] == "heart-trastuzumab-us"
    assert "cardiac_action:4" in told["rows"]
    assert told["sources"][0]["key"] == "herceptin-us-heart"
    assert card["source"]["url"].startswith("https://")
    (echo,) = suggested(card, "create")
    assert echo["resource"]["code"]["coding"][0]["code"] == "10230-1"
    assert echo["resource"]["occurrencePeriod"]["start"] == "2026-02-02"
    assert suggested(card, "delete")[0]["resourceId"] == "MedicationRequest/draft-1"
    assert card["extension"]["davinci-associated-resource"] == ["MedicationRequest/draft-1"]
    assert signed["extension"][EXTENSION]["outcome"] == "boxed_warning_conflict"


def test_a_wrong_dose_is_corrected_by_a_click(place: Place) -> None:
    (card,) = place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("trastuzumab", 600))
    assert card["summary"].startswith("ASK FIRST trastuzumab: ordered on 2025-12-29: trastuzumab-iv 600 mg is 8.57 mg/kg")
    assert card["indicator"] == "warning"
    (change,) = suggested(card, "update")
    dose = change["resource"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert (dose["value"], dose["code"]) == (420, "mg")
    assert change["resource"]["id"] == "draft-1"
    # The changed order is silent, so that the advice holds.
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2025-12-08"))
    again = request("order-sign", "adjuvant-hold", prefetch, change["resource"])
    assert place.ask("2025-12-29", "order-sign", again) == {"cards": []}


def test_a_pregnancy_test_that_is_missing_is_offered(place: Place) -> None:
    order = ordered("trastuzumab", 560)
    (card,) = place.cards("adjuvant-hold", "2025-10-02", "2025-10-06", "order-sign", order, drop=("pregnancy_test",))
    assert card["summary"] == "ASK FIRST trastuzumab: trastuzumab-iv is ordered and no pregnancy test is recorded"
    (test,) = suggested(card, "create")
    assert test["resource"]["code"]["coding"][0]["code"] == "2106-3"
    assert test["resource"]["requester"] == {"reference": "Practitioner/someone"}


def test_two_acts_before_the_first_dose_are_two_cards(place: Place) -> None:
    order = ordered("trastuzumab", 560)
    drop = ("pregnancy_test", "lvef")
    first, second = place.cards("adjuvant-hold", "2025-10-02", "2025-10-06", "order-sign", order, drop=drop)
    assert first["extension"][EXTENSION]["outcome"] == "baseline_status"
    assert second["extension"][EXTENSION]["outcome"] == "pregnancy_check"


def test_a_conjugate_for_the_antibody_is_replaced(place: Place) -> None:
    (card,) = place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("t-dm1", 250))
    assert card["summary"].startswith("DO NOT GIVE THE ORDER trastuzumab: conjugate ordered instead of antibody")
    assert card["indicator"] == "critical"
    (change,) = suggested(card, "update")
    resource = change["resource"]
    assert "trastuzumab" in json.dumps(resource["medicationCodeableConcept"])
    assert "emtansine" not in json.dumps(resource)
    assert resource["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 420
    again = request("order-sign", "adjuvant-hold", prefetch_of(resources_of("adjuvant-hold", "2025-12-08")), resource)
    assert place.ask("2025-12-29", "order-sign", again) == {"cards": []}


@pytest.mark.parametrize("unit", ["{pill}", "tablet", "", "µg/kg/min", "\u0000mg", "<img src=x onerror=alert(1)>"])
def test_an_order_with_a_nonsense_unit_survives(place: Place, unit: str) -> None:
    (card,) = place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("trastuzumab", 1, unit))
    assert "how much of it is not on record or could not be read" in card["summary"]
    assert suggested(card, "update")[0]["resource"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 420
    assert "<" not in card["detail"]


def test_a_dose_of_a_patient_with_an_overdue_echo_may_be_given_and_the_echo_is_offered(place: Place) -> None:
    (card,) = place.cards("adjuvant-hold", "2026-04-13", "2026-05-04", "order-sign", ordered("trastuzumab", 426))
    assert card["extension"][EXTENSION]["outcome"] == "echo_status"
    assert card["indicator"] == "info"
    assert len(suggested(card, "create")) == 1


def test_an_echo_that_is_ordered_already_is_not_offered_again(place: Place) -> None:
    resources = resources_of("adjuvant-hold", "2026-04-13")
    prefetch = prefetch_of(resources)
    echo = {
        "resourceType": "ServiceRequest", "id": "e1", "status": "active", "intent": "order",
        "subject": {"reference": "Patient/adjuvant-hold"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "40701008"}]},
    }  # fmt: skip
    prefetch["services"] = searchset([echo])
    asked = request("order-sign", "adjuvant-hold", prefetch, ordered("trastuzumab", 426))
    (card,) = place.ask("2026-05-04", "order-sign", asked)["cards"]
    assert "suggestions" not in card
    drafted = request(
        "order-sign", "adjuvant-hold", prefetch_of(resources), ordered("trastuzumab", 426), {**echo, "status": "draft"}
    )
    (card,) = place.ask("2026-05-04", "order-sign", drafted)["cards"]
    assert "suggestions" not in card


def test_an_order_of_another_drug_is_told_what_it_newly_brings_about(place: Place) -> None:
    """An anthracycline beside trastuzumab; tamoxifen brings nothing about."""
    (card,) = place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("doxorubicin", 100))
    assert "an anthracycline is ordered beside trastuzumab-iv" in card["summary"]
    assert card["indicator"] == "critical"
    assert suggested(card, "delete")[0]["resourceId"] == "MedicationRequest/draft-1"
    assert card["extension"]["davinci-associated-resource"] == ["MedicationRequest/draft-1"]
    assert place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("tamoxifen", 20)) == []
    # What was due before the order stays with the chart: on hold, tamoxifen is no reason to say it.
    assert place.cards("adjuvant-hold", "2026-01-05", "2026-01-19", "order-sign", ordered("tamoxifen", 20)) == []


def test_of_an_order_that_is_forbidden_nothing_more_is_asked(place: Place) -> None:
    """That the amount of the wrong drug cannot be read is no card beside that it is the wrong drug."""
    (card,) = place.cards("adjuvant-hold", "2025-12-08", "2025-12-29", "order-sign", ordered("phesgo", 600))
    assert card["extension"][EXTENSION]["value"] == "combination ordered for trastuzumab"


def test_a_test_is_offered_by_one_card_alone(place: Place) -> None:
    cards = place.cards("dose-in-hold", "2026-03-01", "2026-03-01", "patient-view")
    assert [card["extension"][EXTENSION]["outcome"] for card in cards] == ["cardiac_action", "boxed_warning_conflict", "hold_status"]
    assert [len(suggested(card, "create")) for card in cards] == [1, 0, 0]


@pytest.mark.parametrize("course", ["pregnancy", "late-dose", "fourth-hold", "her2-low", "gastric-cps-0", "metastatic-thp", "end-of-year", "mess", "residual-disease"])
def test_every_course_of_the_examples_gets_few_cards_that_hold(place: Place, course: str) -> None:
    for day in ("2025-12-01", "2026-03-01", "2026-09-01"):
        for hook, orders in (("patient-view", ()), ("order-sign", (ordered("trastuzumab", 420),)), ("order-select", (ordered("t-dxd", None),))):
            cards = place.cards(course, day, day, hook, *orders)
            assert len(cards) <= 4
            acts = [(card["extension"][EXTENSION]["outcome"], card["summary"]) for card in cards]
            assert len(set(acts)) == len(acts)


def test_a_draft_that_names_its_drug_by_reference_is_read(place: Place) -> None:
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2026-01-05"))
    order = ordered("trastuzumab", 420)
    code = order.pop("medicationCodeableConcept")
    inside = {**order, "contained": [{"resourceType": "Medication", "id": "m", "code": code}], "medicationReference": {"reference": "#m"}}
    (card, *_) = place.ask("2026-01-19", "order-sign", request("order-sign", "adjuvant-hold", prefetch, inside))["cards"]
    assert card["summary"].startswith("HOLD")
    beside = request("order-sign", "adjuvant-hold", prefetch, {**order, "medicationReference": {"reference": "Medication/m"}})
    beside["context"]["draftOrders"]["entry"].append({"resource": {"resourceType": "Medication", "id": "m", "code": code}})
    (card, *_) = place.ask("2026-01-19", "order-sign", beside)["cards"]
    assert card["summary"].startswith("HOLD")


# -- when it is silent ----------------------------------------------------------------------------


def test_nothing_due_is_no_card(place: Place) -> None:
    course = ("adjuvant-hold", "2025-12-08", "2025-12-29")
    assert place.cards(*course, "order-sign", ordered("trastuzumab", 420)) == []
    assert place.cards(*course, "order-select", ordered("trastuzumab", 420)) == []
    assert place.cards(*course, "patient-view") == []


def test_an_order_of_another_drug_is_none_of_our_business(place: Place) -> None:
    """Even where the heart says hold: the card stands beside the order that it concerns."""
    order = ordered("paracetamol", 500)
    assert place.cards("adjuvant-hold", "2026-01-05", "2026-01-19", "order-sign", order) == []


def test_of_several_orders_the_ones_chosen_count(place: Place) -> None:
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2026-01-05"))
    orders = (ordered("trastuzumab", 420), ordered("paracetamol", 500, identity="other"))
    asked = request("order-select", "adjuvant-hold", prefetch, *orders)
    assert place.ask("2026-01-19", "order-select", asked)["cards"]
    asked["context"]["selections"] = ["MedicationRequest/other"]
    assert place.ask("2026-01-19", "order-select", asked) == {"cards": []}


def test_a_patient_of_whom_nothing_is_known_has_no_card(place: Place) -> None:
    prefetch: dict[str, Any] = {key: searchset([]) for key in prefetch_of(())} | {"patient": None}
    assert place.ask("2026-01-19", "patient-view", request("patient-view", "nobody", prefetch)) == {"cards": []}


def test_the_chart_of_a_patient_on_hold_shows_the_verdict(place: Place) -> None:
    first, *_ = place.cards("adjuvant-hold", "2026-01-05", "2026-01-19", "patient-view")
    assert first["summary"].startswith("HOLD trastuzumab")
    assert not suggested(first, "delete")


def test_an_order_for_next_week_is_looked_at_today(place: Place) -> None:
    order = ordered("trastuzumab", 420, authoredOn="2025-11-01")
    order["dosageInstruction"][0]["timing"] = {"event": ["2026-02-01"], "repeat": {"boundsPeriod": {"start": "2026-02-01"}}}
    first, *_ = place.cards("adjuvant-hold", "2026-01-05", "2026-01-19", "order-sign", order)
    assert first["summary"].startswith("HOLD trastuzumab")


# -- prefetch: null, absent, failed, paged --------------------------------------------------------


@pytest.fixture
def asked() -> dict[str, Any]:
    return request(
        "order-sign", "adjuvant-hold", prefetch_of(resources_of("adjuvant-hold", "2026-01-05")), ordered("trastuzumab", 420)
    )


def test_an_absent_key_is_not_null(place: Place, asked: dict[str, Any]) -> None:
    asked["prefetch"]["heart"] = None
    assert place.ask("2026-01-19", "order-sign", asked)["cards"]
    del asked["prefetch"]["heart"]
    refused = place.ask("2026-01-19", "order-sign", asked, 412)
    assert refused["resourceType"] == "OperationOutcome"
    get_fhir_model_class("OperationOutcome").model_validate(refused)
    assert "heart (it was not sent)" in refused["issue"][0]["diagnostics"]


def test_what_may_be_missing_is_told_in_the_card(place: Place, asked: dict[str, Any]) -> None:
    del asked["prefetch"]["allergies"]
    card = place.ask("2026-01-19", "order-sign", asked)["cards"][0]
    assert "- Not seen: allergies" in card["detail"]


@pytest.mark.parametrize("broken", [
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout", "diagnostics": "Mrs Doe"}]},
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]}}]},
    searchset([], following="http://ehr.example.org/fhir?page=2"),
    "text", 7, [], {}, {"resourceType": 7},
], ids=lambda each: str(each)[:40])  # fmt: skip
def test_a_needed_part_that_failed_or_is_one_page_of_many_is_refused(place: Place, asked: dict[str, Any], broken: Any) -> None:
    asked["prefetch"]["observations"] = broken
    refused = place.ask("2026-01-19", "order-sign", asked, 412)
    assert "observations" in refused["issue"][0]["diagnostics"]
    assert "Doe" not in json.dumps(refused)


def test_a_warning_among_the_results_is_no_failure(place: Place, asked: dict[str, Any]) -> None:
    warning = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    asked["prefetch"]["observations"]["entry"].append({"resource": warning, "search": {"mode": "outcome"}})
    assert place.ask("2026-01-19", "order-sign", asked)["cards"]


def test_the_same_resource_under_several_keys_counts_once(place: Place, asked: dict[str, Any]) -> None:
    before = place.ask("2026-01-19", "order-sign", asked)["cards"]
    asked["prefetch"]["heart"] = asked["prefetch"]["her2"] = asked["prefetch"]["observations"]
    after = place.ask("2026-01-19", "order-sign", asked)["cards"]
    assert [card["summary"] for card in after] == [card["summary"] for card in before]


def test_an_order_that_is_stored_as_a_draft_too_counts_once(place: Place) -> None:
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2025-12-08"))
    stored = {**ordered("trastuzumab", 600), "subject": {"reference": "Patient/adjuvant-hold"}, "status": "active"}
    prefetch["orders"] = searchset([stored])
    asked = request("order-sign", "adjuvant-hold", prefetch, ordered("trastuzumab", 420))
    assert place.ask("2025-12-29", "order-sign", asked) == {"cards": []}


def test_resources_of_another_patient_are_not_used(place: Place) -> None:
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2025-12-08"))
    low = {
        "resourceType": "Observation", "id": "other", "status": "final", "subject": {"reference": "Patient/other"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "10230-1"}]}, "effectiveDateTime": "2025-12-20",
        "valueQuantity": {"value": 30, "unit": "%", "code": "%"},
    }  # fmt: skip
    prefetch["heart"] = searchset([low])
    asked = request("order-sign", "adjuvant-hold", prefetch, ordered("trastuzumab", 420))
    assert place.ask("2025-12-29", "order-sign", asked) == {"cards": []}
    low["subject"] = {"reference": "Patient/adjuvant-hold"}
    assert place.ask("2025-12-29", "order-sign", asked)["cards"][0]["summary"].startswith("HOLD")
    low["subject"] = {"reference": "https://ehr.example.org/fhir/Patient/adjuvant-hold"}
    assert place.ask("2025-12-29", "order-sign", asked)["cards"][0]["summary"].startswith("HOLD")


# -- what is refused ------------------------------------------------------------------------------


def test_a_draft_of_another_patient_is_refused(place: Place, asked: dict[str, Any]) -> None:
    asked["context"]["draftOrders"]["entry"][0]["resource"]["subject"] = {"reference": "Patient/other"}
    assert "of another patient" in place.ask("2026-01-19", "order-sign", asked, 400)["issue"][0]["diagnostics"]


@pytest.mark.parametrize("patient", ["a b", "a\n", "a\x00", "../x", "é", "", "x" * 65, "a/b", 7, None])
def test_an_id_that_is_none_is_refused(place: Place, asked: dict[str, Any], patient: Any) -> None:
    asked["context"]["patientId"] = patient
    refused = place.ask("2026-01-19", "order-sign", asked, 400)
    assert "patientId" in refused["issue"][0]["diagnostics"]


def test_another_hook_and_another_service_are_refused(place: Place, asked: dict[str, Any]) -> None:
    place.ask("2026-01-19", "patient-view", asked, 400)
    place.ask("2026-01-19", "nothing", asked, 404)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"null", b'{"hook": "order-sign"}'])
def test_a_malformed_request_is_told_what_it_must_be(place: Place, body: bytes) -> None:
    answer = place.client("2026-01-19").post("/cds-services/her2path-order-sign", content=body)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_fields_of_later_versions_are_tolerated(place: Place, asked: dict[str, Any]) -> None:
    asked |= {"extension": {"x": 1}, "version": "3.0", "fhirAuthorization": {"access_token": "t", "scope": "patient/*.rs", "new": 1}}
    assert place.ask("2026-01-19", "order-sign", asked)["cards"]


def test_discovery_names_the_services_and_what_they_need(place: Place) -> None:
    services = place.client("2026-01-19").get("/cds-services").json()["services"]
    assert [service["hook"] for service in services] == ["patient-view", "order-select", "order-sign"]
    for service in services:
        assert service["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert "10230-1" in service["prefetch"]["heart"]
        assert all(len(template) < 2000 for template in service["prefetch"].values())


# -- text of a record in a card -------------------------------------------------------------------

EVIL = '<img src=x onerror="alert(1)">[click](javascript:alert(1)) ![p](https://evil.example/p) **b** `c` www.evil.example'


def _with_evil(content: Any) -> Any:
    """The same resources, with evil words in every text and display; codes stand as they are."""
    if isinstance(content, list):
        return [_with_evil(each) for each in content]
    if isinstance(content, dict):
        return {
            name: f"{value} {EVIL}" if name in ("text", "display") and isinstance(value, str) else _with_evil(value)
            for name, value in content.items()
        }
    return content


def test_text_of_a_record_is_shown_and_does_nothing(place: Place) -> None:
    prefetch = _with_evil(prefetch_of(resources_of("adjuvant-hold", "2026-01-05")))
    order = _with_evil(ordered("trastuzumab", 1, EVIL))
    cards = place.ask("2026-01-19", "order-sign", request("order-sign", "adjuvant-hold", prefetch, order))["cards"]
    assert cards
    for card in cards:
        holds(card)
        assert "<" not in card["detail"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(EVIL.split()), max_size=5).map(" ".join)))
def test_escaped_text_is_text_for_every_reader_of_markdown(text: str) -> None:
    """Read with HTML, tables and strikethrough, one paragraph of text is left; and no address to be made a link."""
    reader = MarkdownIt("js-default", {"html": True})
    paragraph, inline, _ = reader.parse(f"x: {escaped(text)}")
    assert paragraph.type == "paragraph_open"
    assert {token.type for token in inline.children} <= {"text", "text_special"}, (text, escaped(text))
    assert not re.search(r"(?i)(https?|ftp):|www\.", escaped(text))


# -- what a card offers ---------------------------------------------------------------------------

OFFERS = (knowledge_folder() / "cards.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("old", "new", "words"), [
    ("| echo_status  ", "| echo_statuss ", "no outcome is called 'echo_statuss'"),
    ("| do not start  ", "| do not begin  ", "has no value 'do not begin'"),
    ("| order LVEF   ", "| order LVEFF  ", "nothing is called 'order LVEFF'"),
    ("tested-elsewhere, cannot", "tested-somewhere, cannot", "no reason is called 'tested-somewhere'"),
    ("other-weight, weighed-today ", "other-weight, weighed-today, trial, record-wrong, dose-intended ", "5 reasons"),
    ("| trial               | By", "| record-wrong | x | no |\n| trial | By", "stands twice"),
    ("| weight_status  ", "| setting ", "no finding is of"),
])  # fmt: skip
def test_a_fault_of_the_offers_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = tmp_path / "knowledge"
    shutil.copytree(knowledge_folder(), folder)
    assert old in OFFERS
    (folder / "cards.md").write_text(OFFERS.replace(old, new), encoding="utf-8")
    known = default_knowledge()
    problems = prove_offers(Knowledge(folder, known.facts, known.sources, known.editions))
    assert any(words in problem.what for problem in problems), problems


def test_the_offers_that_ship_hold() -> None:
    assert prove_offers(default_knowledge()) == []
