"""The questions that need no record: `dose`, `lvef`, `her2`, `washout` and `substitute`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..facts.problem import AskedWrongly
from ..write.output import put
from ..write.plain import plain
from .options import Day, pairs

if TYPE_CHECKING:
    from ..answers.answer import Answer

Command = TypeVar("Command", bound=Callable[..., Any])
YES_OR_NO = click.Choice(["yes", "no"])
ENDINGS = {".json": "json", ".txt": "text", ".md": "text", "": "text"}


def answering(command: Command) -> Command:
    """The options that all of these commands have."""
    for option in reversed([
        click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides; us by default."),
        click.option("--on", type=Day(), help="The day that is asked about; today by default."),
        click.option(
            "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="The institution's settings: its jurisdiction, limits, vials and rounding.",
        ),
        click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="Any other fact of facts.md."),
        click.option(
            "--format", "format_name", type=click.Choice(["text", "json"]),
            help="text or json; by default what the ending of the output says, otherwise text.",
        ),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing."),
    ]):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("product")
@click.option("--weight", metavar="KG", help="The body weight, kg.")
@click.option("--days-since", metavar="DAYS", help="Days since the last dose.")
@click.option("--last-dose", metavar="DATE", help="The day of the last dose, in place of --days-since.")
@click.option("--first", is_flag=True, help="It is the first dose of this product.")
@click.option("--loading/--maintenance", default=None, help="Which dose it is, where somebody has decided it.")
@click.option(
    "--after", metavar="PRODUCTS", default="", help="The last dose was of these other products: herceptin,perjeta."
)
@click.option("--schedule", type=click.Choice(["q3w", "weekly", "q2w", "daily"]), help="How often it is given.")
@click.option("--site", type=click.Choice(["breast", "gastric", "other"]), help="Where the tumour arose.")
@click.option("--setting", type=click.Choice(["neoadjuvant", "adjuvant", "metastatic"]), help="What it is for.")
@click.option(
    "--level", type=click.Choice(["full", "1", "2", "3"]), help="The dose level: full, or so many reductions."
)
@answering
def dose(product: str, **said: Any) -> None:
    """How much of PRODUCT now: mg, vials, volume, minutes, and why it is that dose.

    PRODUCT is a brand or a generic name, with or without the four letters of a biosimilar: herceptin, trastuzumab-anns,
    "herceptin hylecta", perjeta, phesgo, kadcyla, T-DXd.
    """
    from ..answers.dose import answer_dose

    _told(lambda more: answer_dose(product, **more), said)


@click.command()
@click.argument("product", required=False)
@click.option("--baseline", metavar="PERCENT", help="LVEF before the first HER2-directed dose.")
@click.option("--now", metavar="PERCENT", help="The latest LVEF.")
@click.option("--days-on-hold", metavar="DAYS", help="A hold is open: days since the LVEF that led to it.")
@click.option("--weeks-below", metavar="WEEKS", help="The same in weeks.")
@click.option("--on-hold/--not-on-hold", default=None, help="Whether a hold for the heart is open.")
@click.option("--holds", metavar="NUMBER", help="Holds for the heart before this one.")
@click.option("--heart-failure/--no-heart-failure", default=None, help="Whether there are symptoms of heart failure.")
@click.option("--setting", type=click.Choice(["neoadjuvant", "adjuvant", "metastatic"]), help="What it is for.")
@click.option("--lower-limit", metavar="PERCENT", help="The institution's lower limit of normal LVEF.")
@answering
def lvef(product: str | None, **said: Any) -> None:
    """What an LVEF says of the next dose: go on, hold, resume, stop, or who has to be asked.

    PRODUCT is a brand or a generic name; trastuzumab where none is named. What is not said stays unknown: the answer
    then tells each case.
    """
    from ..answers.lvef import answer_lvef

    _told(lambda more: answer_lvef(product=product, **more), said)


@click.command()
@click.option("--ihc", metavar="SCORE", help="0, 1+, 2+ or 3+.")
@click.option("--ratio", metavar="NUMBER", help="HER2 signals over CEP17 signals.")
@click.option("--copies", metavar="NUMBER", help="Mean HER2 signals a cell.")
@click.option("--cep17", metavar="NUMBER", help="Mean CEP17 signals a cell.")
@click.option("--probe", type=click.Choice(["single", "dual"]), help="Which ISH it was, where no ratio is given.")
@click.option("--recount", type=click.Choice(["unchanged", "changed"]), help="What a blinded recount showed.")
@click.option("--staining", type=YES_OR_NO, help="Whether any membrane stains (IHC 0).")
@click.option("--specimen", type=click.Choice(["biopsy", "resection"]), help="How the tissue was taken.")
@click.option("--site", type=click.Choice(["breast", "gastric"]), help="Where the tumour arose; breast by default.")
@click.option("--edition", help="Decide by this edition, such as asco-cap-2018.")
@answering
def her2(**said: Any) -> None:
    """What IHC and ISH of one specimen say: the HER2 result, what it carries, and what the laboratory does next."""
    from ..answers.her2 import answer_her2

    _told(lambda more: answer_her2(**more), said)


@click.command()
@click.argument("products", metavar="[PRODUCT]...", nargs=-1)
@click.option("--last-dose", metavar="DATE", help="The day of the last dose.")
@click.option("--conception", metavar="DATE", help="The day of a planned conception.")
@click.option("--sex", type=click.Choice(["female", "male"]), help="Whose contraception it is.")
@answering
def washout(products: tuple[str, ...], **said: Any) -> None:
    """Until when contraception is needed after the last dose, or which last dose a planned conception allows.

    PRODUCT is a brand or a generic name; of several the longest time counts; trastuzumab where none is named.
    """
    from ..answers.washout import answer_washout

    _told(lambda more: answer_washout(products, **more), said)


@click.command()
@click.option("--ordered", required=True, metavar="PRODUCT", help="What was ordered, by brand or generic name.")
@click.option("--stock", required=True, multiple=True, metavar="PRODUCTS", help="What there is, parted by commas.")
@click.option("--as-written/--not-as-written", default=None, help="Whether the order forbids an exchange (US).")
@click.option("--country-allows", type=YES_OR_NO, help="Whether the country lets a pharmacy exchange it (EU).")
@answering
def substitute(ordered: str, stock: tuple[str, ...], **said: Any) -> None:
    """What in stock may be given for what was ordered, and by whose rule."""
    from ..answers.substitute import answer_substitution

    names = [name for each in stock for name in each.split(",")]
    _told(lambda more: answer_substitution(ordered, names, **more), said)


def _told(ask: Callable[[dict[str, Any]], Answer], said: dict[str, Any]) -> None:
    """Ask, and print or write the answer.

    Raises `AskedWrongly` for options that exclude each other, and whatever the question does.
    """
    from ..tables.load import default_knowledge
    from ..tables.site import read_site

    output, settings_file, chosen = said.pop("output"), said.pop("settings_file"), said.pop("format_name")
    if chosen is None and output is not None:
        if (suffix := output.suffix.lower()) not in ENDINGS:
            raise AskedWrongly(f"{output}: an answer is text (.txt) or JSON (.json), not {suffix}; or say --format")
        chosen = ENDINGS[suffix]
    if isinstance(failure := said.get("heart_failure"), bool):
        said["heart_failure"] = "yes" if failure else "no"
    knowledge = default_knowledge()
    said["facts"] = pairs(said["facts"], "--fact tumour_site=gastric")
    at = read_site(settings_file, knowledge) if settings_file else None
    answer = ask({**said, "at": at, "knowledge": knowledge})
    if chosen == "json":
        put(json.dumps(answer.as_json(), indent=2, ensure_ascii=False), output, settings_file)
    else:
        put("\n".join(plain(line) for line in answer.lines()), output, settings_file)
