"""One question as it is asked by an address: the values said, the answer, and an error beside the field it is of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import QueryParams

from ....answers.answer import Answer
from ....answers.asking import CALLED, JURISDICTIONS
from ....facts.fact import Facts
from ....facts.problem import AskedWrongly
from ....tables.edition import ASSUMED_JURISDICTION
from ....tables.site import Site
from ...loaded import Loaded
from ..tables import in_words, spoken
from .fields import DRUG, FACT, Field, Question, further

LONGEST = 200
"""So many characters of a field are read."""
_OPTION = re.compile(
    r"--fact ([a-z0-9_]+)(?:=\S*(?<![).,;]))?|--([a-z][a-z0-9-]*)(?: ((?:[a-z0-9]+\|)+[a-z0-9]+|N\b))?"
)
_TIMES = re.compile(r"(?<=[\da-z]) x (?=\d)")
_WRONG, _NEAREST = re.compile(r"is '([^']+)'"), re.compile(r"did you mean ([^?]+)\?")
_FIRST = re.compile(r"(?:--fact ([a-z0-9_]+)|(--[a-z][a-z0-9-]*))(:| and | is )")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what was said of it.

    `values` are those of the fields that are filled in, by name; `further` the fields of facts beside those that the
    question has of its own. `errors` are by field, "" for one that is of none. `answer` is `None` where nothing was
    asked, or wrongly.
    """

    question: Question
    values: Mapping[str, str]
    jurisdiction: str
    further: Sequence[Field] = ()
    answer: Answer | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    editions: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> Sequence[Field]:
        """The fields of the form, with those of further facts."""
        own = [
            replace(each, choices=self.editions) if each.name == "edition" else each for each in self.question.fields
        ]
        return (*own, *self.further)

    @property
    def more_is_open(self) -> bool:
        """Whether some field that is not among the first is filled in, or wrong, or would settle the answer."""
        first = {each.name for each in self.question.fields if each.is_first}
        lacking = [each.option for each in self.answer.missing] if self.answer is not None else []
        wanted = (each.name for option in lacking for each in self.fields_of(option))
        return any(name not in first for name in (*self.values, *self.errors, *wanted) if name)

    @property
    def query(self) -> dict[str, str]:
        """The address of the answer, as its query."""
        return {**self.values, "jurisdiction": self.jurisdiction}

    def told(self, text: str) -> str:
        """A sentence of an answer, with the options of the command in the words of the form."""
        return spoken(_TIMES.sub(" × ", _OPTION.sub(lambda found: self._option_words(*found.groups()), text)))

    @property
    def nearest(self) -> list[tuple[str, dict[str, str]]]:
        """The nearest names of one that there is not, each with the query that asks with it."""
        found = []
        for field_name, text in self.errors.items():
            wrong, offered = _WRONG.search(text), _NEAREST.search(text)
            if wrong is not None and offered is not None and wrong[1] in self.values.get(field_name, ""):
                for name in offered[1].split(" or "):
                    value = self.values[field_name].replace(wrong[1], name)
                    found.append((name, {**self.query, field_name: value}))
        return found

    def _option_words(self, fact: str | None, option: str | None, values: str | None) -> str:
        if fact is not None:
            return in_words(fact)
        found = self.question.of_option.get(f"--{option}")
        if found is None:
            return "whose label" if option == "jurisdiction" else str(option).replace("-", " ")
        flag = next((value for value, each in found.flags.items() if each == f"--{option}"), "")
        label = found.label if found.label[:2].isupper() else found.label[:1].lower() + found.label[1:]
        return f"{label}: {found.words(flag)}" if flag and not values else label

    def fields_of(self, option: str) -> list[Field]:
        """The fields by which something that is missing can be said; `option` as an answer names it."""
        found: dict[str, Field] = {}
        for fact, name, _ in _OPTION.findall(option):
            each = self.question.of_option.get(f"--{name}") if name else None
            if fact:
                each = next((one for one in self.further if one.name == FACT + fact), None)
            if each is not None:
                found.setdefault(each.name, each)
        if not found and option.startswith("name "):
            found = {each.name: each for each in self.question.fields if each.kind == DRUG and each.name != "after"}
        return list(found.values())


