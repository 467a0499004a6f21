"""What a warehouse holds, before anything is read: what its rows are called, which matter, and what is in doubt.

Each distinct name of a row (source text, source concept, standard concept) is looked at once. Only rows with names that
matter are read after that; what is not mapped, what is in doubt and how `quantity` spreads is counted over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ...facts.folder import knowledge_folder, shipped_folder
from ...facts.words.rows import rows_in
from ..fhir.resource import Surroundings
from .dose import BILLING_UNITS, MG, VIALS, VOLUME, DoseReader, units_of_brands
from .said import SaidReader
from .tables import CONCEPTS_OF_CELLS, DRUGS, EVENTS, Table
from .vocabulary import NONE, Vocabulary, add_concepts, number, read_vocabulary
from .warehouse import Relation, Warehouse, text

MOST_LISTED = 50
"""So many source values that are not mapped are told of each table, those with the most rows."""
MOST_VIALS = 10

Named = tuple[str, str, str]
"""What names a row: source text, source concept, standard concept."""


@dataclass(slots=True)
class Survey:
    """What was found: the vocabulary, and by table which names matter and the condition of SQL for their rows."""

    vocabulary: Vocabulary
    wanted: dict[str, frozenset[Named]] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    """What a manifest says of the warehouse."""


def survey_of(warehouse: Warehouse, beside: Surroundings, quantity: str) -> Survey:
    """Look at the names of all rows of a warehouse."""
    names = {
        table: _names(warehouse, table, warehouse.tables[table.name])
        for table in EVENTS
        if table.name in warehouse.tables
    }
    ids = {concept for counted in names.values() for named in counted for concept in named[1:]} - {*NONE}
    drugs = {concept for named in names.get(DRUGS, ()) for concept in named[1:]} - {*NONE}
    vocabulary = read_vocabulary(warehouse, ids, drugs, beside.codes)
    survey = Survey(vocabulary)
    told: dict[str, Any] = {
        "cdm": _cdm(warehouse), "schema": warehouse.schema, "quantity": quantity,
        "not_there": [table.name for table in EVENTS if table not in names] + vocabulary.lacks,
        "rows": {}, "rows_that_matter": {}, "rows_without_person": {}, "not_mapped": {}, "in_doubt": [], "products": [],
    }  # fmt: skip
    said, doses = SaidReader(vocabulary, beside), DoseReader(vocabulary, beside, quantity)
    for table, counted in names.items():
        wanted = set()
        for named in counted:
            cells = dict.fromkeys(table.of_form, "") | dict(zip(table.named_by, named, strict=True))
            matters = doses.product(cells).named.matters if table is DRUGS else said.matters(table.name, cells)
            if matters:
                wanted.add(named)
        survey.wanted[table.name] = frozenset(wanted)
        survey.where[table.name] = condition(warehouse.tables[table.name], table, wanted)
        told["rows"][table.name] = sum(counted.values())
        told["rows_that_matter"][table.name] = sum(counted[named] for named in wanted)
        if bare := [(named, count) for named, count in counted.items() if not named[2]]:
            told["not_mapped"][table.name] = _not_mapped(bare, wanted)
    for name, relation in warehouse.tables.items():
        if any(name == table.name for table in EVENTS) and "person_id" in relation.columns:
            sql = f"SELECT count(*) AS n FROM {relation.name} t WHERE {relation.column('person_id')} IS NULL"
            if lost := int(warehouse.rows(sql)[0][0] or 0):
                told["rows_without_person"][name] = lost
    if DRUGS in names:
        _tell_products(survey, names[DRUGS], doses, told)
        told["quantities"] = list(_quantities(warehouse, survey, doses))
    survey.told = told
    _read_cells(warehouse, survey, names)
    return survey


def _cdm(warehouse: Warehouse) -> dict[str, str]:
    """What the warehouse says of itself."""
    relation = warehouse.tables.get("cdm_source")
    if relation is None:
        return {}
    names = ("cdm_source_name", "cdm_version", "vocabulary_version", "cdm_release_date")
    rows = warehouse.rows(f"{relation.select(names)} LIMIT 1")
    return {name: cell for name, cell in zip(names, rows[0], strict=True) if cell} if rows else {}


def _names(warehouse: Warehouse, table: Table, relation: Relation) -> dict[Named, int]:
    """What names the rows of a table, with how many rows bear each."""
    columns = ", ".join(f"{relation.column(name)} AS {name}" for name in table.named_by)
    sql = f"SELECT {columns}, count(*) AS n FROM {relation.name} t GROUP BY 1, 2, 3"
    counted: dict[Named, int] = {}
    for written, source, standard, count in warehouse.rows(sql):
        named = (written or "").strip(), _plain(source), _plain(standard)
        counted[named] = counted.get(named, 0) + int(count or 0)
    return counted


def _plain(cell: str | None) -> str:
    bare = (cell or "").strip()
    return "" if bare in NONE else bare


def condition(relation: Relation, table: Table, wanted: set[Named]) -> str:
    """A condition of SQL that holds for all rows with names that matter, and for few others; "" where there are none.

    A row is found by its standard concept, by its source concept where it has none, else by its source text.
    """
    lists: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for written, source, standard in wanted:
        place, cell = (0, standard) if standard else (1, source) if source else (2, written)
        lists[place].add(cell)
    parts = []
    for name, found in zip(reversed(table.named_by), lists, strict=True):
        if found:
            quoted = ", ".join(text(each) for each in sorted(found))
            bare = (
                f"trim(CAST({relation.column(name)} AS VARCHAR))"
                if name == table.source_value
                else relation.column(name)
            )
            parts.append(f"{bare} IN ({quoted})")
    return " OR ".join(parts)


def _not_mapped(bare: list[tuple[Named, int]], wanted: set[Named]) -> dict[str, Any]:
    counted: dict[str, int] = {}
    read: dict[str, int] = {}
    for named, count in bare:
        counted[named[0]] = counted.get(named[0], 0) + count
        if named in wanted:
            read[named[0]] = read.get(named[0], 0) + count
    most = sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    return {
        "values": len(counted), "rows": sum(counted.values()), "most": dict(most[:MOST_LISTED]),
        "read_by_text_or_source": dict(sorted(read.items())),
    }  # fmt: skip


def _tell_products(survey: Survey, counted: dict[Named, int], doses: DoseReader, told: dict[str, Any]) -> None:
    """What the rows of HER2-directed drugs are named by, and those whose product is in doubt."""
    products: dict[tuple[str, str], int] = {}
    for named, count in sorted(counted.items()):
        found = doses.products.of(*named)
        if found.in_doubt and found.named.directed:
            told["in_doubt"].append({
                "source_value": named[0], "source_concept": _concept(survey, named[1]),
                "standard_concept": _concept(survey, named[2]), "rows": count, "why": found.named.trouble,
            })  # fmt: skip
        elif found.named.drug in doses.beside.terms.drugs.products:
            key = found.named.drug, found.by
            products[key] = products.get(key, 0) + count
    told["products"] = [
        {"product": drug, "by": by, "rows": count} for (drug, by), count in sorted(products.items())
    ]  # fmt: skip


def _concept(survey: Survey, concept: str) -> str:
    known = survey.vocabulary.concept(concept)
    return "" if concept in NONE else f"{concept} (not in the vocabulary)" if known is None else f"{concept} {known}"


def _quantities(warehouse: Warehouse, survey: Survey, doses: DoseReader) -> Iterator[dict[str, Any]]:
    """How `quantity` spreads by the name of a HER2-directed drug, and what it looks like."""
    where, relation = survey.where[DRUGS.name], warehouse.tables[DRUGS.name]
    if not where:
        return
    columns = ", ".join(f"{relation.column(name)} AS {name}" for name in DRUGS.named_by)
    quantity = relation.column("quantity")
    sql = (
        f"SELECT {columns}, count(*) AS n, count({quantity}) AS told, min({quantity}) AS low, "
        f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {quantity}) AS middle, max({quantity}) AS high "
        f"FROM {relation.name} t WHERE {where} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    smallest = _smallest_vials()
    for *named, rows, told, low, middle, high in warehouse.rows(sql):
        written, source, standard = (named[0] or "").strip(), _plain(named[1]), _plain(named[2])
        found = doses.products.of(written, source, standard)
        if not found.named.directed:
            continue
        spread = [number(each or "") for each in (low, middle, high)]
        yield {
            "source_value": written, "product": found.named.drug or "in doubt", "rows": int(rows or 0),
            "with_quantity": int(told or 0), "least": _said(spread[0]), "median": _said(spread[1]),
            "most": _said(spread[2]), "looks_like": looks_like(found.named.drug, written, spread, smallest),
        }  # fmt: skip


def _said(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _smallest_vials() -> dict[str, Decimal]:
    """The mg of the smallest vial of each product."""
    path = knowledge_folder() / "product" / "brands.md"
    rows = rows_in(path if path.is_file() else shipped_folder() / "product" / "brands.md")
    product = {row["brand"]: row["product"] for row in rows if "molecule" in row}
    sizes: dict[str, Decimal] = {}
    for row in rows:
        if "size mg" in row and (of := product.get(row["vial of"])) is not None:
            size = Decimal(row["size mg"])
            sizes[of] = min(size, sizes.get(of, size))
    return sizes


def looks_like(
    product: str, written: str, spread: list[Decimal | None], smallest: dict[str, Decimal]
) -> str:  # fmt: skip
    """What a quantity may mean by how it spreads; "" where nothing is said. A suggestion for a person, never used."""
    (low, middle, high), vial = spread, smallest.get(product)
    if low is None or middle is None or high is None or vial is None:
        return ""
    unit = units_of_brands().get(written.upper()[:5])
    if middle >= vial:
        return MG
    if unit is not None and unit > 1 and middle * unit >= vial:
        return BILLING_UNITS
    if high <= MOST_VIALS and middle == middle.to_integral():
        return VIALS
    return BILLING_UNITS if middle * 10 >= vial and middle == middle.to_integral() else VOLUME


def _read_cells(warehouse: Warehouse, survey: Survey, names: dict[Table, dict[Named, int]]) -> None:
    """Look up the concepts of the values, units, routes and types of the rows that matter."""
    found: set[str] = set()
    for table in names:
        where, relation = survey.where[table.name], warehouse.tables[table.name]
        columns = [name for name in table.cells if name in CONCEPTS_OF_CELLS and name in relation.columns]
        if not where or not columns:
            continue
        select = relation.select(columns).replace("SELECT ", "SELECT DISTINCT ", 1)
        for row in warehouse.rows(f"{select} WHERE {where}"):
            found.update(_plain(cell) for cell in row)
    if "gender_concept_id" in warehouse.tables["person"].columns:
        select = warehouse.tables["person"].select(["gender_concept_id"]).replace("SELECT ", "SELECT DISTINCT ", 1)
        found.update(_plain(row[0]) for row in warehouse.rows(select))
    add_concepts(survey.vocabulary, warehouse, found)
