"""The page of the labels: by product each boxed warning and rule, what carries it, what it reads, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ...facts.fact import Facts
from ...facts.source import VERIFIED
from ...findings.labels.carried import Carried, Label, Place
from ...findings.labels.read_from import Code, ReadFact
from ...findings.labels.rules import KINDS, LabelRule
from .parts import filled, grid

MOST_CODES = 8
"""Of so many codes of a system for one fact each is named."""
STATUSES = ("carried", "in part", "missing")
BOXED = "boxed warning"


def labels_page(labels: Sequence[Label], read: Sequence[ReadFact], facts: Facts) -> str:
    """The whole page, without a line's end at its end: `labels` by product, `read` what their tables ask for."""
    parts = [_opening(labels), "## In short", _in_short(labels), "## What is missing, by name", _missing(labels)]
    for product, of_product in groupby(labels, key=lambda label: label.product):
        parts += [f"## {product}", *_product(list(of_product))]
    parts += [
        "## The facts, and their codes",
        filled(
            "What the tables above ask for, what a fact follows from where nobody records it, and the codes by which "
            "FHIR and tables say it, by how far each was verified. Any fact that is recorded may stand in a table "
            "under its own name; what follows from the order of doses and other events has no code. `outcome`: "
            "another table decides it. Drugs are known by the codes and names of `codes/therapy/drugs.md`."
        ),
        _facts(read, facts),
    ]
    return "\n\n".join(parts)


def _opening(labels: Sequence[Label]) -> str:
    rules = _once(labels)
    boxed = [each for each in rules if each[0].kind == BOXED]
    counted = {status: sum(each[1] == status for each in rules) for status in STATUSES}
    return "\n\n".join(
        [
            "# The labels, rule by rule",
            "<!-- Written by `her2path coverage --labels -o docs/labels.md`; edit "
            "src/her2path/knowledge/label-rules.md instead. -->",
            filled(
                f"{len(rules)} warnings and rules of the labels of {len({label.product for label in labels})} products "
                f"in {len(labels)} labels: **{counted['carried']} are carried** by tables, {counted['in part']} in "
                f"part, {counted['missing']} are missing. Of {len(boxed)} boxed warnings "
                f"{sum(each[1] != 'missing' for each in boxed)} are carried, or carried in part."
            ),
            filled(
                "A rule that several products share counts once. How far a row is verified: *seen* in the source; "
                "*secondary*: in a copy or a review; *remembered*: not seen, check it before relying on it; "
                "*decided*: the source leaves it open, and [decisions](decisions.md) says what was chosen. Shares of "
                "all tables: [coverage](coverage.md)."
            ),
        ]
    )


def _once(labels: Sequence[Label]) -> list[tuple[LabelRule, str]]:
    """Each rule once, with the worst of how it is carried in any label."""
    found: dict[LabelRule, str] = {}
    for label in labels:
        for each in label.rules:
            held = found.get(each.rule, STATUSES[0])
            found[each.rule] = max(held, each.status, key=STATUSES.index)
    return list(found.items())


def _in_short(labels: Sequence[Label]) -> str:
    rows = [["product", "label", "brands", "boxed warnings", "rules", *STATUSES, *VERIFIED]]
    for label in labels:
        boxed = [each for each in label.rules if each.rule.kind == BOXED]
        carried = sum(each.status != "missing" for each in boxed)
        counted = [sum(each.status == status for each in label.rules) for status in STATUSES]
        levels = {(p.edition.path, p.table.outcome): p for each in label.rules for p in each.places}.values()
        by_level = [sum(place.levels[level] for place in levels) for level in VERIFIED]
        rows.append(
            [
                f"[{label.product}](#{label.product})", label.where.upper(), str(len(label.brands)),
                f"{carried} of {len(boxed)}" if boxed else "none", str(len(label.rules)),
                *(str(count or "") for count in (*counted, *by_level)),
            ]
        )  # fmt: skip
    note = "The last four columns: rows of its tables by how far they are verified."
    return f"{note}\n\n{grid(rows, right_from=2)}"


