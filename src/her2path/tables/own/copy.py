"""A copy of an edition to begin one's own with: commented, with its dates and its source to fill in."""

from __future__ import annotations

import datetime as dt
import re

from ...facts.markdown import plain, text_of
from ...facts.problem import AskedWrongly
from ..cases import TO_FILL_IN
from ..edition import Edition, is_edition_file
from ..library import Knowledge

KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TOP = """<!--
A copy of {key} ({path}), made {day}. Nothing is changed yet but its head.

1. Change the rows that shall differ. Each situation must have exactly one row.
   Cells: >= 10   < 53   [10..16) from 10 to below 16   yes, no either of two   - any value
2. Cite your own source in those rows, @{source} and the place in it, and fill it in below under Sources.
   Levels: seen, secondary (in a copy or a review), remembered, decided (your own decision).
3. Change the worked cases so that they say what you mean; write one to either side of a new limit.
4. in force from, in force until: YYYY-MM-DD, - for without end. They matter in a folder (--knowledge); a file that is
   named decides on any day. What your edition does not decide stays with the edition in force: drop tables you keep.
5. Every gap, overlap and case that disagrees:   her2path check {name}
   Where the two disagree:                       her2path diff {key} {name}
   Who changes, and what of it for treatment:    her2path diff {key} {name} --patients SOURCE
-->

"""
_SOURCES = """
## Sources

<!-- Your own sources, as in sources.md: what it is, where it stands, the day you read it, how far verified. -->

| key | reference | address | read | verified |
|-----|-----------|---------|------|----------|
| {source} | {fill}: author, title, place, year | {fill}: address | {day} | decided |
"""


def copy_of(edition: Edition, key: str, knowledge: Knowledge, name: str = "", on: dt.date | None = None) -> str:
    """The text of a copy of an edition with a key of its own, for a file called `name`; sound as it is.

    Raises `AskedWrongly` for a key that is taken or can be none, and for a supplement.
    """
    if not KEY.fullmatch(key) or is_edition_file(key):
        raise AskedWrongly(f"{key!r} is no key; write small letters, digits and hyphens, such as heart-our-house")
    if any(each.key == key for each in knowledge.editions):
        raise AskedWrongly(f"an edition in use is called {key} already; give yours a key of its own")
    if edition.supplement:
        raise AskedWrongly(f"{edition.key} is a supplement, which lends its tables to others; copy one of those")
    if not edition.tables:
        raise AskedWrongly(f"{edition.key} decides nothing, so there are no rows to begin with")
    day, source = (on or dt.date.today()).isoformat(), f"{key}-source"
    lines = text_of(edition.path).split("\n")
    head = {
        "edition": f"`{key}`", "in force from": "-", "in force until": "-", "source": f"@{source}",
        "verified": "decided", "reviewed by": "nobody yet",
    }  # fmt: skip
    for place in range(edition.line - 1, len(lines)):
        cells = lines[place].split("|")
        if len(cells) < 4:
            break
        if (entry := plain(cells[1])) in head:
            width = len(cells[2]) - 2
            cells[2] = f" {head[entry]:<{max(width, 1)}} "
            lines[place] = "|".join(cells)
    title = next((place for place, line in enumerate(lines) if line.startswith("# ")), None)
    if title is not None:
        lines[title] = f"# {edition.title}, of our own"
    top = _TOP.format(key=edition.key, path=edition.path.name, day=day, source=source, name=name or f"{key}.md")
    bottom = _SOURCES.format(source=source, fill=TO_FILL_IN, day=day)
    if edition.sources:  # the file lists sources already: the new one stands in a table of its own
        bottom = bottom.replace("\n## Sources\n", "\n## Sources of our own\n")
    return top + "\n".join(lines).rstrip("\n") + "\n" + bottom
