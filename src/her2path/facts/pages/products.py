"""Products and other drugs, `product/products.md`: what a course has to know of a drug before any rule is asked."""

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

TABLET = "tablet"
FAMILIES = ("antibody", "combination", "conjugate", TABLET)
ROUTES = ("intravenous", "subcutaneous", "oral")
DOSES = ("by weight", "flat")
CLASSES = ("anthracycline", "taxane", "chemotherapy", "endocrine", "immunotherapy")
"""The classes of the other drugs."""
CHEMOTHERAPY = ("anthracycline", "taxane", "chemotherapy")
"""The classes that are chemotherapy."""
SUBSTANCES = ("trastuzumab", "pertuzumab", "hyaluronidase")


@dataclass(frozen=True, slots=True)
class Product:
    """A HER2-directed product. `schedules` are values of the fact `schedule`, the shorter first, and `days` theirs.

    `cycles` are those counted after surgery, `mg_per_ml` and `diluent` those of its infusion; 0 and "" where the page
    gives none.
    """

    name: str
    family: str
    holds: frozenset[str]
    partner: bool
    route: str
    by_weight: bool
    compared: bool
    schedules: tuple[str, ...]
    days: tuple[int, ...]
    prior_fact: str = ""
    cycles: int = 0
    mg_per_ml: int = 0
    diluent: str = ""
    called: str = ""
    """What it is called where a person reads it."""

    @property
    def of_trastuzumab(self) -> bool:
        """Whether its doses are doses of trastuzumab: an antibody or combination that holds it, no conjugate."""
        return self.family != "conjugate" and "trastuzumab" in self.holds

    @property
    def of_pertuzumab(self) -> bool:
        """Whether it holds pertuzumab."""
        return "pertuzumab" in self.holds


@dataclass(frozen=True, slots=True)
class OtherDrug:
    """A drug beside the products: its class, and the mg/m2 of doxorubicin that one mg/m2 counts as."""

    name: str
    kind: str
    as_doxorubicin: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Products:
    """Every product and other drug by its name, and the days of each schedule."""

    products: dict[str, Product] = field(default_factory=dict)
    drugs: dict[str, OtherDrug] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)

    def of_class(self, *kinds: str) -> tuple[str, ...]:
        """The other drugs of some classes, in the order of the page."""
        return tuple(drug.name for drug in self.drugs.values() if drug.kind in kinds)

    def holding(self, substance: str) -> frozenset[str]:
        """The products that hold a substance."""
        return frozenset(product.name for product in self.products.values() if substance in product.holds)

    def given_before(self) -> dict[str, frozenset[str]]:
        """By the facts that say a product was given before, the products that they speak of."""
        facts = dict.fromkeys(product.prior_fact for product in self.products.values() if product.prior_fact)
        return {
            fact: frozenset(product.name for product in self.products.values() if product.prior_fact == fact)
            for fact in facts
        }


def products_path(folder: Path) -> Path:
    return folder / "product" / "products.md"


def read_products(folder: Path | None = None) -> Products:
    """The products and drugs of a folder of knowledge, by default that in use.

    Raises `KnowledgeError` where the page cannot be read.
    """
    return _read_once(folder or knowledge_folder())


def products_of(facts: Facts) -> Products:
    """The products beside some facts; those of the knowledge in use where no page stands there."""
    folder = facts.path.parent
    return read_products(folder if products_path(folder).is_file() else None)


@cache
def _read_once(folder: Path) -> Products:
    path = products_path(folder)

    def read() -> Products:
        page = Page(path)
        products, _ = _read(page)
        page.require()
        return products

    return kept("products", [path], read)


Cited = list[tuple[int, str, tuple[Citation, ...]]]


