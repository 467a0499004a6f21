"""The page `label-rules.md`: each boxed warning and dose rule of a label, and the names of what carries it.

    | rule | kind | products | where | source | carried by | missing | verified |

What a rule reads, how its rows are verified and which editions hold them is never written there: it is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...facts.markdown import code_names, plain, read_markdown
from ...facts.problem import KnowledgeError, Problem
from ...facts.source import VERIFIED, Citation, parse_citations

COLUMNS = ("rule", "kind", "products", "where", "source", "carried by", "missing", "verified")
KINDS = {
    "boxed warning": "boxed warnings",
    "contraindication": "contraindications",
    "start": "before the start",
    "dose": "the dose, and what changes it",
    "monitoring": "what is measured, and when",
    "reproduction": "pregnancy, contraception, breastfeeding",
    "other warning": "other warnings",
    "ours": "what the label leaves open and is decided here",
}
"""The kinds of a rule, in the order of the page."""
WHERE = ("us", "eu")
ALL = "all"
"""In the column of products: every product there is."""


@dataclass(frozen=True, slots=True)
class LabelRule:
    """One rule of the labels of some products: `carriers` are outcomes of tables, or doubts of the record.

    `missing` says what is not carried and why, "" where all of it is; `verified` is the level of that text alone.
    """

    rule: str
    kind: str
    products: tuple[str, ...]
    where: tuple[str, ...]
    citations: tuple[Citation, ...]
    carriers: tuple[str, ...]
    missing: str
    verified: str
    line: int

    def is_of(self, product: str, where: str) -> bool:
        """Whether it stands in the label of a product in a jurisdiction."""
        return product in self.products and where in self.where


def rules_path(folder: Path) -> Path:
    """Where the rules of the labels of a folder of knowledge stand."""
    return folder / "label-rules.md"


def read_rules(path: Path, products: Sequence[str]) -> tuple[list[LabelRule], list[Problem]]:
    """The rules of the page in their order, and what is wrong with a row by itself. Cells of products and carriers
    hold names in back-ticks; `all` stands for every one of `products`."""
    rules: list[LabelRule] = []
    problems: list[Problem] = []

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(path, line, "bad label rule", what, advice))

    try:
        document = read_markdown(path)
    except KnowledgeError as faulty:
        return [], faulty.problems
    except OSError as error:
        return [], [Problem(path, 1, "unreadable", f"the page cannot be read: {error}", "write Markdown in UTF-8")]
    problems += document.problems()
    for _, grid in document.grids():
        if tuple(map(plain, grid.header)) != COLUMNS:
            fault(grid.line, "a table here is none of label rules", f"head it | {' | '.join(COLUMNS)} |")
            continue
        for line, record in grid.records():
            rule = _rule(line, record, tuple(products))
            rules.append(rule)
            for what, advice in _faults(rule, record, products):
                fault(line, what, advice)
    if not rules:
        fault(1, "no rule of a label is listed", f"head a table | {' | '.join(COLUMNS)} |")
    return rules, problems


def _rule(line: int, record: dict[str, str], products: tuple[str, ...]) -> LabelRule:
    verified = plain(record["verified"])
    named = products if plain(record["products"]) == ALL else tuple(code_names(record["products"]))
    return LabelRule(
        rule=plain(record["rule"]),
        kind=plain(record["kind"]),
        products=named,
        where=tuple(part.strip() for part in plain(record["where"]).split(",")),
        citations=parse_citations(record["source"], verified),
        carriers=tuple(code_names(record["carried by"])),
        missing=plain(record["missing"]),
        verified=verified,
        line=line,
    )


def _faults(rule: LabelRule, record: dict[str, str], products: Sequence[str]) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    if not rule.rule:
        faults.append(("a rule says nothing", "write the rule in a few words"))
    if rule.kind not in KINDS:
        faults.append((f"the kind of a rule is {rule.kind!r}", "write one of: " + ", ".join(KINDS)))
    for product in rule.products or ("",):
        if product not in products:
            advice = f"name in back-ticks, or write {ALL}: " + ", ".join(products)
            faults.append((f"no product is called {product!r}", advice))
    for where in rule.where:
        if where not in WHERE:
            faults.append((f"a label is in force in {where!r}", "write us, eu, or both"))
    if not rule.citations:
        faults.append(("the rule has no source", "write @key of sources.md and the section of the label"))
    if not rule.carriers and not rule.missing:
        advice = "name outcomes in back-ticks, or say in the column missing why there is no table"
        faults.append((f"{rule.rule!r} has neither a table nor a reason", advice))
    if not rule.carriers and plain(record["carried by"]) not in ("", "-"):
        faults.append((f"carried by {record['carried by']!r} cannot be read", "write names in back-ticks, or -"))
    if len(set(rule.carriers)) < len(rule.carriers):
        faults.append(("a table is named twice", "name it once"))
    if bool(rule.missing) != bool(rule.verified):
        advice = "say with what is missing, and only with it, how far that text was verified"
        faults.append((f"verified is {rule.verified!r} where missing is {rule.missing!r}", advice))
    elif rule.verified and rule.verified not in VERIFIED:
        faults.append((f"the rule is verified {rule.verified!r}", "write one of: " + ", ".join(VERIFIED)))
    return faults
