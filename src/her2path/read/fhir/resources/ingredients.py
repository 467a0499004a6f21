"""Which drug a Medication is, by its code and by what it is made of, and how strong it is.

An ingredient is named by a code or by a reference to another Medication or Substance, contained or in the source. The
parts of one product together are that product (pertuzumab, trastuzumab and hyaluronidase are Phesgo); diluents are
passed over; two drugs that are no one product cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ...coding import coded_of, text_alone
from ...drugs import NOBODY, Named
from ..answer import codings_of, text_of
from ..terms import Terms

Find = Callable[[str], Any]
"""Gives the content of the resource with an address; `None` where it is not in the source."""
DEEPEST = 3
"""Medications that name medications; a circle of them ends here."""
MILLIGRAMS = {"mg": Decimal(1), "g": Decimal(1000), "ug": Decimal("0.001"), "mcg": Decimal("0.001"),
              "µg": Decimal("0.001")}  # fmt: skip
MILLILITRES = {"ml": Decimal(1), "milliliter": Decimal(1), "milliliters": Decimal(1), "millilitre": Decimal(1),
               "l": Decimal(1000), "cc": Decimal(1)}  # fmt: skip
PIECES = frozenset(
    ("", "1", "{bag}", "bag", "{vial}", "vial", "vials", "{dose}", "dose", "each", "{each}", "piece", "{piece}",
     "{container}", "container", "{syringe}", "syringe", "flasche", "durchstechflasche", "beutel", "stück", "st")
)  # fmt: skip
"""Units that count pieces: a strength of so many mg in one of them is that of the whole piece."""


def concept_of(value: Any) -> Any:
    """A codeable concept as it is, or the one in a codeable reference of R5."""
    return value.get("concept", value) if isinstance(value, dict) else value


def drug_of_concept(concept: Any, terms: Terms) -> Named | None:
    """The drug of a codeable concept; `None` where it has no word and no code that is known."""
    codings = list(coded_of(codings_of(concept)))
    text = text_of(concept)
    named = terms.drugs.identify(codings, text)
    if not named.matters and terms.drugs.is_known_by_code_alone(codings, text):
        return None
    return named


def drug_of_medication(content: Any, find: Find, terms: Terms, depth: int = 0) -> Named | None:
    """The drug of a Medication or Substance; `None` where neither its code nor its ingredients can be told."""
    if not isinstance(content, dict):
        return None
    whole = drug_of_concept(concept_of(content.get("code")), terms)
    parts: list[tuple[Named, bool]] = []
    strengths: list[tuple[Decimal, Decimal, str]] = []
    untold = False
    for ingredient in ingredients_of(content):
        part = _of_ingredient(ingredient, content, find, terms, depth)
        enzyme = any(terms.drugs.names.is_hyaluronidase(words) for words in _words_of(ingredient))
        untold = untold or part is None
        parts.append((part or NOBODY, enzyme))
        if part is not None and part.drug and (strength := _strength(ingredient)) is not None:
            strengths.append(strength)
    named = terms.drugs.of_parts(whole or NOBODY, parts)
    if not named.matters:
        return None if whole is None and (untold or not parts) else named
    return replace(named, strength=strengths[0]) if len(strengths) == 1 else named


def ingredients_of(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The ingredients of a Medication or Substance."""
    product = content.get("product")
    listed = content.get("ingredient") or (product.get("ingredient") if isinstance(product, dict) else None)
    for ingredient in listed if isinstance(listed, list) else []:
        yield ingredient if isinstance(ingredient, dict) else {}


def item_of(ingredient: Mapping[str, Any]) -> tuple[Any, Any]:
    """The concept and the reference of an ingredient, as R4, R5 and DSTU2 write them."""
    item = ingredient.get("item") or ingredient.get("substance")
    item = item if isinstance(item, dict) else {}
    concept = ingredient.get("itemCodeableConcept") or ingredient.get("substanceCodeableConcept") or item.get("concept")
    if concept is None and ("coding" in item or "text" in item):
        concept = item
    reference = ingredient.get("itemReference") or ingredient.get("substanceReference") or item.get("reference")
    return concept, item if isinstance(reference, str) else reference


def _of_ingredient(
    ingredient: Mapping[str, Any], content: Mapping[str, Any], find: Find, terms: Terms, depth: int
) -> Named | None:
    concept, reference = item_of(ingredient)
    if concept is not None:
        return drug_of_concept(concept, terms)
    if not isinstance(reference, dict) or depth >= DEEPEST:
        return None
    address = text_alone(reference.get("reference")) or ""

    def beside(name: str) -> Any:
        return contained_in(content, name) or find(name)

    found = beside(address)
    if found is not None:
        return drug_of_medication(found, beside, terms, depth + 1)
    display = text_alone(reference.get("display"))
    return terms.drugs.identify((), display) if display else None


def contained_in(content: Mapping[str, Any], address: str) -> Any:
    """The resource inside another that an address with `#` names; `None` where there is none."""
    contained = content.get("contained")
    for resource in contained if isinstance(contained, list) else []:
        if isinstance(resource, dict) and address == f"#{str(resource.get('id')).removeprefix('#')}":
            return resource
    return None


def refers_on(content: Mapping[str, Any]) -> bool:
    """Whether a Medication names ingredients by references."""
    return any(item_of(ingredient)[0] is None for ingredient in ingredients_of(content))


def _words_of(ingredient: Mapping[str, Any]) -> Iterator[str]:
    concept, reference = item_of(ingredient)
    yield text_of(concept)
    for coding in codings_of(concept):
        yield text_alone(coding.get("display")) or ""
    if isinstance(reference, dict):
        yield text_alone(reference.get("display")) or ""


def _strength(ingredient: Mapping[str, Any]) -> tuple[Decimal, Decimal, str] | None:
    """How many mg of an ingredient stand in how much of what: millilitres ("ml") or pieces ("")."""
    ratio = ingredient.get("strength") or ingredient.get("strengthRatio") or ingredient.get("amount")
    quantity = ingredient.get("strengthQuantity")
    if not isinstance(ratio, dict):
        ratio = {"numerator": quantity}
    top, low = ratio.get("numerator"), ratio.get("denominator")
    milligrams = in_unit(top, MILLIGRAMS)
    if milligrams is None or milligrams <= 0:
        return None
    if low is None:
        return milligrams, Decimal(1), ""
    millilitres = in_unit(low, MILLILITRES)
    if millilitres is not None and millilitres > 0:
        return milligrams, millilitres, "ml"
    pieces = in_unit(low, dict.fromkeys(PIECES, Decimal(1)))
    return (milligrams, pieces, "") if pieces is not None and pieces > 0 else None


def in_unit(quantity: Any, units: Mapping[str, Decimal]) -> Decimal | None:
    """The number of a quantity in the unit that counts 1 of `units`; `None` for another unit, or no exact number."""
    if not isinstance(quantity, dict) or quantity.get("comparator"):
        return None
    value = quantity.get("value")
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    written = [str(quantity.get(name) or "").strip().lower() for name in ("code", "unit")]
    factor = next((units[unit] for unit in written if unit in units and unit), None)
    if factor is None and not any(written):
        factor = units.get("")
    return None if factor is None else value * factor
