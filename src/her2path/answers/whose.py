"""Whether a brand is authorised under a label, as far as its list of brands goes."""

from __future__ import annotations

from ..tables.library import Knowledge
from .asking import CALLED
from .boxes import read_boxes
from .names import brand_name


def not_authorised(brand: str, jurisdiction: str, knowledge: Knowledge) -> str:
    """A warning where a brand has no row of approval under a label; "" where it has one, or none was named."""
    boxes = read_boxes(knowledge.folder)
    if not brand or (brand, jurisdiction) in boxes.brands:
        return ""
    where = [CALLED.get(each, each) for name, each in boxes.brands if name == brand]
    there = " and ".join(where)
    return (
        f"{brand_name(brand)} is not among the brands of the {CALLED[jurisdiction]}; it is among those of the {there}"
    )
