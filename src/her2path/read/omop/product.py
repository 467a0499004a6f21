"""Which drug a row is of: its source text, its source concept and its standard concept, trusted in this order.

Public maps send the conjugates, trastuzumab emtansine and trastuzumab deruxtecan, to the concept of trastuzumab. So
where the three name different products the product is *in doubt*: that a HER2-directed drug was given is known and
told, a dose of trastuzumab is never made of it. A brand is that of the source alone: what it is mapped to may name
another one, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..coding import Coded
from ..drug_names import narrowest
from ..drugs import NOBODY, Drugs, Named
from ..fhir.head import Coding, Concept
from ..fhir.resources.named_drug import MedicationHead
from ..fhir.terms import Terms, coded
from .vocabulary import Vocabulary

TEXT, SOURCE, STANDARD = "its source text", "its source concept", "its standard concept"
ENZYME = re.compile(r"hyaluronidase", re.IGNORECASE)
_HCPCS = re.compile(r"[A-V][0-9]{4}(?:[-: ][A-Z0-9]{2})?", re.IGNORECASE)
_NDC = re.compile(r"\d{4,5}-\d{3,4}(?:-\d{1,2})?|\d{10,11}")


@dataclass(frozen=True, slots=True)
class Product:
    """What a row was found to be of, `by` what; `in_doubt` where what names it names different products."""

    named: Named
    by: str = ""
    in_doubt: bool = False


class Products:
    """The drugs of rows, by what names them."""

    def __init__(self, vocabulary: Vocabulary, terms: Terms) -> None:
        self.vocabulary, self.terms = vocabulary, terms
        self.drugs: Drugs = terms.drugs

    def of(self, text: str, source: str, standard: str) -> Product:
        """The product of a row by its source text and the ids of its two concepts."""
        told = [
            (where, named)
            for where, named in (
                (TEXT, self.by_text(text)), (SOURCE, self.by_concept(source)), (STANDARD, self.by_concept(standard))
            )
            if named.matters
        ]  # fmt: skip
        if not told:
            return Product(NOBODY)
        said = text.strip() or told[0][1].said
        directed = any(named.directed for _, named in told)
        troubled = next((named for _, named in told if named.trouble), None)
        if troubled is not None:
            several = len({named.drug for _, named in told}) > 1
            return Product(replace(troubled, said=said, directed=directed), in_doubt=several or len(told) == 1)
        exact = {named.drug for _, named in told if named.exact}
        drugs = narrowest({named.drug for _, named in told}, exact)
        if len(drugs) > 1:
            why = ", ".join(f"{where} says {named.drug}" for where, named in told)
            trouble = f"product in doubt: {why}; they contradict each other"
            return Product(Named(trouble=trouble, said=said, directed=directed), in_doubt=True)
        (drug,) = drugs
        brands = [named.brand for where, named in told if named.brand and where != STANDARD]
        notes = "; ".join(dict.fromkeys(named.note for _, named in told if named.note))
        return Product(Named(drug, brands[0] if brands else "", notes, "", said, drug in exact, directed), told[0][0])

    def by_text(self, text: str) -> Named:
        """The drug that a source text names: by the site's mapping, as a code of HCPCS or NDC, else by its words."""
        bare = text.strip()
        if not bare:
            return NOBODY
        codings: list[Coded] = []
        if self.terms.site is not None:
            head = MedicationHead(medicationCodeableConcept=Concept([Coding(None, bare, None)], bare))
            mapped = self.terms.site.head(head).medicationCodeableConcept  # type: ignore[attr-defined]
            if mapped.coding and mapped.coding[0].code != bare:
                return self.drugs.identify(coded(mapped))
        if _HCPCS.fullmatch(bare):
            codings.append(("HCPCS", bare, None))
        elif _NDC.fullmatch(bare):
            codings.append(("NDC", bare, None))
        return self.drugs.identify(codings) if codings else self.drugs.identify((), bare)

    def by_concept(self, concept: str) -> Named:
        """The drug of a concept: by its own code and name, by what it maps to, else by its ingredients."""
        known = self.vocabulary.concept(concept)
        if known is None:
            return NOBODY
        named = self._of_coding(known.coding)
        if named.matters:
            return named
        for target in self.vocabulary.maps_to.get(concept, ()):
            if (found := self.vocabulary.concept(target)) is not None:
                named = self._of_coding(found.coding)
                if named.matters:
                    return named
        parts = self.vocabulary.ingredients(concept)
        return self.drugs.of_parts(NOBODY, self._parts(part.coding for part in parts))

    def _of_coding(self, coding: Coded) -> Named:
        return self.drugs.identify([coding])

    def _parts(self, codings: Iterable[Coded]) -> list[tuple[Named, bool]]:
        return [(self._of_coding(coding), bool(ENZYME.search(coding[2] or ""))) for coding in codings]
