"""The page of a plan as HTML: one sheet of A4, the rows of the tables in the margin, lines to sign."""

from __future__ import annotations

from collections.abc import Mapping

from ...facts.value import Json
from ..plan_page.content import PlanPage, Section
from .document import TOKENS, TONES, document, embedded, escaped, listed, names_of_rows

STYLE = (
    TOKENS
    + """.sheet { max-width: 210mm; margin: 16px auto; padding: 10mm 11mm 9mm; background: var(--paper);
  border: 1px solid var(--line); font-size: 12px; line-height: 1.34; }
h1 { font-size: 17px; line-height: 1.25; }
h2 { font-size: 12px; line-height: 1.3; }
.who { font-weight: 600; margin-top: 2px; }
.identity { color: var(--soft); }
.identity span { white-space: nowrap; }
.verdict { border: 2px solid var(--tone); border-radius: 4px; padding: 5px 9px; margin: 6px 0; }
.verdict b { color: var(--tone); }
section { display: grid; grid-template-columns: 28mm minmax(0, 1fr); column-gap: 3mm; border-top: 1px solid var(--line);
  padding: 3px 0; break-inside: avoid; }
section.long { break-inside: auto; }
.rows { color: var(--soft); font-size: 9.500px; line-height: 1.3; overflow-wrap: anywhere; margin-top: 1px; }
ul { padding-left: 13px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 1px 6px 1px 0; }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: 10px; font-weight: 600; }
tr + tr > * { border-top: 1px dotted var(--line); }
td.row { color: var(--soft); font-size: 9.500px; padding-right: 0; width: 17%; overflow-wrap: anywhere; }
.treatment tbody th { width: 18%; } .treatment td:nth-child(2) { width: 27%; font-weight: 600; }
.treatment td:nth-child(4) { width: 27%; }
.pairs tbody th { width: 21%; }
.changes tbody th { width: 41%; font-weight: 400; }
.signs { display: flex; gap: 8mm; margin: 6mm 0 2mm; }
.signs div { flex: 1; border-top: 1px solid var(--ink); padding-top: 2px; color: var(--soft); }
.small { font-size: 10px; line-height: 1.3; color: var(--soft); }
@page { size: A4; margin: 7mm 9mm; }
@media print {
  :root { --bg: #fff; --paper: #fff; --ink: #000; --soft: #333; --line: #999; --stop: #8d0d08; --act: #5e3800;
    --due: #123f8c; --open: #43237f; --ok: #06493e; --note: #333; }
  body { background: #fff; }
  .sheet { margin: 0; padding: 0; border: 0; max-width: none; font-size: 9.300px; line-height: 1.23; }
  h1 { font-size: 14px; } h2 { font-size: 10px; }
  thead th { font-size: 8.500px; } .rows, td.row { font-size: 7.600px; } .small { font-size: 8px; }
  section { padding: 2px 0; }
  .dense { font-size: 8.300px; line-height: 1.18; } .dense .small { font-size: 7.200px; }
  .dense .rows, .dense td.row { font-size: 6.900px; }
}
"""
)


MOST_ROWS = 40
"""With more lines than this the letters are smaller in print, so that it stays one sheet."""


def plan_html(page: PlanPage, manifest: Mapping[str, Json] | None = None) -> str:
    """The whole page, to be printed on one sheet of A4; the manifest stands in it as data."""
    identity = " &middot; ".join(f"<span>{escaped(f'{name} {value}')}</span>" for name, value in page.identity)
    tone = TONES.get(page.word, "note")
    rows = sum(len(section.table) + len(section.items) for section in page.sections)
    dense = " dense" if rows > MOST_ROWS else ""
    body = [
        f'<main class="sheet{dense}">\n', f"<h1>Plan: {escaped(page.title)}</h1>\n",
        f'<p class="who">Patient {escaped(page.patient)}</p>\n<p class="identity">{identity}</p>\n',
        f'<div class="verdict {tone}"><p>{_verdict(page)}</p><p>Next dose: {escaped(page.next_dose)}</p></div>\n',
        *map(_section, page.sections), _references(page),
        '<div class="signs">' + "".join(f"<div>{escaped(name)}</div>" for name in page.signatures) + "</div>\n",
        f'<p class="small">{escaped(page.caution)} Record: {escaped(page.where)}.{_made(manifest)}</p>\n</main>\n',
    ]  # fmt: skip
    if manifest is not None:
        body.append(embedded("manifest", manifest))
    return document(f"Plan: {page.patient}", STYLE, "".join(body))


def _verdict(page: PlanPage) -> str:
    words = escaped(page.verdict)
    word = escaped(page.word)
    return words.replace(word, f"<b>{word}</b>", 1)


def _made(manifest: Mapping[str, Json] | None) -> str:
    if manifest is None:
        return ""
    knowledge = str(manifest.get("knowledge_sha256", ""))[:12]
    return escaped(f" Made by her2path {manifest.get('version')}, knowledge {knowledge}.")


def _section(section: Section) -> str:
    if section.head and section.head[0] == "If":
        return _changes(section)
    rows = f'<p class="rows">{names_of_rows("; ".join(section.rows))}</p>' if section.rows else ""
    table = _table(section) if section.table else ""
    heading = f"<div><h2>{escaped(section.heading)}</h2>{rows}</div>"
    return f"<section>{heading}<div>{table}{listed([*section.items])}</div></section>\n"


def _table(section: Section) -> str:
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in section.head)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th>{"".join(f"<td>{escaped(cell)}</td>" for cell in cells)}</tr>'
        for name, *cells in section.table
    )
    return f'<table class="{"treatment" if section.head else "pairs"}">{head}<tbody>{rows}</tbody></table>'


def _changes(section: Section) -> str:
    """The dose modifications: each with the row that says so at its end."""
    rows = "".join(
        f'<tr><th scope="row">{escaped(when)}</th><td>{escaped(what)}</td>'
        f'<td class="row">{names_of_rows(row)}</td></tr>'
        for (when, what), row in zip(section.table, section.rows, strict=True)
    )
    heading = f"<div><h2>{escaped(section.heading)}</h2></div>"
    if not rows:
        return f"<section>{heading}<div><p>No table names any.</p></div></section>\n"
    return f'<section class="long">{heading}<div><table class="changes"><tbody>{rows}</tbody></table></div></section>\n'


def _references(page: PlanPage) -> str:
    sources = "; ".join(f"{source} ({verified})" for source, verified in page.sources)
    return (
        f'<section><div><h2>References</h2></div><div><p class="small">{escaped(sources)}.</p>'
        f'<p class="small">Editions: {escaped(", ".join(page.editions))}.</p></div></section>\n'
    )
