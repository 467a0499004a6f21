"""Which model is simulated for whom: the models of a population, and the schedules that a label has.

Both stand in `knowledge/models/choice.md`. Virtual patients are simulated by a model that was estimated in patients
like them; what is not listed is refused, with what is licensed and what is modelled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...facts.markdown import plain
from ...facts.problem import AskedWrongly
from ..model import read_model
from ..patients import POPULATIONS

SCHEDULE_WORDS = {"q3w": "every three weeks", "weekly": "every week", "sc": "under the skin every three weeks"}
UNDER_SKIN_PRODUCT, UNDER_SKIN_SCHEDULE = "trastuzumab-sc", "sc"
WITHOUT_MODEL = {True: "early-breast", False: "breast"}
"""The population where neither it nor a model is named, under the skin or not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a model is to a population: estimated in it (`own`) or lent to it; `taken` where no model is named."""

    population: str
    model: str
    own: bool
    taken: bool
    why: str


def standings() -> list[Standing]:
    """Every population with its models, in the order of the table."""
    return [
        Standing(row["population"], plain(row["model"]), row["standing"] == "own", row["taken"] == "yes", row["why"])
        for row in read_model("choice").grids["Models of a population"]
    ]


def model_and_population(
    model: str | None, population: str | None, under_skin: bool = False, lent: bool = False
) -> tuple[str, str]:
    """What is simulated where a model, a population or both are left open.

    `under_skin` asks for a model of trastuzumab with that route. Raises `AskedWrongly` for a population or a model that
    there is not, and where none of the models is one of the population; `lent` takes those that are lent to it too.
    """
    if population is not None:
        require_population(population)
    if model is not None:
        whose = population or _usual_population(model)
        standing(model, whose, lent)
        return model, whose
    population = population or WITHOUT_MODEL[under_skin]
    return _taken(population, under_skin, lent), population


def require_population(population: str) -> None:
    """Raises `AskedWrongly` for a population that there is not."""
    if population not in POPULATIONS:
        raise AskedWrongly(f"no population is called {population!r}; there are {', '.join(POPULATIONS)}")


def standing(model: str, population: str, lent: bool = False) -> Standing:
    """What a model is to a population. Raises `AskedWrongly` where it is nothing, or only lent without `lent`."""
    found = next((each for each in standings() if (each.model, each.population) == (model, population)), None)
    if found is not None and (found.own or lent):
        return found
    words = f"the model {model} is not for {population}"
    if found is not None:
        words += f" ({found.why})"
    own = _listed(each.population for each in standings() if each.model == model and each.own)
    raise AskedWrongly(f"{words}; it is for {own}. {_models_of(population)}")


def chosen_words(model: str, population: str) -> str:
    """Why a model is simulated for a population, for the output."""
    found = standing(model, population, lent=True)
    return f"{model} for {population}: {found.why}" if found.own else f"{model} is lent to {population}: {found.why}"


def require_licensed(product: str, schedule: str, tumour: str) -> None:
    """Raises `AskedWrongly` for a schedule that the label of a product does not have in a tumour."""
    tumours = _licensed(product, schedule)
    if tumours and tumour not in tumours:
        words = (
            f"{product} {SCHEDULE_WORDS[schedule]} is licensed for {_listed(tumours)} cancer, not for {tumour} cancer"
        )
        raise AskedWrongly(f"{words}. Licensed there: {_licensed_in(tumour)}")


def _licensed(product: str, schedule: str) -> list[str]:
    return [
        tumour.strip()
        for row in read_model("choice").grids["Licensed schedules"]
        if (plain(row["product"]), row["schedule"]) == (product, schedule)
        for tumour in row["tumours"].split(",")
    ]


def _licensed_in(tumour: str) -> str:
    rows = read_model("choice").grids["Licensed schedules"]
    return _listed(f"{plain(row['product'])} {row['schedule']}" for row in rows if tumour in row["tumours"])


def _taken(population: str, under_skin: bool, lent: bool) -> str:
    """The model of trastuzumab for a population. Raises `AskedWrongly` where there is none by that route."""
    models = [each for each in standings() if each.population == population and (each.own or lent)]
    for each in models:
        if ("absorption" in read_model(each.model)) if under_skin else each.taken:
            return each.model
    if not under_skin:
        raise AskedWrongly(f"no model of trastuzumab by infusion is taken for {population}. {_models_of(population)}")
    tumours = _licensed(UNDER_SKIN_PRODUCT, UNDER_SKIN_SCHEDULE)
    elsewhere = _listed(
        f"{each.population} ({each.model})"
        for each in standings()
        if each.own and "absorption" in read_model(each.model)
    )
    raise AskedWrongly(
        f"no model of trastuzumab under the skin is for {population}. Licensed under the skin: {_listed(tumours)} "
        f"cancer. Modelled under the skin: {elsewhere}. {_models_of(population)}"
    )


def _usual_population(model: str) -> str:
    """The first population that a model is one of. Raises `AskedWrongly` for a model of none."""
    for each in standings():
        if each.model == model and each.own:
            return each.population
    models = _listed(each.model for each in standings())
    raise AskedWrongly(f"{model!r} is no model of exposure; there are {models}")


def _models_of(population: str) -> str:
    models = _listed(each.model for each in standings() if each.population == population and each.own)
    return f"Models for {population}: {models}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
