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
from ..facts.value import Value

SUBCUTANEOUS = ("trastuzumab-sc", "phesgo")
TABLETS = ("tucatinib", "neratinib", "lapatinib")


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

    @property
    def route(self) -> str:
        """How it is given: by mouth, under the skin or into a vein."""
        if self.product in TABLETS:
            return "oral"
        return "subcutaneous" if self.product in SUBCUTANEOUS else "intravenous"


@cache
def read_brands() -> Mapping[str, Brand]:
    """Every brand of `product/brands.md` by its name."""
    path = knowledge_folder() / "product" / "brands.md"
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


def default_vials(brand: str, product: str, jurisdiction: str) -> tuple[Decimal, ...]:
    """The vial sizes (mg) of a brand; of the product's brands where the brand is not known, the sizes of all."""
    brands = read_brands()
    if brand in brands:
        return brands[brand].vials.get(jurisdiction, ())
    sizes = {size for each in brands.values() if each.product == product for size in each.vials.get(jurisdiction, ())}
    return tuple(sorted(sizes))


def compared(ordered: str, offered: str) -> dict[str, Value]:
    """The facts that substitution asks of two brands: the one ordered, and the one offered for it."""
    brands = read_brands()
    if ordered not in brands or offered not in brands:
        return {}
    one, other = brands[ordered], brands[offered]
    return {
        "same_brand": _yes(ordered == offered),
        "same_molecule": _yes(one.molecules == other.molecules),
        "same_route": _yes(one.route == other.route),
        "interchangeable_designation": other.interchangeable.get(ordered, "unconfirmed"),
    }


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
