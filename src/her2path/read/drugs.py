"""Which drug and which brand a medication is: by its codes first, then by its words (`drug_names.py`).

Codes, or a code and its words, that name different drugs contradict each other: nothing is read, and it is told. So is
a code of a HER2-directed drug that stands under no code system, or under another one's address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from ..facts.codes import Codes, system_name
from ..facts.pages.products import read_products
from ..facts.therapy_codes import Drug, ndc_forms
from ..facts.words.look_alikes import as_seen
from .coding import Coded
from .drug_names import (
    IV,
    NARROWER,
    NOBODY,
    PERTUZUMAB,
    PHESGO,
    SC,
    DrugNames,
    Named,
    listed,
    narrowest,
    one_product,
)
from .swapped import codes_elsewhere, words_elsewhere

__all__ = ["IV", "NOBODY", "PERTUZUMAB", "PHESGO", "SC", "Coded", "Drugs", "Named"]

GENERAL = ("RxNorm", "ATC", "SNOMED", "OMOP", "UNII")
"""Systems whose codes may name a substance without its route and form."""
MOST_KEPT = 20_000
CANCER_DRUGS = "L01"
"""The group of ATC that holds every HER2-directed drug."""

_THERAPY = re.compile(r"anti|therap|treat|drug|inhibit|direct|target|regimen|\b[tacdhp]{2,5}\b", re.IGNORECASE)
"""Words that make of HER2 a therapy, and the letters of regimens."""


class Drugs:
    """The drugs of the code tables; what was identified once is kept."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes.therapy
        self.products = read_products().products
        self._kept: dict[tuple[tuple[Coded, ...], str], Named] = {}

    @cached_property
    def names(self) -> DrugNames:
        return DrugNames(self.codes, self.products)

    @cached_property
    def _codes_of_products(self) -> dict[str, tuple[str, str]]:
        """The codes of HER2-directed drugs, each with its system and its drug; of OMOP, plain numbers, none."""
        return {
            code.upper(): (system, drug.drug)
            for (system, code), drug in self.codes.drugs.items()
            if drug.drug in self.products and system != "OMOP"
        }

    def identify(self, codings: Iterable[Coded], text: str = "") -> Named:
        """The drug of a concept. What is no drug of the tables and does not speak of one is nobody."""
        key = (tuple(codings), text)
        named = self._kept.get(key)
        if named is None:
            named = self._identify(*key)
            if named.drug in self.products and not named.directed:
                named = replace(named, directed=True)
            if len(self._kept) < MOST_KEPT:
                self._kept[key] = named
        return named

    def directed(self, words: str) -> bool | None:
        """Whether some words name a HER2-directed drug, `False` for any other drug, `None` for none; to speak of HER2
        is not enough."""
        found = self.identify((), words)
        if found.drug in self.products or self.names.names_a_product(words):
            return True
        if found.directed and _THERAPY.search(words):
            return True
        return False if found.drug else None

    def _identify(self, codings: tuple[Coded, ...], text: str) -> Named:
        coded: set[Drug] = set()
        classes: list[str] = []
        exact: set[str] = set()
        for address, code, _ in codings:
            system = system_name(address)
            meant = self.codes.drug((system, str(code or "").strip()))
            if meant is not None and meant.drug:
                coded.add(meant)
                if meant.brand or system not in GENERAL or meant.drug not in NARROWER:
                    exact.add(meant.drug)
            elif meant is not None:
                classes.append(str(code))
        words = [word for word in (text, *(display for _, _, display in codings)) if word]
        said = words[0] if words else next((str(code) for _, code, _ in codings if code), "")
        named = [self.names.by_name(word) for word in words]
        refused = next((name for name in named if name.trouble), NOBODY)
        by_code = narrowest({meant.drug for meant in coded}, exact)
        by_word = narrowest({name.drug for name in named if name.drug})
        directed = self._directed(by_code | by_word) or refused.directed
        if len(by_code) > 1:
            return Named(trouble=f"its codes name {listed(by_code)}: they contradict each other", said=said,
                         directed=directed)  # fmt: skip
        if refused.trouble:
            why = f"its code says {listed(by_code)}, but {refused.trouble}" if by_code else refused.trouble
            return Named(trouble=why, said=said, directed=directed)
        if len(by_word) > 1:
            return Named(trouble=f"it is called {listed(by_word)}: they contradict each other", said=said,
                         directed=directed)  # fmt: skip
        if misplaced := self._misplaced(codings, by_code | by_word):
            return Named(trouble=misplaced, said=said, directed=True)
        if not by_code and not by_word:
            if not any(self.names.speaks(word) for word in words):
                swapped = self._swapped(codings) or self._in_other_letters(words)
                return Named(trouble=swapped, said=said, directed=True) if swapped else NOBODY
            why = "neither code nor name is known"
            if classes:
                why = f"code {classes[0]} names no one drug"
            if near := next(filter(None, map(self.names.nearest, words)), ""):
                why += f" (nearest: {near})"
            return Named(trouble=f"it speaks of a HER2-directed drug, but {why}", said=said, directed=True)
        both = narrowest(by_code | by_word, exact)
        if len(both) > 1:
            why = f"its code says {listed(by_code)}, its name {listed(by_word)}: they contradict each other"
            return Named(trouble=why, said=said, directed=directed)
        (drug,) = both
        brands = {drug.brand for drug in coded if drug.brand} | {name.brand for name in named if name.brand}
        notes = list(dict.fromkeys(name.note for name in named if name.note))
        if len(brands) > 1:
            notes = [f"two brands are named: {listed(brands)}; neither is read"]
        elif by_code and both != by_code:
            notes.append(f"its code says {listed(by_code)} without a form, its name {drug}")
        return Named(
            drug, brands.pop() if len(brands) == 1 else "", "; ".join(notes), "", said, drug in exact or bool(brands)
        )

    def _directed(self, drugs: Iterable[str]) -> bool:
        return any(drug in self.products for drug in drugs)

    def _misplaced(self, codings: Iterable[Coded], read: set[str]) -> str:
        """A code of a HER2-directed drug under no system or another one's, in words; "" where what is read agrees."""
        for address, code, _ in codings:
            written = str(code or "").strip()
            if not written or self.codes.drug((system_name(address), written)) is not None:
                continue
            known = self._known_code(written)
            if known is None or known[1] in read or (read and written.isdigit()):
                continue
            if {known[1], *read} == {IV, SC}:
                continue
            under = f"under {address!r}" if address else "under no code system"
            if read:
                return (
                    f"code {written} is that of {known[1]} in {known[0]} and stands {under}; its name is {listed(read)}"
                )
            return f"code {written} is that of {known[1]} in {known[0]}, but stands {under}"
        return ""

    def _swapped(self, codings: Iterable[Coded]) -> str:
        """A code or a name of a HER2-directed drug that stands in the place of another part of its coding, in words."""
        for coding in codings:
            if self.codes.drug((system_name(coding[0]), str(coding[1] or "").strip())) is not None:
                continue
            for place, written in codes_elsewhere(coding):
                if known := self._known_code(written):
                    where = f"stands in the {place} of its coding"
                    return f"code {written} is that of {known[1]} in {known[0]}, but {where}"
            for place, words, _ in words_elsewhere(coding):
                if self.names.names_a_product(words) or self.names.speaks(words):
                    return f"{words!r} speaks of a HER2-directed drug and stands in the {place} of its coding"
        return ""

    def _in_other_letters(self, words: Iterable[str]) -> str:
        """A name of a HER2-directed drug in letters that only look like its own, in words."""
        for word in words:
            seen = as_seen(word)
            if seen != word and (self.names.names_a_product(seen) or self.names.speaks(seen)):
                return f"it looks like {seen!r}, but is written with signs of another script"
        return ""

    def _known_code(self, written: str) -> tuple[str, str] | None:
        """The system and the drug of a code of a HER2-directed drug, wherever it stands."""
        forms = {written.upper(), *(ndc_forms(written) if written[:1].isdigit() else ())}
        return next((known for form in forms if (known := self._codes_of_products.get(form))), None)

    def is_code_of_product(self, code: str | None) -> bool:
        """Whether a code is that of a HER2-directed drug in some system."""
        return self._known_code((code or "").strip()) is not None

    def is_known_by_code_alone(self, codings: Sequence[Coded], text: str) -> bool:
        """Whether a medication has no word at all, and no code that the tables hold.

        A code of ATC says what it is not: outside the group of cancer drugs no drug is HER2-directed.
        """
        if text or any(display for _, _, display in codings):
            return False
        systems = {system_name(address): str(code or "") for address, code, _ in codings if code}
        if not systems.get("ATC", CANCER_DRUGS).upper().startswith(CANCER_DRUGS):
            return False
        return not any(self.codes.drug((system_name(address), str(code or ""))) for address, code, _ in codings)

    def of_parts(self, whole: Named, parts: Iterable[tuple[Named, bool]]) -> Named:
        """The drug of a medication named `whole` that is made of `parts`, each with whether it is hyaluronidase."""
        listed_parts = list(parts)
        named = [part for part, _ in listed_parts if part.matters]
        if whole.trouble or not (named or whole.drug):
            return whole if whole.matters else NOBODY
        said = whole.said or next((part.said for part in named), "")
        if troubled := next((part for part in named if part.trouble), None):
            return replace(troubled, said=said, directed=troubled.directed or whole.directed)
        drugs = {part.drug for part in named} | ({whole.drug} if whole.drug else set())
        exact = {part.drug for part in (whole, *named) if part.exact}
        both = one_product(narrowest(drugs, exact), any(is_enzyme for _, is_enzyme in listed_parts))
        directed = self._directed(drugs)
        if len(both) > 1 or (whole.drug and {whole.drug} != both and whole.exact):
            why = (
                f"it is called {whole.drug} and made of {listed(drugs)}" if whole.drug else f"it holds {listed(drugs)}"
            )
            return Named(trouble=f"{why}: they contradict each other" if whole.drug else
                         f"{why}: which of them was given is not said", said=said, directed=directed)  # fmt: skip
        brands = {part.brand for part in (whole, *named) if part.brand}
        notes = dict.fromkeys(part.note for part in (whole, *named) if part.note)
        (drug,) = both
        return Named(
            drug, brands.pop() if len(brands) == 1 else "", "; ".join(notes), "", said, drug in exact, directed
        )
