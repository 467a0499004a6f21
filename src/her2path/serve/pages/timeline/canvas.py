"""What a drawing is made of: a size, a scale, lanes from the top, marks with a sentence each, holds, today."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from markupsafe import Markup, escape

from ....write.plain import plain
from .marks import Course, Lane, Mark
from .scale import Labels, Scale, short_day

TOP = 30
TAG_WIDTH = 84
"""Of the word today, in pixels."""


@dataclass(frozen=True, slots=True)
class Size:
    """One of the three sizes: its class, width and gutter in pixels, and the days around today (0 for all)."""

    name: str
    width: int
    gutter: int
    before_days: int = 0
    after_days: int = 0


def box(kind: str, x: float, y: float, width: float, height: float, rounded: float = 0) -> str:
    """A rectangle."""
    corner = f' rx="{rounded:g}"' if rounded else ""
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corner}/>'


def diamond(kind: str, x: float, y: float, half: float) -> str:
    """A square on its point."""
    square = f'x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:g}" height="{2 * half:g}"'
    return f'<rect class="{kind}" {square} transform="rotate(45 {x:.1f} {y:.1f})"/>'


def path(kind: str, drawn: str) -> str:
    """A path."""
    return f'<path class="{kind}" d="{drawn}"/>'


class Canvas:
    """One size of one timeline, put together lane by lane from the top."""

    def __init__(self, course: Course, title: str, size: Size) -> None:
        self.course, self.title, self.size = course, title, size
        on = course.on
        if size.before_days:
            first, last = on - dt.timedelta(days=size.before_days), on + dt.timedelta(days=size.after_days)
        else:
            first, last = course.first_day(), course.last_day()
            edge = max((last - first).days // 60, 7)
            first, last = first - dt.timedelta(days=edge), last + dt.timedelta(days=edge)
        self.scale = Scale(first, last, size.width, size.gutter)
        self.is_near = size.gutter == 0
        self.parts: list[str] = []
        self.y = TOP
        self.hatch = f"hatch-{size.name}"

    def _shown(self, lane: Lane) -> list[Mark]:
        return [mark for mark in lane.marks if self.scale.shows(mark.day)]

    # -- parts ------------------------------------------------------------------------------

    def _add(self, *parts: str) -> None:
        self.parts += parts

    def _text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        named = f' class="{kind}"' if kind else ""
        self._add(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{said(words)}</text>')

    def _mark(self, mark: Mark, shape: str) -> None:
        told = said(mark.sentence)
        if mark.finding:
            self._add(f'<a href="#{said(mark.finding)}" aria-label="{told}"><title>{told}</title>{shape}</a>')
        else:
            self._add(f'<g role="img" aria-label="{told}"><title>{told}</title>{shape}</g>')

    def _lane(self, name: str, sub: str, height: int) -> int:
        """Begin a lane; the y of its top."""
        top = self.y
        if self.is_near:
            self._text(4, top + 13, cut(name, 30), "lane")
            self._text(self.size.width - 4, top + 13, cut(sub, 26), "sub", "end")
            top += 20
            self.y = top + height
        else:
            self._text(4, top + height / 2 - (1 if sub else -4), cut(name, 20), "lane")
            if sub:
                self._text(4, top + height / 2 + 13, cut(sub, 22), "sub")
            self.y = top + height
        self._add(f'<line class="sep" x1="0" x2="{self.size.width}" y1="{self.y}" y2="{self.y}"/>')
        return top

    def _axis(self, height: int) -> list[str]:
        scale, parts = self.scale, []
        now = scale.x(self.course.on)
        parts.append(box("future", now, TOP, max(scale.width - now, 0), height - TOP))
        for tick in scale.ticks():
            kind, top = ("grid2" if tick.is_strong else "grid"), (22 if tick.label else TOP)
            parts.append(f'<line class="{kind}" x1="{tick.x}" x2="{tick.x}" y1="{top}" y2="{height}"/>')
            if tick.label:
                parts.append(f'<text x="{tick.x + 4}" y="26">{tick.label}</text>')
        tag = Labels(4, [(now - TAG_WIDTH, now + TAG_WIDTH)])
        parts += [f'<text class="v" x="{t.x}" y="12">{t.label}</text>' for t in scale.years() if tag.take(t.x, 28)]
        return parts

    def _today(self, height: int) -> list[str]:
        x = self.scale.x(self.course.on)
        left = x - TAG_WIDTH if x + TAG_WIDTH > self.scale.width else x
        words = f"today {short_day(self.course.on)}"
        return [
            f'<line class="today" x1="{x}" x2="{x}" y1="8" y2="{height}"/>',
            f'<rect class="todaytag" x="{left}" y="0" width="{TAG_WIDTH}" height="16" rx="3"/>',
            f'<text class="todaytxt" x="{left + TAG_WIDTH / 2}" y="12" text-anchor="middle">{words}</text>',
        ]

    def _hatched(self, top: float, height: float, with_edges: bool = False) -> None:
        for hold in self.course.holds:
            first, last = max(hold.first, self.scale.first), min(hold.last, self.scale.last)
            if first > last:
                continue
            x1, x2 = self.scale.x(first), max(self.scale.x(last), self.scale.x(first) + 2)
            box = f'x="{x1}" y="{top}" width="{x2 - x1:.1f}" height="{height}"'
            if not with_edges:
                self._add(f'<rect fill="url(#{self.hatch})" {box}/>')
                continue
            told = said(hold.sentence)
            self._add(
                f'<g role="img" aria-label="{told}"><title>{told}</title><rect class="holdfill" {box}/>'
                f'<rect fill="url(#{self.hatch})" {box}/></g>'
            )
            for x in (x1,) if hold.is_open else (x1, x2):
                self._add(f'<line class="holdedge" x1="{x}" x2="{x}" y1="{top}" y2="{top + height}"/>')


def said(words: str) -> Markup:
    """Words of a record or a review made plain and escaped."""
    return escape(plain(words))


def cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
