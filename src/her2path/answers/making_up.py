"""From the words of a label to the table: mg by the weight, the vials to open, the volume to withdraw, the bag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ..facts.pages.preparation import PreparedVial, read_preparation
from ..findings.brands import read_brands
from ..findings.plan.vials import Vials, rounded, vials_for, volume_ml
from .answer import Detail, Missing, weakest
from .asking import CALLED, Asking
from .boxes import read_boxes
from .names import Drug, brand_name
from .words import listed, number

_PER_KG = re.compile(r"(\d+(?:\.\d+)?) mg/kg")
_FLAT = re.compile(r"(\d+(?:\.\d+)?) mg")


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: the label's `words`, mg/kg where it goes by weight, the mg, and whether rounding changed them."""

    words: str
    per_kg: Decimal | None = None
    mg: Decimal | None = None
    rounded_from: Decimal | None = None

    def told(self, weight: Decimal | None) -> str:
        """`576 mg (8 mg/kg x 72 kg)`, or the label's words where there is nothing to work out."""
        if self.mg is not None and self.per_kg is not None and weight is not None:
            return f"{number(self.mg)} mg ({self.words} x {number(weight)} kg)"
        return self.words


def amount_of(words: str, weight: Decimal | None, step_mg: Decimal) -> Amount:
    """What the words of a dose amount to for a weight (kg), rounded to steps of `step_mg`."""
    if (per_kg := _PER_KG.fullmatch(words)) is not None:
        each = Decimal(per_kg[1])
        if weight is None:
            return Amount(words, each)
        exact = each * weight
        mg = rounded(exact, step_mg)
        return Amount(words, each, mg, exact if exact != mg else None)
    if (flat := _FLAT.fullmatch(words)) is not None:
        return Amount(words, None, Decimal(flat[1]))
    return Amount(words)


@dataclass(frozen=True, slots=True)
class Opened:
    """The vials for a dose: of which brands, their sizes, and how many to open (`None`: not to be told)."""

    brands: tuple[str, ...]
    sizes: tuple[Decimal, ...]
    vials: Vials | None

    @property
    def words(self) -> str:
        """`4 x 150 mg, 24 mg left over`."""
        if self.vials is None:
            return "not to be told"
        left = f"{number(self.vials.waste_mg)} mg left over" if self.vials.waste_mg else "nothing left over"
        return f"{self.vials}, {left}"


@dataclass(frozen=True, slots=True)
class MadeUp:
    """How a dose is made up: lines for the reader, the vials by brands, the mL to withdraw, and what is not known."""

    details: tuple[Detail, ...] = ()
    opened: tuple[Opened, ...] = ()
    withdraw_ml: Decimal | None = None
    mg_per_ml: Decimal | None = None
    bag_ml: Decimal | None = None
    bag_fluid: str = ""
    missing: tuple[Missing, ...] = ()


def made_up(drug: Drug, mg: Decimal | None, which: str, asking: Asking) -> MadeUp:
    """How a dose of so many mg is made up; `which` is first, later or "" where it is not known.

    What the knowledge does not hold is told as missing, with the reason.
    """
    page = read_preparation(asking.knowledge.folder)
    prepared = page.vials_of(drug.product, asking.jurisdiction, which)
    details: list[Detail] = []
    missing: list[Missing] = []
    volumes = [vial for vial in prepared if vial.draws_ml is not None]
    opened = _opened(drug, mg, prepared, asking) if mg is not None else ()
    details += _vial_lines(opened, volumes, drug, missing, asking) if mg is not None or volumes else ()
    used = _used(opened, prepared) or volumes
    for vial in used:
        if not vial.ready and vial.solvent_ml is not None:
            gives = f", gives {number(vial.mg_per_ml)} mg/mL" if vial.mg_per_ml else ""
            words = f"each {number(vial.size_mg)} mg vial with {number(vial.solvent_ml)} mL {vial.solvent}{gives}"
            details.append(Detail("dissolve", words, _level(vial)))
        elif vial.ready and vial.draws_ml is None:
            details.append(Detail("ready", vial.remark or f"{number(vial.size_mg)} mg a vial", _level(vial)))
    strengths = {vial.mg_per_ml for vial in used or prepared if vial.mg_per_ml is not None}
    strength = strengths.pop() if len(strengths) == 1 else None
    draw = volume_ml(mg, strength) if mg is not None and strength is not None else None
    if draw is None and len(volumes) == 1 and which:
        draw = volumes[0].draws_ml
    if draw is not None:
        held = f" of {number(strength)} mg/mL" if strength is not None else ""
        details.append(Detail("withdraw", f"{draw:f} mL{held}", _level(used[0]) if not strength else ""))
    by_vein = asking.knowledge.products.products[drug.product].route == "intravenous"
    if not prepared and asking.knowledge.products.products[drug.product].route != "oral":
        missing.append(Missing(f"how {drug.called} is dissolved", "No text on its vial was seen: no volume is told."))
    bag = page.bags.get(drug.product)
    ml = Decimal(asking.at.infusion_volume_ml) if bag and drug.product == "trastuzumab-iv" else bag.ml if bag else None
    if bag is not None:
        words = f"{number(ml or bag.ml)} mL {bag.fluid}, never {bag.never}"
        filtered = f"; filter: {bag.filter}" if bag.filter else ""
        details.append(Detail("into", words + filtered, weakest(bag.citations)))
    elif by_vein:
        missing.append(Missing(f"what {drug.called} is diluted in", "No text on its infusion was seen."))
    return MadeUp(
        tuple(details), opened, draw, strength, ml, bag.fluid if bag else "", tuple(missing),
    )  # fmt: skip


