"""Writes `docs/pictures/review.svg`, a terminal with a review in it: `python docs/pictures/make_review_picture.py`.

The lines are those that the command prints. The HER2 test, the notes and the summary are left out, each with a mark.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from click.testing import CliRunner

from her2path.cli import main

PICTURE = Path(__file__).parent / "review.svg"
ROOT = Path(__file__).parents[2]
COMMAND = "her2path review examples/courses/adjuvant-hold.csv --on 2026-02-03"
LEFT_OUT = "..."

LINE, CHARACTER, MARGIN, BAR = 19, 8.43, 20, 34
"""Pixels: of a line, of a character of the widest usual fixed font at 14, of the edge, of the bar above."""
WIDEST = 112

PAPER, EDGE, TEXT, DIM = "#10161d", "#2b3642", "#dbe4ec", "#8a99a8"
COLOURS = {
    "alarm": "#ff7b72", "act": "#ffb454", "contradiction": "#ffb454", "due": "#ffb454", "missing": "#79c0ff",
    "unreadable": "#79c0ff",
}  # fmt: skip
HEADS = ("Patient", "ASK FIRST", "NEXT DOSE", "DO NOW", "HEART", "BASIS")


def printed() -> list[str]:
    """What the command prints."""
    words = [str(ROOT / word) if word.startswith("examples/") else word for word in COMMAND.split()[1:]]
    return CliRunner().invoke(main, words).stdout.splitlines()


def shown(lines: list[str]) -> Iterator[str]:
    """The lines of the picture: without specimens, notes and the summary."""
    kept = True
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            return
        if depth <= 2:
            before, kept = kept, not line.lstrip().startswith(("Specimen", "note:"))
            if before and not kept:
                yield f"  {LEFT_OUT}"
        if kept:
            yield line


def coloured(line: str) -> Iterator[tuple[str, str, bool]]:
    """A line as pieces: text, colour, and whether it is bold."""
    word = line.strip().partition(":")[0]
    indent = line[: len(line) - len(line.lstrip())]
    if line.startswith("$ "):
        yield "$ ", DIM, False
        yield line[2:], TEXT, True
    elif word in COLOURS and len(indent) <= 4:
        yield f"{indent}{word}:", COLOURS[word], True
        yield line[len(indent) + len(word) + 1 :], TEXT, True
    elif line.strip().startswith(HEADS) and len(indent) <= 2:
        head = next(each for each in HEADS if line.strip().startswith(each))
        yield indent + head, "#7ee787", True
        yield line[len(indent) + len(head) :], TEXT, False
    elif line.strip() == LEFT_OUT or (len(indent) > 4 and word != "do"):
        yield line, DIM, False
    else:
        yield line, TEXT, False


def picture() -> str:
    """The picture as SVG text. Raises `ValueError` where a line is wider than it."""
    lines = [f"$ {COMMAND}", *shown(printed())]
    if (widest := max(map(len, lines))) > WIDEST:
        raise ValueError(f"a line has {widest} characters; the picture holds {WIDEST}")
    width, height = round(2 * MARGIN + WIDEST * CHARACTER), BAR + 2 * MARGIN + len(lines) * LINE - 8
    made = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(COMMAND)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="{PAPER}" stroke="{EDGE}"/>',
        *(f'<circle cx="{22 + 20 * place}" cy="20" r="6" fill="{EDGE}"/>' for place in range(3)),
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14">',
    ]
    for number, line in enumerate(lines):
        spans = "".join(
            f'<tspan fill="{colour}" font-weight="{"bold" if bold else "normal"}">{escape(text, quote=False)}</tspan>'
            for text, colour, bold in coloured(line)
        )
        made.append(f'<text xml:space="preserve" x="{MARGIN}" y="{BAR + MARGIN + number * LINE}">{spans}</text>')
    return "\n".join([*made, "</g>", "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
