"""Which drug and which brand a medication is: by its codes first, then by the longest name in its words.

Trastuzumab by itself, under the skin, with pertuzumab in one vial, and bound to a poison are four different
drugs whose names share a word. So a name counts only where all of it is understood: "trastuzumab" followed
by a word that is no dosage form, no strength and no suffix of a biosimilar may be a conjugate nobody listed,
and is refused. Codes, or a code and its words, that name different drugs contradict each other: nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .codes import Codes, system_name
from .therapy_codes import Drug

Coded = tuple[str | None, str | None, str | None]
"""A coding: system, code and display."""

IV, SC, PHESGO, PERTUZUMAB = "trastuzumab-iv", "trastuzumab-sc", "phesgo", "pertuzumab"
MOST_KEPT = 20_000
_SPEAKS = re.compile(r"tras?tuzumab|pertuzumab|\ber-?bb-?2\b|her-?2\b", re.IGNORECASE)
_TRASTUZUMAB = re.compile(r"(?P<before>[a-z]+-)?trastuzumab(?P<suffix>-[a-z]{4}\b)?(?P<after>[^a-z]*(?P<word>[a-z]+))?")
_UNDER_THE_SKIN = re.compile(r"\b(?:subcutaneous(?:ly)?|subcut|sub-?q|s\.?c\.?|under the skin)(?![a-z])")
_HARMLESS = frozenset(
    [
        "and", "with", "plus", "or", "for", "in", "as", "by", "at", "of", "on", "to", "per", "the", "iv", "sc",
        "im", "mg", "g", "kg", "ml", "unt", "units", "mcg", "h", "hr", "hours", "min", "minutes", "day",
        "days", "week", "weeks", "weekly", "every", "once", "daily", "cycle", "cycles", "dose", "doses",
        "dosing", "loading", "maintenance", "initial", "first", "subsequent", "injection", "injectable",
        "infusion", "intravenous", "intravenously", "subcutaneous", "subcutaneously", "subcut", "solution",
        "powder", "concentrate", "lyophilized", "lyophilised", "reconstituted", "recombinant", "vial", "vials",
        "kit", "piggyback", "bag", "single", "multi", "multiple", "use", "pack", "inj", "soln", "conc", "solr",
        "ivpb", "q", "qw", "w", "biosimilar", "originator", "brand", "generic", "product", "antibody",
        "monoclonal", "therapy", "treatment", "chemotherapy", "sodium", "chloride", "nacl", "bolus",
        "adjuvant", "neoadjuvant", "metastatic", "hyaluronidase", "pertuzumab", "human", "oysk", "zzxf",
    ]
)  # fmt: skip
"""Words that may follow the name of trastuzumab without making another drug of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a medication was found to be.

    `drug` is "" where nothing is to be read, and `trouble` says why, where it matters. `coded`: a code says so.
    """

    drug: str = ""
    brand: str = ""
    note: str = ""
    trouble: str = ""
    said: str = ""
    coded: bool = False

    @property
    def matters(self) -> bool:
        return bool(self.drug or self.trouble)


NOBODY = Named()


class Drugs:
    """The drugs of the code tables; what was identified once is kept."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes.therapy
        names = sorted(self.codes.names, key=len, reverse=True)
        self._name = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, names))})(?![a-z0-9])") if names else None
        self._kept: dict[tuple[tuple[Coded, ...], str], Named] = {}

    def identify(self, codings: Iterable[Coded], text: str = "") -> Named:
        """The drug of a concept. What is no drug of the tables and does not speak of one is nobody."""
        key = (tuple(codings), text)
        found = self._kept.get(key)
        if found is None:
            found = self._identify(*key)
            if len(self._kept) < MOST_KEPT:
                self._kept[key] = found
        return found

    def _identify(self, codings: tuple[Coded, ...], text: str) -> Named:
        coded: set[Drug] = set()
        classes: list[str] = []
        for system, code, _ in codings:
            meant = self.codes.drug((system_name(system), str(code or "").strip()))
            if meant is not None and meant.drug:
                coded.add(meant)
            elif meant is not None:
                classes.append(str(code))
        words = [word for word in (text, *(display for _, _, display in codings)) if word]
        said = words[0] if words else next((str(code) for _, code, _ in codings if code), "")
        named = [self.by_name(word) for word in words]
        refused = next((each.trouble for each in named if each.trouble), "")
        drugs = {each.drug for each in coded}
        if len(drugs) > 1:
            return Named(trouble=f"its codes name {_listed(drugs)}: they contradict each other", said=said)
        if not drugs:
            if refused or classes:
                about = any(_SPEAKS.search(word) for word in words)
                refused = refused or (f"code {classes[0]} names no one drug" if about else "")
                return Named(trouble=refused, said=said)
            return self._of_names(named, words, said)
        drug = drugs.pop()
        if refused:
            return Named(trouble=f"its code says {drug}, but {refused}", said=said)
        others = {each.drug for each in named if each.drug} - {drug}
        if drug == SC:
            others.discard(IV)  # "trastuzumab" says no route
        if others:
            return Named(
                trouble=f"its code says {drug}, its name {_listed(others)}: they contradict each other", said=said
            )
        brands = {each.brand for each in (*coded, *named) if each.brand}
        note = f"two brands are named: {_listed(brands)}; neither is read" if len(brands) > 1 else ""
        return Named(drug, brands.pop() if len(brands) == 1 else "", note, "", said, True)

    def _of_names(self, named: list[Named], words: list[str], said: str) -> Named:
        found = [each for each in named if each.drug]
        drugs = {each.drug for each in found}
        if drugs == {IV, SC}:
            drugs = {SC}  # one wording says the route, the other nothing
        if len(drugs) > 1:
            return Named(trouble=f"it is called {_listed(drugs)}: they contradict each other", said=said)
        if drugs:
            brands = {each.brand for each in found if each.brand}
            note = f"two brands are named: {_listed(brands)}; neither is read" if len(brands) > 1 else ""
            return Named(drugs.pop(), brands.pop() if len(brands) == 1 else "", note, "", said)
        if any(_SPEAKS.search(word) for word in words):
            return Named(trouble="it speaks of a HER2-directed drug, but neither code nor name is known", said=said)
        return NOBODY

    def by_name(self, text: str) -> Named:
        """The drug that words name, or why it cannot be told; `NOBODY` where they name none."""
        words = " ".join(text.lower().replace("®", " ").replace("™", " ").split())
        found: list[tuple[str, Drug]] = []
        if self._name is not None:
            found = [(match[0], self.codes.names[match[0]]) for match in self._name.finditer(words)]
        drugs = {drug for _, drug in found if drug.drug}
        if "trastuzumab" in words and (why := self._unclear(words, {name for name, _ in found})):
            return Named(trouble=why)
        keys = _together({drug.drug for drug in drugs}, words)
        brands = {drug.brand for drug in drugs if drug.brand}
        if SC in keys and (other := brands - {"herceptin"}) and any(d.drug == IV and d.brand in other for d in drugs):
            return Named(trouble=f"{text!r} is a brand for infusion, said to be given under the skin")
        if SC in keys and IV in {drug.drug for drug in drugs if drug.brand}:
            brands.discard("herceptin")
        if len(keys) > 1:
            return Named(trouble=f"{text!r} names {_listed(keys)}")
        return Named(next(iter(keys), ""), brands.pop() if len(brands) == 1 else "")

    def _unclear(self, words: str, names: set[str]) -> str:
        """What keeps the word trastuzumab from being read: a part before or after it that nobody listed."""
        rest = words
        for name in sorted(names, key=len, reverse=True):
            if "trastuzumab" in name and name != "trastuzumab":
                rest = rest.replace(name, " ")
        for match in _TRASTUZUMAB.finditer(rest):
            word = match["word"] or ""
            if match["before"]:
                return f"{match['before']}trastuzumab is no drug that is known"
            joined = match["after"] or ""
            if word and not match["suffix"] and joined.startswith(word):
                return f"trastuzumab{word} is no drug that is known"
            if word and word not in _HARMLESS and not self._begins_a_name(rest[match.start("word") :]):
                return f"'trastuzumab {word}' is no drug that is known"
        return ""

    def _begins_a_name(self, words: str) -> bool:
        return self._name is not None and self._name.match(words) is not None


def _together(drugs: set[str], words: str) -> set[str]:
    """The drugs of some words: the parts of one product are that product."""
    if drugs <= {IV, SC, PHESGO, PERTUZUMAB} and drugs:
        if PHESGO in drugs:
            return {PHESGO}
        if "hyaluronidase" in words and drugs & {IV, SC}:
            return {PHESGO} if PERTUZUMAB in drugs else {SC}
        if drugs <= {IV, SC} and (SC in drugs or _UNDER_THE_SKIN.search(words)):
            return {SC}
    return drugs


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
