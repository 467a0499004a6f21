"""Writes `help.svg`, `misspelt.svg`, `colour.svg` and `completion.svg`: `python docs/pictures/make_terminal_pictures.py`.

Each is a terminal with a session in it. The lines are those that the commands print, in their own colours.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from html import escape
from pathlib import Path

from click.testing import CliRunner

from her2path.cli import main
from her2path.cli.manners.completion import answer

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
COURSE = "examples/courses/adjuvant-hold.csv"
SESSIONS = {
    "help": ["decide --help"],
    "misspelt": [
        f"review {COURSE} --date 2026-02-03",
        "decide missed_dose_action --fact product=herceptin --fact days_since_last_dose=29 --jurisdiction us",
        "decide her2_status --edition asco-cap-2019 --fact ihc_score=3+",
        "simulate hart --virtual-patients 100",
    ],
    "colour": [f"review {COURSE} --on 2026-02-03"],
}
"""What is typed in each picture, without `her2path`."""
TYPED = (
    "her2path diff asco-cap-20", "her2path decide her2_status --fact ihc_score=", "her2path simulate ",
    "her2path decide cardiac_", "her2path review --s",
)  # fmt: skip
"""What is typed up to the Tab, in the picture of completion."""

LINE, CHARACTER, MARGIN, BAR, WIDTH = 19, 8.43, 20, 34, 112
PAPER, EDGE, TEXT, DIM = "#10161d", "#2b3642", "#dbe4ec", "#8a99a8"
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#ffb454"}
MARKED = re.compile(r"\x1b\[([0-9;]*)m")
Pieces = list[tuple[str, str, bool]]


def session(commands: list[str]) -> Iterator[Pieces]:
    """The lines of a session, each as pieces: text, colour, and whether it is bold."""
    for place, command in enumerate(commands):
        if place:
            yield []
        yield [("$ ", DIM, False), (f"her2path {command}", TEXT, True)]
        told = CliRunner().invoke(
            main, ["--color", "always", *shlex.split(command)], color=True, env={"COLUMNS": "100"}
        )  # fmt: skip
        yield from map(pieces, told.output.rstrip("\n").splitlines())


def completion() -> Iterator[Pieces]:
    """What Tab offers for each line that is typed."""
    for place, typed in enumerate(TYPED):
        if place:
            yield []
        yield [("$ ", DIM, False), (typed, TEXT, True), ("[Tab]", "#79c0ff", False)]
        offered = [line.split("\t") for line in answer(main, typed.split(" "), with_help=True).splitlines()]
        wide = max(len(value) for _, value, _ in offered)
        for _, value, word in offered:
            yield [(f"{value:<{wide}}  ", TEXT, False), (word, DIM, False)]


def pieces(line: str) -> Pieces:
    """A line with the marks of a terminal as pieces."""
    made: Pieces = []
    colour, bold, start = TEXT, False, 0
    for mark in [*MARKED.finditer(line), None]:
        text = line[start : mark.start() if mark else len(line)]
        made += [(text, colour, bold)] if text else []
        for code in mark[1].split(";") if mark else ():
            colour, bold = (TEXT, False) if code in ("", "0") else (COLOURS.get(code, colour), bold or code == "1")
        start = mark.end() if mark else start
    return made


def picture(title: str, lines: list[Pieces]) -> str:
    """The picture as SVG text; a line that is wider than it goes on below."""
    rows = [row for line in lines for row in _rows(line)]
    width, height = round(2 * MARGIN + WIDTH * CHARACTER), BAR + 2 * MARGIN + len(rows) * LINE - 8
    made = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="{PAPER}" stroke="{EDGE}"/>',
        *(f'<circle cx="{22 + 20 * place}" cy="20" r="6" fill="{EDGE}"/>' for place in range(3)),
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14">',
    ]
    for number, row in enumerate(rows):
        spans = "".join(
            f'<tspan fill="{colour}" font-weight="{"bold" if bold else "normal"}">{escape(text, quote=False)}</tspan>'
            for text, colour, bold in row
        )
        made.append(f'<text xml:space="preserve" x="{MARGIN}" y="{BAR + MARGIN + number * LINE}">{spans}</text>')
    return "\n".join([*made, "</g>", "</svg>"]) + "\n"


def _rows(line: Pieces) -> Iterator[Pieces]:
    """A line as a terminal of the picture's width breaks it."""
    row: Pieces = []
    left = WIDTH
    for text, colour, bold in line:
        rest = text
        while len(rest) > left:
            yield [*row, (rest[:left], colour, bold)]
            row, rest, left = [], rest[left:], WIDTH
        row.append((rest, colour, bold))
        left -= len(rest)
    yield row


def pictures() -> dict[str, str]:
    """Every picture by its name."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        made = {name: picture(f"her2path {commands[0]}", [*session(commands)]) for name, commands in SESSIONS.items()}
        return {**made, "completion": picture("completion of her2path", [*completion()])}
    finally:
        os.chdir(before)


if __name__ == "__main__":
    for name, text in pictures().items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
