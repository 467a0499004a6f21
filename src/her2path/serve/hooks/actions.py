"""What a click does: drafts of FHIR R4 that the prescriber still signs. None is an order."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...facts.codes import Codes, codes_of
from ...facts.words.systems import system_name
from ...findings.course.standing import Standing
from ...findings.plan.items import PlanItem
from ...findings.reviews import PatientReview
from ...record.columns import METHODS
from ...write.fhir.codes import OBSERVED, concept, shapes
from ...write.fhir.medication import ROUTES
from ...write.fhir.proposals import ECHOCARDIOGRAPHY, LVEF_CODE, MG_UNIT
from ...write.plan_words import window
from ...write.text.first_lines import called, dose_words
from .markdown import one_line, shortened
from .messages import Action, Json, Suggestion
from .offers import CORRECT_DOSE, ORDER_LVEF, ORDER_PREGNANCY_TEST, REPLACE_PRODUCT, WITHDRAW
from .orders import Draft

MOST_LABEL = 80
PREGNANCY_TEST = ("pregnancy_test", "")
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
_PERSON = re.compile(r"(Practitioner|PractitionerRole|Patient)/[A-Za-z0-9.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom and by whom something is offered, on which day, beside which drafts and orders on record."""

    patient: str
    user: str
    on: dt.date
    drafts: Sequence[Draft] = ()
    services: Sequence[Json] = ()


def suggestions_of(
    offers: Sequence[str], review: PatientReview, asked: Asked, why: str, drafts: Sequence[Draft]
) -> list[Suggestion]:
    """The suggestions of a card; what cannot be made whole (no dose known, a draft without an id) is not offered.

    `why` is the finding in words; `drafts` are those that it speaks of.
    """
    course = review.course
    found = course.standing if course is not None else None
    plan = course.plan if course is not None else []
    made: list[Suggestion] = []
    for offer in offers:
        if offer == ORDER_LVEF and found is not None:
            made += _lvef(found, plan, asked, why)
        elif offer == ORDER_PREGNANCY_TEST:
            made += _pregnancy_test(asked, why)
        elif offer == CORRECT_DOSE and found is not None:
            made += _dose(found, plan, drafts)
        elif offer == REPLACE_PRODUCT and found is not None:
            made += _product(found, plan, drafts)
        elif offer == WITHDRAW:
            made += [_withdrawn(draft) for draft in drafts if draft.reference]
    if len(made) > 1:
        made[0].isRecommended = True
    return made


def _suggestion(label: str, action: Action) -> Suggestion:
    return Suggestion(label=shortened(label, MOST_LABEL), uuid=str(uuid.uuid4()), actions=[action])


# -- orders of tests ----------------------------------------------------------------------------


def _lvef(found: Standing, plan: Sequence[PlanItem], asked: Asked, why: str) -> Iterator[Suggestion]:
    codes = codes_of(found.rules.knowledge.facts)
    if any(is_of_lvef(order, codes) for order in (*asked.services, *(draft.resource for draft in asked.drafts))):
        return
    last = METHODS[max(0, found.state.get("lvef_method", 0))]
    by_echo = last in (METHODS[0], "echo")
    code: Json = {"text": "Left ventricular ejection fraction" if by_echo else f"LVEF by {last}, as the last one"}
    listed = [LVEF_CODE, *([ECHOCARDIOGRAPHY] if by_echo else [])]
    codings = concept(*((*key, "") for key in listed if key in codes.therapy.measures or key in codes.therapy.claims))
    code = {**{name: value for name, value in codings.items() if name == "coding"}, **code}
    item = next((item for item in plan if item.kind == "echo"), None)
    first, last_day = window(item) if item is not None else (None, None)
    order = _service(asked, code, why)
    if first is not None or last_day is not None:
        period = (("start", first), ("end", last_day))
        order["occurrencePeriod"] = {name: day.isoformat() for name, day in period if day is not None}
    yield _suggestion("Order an LVEF measurement", _create(order, "Create an order for an LVEF measurement"))


