"""A source shared by several processes is reviewed like one that is not: same words, same order, same counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import fhir_makers as make
from her2path.cli.group import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

EXAMPLES = Path(__file__).parent.parent / "examples" / "her2-tests.ndjson"


def review(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["review", str(path), *options])
    return result.exit_code, result.stdout


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.cohort.review.BATCH_BYTES", 20_000)


@pytest.mark.parametrize("form", ["text", "json"])
def test_bundles_shared_by_processes_come_out_alike(tmp_path: Path, form: str) -> None:
    path = tmp_path / "many.ndjson"
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([*lines, "not json", *lines[:7], '{"resourceType": "Bundle", "entry": [', *lines[7:]]) + "\n"
    )
    alone, shared = (
        review(path, "--format", form, "--processes", "1"),
        review(path, "--format", form, "--processes", "3"),
    )
    assert alone == shared
    assert alone[0] == 3


def test_single_resources_shared_by_processes_come_together(tmp_path: Path) -> None:
    resources = [make.patient(f"p{n}") for n in range(40)]
    resources += [
        make.observation(make.IHC, f"{n % 4}+".replace("0+", "0"), subject=f"Patient/p{n}", identity=f"i{n}")
        for n in range(40)
    ]
    resources += [
        make.observation(make.ISH, "not amplified", subject=f"Patient/p{n}", identity=f"f{n}") for n in range(40)
    ]
    path = tmp_path / "bulk.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in resources))
    alone, shared = review(path, "--processes", "1"), review(path, "--processes", "2")
    assert alone == shared
    assert "40 patients" in shared[1]


def test_a_folder_shared_by_processes_keeps_its_order(tmp_path: Path) -> None:
    for number, line in enumerate(EXAMPLES.read_text(encoding="utf-8").splitlines()):
        (tmp_path / f"{number:03}.json").write_text(line)
    assert review(tmp_path, "--processes", "1") == review(tmp_path, "--processes", "2")
