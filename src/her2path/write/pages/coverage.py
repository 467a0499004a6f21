"""The coverage page: what is carried, by what, verified how far; as Markdown that reads well as text too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ...facts.source import VERIFIED
from ...tables.coverage import CARRIED, MISSING, PARTLY, Carrier, Coverage, Covered, Place, added, by_level
from ...tables.edition import Edition
from .parts import filled, grid

MOST_REMEMBERED = 12
NUMBER_COLUMNS = ("rows", *VERIFIED)
MOST_NAMED = 8
"""Of so many values an edition that decides for them names each."""


def coverage_page(coverage: Coverage) -> str:
    """The whole page, without a line's end at its end."""
    parts = [
        _opening(coverage),
        "## In short",
        _in_short(coverage),
        "### Most to check",
        f"The tables and grids with most rows that are only remembered; the first {MOST_REMEMBERED}.",
        _most_remembered(coverage.places),
        "## The statements",
        filled(
            "Each in our own words, with the rows of its carriers by level (a row that carries two statements counts "
            "for both). `edition/outcome` names one edition of an outcome alone."
        ),
    ]
    for theme, statements in groupby(coverage.statements, key=lambda covered: covered.statement.theme):
        parts += [f"### {theme}", *_theme(list(statements))]
    parts += [
        "## The tables",
        filled(
            "Every table (by the outcome it decides) and grid (facts that decide nothing by themselves), by topic, "
            "with the rows of each edition by level. A blank is none."
        ),
    ]
    for topic in sorted({edition.topic for edition in coverage.editions}):
        editions = [edition for edition in coverage.editions if edition.topic == topic]
        parts += [f"### {topic}", _editions(editions), _tables(p for p in coverage.places if p.edition.topic == topic)]
    return "\n\n".join(parts)


def _opening(coverage: Coverage) -> str:
    counted = coverage.counted()
    source = "src/her2path/knowledge/coverage.md"
    return "\n\n".join(
        [
            "# Coverage",
            f"<!-- Written by `her2path coverage -o docs/coverage.md`; edit {source} instead. -->",
            filled(
                f"her2path set out to make {len(coverage.statements)} statements about trastuzumab computable. "
                f"**{counted[CARRIED]} are carried**, {counted[PARTLY]} in part, and {counted[MISSING]} are missing. "
                + _reviewed(coverage.editions)
            ),
            filled(
                "How far a row is verified: *seen* in the source itself; *secondary*: in a copy or a review; "
                "*remembered*: not seen, check it before relying on it; *decided*: the source leaves it open, and "
                "[decisions](decisions.md) says what was chosen."
            ),
        ]
    )


def _reviewed(editions: Sequence[Edition]) -> str:
    reviewers = sorted({edition.reviewed_by for edition in editions})
    if reviewers == ["nobody yet"]:
        count = len(editions)
        return f"**Reviewed by nobody yet**: none of the {count} editions and models has been read by a clinician."
    counted = [f"{name} ({sum(e.reviewed_by == name for e in editions)})" for name in reviewers]
    return f"The {len(editions)} editions and models are reviewed by: {', '.join(counted)}."


def _in_short(coverage: Coverage) -> str:
    rows = [["", "how many", "rows", *VERIFIED]]
    for kind, words in (("outcome", "decision tables"), ("grid", "grids")):
        places = [place for place in coverage.places if place.kind == kind]
        rows.append([words, str(len(places)), *_numbers(places)])
    rows.append(["together", str(len(coverage.places)), *_numbers(coverage.places)])
    levels = added(coverage.places)
    total = sum(levels.values()) or 1
    rows.append(["share", "", "", *(f"{100 * count / total:.0f} %" for count in by_level(levels).values())])
    return grid(rows, right_from=1)


def _most_remembered(places: Iterable[Place]) -> str:
    some = [place for place in places if place.levels.get("remembered")]
    some.sort(key=lambda p: (-p.levels["remembered"], p.edition.topic, p.edition.key, p.name))
    rows = [["table or grid", "topic", "remembered", "of rows"]]
    for place in some[:MOST_REMEMBERED]:
        name = (
            f"`{place.edition.key}/{place.name}`" if place.kind == "outcome" else f"`{place.edition.key}`: {place.name}"
        )
        rows.append([name, _link(place.edition.topic), str(place.levels["remembered"]), str(place.rows)])
    return grid(rows, right_from=2)


