"""How a dose is made up, `product/preparation.md`: what dissolves a vial, what a mL holds, which bag it goes into."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from ..cache import kept
from ..fact import Facts
from ..folder import knowledge_folder
from ..problem import Problem
from ..source import Citation, Sources
from .page import Entry, Page, read_or_problems

DOSES = ("first", "later")
"""What the column `dose` of a vial may say besides nothing."""
_VIAL = ("product", "size mg", "jurisdiction", "dose", "ready", "solvent", "mL", "mg/mL", "draws mL")
_BAG = ("mL", "fluid", "never", "filter")


@dataclass(frozen=True, slots=True)
class PreparedVial:
    """A vial and what becomes of it: to a powder `solvent_ml` of the solvent are added; a mL then holds `mg_per_ml`.

    `jurisdiction` is any, us or eu. `dose` is first or later where a vial is for one of them alone, and `draws_ml` the
    whole of such a dose. `None` and "" where the page has nothing.
    """

    name: str
    product: str
    size_mg: Decimal
    jurisdiction: str
    dose: str
    ready: bool
    solvent: str
    solvent_ml: Decimal | None
    mg_per_ml: Decimal | None
    draws_ml: Decimal | None
    remark: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Bag:
    """The bag of an infusion: its mL, the fluid in it, what must never be used, and the filter of the line."""

    product: str
    ml: Decimal
    fluid: str
    never: str
    filter: str
    remark: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """Every prepared vial, in the order of the page, and the bags by product."""

    vials: tuple[PreparedVial, ...] = ()
    bags: dict[str, Bag] = field(default_factory=dict)

    def vials_of(self, product: str, jurisdiction: str, dose: str = "") -> tuple[PreparedVial, ...]:
        """The vials of a product under one label; of those for a first or a later dose alone, the ones of `dose`."""
        return tuple(
            vial for vial in self.vials
            if vial.product == product and vial.jurisdiction in ("any", jurisdiction) and vial.dose in ("", dose)
        )  # fmt: skip


def preparation_path(folder: Path) -> Path:
    """Where the page stands in a folder of knowledge."""
    return folder / "product" / "preparation.md"


def read_preparation(folder: Path | None = None) -> Preparation:
    """How doses are made up, by a folder of knowledge (by default that in use); nothing where it has no such page.

    Raises `KnowledgeError` where the page cannot be read.
    """
    return _read_once(folder or knowledge_folder())


@cache
def _read_once(folder: Path) -> Preparation:
    path = preparation_path(folder)
    if not path.is_file():
        return Preparation()

    def read() -> Preparation:
        page = Page(path)
        prepared, _ = _read(page)
        page.require()
        return prepared

    return kept("preparation", [path], read)


def _read(page: Page) -> tuple[Preparation, list[tuple[int, str, tuple[Citation, ...]]]]:
    """What a page says, and every row's line, name and citations."""
    vials, bags, cited = [], {}, []
    for entry in page.entries("prepared vial", _VIAL):
        vials.append(_vial(entry))
        cited.append((entry.line, vials[-1].name, entry.citations))
    for entry in page.entries("bag for", _BAG):
        product = entry["bag for"]
        bags[product] = Bag(
            product, _number(entry, "mL") or Decimal(0), entry["fluid"], entry["never"], entry["filter"],
            entry["remark"], entry.citations,
        )  # fmt: skip
        cited.append((entry.line, f"the bag for {product}", entry.citations))
    return Preparation(tuple(vials), bags), cited


def _vial(entry: Entry) -> PreparedVial:
    dose, ready = entry["dose"], entry.yes("ready")
    if dose and dose not in DOSES:
        entry.fault(f"dose is {dose!r}", "write first, later or -")
    solvent, solvent_ml = entry["solvent"], _number(entry, "mL", wanted=not ready)
    if ready and (solvent or solvent_ml is not None):
        entry.fault("a solution that is ready has a solvent", "write - for solvent and mL")
    draws, strength = _number(entry, "draws mL", wanted=False), _number(entry, "mg/mL", wanted=False)
    if (draws is None) == (strength is None):
        entry.fault("a vial has a strength or a volume of the dose", "fill one of mg/mL and draws mL")
    return PreparedVial(
        entry["prepared vial"], entry["product"], _number(entry, "size mg") or Decimal(0),
        entry.one_of("jurisdiction", ("any", "us", "eu"), "any, us or eu"), dose, ready, solvent, solvent_ml, strength,
        draws, entry["remark"], entry.citations,
    )  # fmt: skip


def _number(entry: Entry, column: str, wanted: bool = True) -> Decimal | None:
    """A positive number of a cell; `None` where the cell is blank, which is a fault where it is `wanted`."""
    text = entry[column]
    if not text and not wanted:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal(0)
    if not number.is_finite() or number <= 0:
        entry.fault(f"{column} is {text!r}", "write a number above 0")
        return None
    return number


def prove_preparation(folder: Path, facts: Facts, sources: Sources) -> list[Problem]:
    """What is wrong with the page: rows that cannot be read, without a source, or of no product; nothing without it."""
    if not preparation_path(folder).is_file():
        return []
    page = Page(preparation_path(folder))
    read, problems = read_or_problems(lambda: _read(page))
    if read is None:
        return problems
    prepared, cited = read
    for line, name, citations in cited:
        page.prove(line, name, citations, sources)
    for product in dict.fromkeys([*(vial.product for vial in prepared.vials), *prepared.bags]):
        if product not in facts["product"].values:
            page.fault(1, f"{product!r} is no value of product", "name one of the values of the fact")
    return page.problems
