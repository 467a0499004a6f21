"""A page of HTML: its head with the style, and words escaped for it. No script, no other file, no address outside."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from ...facts.value import Json
from ..plain import plain

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: nothing; only the style that stands in it is used."""


def escaped(text: str) -> str:
    """Words of a record as text of a page, in one line: what cannot be seen is shown, and no sign is markup."""
    return html.escape(plain(text))


def document(title: str, style: str, body: str) -> str:
    """A whole page."""
    return f"{head(title, style)}{body}{END}"


def head(title: str, style: str) -> str:
    """The page up to its body."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    )


END = "</body>\n</html>\n"


def embedded(name: str, content: Mapping[str, Json]) -> str:
    """Data for programs that stands in the page: JSON that no browser runs, without a sign that could end it."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    for sign, shown in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, shown)
    return f'<script type="application/json" id="{name}">\n{text}\n</script>\n'


def names_of_rows(words: str) -> str:
    """Names of rows (`missed_dose_action:3`), escaped, that may be parted at a line's end where a person would."""
    return escaped(words).replace("_", "_<wbr>").replace(":", ":<wbr>")


def listed(items: list[str]) -> str:
    """Lines as a list; nothing for none."""
    return "<ul>" + "".join(f"<li>{escaped(item)}</li>" for item in items) + "</ul>\n" if items else ""


TONES = {
    "STOP": "stop", "DO NOT GIVE THE ORDER": "stop", "HOLD": "stop", "CHANGE": "act", "ASK FIRST": "act",
    "NOT KNOWN": "open", "GIVE": "ok", "NOTHING DUE": "note",
    "alarm": "stop", "act": "act", "contradiction": "open", "due": "due", "missing": "open", "note": "note",
}  # fmt: skip
"""The tone of a verdict, and of the grade of a finding; the word stands beside it, so that no colour is needed."""

TOKENS = """:root {
  color-scheme: light dark; --bg: #f5f6f8; --paper: #fff; --ink: #151a21; --soft: #47505d; --line: #d5dae1;
  --stop: #a8150f; --act: #7d4b00; --due: #1c55b5; --open: #5b35a0; --ok: #0a6152; --note: #47505d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0e1217; --paper: #161b22; --ink: #e9edf2; --soft: #b7c0cc; --line: #39434f;
    --stop: #ff9d93; --act: #f3c06a; --due: #93b9ff; --open: #cbb0ff; --ok: #74d6c0; --note: #b7c0cc;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink);
  font: 14px/1.43 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
h1, h2, h3, p, ul, dl, dd, table { margin: 0; padding: 0; }
.stop { --tone: var(--stop); } .act { --tone: var(--act); } .due { --tone: var(--due); }
.open { --tone: var(--open); } .ok { --tone: var(--ok); } .note { --tone: var(--note); }
"""
"""The colours and the letters of every page, light and dark; what is printed is dark on white."""