def _read(page: Page) -> tuple[Products, Cited]:
    """The products of a page, and every row's line, name and citations."""
    listed, cited = Products(), Cited()

    def take(entry: Entry, name: str) -> str:
        cited.append((entry.line, name, entry.citations))
        return name

    for entry in page.entries("schedule", ("days",)):
        listed.days[take(entry, entry["schedule"])] = entry.whole("days")
    cycles = {
        take(entry, entry["cycles of"]): (entry, entry.whole("cycles"))
        for entry in page.entries("cycles of", ("cycles",))
    }
    infusions = {
        take(entry, entry["infusion of"]): (entry, entry.whole("mg/mL"))
        for entry in page.entries("infusion of", ("mg/mL", "diluent"))
    }
    names = {take(entry, entry["name of"]): (entry, entry["called"]) for entry in page.entries("name of", ("called",))}
    columns = ("family", "holds", "partner", "route", "dose", "compared", "schedules", "prior fact")
    for entry in page.entries("product", columns):
        name = take(entry, entry["product"])
        listed.products[name] = _product(entry, listed.days, cycles, infusions, names)
    for named in (cycles, infusions, names):
        for name, (entry, _) in named.items():
            if name not in listed.products:
                entry.fault(f"no product is called {name!r}", "name one of the products")
    for entry in page.entries("drug", ("class", "as doxorubicin")):
        name = take(entry, entry["drug"])
        kind = entry.one_of("class", CLASSES, "one of: " + ", ".join(CLASSES))
        listed.drugs[name] = OtherDrug(name, kind, _as_doxorubicin(entry, kind))
        if name in listed.products:
            entry.fault(f"{name} is a product and another drug", "keep one of the two rows")
    return listed, cited


def _product(
    entry: Entry, days: dict[str, int], cycles: dict[str, tuple[Entry, int]], infusions: dict[str, tuple[Entry, int]],
    names: dict[str, tuple[Entry, str]],
) -> Product:  # fmt: skip
    schedules, holds, name = entry.listed("schedules"), entry.listed("holds"), entry["product"]
    for schedule in schedules:
        if schedule not in days:
            entry.fault(f"no schedule is called {schedule!r}", "name one of the table of schedules")
    lengths = tuple(days.get(schedule, 0) for schedule in schedules)
    if not 1 <= len(schedules) <= 2 or list(lengths) != sorted(set(lengths)):
        entry.fault(f"{name} has the schedules {entry['schedules'] or 'none'}", "name one, or two, the shorter first")
    for substance in holds:
        if substance not in SUBSTANCES:
            entry.fault(f"it holds {substance!r}", "write some of: " + ", ".join(SUBSTANCES))
    infusion = infusions.get(name)
    return Product(
        name, entry.one_of("family", FAMILIES, "one of: " + ", ".join(FAMILIES)), frozenset(holds),
        entry.yes("partner"), entry.one_of("route", ROUTES, "one of: " + ", ".join(ROUTES)),
        entry.one_of("dose", DOSES, "by weight or flat") == "by weight", entry.yes("compared"), schedules, lengths,
        entry["prior fact"], cycles[name][1] if name in cycles else 0, infusion[1] if infusion else 0,
        infusion[0]["diluent"] if infusion else "", names[name][1] if name in names else name,
    )  # fmt: skip


def _as_doxorubicin(entry: Entry, kind: str) -> Decimal:
    """The factor of an anthracycline, to the third decimal; 0 for any other drug."""
    text = entry["as doxorubicin"]
    if kind != "anthracycline":
        if text:
            entry.fault(f"a drug of the class {kind} counts as no doxorubicin", "write -")
        return Decimal(0)
    try:
        factor = Decimal(text)
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or factor <= 0 or factor * 1000 % 1:
        entry.fault(f"as doxorubicin is {text!r}", "write a number with up to three decimals")
        return Decimal(0)
    return factor


def prove_products(folder: Path, facts: Facts, sources: Sources) -> list[Problem]:
    """What is wrong with the page: rows that cannot be read, no source, no such fact; a product of `facts.md` without
    a row, and a row that is no value of the fact."""
    page = Page(products_path(folder))
    read, problems = read_or_problems(lambda: _read(page))
    if read is None:
        return problems
    products, cited = read
    for line, name, citations in cited:
        page.prove(line, name, citations, sources)
    lines = {name: line for line, name, _ in cited}
    values = facts["product"].values if "product" in facts else ()
    for name in values:
        if name not in products.products:
            page.fault(1, f"the product {name!r} of facts.md has no row", "add a row for it")
    for product in products.products.values():
        if product.name not in values:
            page.fault(lines[product.name], f"{product.name!r} is no value of product", "add it to facts.md")
        if product.prior_fact and product.prior_fact not in facts:
            page.fault(lines[product.name], f"no fact is called {product.prior_fact!r}", "name a fact, or write -")
    if "ordered_product" in facts and facts["ordered_product"].values != values:
        page.fault(1, "ordered_product has other values than product", "list the same products in the same order")
    for schedule in products.days:
        if "schedule" in facts and schedule not in facts["schedule"].values:
            page.fault(lines[schedule], f"{schedule!r} is no value of schedule", "name a value of the fact")
    return page.problems
