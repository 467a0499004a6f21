"""Which product and brand a person means: by key, brand, generic name or biosimilar suffix; the nearest name else."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..facts.codes import codes_of
from ..facts.problem import AskedWrongly
from ..findings.brands import read_brands
from ..read.drug_names import DrugNames
from ..tables.library import Knowledge
from .asking import CALLED
from .boxes import read_boxes


@dataclass(frozen=True, slots=True)
class Drug:
    """A product by its key, the brand where one was named ("" otherwise), and what both are called."""

    product: str
    brand: str
    called: str
    said: str

    @property
    def name(self) -> str:
        """The brand as it is written on the box, else what the product is called."""
        return brand_name(self.brand) if self.brand else self.called


_SUFFIX = re.compile(r"mab(-[a-z]{4})$")
_WRITTEN = {"hylecta": "Herceptin Hylecta", "herceptin-sc": "Herceptin SC"}


def brand_name(brand: str) -> str:
    """A brand as it is written: `ogivri` is Ogivri."""
    return _WRITTEN.get(brand, brand.capitalize())


def drug_named(text: str, knowledge: Knowledge, option: str = "") -> Drug:
    """The HER2-directed drug that words name.

    Raises `AskedWrongly` with the nearest names where they name none, or where it cannot be told which.
    """
    products, brands = knowledge.products.products, read_brands(knowledge.folder)
    key = "-".join(text.lower().split())
    place = f"{option}: " if option else ""
    if key in brands:
        return Drug(brands[key].product, key, products[brands[key].product].called, text)
    if key in products:
        return Drug(key, "", products[key].called, text)
    names = _names(knowledge.folder, knowledge)
    named = names.by_name(text)
    if named.trouble:
        raise AskedWrongly(f"{place}{named.trouble}; {_offered(text, names, knowledge)}")
    if named.drug not in products:
        what = (
            f"{text!r} is {named.drug}, no HER2-directed drug" if named.drug else f"no HER2-directed drug is {text!r}"
        )
        raise AskedWrongly(f"{place}{what}; {_offered(text, names, knowledge)}")
    if not named.brand and (unknown := _unknown_suffix(text, knowledge)):
        raise AskedWrongly(f"{place}{unknown}")
    brand = named.brand if named.brand in brands and brands[named.brand].product == named.drug else ""
    return Drug(named.drug, brand, products[named.drug].called, text)


def described(drug: Drug, knowledge: Knowledge, jurisdiction: str) -> str:
    """A drug with its generic name: `Ogivri (trastuzumab-dkst)`, `Kadcyla (T-DM1)`."""
    if not drug.brand:
        return drug.called
    suffix = read_boxes(knowledge.folder).suffix(drug.brand, jurisdiction)
    generic = drug.called if drug.called.lower() != drug.brand else drug.product
    if suffix and drug.called == "trastuzumab":
        return f"{drug.name} (trastuzumab{suffix})"
    return drug.name if generic == drug.product == drug.brand else f"{drug.name} ({generic})"


def not_authorised(brand: str, jurisdiction: str, knowledge: Knowledge) -> str:
    """A warning where a brand has no row of approval under a label; "" where it has one, or none was named."""
    boxes = read_boxes(knowledge.folder)
    if not brand or (brand, jurisdiction) in boxes.brands:
        return ""
    where = [CALLED.get(each, each) for name, each in boxes.brands if name == brand]
    there = " and ".join(where)
    return (
        f"{brand_name(brand)} is not among the brands of the {CALLED[jurisdiction]}; it is among those of the {there}"
    )


@cache
def _names(folder: Path, knowledge: Knowledge) -> DrugNames:
    del folder
    return DrugNames(codes_of(knowledge.facts).therapy, knowledge.products.products)


def _unknown_suffix(text: str, knowledge: Knowledge) -> str:
    """What is wrong with the four letters behind the name of an antibody, where no brand has them."""
    found = _SUFFIX.search(text.strip().lower())
    suffixes = {
        row.said["suffix"]: brand for (brand, _), row in read_boxes(knowledge.folder).brands.items()
        if row.said.get("suffix", "-") != "-"
    }  # fmt: skip
    if found is None or found[1] in suffixes:
        return ""
    near = difflib.get_close_matches(found[1], suffixes, n=3, cutoff=0.6) or list(suffixes)
    known = ", ".join(f"{suffix} ({brand_name(suffixes[suffix])})" for suffix in near)
    return f"no product has the letters {found[1]} in {text!r}; there are {known}"


def _offered(text: str, names: DrugNames, knowledge: Knowledge) -> str:
    """What could have been meant: the nearest names, else all brands and products."""
    known = [*read_brands(knowledge.folder), *knowledge.products.products]
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.75)
    if (other := names.nearest(text)) and other not in near:
        near.insert(0, other)
    if near:
        return f"did you mean {' or '.join(near)}?"
    first: dict[str, str] = {}
    for name, brand in read_brands(knowledge.folder).items():
        first.setdefault(brand.product, name)
    return f"name a brand ({', '.join(first.values())}, ...) or a generic name, with or without its suffix"