def is_of_lvef(order: Json, codes: Codes) -> bool:
    """Whether an order is a live one for a measurement of LVEF."""
    if order.get("resourceType") != "ServiceRequest" or order.get("status") not in (None, "active", "draft"):
        return False
    code = order.get("code")
    listed = code.get("coding") if isinstance(code, dict) else None
    for coding in listed if isinstance(listed, list) else ():
        key = (system_name(coding.get("system")), str(coding.get("code"))) if isinstance(coding, dict) else ("", "")
        measure = codes.therapy.measures.get(key)
        if key == ECHOCARDIOGRAPHY or (measure is not None and measure.fact == "lvef"):
            return True
    return False


def _pregnancy_test(asked: Asked, why: str) -> Iterator[Suggestion]:
    order = _service(asked, concept(OBSERVED[PREGNANCY_TEST]), why)
    order["occurrenceDateTime"] = asked.on.isoformat()
    yield _suggestion("Order a pregnancy test", _create(order, "Create an order for a pregnancy test"))


def _service(asked: Asked, code: Json, why: str) -> Json:
    order: Json = {
        "resourceType": "ServiceRequest", "status": "draft", "intent": "order", "code": code,
        "subject": {"reference": f"Patient/{asked.patient}"}, "authoredOn": asked.on.isoformat(),
        "reasonCode": [{"text": one_line(why)}],
    }  # fmt: skip
    if _PERSON.fullmatch(asked.user):
        order["requester"] = {"reference": asked.user}
    return order


def _create(order: Json, description: str) -> Action:
    return Action(type="create", description=description, resource=order)


# -- changes of a draft -------------------------------------------------------------------------


def _planned(plan: Sequence[PlanItem], product: str) -> PlanItem | None:
    """The next dose of a product, where its amount is known."""
    doses = (item for item in plan if item.kind == "dose" and item.drug == product)
    item = next(doses, None)
    return item if item is not None and _NUMBER.fullmatch(item.details.get("dose_mg", "")) else None


def _dose(found: Standing, plan: Sequence[PlanItem], drafts: Sequence[Draft]) -> Iterator[Suggestion]:
    for draft in drafts:
        item = next(filter(None, (_planned(plan, product) for product in sorted(draft.products))), None)
        if item is None or not draft.reference or draft.kind != "MedicationRequest":
            continue
        changed = _with_dose(draft.resource, found, item)
        if changed is not None:
            words = f"{item.details['dose_mg']} mg"
            yield _suggestion(
                f"Change the dose to {words}", _update(changed, f"Change the dose of the order to {words}")
            )


def _product(found: Standing, plan: Sequence[PlanItem], drafts: Sequence[Draft]) -> Iterator[Suggestion]:
    product = found.in_hand
    item, medication = _planned(plan, product), shapes().medication(product, found.brand(product))
    if item is None or medication is None:
        return
    for draft in drafts:
        if not draft.reference or draft.kind != "MedicationRequest" or product in draft.products:
            continue
        changed = _with_dose(draft.resource, found, item)
        if changed is None:
            continue
        for name in ("medicationReference", "contained", "dispenseRequest"):
            changed.pop(name, None)
        changed["medicationCodeableConcept"] = medication[0]
        route = found.rules.codes.page.products[product].route
        changed["dosageInstruction"][0]["route"] = concept(ROUTES[route])
        words = f"{called(found, product)} {item.details['dose_mg']} mg"
        yield _suggestion(f"Replace by {words}", _update(changed, f"Replace the ordered drug by {words}"))


def _with_dose(resource: Json, found: Standing, item: PlanItem) -> Json | None:
    """A draft with the dose of the plan; `None` where it has several instructions, for one of them alone is no dose."""
    instructions = resource.get("dosageInstruction") or [{}]
    if not isinstance(instructions, list) or len(instructions) != 1 or not isinstance(instructions[0], dict):
        return None
    said = item.details["dose_mg"]
    number = float(said) if "." in said else int(said)
    instruction = {name: value for name, value in instructions[0].items() if name != "maxDosePerAdministration"}
    instruction["text"] = one_line(dose_words(found, item))
    instruction["doseAndRate"] = [{"doseQuantity": {"value": number, **MG_UNIT}}]
    return {**resource, "dosageInstruction": [instruction]}


def _update(resource: Json, description: str) -> Action:
    return Action(type="update", description=description, resource=resource)


def _withdrawn(draft: Draft) -> Suggestion:
    action = Action(type="delete", description="Remove the draft order", resourceId=draft.reference)
    return _suggestion("Withdraw the order", action)