def asked_of(question: Question, query: QueryParams | Mapping[str, str], loaded: Loaded) -> Asked:
    """A question as a query says it, answered; without an answer where no field is filled in."""
    facts = loaded.knowledge.facts
    values = {each.name: value for each in question.fields if (value := _of(query, each.name))}
    facts_said = {
        name.removeprefix(FACT): _of(query, name) for name in query if name.startswith(FACT) and _of(query, name)
    }
    more = [further(facts[name]) for name in facts_said if name in facts]
    settings = loaded.settings
    wanted = _of(query, "jurisdiction").lower()
    label = wanted or settings.jurisdiction or settings.at.jurisdiction or ASSUMED_JURISDICTION
    asked = Asked(
        question, values | {FACT + name: value for name, value in facts_said.items()}, label, more,
        editions=_editions(loaded) if question.name == "her2" else (),
    )  # fmt: skip
    if not asked.values:
        return asked if label in JURISDICTIONS else replace(asked, jurisdiction=ASSUMED_JURISDICTION)
    arguments: dict[str, Any] = {
        "jurisdiction": label, "on": settings.on, "facts": facts_said, "at": settings.at, "knowledge": loaded.knowledge,
    }  # fmt: skip
    try:
        answer = question.ask({**values, **arguments})
    except AskedWrongly as error:
        asked = asked if label in JURISDICTIONS else replace(asked, jurisdiction=ASSUMED_JURISDICTION)
        return replace(asked, errors=_errors(asked, str(error), facts))
    options = [each.option for each in answer.missing] + [each.option for each in answer.assumed]
    names = (fact for option in options for fact, _, _ in _OPTION.findall(option))
    wanting = [further(facts[name]) for name in dict.fromkeys(names) if name in facts and name not in facts_said]
    return replace(asked, answer=answer, further=(*more, *wanting))


def _of(query: QueryParams | Mapping[str, str], name: str) -> str:
    return query.get(name, "").strip()[:LONGEST]


def _editions(loaded: Loaded) -> tuple[tuple[str, str], ...]:
    """The editions by which a HER2 result can be decided."""
    held = [each for each in loaded.knowledge.editions if "her2_status" in each.tables]
    return tuple((each.key, f"{each.key}, {each.window()}") for each in held)


def _errors(asked: Asked, text: str, facts: Facts) -> dict[str, str]:
    """What is wrong, by the field that it is of."""
    question = asked.question
    first = _FIRST.match(text)
    if first is None:
        return {question.subject if _names_subject(text) else "": asked.told(_capital(text))}
    name = FACT + first[1] if first[1] else ""
    if first[2] and (found := question.of_option.get(first[2])):
        name = found.name
    told = text[first.end() :] if first[3] == ":" else text
    for fact in (each for each in facts if told.strip().startswith(f"{each} ")):
        told = told.strip().removeprefix(f"{fact} ")  # the field says what it is
        break
    shown = {each.name for each in asked.fields}
    return {name if name in shown else "": asked.told(_capital(told.strip()))}


def _names_subject(text: str) -> bool:
    """Whether an error is of the drug that is asked about."""
    return "drug" in text or "letters" in text or text.startswith("the dose of")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def command_of(asked: Asked, loaded: Loaded) -> str:
    """The same question as a command."""
    question, words = asked.question, ["her2path", asked.question.name]
    for each in question.fields:
        value = asked.values.get(each.name)
        if value is None:
            continue
        if each.name == question.given_bare:
            words += [part.strip() for part in value.split(",")] if each.name == "products" else [value]
        elif each.flags:
            words.append(each.flags.get(value, value))
        else:
            words += [each.option, value]
    for name, value in asked.values.items():
        if name.startswith(FACT):
            words += ["--fact", f"{name.removeprefix(FACT)}={value}"]
    words += ["--jurisdiction", asked.jurisdiction, "--on", str(loaded.settings.on)]
    if loaded.settings.at != Site():
        words += ["--settings", "FILE"]
    return shlex.join(words)


LABELS = {name: CALLED[name] for name in JURISDICTIONS}
"""Whose label an answer can go by, and how it is called."""
