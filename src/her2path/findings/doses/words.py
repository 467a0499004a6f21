"""A dose or an order in words: the drug by its brand, the amount, what was due, the highest dose, the dose before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property

from ...record.columns import UNKNOWN, Whole
from ..course.columns import CourseFacts
from ..course.words import day_words
from .administrations import Administrations
from .due import Due, doses_by_use
from .facts import IN_HAND, amounts_of

NO_WEIGHT = "no weight"
LIKE = 1
"""Two doses are told to be alike up to so many hundredths apart; of the words alone."""


METHOD_OF = {"on_day": "day", "due": "due_words"}
"""The names of words whose methods are called otherwise."""


class DoseWords:
    """Puts single doses and orders into words; `facts` are theirs as columns."""

    def __init__(self, course: CourseFacts, made: Administrations, due: Due, facts: Mapping[str, Whole]) -> None:
        self.course, self.made, self.due, self.facts = course, made, due, facts
        self.codes = course.rules.codes

    def text(self, name: str, place: int) -> str:
        """One name that the words of a finding may hold, of one dose or order."""
        words: str = getattr(self, METHOD_OF.get(name, name))(place)
        return words

    @cached_property
    def _amounts(self) -> tuple[Whole, Whole]:
        return amounts_of(self.course, self.made)

    def drug(self, place: int) -> str:
        """The brand where the record names it, else the product."""
        record, row = self.course.record, int(self.made.row[place])
        brand = record.qualifiers[record.qualifier[row]]
        return str(brand.capitalize() if brand else self.codes.products[self.made.drug[place]])

    def day(self, place: int) -> str:
        return day_words(int(self.made.day[place]))

    def amount(self, place: int) -> str:
        """The amount with mg/kg where both are known: `420 mg (6 mg/kg)`."""
        mg, per_kg = int(self.made.mg[place]), int(self.made.per_kg[place])
        by_weight = bool(self.codes.drugs.by_weight[self.made.drug[place]])
        if mg == UNKNOWN:
            return "an unknown amount" if per_kg == UNKNOWN else f"{_plain(per_kg)} mg/kg"
        return f"{_plain(mg)} mg" + (f" ({_plain(per_kg)} mg/kg)" if by_weight and per_kg != UNKNOWN else "")

    def amount_is(self, place: int) -> str:
        """The drug and its amount as a clause: `Kadcyla 420 mg is 6 mg/kg`."""
        mg, per_kg = int(self.made.mg[place]), int(self.made.per_kg[place])
        by_weight = bool(self.codes.drugs.by_weight[self.made.drug[place]])
        if by_weight and UNKNOWN not in (mg, per_kg):
            return f"{self.drug(place)} {_plain(mg)} mg is {_plain(per_kg)} mg/kg"
        return f"{self.drug(place)} {self.amount(place)}"

    def due_words(self, place: int) -> str:
        """The dose of the label that was due, the nearest where several may be."""
        return self._dose(place, self._nearest(place, self.due.due[place]))

    def maximum(self, place: int) -> str:
        """The highest dose of the label."""
        return self._dose(place, int(self.due.most[place]))

    def off(self, place: int) -> str:
        return _signed(int(self.facts["dose_off_percent"][place]))

    def above(self, place: int) -> str:
        return _signed(int(self.facts["dose_above_maximum_percent"][place]))

    def previous(self, place: int) -> str:
        """The dose before: its amount and day."""
        before = int(self.made.before[place])
        if before < 0:
            return "none"
        other = "" if self.made.drug[before] == self.made.drug[place] else f"{self.drug(before)} "
        return f"{other}{self.amount(before)} on {self.day(before)}"

    def days_apart(self, place: int) -> str:
        days = int(self.made.gap[place])
        return "1 day" if days == 1 else f"{days} days"

    def in_hand(self, place: int) -> str:
        """The drug of the course."""
        return str(self.codes.products[self.facts[IN_HAND][place]])

    def weight(self, place: int) -> str:
        """The weight by which it is judged, with its day."""
        weight = int(self.made.weight[place])
        return (
            NO_WEIGHT if weight == UNKNOWN else f"{_plain(weight)} kg of {day_words(int(self.made.weight_day[place]))}"
        )

    def lowest(self, place: int) -> str:
        """The lowest level of a conjugate given before, worked back from how far the amount lies above it."""
        raised, per_kg = int(self.facts["level_raised_percent"][place]), int(self.made.per_kg[place])
        if raised < 0 or per_kg == UNKNOWN:
            return "a lower level"
        levels = [dose for dose in self.due.due[place].tolist() if dose != UNKNOWN]
        wanted = per_kg * 100_000 / (100_000 + raised)
        return f"{_plain(min(levels, key=lambda dose: abs(dose - wanted)))} mg/kg"

    def use(self, place: int) -> str:
        """The organ and the setting."""
        facts = self.course.rules.knowledge.facts
        words = []
        for name in ("setting", "tumour_site"):
            number = int(self.facts[name][place])
            words.append(facts[name].values[number] if number >= 0 else f"{name.replace('_', ' ')} not known")
        return f"{words[0]} {words[1]} cancer"

    def resembles(self, place: int) -> str:
        """Whose dose it would be: of another organ, or of another drug that is given by weight."""
        per_kg, drug = int(self.made.per_kg[place]), int(self.made.drug[place])
        if per_kg == UNKNOWN or not self.codes.drugs.by_weight[drug]:
            return ""
        uses = doses_by_use(self.course)
        mine = [use for use, doses in uses.items() if any(abs(per_kg - dose) * 100 <= LIKE * dose for dose in doses)]
        here = int(self.facts["tumour_site"][place])
        if (drug, here) in mine:
            return ""
        sites = self.course.rules.knowledge.facts["tumour_site"].values
        for other, site in mine:
            if other == drug:
                return f", the dose in {sites[site]} cancer"
        others = dict.fromkeys(self.codes.products[other] for other, _ in mine)
        return f", a dose of {' or '.join(others)}" if others else ""

    def _dose(self, place: int, dose: int) -> str:
        if dose == UNKNOWN:
            return "unknown"
        if not self.codes.drugs.by_weight[self.made.drug[place]]:
            return f"{_plain(dose)} mg"
        weight = int(self.made.weight[place])
        return f"{_plain(dose)} mg/kg" + (f" = {_plain(dose * weight // 1000, 0)} mg" if weight != UNKNOWN else "")

    def _nearest(self, place: int, doses: Whole) -> int:
        amount, width = (int(column[place]) for column in self._amounts)
        listed = [dose for dose in doses.tolist() if dose != UNKNOWN]
        if not listed:
            return UNKNOWN
        if amount == UNKNOWN:
            return int(listed[-1])
        return int(min(listed, key=lambda dose: abs(amount - dose * width) / dose))


class WordsOfRows(Mapping[str, Sequence[str]]):
    """The words of some doses and orders by name, each name put into words when somebody asks."""

    def __init__(self, words: DoseWords, places: list[int], names: Sequence[str]) -> None:
        self.words, self.places, self.names = words, places, names
        self._told: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> list[str]:
        if name not in self.names:
            raise KeyError(name)
        if name not in self._told:
            self._told[name] = [self.words.text(name, place) for place in self.places]
        return self._told[name]


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
