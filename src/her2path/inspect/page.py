"""An inspected feed as a page of text: what is in it, what was read, what was not, and which questions it answers."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..write.plain import plain

WIDTH = 100
MOST_UNMAPPED = 8
"""So many of the unmapped are shown; JSON and the starter mapping have all of them."""
MOST_NOT_READ = 4
LABEL, MOST_OF_EXAMPLE = 11, 24
MOST_NAMED, MOST_REASONS = 3, 6
"""So many questions are named that nobody can be asked for one reason, and so many reasons."""


def cut(text: str, width: int) -> str:
    """Text of a record on one line, of at most so many characters."""
    text = plain(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def page(told: Mapping[str, Any]) -> str:
    """The page of a report (`report.py`)."""
    lines = list(_head(told))
    lines += ["", *_facts(told)]
    lines += ["", *_unmapped(told)]
    if told["mapping"] is not None:
        lines += ["", *_mapping(told)]
    lines += ["", *_questions(told)]
    return "\n".join(lines)


def _wrapped(label: str, words: str, indent: int = LABEL) -> list[str]:
    return textwrap.wrap(
        f"{label:<{indent}}{words}", WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    )  # fmt: skip


def _head(told: Mapping[str, Any]) -> Iterator[str]:
    days = f", {told['first_day']} to {told['last_day']}" if told["first_day"] else ", no day"
    yield cut(f"{told['source']}: {told['patients']} patients{days}", WIDTH)
    yield from _wrapped("Files", _counts(told["files"]) or "none that could be read")
    if told["rows"]:
        yield from _wrapped("Rows", str(told["rows"]))
    if told["resources"]:
        yield from _wrapped("Resources", _counts(told["resources"], 10))
    yield from _kinds("Not read", told["not_read"])
    if told["passed_over"]:
        words = f"{told['passed_over']} passed over, such as {told['passed_over_example']}"
        yield cut(f"{'Not used':<{LABEL}}{words}", WIDTH)
    yield from _kinds("Noted", told["remarks"])


def _kinds(label: str, listed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The most frequent kinds of troubles, each with its first."""
    for number, trouble in enumerate(listed[:MOST_NOT_READ]):
        words = f"{trouble['count']} {trouble['kind']}, such as {trouble['example']}"
        yield cut(f"{'' if number else label:<{LABEL}}{words}", WIDTH)
    more = sum(trouble["count"] for trouble in listed[MOST_NOT_READ:])
    if more:
        yield f"{'':<{LABEL}}{more} for other reasons"


def _counts(counts: Mapping[str, int], most: int = 20) -> str:
    words = [f"{count} {plain(word)}" for word, count in list(counts.items())[:most]]
    rest = sum(list(counts.values())[most:])
    return ", ".join([*words, *([f"{rest} others"] if rest else [])])


def _facts(told: Mapping[str, Any]) -> Iterator[str]:
    has_before = told["mapping"] is not None and any("read_before_mapping" in fact for fact in told["facts"])
    before = f"{'before':>8}" if has_before else ""
    yield f"{'Fact':<24}{before}{'read':>8}{'patients':>10}  {'first day':<11}{'last day':<11}refused"
    quiet, none = [], []
    for fact in told["facts"]:
        if not fact["read"] and not fact["refused"]:
            none.append(fact["fact"])
            continue
        if not fact["is"] and not fact["refused"] and not (has_before and fact["read_before_mapping"] != fact["read"]):
            quiet.append(f"{fact['fact']} {fact['read']}")
            continue
        counted = f"{fact['read_before_mapping']:>8}" if has_before else ""
        refused = ", ".join(f"{one['count']} {one['reason']}" for one in fact["refused"])
        line = (
            f"{fact['fact']:<24}{counted}{fact['read']:>8}{fact['patients']:>10}  {fact['first_day'] or '-':<11}"
            f"{fact['last_day'] or '-':<11}{refused}"
        )
        yield cut(line, WIDTH).rstrip()
    for given, label in (("dose", "doses of"), ("order", "orders of"), ("shown", "shown")):
        products = [f"{p['product'] or '?'} {p['count']}" for p in told["products"] if p["given"] == given]
        if products:
            yield from _wrapped(label, ", ".join(products))
    if quiet:
        yield from _wrapped("others", ", ".join(quiet))
    if none:
        yield from _wrapped("none of", ", ".join(none))
    for fact in told["facts"]:
        for one in fact["refused"][:1]:
            yield cut(f"  {fact['fact']} refused, such as {one['value']}  [{one['where']}]", WIDTH)


