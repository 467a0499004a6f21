"""One page over a population that stands by itself: no script, nothing from outside, light and dark, phone and print.

jinja2, the extra `html`, lays it out and escapes everything that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ...facts.problem import AskedWrongly
from ...tables.library import Knowledge
from ...write.editions.page import LEVELS, PIPS
from .content import MOST_PATIENTS, Asked, content_of


def report_page(
    folder: Path, knowledge: Knowledge, keys: Sequence[str] = (), by: Sequence[str] = (), *, least: int = 0,
    most_patients: int = MOST_PATIENTS, title: str = "", command: str = "",
) -> str:  # fmt: skip
    """The page over the folder of a run: measures, who is undetermined and why, strata, editions, manifest.

    `least` tells no count from 1 to below it, and names nobody; `most_patients` are named behind each number. Raises
    `AskedWrongly` where jinja2 is not there, or the folder, a measure or a column is not.
    """
    if find_spec("jinja2") is None:
        raise AskedWrongly("a page of HTML needs jinja2: pip install 'her2path[html]'")
    import jinja2
    from markupsafe import Markup

    here = Path(__file__).parent
    content = content_of(Asked(folder, keys, by, least, most_patients, title), knowledge)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["drawn"] = Markup  # our own pictures, whose words are escaped where they are drawn
    template = environment.from_string((here / "page.html.jinja").read_text(encoding="utf-8"))
    style = Markup((here / "page.css").read_text(encoding="utf-8"))
    return template.render(**content, style=style, levels=LEVELS, pips=PIPS, command=command)
