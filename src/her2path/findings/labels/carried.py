"""Which tables carry a rule of a label, by product and jurisdiction; and the proof that nothing is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...facts.problem import KnowledgeError, Problem
from ...tables.edition import Edition
from ...tables.library import Knowledge
from ...tables.table import Row, Table
from ..brands import read_brands
from ..questions import read_doubts
from .rules import WHERE, LabelRule, read_rules, rules_path

PRODUCT, ORDERED = "product", "ordered_product"
LABEL_TOPICS = ("cardiac", "contraindications", "dosing", "follow-up", "reproduction", "toxicity")
"""The folders whose tables by product are of labels: each of them must be named by a rule."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table of an edition that decides for a product, with the rows that may apply to it."""

    edition: Edition
    table: Table
    rows: tuple[Row, ...]

    @property
    def levels(self) -> Counter[str]:
        """How many of these rows are verified how far; what cannot happen is no rule of a label."""
        return Counter(row.citations[0].verified for row in self.rows if row.citations and not row.cannot_happen)

    def as_json(self) -> dict[str, Any]:
        """The table as the command prints it with `--json`, its rows counted by level."""
        table, levels = self.table, dict(self.levels)
        return {"outcome": table.outcome, "edition": self.edition.key, "inputs": list(table.inputs), "rows": levels}


@dataclass(frozen=True, slots=True)
class Carried:
    """A rule as one product in one jurisdiction has it: the tables found for it, and the doubts of the record."""

    rule: LabelRule
    places: tuple[Place, ...]
    doubts: tuple[str, ...]

    @property
    def status(self) -> str:
        """`carried`, `in part` or `missing`."""
        if not self.places and not self.doubts:
            return "missing"
        return "in part" if self.rule.missing else "carried"

    @property
    def levels(self) -> Counter[str]:
        """The rows of its tables by level."""
        total: Counter[str] = Counter()
        for place in self.places:
            total.update(place.levels)
        return total

    @property
    def inputs(self) -> tuple[str, ...]:
        """The facts that its tables ask for, each once; the product itself and outcomes of the same rule apart."""
        decided = {place.table.outcome for place in self.places}
        asked = dict.fromkeys(name for place in self.places for name in place.table.inputs)
        return tuple(name for name in asked if name not in decided and name not in (PRODUCT, ORDERED))

    def as_json(self) -> dict[str, Any]:
        """The rule as the command prints it with `--json`."""
        rule = self.rule
        places = [place.as_json() for place in self.places]
        return {
            "rule": rule.rule,
            "kind": rule.kind,
            "sources": [{"key": citation.key, "where": citation.where} for citation in rule.citations],
            "status": self.status,
            "carried_by": places,
            "doubts": list(self.doubts),
            "missing": rule.missing,
            "missing_verified": rule.verified,
        }


@dataclass(frozen=True, slots=True)
class Label:
    """The rules of one product in one jurisdiction, with its brands there."""

    product: str
    where: str
    brands: tuple[str, ...]
    rules: tuple[Carried, ...]

    def as_json(self) -> dict[str, Any]:
        """The label as the command prints it with `--json`."""
        rules = [each.as_json() for each in self.rules]
        return {"product": self.product, "where": self.where, "brands": list(self.brands), "rules": rules}


def labels(knowledge: Knowledge) -> list[Label]:
    """Every product with its rules in each jurisdiction that has a label of it. Raises `KnowledgeError`."""
    rules, problems = read_rules(rules_path(knowledge.folder), knowledge.facts[PRODUCT].values)
    if problems:
        raise KnowledgeError(problems)
    return [
        Label(product, where, brands, tuple(_carried(rule, product, where, knowledge) for rule in rules
                                            if rule.is_of(product, where)))
        for product, where, brands in labelled(knowledge)
    ]  # fmt: skip


