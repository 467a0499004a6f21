"""The tables as pages: rows, proof, editions, sources, differences of two editions, loaded patients in each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from ...facts.problem import AskedWrongly
from ...tables.array import TooManyBoxes
from ...tables.difference import Disagreement, differences
from ...tables.edition import Edition
from ...tables.library import Knowledge
from ...tables.table import Table
from ..loaded import Loaded
from .rendering import page
from .tables import in_words, table_of

MOST_BOXES = 200
FIRST_BOXES = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """A table in the list: its edition, outcome, rows, and the levels by which they are verified."""

    edition: Edition
    outcome: str
    rows: int
    levels: Sequence[tuple[str, int]]


def overview(request: Request, loaded: Loaded) -> Response:
    """Every table of every edition, by topic."""
    search = request.query_params.get("search", "").strip()[:100]
    words = search.lower().split()
    topics: dict[str, list[Entry]] = {}
    tables = 0
    for edition in loaded.knowledge.editions:
        for outcome, table in edition.tables.items():
            named = (edition.key, outcome, in_words(outcome), table.title, edition.title, edition.topic)
            told = " ".join(named).lower()
            if all(word in told for word in words):
                levels = Counter(row.citations[0].verified for row in table.rows if row.citations)
                topics.setdefault(edition.topic, []).append(
                    Entry(edition, outcome, len(table.rows), levels.most_common())
                )
                tables += 1
    return page(
        request, loaded, "guidelines.html", topics=sorted(topics.items()), search=search, tables=tables,
        editions=len(loaded.knowledge.editions),
    )  # fmt: skip


def table(request: Request, loaded: Loaded) -> Response:
    """One table."""
    knowledge = loaded.knowledge
    key, outcome = request.query_params.get("edition", ""), request.query_params.get("outcome", "")
    found = _table(knowledge, key, outcome)
    if found is None:
        words = f"No edition {key[:80]} decides {outcome[:80]}."
        return page(
            request, loaded, "message.html", 404, title="Not found", words=words, hint="The list has all tables."
        )
    edition, decides = found
    others = [
        other for other in knowledge.editions
        if other is not edition and outcome in knowledge.tables_of(other) and not other.supplement
    ]  # fmt: skip
    others.sort(key=lambda other: not set(edition.scope_values) & set(other.scope_values))
    against = request.query_params.get("against", "")
    other = next((each for each in others if each.key == against), None)
    boxes, error = _boxes(edition, other, outcome, knowledge) if other is not None else ((), "")
    shown = table_of(decides, knowledge)
    ward = loaded.ward
    counted = {name: len(places) for name, places in ward.in_rows.get((key, outcome), {}).items()}
    most = max(counted.values(), default=0)
    cited = Counter(citation.key for row in decides.rows for citation in row.citations)
    cases = [case for case in edition.cases if case.outcome == outcome]
    return page(
        request, loaded, "table.html", edition=edition, table=shown, title=decides.title, others=others, other=other,
        boxes=boxes[:MOST_BOXES], situations=sum(box.boxes for box in boxes), first_boxes=FIRST_BOXES, error=error,
        patients=len(ward), counted=counted, in_all=sum(counted.values()),
        bars={name: bar(count, most) for name, count in counted.items()}, no_bar=bar(0, most),
        sources=[(knowledge.sources[name], count) for name, count in cited.items() if name in knowledge.sources],
        cases=cases, is_wide=len(shown.columns) > 6,
    )  # fmt: skip


def _table(knowledge: Knowledge, key: str, outcome: str) -> tuple[Edition, Table] | None:
    for edition in knowledge.editions:
        if edition.key == key and outcome in knowledge.tables_of(edition):
            return edition, knowledge.tables_of(edition)[outcome]
    return None


def _boxes(left: Edition, right: Edition, outcome: str, knowledge: Knowledge) -> tuple[Sequence[Disagreement], str]:
    try:
        return _differences(_Pair(left, right, outcome, knowledge)), ""
    except (AskedWrongly, TooManyBoxes) as error:
        return (), str(error)


@dataclass(frozen=True, slots=True)
class _Pair:
    left: Edition
    right: Edition
    outcome: str
    knowledge: Knowledge

    def __hash__(self) -> int:
        return hash((self.left.key, self.right.key, self.outcome, id(self.knowledge)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pair) and hash(self) == hash(other)


@lru_cache(maxsize=64)
def _differences(pair: _Pair) -> tuple[Disagreement, ...]:
    return tuple(differences(pair.left, pair.right, pair.outcome, pair.knowledge))


def bar(count: int, most: int) -> Markup:
    """So many patients as a bar, by the square root; the number stands beside it."""
    wide = round(108 * sqrt(count / most), 1) if most else 0
    return Markup(
        '<svg class="bars" viewBox="0 0 108 12" aria-hidden="true"><rect class="t" x="0" y="3" width="108" height="6" '
        f'rx="3"/><rect class="b" x="0" y="3" width="{wide}" height="6" rx="3"/></svg>'
    )
