"""Doses and orders in words: the drug by its brand, the amount, what was due, the highest dose, the dose before.

Each name gives the words of many doses at once, as pieces: a number is put into words once, however many doses have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property

import numpy as np

from ...record.columns import UNKNOWN, Flags, Whole
from ..course.columns import CourseFacts
from ..course.words import day_words
from ..pieces import Coded, Pieced, coded_by
from .administrations import Administrations
from .due import Due, doses_by_use
from .facts import IN_HAND, amounts_of
from .toxicity import CAUSE, outcomes_of

NO_WEIGHT = "no weight"
LIKE = 1
"""Two doses are told to be alike up to so many hundredths apart; of the words alone."""
SHORT = 3
"""A name of so few letters is an abbreviation: ALT, ILD."""
NOTHING = UNKNOWN - 1
"""The key of a piece that has no words."""
METHOD_OF = {"on_day": "day", "due": "due_words"}
"""The names of words whose methods are called otherwise."""

Pieces = list[str | Coded]


class DoseWords:
    """Puts doses and orders into words, by their places; `facts` are theirs as columns."""

    def __init__(self, course: CourseFacts, made: Administrations, due: Due, facts: Mapping[str, Whole]) -> None:
        self.course, self.made, self.due, self.facts = course, made, due, facts
        self.codes = course.rules.codes

    def texts(self, name: str, places: Whole) -> Pieced:
        """One name that the words of a finding may hold, of some doses and orders."""
        pieces: Pieces = getattr(self, METHOD_OF.get(name, name))(places)
        return Pieced(pieces, len(places))

    @cached_property
    def _amounts(self) -> tuple[Whole, Whole]:
        return amounts_of(self.course, self.made)

    @cached_property
    def _brand(self) -> Whole:
        """A key of the brand and the drug of each dose."""
        return self.course.record.qualifier[self.made.row].astype(np.int64) * len(self.codes.products) + self.made.drug

    def _drug_of(self, key: int) -> str:
        brand, drug = divmod(key, len(self.codes.products))
        word = self.course.record.qualifiers[brand]
        return str(word.capitalize() if word else self.codes.products[drug])

    def _is_by_weight(self, places: Whole) -> Flags:
        by_weight: Flags = self.codes.arrays.by_weight[self.made.drug[places]] == 1
        return by_weight

    def drug(self, places: Whole) -> Pieces:
        """The brand where the record names it, else the product."""
        return [coded_by(self._brand[places], self._drug_of)]

    def day(self, places: Whole) -> Pieces:
        return [coded_by(self.made.day[places], day_words)]

    def amount(self, places: Whole, said: str = " ({} mg/kg)") -> Pieces:
        """The amount with mg/kg where both are known: `420 mg (6 mg/kg)`; no words for a place below 0."""
        mg, per_kg = self.made.mg[places], self.made.per_kg[places]
        there = places >= 0
        both = self._is_by_weight(places) & (mg != UNKNOWN) & (per_kg != UNKNOWN) & there
        keys = np.where(mg != UNKNOWN, mg * 2, np.where(per_kg != UNKNOWN, per_kg * 2 + 1, UNKNOWN))
        return [coded_by(np.where(there, keys, NOTHING), _amount), _behind(per_kg, both, said)]

    def amount_is(self, places: Whole) -> Pieces:
        """The drug and its amount as a clause: `Kadcyla 420 mg is 6 mg/kg`."""
        return [*self.drug(places), " ", *self.amount(places, " is {} mg/kg")]

    def due_words(self, places: Whole) -> Pieces:
        """The dose of the label that was due, the nearest where several may be."""
        return self._dose(places, self._nearest(places, self.due.due[places]))

    def maximum(self, places: Whole) -> Pieces:
        """The highest dose of the label."""
        return self._dose(places, self.due.most[places])

    def off(self, places: Whole) -> Pieces:
        return [coded_by(self.facts["dose_off_percent"][places], _signed)]

    def above(self, places: Whole) -> Pieces:
        return [coded_by(self.facts["dose_above_maximum_percent"][places], _signed)]

    def previous(self, places: Whole) -> Pieces:
        """The dose before: its amount and day."""
        before = self.made.before[places]
        other = np.where(self.made.drug[before] == self.made.drug[places], NOTHING, self._brand[before])
        drugs = coded_by(
            np.where(before < 0, UNKNOWN, other),
            lambda key: "none" if key == UNKNOWN else "" if key == NOTHING else f"{self._drug_of(key)} ",
        )
        days = coded_by(
            np.where(before < 0, NOTHING, self.made.day[before]),
            lambda day: "" if day == NOTHING else f" on {day_words(day)}",
        )
        return [drugs, *self.amount(before), days]

    def days_apart(self, places: Whole) -> Pieces:
        return [coded_by(self.made.gap[places], lambda days: "1 day" if days == 1 else f"{days} days")]

    def in_hand(self, places: Whole) -> Pieces:
        """The drug of the course."""
        return [coded_by(self.facts[IN_HAND][places], lambda drug: str(self.codes.products[drug]))]

    def weight(self, places: Whole) -> Pieces:
        """The weight by which it is judged, with its day."""
        weight = self.made.weight[places]
        days = np.where(weight == UNKNOWN, NOTHING, self.made.weight_day[places])
        return [
            coded_by(weight, lambda key: NO_WEIGHT if key == UNKNOWN else f"{_plain(key)} kg of "),
            coded_by(days, lambda day: "" if day == NOTHING else day_words(day)),
        ]

    def lowest(self, places: Whole) -> Pieces:
        """The lowest level of a conjugate given before, worked back from how far the amount lies above it."""
        return [_each([self._lowest(place) for place in places.tolist()])]

    def _lowest(self, place: int) -> str:
        raised, per_kg = int(self.facts["level_raised_percent"][place]), int(self.made.per_kg[place])
        if raised < 0 or per_kg == UNKNOWN:
            return "a lower level"
        levels = [dose for dose in self.due.due[place].tolist() if dose != UNKNOWN]
        wanted = per_kg * 100_000 / (100_000 + raised)
        return f"{_plain(min(levels, key=lambda dose: abs(dose - wanted)))} mg/kg"

    def toxicity(self, places: Whole) -> Pieces:
        """What held the dose or had ended the drug: `platelets`, `ILD`."""
        outcomes = outcomes_of(self.course)
        return [coded_by(self.facts[CAUSE][places], lambda place: "" if place < 0 else _of_outcome(outcomes[place]))]

    def use(self, places: Whole) -> Pieces:
        """The organ and the setting."""
        words: Pieces = []
        for name, behind in (("setting", " "), ("tumour_site", " cancer")):
            values = self.course.rules.knowledge.facts[name].values
            told = [*values, f"{name.replace('_', ' ')} not known"]
            number = self.facts[name][places]
            words += [Coded(told, np.where(number >= 0, number, len(values))), behind]
        return words

    def resembles(self, places: Whole) -> Pieces:
        """Whose dose it would be: of another organ, or of another drug that is given by weight."""
        per_kg, drug = self.made.per_kg[places], self.made.drug[places]
        site = self.facts["tumour_site"][places]
        sites = len(self.course.rules.knowledge.facts["tumour_site"].values) + 1
        asked = self._is_by_weight(places) & (per_kg != UNKNOWN)
        keys = (per_kg * len(self.codes.products) + drug) * sites + np.maximum(site, -1) + 1
        return [coded_by(np.where(asked, keys, NOTHING), lambda key: self._resembles(key, sites))]

    def _resembles(self, key: int, sites: int) -> str:
        if key == NOTHING:
            return ""
        rest, here = divmod(key, sites)
        per_kg, drug = divmod(rest, len(self.codes.products))
        uses = doses_by_use(self.course)
        mine = [use for use, doses in uses.items() if any(abs(per_kg - dose) * 100 <= LIKE * dose for dose in doses)]
        if (drug, here - 1) in mine:
            return ""
        values = self.course.rules.knowledge.facts["tumour_site"].values
        for other, site in mine:
            if other == drug:
                return f", the dose in {values[site]} cancer"
        others = dict.fromkeys(self.codes.products[other] for other, _ in mine)
        return f", a dose of {' or '.join(others)}" if others else ""

    def _dose(self, places: Whole, doses: Whole) -> Pieces:
        weight, by_weight = self.made.weight[places], self._is_by_weight(places)
        keys = np.where(doses == UNKNOWN, UNKNOWN, doses * 2 + by_weight)
        both = by_weight & (weight != UNKNOWN) & (doses != UNKNOWN)
        return [coded_by(keys, _labelled), _behind(doses * weight // 1000, both, " = {} mg", 0)]

    def _nearest(self, places: Whole, doses: Whole) -> Whole:
        """Of the doses that may be due that nearest to what was given; the last where the amount is not known."""
        amount, width = (column[places, None] for column in self._amounts)
        listed = doses != UNKNOWN
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(listed, np.abs(amount - doses * width) / doses, np.inf)
        last = doses.shape[1] - 1 - np.argmax(listed[:, ::-1], axis=1)
        chosen = np.where(amount[:, 0] == UNKNOWN, last, np.argmin(far, axis=1))
        nearest: Whole = np.where(listed.any(axis=1), doses[np.arange(len(doses)), chosen], UNKNOWN)
        return nearest


class WordsOfRows(Mapping[str, Sequence[str]]):
    """The words of some doses and orders by name, each name put into words when somebody asks."""

    def __init__(self, words: DoseWords, places: Whole, names: Sequence[str]) -> None:
        self.words, self.places, self.names = words, places, names
        self._told: dict[str, Pieced] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Pieced:
        if name not in self.names:
            raise KeyError(name)
        if name not in self._told:
            self._told[name] = self.words.texts(name, self.places)
        return self._told[name]


def _each(words: list[str]) -> Coded:
    """Words of which no two rows need have the same."""
    return Coded(words, np.arange(len(words)))


def _behind(numbers: Whole, there: Flags, said: str, digits: int = 2) -> Coded:
    """A number behind the amount, where it is there, else no words."""
    return coded_by(
        np.where(there, numbers, NOTHING), lambda key: "" if key == NOTHING else said.format(_plain(key, digits))
    )


def _of_outcome(outcome: str) -> str:
    """`platelets` of `platelets_action`; what is short is an abbreviation."""
    words = outcome.removesuffix("_action").replace("_", " ")
    return words.upper() if len(words) <= SHORT else words


def _amount(key: int) -> str:
    if key in (UNKNOWN, NOTHING):
        return "an unknown amount" if key == UNKNOWN else ""
    return f"{_plain(key >> 1)} {'mg/kg' if key & 1 else 'mg'}"


def _labelled(key: int) -> str:
    if key == UNKNOWN:
        return "unknown"
    return f"{_plain(key >> 1)} {'mg/kg' if key & 1 else 'mg'}"


@cache
def _plain(thousandths: int, digits: int = 2) -> str:
    """A number of thousandths, rounded to so many digits, without needless zeros."""
    return (
        f"{round(thousandths / 1000, digits):.{digits}f}".rstrip("0").rstrip(".")
        if digits
        else f"{thousandths / 1000:.0f}"
    )


def _signed(thousandths: int) -> str:
    return f"{thousandths / 1000:+.0f} %"
