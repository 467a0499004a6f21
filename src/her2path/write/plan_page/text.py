"""The page of a plan as text, the rows of the tables in the margin."""

from __future__ import annotations

from collections.abc import Iterator

from ..plain import plain_lines
from ..table_text import wrapped
from .content import PlanPage, Section

MARGIN = 4


def plan_text(page: PlanPage) -> str:
    """The whole page; a line each for the signatures."""
    lines = [f"PLAN  {page.title}", f"Patient {page.patient}  [{page.where}]"]
    lines += wrapped("; ".join(f"{name} {value}" for name, value in page.identity), "  ", "  ")
    lines += ["", *wrapped(page.verdict, "", "  "), *wrapped(f"Next dose: {page.next_dose}", "", "  ")]
    for section in page.sections:
        lines += _section(section)
    lines += ["", "References"]
    lines += wrapped("; ".join(f"{source} ({verified})" for source, verified in page.sources), "    ")
    lines += wrapped(f"Editions: {', '.join(page.editions)}", "    ")
    lines += ["", "   ".join(f"{name} ______________" for name in page.signatures), "", page.caution]
    return plain_lines(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield ""
    by_row = len(section.rows) == len(section.table) and bool(section.head) and section.head[0] == "If"
    yield section.heading if by_row or not section.rows else f"{section.heading}  [{'; '.join(section.rows)}]"
    indent = " " * MARGIN
    for place, (name, *cells) in enumerate(section.table):
        row = f"  [{section.rows[place]}]" if by_row else ""
        yield from wrapped(f"{name}: {'; '.join(cells)}{row}", indent, "  ")
    for item in section.items:
        yield from wrapped(f"- {item}", indent, "  ")
