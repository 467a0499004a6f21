"""Pictures of a population as SVG: the flow between editions, and rates with their intervals.

Colours are those of the page's style by class; every picture has its numbers beside it as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..measures.count import Counted
from .flow import STATUSES, Flow
from .numbers import percent

COLOURS = {"positive": "c1", "equivocal": "c4", "undetermined": "c2", "negative": "c0", "not tested": "c5"}
SHAPES = ("circle", "square", "triangle", "diamond", "down", "cross")
"""A stratum each, so that they are told apart without colour; what has no shape stands in the table alone."""
BAR, GAP, TOP, TALL = 14, 14, 34, 270
CUT = 0.34
"""The most of the height that a status may take which nearly everybody has: it is cut short, and said to be."""


def shape(name: str, x: float, y: float, kind: str) -> str:
    """A mark around a place."""
    if name == "square":
        return f'<rect class="{kind}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    if name == "triangle":
        return f'<path class="{kind}" d="M{x:.1f} {y - 5.5:.1f}l5.500 9.500h-11z"/>'
    if name == "down":
        return f'<path class="{kind}" d="M{x:.1f} {y + 5.5:.1f}l5.500 -9.500h-11z"/>'
    if name == "diamond":
        return f'<path class="{kind}" d="M{x:.1f} {y - 5.5:.1f}l5.500 5.500l-5.500 5.500l-5.500 -5.500z"/>'
    if name == "cross":
        return f'<path class="{kind} x" d="M{x - 4:.1f} {y - 4:.1f}l8 8M{x - 4:.1f} {y + 4:.1f}l8 -8"/>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.500"/>'


def legend_mark(place: int) -> str:
    """The mark of a stratum by itself."""
    mark = shape(SHAPES[place], 10, 7, f"s{place}")
    return f'<svg class="ch" viewBox="0 0 20 14" aria-hidden="true">{mark}</svg>'


def rate_picture(counted: Sequence[Counted], names: Sequence[str], width: int = 260, least: int = 0) -> str:
    """Rates from 0 to 100 %, a line each: the band that the undetermined allow, the 95 % interval, the mark."""
    told = [
        (place, each)
        for place, each in enumerate(counted)
        if each.rate is not None and not (each.measure.value or each.is_small(least))
    ]
    told = told[: len(SHAPES)]
    if not told:
        return ""
    left, right, step = 8, width - 8, 15
    tall = 8 + step * len(told) + 14

    def at(share: float) -> float:
        return left + (right - left) * share

    lines = [
        f'<line class="grid" x1="{at(share):.1f}" x2="{at(share):.1f}" y1="2" y2="{tall - 14}"/>'
        f'<text x="{at(share):.1f}" y="{tall - 2}" text-anchor="{anchor}">{words}</text>'
        for share, words, anchor in ((0, "0", "start"), (0.5, "50", "middle"), (1, "100 %", "end"))
    ]
    for row, (place, each) in enumerate(told):
        y = 8 + step * row + step / 2 - 2
        assert each.rate is not None
        sentence = f"{names[place]}: {percent(each.rate)}"
        marks = ""
        if each.lowest is not None and each.highest is not None and each.undetermined + each.maybe:
            wide = max(at(each.highest) - at(each.lowest), 1)
            marks += (
                f'<rect class="band" x="{at(each.lowest):.1f}" y="{y - 5:.1f}" width="{wide:.1f}" height="10" rx="2"/>'
            )
            sentence += f", from {percent(each.lowest)} to {percent(each.highest)} with the undetermined"
        if each.interval is not None:
            low, high = each.interval
            marks += f'<line class="ci" x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            sentence += f", 95 percent interval {percent(low)} to {percent(high)}"
        marks += shape(SHAPES[place % len(SHAPES)], at(each.rate), y, f"s{place % len(SHAPES)}")
        lines.append(f'<g role="img" aria-label="{escape(sentence)}"><title>{escape(sentence)}</title>{marks}</g>')
    name = "Rates with what the undetermined allow and their intervals; the numbers stand beside"
    return (
        f'<svg class="ch rate" viewBox="0 0 {width} {tall}" width="{width}" height="{tall}" role="group" '
        f'aria-label="{name}">{"".join(lines)}</svg>'
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """A status in the column of an edition: its bar, and how much of it is taken on its left and on its right."""

    y: float
    tall: float
    scale: float


def flow_picture(flow: Flow, width: int = 600, own_style: bool = False) -> str:
    """The flow between editions: a column of bars each, bands between them; dark where the status changes."""
    columns = [flow.column(place) for place in range(len(flow.editions))]
    drawn = [{status: _drawn(number, flow) for status, number in column.items()} for column in columns]
    statuses = [status for status in STATUSES if any(status in column for column in drawn)]
    scales = _scales(drawn, statuses)
    side = 92
    apart = (width - 2 * side - BAR) / max(len(columns) - 1, 1)
    xs = [side + apart * place for place in range(len(columns))]
    nodes = [_stacked(column, statuses, scales) for column in drawn]
    tall = max((node.y + node.tall for column in nodes for node in column.values()), default=TOP) + 14
    bands: list[str] = []
    for place in range(len(columns) - 1):
        bands += _bands(flow, place, nodes, xs)
    bars = []
    for place, column in enumerate(nodes):
        last = place == len(columns) - 1
        bars.append(
            f'<text class="v" x="{xs[place] + BAR / 2:.1f}" y="16" text-anchor="middle">'
            f"{_short(flow.editions[place])}</text>"
        )
        below = 0.0
        for status, node in column.items():
            words = flow.told(columns[place][status])
            sentence = escape(f"{flow.editions[place]} {status}: {words}")
            bars.append(
                f'<g role="img" aria-label="{sentence}"><title>{sentence}</title>'
                f'<rect class="node {COLOURS.get(status, "c5")}" x="{xs[place]:.1f}" y="{node.y:.1f}" width="{BAR}" '
                f'height="{node.tall:.1f}"/></g>'
            )
            x, anchor = (xs[place] - 6, "end") if place == 0 else (xs[place] + BAR + 6, "start")
            y = max(node.y + node.tall / 2 + 4, below + 12)
            below = y
            bars.append(f'<text class="v" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')
            if place == 0 or last or status not in columns[place - 1]:
                below = y + 12
                bars.append(f'<text x="{x:.1f}" y="{y + 12:.1f}" text-anchor="{anchor}">{status}</text>')
    tall = max(tall, TOP + 40)
    style = f"<style>{STYLE}</style>" if own_style else ""
    own = ' xmlns="http://www.w3.org/2000/svg"' if own_style else ""
    name = f"HER2 status of {flow.patients} patients by edition; the table has the same numbers"
    return (
        f'<svg{own} class="ch" viewBox="0 0 {width} {tall + 16:.0f}" width="{width}" height="{tall + 16:.0f}" '
        f'role="group" aria-label="{name}">{style}{"".join(bands)}{"".join(bars)}</svg>'
    )


def flow_file(flow: Flow) -> str:
    """The flow as a file of SVG that stands by itself."""
    return flow_picture(flow, 720, own_style=True)


def is_cut(flow: Flow) -> list[str]:
    """The statuses whose bars are cut short."""
    drawn = [
        {status: _drawn(n, flow) for status, n in flow.column(place).items()} for place in range(len(flow.editions))
    ]
    statuses = [status for status in STATUSES if any(status in column for column in drawn)]
    scales = _scales(drawn, statuses)
    most = max(scales.values(), default=0)
    return [status for status in statuses if scales[status] < most]


def _drawn(number: int, flow: Flow) -> int:
    """What is drawn of a count: of one that is not told as much as the least that is."""
    return flow.least if 0 < number < flow.least else number


def _scales(columns: Sequence[dict[str, int]], statuses: Sequence[str]) -> dict[str, float]:
    """Pixels for a patient of each status: alike for all, but for one that would leave no room for the others."""
    room = TALL - GAP * max(len(statuses) - 1, 0)
    most = {status: max(column.get(status, 0) for column in columns) for status in statuses}
    whole = sum(most.values()) or 1
    scales = dict.fromkeys(statuses, room / whole)
    large = [status for status in ("negative", "not tested") if status in most and most[status] > CUT * whole]
    if large:
        short = room * CUT
        others = whole - sum(most[status] for status in large)
        for status in statuses:
            scales[status] = short / len(large) / most[status] if status in large else (room - short) / max(others, 1)
        alike = min(scales[status] for status in statuses if status not in large) if others else room / whole
        if any(scales[status] > alike for status in large):
            return dict.fromkeys(statuses, room / whole)
    return scales


def _stacked(column: dict[str, int], statuses: Sequence[str], scales: dict[str, float]) -> dict[str, _Node]:
    nodes, y = {}, float(TOP)
    for status in statuses:
        if number := column.get(status, 0):
            tall = max(number * scales[status], 1.5)
            nodes[status] = _Node(y, tall, scales[status])
            y += tall + GAP
    return nodes


def _bands(flow: Flow, place: int, nodes: Sequence[dict[str, _Node]], xs: Sequence[float]) -> list[str]:
    left = {status: node.y for status, node in nodes[place].items()}
    right = {status: node.y for status, node in nodes[place + 1].items()}
    x, end = xs[place] + BAR, xs[place + 1]
    middle = (x + end) / 2
    quiet: list[str] = []
    loud: list[str] = []
    for (before, after), count in flow.step(place).items():
        number = _drawn(count, flow)
        a, b = left[before], right[after]
        wide_a, wide_b = (
            max(number * side[status].scale, 0.8)
            for side, status in ((nodes[place], before), (nodes[place + 1], after))
        )
        left[before] += wide_a
        right[after] += wide_b
        sentence = escape(f"{flow.editions[place]} {before} to {flow.editions[place + 1]} {after}: {flow.told(count)}")
        kind = f"flow {COLOURS.get(before, 'c5')}" + (" hi" if before != after else "")
        (loud if before != after else quiet).append(
            f'<path class="{kind}" role="img" aria-label="{sentence}" d="M{x:.1f} {a:.1f}'
            f"C{middle:.1f} {a:.1f} {middle:.1f} {b:.1f} {end:.1f} {b:.1f}L{end:.1f} {b + wide_b:.1f}"
            f"C{middle:.1f} {b + wide_b:.1f} {middle:.1f} {a + wide_a:.1f} {x:.1f} {a + wide_a:.1f}z"
            f'"><title>{sentence}</title></path>'
        )
    return quiet + loud


def _short(key: str) -> str:
    return escape(key.removeprefix("asco-cap-"))


STYLE = """
svg{background:#fff;font:11px system-ui,sans-serif} text{fill:#47505d} .v{fill:#151a21;font-weight:600}
.c1{fill:#1c55b5} .c2{fill:#5b35a0} .c4{fill:#7d4b00} .c0{fill:#c4cbd4} .c5{fill:#e1e5ea}
.flow{opacity:.34} .flow.hi{opacity:.8} .node{stroke:#fff}
"""