def _level(vial: PreparedVial) -> str:
    return weakest(vial.citations)


def _used(opened: tuple[Opened, ...], prepared: tuple[PreparedVial, ...]) -> list[PreparedVial]:
    """The prepared vials of the sizes that are opened."""
    sizes = {size for each in opened if each.vials is not None for size, _ in each.vials.counts}
    return [vial for vial in prepared if vial.size_mg in sizes]


def _opened(drug: Drug, mg: Decimal, prepared: tuple[PreparedVial, ...], asking: Asking) -> tuple[Opened, ...]:
    """The vials of the brand; of the brands of the product, those of one set of sizes together, where none is named."""
    where, boxes = asking.jurisdiction, read_boxes(asking.knowledge.folder)
    stocked = asking.at.vials.get(drug.product)
    if stocked is not None:
        return (Opened((drug.brand,) if drug.brand else (), tuple(stocked), vials_for(mg, stocked)),)
    if drug.brand:
        sizes = boxes.sizes(drug.brand, where) or tuple(sorted({vial.size_mg for vial in prepared}))
        return (Opened((drug.brand,), sizes, vials_for(mg, sizes)),)
    brands = [name for name, brand in read_brands(asking.knowledge.folder).items() if brand.product == drug.product]
    by_sizes: dict[tuple[Decimal, ...], list[str]] = {}
    for name in brands:
        if (sizes := boxes.sizes(name, where)) and (name, where) in boxes.brands:
            by_sizes.setdefault(sizes, []).append(name)
    if not by_sizes and prepared:
        by_sizes[tuple(sorted({vial.size_mg for vial in prepared}))] = []
    return tuple(Opened(tuple(names), sizes, vials_for(mg, sizes)) for sizes, names in by_sizes.items())


def _vial_lines(
    opened: tuple[Opened, ...], volumes: list[PreparedVial], drug: Drug, missing: list[Missing], asking: Asking
) -> Iterator[Detail]:
    if volumes:
        for vial in volumes:
            only = f" for a {vial.dose} dose" if vial.dose else ""
            yield Detail("vial", f"1 x {number(vial.draws_ml or Decimal(0))} mL{only}: {vial.remark}", _level(vial))
        return
    told = {each.words for each in opened}
    if not opened or told == {"not to be told"}:
        if asking.knowledge.products.products[drug.product].route != "oral":
            whose = drug.name if drug.brand else f"a brand of {drug.called}"
            what = f"the vial sizes of {whose} under the {CALLED[asking.jurisdiction]} label"
            missing.append(Missing(what, "No source that was seen names them: the vials are not told.", "--settings"))
        return
    for each in opened:
        whose = ""
        if len(told) > 1 or (len(opened) > 1 and not drug.brand):
            whose = f" ({listed([brand_name(name) for name in each.brands])})" if each.brands else ""
        yield Detail("vials", f"{each.words}{whose if len(told) > 1 else ''}")
        if len(told) == 1:
            return
