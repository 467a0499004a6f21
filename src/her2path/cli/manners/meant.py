"""What was typed and not understood: the option, command, file or value that is nearest to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...facts.problem import AskedWrongly
from ...facts.words.nearest import either, hint, nearest
from ...write.plain import plain

if TYPE_CHECKING:
    from ...tables.library import Knowledge

MEANT = {
    **dict.fromkeys(("--date", "--day", "--as-of", "--today", "--when", "--at"), "--on"),
    **dict.fromkeys(("--out", "--outfile", "--file", "--save", "--write"), "--output"),
    **dict.fromkeys(("--config", "--site-settings", "--toml"), "--settings"),
    **dict.fromkeys(("--threads", "--jobs", "--workers", "--cpus", "--cores", "--parallel"), "--processes"),
    **dict.fromkeys(("--n", "--size", "--number", "--patients"), "--virtual-patients"),
    **dict.fromkeys(("--id", "--mrn", "--subject", "--person"), "--patient"),
    **dict.fromkeys(("--region", "--country", "--label", "--authority"), "--jurisdiction"),
    **dict.fromkeys(("--explain", "--verbose", "--reasons", "--details"), "--why"),
    **dict.fromkeys(("--json", "--type", "--output-format", "--as"), "--format"),
    **dict.fromkeys(("--guideline", "--rules", "--version-of-rules"), "--edition"),
    **dict.fromkeys(("--na", "--null", "--empty"), "--missing"),
    **dict.fromkeys(("--plot", "--figure", "--png"), "--chart"),
    **dict.fromkeys(("--product", "--lvef", "--ihc", "--weight", "--drug"), "--fact"),
}
"""Options that people try, and what is meant where the command has it."""
COMMANDS_MEANT = {
    **dict.fromkeys(("run", "read", "patients", "plan"), "review"),
    **dict.fromkeys(("list", "ls", "facts", "table", "tables", "explain"), "show"),
    **dict.fromkeys(("compare", "changes"), "diff"),
    **dict.fromkeys(("test", "prove", "validate", "lint", "verify"), "check"),
    **dict.fromkeys(("profile", "describe", "look"), "inspect"),
    **dict.fromkeys(("biosimilar", "trials"), "equivalence"),
}
"""Commands that people try, and what is meant."""


def say_nearest(wrong: click.ClickException) -> None:
    """Let what was not understood name the nearest that would be, at most five."""
    if isinstance(wrong, click.NoSuchOption) and wrong.ctx is not None:
        known = [name for each in wrong.ctx.command.params for name in _named(each)] + ["--help"]
        meant = MEANT.get(wrong.option_name)
        near = [meant] if meant in known else nearest(wrong.option_name, [each for each in known if each[:2] == "--"])
        vars(wrong).update(message=f"No such option {wrong.option_name}.{_question(near)}", possibilities=None)
    elif isinstance(wrong, click.BadParameter) and wrong.param is not None and isinstance(wrong.param.type, click.Path):
        vars(wrong)["message"] = f"{wrong.message}{_files_near(wrong.message)}"


def no_such_command(name: str, known: list[str]) -> str:
    """What is said of a command that is none."""
    meant = COMMANDS_MEANT.get(name)
    return f"No such command {name!r}.{_question([meant] if meant in known else nearest(name, known))}"


def _question(near: list[str]) -> str:
    return f" Did you mean {either(near)}?" if near else ""


def _named(parameter: click.Parameter) -> list[str]:
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return []
    return [*parameter.opts, *parameter.secondary_opts]


def _files_near(message: str) -> str:
    """What lies beside a file that is not there and is called nearly so, as a question; "" where there is nothing."""
    found = re.search(r"'(.+)' does not exist", message)
    if found is None:
        return ""
    path = Path(found[1])
    try:
        beside = sorted(each.name for each in path.parent.iterdir() if not each.name.startswith("."))
    except OSError:
        return ""
    return _question([str(path.parent / name) for name in nearest(path.name, beside)])


# -- values ---------------------------------------------------------------------------------------


NOT_KNOWN = ("unknown", "not known", "not done", "pending", "n/a", "na", "?")
"""Words with which somebody says that a value is not known; it stays unknown, with its reason."""
MOST_VALUES = 12


def understood(given: Mapping[str, str], knowledge: Knowledge) -> tuple[dict[str, str], list[str]]:
    """Facts from a command line, and what of their numbers and dates could not be read.

    The brand of a drug is taken for its product, and told. Raises `AskedWrongly` for a value that a fact does not have,
    with what is expected and the nearest: who types a word means it. A name that is no fact is left for who decides.
    """
    from ...facts.value import Reason, Unknown

    made: dict[str, str] = {}
    unread: list[str] = []
    for name, text in given.items():
        made[name] = text
        fact = knowledge.facts.get(name)
        value = fact.coerce(text) if fact is not None else None
        if fact is None or not isinstance(value, Unknown) or " ".join(text.lower().split()) in NOT_KNOWN:
            continue
        if value.reason not in (Reason.UNPARSABLE_TEXT, Reason.IMPLAUSIBLE):
            continue
        if fact.is_number or fact.kind == "date":
            unread.append(f"{name}={text} is not used: {value}")
        elif name == "product":
            made[name] = _product(text, knowledge)
        elif len(fact.values) > MOST_VALUES:
            raise AskedWrongly(f"{name}={text}: no such value{hint(text, fact.values, f'her2path show {name}')}")
        else:
            raise AskedWrongly(f"{name}={text}: expected {fact.expected()}.{_question(nearest(text, fact.values))}")
    return made, unread


def _product(text: str, knowledge: Knowledge) -> str:
    """The product that a brand or a substance is. Raises `AskedWrongly` where it cannot be told."""
    from ...facts.codes import codes_of
    from ...read.drugs import Drugs

    products = knowledge.facts["product"].values
    named = Drugs(codes_of(knowledge.facts)).identify((), text)
    if named.drug in products:
        click.echo(f"her2path: {plain(f'product={text} is taken as {named.drug}')}", err=True)
        return named.drug
    why = f" ({named.trouble})" if named.trouble else ""
    raise AskedWrongly(f"product={text}: no such product{why}{hint(text, products, 'her2path show product')}")
