"""The five questions as forms: which fields each has, by which option of the command each is said, and who answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ....answers.answer import Answer
from ....answers.dose import answer_dose
from ....answers.her2 import answer_her2
from ....answers.lvef import answer_lvef
from ....answers.substitute import answer_substitution
from ....answers.washout import answer_washout
from ....facts.fact import Fact
from ..tables import in_words

TEXT, NUMBER, DAY, CHOICE, DRUG = "text", "number", "day", "choice", "drug"
NOT_SAID = ""
"""What a field holds that nobody filled in."""
FACT = "fact_"
"""What stands before the name of a further fact in an address."""

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: its name in an address, its label, the `option` of the command that says the same.

    `choices` are pairs of a value and its words. `flags` are options of the command that stand for a choice alone
    (`--first`), by value; a field with flags has no option of its own. What stands on the first page too is `is_first`.
    """

    name: str
    label: str
    option: str = ""
    kind: str = TEXT
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    is_first: bool = False
    hint: str = ""

    def words(self, value: str) -> str:
        """A value as the field shows it."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True)
class Question:
    """A question: its name (that of the command), what the page calls it, and its fields.

    `subject` is the field that an error without an option speaks of, "" for none. `ask` gives the answer to the values
    of the fields that are filled in, and to the further arguments of the function behind it. `examples` fill the first
    page. A field that is `given_bare` is an argument of the command and no option.
    """

    name: str
    title: str
    about: str
    fields: tuple[Field, ...]
    ask: Callable[[dict[str, Any]], Answer]
    subject: str = ""
    examples: Mapping[str, str] = field(default_factory=dict)
    given_bare: str = ""

    @cached_property
    def of_option(self) -> Mapping[str, Field]:
        """Each field by the options that say it."""
        told = {each.option: each for each in self.fields if each.option}
        return told | {flag: each for each in self.fields for flag in each.flags.values()}


def _choices(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, value) for value in values)


YES_NO = _choices("yes", "no")
SETTINGS = _choices("neoadjuvant", "adjuvant", "metastatic")
_PARTED = re.compile(r"[,;]")


def _said(value: str | None) -> bool | None:
    return None if value is None else value == "yes"


def _dose(said: dict[str, Any]) -> Answer:
    which = said.pop("which", "")
    loading = {"loading": True, "maintenance": False}.get(which)
    return answer_dose(said.pop("product", ""), first=which == "first", loading=loading, **said)


def _lvef(said: dict[str, Any]) -> Answer:
    return answer_lvef(on_hold=_said(said.pop("on_hold", None)), **said)


def _her2(said: dict[str, Any]) -> Answer:
    return answer_her2(**said)


def _washout(said: dict[str, Any]) -> Answer:
    names = [name.strip() for name in _PARTED.split(said.pop("products", "")) if name.strip()]
    return answer_washout(names, **said)


def _substitute(said: dict[str, Any]) -> Answer:
    stock = [name.strip() for name in _PARTED.split(said.pop("stock", "")) if name.strip()]
    as_written = _said(said.pop("as_written", None))
    return answer_substitution(said.pop("ordered", ""), stock, as_written=as_written, **said)


HER2 = Question(
    "her2", "HER2 result", "what IHC and ISH of one specimen say",
    (
        Field("ihc", "IHC", "--ihc", CHOICE, choices=_choices("0", "1+", "2+", "3+"), is_first=True),
        Field("ratio", "HER2/CEP17", "--ratio", NUMBER, is_first=True),
        Field("copies", "HER2 copies", "--copies", NUMBER, "per cell", is_first=True),
        Field("cep17", "CEP17 copies", "--cep17", NUMBER, "per cell"),
        Field("probe", "ISH probe", "--probe", CHOICE, choices=_choices("single", "dual")),
        Field("recount", "Blinded recount", "--recount", CHOICE, choices=_choices("unchanged", "changed")),
        Field("staining", "Any staining", "--staining", CHOICE, choices=YES_NO, hint="of IHC 0"),
        Field("specimen", "Specimen", "--specimen", CHOICE, choices=_choices("biopsy", "resection")),
        Field("site", "Site", "--site", CHOICE, choices=_choices("breast", "gastric")),
        Field("edition", "Edition", "--edition", CHOICE),
    ),
    _her2, examples={"ihc": "2+", "ratio": "2.1", "copies": "4.4", "site": "breast"},
)  # fmt: skip
DOSE = Question(
    "dose", "Dose", "how much now, and how it is made up",
    (
        Field("product", "Product", kind=DRUG, is_first=True, hint="brand or generic name"),
        Field("weight", "Weight", "--weight", NUMBER, "kg", is_first=True),
        Field("days_since", "Last dose", "--days-since", NUMBER, "days ago", is_first=True),
        Field("last_dose", "Day of the last dose", "--last-dose", DAY, hint="in place of days ago"),
        Field(
            "which", "Which dose", kind=CHOICE,
            choices=(("first", "first of this product"), *_choices("loading", "maintenance")),
            flags={"first": "--first", "loading": "--loading", "maintenance": "--maintenance"},
        ),
        Field("after", "Last dose was of", "--after", DRUG, hint="other products, parted by commas"),
        Field("schedule", "Schedule", "--schedule", CHOICE, choices=_choices("q3w", "weekly", "q2w", "daily")),
        Field("setting", "Setting", "--setting", CHOICE, choices=SETTINGS),
        Field("site", "Site", "--site", CHOICE, choices=_choices("breast", "gastric", "other")),
        Field(
            "level", "Dose level", "--level", CHOICE,
            choices=(("full", "full"), ("1", "reduced once"), ("2", "reduced twice"), ("3", "reduced further")),
        ),
    ),
    _dose, "product", {"product": "Trazimera", "weight": "82", "days_since": "30", "schedule": "q3w"}, "product",
)  # fmt: skip
HEART = Question(
    "lvef", "LVEF", "what it says of the next dose",
    (
        Field("baseline", "Baseline", "--baseline", NUMBER, "%", is_first=True),
        Field("now", "Now", "--now", NUMBER, "%", is_first=True),
        Field("days_on_hold", "Days on hold", "--days-on-hold", NUMBER, is_first=True, hint="since the LVEF behind it"),
        Field("holds", "Holds before", "--holds", NUMBER, is_first=True),
        Field(
            "heart_failure", "Heart failure", kind=CHOICE, choices=YES_NO, hint="symptoms",
            flags={"yes": "--heart-failure", "no": "--no-heart-failure"},
        ),
        Field(
            "on_hold", "A hold is open", kind=CHOICE, choices=YES_NO,
            flags={"yes": "--on-hold", "no": "--not-on-hold"},
        ),
        Field("setting", "Setting", "--setting", CHOICE, choices=SETTINGS),
        Field("lower_limit", "Lower limit", "--lower-limit", NUMBER, "%", hint="normal LVEF here"),
        Field("product", "Product", kind=DRUG, hint="trastuzumab where none is named"),
    ),
    _lvef, "product",
    {
        "baseline": "61", "now": "48", "days_on_hold": "28", "holds": "0", "heart_failure": "no",
        "product": "trastuzumab",
    },
    "product",
)  # fmt: skip
WASHOUT = Question(
    "washout", "Contraception and washout", "after the last dose",
    (
        Field("products", "Product", kind=DRUG, is_first=True, hint="of several the longest time counts"),
        Field("sex", "Sex", "--sex", CHOICE, choices=_choices("female", "male"), is_first=True),
        Field("last_dose", "Last dose", "--last-dose", DAY, is_first=True),
        Field("conception", "Planned conception", "--conception", DAY, hint="for the latest last dose"),
    ),
    _washout, "products", {"products": "trastuzumab", "sex": "female"}, "products",
)  # fmt: skip
SUBSTITUTE = Question(
    "substitute", "May I substitute?", "law and label",
    (
        Field("ordered", "Ordered", "--ordered", DRUG, is_first=True),
        Field("stock", "In stock", "--stock", DRUG, is_first=True, hint="one, or several parted by commas"),
        Field(
            "as_written", "As written", kind=CHOICE, choices=YES_NO, hint="the order forbids an exchange (US)",
            flags={"yes": "--as-written", "no": "--not-as-written"},
        ),
        Field(
            "country_allows", "Country allows", "--country-allows", CHOICE, choices=YES_NO,
            hint="exchange by a pharmacy (EU)",
        ),
    ),
    _substitute, "ordered", {"ordered": "Herceptin", "stock": "Hercessi"},
)  # fmt: skip
QUESTIONS = {each.name: each for each in (HER2, DOSE, HEART, WASHOUT, SUBSTITUTE)}


def further(fact: Fact) -> Field:
    """The field of a further fact, which an answer asked for."""
    kind = TEXT if fact.is_number or not fact.values else CHOICE
    label = in_words(fact.name)
    return Field(
        FACT + fact.name, label[:1].upper() + label[1:], f"--fact {fact.name}", kind,
        fact.unit if fact.is_number else "", () if fact.is_number else _choices(*fact.values),
    )  # fmt: skip
