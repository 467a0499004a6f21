"""The command line as people like it: examples that run, one word for one thing, colour, unbroken lines, completion."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.cli.manners.colour import in_colour_to, with_colour_first
from her2path.cli.manners.dress import RENAMED, examples_of
from her2path.cli.manners.examples import EXAMPLES
from her2path.cli.manners.meant import COMMANDS_MEANT, MEANT
from her2path.write.text.page import PAGE_WIDTH, UNBROKEN, page_width_for

ROOT = Path(__file__).parent.parent
COURSES = ROOT / "examples" / "courses"


def run(*words: object, **options: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], **options)


def commands(group: click.Group = main, name: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for word in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), word)
        full = f"{name} {word}".strip()
        found |= commands(command, full) if isinstance(command, click.Group) else {full: command}
    return found


COMMANDS = commands()


def options_of(name: str) -> set[str]:
    return {each for option in COMMANDS[name].params if isinstance(option, click.Option) for each in option.opts}


# -- help and examples ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_examples_that_may_be_copied(name: str) -> None:
    told = run(*name.split(), "--help").output
    below = told.partition("\nExamples:\n")[2].splitlines()
    assert below == [f"  {line}" for line in examples_of(name)]
    assert below


@pytest.mark.parametrize("name", ["her2path", "simulate"])
def test_the_help_of_a_group_ends_with_examples_too(name: str) -> None:
    told = run(*([] if name == "her2path" else [name]), "--help").output
    below = [line.strip() for line in told.partition("\nExamples:\n")[2].splitlines()]
    assert below == examples_of(name)
    known = {"COMMAND", *main.list_commands(click.Context(main))}
    assert below
    assert all(line.split()[1] in known for line in below)


FAST = {"simulate": ["--virtual-patients", "12"], "simulate trial": ["--trials", "1000"]}
OF_OTHER_TESTS = ("her2path check", "her2path serve")
"""How examples begin that tests of their own run: a whole check, and servers that go on."""
EXAMPLES_RUN = [
    line for name in EXAMPLES for line in examples_of(name)
    if line != OF_OTHER_TESTS[0] and not line.startswith(OF_OTHER_TESTS[1])
]  # fmt: skip


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the examples name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "docs").mkdir()
    (tmp_path / "bundles").mkdir()
    shutil.copy(ROOT / "examples" / "her2-tests.ndjson", tmp_path / "bundles")
    (tmp_path / "site.toml").write_text("[heart]\nlvef_lower_limit = 53\n", encoding="utf-8")
    (tmp_path / "tests.csv").write_text("patient,ihc_score\na,3+\nb,1+\n", encoding="utf-8")
    (tmp_path / "responses.csv").write_text(
        "arm,pcr\n" + "".join(f"{arm},{'yes' if n % 2 else 'no'}\n" for arm in ("herceptin", "other") for n in range(40)),
        encoding="utf-8",
    )
    rows = {"patient": ["a", "a"], "date": ["2026-01-05", "2026-01-06"], "fact": ["ihc_score", "lvef"], "value": ["3+", "64"]}
    pq.write_table(pa.table(rows), tmp_path / "events.parquet")
    (tmp_path / "fhir").symlink_to(tmp_path / "bundles")
    (tmp_path / "labs.csv").write_text("patient,date,fact,value,hospital\na,2026-01-05,ihc_score,3+,North\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("line", EXAMPLES_RUN, ids=lambda line: line[9:70])
def test_the_examples_run(line: str, beside: Path) -> None:
    words = shlex.split(line.partition(" > ")[0])[1:]
    if "IHC" in line:
        (beside / "tests.csv").write_text("patient,IHC\na,3+\nb,1+\n", encoding="utf-8")
    name = next(each for each in sorted(COMMANDS, key=len, reverse=True) if words[: len(each.split())] == each.split())
    if name.startswith("simulate ") and not {"--terms", "--virtual-patients"} & set(words):
        words += FAST.get(name, FAST["simulate"] if name != "simulate tumour" else [])
    if words[0] in ("measure", "editions", "report") and words[1] == "hospital":
        assert run("cohort", "examples/her2-tests.ndjson", "-o", "hospital").exit_code in (0, 3)
    done = run(*words)
    assert done.exit_code in (0, 3), done.output
    assert done.stdout or done.stderr or "-o" in words
    if "-o" in words:
        assert Path(words[words.index("-o") + 1]).stat().st_size or name == "cohort"


# -- one word for one thing -----------------------------------------------------------------------


def test_no_command_shows_an_option_of_old() -> None:
    for name in COMMANDS:
        assert not options_of(name) & {"--json", "--cores", "--date", "--out"}, name
        assert ("-o" in options_of(name)) == ("--output" in options_of(name)), name
    assert [name for name in COMMANDS if "--patients" in options_of(name)] == ["diff"]


@pytest.mark.parametrize(("name", "old"), [(name, old) for name, olds in RENAMED.items() for old in olds])
def test_what_stands_in_the_place_of_an_old_option_is_there(name: str, old: str) -> None:
    assert RENAMED[name][old][0] in options_of(name)
    assert old not in options_of(name)


def test_an_option_of_old_does_the_same_and_warns() -> None:
    old = run("simulate", "heart", "--patients", "30", "--cores=1", "--json", "--days", "200")
    new = run("simulate", "heart", "--virtual-patients", "30", "--processes", "1", "--format", "json", "--days", "200")
    assert (old.exit_code, old.stdout) == (0, new.stdout)
    assert new.stderr == ""
    assert old.stderr.splitlines() == [
        f"her2path: {each} now, and goes with her2path 0.4"
        for each in (
            "--patients is called --virtual-patients", "--cores is called --processes", "--json is called --format json",
        )
    ]  # fmt: skip


def test_the_page_on_versions_lists_the_options_that_go() -> None:
    versions = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    for old in {old for olds in RENAMED.values() for old in olds}:
        assert f"`{old}" in versions


def test_json_is_one_list_on_the_page_and_in_a_file(tmp_path: Path) -> None:
    source = tmp_path / "tests.csv"
    source.write_text("patient,ihc_score\na,3+\nb,1+\n", encoding="utf-8")
    asked = ("decide", "her2_status", source)
    for form, ending in (("json", ".json"), ("ndjson", ".ndjson"), ("csv", ".csv")):
        output = tmp_path / f"decided{ending}"
        assert run(*asked, "-o", output).exit_code == 0
        assert output.read_text(encoding="utf-8") == run(*asked, "--format", form).stdout
    listed = json.loads(run(*asked, "--format", "json").stdout)
    assert [each["her2_status"] for each in listed] == ["positive", "negative"]
    lines = run(*asked, "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == listed
    assert run(*asked, "--json").stdout.splitlines() == lines
    refused = run(*asked, "--format", "csv", "-o", tmp_path / "x.json")
    assert refused.exit_code == 2
    assert "--format csv is not what x.json would hold" in refused.stderr
    one = ("decide", "her2_status", "--fact", "ihc_score=3+")
    assert run(*one, "-o", tmp_path / "one.json").exit_code == 0
    assert json.loads((tmp_path / "one.json").read_text(encoding="utf-8")) == json.loads(
        run(*one, "--format", "json").stdout
    )


# -- what was not understood ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reveiw x.csv", "No such command 'reveiw'. Did you mean review?"),
        ("run x.csv", "No such command 'run'. Did you mean review?"),
        ("simulate hart", "No such command 'hart'. Did you mean heart?"),
        ("review README.md --date 2026-02-17", "No such option --date. Did you mean --on?"),
        ("review README.md --jursdiction eu", "No such option --jursdiction. Did you mean --jurisdiction?"),
        ("review README.md --xyzzy", "No such option --xyzzy.\n"),
        ("decide her2_status --product herceptin", "No such option --product. Did you mean --fact?"),
        ("review examples/her2-test.ndjson", "does not exist. Did you mean examples/her2-tests.ndjson?"),
        ("review README.md --format jsn", "'jsn' is not one of"),
    ],
)
def test_the_nearest_is_named(line: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = run(*line.split())
    assert found.exit_code == 2
    assert said in found.output
    assert found.output.startswith("Usage: her2path ")


def test_what_people_try_leads_to_options_and_commands_that_are_there() -> None:
    every = set().union(*map(options_of, COMMANDS))
    assert set(MEANT.values()) <= every
    assert set(COMMANDS_MEANT.values()) <= set(main.list_commands(click.Context(main)))
    assert not set(COMMANDS_MEANT) & set(main.list_commands(click.Context(main)))


# -- colour and width -----------------------------------------------------------------------------

COLOURED = re.compile(r"\x1b\[[0-9;]*m")
REVIEW = ("review", COURSES / "adjuvant-hold.csv", "--on", "2026-02-03")


@pytest.mark.parametrize(
    ("words", "environment", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--colour=always",), {"NO_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color=never",), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_as_it_is_asked_for(words: tuple[str, ...], environment: dict[str, str], coloured: bool) -> None:
    environment = {"NO_COLOR": "", "FORCE_COLOR": "", **environment}
    for line in ((*words, *REVIEW), (*REVIEW, *words)):
        found = run(*line, env=environment, color=True)
        assert bool(COLOURED.search(found.stdout)) == coloured
        assert COLOURED.sub("", found.stdout) == run(*REVIEW).stdout


def test_the_gravest_is_red(tmp_path: Path) -> None:
    found = run(*REVIEW, "--color", "always", color=True).stdout
    assert "\x1b[31mact\x1b[0m: " in found
    assert "\x1b[33mASK FIRST\x1b[0m" in found
    rows = {"patient": ["a", "b"], "date": ["2026-01-05"] * 2, "fact": ["ihc_score"] * 2, "value": ["3+", "1+"]}
    pq.write_table(pa.table(rows), tmp_path / "two.parquet")
    many = run("review", tmp_path / "two.parquet", "--on", "2026-02-03", "--color", "always", color=True).stdout
    assert many.splitlines()[-1] == run(*REVIEW).stdout.splitlines()[-1]
    assert {line.split()[0] for line in COLOURED.sub("", many).splitlines()[:2]} <= {"ASK", "NOT", "-", "NOTHING"}


def test_a_terminal_has_colour_and_a_dumb_one_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert in_colour_to(Terminal())
    assert not in_colour_to(sys.stdin if not sys.stdin.isatty() else None)
    monkeypatch.setenv("TERM", "dumb")
    assert not in_colour_to(Terminal())
    assert not in_colour_to(None)


def test_the_option_may_stand_anywhere_before_two_dashes() -> None:
    assert with_colour_first(["show", "--color", "never", "x"]) == ["--color", "never", "show", "x"]
    assert with_colour_first(["show", "--colour=never"]) == ["--colour=never", "show"]
    assert with_colour_first(["show", "--", "--color"]) == ["show", "--", "--color"]
    assert run("show", "lvef_fall", "--color").exit_code == 2


def test_lines_are_broken_for_a_terminal_and_not_for_a_pipe() -> None:
    assert page_width_for(None, None) == UNBROKEN
    assert page_width_for(None, 80) == 80
    assert page_width_for(None, 300) == PAGE_WIDTH
    assert page_width_for("70", None) == 70
    assert page_width_for("no", 80) == 80
    broken = run("show", "lvef_fall", env={"COLUMNS": "50"}).stdout.splitlines()
    (whole,) = run("show", "lvef_fall", env={"COLUMNS": ""}).stdout.splitlines()
    assert len(broken) > 1
    assert max(map(len, broken)) <= 50
    assert " ".join(broken) == whole


def test_a_file_is_the_same_whoever_writes_it(tmp_path: Path) -> None:
    for name, columns in (("pipe", ""), ("narrow", "40")):
        assert run(*REVIEW, "-o", tmp_path / f"{name}.txt", env={"COLUMNS": columns}).exit_code == 0
    texts = {(tmp_path / f"{name}.txt").read_text(encoding="utf-8") for name in ("pipe", "narrow")}
    assert len(texts) == 1
    assert max(len(line) for line in texts.pop().splitlines()) <= PAGE_WIDTH


# -- completion -----------------------------------------------------------------------------------

CASES = {
    "her2path revi": {"review"},
    "her2path simulate ": {"exposure", "heart", "tumour", "course", "trial", "truth"},
    "her2path diff asco-cap-20": {"asco-cap-2007", "asco-cap-2013", "asco-cap-2018", "asco-cap-2023"},
    "her2path decide missed_dose_a": {"missed_dose_action"},
    "her2path decide her2_status --fact ihc_sc": {"ihc_score="},
    "her2path decide her2_status --fact ihc_score=3": {"ihc_score=3+"},
    "her2path decide her2_status --edition asco-cap-201": {"asco-cap-2013", "asco-cap-2018"},
    "her2path show lvef_fal": {"lvef_fall"},
    "her2path review --juris": {"--jurisdiction"},
    "her2path review x.csv --jurisdiction ": {"us", "eu"},
    "her2path review examples/her2-t": {"examples/her2-tests.ndjson"},
    "her2path simulate exposure --model trastuzumab-s": {"trastuzumab-sc"},
}
"""A line that is typed, and what Tab offers."""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of nobody's, in which `her2path` is this one; the folder is the project's."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "her2path"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m her2path "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def test_bash_completes(shell: Path) -> None:
    script = ["source <(her2path completion bash)"]
    for line in CASES:
        words = re.findall(r"=|[^ =]+", line) + ([""] if line.endswith(" ") else [])
        listed = " ".join(map(shlex.quote, words))
        script.append(f"COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _her2path_completion 2>/dev/null")
        script.append(r"printf '%s\t' "
                      r'"${COMPREPLY[@]}"; echo')  # fmt: skip
    done = subprocess.run([needs("bash"), "-c", "\n".join(script)], capture_output=True, text=True, check=True)
    for (line, expected), offered in zip(CASES.items(), done.stdout.split("\n"), strict=False):
        after = {each.partition("=")[2] if re.search(r"=\S*$", line) else each for each in expected}
        files = line.startswith("her2path review examples/")  # completed by bash itself
        assert set(filter(None, offered.split("\t"))) == (set() if files else after), line


def test_fish_completes(shell: Path) -> None:
    script = "\n".join(["her2path completion fish | source", *(f"complete -C '{line}'; echo ---" for line in CASES)])
    done = subprocess.run([needs("fish"), "-N", "-c", script], capture_output=True, text=True, check=True)
    for (line, expected), offered in zip(CASES.items(), done.stdout.split("---\n"), strict=False):
        assert {each.partition("\t")[0] for each in offered.splitlines()} == expected, line


def test_zsh_completes(shell: Path) -> None:
    zsh = needs("zsh")
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(PS1="> ", TERM="dumb", COLUMNS="200")
        os.execv(zsh, [zsh, "-f", "-i"])

    def told(until: str, seconds: float = 30) -> str:
        text, end = "", time.monotonic() + seconds
        while until not in text and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                text += os.read(terminal, 65_536).decode(errors="replace")
        return text

    try:
        begin = "autoload -Uz compinit && compinit -u -D; source <(her2path completion zsh); echo begun-$((1 + 1))\n"
        os.write(terminal, begin.encode())
        assert "begun-2" in told("begun-2")
        os.write(terminal, b"her2path diff asco-cap-20\t")
        offered = told("asco-cap-2023  ")
        for key in CASES["her2path diff asco-cap-20"]:
            assert f"{key}  -- from " in offered
        os.write(terminal, b"\x15her2path decide her2_status --fact ihc_sc\t")
        assert "ihc_score=" in told("ihc_score=")
        os.write(terminal, b"3\t\n")
        assert "her2_status: positive" in told("her2_status: positive")
    finally:
        os.write(terminal, b"\x03exit\n")
        os.close(terminal)
        os.waitpid(process, 0)


def test_the_script_of_a_shell_that_is_none_is_refused() -> None:
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in run("completion", "tcsh").output


def test_nothing_is_told_beside_what_is_offered(shell: Path) -> None:
    asked = subprocess.run(
        ["her2path"], input="her2path\nsimulate\nheart\n--cores\n1\n--see\n", capture_output=True, text=True,
        env={**os.environ, "_HER2PATH_COMPLETE": "bash_lines"}, check=True,
    )  # fmt: skip
    assert (asked.stdout, asked.stderr) == ("plain\t--seed\n", "")
