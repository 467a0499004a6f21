"""Completion in bash, zsh and fish: commands, options, files, and the names of the knowledge.

`her2path completion SHELL` prints a script; what it offers comes from the same command, asked anew at each Tab. The
knowledge is read only where its names are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ...tables.library import Knowledge

Names = Callable[[str], Iterable[tuple[str, str]]]
"""What is offered for what was typed so far, with a word on each."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that lets a shell complete commands, options, files, and names of the knowledge.

    It completes editions, outcomes, facts with their values, and columns. How each shell takes it is in docs/shell.md.
    """
    click.echo({"bash": BASH, "zsh": ZSH, "fish": FISH}[shell], nl=False)


def offered(command: str, parameter: str, typed: str) -> list[CompletionItem] | None:
    """What is offered for a parameter that takes names of the knowledge; `None` for any other."""
    names = NAMES.get((command, parameter)) or NAMES.get(("", parameter))
    if names is None:
        return None
    return [CompletionItem(name, help=word) for name, word in names(typed) if name.startswith(typed)]


def _knowledge() -> Knowledge:
    from ...tables.load import read_knowledge

    return read_knowledge()


def _editions(_typed: str) -> Iterable[tuple[str, str]]:
    for edition in _knowledge().editions:
        yield edition.key, edition.window()


def _outcomes(_typed: str) -> Iterable[tuple[str, str]]:
    facts = _knowledge().facts
    for name in sorted({name for edition in _knowledge().editions for name in edition.tables}):
        yield name, _short(facts[name].meaning) if name in facts else ""


def _shown(typed: str) -> Iterable[tuple[str, str]]:
    yield "facts", "all facts with their values"
    yield from _outcomes(typed)
    yield from _editions(typed)
    seen = {name for name, _ in _outcomes(typed)}
    yield from ((name, _short(fact.meaning)) for name, fact in _knowledge().facts.items() if name not in seen)


def _values(typed: str) -> Iterable[tuple[str, str]]:
    """`fact=` where the name is not whole, `fact=value` from then on."""
    facts = _knowledge().facts
    name, equals, _ = typed.partition("=")
    if equals and name in facts:
        yield from ((f"{name}={value}", "") for value in facts[name].values)
    elif not equals:
        yield from ((f"{each}=", _short(fact.meaning)) for each, fact in facts.items())


def _columns(typed: str) -> Iterable[tuple[str, str]]:
    facts = _knowledge().facts
    if "=" not in typed:
        yield from ((f"{each}=", _short(fact.meaning)) for each, fact in {"patient": None, **facts}.items() if fact)


def _of(*names: str) -> Names:
    return lambda _typed: ((name, "") for name in names)


def _models(_typed: str) -> Iterable[tuple[str, str]]:
    from ...simulate.model import model_keys

    return ((key, "") for key in model_keys("exposure"))


def _short(words: str) -> str:
    """The first sentence of what a fact means, without marks."""
    return " ".join(words.replace("`", "").split()).partition(". ")[0][:70]


POPULATIONS = ("breast", "early-breast", "metastatic-breast", "gastric", "volunteers")
NAMES: dict[tuple[str, str], Names] = {
    ("", "edition"): _editions, ("diff", "left"): _editions, ("diff", "right"): _editions, ("", "outcome"): _outcomes,
    ("decide", "fact"): _outcomes, ("", "facts"): _values, ("", "columns"): _columns, ("show", "table"): _shown,
    ("simulate exposure", "model"): _models, ("", "population"): _of(*POPULATIONS),
    ("simulate exposure", "schedule"): _of("q3w", "weekly", "sc"),
    ("simulate tumour", "schedule"): _of("q3w", "weekly", "sc"),
    ("simulate tumour", "drug"): _of("trastuzumab", "t-dm1", "t-dxd", "none"),
    ("", "chemotherapy"): _of("none", "doxorubicin", "epirubicin"), ("", "mess"): _of("none", "light", "heavy"),
}  # fmt: skip
"""What is offered for a parameter, by its command ("" for all) and its name in Python."""

BASH = r"""# bash completion of her2path; made by: her2path completion bash
_her2path_completion() {
    local IFS=$'\n' words=() current="" place glued="" response kind value
    # bash takes NAME=VALUE apart; it is put together again, up to where the cursor stands.
    for ((place = 1; place <= COMP_CWORD; place++)); do
        local word="${COMP_WORDS[place]}"
        if [[ $word == "=" || $glued == "=" ]] && ((${#words[@]})); then
            words[${#words[@]} - 1]+="$word"
        else
            words+=("$word")
        fi
        glued="$word"
    done
    current="${words[${#words[@]} - 1]}"
    COMPREPLY=()
    response=$(printf '%s\n' her2path "${words[@]}" |
        _HER2PATH_COMPLETE=bash_lines command "${COMP_WORDS[0]}" 2>/dev/null)
    while IFS=$'\t' read -r kind value; do
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain)
                [[ $value == *= ]] && compopt -o nospace 2>/dev/null
                [[ $current == *=* ]] && value="${value#"${current%%=*}"=}"
                [[ $value == *" "* ]] && printf -v value '%q' "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done <<<"$response"
}
complete -o nosort -F _her2path_completion her2path
"""
ZSH = r"""#compdef her2path
# zsh completion of her2path; made by: her2path completion zsh
_her2path_completion() {
    local kind value help spaced=() glued=()
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files ;;
            plain)
                value="${value//:/\\:}"
                if [[ $value == *= ]]; then glued+=("$value${help:+:$help}"); else spaced+=("$value${help:+:$help}"); fi
                ;;
        esac
    done < <(printf '%s\n' her2path "${(@)words[2,CURRENT]}" |
        _HER2PATH_COMPLETE=zsh_lines command "$words[1]" 2>/dev/null)
    (( $#spaced )) && _describe -V her2path spaced
    (( $#glued )) && _describe -V her2path glued -S ''
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _her2path_completion "$@"
else
    compdef _her2path_completion her2path
fi
"""
FISH = r"""# fish completion of her2path; made by: her2path completion fish
function _her2path_completion
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    set -l lines (printf '%s\n' her2path $words[2..-1] | _HER2PATH_COMPLETE=fish_lines command $words[1] 2>/dev/null)
    for line in $lines
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
            case plain
                printf '%s\t%s\n' $parts[2] $parts[3]
        end
    end
end
complete -f -c her2path -a '(_her2path_completion)'
"""


def answer(main: click.Group, words: list[str], with_help: bool) -> str:
    """What a script is told: a line for each thing offered, its kind, value and help with tabs between them.

    `words` are those of the command line up to the one that is typed, the name of the command first.
    """
    from click.shell_completion import ShellComplete

    class Asked(ShellComplete):
        def get_completion_args(self) -> tuple[list[str], str]:
            return words[1:-1], words[-1] if len(words) > 1 else ""

        def format_completion(self, item: CompletionItem) -> str:
            told: list[Any] = [item.type, item.value, (item.help or "").replace("\n", " ")]
            return "\t".join(map(str, told if with_help else told[:2]))

    asked = Asked(main, {}, "her2path", "_HER2PATH_COMPLETE")
    return "".join(f"{line}\n" for line in asked.complete().splitlines())