def _unmapped(told: Mapping[str, Any]) -> Iterator[str]:
    listed = told["unmapped"]
    total = sum(one["count"] for one in listed) + told["unmapped_beyond_these"]
    if not total:
        yield "Nothing else looks like ours."
        return
    gained = told.get("before_mapping", {}).get("unmapped")
    since = f"; before the mapping {gained}" if gained is not None else ""
    yield f"Not recognised, though it looks like ours: {total} times, {len(listed)} different{since}"
    for one in listed[:MOST_UNMAPPED]:
        guess = f"  -> {one['guess']}?" if one["guess"] else ""
        about = f"{one['count']:>8}  {LABELS[one['kind']]}{one['about']}: "
        name = " ".join(filter(None, (one["code"], f"'{one['name']}'" if one["name"] or not one["code"] else "")))
        yield about + cut(name, WIDTH - len(about) - len(guess)) + guess
        system = f"of {short_system(one['system'])}" if one["system"] else ""
        example = f"such as {cut(one['example'], MOST_OF_EXAMPLE)!r}" if one["example"] else ""
        place = f"{', '.join(filter(None, (system, example)))} [{one['where']}]".strip()
        yield cut(f"{'':>10}{place}", WIDTH)
    if len(listed) > MOST_UNMAPPED:
        rest = len(listed) - MOST_UNMAPPED
        yield f"{'':>10}and {rest} more: --format json and --mapping FILE.toml have all of them"


LABELS = {
    "concept": "",
    "answer": "answer to ",
    "unit": "unit of ",
    "column": "",
    "words": "no number of ",
    "text": "words of ",
}


def short_system(system: str) -> str:
    """The end of an address of a code system."""
    return system if len(system) <= 30 else f"...{system[-27:]}"


def _mapping(told: Mapping[str, Any]) -> Iterator[str]:
    read = sum(1 for entry in told["mapping"] if entry["read"])
    yield f"By the site's mapping: {read} of {len(told['mapping'])} entries were met"
    for entry in told["mapping"]:
        words = f"map {entry['entry']}: {entry['found_by']} is {entry['means']}"
        yield cut(f"{entry['read']:>8}  {words}", WIDTH)


def _questions(told: Mapping[str, Any]) -> Iterator[str]:
    questions = told["questions"]
    sorts = {name: [q for q in questions if q["answer"] == name] for name in ("always", "in part", "never")}
    never = [q for q in questions if q["answer"] == "never asked"]
    gained = told.get("before_mapping", {}).get("questions_answered")
    since = f"; {gained} before the mapping" if gained is not None else ""
    answered = len(sorts["always"]) + len(sorts["in part"])
    yield f"Questions of the review on {told['on']}: {answered} of {len(questions)} answered for somebody{since}"
    if told["last_day"] and told["last_day"] < told["on"]:
        yield f"{'':<{LABEL}}the feed ends on {told['last_day']}: --on {told['last_day']} asks as of its end"
    if sorts["always"]:
        words = ", ".join(f"{q['question']} {q['answered']}" for q in sorts["always"])
        yield from _wrapped("answered", words)
    for label, name in (("in part", "in part"), ("open", "never")):
        words = "; ".join(
            f"{q['question']} {q['answered']} of {q['asked']}{_lacking(q['missing'])}" for q in sorts[name]
        )  # fmt: skip
        if words:
            yield from _wrapped(label, words)
    reasons = list(_never(never).items())
    if others := [name for _, names in reasons[MOST_REASONS:] for name in names]:
        reasons = [*reasons[:MOST_REASONS], ("for other reasons", others)]
    for number, (why, names) in enumerate(reasons):
        words = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else "")
        yield from _wrapped("" if number else "never", f"{why}: {words}")


def _lacking(missing: Mapping[str, int]) -> str:
    names = list(missing)[:2]
    return f" (lacks {', '.join(names)})" if names else ""


def _never(questions: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The questions that were never asked, by what nobody has; those first that lack one thing alone."""
    lacking = {
        question["question"]: [name for name, count in question["patients_with"].items() if not count]
        for question in questions
    }
    often = Counter(name for names in lacking.values() for name in names)
    why: dict[str, list[str]] = {}
    for question in questions:
        names = lacking[question["question"]]
        if not question["patients_with"]:
            words = "no course of therapy to ask of"
        elif names:
            words = f"nobody has {max(names, key=lambda name: (often[name], name))}"
        else:
            words = "asked of nobody on this day"
        why.setdefault(words, []).append(question["question"])
    return dict(sorted(why.items(), key=lambda item: (-len(item[1]), item[0])))
