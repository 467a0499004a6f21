"""The pages of the five questions: all of them on one, each with its whole answer on its own, the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ....answers.answer import ASK, CHANGE, GO_ON, HOLD, STOP, UNTIL
from ....findings.brands import read_brands
from ...loaded import Loaded
from ..rendering import page
from .asked import LABELS, Asked, asked_of, command_of
from .fields import QUESTIONS, WASHOUT, Question

TONES = {
    GO_ON: ("ok", "give"), CHANGE: ("due", "change"), HOLD: ("act", "hold"), STOP: ("stop", "stop"),
    ASK: ("open", "ask"), UNTIL: ("due", "cal"),
}  # fmt: skip
"""The kind and the shape of each tone of an answer."""
RESULTS = {**TONES, STOP: ("note", "none")}
"""The same of a laboratory's result: HER2 negative is no stop sign."""
WRONG = 422


def routes(loaded: Loaded) -> list[BaseRoute]:
    """The addresses of the questions."""

    def of(shown: Callable[[Request, Loaded, Question], Response], question: Question) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return shown(request, loaded, question)

        return endpoint

    def all_of(request: Request) -> Response:
        return every_question(request, loaded)

    return [
        Route("/check", all_of),
        *(Route(f"/check/{each.name}", of(one_question, each)) for each in QUESTIONS.values()),
        *(Route(f"/check/{each.name}.json", of(as_json, each)) for each in QUESTIONS.values()),
    ]


def every_question(request: Request, loaded: Loaded) -> Response:
    """The five questions with an example each, and the way to a whole record."""
    wanted = request.query_params.get("jurisdiction", "")
    examples = [
        asked_of(each, {**_example(each, loaded), "jurisdiction": wanted}, loaded) for each in QUESTIONS.values()
    ]
    return page(
        request, loaded, "check.html", examples=[_shown(asked) for asked in examples], labels=LABELS,
        chosen=examples[0].jurisdiction, names=drug_names(loaded), tone=tone_of, loaded_patients=len(loaded.ward),
    )  # fmt: skip


def _example(question: Question, loaded: Loaded) -> dict[str, str]:
    """What stands in the fields before somebody says anything."""
    days = {"last_dose": str(loaded.settings.on)} if question is WASHOUT else {}
    return {**question.examples, **days}


def _shown(asked: Asked) -> Asked:
    """An example as it is shown: what a further fact would add stands on the page of its own."""
    return replace(asked, further=())


def one_question(request: Request, loaded: Loaded, question: Question) -> Response:
    """One question with every field, and its whole answer."""
    asked = asked_of(question, request.query_params, loaded)
    return page(
        request, loaded, "question.html", WRONG if asked.errors else 200, asked=asked, labels=LABELS,
        questions=QUESTIONS.values(), names=drug_names(loaded), tone=tone_of, sources=loaded.knowledge.sources,
        editions={each.key for each in loaded.knowledge.editions}, example=_example(question, loaded),
        command=command_of(asked, loaded) if asked.answer is not None else "",
    )  # fmt: skip


def as_json(request: Request, loaded: Loaded, question: Question) -> Response:
    """The answer as the command gives it with `--format json`; what is wrong, by field."""
    asked = asked_of(question, request.query_params, loaded)
    status = 200
    if asked.answer is not None:
        told = asked.answer.as_json()
    else:
        status, told = WRONG, {"errors": dict(asked.errors or {"": "Nothing was asked."})}
    text = json.dumps(told, indent=2, ensure_ascii=False)
    return Response(text, status, {"Cache-Control": "no-store"}, "application/json")


def tone_of(asked: Asked) -> tuple[str, str]:
    """The kind and the shape of an answer."""
    assert asked.answer is not None
    return (RESULTS if asked.question.name == "her2" else TONES)[asked.answer.tone]


def drug_names(loaded: Loaded) -> list[str]:
    """The names that a field of a drug offers: the brands, and what the products are called."""
    brands = read_brands(loaded.knowledge.folder)
    products = loaded.knowledge.products.products
    called = {product.called or name for name, product in products.items()}
    return sorted({name.replace("-", " ").title() for name in brands} | called, key=str.lower)
