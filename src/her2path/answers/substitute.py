"""What in stock may stand in for what was ordered, and by whose rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..facts.problem import AskedWrongly
from ..facts.value import Json, Value
from ..findings.brands import compared, read_brands
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, CHANGE, GO_ON, STOP, Answer, Case, Detail, Missing, Step
from .asking import Asking, cases_of, missing_of, steps_of
from .boxes import read_boxes
from .names import Drug, described, drug_named, not_authorised
from .words import listed

OPTIONS = {
    "order_forbids_substitution": "--as-written or --not-as-written",
    "national_substitution_allowed": "--country-allows yes|no", "same_brand": "name the brand",
    "interchangeable_designation": "name the brand",
}  # fmt: skip
MAY, MUST_CHANGE, NOT_SAME, SAME = (
    "pharmacy may substitute", "prescriber must change the order", "not the same product", "same product",
)  # fmt: skip
NOT_CONFIRMED = "unknown: interchangeability not confirmed"
_TOLD = {
    SAME: ("the same product: give it", GO_ON), MAY: ("MAY be given in its place by the pharmacy", GO_ON),
    MUST_CHANGE: ("only by a new order: the prescriber changes it", CHANGE),
    NOT_SAME: ("NEVER in its place: another product", STOP),
    NOT_CONFIRMED: ("ask the prescriber: no designation as interchangeable is confirmed", ASK),
}  # fmt: skip
_ORDER = (SAME, MAY, NOT_CONFIRMED, MUST_CHANGE, "", NOT_SAME)
"""What can be used soonest comes first."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One thing in stock: what the rules say of it ("" where not settled), in words and by whose rule (`row`)."""

    drug: Drug
    says: str
    words: str
    tone: str
    row: str
    possible: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        return {
            "product": self.drug.product, "brand": self.drug.brand or None, "said": self.drug.said,
            "substitution": self.says or None, "words": self.words, "tone": self.tone, "row": self.row or None,
            "possible": list(self.possible),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstitutionAnswer(Answer):
    """The answer on substitution: the drug ordered, and what is `offered` for it, what can be used soonest first."""

    ordered: Drug
    offered: tuple[Offered, ...]

    def own(self) -> dict[str, Json]:
        return {
            "ordered": {"product": self.ordered.product, "brand": self.ordered.brand or None},
            "stock": [each.as_json() for each in self.offered],
        }  # fmt: skip


def answer_substitution(
    ordered: str, stock: str | Sequence[str], *, as_written: bool | None = None, country_allows: object = None,
    jurisdiction: str | None = None, on: dt.date | None = None, facts: Mapping[str, object] | None = None,
    at: Site | None = None, knowledge: Knowledge | None = None,
) -> SubstitutionAnswer:  # fmt: skip
    """Whether what is in `stock` may be given for what was `ordered`, each by brand or generic name.

    `as_written` says whether the prescriber forbade an exchange (US), `country_allows` (yes or no) whether the country
    lets a pharmacy exchange a biological (EU). Raises `AskedWrongly` with the nearest name for one that is none.
    """
    asking = Asking(knowledge, jurisdiction, on, at, facts)
    first = drug_named(ordered, asking.knowledge, "--ordered")
    names = [name.strip() for name in (stock.split(",") if isinstance(stock, str) else stock) if name.strip()]
    if not names:
        raise AskedWrongly("--stock: name at least one product in stock")
    others = [drug_named(name, asking.knowledge, "--stock") for name in dict.fromkeys(names)]
    values = asking.read_all([
        ("order_forbids_substitution", as_written, "--as-written"),
        ("national_substitution_allowed", country_allows, "--country-allows"),
    ])  # fmt: skip
    return _answer(asking, first, others, values)


def _answer(asking: Asking, first: Drug, others: list[Drug], values: dict[str, Value]) -> SubstitutionAnswer:
    found = [(other, asking.decide("substitution", {**_facts(asking, first, other), **values})) for other in others]
    offered = sorted((_offered(other, decision) for other, decision in found), key=lambda each: _ORDER.index(each.says))
    chain: list[Step] = []
    missing: list[Missing] = []
    notes: list[str] = []
    for other, decision in found:
        chain += _chain(asking, first, other, decision)
        missing += missing_of(decision, OPTIONS, _changes(decision))
        missing += _unconfirmed(first, other, decision)
    for drug in (first, *others):
        if note := not_authorised(drug.brand, asking.jurisdiction, asking.knowledge):
            notes.append(f"{note}.")
    details = tuple(
        Detail(described(each.drug, asking.knowledge, asking.jurisdiction), each.words) for each in offered
    )  # fmt: skip
    cases = [
        Case((f"in stock is {other.name}", *case.when), case.then, case.row, case.remark)
        for other, decision in found if decision.value is None for case in cases_of(decision)
    ]  # fmt: skip
    return SubstitutionAnswer(
        question="substitute", headline=_headline(asking, first, offered), tone=offered[0].tone,
        settled=all(each.says for each in offered), jurisdiction=asking.jurisdiction, on=str(asking.on),
        possible=tuple(dict.fromkeys(value for each in offered for value in each.possible)), details=details,
        cases=tuple(cases), notes=tuple(notes), chain=tuple(chain), missing=tuple(dict.fromkeys(missing)),
        assumed=tuple(asking.assumed), ordered=first, offered=tuple(offered),
    )  # fmt: skip


def _facts(asking: Asking, first: Drug, other: Drug) -> dict[str, Value]:
    """What is known of two drugs beside each other; of one without a brand what its product alone says."""
    folder, products = asking.knowledge.folder, asking.knowledge.products.products
    if first.brand and other.brand:
        return compared(first.brand, other.brand, folder)
    values: dict[str, Value] = {
        "same_route": _yes(products[first.product].route == products[other.product].route),
        "same_molecule": _yes(_molecules(asking, first) == _molecules(asking, other)),
    }
    if first.product != other.product:
        values["same_brand"] = "no"
    return values


def _molecules(asking: Asking, drug: Drug) -> frozenset[str]:
    brands = read_brands(asking.knowledge.folder)
    if drug.brand:
        return brands[drug.brand].molecules
    held = {brand.molecules for brand in brands.values() if brand.product == drug.product}
    return held.pop() if len(held) == 1 else frozenset({drug.product})


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _offered(other: Drug, decision: Decision) -> Offered:
    says = decision.value or ""
    if not says:
        told = listed([_TOLD.get(value, (value, ASK))[0] for value in decision.possible], "or")
        return Offered(other, "", f"not settled: {told}", ASK, "", decision.possible)
    words, tone = _TOLD.get(says, (says, ASK))
    row = ", ".join(decision.last_rows)
    return Offered(other, says, f"{words} ({decision.edition.key} row {row})", tone, row, ())


def _chain(asking: Asking, first: Drug, other: Drug, decision: Decision) -> list[Step]:
    steps = steps_of(decision)
    given = f"{other.name} for {first.name}"
    told = [
        Step(
            f"{given}: {step.given}", step.says, step.outcome, step.rows, step.edition, step.title, step.citations,
            step.remark,
        )
        for step in steps
    ]  # fmt: skip
    row = read_boxes(asking.knowledge.folder).designated.get((other.brand, first.brand))
    if row is not None and asking.jurisdiction == "us":
        what = row.said["designated"]
        said = {"yes": "designated interchangeable", "no": "not designated interchangeable"}.get(what, what)
        since = f" since {row.said['since']}" if row.said.get("since", "-") not in ("-", "") else ""
        remark = row.said.get("remark", "")
        step = Step(f"{given}, by the FDA", said + since, "interchangeable", (), "brands", "", row.citations, remark)
        told.insert(0, step)
    return told


def _changes(decision: Decision) -> str:
    words = listed([_TOLD.get(value, (value, ASK))[0] for value in decision.possible], "or")
    return f"That decides between: {words}."


def _unconfirmed(first: Drug, other: Drug, decision: Decision) -> list[Missing]:
    """What would settle a designation that nobody confirmed."""
    if decision.value != NOT_CONFIRMED:
        return []
    what = f"whether the FDA designates {other.name} as interchangeable with {first.name}"
    changes = (
        "A dated entry of the Purple Book settles it: with one the pharmacy may exchange them, without one the"
        " prescriber changes the order."
    )
    return [Missing(what, changes, "--fact interchangeable_designation=yes|no")]


def _headline(asking: Asking, first: Drug, offered: list[Offered]) -> str:
    law = {"us": "US law and labels", "eu": "EU agencies"}[asking.jurisdiction]
    best = offered[0]
    name = described(first, asking.knowledge, asking.jurisdiction)
    if all(each.says == NOT_SAME for each in offered):
        return f"NO: nothing of this may be given for {name} ({law})."
    verbs = {SAME: "YES: give", MAY: "YES: the pharmacy may give", MUST_CHANGE: "NEW ORDER needed for"}
    verb = verbs.get(best.says, "ASK THE PRESCRIBER about")
    usable = [each.drug.name for each in offered if each.says == best.says and each.says != NOT_SAME]
    return f"{verb} {listed(usable, 'or')} in place of {name} ({law})."
