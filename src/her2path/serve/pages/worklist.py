"""The worklist as a page: verdicts as counts that filter, the most urgent first, 50 a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from ...write.text.worklist import NO_COURSE, ORDER
from ..loaded import WHEN, Listed, Loaded, Ward
from .rendering import page
from .timeline.canvas import diamond, path

A_PAGE = 50
GROUPS = {"today": "Act today", "week": "This week", "later": "Later, or waiting"}
ORDERS = {"urgency": "urgency", "patient": "patient", "lvef": "LVEF"}
MOST_SEARCHED = 200
"""So long may a search be."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; "" where nothing is asked."""

    verdict: str = ""
    search: str = ""
    drug: str = ""
    due: str = ""
    order: str = "urgency"
    edition: str = ""
    outcome: str = ""
    row: str = ""
    number: int = 1

    @classmethod
    def of(cls, request: Request) -> Filter:
        """What the address asks; what it cannot mean is left out."""
        query = request.query_params
        verdict, due, order = query.get("verdict", ""), query.get("due", ""), query.get("order", "")
        number = query.get("page", "1")
        return cls(
            verdict if verdict in ORDER else "", query.get("search", "").strip()[:MOST_SEARCHED],
            query.get("drug", "")[:MOST_SEARCHED], due if due in WHEN else "", order if order in ORDERS else "urgency",
            query.get("edition", ""), query.get("outcome", ""), query.get("row", ""),
            max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 9 else 1,
        )  # fmt: skip

    def query(self, **other: object) -> dict[str, object]:
        """The filter as the query of an address, with some of it changed; the first page is the plain one."""
        told: dict[str, object] = {
            "verdict": self.verdict, "search": self.search, "drug": self.drug, "due": self.due,
            "order": "" if self.order == "urgency" else self.order, "edition": self.edition, "outcome": self.outcome,
            "row": self.row, "page": "",
        }  # fmt: skip
        return told | other


def worklist(request: Request, loaded: Loaded) -> Response:
    """The page."""
    ward, asked = loaded.ward, Filter.of(request)
    found = select(ward, asked)
    count = len(found)
    pages = max(-(-count // A_PAGE), 1)
    number = min(asked.number, pages)
    shown = found[(number - 1) * A_PAGE : number * A_PAGE]
    groups = [
        (GROUPS[when] if asked.order == "urgency" else "", [(each, spark(each.lvefs, _limit(loaded))) for each in rows])
        for when, rows in _grouped(shown, asked.order)
    ]
    verdicts = [(word, ward.counts.get(word, 0)) for word in ORDER if word != NO_COURSE or ward.counts.get(word)]
    urgent = sum(each.when == "today" for each in ward.listed)
    return page(
        request, loaded, "worklist.html", ward=ward, asked=asked, groups=groups, count=count, number=number,
        pages=pages, verdicts=verdicts, drugs=sorted({each.row.drug for each in ward.listed} - {""}), orders=ORDERS,
        dues=GROUPS,
        first=(number - 1) * A_PAGE + 1, last=(number - 1) * A_PAGE + len(shown), urgent=urgent, a_page=A_PAGE,
    )  # fmt: skip


def select(ward: Ward, asked: Filter) -> Sequence[Listed]:
    """The patients that a filter leaves, in its order; every word of a search must be met."""
    words = asked.search.lower().split()
    places: set[int] | None = None
    if asked.edition and asked.outcome:
        places = set(ward.in_rows.get((asked.edition, asked.outcome), {}).get(asked.row, ()))
    found: Sequence[Listed] = ward.listed
    if words or asked.verdict or asked.drug or asked.due or places is not None:
        found = [
            each for each in ward.listed
            if (not asked.verdict or each.row.verdict == asked.verdict)
            and (not asked.drug or each.row.drug == asked.drug) and (not asked.due or each.when == asked.due)
            and (places is None or each.place in places) and all(word in each.searched for word in words)
        ]  # fmt: skip
    if asked.order == "patient":
        return sorted(found, key=lambda each: each.row.patient)
    if asked.order == "lvef":
        return sorted(found, key=lambda each: each.lvefs[-1] if each.lvefs else float("inf"))
    return found


def _grouped(shown: Sequence[Listed], order: str) -> list[tuple[str, list[Listed]]]:
    if order != "urgency":
        return [("", list(shown))] if shown else []
    return [(when, list(rows)) for when, rows in groupby(shown, key=lambda each: each.when)]


def _limit(loaded: Loaded) -> float:
    return float(loaded.settings.at.limit)


WIDE, TALL = 92, 24


def spark(lvefs: Sequence[float], limit: float) -> Markup:
    """The last LVEFs as a small line over the limit; the words beside it say the same."""
    if not lvefs:
        return Markup('<span class="faint">no LVEF</span>')
    low, high = min([*lvefs, limit]) - 2, max([*lvefs, limit]) + 2

    def at(percent: float) -> float:
        return round(TALL - 3 - (percent - low) / (high - low) * (TALL - 6), 1)

    step = (WIDE - 12) / max(len(lvefs) - 1, 1)
    places = [(round(4 + number * step, 1), at(percent)) for number, percent in enumerate(lvefs)]
    if len(places) == 1:
        places = [(WIDE / 2, places[0][1])]
    words = " to ".join(f"{percent:g}" for percent in dict.fromkeys((lvefs[0], lvefs[-1])))
    low_word = ", below the limit" if lvefs[-1] < limit else ""
    line = "L".join(f"{x} {y}" for x, y in places)
    x, y = places[-1]
    end = diamond("e low", x, y, 3.2) if low_word else f'<circle class="e" cx="{x}" cy="{y}" r="3"/>'
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="LVEF {words} %{low_word}">'
        f'<line class="l" x1="2" x2="{WIDE - 2}" y1="{at(limit)}" y2="{at(limit)}"/>{path("p", "M" + line)}{end}</svg>'
    )
