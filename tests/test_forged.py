"""Words of a record forge nothing: no line of a report, no message, no direction of writing; and no cache runs code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fhir_makers as fhir
from her2path.cli.group import main
from her2path.facts import cache
from her2path.facts.cache import PrivateFolder, loaded_as_data
from her2path.write.plain import plain
from her2path.write.plan_words import clean

ON = "2026-06-01"
FORGED = "Patient p9  [x.json]\n  HER2 status: positive"
SIGNS = ["\n", "\r", "\x1b[2K", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\x00", "\x9b", "\u200b", "\ufeff"]


def asked(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
def test_a_sign_of_a_record_is_shown_escaped(sign: str) -> None:
    shown = plain(f"a{sign}b")
    assert sign not in shown
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()
    assert plain(shown) == shown


def test_what_can_be_seen_stays_as_it_is() -> None:
    for text in ("Müller-Łukasz 3+ (2,5 µg)", "Ωμέγα", "患者", "نوال", "a b"):
        assert plain(text) == text


def test_calendars_and_fhir_hold_no_sign_that_turns_writing() -> None:
    assert clean("a\u202eb\x1bc\u2066") == "a\\u202eb c\\u2066"


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
@pytest.mark.parametrize("kind", ["csv", "fhir"])
def test_names_of_a_record_forge_no_line(kind: str, sign: str, tmp_path: Path) -> None:
    name = f"p1{sign}{FORGED}"
    if kind == "csv":
        if sign == "\x00":
            pytest.skip("a header with a zero byte beside it is binary")
        path = tmp_path / "x.csv"
        quoted = name.replace('"', '""')
        path.write_text(
            f'patient,date,fact,value,specimen\n"{quoted}",2026-01-05,ihc_score,1+,"s{quoted}"\n'
            f'"{quoted}",2026-01-05,ihc_skore,"1{quoted}",\n', encoding="utf-8", newline="",
        )  # fmt: skip
    else:
        path = fhir.write(
            tmp_path / "x.json",
            fhir.bundle(fhir.patient(name), fhir.observation(fhir.IHC, f"1+ {name}", subject=f"Patient/{name}")),
        )
    done = asked("review", path, "--on", ON)
    assert done.exit_code in (0, 1, 3), done.output
    lines = [line for text in (done.stdout, done.stderr) for line in text.split("\n")]
    assert sum(line.startswith("Patient ") for line in lines) <= 1
    assert not [line for line in lines if line.startswith("  HER2 status: positive")]
    assert all(line.isprintable() for line in lines), [line for line in lines if not line.isprintable()]
    told = asked("review", path, "--on", ON, "-o", tmp_path / "y.parquet")
    assert all(line.isprintable() for text in (told.stdout, told.stderr) for line in text.split("\n"))


def test_what_could_not_be_read_begins_no_line_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    padding = "x " * 60
    path.write_text(
        f"patient,date,fact,value\np1,2026-01-05,ihc_score,1+\np1,2026-01-05,{padding}{FORGED[:7]} p9,1+\n",
        encoding="utf-8",
    )
    done = asked("review", path, "--on", ON)
    assert sum(line.startswith("Patient ") for line in done.stdout.split("\n")) == 1


# -- the cache --------------------------------------------------------------------------------------


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


@pytest.mark.parametrize(
    "content",
    [pickle.dumps(Runs()), b"cher2path.facts.cache\nos.system\n(S'touch pwned'\ntR.",
     b"\x80\x04\x8c\x14her2path.facts.cache\x8c\tos.system\x93\x8c\x0btouch pwned\x85R.",
     b"cbuiltins\neval\n(S'1'\ntR.", b"cher2path.facts.cache\nmake_private\n(S'x'\ntR."],
    ids=["reduce", "dotted", "dotted, new", "eval", "own function"],
)  # fmt: skip
def test_a_kept_file_runs_no_code(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        loaded_as_data(content)
    assert list(tmp_path.iterdir()) == []


posix = pytest.mark.skipif(os.name != "posix", reason="owners and links as on POSIX")


@posix
def test_a_kept_file_is_the_users_own_and_no_link(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with PrivateFolder(folder) as place:
        (tmp_path / "other").write_bytes(b"other")
        (folder / "link").symlink_to(tmp_path / "other")
        (folder / "own").write_bytes(b"own")
        assert place.read("own") == b"own"
        os.link(folder / "own", tmp_path / "second name")
        os.mkfifo(folder / "pipe")
        (folder / "open").write_bytes(b"open")
        (folder / "open").chmod(0o666)
        for name in ("link", "own", "pipe", "open", "none"):
            with pytest.raises(OSError):  # noqa: PT011 - of several kinds
                place.read(name)


@posix
def test_a_folder_that_is_a_link_or_open_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, link = tmp_path / "cache", tmp_path / "link"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with PrivateFolder(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    link.symlink_to(folder)
    with pytest.raises(OSError), PrivateFolder(link):  # noqa: PT011
        raise AssertionError("never reached")
    monkeypatch.setattr(cache.os, "geteuid", lambda: 4321)
    with pytest.raises(PermissionError, match="another user"), PrivateFolder(folder):
        raise AssertionError("never reached")


@posix
def test_knowledge_in_a_folder_of_another_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "some.md"
    source.write_text("one", encoding="utf-8")
    monkeypatch.setattr(cache, "user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("HER2PATH_CACHE", raising=False)
    assert cache.kept("some", [source], lambda: "one") == "one"
    assert cache.kept("some", [source], lambda: "two") == "one"
    with monkeypatch.context() as another:
        another.setattr(cache.os, "geteuid", lambda: 4321)
        assert cache.kept("some", [source], lambda: "two") == "two"
    assert cache.kept("some", [source], lambda: "three") == "one"
