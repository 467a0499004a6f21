"""The brands: what product each is, its vials and billing code, and how two of them compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

from ..facts.cache import kept
from ..facts.folder import knowledge_folder
from ..facts.markdown import plain, read_markdown
from ..facts.pages.page import read_or_problems
from ..facts.pages.products import read_products
from ..facts.problem import Problem
from ..facts.value import Value
from ..tables.library import Knowledge


@dataclass(slots=True)
class Brand:
    """A name on a box: its product, active substances, approval days by jurisdiction, vials (mg) and code."""

    name: str
    product: str
    molecules: frozenset[str] = frozenset()
    approved: dict[str, str] = field(default_factory=dict)
    indications: dict[str, str] = field(default_factory=dict)
    vials: dict[str, tuple[Decimal, ...]] = field(default_factory=dict)
    billing_code: str = ""
    interchangeable: dict[str, str] = field(default_factory=dict)


def read_brands(folder: Path | None = None) -> Mapping[str, Brand]:
    """Every brand of `product/brands.md` of a folder of knowledge by its name; by default of that in use."""
    return _brands_in(folder or knowledge_folder())


@cache
def _brands_in(folder: Path) -> Mapping[str, Brand]:
    return _brands_of(folder / "product" / "brands.md")


@cache
def _brands_of(path: Path) -> Mapping[str, Brand]:
    return kept("brands", [path], lambda: _read_brands(path))


def _read_brands(path: Path) -> dict[str, Brand]:
    found: dict[str, Brand] = {}
    for _, grid in read_markdown(path).grids():
        for _, record in grid.records():
            first = plain(record.get(grid.first, ""))
            if grid.first == "brand":
                brand = found.setdefault(first, Brand(first, plain(record["product"])))
                parts = (part.strip() for part in plain(record["molecule"]).split(","))
                brand.molecules |= {part for part in parts if part != "hyaluronidase"}
                where = plain(record["jurisdiction"])
                brand.approved[where] = plain(record["approved on"])
                brand.indications[where] = plain(record["indications"])
            elif first not in found:
                continue
            elif grid.first == "vial of":
                where = plain(record["jurisdiction"])
                sizes = (*found[first].vials.get(where, ()), Decimal(plain(record["size mg"])))
                found[first].vials[where] = tuple(sorted(set(sizes)))
            elif grid.first == "billing code of":
                found[first].billing_code = plain(record["code"])
            elif grid.first == "interchangeable":
                found[first].interchangeable[plain(record["with"])] = plain(record["designated"])
    return found


def default_vials(
    brand: str, product: str, jurisdiction: str, folder: Path | None = None
) -> tuple[Decimal, ...]:  # fmt: skip
    """The vial sizes (mg) of a brand; of the product's brands where the brand is not known, the sizes of all."""
    brands = read_brands(folder)
    if brand in brands:
        return brands[brand].vials.get(jurisdiction, ())
    sizes = {size for each in brands.values() if each.product == product for size in each.vials.get(jurisdiction, ())}
    return tuple(sorted(sizes))


def compared(ordered: str, offered: str, folder: Path | None = None) -> dict[str, Value]:
    """The facts that substitution asks of two brands: the one ordered, and the one offered for it."""
    brands, products = read_brands(folder), read_products(folder).products
    if ordered not in brands or offered not in brands:
        return {}
    one, other = brands[ordered], brands[offered]
    return {
        "same_brand": _yes(ordered == offered),
        "same_molecule": _yes(one.molecules == other.molecules),
        "same_route": _yes(products[one.product].route == products[other.product].route),
        "interchangeable_designation": other.interchangeable.get(ordered, "unconfirmed"),
    }


def prove_brands(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with the brands: one of a product that has no row, or that is no value of the facts of brands.

    What is wrong with the page of products itself is told where that is proven.
    """
    path = knowledge.folder / "product" / "brands.md"
    problems: list[Problem] = []
    products, _ = read_or_problems(lambda: knowledge.products.products)
    for name, brand in read_brands(knowledge.folder).items():
        if products is not None and brand.product not in products:
            what = f"{name} is a brand of {brand.product!r}, which is no product"
            problems.append(Problem(path, 1, "bad brand", what, "name a product of products.md"))
        for fact in ("brand", "payer_brand", "formulary_brand"):
            if fact in knowledge.facts and name not in knowledge.facts[fact].values:
                problems.append(Problem(path, 1, "bad brand", f"{name} is no value of {fact}", "add it to facts.md"))
    return problems


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
