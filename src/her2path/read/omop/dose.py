"""A row of DRUG_EXPOSURE as events: what was given of which product, as far as the site says what its columns mean.

The CDM does not say what `quantity` counts: mg, mL, vials or billing units, each of them at some site. So the site says
it (`[omop] quantity`), and while it does not, doses are known without their amounts.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from ...facts.folder import knowledge_folder, shipped_folder
from ...facts.words.rows import rows_in
from ...record.event import BILLED, DISPENSED, DOSE_NOT_READ, HER2_DRUG, ORDER_NOT_READ, TOLD, Event, Trouble
from ..drugs import Named
from ..fhir.resource import Surroundings
from ..fhir.resources.amount import amount_of
from ..fhir.resources.medication import Maker
from ..fhir.resources.named_drug import by_route, not_read
from .product import Product, Products
from .said import Cells, Said
from .vocabulary import Strength, Vocabulary, number

MG, BILLING_UNITS, VOLUME, VIALS, UNKNOWN = "mg", "billing units", "volume", "vials", "unknown"
"""The values of the setting of the site (`tables/site.py`)."""
LONG = "lasted long"
"""A cell that is made of the two days of a row: it lasts longer than a dose into a vein or under the skin does."""
NOT_SAID = "no amount of a dose is read: the site has not said what quantity means"
SINGLE_NOT_RECORDED = "the row lasts longer than a day: single doses are not recorded; read as one on the first"
_DISCARDED = re.compile(r"^[A-V]\d{4}[-: ]?JW$", re.IGNORECASE)
_ORDERED, _DISPENSED, _CLAIMED = ("prescription", "order", "planned"), ("dispens",), ("claim", "billing", "invoice")


def units_of_brands() -> dict[str, Decimal]:
    """The mg of a billing unit by the code of HCPCS, from the page of the brands."""
    path = knowledge_folder() / "product" / "brands.md"
    rows = rows_in(path if path.is_file() else shipped_folder() / "product" / "brands.md")
    return {row["code"]: Decimal(row["unit mg"]) for row in rows if "billing code of" in row}


class DoseReader:
    """Reads the forms of DRUG_EXPOSURE; `quantity` is what the site says of that column."""

    def __init__(self, vocabulary: Vocabulary, beside: Surroundings, quantity: str) -> None:
        self.vocabulary, self.beside, self.quantity = vocabulary, beside, quantity
        self.products = Products(vocabulary, beside.terms)
        self.units = units_of_brands()
        self._found: dict[tuple[str, str, str], Product] = {}

    def product(self, cells: Cells) -> Product:
        """The product of a row."""
        key = cells["drug_source_value"], cells["drug_source_concept_id"], cells["drug_concept_id"]
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self.products.of(*key)
        return found

    def read(self, cells: Cells) -> Said:
        """What rows of a form say."""
        named = self.product(cells).named
        said = Said()
        if not named.matters:
            return said
        if not named.trouble:
            named = by_route(named, {"dosage": {"route": self._route(cells)}}, self.beside)
        kind = self._kind(cells)
        if _DISCARDED.search(cells["drug_source_value"]):
            said.passed_over.append(Trouble("passed over", "", "the part of a vial that was thrown away (modifier JW)"))
            return said
        if named.trouble:
            said.troubles.append(not_read(named, ""))
            if named.directed:
                value = ORDER_NOT_READ if kind == ORDER_NOT_READ else DOSE_NOT_READ
                said.course.append(Event(HER2_DRUG, value, None, "", "", named.said))
            return said
        maker = Maker(named, "", self.beside.facts)
        amount = number(cells["quantity"])
        if amount is not None and amount < 0:
            said.passed_over.append(Trouble("passed over", "", f"quantity {amount}: a row that takes another back"))
            return said
        fact, value, words, note = self._amount(cells, amount, maker)
        if kind in (ORDER_NOT_READ, DISPENSED) or (kind == BILLED and fact == "dose_given"):
            # A code of billing, a dispense or a prescription says no dose; that a therapy runs is known by it.
            if named.drug in self.beside.terms.drugs.products:
                said.course.append(maker.event(HER2_DRUG, kind))
            return said
        if cells.get(LONG) and self._into_the_body(named):
            fact, value, note = "dose_given", "yes", SINGLE_NOT_RECORDED
        said.course.append(maker.event(fact, value, words, note))
        if self.quantity == UNKNOWN and amount:
            said.passed_over.append(Trouble(TOLD, "", NOT_SAID))
        return said

    def _kind(self, cells: Cells) -> str:
        """What the type of a row makes of it: an order, a dispense, something billed; "" for a dose."""
        concept = self.vocabulary.concept(cells["drug_type_concept_id"])
        name = "" if concept is None else concept.name.lower()
        if "administ" in name:
            return ""
        for words, kind in ((_ORDERED, ORDER_NOT_READ), (_DISPENSED, DISPENSED), (_CLAIMED, BILLED)):
            if any(word in name for word in words):
                return kind
        return ""

    def _route(self, cells: Cells) -> dict[str, Any]:
        coding = self.vocabulary.coding(cells["route_concept_id"])
        route: dict[str, Any] = {"text": cells["route_source_value"].strip()}
        if coding is not None:
            route["coding"] = [dict(zip(("system", "code", "display"), coding, strict=True))]
        return route

    def _into_the_body(self, named: Named) -> bool:
        """Whether a drug is given dose by dose, and not as tablets day by day."""
        product = self.beside.terms.drugs.products.get(named.drug)
        return product is None or product.route != "oral"

    # -- amounts ------------------------------------------------------------------------------

    def _amount(self, cells: Cells, amount: Decimal | None, maker: Maker) -> tuple[str, Any, str, str]:
        if amount is None or not amount:
            return "dose_given", "yes", "", "the amount is not recorded"
        if self.quantity == UNKNOWN:
            return "dose_given", "yes", f"quantity {amount}", ""
        milligrams, how = self._milligrams(cells, amount)
        if milligrams is None:
            return "dose_given", "yes", f"quantity {amount}", f"the amount is not read: {how}"
        fact, value, said, note = amount_of({"value": milligrams, "unit": "mg"}, None, maker)
        return fact, value, how or said, note

    def _milligrams(self, cells: Cells, amount: Decimal) -> tuple[Decimal | None, str]:
        """The mg of a quantity as the site counts it, with how; `None` with why where that cannot be told."""
        if self.quantity == MG:
            return amount, ""
        if self.quantity == BILLING_UNITS:
            code = self._billed_code(cells)
            unit = self.units.get(code)
            if unit is None:
                return (
                    None,
                    f"quantity {amount} in billing units, and no known code of HCPCS says of how many mg",
                )
            return amount * unit, f"{amount} billing units of {unit} mg ({code})"
        strength = self._strength(cells)
        if strength is None:
            what = "mL" if self.quantity == VOLUME else "vials"
            return None, f"quantity {amount} in {what}, and the vocabulary of the site says no one strength of the drug"
        if self.quantity == VOLUME:
            if strength.millilitres is None:
                return None, f"quantity {amount} in mL of a drug whose strength is {strength.milligrams} mg a piece"
            milligrams = amount * strength.milligrams / strength.millilitres
            return _exact(milligrams), f"{amount} mL of {strength.milligrams} mg in {strength.millilitres} mL"
        if strength.millilitres is not None and not strength.is_package:
            return None, f"quantity {amount} in vials, and the strength of the drug is one in mL without a size"
        return _exact(amount * strength.milligrams), f"{amount} vials of {strength.milligrams} mg"

    def _billed_code(self, cells: Cells) -> str:
        text = cells["drug_source_value"].strip().upper()[:5]
        if text in self.units:
            return text
        concept = self.vocabulary.concept(cells["drug_source_concept_id"])
        return "" if concept is None else concept.code.upper()[:5]

    def _strength(self, cells: Cells) -> Strength | None:
        standard = [cells["drug_concept_id"], *self.vocabulary.maps_to.get(cells["drug_source_concept_id"], ())]
        found = [strength for each in standard if (strength := self.vocabulary.strength(each)) is not None]
        return found[0] if found else None


def _exact(milligrams: Decimal) -> Decimal:
    return milligrams.quantize(Decimal("0.001")).normalize() + 0
