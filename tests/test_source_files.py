"""Folders, archives, pipes and encodings: what is in them is read, and what cannot be is told by name."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.read import archives, unpack
from record_shapes import Said, container, document, lines, therapy_of

TEXT = "".join(json.dumps(each) + "\n" for each in therapy_of()).encode()
BUNDLE = json.dumps(container("collection", *therapy_of())).encode()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict:
    said = Said(lines(tmp_path_factory.mktemp("wanted") / "p.ndjson", *therapy_of()))
    assert "withhold" in said.words()
    return said.patients


def zipped(*members: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return held.getvalue()


def tarred(*members: tuple[str, bytes], mode: str = "w") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


HALVES = TEXT[: TEXT.index(b"\n", len(TEXT) // 2) + 1], TEXT[TEXT.index(b"\n", len(TEXT) // 2) + 1 :]
PACKED = {
    "p.zip": zipped(("p.ndjson", TEXT)),
    "bundle.zip": zipped(("p.json", BUNDLE)),
    "folders.zip": zipped(("a/b/one.ndjson", HALVES[0]), ("a/c/two.ndjson", HALVES[1])),
    "in-a-zip.zip": zipped(("inner.zip", zipped(("p.ndjson", TEXT)))),
    "gzip-in-zip.zip": zipped(("p.ndjson.gz", gzip.compress(TEXT))),
    "tar-in-zip.zip": zipped(("p.tgz", tarred(("p.ndjson", TEXT), mode="w:gz"))),
    "zip-in-tar.tar": tarred(("p.zip", zipped(("p.ndjson", TEXT)))),
    "p.tar": tarred(("one.ndjson", HALVES[0]), ("two.ndjson", HALVES[1])),
    "p.tgz": tarred(("p.ndjson", TEXT), mode="w:gz"),
    "p.tar.bz2": tarred(("p.ndjson", TEXT), mode="w:bz2"),
    "p.tar.xz": tarred(("p.ndjson", TEXT), mode="w:xz"),
    "p.ndjson.gz": gzip.compress(TEXT),
    "p.ndjson.bz2": bz2.compress(TEXT),
    "p.json.xz": lzma.compress(BUNDLE),
    "p.ndjson": gzip.compress(TEXT),
    "p.json": TEXT,
    "pretty.ndjson": json.dumps(json.loads(BUNDLE), indent=2).encode(),
}


@pytest.mark.parametrize("in_folder", [False, True], ids=["alone", "in a folder"])
@pytest.mark.parametrize("name", PACKED)
def test_everything_packed_is_read(tmp_path: Path, wanted: dict, name: str, in_folder: bool) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / name).write_bytes(PACKED[name])
    said = Said(tmp_path / "s" if in_folder else tmp_path / "s" / name)
    assert said.patients == wanted
    assert not said.troubles


@pytest.mark.parametrize("name", ["export", "patients.txt", "p.fhir", "x.dat"])
@pytest.mark.parametrize("content", [TEXT, BUNDLE, PACKED["p.zip"], PACKED["p.tgz"], PACKED["p.ndjson.gz"]])
def test_a_file_that_is_given_is_read_by_its_content(tmp_path: Path, wanted: dict, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    said = Said(tmp_path / name)
    assert said.patients == wanted
    assert not said.troubles


def encrypted(content: bytes) -> bytes:
    """A zip with the mark of a password on its file."""
    packed = bytearray(zipped(("p.ndjson", content)))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(magic) + at] |= 1
    return bytes(packed)


def broken(content: bytes) -> bytes:
    packed = bytearray(zipped(("p.ndjson", content), ("q.ndjson", content)))
    packed[60:80] = b"\xff" * 20
    return bytes(packed)


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "secret.zip": (encrypted(TEXT), "encrypted"),
    "cut.zip": (zipped(("p.ndjson", TEXT))[:200], "cannot be read"),
    "cut.gz": (gzip.compress(TEXT)[:-400], "cannot be read"),
    "no.zip": (b"%PDF-1.7 report", "not what its ending says"),
    "broken.zip": (broken(TEXT), "cannot be read"),
    "files.zip": (zipped(("report.pdf", b"%PDF"), ("p.ndjson", TEXT)), "report.pdf"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_archive_that_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path, wanted: dict, name: str) -> None:
    content, why = UNREADABLE[name]
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / name).write_bytes(content)
    assert why in Said(tmp_path / "s" / name).told
    (tmp_path / "s" / "z.ndjson").write_bytes(TEXT)
    said = Said(tmp_path / "s")
    assert said.patients.keys() == wanted.keys()
    assert said.status() == "positive"
    assert why in said.told
    assert name in said.told


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    packed = zipped(("p.ndjson", TEXT))
    for _ in range(10):
        packed = zipped(("inner.zip", packed))
    (tmp_path / "deep.zip").write_bytes(packed)
    assert "archives stand in each other" in Said(tmp_path / "deep.zip").told


@pytest.mark.parametrize("ending", ["zip", "ndjson.gz"])
def test_what_unpacks_to_far_too_much_is_told(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (archives, unpack):
        monkeypatch.setattr(module, "SUSPECT_BYTES", 1_000_000)
        monkeypatch.setattr(module, "SUSPECT_RATIO", 50)
    bomb = TEXT + b"\n".join([b"{}" + b" " * 1000] * 20_000)
    path = tmp_path / f"bomb.{ending}"
    path.write_bytes(zipped(("p.ndjson", bomb)) if ending == "zip" else gzip.compress(bomb))
    assert "no record does" in Said(path).told


# -- folders --------------------------------------------------------------------------------


def test_a_link_and_its_file_are_read_once(tmp_path: Path, wanted: dict) -> None:
    folder = tmp_path / "s"
    lines(folder / "real" / "p.ndjson", *therapy_of())
    (folder / "again.ndjson").symlink_to(folder / "real" / "p.ndjson")
    (folder / "aaa").symlink_to(folder / "real", target_is_directory=True)
    (folder / "real" / "up").symlink_to(folder, target_is_directory=True)
    os.link(folder / "real" / "p.ndjson", folder / "hard.ndjson")
    said = Said(folder)
    assert said.patients == wanted
    assert not said.troubles


def test_a_link_out_of_the_folder_is_read(tmp_path: Path, wanted: dict) -> None:
    lines(tmp_path / "elsewhere" / "p.ndjson", *therapy_of())
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert Said(tmp_path / "s").patients == wanted


def test_what_is_not_read_from_a_folder_is_told(tmp_path: Path, wanted: dict) -> None:
    folder = tmp_path / "s"
    lines(folder / "p.ndjson", *therapy_of())
    (folder / "dead.ndjson").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.ndjson")
    for name in ("report.pdf", "Observation", "export.7z", "p.ndjson.bak", "rows.csv", "letter.docx"):
        (folder / name).write_bytes(b"{}")
    for name in ("README.md", "LICENSE", ".DS_Store", "p.ndjson.sha256"):
        (folder / name).write_bytes(b"nothing")
    said = Said(folder)
    assert said.patients == wanted
    assert {trouble.where for trouble in said.troubles} == {
        "dead.ndjson", "pipe.ndjson", "report.pdf", "Observation", "export.7z", "p.ndjson.bak", "rows.csv", "letter.docx",
    }  # fmt: skip
    assert "which is not there" in said.told


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, wanted: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "s"
    lines(folder / "p.ndjson", *therapy_of())
    (folder / "closed").mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    said = Said(folder)
    assert said.patients == wanted
    assert "closed: the folder cannot be read" in said.told


# -- pipes and encodings --------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, BUNDLE, PACKED["p.zip"], PACKED["p.tgz"], PACKED["p.ndjson.gz"]])
def test_standard_input_is_read(content: bytes) -> None:
    command = [sys.executable, "-m", "her2path", "review", "-", "--on", "2025-09-15"]
    done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert b"withhold" in done.stdout


@pytest.mark.parametrize("name", ["p.ndjson", "pipe", "p.zip"])
def test_a_named_pipe_is_read(tmp_path: Path, wanted: dict, name: str) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(PACKED.get(name if name == "p.zip" else "", TEXT),))
    writer.start()
    assert Said(pipe).patients == wanted
    writer.join()


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16 big without a mark": lambda text: text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("ending", ["json", "ndjson", "txt", "ndjson.gz"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_encodings_are_read(tmp_path: Path, wanted: dict, encoding: str, ending: str) -> None:
    content = ENCODINGS[encoding]((BUNDLE if ending == "json" else TEXT).decode())
    path = tmp_path / f"p.{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    said = Said(path)
    assert said.patients == wanted
    assert not said.troubles


@pytest.mark.parametrize("ending", ["json", "ndjson"])
def test_text_in_latin_1_is_told(tmp_path: Path, ending: str) -> None:
    resources = therapy_of()
    resources[1]["code"]["text"] = "Mammakarzinom, Größe unklar"
    text = json.dumps(container("collection", *resources), ensure_ascii=False)
    path = tmp_path / f"p.{ending}"
    path.write_bytes(text.encode("latin-1"))
    assert "Latin-1" in Said(path).told


def test_a_zip_beside_other_files_of_an_export(tmp_path: Path, wanted: dict) -> None:
    folder = tmp_path / "s"
    lines(
        folder / "rest.ndjson", *(each for each in therapy_of() if each["resourceType"] != "MedicationAdministration")
    )
    doses = "".join(
        json.dumps(each) + "\n" for each in therapy_of() if each["resourceType"] == "MedicationAdministration"
    )
    (folder / "MedicationAdministration.zip").write_bytes(zipped(("MedicationAdministration.ndjson", doses.encode())))
    assert Said(folder).patients == wanted
    result = CliRunner().invoke(main, ["review", str(folder), "--on", "2025-09-15", "--processes", "2"])
    assert result.exit_code == 0
    assert "withhold" in result.output


def test_a_folder_gone_while_it_is_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    document(folder / "p.json", container("collection", *therapy_of()))
    shutil.copy(folder / "p.json", tmp_path / "kept.json")
    assert Said(folder).status() == "positive"
