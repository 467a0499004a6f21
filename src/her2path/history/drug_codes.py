"""Drugs by the numbers that timelines and folds know them by, with what the knowledge says of each.

The products come first, each at its place among the values of the fact `product`; the other drugs follow in the order
of their page. A fold is given a column of each property, by code, so that no order of names is a rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..facts.pages.numbers import CourseNumbers
from ..facts.pages.products import CLASSES, Product, Products
from ..tables.library import Knowledge
from ..tables.load import default_knowledge
from .names import UNKNOWN

HER2_PRODUCT, ANTHRACYCLINE, TAXANE, CHEMOTHERAPY, ENDOCRINE, IMMUNOTHERAPY = range(6)
"""The kinds of drugs: the products, then the classes of the others in the order of `CLASSES`."""
KINDS_OF_DRUG = dict(zip(CLASSES, range(1, len(CLASSES) + 1), strict=True))
THOUSAND = 1000
KNOWLEDGES_KEPT = 8
DOSE = re.compile(r"([\d.]+) mg(/kg| trastuzumab)?$")
"""A dose of the label in words; of a fixed combination the trastuzumab is what a record has."""


class DrugProperties(NamedTuple):
    """What a fold knows of drugs: a column of each property, by code; of one drug, its numbers.

    Yes is 1 and no 0; days lie between two doses; mg of doxorubicin are in thousandths. `shorter_days` is 0 for a
    product with one schedule, and all but `kind` and `as_doxorubicin` are for other drugs.
    """

    kind: Any
    of_trastuzumab: Any
    of_pertuzumab: Any
    conjugate: Any
    partner: Any
    by_weight: Any
    shorter_days: Any
    days: Any
    as_doxorubicin: Any


@dataclass(frozen=True, eq=False)
class DrugCodes:
    """The drugs of some knowledge by their codes.

    `names` are all of them, each at its code, and the first ones, `products`, HER2-directed. `drugs` are the columns
    of their properties as tuples, `numbers` those of the course, and `labelled` the doses of the label by product code
    and days of the schedule: thousandths of mg/kg where given by weight, else of mg, ascending.
    """

    names: tuple[str, ...]
    products: tuple[str, ...]
    page: Products
    numbers: CourseNumbers
    drugs: DrugProperties
    labelled: Mapping[tuple[int, int], tuple[int, ...]]

    @cached_property
    def code(self) -> Mapping[str, int]:
        """The code of each drug by its name."""
        return {name: code for code, name in enumerate(self.names)}

    @cached_property
    def arrays(self) -> DrugProperties:
        """The columns of the properties as arrays of whole numbers, for compiled folds and for columns."""
        return DrugProperties(*(np.array(column, np.int64) for column in self.drugs))

    def product(self, name: str) -> Product:
        """What the page says of a product."""
        return self.page.products[name]

    @staticmethod
    def having(column: npt.NDArray[np.int64], flags: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Where the product of a column is known and has a property, one of `arrays`, that is not 0."""
        known = column != UNKNOWN
        has: npt.NDArray[np.bool_] = known & (flags[np.where(known, column, 0)] != 0)
        return has


@lru_cache(maxsize=KNOWLEDGES_KEPT)
def drug_codes(knowledge: Knowledge) -> DrugCodes:
    """The drugs of some knowledge by their codes. Raises `KnowledgeError` where its pages cannot be read."""
    page = knowledge.products
    products = tuple(name for name in knowledge.facts["product"].values if name in page.products)
    rows = [_of_product(page.products[name]) for name in products]
    others = [drug for drug in page.drugs.values() if drug.name not in products]
    rows += [
        DrugProperties(KINDS_OF_DRUG[drug.kind], 0, 0, 0, 0, 0, 0, 0, int(drug.as_doxorubicin * THOUSAND))
        for drug in others
    ]
    names = (*products, *(drug.name for drug in others))
    columns = DrugProperties(*zip(*rows, strict=True))
    return DrugCodes(names, products, page, knowledge.numbers, columns, _labelled(knowledge, products))


def default_codes() -> DrugCodes:
    """The drugs of the knowledge in use, where none other is named."""
    return drug_codes(default_knowledge())


def _of_product(product: Product) -> DrugProperties:
    shorter = product.days[0] if len(product.days) > 1 else 0
    return DrugProperties(
        HER2_PRODUCT, int(product.of_trastuzumab), int(product.of_pertuzumab), int(product.family == "conjugate"),
        int(product.partner), int(product.by_weight), shorter, product.days[-1], 0,
    )  # fmt: skip


def _labelled(knowledge: Knowledge, products: tuple[str, ...]) -> dict[tuple[int, int], tuple[int, ...]]:
    """The doses of the label editions of every product whose doses are compared, by its code and the schedule."""
    levels: dict[tuple[int, int], set[int]] = {}
    for code, name in enumerate(products):
        product = knowledge.products.products[name]
        if not product.compared:
            continue
        for edition in knowledge.editions:
            table = edition.tables.get("dose_per_administration")
            if table is None or edition.scope != "product" or name not in edition.scope_values:
                continue
            place = table.inputs.index("schedule") if "schedule" in table.inputs else -1
            for row in table.rows:
                cell: Any = row.cells[place] if place >= 0 else None
                given = zip(product.schedules, product.days, strict=True)
                days = [length for schedule, length in given if cell is None or cell.is_any or schedule in cell.values]
                for dose in filter(None, map(DOSE.search, row.outcomes)):
                    for length in days:
                        levels.setdefault((code, length), set()).add(int(Decimal(dose[1]) * THOUSAND))
    return {key: tuple(sorted(doses)) for key, doses in levels.items()}
