"""The starter mapping of a feed: what was not mapped, by frequency, as `[[map]]` tables to be judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..write.plain import plain

NO_GUESS = "?"
HEAD = """\
# A starter mapping, made by `her2path inspect` of {source}.
#
# Nothing below is in force. Read each entry against the source, replace what is only a guess (and every "?"), and
# remove the "# " before the lines of those that are right; an entry says what a local code or name means. Give the
# file to --settings. What each key means: docs/inspect.md.
"""


def starter(told: Mapping[str, Any]) -> str:
    """The starter mapping of a report (`report.py`)."""
    lines = [HEAD.format(source=quoted(told["source"]))]
    for one in told["unmapped"]:
        lines += _entry(one)
    if not told["unmapped"]:
        lines.append("# Nothing was found that looks like ours and is not read.")
    if told["unmapped_beyond_these"]:
        lines.append(f"# {told['unmapped_beyond_these']} more were met and are not listed: too many are different.")
    return "\n".join(lines) + "\n"


def _entry(one: Mapping[str, Any]) -> Iterator[str]:
    times = f"{one['count']} times" if one["count"] > 1 else "once"
    yield f"# {times} in {plain(one['about'])}, such as {quoted(one['example'])} at {quoted(one['where'])}"
    yield f"# not read: {quoted(one['why'])}"
    if one["kind"] == "text" or one["kind"] == "words" or (one["kind"] == "unit" and not one["name"]):
        yield "# No entry can say what this is: free text, or no number."
        yield ""
        return
    yield "# [[map]]"
    if one["code"]:
        if one["system"]:
            yield f"# system = {quoted(one['system'])}"
        yield f"# code = {quoted(one['code'])}"
    if one["name"]:
        yield f"# name = {quoted(one['name'])}"
    yield from (f"# {line}" for line in _meaning(one))
    yield ""


def _meaning(one: Mapping[str, Any]) -> Iterator[str]:
    kind, guess = one["kind"], one["guess"]
    if kind == "answer":
        yield f"fact = {quoted(one['about'])}"
        yield f"answer = {quoted(guess or NO_GUESS)}"
    elif kind == "unit":
        yield f"unit = {quoted(guess or NO_GUESS)}"
    elif guess.partition(" ")[0] == "product" or one["about"] == "column product":
        yield f"product = {quoted(guess.partition(' ')[2] or NO_GUESS)}"
    else:
        fact, _, value = guess.partition(" ")
        yield f"fact = {quoted(fact or NO_GUESS)}"
        if value:
            yield f"value = {quoted(value)}"


def quoted(text: str) -> str:
    """Text as a string of TOML on one line."""
    return json.dumps(plain(text), ensure_ascii=False)