def _theme(statements: Sequence[Covered]) -> list[str]:
    rows = [["no.", "statement", "carried", *VERIFIED, "reviewed by"]]
    notes = []
    for covered in statements:
        statement, status = (
            covered.statement,
            {CARRIED: "yes", PARTLY: "in part", MISSING: "**missing**"}[covered.status],
        )
        rows.append(
            [statement.number, statement.says, status, *_of(covered.levels)[1:], ", ".join(covered.reviewed_by)],
        )
        notes.append(filled(f"- **{statement.number}** {statement.as_sources}", "  "))
        if covered.carriers:
            by = ", ".join(_carrier(carrier) for carrier in covered.carriers)
            notes.append(filled(f"  - Carried by {by}.", "    "))
    return [grid(rows, right_from=3, right_to=3 + len(VERIFIED)), "As the sources have it:", "\n".join(notes)]


def _carrier(carrier: Carrier) -> str:
    """Its name, linked to where it stands below, and its editions: by key where they are few."""
    if not carrier.places:
        return f"[`{carrier.name}`](../src/her2path/knowledge/{carrier.name})"
    editions = list({place.edition.path: place.edition for place in carrier.places}.values())
    name = f"[`{carrier.name}`](#{editions[0].topic})"
    if len(editions) > MOST_NAMED:
        return f"{name} ({len(editions)} editions: {', '.join(sorted({_where(e) for e in editions}))})"
    places = "; ".join(filter(None, (_edition_words(edition, carrier.name.split("/")[0]) for edition in editions)))
    return f"{name} ({places})" if places else name


def _edition_words(edition: Edition, plain_key: str) -> str:
    """Key, jurisdiction and dates of an edition; what is plain already is left out."""
    where = "" if edition.jurisdiction == "any" else _where(edition)
    since, until = edition.since, edition.until
    window = f"{since} to {until}" if since and until else f"since {since}" if since else ""
    window = window or (f"until {until}" if until else "")
    return ", ".join(filter(None, ("" if edition.key == plain_key else edition.key, where, window)))


def _where(edition: Edition) -> str:
    return "everywhere" if edition.jurisdiction == "any" else edition.jurisdiction.upper()


def _editions(editions: Iterable[Edition]) -> str:
    rows = [["edition", "decides for", "where", "in force", "reviewed by"]]
    for edition in sorted(editions, key=_order):
        named = edition.scope_values
        scope = ", ".join(named) if len(named) <= MOST_NAMED else f"{len(named)} values of {edition.scope}"
        scope = scope or "all"
        rows.append([f"`{edition.key}`", scope, _where(edition), edition.window(), edition.reviewed_by])
    return grid(rows)


def _tables(places: Iterable[Place]) -> str:
    rows = [["outcome or grid", "edition", *NUMBER_COLUMNS]]
    by_name: dict[tuple[bool, str], list[Place]] = {}
    for place in places:
        by_name.setdefault((place.kind == "grid", place.name), []).append(place)
    for (is_grid, name), same in sorted(by_name.items(), key=lambda item: item[0][0]):
        shown = name if is_grid else f"`{name}`"
        for place in sorted(same, key=lambda place: _order(place.edition)):
            rows.append([shown, f"`{place.edition.key}`", *_of(place.levels)])
            shown = ""
    return grid(rows, right_from=2)


def _order(edition: Edition) -> tuple[str, str, str, str]:
    return edition.jurisdiction, ",".join(edition.scope_values), str(edition.since or ""), edition.key


def _link(topic: str) -> str:
    return f"[{topic}](#{topic})"


def _numbers(places: Iterable[Place]) -> list[str]:
    return _of(added(places))


def _of(levels: Mapping[str, int]) -> list[str]:
    """The number of rows and those of each level; a blank for none."""
    return [str(count or "") for count in (sum(levels.values()), *by_level(levels).values())]
