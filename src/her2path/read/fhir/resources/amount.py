"""The amount of a dose in mg, also per kg and per m2: from a quantity, a range, a text, or the strength of its drug."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from ....facts.codes import Codes
from ....facts.fact import Facts
from ....facts.number import parse_number
from ....facts.pages.products import products_of
from ....facts.value import Interval, Reason, Unknown, Value
from ...drugs import Named
from ..answer import read_answer, times, unit_of
from .ingredients import MILLIGRAMS, MILLILITRES, PIECES, in_unit

_UNIT = re.compile(r"(mg|g|ug|mcg|µg)(?:(?:/|\s*per\s*)(kg|m2|m²|m\^2))?")
_WRITTEN = re.compile(r"([\d.,]+)\s*((?:mg|g|mcg)(?:\s*(?:/|per)\s*(?:kg|m2|m²))?)(?![a-z/])", re.IGNORECASE)
NO_CODES = Codes()


class Dosed(Protocol):
    """What is known of a dose beside its amount."""

    named: Named
    facts: Facts


def amount_of(dose: Any, text: Any, maker: Dosed, ordered: bool = False) -> tuple[str, Value, str, str]:
    """An amount as fact, value, what was said, and a note; `dose_given` where there is none."""
    stem = "ordered_mg" if ordered else "dose_mg"
    note = ""
    number: Decimal | Interval | None
    if isinstance(dose, dict) and ("value" in dose or "low" in dose or "high" in dose):
        shape = "valueQuantity" if "value" in dose else "valueRange"
        answer = read_answer({shape: dose}, NO_CODES)
        number = answer.number if answer.number is not None else answer.interval
        unit = unit_of(dose if shape == "valueQuantity" else dose.get("low") or dose.get("high"), _UNIT)
        said = f"{dose.get('value', answer.interval)} {dose.get('unit') or unit}".strip()
        if answer.refused:
            return stem, Unknown(Reason.UNPARSABLE_TEXT, f"{stem} {answer.refused}"), said, ""
    else:
        written = _WRITTEN.findall(text) if isinstance(text, str) else []
        if len(written) != 1:
            absent = Unknown(Reason.ABSENT, "no amount is ordered")
            what = text.strip()[:200] if isinstance(text, str) else ""
            return (stem, absent, what, "") if ordered else ("dose_given", "yes", what, "the amount is not recorded")
        parsed = parse_number(written[0][0])
        number, unit, said = parsed, written[0][1], " ".join(written[0])
        note = f"the amount is read from the text {str(text).strip()[:100]!r}"
    parts = _UNIT.fullmatch(unit.strip().lower())
    if parts is None and (milligrams := _by_strength(dose, maker.named)) is not None:
        of, amount, per = maker.named.strength or (0, 0, "")
        note = f"{said} of {of} mg in {amount} {'mL' if per else 'piece'}"
        number, parts = milligrams, _UNIT.fullmatch("mg")
    if parts is None or number is None:
        detail = f"{stem} {said!r}, expected an amount in mg, mg/kg or mg/m2"
        return stem, Unknown(Reason.UNPARSABLE_TEXT, detail), said, note
    per = {None: "", "kg": "_per_kg"}.get(parts[2], "_per_m2")
    fact = stem + per
    if fact not in maker.facts:
        return stem, Unknown(Reason.ABSENT, f"ordered by body surface: {said}"), said, note
    factor = MILLIGRAMS[parts[1]]
    if factor != 1:
        number = times(number, factor)
        note = note or f"{said} is read as {number} mg{per.replace('_per_', '/')}"
    if _is_combination(maker.named.drug, maker.facts):
        what = f"{said} of two antibodies in one vial: which of them it counts is not said"
        if ordered:
            return "ordered_mg", Unknown(Reason.ABSENT, what), said, ""
        return "dose_given", "yes", said, what
    return fact, maker.facts[fact].coerce(number), said, note


def _by_strength(dose: Any, named: Named) -> Decimal | None:
    """The mg of a dose in millilitres or pieces, by the strength of its medication; `None` where they do not fit."""
    if named.strength is None:
        return None
    milligrams, amount, per = named.strength
    taken = in_unit(dose, MILLILITRES if per == "ml" else dict.fromkeys(PIECES, Decimal(1)))
    return None if taken is None else (taken * milligrams / amount).quantize(Decimal("0.001")).normalize() + 0


@lru_cache(maxsize=1_000)  # where the page of the products stands is asked of the disk
def _is_combination(drug: str, facts: Facts) -> bool:
    product = products_of(facts).products.get(drug)
    return product is not None and product.family == "combination"
