"""How the findings of a batch bear on the next dose of each drug, and on the last order.

Each row of findings has the effects of its saying (`effects.py`); of several on one drug the strongest counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..facts.pages.products import TABLET, Product
from ..history.course_facts import known
from ..history.drug_codes import KNOWLEDGES_KEPT, DrugCodes
from ..record.columns import Flags, Whole
from .course.columns import CourseFacts
from .effects import Effect, Strength
from .rows import FindingRows

FITS, GATED, FORBIDDEN, NO_ORDER = "fits", "gated", "forbidden", "no order"
"""The values of the fact `order_effect`."""
NO_MOLECULE = "hyaluronidase"


def on_order(strongest: Strength) -> str:
    """The value of `order_effect` that the strongest effect on an order leads to."""
    if strongest >= Strength.ENDS:
        return FORBIDDEN
    return GATED if strongest == Strength.GATES else FITS


@dataclass(frozen=True, slots=True)
class Bears:
    """One effect on one patient: what it is, and the finding it is of (a place in rows of findings)."""

    effect: Effect
    rows: FindingRows
    place: int


class Bearing:
    """How findings bear on drugs, for a batch: as columns, and of one patient in full."""

    def __init__(self, course: CourseFacts, rows: Sequence[FindingRows]) -> None:
        self.course = course
        self.codes = course.rules.codes
        self.rows = [each for each in rows if each.saying.effects]

    @cached_property
    def in_hand(self) -> Whole:
        """The drug each patient's findings speak of: the product in hand, before the start the one ordered."""
        product = self.course.column("product")
        return np.where(known(product), product, self.course.column("ordered_product"))

    def strength(self, drug: Whole) -> Whole:
        """The strongest effect on a drug of each patient (`Strength`)."""
        strongest = np.zeros(len(self.course), np.int64)
        drug = self._place(drug)
        for rows in self.rows:
            patients = rows.patients
            context = self._context(rows, slice(None))
            for effect in rows.saying.effects:
                if effect.scope == "order":
                    continue
                covered = self._coverage[effect.scope][context, drug[patients]]
                np.maximum.at(strongest, patients, np.where(covered, int(effect.strength), 0))
        return strongest

    def effect(self, strongest: Whole) -> Whole:
        """Strengths as values of the fact `next_dose_effect`."""
        values = self.course.rules.knowledge.facts["next_dose_effect"].values
        places: Whole = np.array([values.index(strength.words) for strength in Strength], np.int64)
        return places[strongest]

    def order(self) -> Whole:
        """How the findings bear on the last order: a value of the fact `order_effect`."""
        values = self.course.rules.knowledge.facts["order_effect"].values
        ordered = self.course.column("ordered_product")
        strongest = self.strength(ordered)
        for rows in self.rows:
            for effect in rows.saying.effects:
                if effect.scope == "order":
                    np.maximum.at(strongest, rows.patients, int(effect.strength))
        bears: Whole = np.array([values.index(on_order(strength)) for strength in Strength], np.int64)
        return np.where(known(ordered), bears[strongest], values.index(NO_ORDER))

    def of(self, patient: int, drug: str) -> list[Bears]:
        """What bears on one drug of one patient, the strongest first and of equals the gravest."""
        return self._in_order(self._of(patient, self.codes.code[drug]))

    def of_order(self, patient: int, drug: str = "") -> list[Bears]:
        """What bears on the orders of one patient alone, as `of`; with a `drug` on her orders of that drug."""
        found = (bears for bears in self._all(patient) if bears.effect.scope == "order")
        wanted = self.codes.code[drug] if drug else None
        return self._in_order(bears for bears in found if wanted is None or self._ordered(bears) == wanted)

    def _ordered(self, bears: Bears) -> int:
        """The drug of the order that an effect is on: of a single order its own, of a question about a drug that drug,
        else that of the last order."""
        rows, place = bears.rows, bears.place
        if rows.drugs is not None:
            return int(rows.drugs[place])
        if rows.product:
            return self.codes.code[rows.product]
        return int(self.course.column("ordered_product")[rows.patients[place]])

    def _of(self, patient: int, drug: int) -> Iterator[Bears]:
        for bears in self._all(patient):
            if bears.effect.scope != "order":
                context = self._context(bears.rows, [bears.place])
                if self._coverage[bears.effect.scope][int(context[0]), drug]:
                    yield bears

    def _all(self, patient: int) -> Iterator[Bears]:
        for rows in self.rows:
            first, last = np.searchsorted(rows.patients, [patient, patient + 1]).tolist()
            for place in range(first, last):
                for effect in rows.saying.effects:
                    yield Bears(effect, rows, place)

    @staticmethod
    def _in_order(found: Iterator[Bears]) -> list[Bears]:
        return sorted(found, key=lambda bears: (-bears.effect.strength, bears.rows.saying.grade))

    def _context(self, rows: FindingRows, places: slice | list[int]) -> Whole:
        """The drug that findings speak of: of a single dose or order its own, else the one asked about or in hand."""
        if rows.drugs is not None:
            return self._place(rows.drugs[places])
        patients = rows.patients[places]
        if rows.product:
            return np.full(len(patients), self.codes.code[rows.product], np.int64)
        return self._place_in_hand[patients]

    @cached_property
    def _place_in_hand(self) -> Whole:
        return self._place(self.in_hand)

    def _place(self, drug: Whole) -> Whole:
        """Drugs as places of the coverage: what is not known is the last."""
        size = len(self.codes.products)
        return np.where((drug >= 0) & (drug < size), drug, size)

    @property
    def _coverage(self) -> Mapping[str, Flags]:
        return coverage_of(self.codes)


@lru_cache(maxsize=KNOWLEDGES_KEPT)
def coverage_of(codes: DrugCodes) -> Mapping[str, Flags]:
    """By scope whether an effect of a finding about a drug (row) bears on another (column); the last of each is
    unknown."""
    products = [codes.product(name) for name in codes.products]
    size = len(products) + 1
    antibodies = np.ones(size, np.bool_)
    antibodies[:-1] = [product.family != TABLET for product in products]
    same = np.eye(size, dtype=np.bool_)
    same[-1, -1] = False
    course, molecule = same.copy(), same.copy()
    course[:-1, :-1] |= np.array([product.partner for product in products], np.bool_)
    for row, one in enumerate(products):
        molecule[row, :-1] |= [bool(_molecules(one) & _molecules(other)) for other in products]
    return {
        "product": same, "course": course, "molecule": molecule,
        "antibodies": np.broadcast_to(antibodies, (size, size)), "all": np.ones((size, size), np.bool_),
    }  # fmt: skip


def _molecules(product: Product) -> frozenset[str]:
    return frozenset(product.holds) - {NO_MOLECULE}
