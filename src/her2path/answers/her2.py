"""What IHC and ISH say: the HER2 result by the guideline in force, what the tumour then carries, and what is next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ..facts.problem import AskedWrongly
from ..facts.value import NOT_REPORTED, Json, Reason, Unknown, Value
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, GO_ON, STOP, Answer, Case, Detail, Step
from .asking import Asking, cases_of, missing_of, steps_of
from .words import listed, outcome_said, said

OPTIONS = {
    "ihc_score": "--ihc", "her2_cep17_ratio": "--ratio", "her2_copies": "--copies", "cep17_copies": "--cep17",
    "ish_probe": "--probe", "ish_recount": "--recount", "any_membrane_staining": "--staining",
    "tumour_site": "--site", "specimen_kind": "--specimen",
}  # fmt: skip
CARRIED_OF = {
    "trastuzumab and its relatives": "trastuzumab-iv", "T-DXd": "t-dxd",
}  # fmt: skip
"""What is asked of a result: whether it carries these, each by a product that stands for them."""
_SAYS = {
    "positive": "carried", "positive by the label": "carried by the label's own table", "low": "carried as HER2-low",
    "low outside the label": "HER2-low, outside the label", "ordered although negative": "not carried",
    "positive in another specimen": "another specimen would decide", "not confirmed": "not yet: finish the test",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Her2Answer(Answer):
    """The answer on a HER2 test: `status` and `expression` ("" where not settled), the next step in the laboratory, and
    by which edition. `carries` says by drug what the result carries, in words."""

    status: str
    expression: str
    next_step: str
    edition: str
    carries: tuple[tuple[str, str], ...]

    def own(self) -> dict[str, Json]:
        return {
            "her2_status": self.status or None, "her2_expression": self.expression or None,
            "her2_next_step": self.next_step or None, "edition": self.edition, "carries": dict(self.carries),
        }  # fmt: skip


def answer_her2(
    ihc: object = None, *, ratio: object = None, copies: object = None, cep17: object = None, probe: str | None = None,
    recount: str | None = None, staining: object = None, specimen: str | None = None, site: str | None = None,
    edition: str | None = None, jurisdiction: str | None = None, on: dt.date | None = None,
    facts: Mapping[str, object] | None = None, at: Site | None = None, knowledge: Knowledge | None = None,
) -> Her2Answer:  # fmt: skip
    """The HER2 result of one specimen, from IHC (0 to 3+) and ISH (HER2/CEP17 `ratio`, HER2 `copies`, `cep17` a cell).

    `recount` is unchanged or changed, `staining` whether any membrane stains (yes or no), `specimen` biopsy or
    resection, `site` breast or gastric. Without `edition` that in force on the day decides. Raises `AskedWrongly`.
    """
    asking = Asking(knowledge, jurisdiction, on, at, facts)
    values = asking.read_all([
        ("ihc_score", ihc, "--ihc"), ("her2_cep17_ratio", ratio, "--ratio"), ("her2_copies", copies, "--copies"),
        ("cep17_copies", cep17, "--cep17"), ("ish_probe", probe, "--probe"), ("ish_recount", recount, "--recount"),
        ("any_membrane_staining", staining, "--staining"), ("specimen_kind", specimen, "--specimen"),
        ("tumour_site", site, "--site"),
    ])  # fmt: skip
    if "tumour_site" not in values:
        asking.assume("breast", "--site gastric")
        values["tumour_site"] = "breast"
    if not set(values) - {"tumour_site", "specimen_kind"}:
        raise AskedWrongly("nothing of a test was said: give --ihc, --ratio, --copies, or several of them")
    return _answer(asking, values, edition)


def _answer(asking: Asking, values: dict[str, Value], edition: str | None) -> Her2Answer:
    decision = _decided(asking, "her2_status", values, edition)
    _assume_no_test(asking, values, edition, decision)
    chain = steps_of(decision)
    status = decision.value or ""
    notes = [*decision.notes, *_unread(decision)]
    step = _settled(asking, "her2_next_step", values, edition, chain)
    details: list[Detail] = []
    expression = ""
    carries: tuple[tuple[str, str], ...] = ()
    if status and status not in decision.array.outcome.open_values:
        expression = _settled(asking, "her2_expression", values, edition, chain)
        carries = _carries(asking, {**values, "her2_status": status}, expression, chain)
        details += _expression_lines(asking, values, edition, expression)
    details += [Detail("carries", f"{drugs}: {says}") for drugs, says in carries]
    if step and step != "none":
        details.append(Detail("next", step))
    notes += _discordant(asking, values, edition)
    is_open = decision.value is None or decision.value in decision.array.outcome.open_values
    headline, tone = _headline(decision, expression)
    return Her2Answer(
        question="her2", headline=headline, tone=tone, settled=not is_open, jurisdiction=asking.jurisdiction,
        on=str(asking.on), possible=() if decision.value else decision.possible, details=tuple(details),
        cases=() if decision.value else _cases(asking, decision, values, edition), notes=tuple(notes),
        chain=tuple(chain),
        missing=tuple(missing_of(decision, OPTIONS)), assumed=tuple(asking.assumed), status=status,
        expression=expression, next_step=step, edition=decision.edition.key, carries=carries,
    )  # fmt: skip


def _decided(asking: Asking, outcome: str, values: Mapping[str, Value], edition: str | None) -> Decision:
    if edition is None:
        return asking.decide(outcome, values)
    from ..tables.decision import decide

    return decide(outcome, values, knowledge=asking.knowledge, edition=edition, on=asking.on)


TESTS = {"ihc_score": ("IHC", "--ihc"), "her2_cep17_ratio": ("ISH", "--ratio, --copies")}
"""The tests of which a fact each may stay unsaid, how they are called, and the options that say them."""


def _assume_no_test(asking: Asking, values: Mapping[str, Value], edition: str | None, decision: Decision) -> None:
    """A test of which nothing was said counts as not done: that is told, with what it could change."""
    for name, (test, option) in TESTS.items():
        if any(fact.name in values for fact in asking.knowledge.facts.tests.get(test, ())):
            continue
        unsaid = Unknown(Reason.ABSENT, f"{test} not said")
        other = _decided(asking, "her2_status", {**values, name: unsaid}, edition)
        told = [outcome_said("her2_status", value) for value in other.possible]
        changes = f"With one it could be {listed(told, 'or')}." if list(other.possible) != [decision.value] else ""
        asking.assume(f"no {test} was done", option, changes)


def _settled(
    asking: Asking, outcome: str, values: Mapping[str, Value], edition: str | None, chain: list[Step]
) -> str:  # fmt: skip
    """The value of an outcome beside the status, with its step in the chain; "" where there is none."""
    try:
        found = _decided(asking, outcome, values, edition)
    except AskedWrongly:
        return ""
    if found.value is None or found.value == NOT_REPORTED:
        return ""
    if found.value != "none":
        chain += [step for step in steps_of(found) if step.outcome == outcome]
    return found.value


def _unread(decision: Decision) -> list[str]:
    """Facts that contradict each other, in words."""
    return [why.detail for why in decision.given.unknown.values() if why.detail]


def _cases(
    asking: Asking, decision: Decision, values: Mapping[str, Value], edition: str | None
) -> tuple[Case, ...]:  # fmt: skip
    """The results still possible: where one fact settles them, by each of its values; else by the rows."""
    told = {value: outcome_said("her2_status", value) for value in decision.array.outcome.values}
    settling = decision.would_settle
    if len(settling) == 1 and len(settling[0]) == 1 and len(decision.last_rows) == 1:
        fact = asking.knowledge.facts[settling[0][0]]
        cases = []
        for value in (each for each in fact.values if each != NOT_REPORTED):
            then = _decided(asking, "her2_status", {**values, fact.name: value}, edition)
            if then.value is not None:
                row, remark = then.last_rows[0], (then.remarks or [""])[0]
                said_so = (said(fact.name, value),)
                cases.append(Case(said_so, told[then.value], row, remark, said_so))
        if cases:
            return tuple(cases)
    return cases_of(decision, {}, told)


def _expression_lines(
    asking: Asking, values: Mapping[str, Value], edition: str | None, expression: str
) -> list[Detail]:  # fmt: skip
    """Where the class of expression is open, what it may be and what settles it."""
    if expression:
        return []
    try:
        found = _decided(asking, "her2_expression", values, edition)
    except AskedWrongly:
        return []
    if found.value is not None:
        return []
    asked = [OPTIONS.get(name, name) for names in found.would_settle for name in names]
    ask = f" ({listed(asked, 'or')} settles it)" if asked else ""
    return [Detail("class", f"HER2 {listed([*found.possible], 'or')}{ask}")]


def _carries(
    asking: Asking, values: dict[str, Value], expression: str, chain: list[Step]
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    """What the result carries, by drug: of this specimen alone."""
    told = []
    known: dict[str, Value] = {**values, "her2_change": "none"}
    if expression:
        known["her2_expression"] = expression
    known["her2_by_label_alone"] = _by_label_alone(asking, values)
    if (basis := _low_basis(asking, known)) is not None and basis.value is not None:
        known["t_dxd_low_basis"] = basis.value
    for drugs, product in CARRIED_OF.items():
        try:
            found = asking.decide("her2_before_start", {**known, "ordered_product": product})
        except AskedWrongly:
            continue
        if found.value is not None:
            told.append((drugs, _SAYS.get(found.value, found.value)))
            steps = [step for step in steps_of(found) if step.outcome == "her2_before_start"]
            chain += [
                step for step in steps if step.rows not in [each.rows for each in chain if each.outcome == step.outcome]
            ]
            continue
        if product == "t-dxd" and expression in ("low", "ultralow"):
            told.append((drugs, _where_low(asking, known)))
        elif product == "t-dxd" and not expression:
            told.append((drugs, "open until the class is known"))
        else:
            told.append((drugs, listed([_SAYS.get(value, value) for value in found.possible], "or")))
    return tuple(told)


def _by_label_alone(asking: Asking, values: Mapping[str, Value]) -> str:
    """Whether the label of trastuzumab calls positive what the guideline does not; that can be in the stomach alone."""
    if values.get("tumour_site") != "gastric" or values.get("her2_status") == "positive":
        return "no"
    tested = {name: value for name, value in values.items() if name != "her2_status"}
    try:
        return "yes" if asking.decide("her2_label_status", tested).value == "positive" else "no"
    except AskedWrongly:
        return "no"


def _low_basis(asking: Asking, values: Mapping[str, Value]) -> Decision | None:
    """Whether a tumour that is not positive carries T-DXd; `None` where no edition decides it."""
    try:
        return asking.decide("t_dxd_low_basis", values)
    except AskedWrongly:
        return None


def _where_low(asking: Asking, values: Mapping[str, Value]) -> str:
    """Where T-DXd is carried in HER2-low disease, and what that depends on."""
    found = _low_basis(asking, values)
    if found is None:
        return "no rule"
    if found.value is not None:
        return found.value
    return f"{listed([*found.possible], 'or')}: the setting and the lines before decide (t_dxd_low_basis)"


def _discordant(asking: Asking, values: Mapping[str, Value], edition: str | None) -> list[str]:
    try:
        found = _decided(asking, "her2_discordance", values, edition)
    except AskedWrongly:
        return []
    return [f"Discordant: {found.value}."] if found.value not in (None, "none", NOT_REPORTED) else []


def _headline(decision: Decision, expression: str) -> tuple[str, str]:
    by = f"({decision.edition.key})"
    if decision.contradictory:
        return f"CANNOT BE: the tests do not go together {by}.", ASK
    if decision.value is None:
        possible = [outcome_said("her2_status", value).removeprefix("HER2 ") for value in decision.possible]
        return f"NOT SETTLED: HER2 {listed(possible, 'or')} {by}.", ASK
    if decision.value in decision.array.outcome.open_values:
        return f"HER2 {decision.value.upper()}: not settled yet {by}.", ASK
    told = f"HER2 {decision.value.upper()}"
    if expression and expression != decision.value:
        told += f", {'HER2-' if expression in ('low', 'ultralow', 'null') else ''}{expression}"
    return f"{told} {by}.", GO_ON if decision.value == "positive" else STOP
