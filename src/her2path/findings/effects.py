"""What a finding does to the next dose: the column `next dose` of `findings.md`, as data.

    forbids antibodies: LVEF allows it; gates order: the prescriber confirms the drug by its full name

An effect is a verb, the drugs it speaks of, and a condition: until when (`forbids`), once what (`gates`), why or what
(`ends`, `replaces`, `changes`), how soon (`calls`). `lets be` is no effect. Plan and verdict follow from these and from
nothing else. What only calls for a dose or changes it is not told of who is to have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

LETS_BE = "lets be"
FOR_GOOD = "for good"
"""The condition of what is forbidden without an end."""
SCOPES = ("product", "course", "molecule", "antibodies", "all", "order")
"""The drugs an effect speaks of: the one in hand; it and its partners; all that hold one of its molecules; every
antibody and conjugate; every HER2-directed drug; the last order, whatever was ordered."""


class Strength(IntEnum):
    """How an effect bears on a dose; of several the strongest counts."""

    LETS_BE = 0
    CALLS = 1
    CHANGES = 2
    GATES = 3
    REPLACES = 4
    ENDS = 5
    FORBIDS = 6
    FORBIDS_FOR_GOOD = 7

    @property
    def words(self) -> str:
        """As the fact `next_dose_effect` has it: `forbids for good`; a call for a dose lets it be."""
        return (Strength.LETS_BE if self is Strength.CALLS else self).name.lower().replace("_", " ")


VERBS = {
    "forbids": Strength.FORBIDS, "ends": Strength.ENDS, "replaces": Strength.REPLACES, "gates": Strength.GATES,
    "changes": Strength.CHANGES, "calls": Strength.CALLS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: how it bears, on which drugs, and its condition in words (with braces, as sayings have them)."""

    strength: Strength
    scope: str
    words: str

    def __str__(self) -> str:
        verb = next(verb for verb, strength in VERBS.items() if strength == min(self.strength, Strength.FORBIDS))
        return f"{verb} {self.scope}: {self.words}"


def words_of(effects: tuple[Effect, ...]) -> str:
    """Effects as their cell has them, with braces; `lets be` where there is none."""
    return "; ".join(str(effect) for effect in effects) or LETS_BE


def parse_effects(text: str) -> tuple[Effect, ...]:
    """The effects of a cell. Raises `ValueError` that says what is wrong and what was expected."""
    parts = [part.strip() for part in text.split(";")]
    if parts == [LETS_BE]:
        return ()
    return tuple(_effect(part) for part in parts)


def _effect(part: str) -> Effect:
    head, colon, words = part.partition(":")
    verb, _, scope = head.strip().partition(" ")
    words = words.strip()
    if verb not in VERBS or scope not in SCOPES or not colon or not words:
        verbs, scopes = ", ".join(VERBS), ", ".join(SCOPES)
        expected = f"{LETS_BE!r}, or a verb ({verbs}), the drugs ({scopes}), a colon and a condition"
        raise ValueError(f"{part!r} says nothing of the next dose; expected {expected}")
    for_good = verb == "forbids" and words.startswith(FOR_GOOD)
    return Effect(Strength.FORBIDS_FOR_GOOD if for_good else VERBS[verb], scope, words)


def faults_of(grade: str, do: str, cell: str) -> Iterator[str]:
    """What is wrong with the effects of one row: none is readable, or an alarm or a *before* that lets the dose be."""
    if not cell:
        yield "what it does to the next dose is not said"
        return
    try:
        effects = parse_effects(cell)
    except ValueError as error:
        yield str(error)
        return
    if effects:
        return
    if grade == "alarm":
        yield "an alarm that lets the next dose be"
    elif "before" in do.lower().split():
        yield "it says what to do before a dose, and lets the next dose be"