def labelled(knowledge: Knowledge) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The products and jurisdictions that have a label, by the page of brands, with the brands there."""
    brands = read_brands(knowledge.folder).values()
    for product in knowledge.facts[PRODUCT].values:
        for where in WHERE:
            named = tuple(b.name for b in brands if b.product == product and where in b.approved)
            if named:
                yield product, where, named


def _carried(rule: LabelRule, product: str, where: str, knowledge: Knowledge) -> Carried:
    doubts = read_doubts(knowledge.folder)
    outcomes = [name for name in rule.carriers if name not in doubts]
    places = tuple(place for name in outcomes for place in places_of(name, product, where, knowledge))
    return Carried(rule, places, tuple(name for name in rule.carriers if name in doubts))


def places_of(outcome: str, product: str, where: str, knowledge: Knowledge) -> list[Place]:
    """The tables that decide an outcome for a product in a jurisdiction, whenever they are in force. An edition of the
    jurisdiction comes before one for any, as the review has it."""
    found: list[Place] = []
    for edition in knowledge.editions:
        table = edition.tables.get(outcome)
        if table is None or edition.jurisdiction not in (where, "any") or not edition.is_for({PRODUCT: product}):
            continue
        if edition.scope and edition.scope != PRODUCT:
            continue
        rows = tuple(row for row in table.rows if _may_apply(row, table, product))
        if rows:
            found.append(Place(edition, table, rows))
    own = [place for place in found if place.edition.jurisdiction == where and not place.edition.supplement]
    return own or found


def _may_apply(row: Row, table: Table, product: str) -> bool:
    """Whether a row may apply to a product: by its cell of the product in hand, or of the one on order."""
    cells = [cell for name, cell in zip(table.inputs, row.cells, strict=True) if name in (PRODUCT, ORDERED)]
    return not cells or any(cell.is_any or product in cell.values for cell in cells)


def prove_labels(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with `label-rules.md`: a name that is none, a label without a rule, a rule without a table or a
    reason, a table of a label that no rule names. A folder of knowledge without brands has no labels."""
    path = rules_path(knowledge.folder)
    if not (knowledge.folder / "product" / "brands.md").exists():
        return []
    rules, problems = read_rules(path, knowledge.facts[PRODUCT].values)

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(path, line, "bad label rule", what, advice))

    doubts = read_doubts(knowledge.folder)
    decided = {name for edition in knowledge.editions for name in edition.tables}
    of_labels = list(labelled(knowledge))
    for rule in rules:
        for citation in rule.citations:
            if citation.key not in knowledge.sources:
                fault(rule.line, f"@{citation.key} is not in sources.md", "add it there")
        for name in rule.carriers:
            if name not in decided and name not in doubts:
                fault(rule.line, f"no table decides {name!r}, and no doubt is called so", "mend the name")
        met = [(product, where) for product, where, _ in of_labels if rule.is_of(product, where)]
        for product in rule.products:
            if not any(each == product for each, _ in met):
                advice = "name a product and where it is, or add its brand to product/brands.md"
                fault(rule.line, f"{product} has no label in {', '.join(rule.where)}", advice)
        for product, where in met:
            for name in rule.carriers:
                if name in decided and not places_of(name, product, where, knowledge):
                    advice = "give it an edition, or take the product out of the row"
                    fault(rule.line, f"no edition of {name} decides for {product} in {where}", advice)
    for product, where, _ in of_labels:
        own = [rule for rule in rules if rule.is_of(product, where)]
        if not own:
            fault(1, f"no rule of the label of {product} in {where} is listed", "add what its label says")
        named = {name for rule in own for name in rule.carriers}
        for outcome in _of_labels(product, where, knowledge):
            if outcome not in named:
                what = f"{outcome} is decided for {product} in {where}, and no rule of its label names it"
                fault(1, what, "name it in the row of the rule that it carries")
    return problems


def _of_labels(product: str, where: str, knowledge: Knowledge) -> list[str]:
    """The outcomes of tables of labels for a product: of the topics of labels, told apart by the product."""
    outcomes: dict[str, None] = {}
    for edition in knowledge.editions:
        if edition.topic not in LABEL_TOPICS:
            continue
        for outcome, table in edition.tables.items():
            by_product = edition.scope == PRODUCT or PRODUCT in table.inputs or edition.topic == "reproduction"
            if by_product and places_of(outcome, product, where, knowledge):
                outcomes[outcome] = None
    return list(outcomes)
