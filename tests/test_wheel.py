"""What is installed is what stands in the source: a built wheel holds every file of the package, not Python alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

wheel = pytest.importorskip("hatchling.builders.wheel")

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "her2path"


def test_a_built_wheel_holds_templates_static_files_and_knowledge(tmp_path: Path) -> None:
    (built,) = wheel.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as opened:
        held = {name for name in opened.namelist() if name.startswith("her2path/")}
    stands = {
        path.relative_to(ROOT / "src").as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert stands - held == set()
    for folder, ending in (("serve/pages/templates", ".html"), ("serve/pages/static", ".css"), ("knowledge", ".md")):
        found = [name for name in held if name.startswith(f"her2path/{folder}/") and name.endswith(ending)]
        assert found, folder