def _missing(labels: Sequence[Label]) -> str:
    where: dict[LabelRule, dict[str, list[str]]] = {}
    status: dict[LabelRule, str] = {}
    for label in labels:
        for each in label.rules:
            if each.rule.missing:
                where.setdefault(each.rule, {}).setdefault(label.product, []).append(label.where.upper())
                status[each.rule] = each.status
    lines = []
    for rule, products in where.items():
        named = "; ".join(f"{product} ({', '.join(places)})" for product, places in products.items())
        part = "In part: " if status[rule] == "in part" else ""
        text = f"- **{rule.rule}** ({rule.kind}; {named}). {part}{rule.missing} {_cited(rule)}, {rule.verified}."
        lines.append(filled(text, "  "))
    return "\n".join(lines)


def _cited(rule: LabelRule) -> str:
    return "; ".join(f"`{citation.key}` {citation.where}".strip() for citation in rule.citations)


def _product(labels: Sequence[Label]) -> list[str]:
    brands = ". ".join(f"{label.where.upper()}: {', '.join(label.brands)}" for label in labels)
    by_rule: dict[LabelRule, list[tuple[str, Carried]]] = {}
    for label in labels:
        for each in label.rules:
            by_rule.setdefault(each.rule, []).append((label.where.upper(), each))
    parts = [filled(f"Brands, {brands}.")]
    for kind, words in KINDS.items():
        of_kind = {rule: each for rule, each in by_rule.items() if rule.kind == kind}
        if of_kind:
            parts += [f"### {words[0].upper()}{words[1:]}", "\n".join(_rule(r, each) for r, each in of_kind.items())]
    return parts


def _rule(rule: LabelRule, carried: Sequence[tuple[str, Carried]]) -> str:
    where = ", ".join(name for name, _ in carried)
    lines = [filled(f"- **{rule.rule}** ({where}; {_cited(rule)})", "  ")]
    places = list({(p.edition.path, p.table.outcome): p for _, each in carried for p in each.places}.values())
    by_outcome: dict[str, list[Place]] = {}
    for place in places:
        by_outcome.setdefault(place.table.outcome, []).append(place)
    for outcome, of_outcome in by_outcome.items():
        editions = "; ".join(_edition(place) for place in of_outcome)
        inputs = dict.fromkeys(name for place in of_outcome for name in place.table.inputs)
        read = f", reads {', '.join(f'`{name}`' for name in inputs)}" if inputs else ""
        lines.append(filled(f"  - `{outcome}` by {editions}{read}.", "    "))
    for doubt in dict.fromkeys(name for _, each in carried for name in each.doubts):
        lines.append(f"  - told as a finding about the record: {doubt}.")
    if rule.missing:
        lines.append(filled(f"  - **{carried[0][1].status}**: {rule.missing} ({rule.verified})", "    "))
    return "\n".join(lines)


def _edition(place: Place) -> str:
    edition = place.edition
    levels = ", ".join(f"{place.levels[level]} {level}" for level in VERIFIED if place.levels[level])
    dated = f", {edition.window()}" if edition.since or edition.until else ""
    return f"{edition.key} ({levels}{dated})"


def _facts(read: Sequence[ReadFact], facts: Facts) -> str:
    lines = []
    for each in sorted(read, key=lambda each: each.name):
        fact = facts[each.name]
        unit = f" ({fact.unit})" if fact.unit else ""
        said = ["outcome"] if each.is_outcome else []
        if each.follows_from:
            said.append(f"follows from {', '.join(f'`{name}`' for name in each.follows_from)}")
        said += _codes(each.codes)
        lines.append(filled(f"- `{each.name}`{unit}: {'; '.join(said) or 'no code of its own'}.", "  "))
    return "\n".join(lines)


def _codes(codes: Iterable[Code]) -> list[str]:
    by_system: dict[str, list[Code]] = {}
    for code in codes:
        by_system.setdefault(code.system, []).append(code)
    return [_of_system(system, of_system) for system, of_system in by_system.items()]


def _of_system(system: str, codes: Sequence[Code]) -> str:
    named: Mapping[str, list[str]] = {
        level: [code.code for code in codes[:MOST_CODES] if code.verified == level] for level in VERIFIED
    }
    words = ", ".join(f"{', '.join(dict.fromkeys(each))} ({level})" for level, each in named.items() if each)
    more = len(codes) - MOST_CODES
    return f"{system} {words}" + (f" and {more} more" if more > 0 else "")
