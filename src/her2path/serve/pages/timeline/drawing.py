"""A timeline as SVG, with classes alone: colours, shapes and fonts are the style sheet's.

Marks never move or vanish, labels yield. Every mark is an image with a sentence; one that leads to a finding is a link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from markupsafe import Markup

from .canvas import Canvas, Size, box, diamond, path, said
from .marks import DOSES, HEART, PARTNER, TISSUE, Course, Lane, Mark
from .scale import Labels

HEIGHTS = {TISSUE: 44, HEART: 156, DOSES: 58, PARTNER: 30}
BAND_PIXELS, BRAND_ROOM = 6, 14
"""Under so many pixels a cycle equal doses on time join to a band."""
LEVELS = ("limit", "base", "fall")
At = Callable[[float], float]
LEAST_BAND = 3
ROUND = 10


SIZES = (Size("far", 1300, 128), Size("mid", 780, 128), Size("near", 372, 0, 92, 50))
AROUND_TODAY = (Size("far", 1300, 128, 92, 50), Size("mid", 780, 128, 92, 50), SIZES[2])
"""The same with three months back and seven weeks on alone."""


def drawings(course: Course, title: str, sizes: Sequence[Size] = SIZES) -> Markup:
    """The timeline in every size; the style sheet shows one."""
    return Markup("").join(Drawing(course, title, size).svg() for size in sizes)


class Drawing(Canvas):
    """A timeline drawn: tissue, heart, doses, windows."""

    def svg(self) -> Markup:
        for lane in self.course.lanes:
            if lane.kind == TISSUE and self.is_near and not self._shown(lane):
                continue
            if lane.kind == PARTNER and self.is_near and not self._shown(lane):
                continue
            getattr(self, f"_{lane.kind}")(lane)
        self._windows()
        height = self.y
        label = said(f"{self.title}. {self.course.described}")
        defs = (
            f'<defs><pattern id="{self.hatch}" width="6" height="6" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>'
        )
        body = "".join([defs, *self._axis(height), *self.parts, *self._today(height)])
        return Markup(
            f'<svg class="tl {self.size.name}" viewBox="0 0 {self.size.width} {height}" role="group" '
            f'aria-label="{label}">{body}</svg>'
        )

    # -- tissue -----------------------------------------------------------------------------

    def _tissue(self, lane: Lane) -> None:
        top = self._lane(lane.name, lane.sub, HEIGHTS[TISSUE])
        y, labels, boxes = top + 22, Labels(6), Labels(2)
        for mark in lane.marks:
            is_before = mark.day < self.scale.first
            if not self.scale.shows(mark.day) and not (is_before and mark.kind == "test" and not self.is_near):
                continue
            x = self.scale.x(mark.day)
            if mark.kind == "test":
                width = max(26, 9 * len(mark.label) + 8)
                at = max(x - width / 2, self.scale.gutter)
                dy = 0 if boxes.take(at, width) else 12
                self._mark(
                    mark,
                    f'<rect class="tissue" x="{at:.1f}" y="{y - 9 + dy}" width="{width}" height="18" rx="4"/><text '
                    f'class="tissuetxt" x="{at + width / 2:.1f}" y="{y + 4 + dy}" text-anchor="middle">'
                    f"{said(mark.label)}</text>",
                )
                labels.take(at, width)
                if is_before and labels.take(at + width + 6, 62):
                    self._text(at + width + 6, y + 4, f"◂ {mark.day}", "sub")
                continue
            shapes = {
                "surgery": f'<path class="opmark" d="M{x} {y - 8}l7 12h-14z"/>',
                "progression": f'<path class="prog" d="M{x} {y + 7}v-15h11l-3 4 3 4h-9v7z"/>',
                "pregnancy": f'<circle class="opmark" cx="{x}" cy="{y - 2}" r="6"/>'
                + path("opmark", f"M{x - 3} {y - 2}h6M{x} {y - 5}v6"),
            }
            self._mark(mark, shapes[mark.kind])
            if labels.take(x + 12, 6.2 * len(mark.label)):
                self._text(x + 14, y + 4, mark.label, "v-stop" if mark.is_bad else "")

    # -- heart ------------------------------------------------------------------------------

    def _heart(self, lane: Lane) -> None:
        height, scale = HEIGHTS[HEART], self.scale
        top = self._lane(lane.name, lane.sub, height)
        percents = [mark.number for mark in lane.marks if mark.number is not None]
        percents += [level.percent for level in self.course.levels if level.kind != "fall"]
        low = min([40.0, *(p // ROUND * ROUND for p in percents)])
        high = max([70.0, *(-(-p // ROUND) * ROUND for p in percents)])
        above, below = top + 14, top + height - 14

        def at(percent: float) -> float:
            return round(below - (percent - low) / (high - low) * (below - above), 1)

        limit = next((level for level in self.course.levels if level.kind == "limit"), None)
        if limit is not None:
            self._add(
                f'<rect class="danger" x="{scale.left}" y="{at(limit.percent)}" width="{scale.right - scale.left}" '
                f'height="{max(below - at(limit.percent), 0):.1f}"/>'
            )
        self._hatched(top + 2, height - 4, with_edges=True)
        step = ROUND if high - low <= 50 else 2 * ROUND
        for percent in range(int(low), int(high) + 1, step):
            if self.is_near:
                self._text(scale.left + 2, at(percent) - 3, str(percent), "sub")
            else:
                self._text(scale.left - 4, at(percent) + 4, str(percent), "sub", "end")
        self._levels(low, high, at)
        points = [mark for mark in lane.marks if mark.number is not None]
        shown = [mark for mark in points if scale.shows(mark.day)]
        before = [mark for mark in points if mark.day < scale.first]
        line = [(scale.x(mark.day), at(mark.number or 0)) for mark in shown]
        if before and line:
            line.insert(0, (scale.left, at(before[-1].number or 0)))
        if len(line) > 1:
            self._add('<path class="path" d="M' + "L".join(f"{x} {y}" for x, y in line) + '"/>')
        spacing = scale.per_day * 90
        labels = Labels(26 if spacing < 40 else 20)
        last = shown[-1] if shown else None
        ranked = sorted(shown, key=lambda mark: (not mark.is_first, not mark.is_bad, mark is not last))
        labelled = {id(mark) for mark in ranked if labels.take(scale.x(mark.day))}
        for mark in lane.marks:
            if not scale.shows(mark.day):
                continue
            x = scale.x(mark.day)
            if mark.kind == "next":
                self._next_lvef(mark, x, points[-1] if points else None, at, (low + high) / 2)
            elif mark.kind == "failure":
                arrow = path("holdedge", f"M{x} {top + 4}v{below - top - 12:.1f}")
                self._mark(mark, arrow + path("fail", f"M{x - 6} {below + 2}l6-9 6 9z"))
                if labels.take(x, 0):
                    self._text(x + 9, below + 2, mark.label, "v-stop")
            else:
                self._point(mark, x, at(mark.number or 0), id(mark) in labelled, dense=spacing < 40)

    def _levels(self, low: float, high: float, at: At) -> None:
        scale = self.scale
        taken = Labels(13)
        for level in sorted(self.course.levels, key=lambda level: LEVELS.index(level.kind)):
            if not low <= level.percent <= high:
                continue
            y = at(level.percent)
            drawn = f'<line class="{level.kind}" x1="{scale.left}" x2="{scale.right}" y1="{y}" y2="{y}"/>'
            if level.kind != "fall":
                self._add(drawn)
            for dy in (-4, 12):
                if taken.take(y + dy):
                    if level.kind == "fall":  # a line that nobody names would only puzzle
                        self._add(drawn)
                    words = level.label.partition(" (")[0] if self.is_near else level.label
                    self._text(scale.right, y + dy, words, "v-stop" if level.kind == "limit" else "sub", "end")
                    break

    def _point(self, mark: Mark, x: float, y: float, has_label: bool, dense: bool) -> None:
        if mark.is_bad:
            shape = diamond("pt low", x, y, 4.5)
        else:
            kind = "pt b" if mark.is_first else "pt"
            shape = f'<circle class="{kind}" cx="{x}" cy="{y}" r="{3.4 if dense else 4.2}"/>'
        self._mark(mark, shape)
        if has_label:
            self._text(x, y + 17 if mark.is_bad else y - 9, mark.label, "v-stop" if mark.is_bad else "v", "middle")

    def _next_lvef(self, mark: Mark, x: float, last: Mark | None, at: At, middle: float) -> None:
        y = at(last.number if last is not None and last.number is not None else middle)
        if last is not None:
            start = self.scale.x(last.day)
            if x - start > 2:
                self._add(f'<path class="path next" d="M{start} {y}L{x} {y}"/>')
        self._mark(mark, f'<circle class="next" cx="{x}" cy="{y}" r="5.5"/>')
        fits = x + 12 + 6.2 * len(mark.label) < self.scale.width
        self._text(
            x + 10 if fits else x + 4, y + 4 if fits else y + 18, mark.label, "v-due", "start" if fits else "end"
        )

    # -- doses ------------------------------------------------------------------------------

    def _doses(self, lane: Lane) -> None:
        height = HEIGHTS[lane.kind]
        room = BRAND_ROOM if any(mark.brand for mark in lane.marks) else 0
        top = self._lane(lane.name, lane.sub, height + room)
        foot = top + height + room - 6
        if lane.kind == DOSES:
            self._hatched(top + 1, height + room - 2)
        given = [mark for mark in lane.marks if mark.kind == "dose"]
        most = max((mark.number or 0 for mark in given), default=0)
        cycle = _cycle(given) * self.scale.per_day
        width = max(3.0, min(9.0, cycle * 0.34)) if given else 9.0
        labels = Labels(4)
        for run in _runs([mark for mark in given if self.scale.shows(mark.day)], cycle):
            if len(run) >= LEAST_BAND:
                self._band(run, lane, foot, most, height)
            else:
                for mark in run:
                    self._bar(mark, lane, foot, most, height, width, labels)
        for mark in self._shown(lane):
            if mark.kind == "next":
                x, tall = self.scale.x(mark.day), (height - 16) * 0.75
                self._mark(
                    mark,
                    f'<rect class="next" x="{x - 5:.1f}" y="{foot - tall:.1f}" width="10" height="{tall:.1f}" rx="2"/>',
                )
                long = 6.2 * len(mark.label)
                if x + 10 + long < self.scale.width and labels.take(x + 10, long):
                    self._text(x + 10, foot - 2, mark.label, "v-due")

    _partner = _doses

    def _tall(self, mark: Mark, most: float, height: int) -> float:
        full = height - 16
        return float(full if not most or not mark.number else round(mark.number / most * full, 1))

    def _bar(self, mark: Mark, lane: Lane, foot: float, most: float, height: int, width: float, labels: Labels) -> None:
        x = self.scale.x(mark.day)
        if mark.number is None:
            shape = box(f"o{lane.tone}", x - width / 2, foot - 10, width, 10, 1.5)
            tall = 10.0
        else:
            tall = self._tall(mark, most, height)
            shape = box(f"p{lane.tone} hov", x - width / 2, foot - tall, width, tall, 1.5)
        if mark.is_first:
            y = foot - tall - 2.5
            shape += path("load", f"M{x - width / 2 - 2:.1f} {y:.1f}h{width + 4:.1f}")
        if mark.is_bad:
            shape += box("bad", x - width / 2 - 3.5, foot - tall - 4, width + 7, tall + 8, 3)
        self._mark(mark, shape)
        if mark.brand and labels.take(x - width / 2, 6.4 * len(mark.brand)):
            self._text(x - width / 2, foot - height + 2, mark.brand.title(), "v")
        elif mark.label and labels.take(x + width / 2 + 4, 7 * len(mark.label)):
            self._text(x + width / 2 + 5, foot - tall + 5, mark.label, "v-stop" if mark.is_bad else "v")

    def _band(self, run: Sequence[Mark], lane: Lane, foot: float, most: float, height: int) -> None:
        """Equal doses on time as one band with their count."""
        x1, x2 = self.scale.x(run[0].day), self.scale.x(run[-1].day)
        tall = self._tall(run[0], most, height)
        told = said(f"{len(run)} doses, {run[0].day} to {run[-1].day}, {run[0].value} each")
        self._add(
            f'<g role="img" aria-label="{told}"><title>{told}</title><rect class="p{lane.tone} band" x="{x1 - 1:.1f}" '
            f'y="{foot - tall:.1f}" width="{x2 - x1 + 2:.1f}" height="{tall}" rx="1.5"/></g>'
        )
        words = f"{len(run)} doses"
        if x2 - x1 > 7 * len(words):
            self._text((x1 + x2) / 2, foot - tall / 2 + 4, words, "bandtxt", "middle")

    # -- windows ----------------------------------------------------------------------------

    def _windows(self) -> None:
        shown = [w for w in self.course.windows if w.last >= self.scale.first and w.first <= self.scale.last]
        if not shown:
            return
        top = self._lane("Windows", "what runs until when", max(38, 10 + 22 * len(shown)))
        for number, window in enumerate(shown):
            x1, x2 = self.scale.x(window.first), self.scale.x(window.last)
            y, words = top + 6 + 22 * number, window.short if self.is_near else window.label
            told, wide = said(window.sentence), 6.3 * len(words)
            self._add(
                f'<g role="img" aria-label="{told}"><title>{told}</title><rect class="{window.kind}" x="{x1}" y="{y}" '
                f'width="{max(x2 - x1, 2):.1f}" height="17" rx="4"/></g>'
            )
            if wide + 14 < x2 - x1:
                self._text(x1 + 7, y + 12.5, words)
            elif x1 - wide - 6 > self.scale.left:
                self._text(x1 - 6, y + 12.5, words, "", "end")
            else:
                self._text(min(x2 + 6, self.scale.width - wide), y + 12.5, words)


def _cycle(given: Sequence[Mark]) -> float:
    """The usual days between doses; 21 where there is but one."""
    gaps = sorted((b.day - a.day).days for a, b in pairwise(given) if b.day > a.day)
    return float(gaps[len(gaps) // 2]) if gaps else 21.0


def _runs(given: Sequence[Mark], cycle_pixels: float) -> list[list[Mark]]:
    """Doses that may be drawn together: equal, on time, of no finding; each alone where there is room."""
    if cycle_pixels >= BAND_PIXELS:
        return [[mark] for mark in given]
    days = _cycle(given)
    runs: list[list[Mark]] = []
    for mark in given:
        last = runs[-1][-1] if runs else None
        is_plain = not (mark.is_first or mark.is_bad or mark.brand or mark.says)
        joins = last is not None and is_plain and not (last.is_first or last.is_bad or last.says)
        if last is not None and joins and last.value == mark.value and (mark.day - last.day).days <= 1.5 * days:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    return runs
