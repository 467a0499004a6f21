"""The commands of the answers: what they print and write, what they refuse, and that their examples run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from her2path import answer_dose
from her2path.cli.group import main

NAMES = ("dose", "lvef", "her2", "washout", "substitute")


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line))


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def examples() -> list[str]:
    lines = [line.strip() for name in NAMES for line in (command(name).epilog or "").splitlines()]
    return [line.removeprefix("her2path ") for line in lines if line.startswith("her2path ")]


@pytest.mark.parametrize("line", examples())
def test_the_examples_of_the_help_run(line: str) -> None:
    result = run(line)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].endswith((".", "below."))
    assert "\nWhy\n" in result.stdout


def test_each_help_has_its_examples() -> None:
    for name in NAMES:
        told = run(f"{name} --help").output
        assert "Examples:" in told
        assert f"\n  her2path {name} " in told


def test_the_answer_comes_first_and_is_that_of_the_library() -> None:
    result = run("dose herceptin --weight 72 --days-since 45 --on 2026-11-28")
    assert result.stdout.splitlines() == answer_dose("herceptin", 72, days_since=45).lines()
    assert result.stderr == ""


def test_an_answer_as_json() -> None:
    told = json.loads(run("dose herceptin --weight 72 --days-since 45 --format json").stdout)
    assert (told["dose_mg"], told["withdraw_ml"], told["vials"][0]["open"]) == (576, 27.4, {"150": 4})
    assert told["chain"][0]["rows"] == ["3"]
    assert told["level"] == "secondary"


def test_an_output_follows_its_ending(tmp_path: Path) -> None:
    for name, first in (("a.json", "{"), ("a.txt", "HER2 POSITIVE (asco-cap-2023).")):
        result = run(f"her2 --ihc 3+ --on 2026-11-28 -o {tmp_path / name}")
        assert (result.exit_code, result.stdout) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").splitlines()[0] == first
    refused = run(f"her2 --ihc 3+ -o {tmp_path / 'a.csv'}")
    assert refused.exit_code != 0
    assert not (tmp_path / "a.csv").exists()


def test_what_was_asked_wrongly_names_the_option_and_the_nearest() -> None:
    for line, words in {
        "dose herzumma --weight 72": "no HER2-directed drug is 'herzumma'; did you mean herzuma?",
        "dose herceptin --weight 720": "--weight: weight_kg 720, expected a number [25..300] (kg)",
        "lvef --baseline 62 --now 4x": "--now: lvef '4x', expected a number [10..90] (percent)",
        "substitute --ordered ogivri --stock kanjinty": "--stock: no HER2-directed drug is 'kanjinty'",
        "washout --last-dose 17.2.2026": "--last-dose: '17.2.2026' is no date; write YYYY-MM-DD",
        "her2 --ihc 3+ --fact her2_copys=4": "no fact is called 'her2_copys'; did you mean her2_copies?",
    }.items():
        result = run(line)
        assert result.exit_code != 0, line
        assert words in str(result.exception) + result.output, line


def test_an_institution_decides_the_label_and_the_limit(tmp_path: Path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text('[site]\njurisdiction = "us"\n[heart]\nlvef_lower_limit = 53\n')
    line = "lvef --baseline 64 --now 52 --no-heart-failure --not-on-hold --holds 0 --setting metastatic"
    assert run(line).stdout.startswith("GO ON with trastuzumab")
    result = run(f"{line} --settings {settings}")
    assert result.stdout.startswith("HOLD trastuzumab")
    assert "assumed: the US label" not in result.stdout
