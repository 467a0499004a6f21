"""The public face: one package to import from, complete, typed, and kept for a time where it moves."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import her2path
from her2path import _moved

ROOT = Path(__file__).parent.parent
LIBRARY = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
VERSIONS = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```", LIBRARY, re.MULTILINE | re.DOTALL))


# -- complete -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", her2path.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(her2path, name)
    assert value is not None
    assert getattr(her2path, name) is value


def test_the_names_are_listed_once_and_in_order() -> None:
    assert her2path.__all__ == sorted(set(her2path.__all__))
    assert set(her2path._WHERE) | {"__version__"} == set(her2path.__all__) == set(dir(her2path))


def test_a_name_that_is_not_public_is_none() -> None:
    with pytest.raises(AttributeError, match="module 'her2path' has no attribute 'decid'"):
        her2path.decid  # noqa: B018


def test_what_a_type_checker_is_told_is_what_is_imported() -> None:
    source = (ROOT / "src" / "her2path" / "__init__.py").read_text(encoding="utf-8")
    told = {}
    for module, names in re.findall(r"^    from \.([\w.]+) import (.+)$", source, re.MULTILINE):
        told |= {name.strip(): module for name in names.split(",")}
    told.pop("import_module", None)
    told = {name: module for name, module in told.items() if module != "metadata"}
    assert told == her2path._WHERE


def test_the_library_page_imports_from_her2path_alone() -> None:
    assert re.findall(r"\bher2path\.(\w+)\.\w+ import|import her2path\.\w+", CODE) == []
    assert re.findall(r"from her2path\.", LIBRARY) == []
    imported = {
        name.strip()
        for names in re.findall(r"^from her2path import (.+)$", CODE, re.MULTILINE)
        for name in names.split(",")
    }
    used = set(re.findall(r"\bher2path\.(\w+)\(", CODE))
    assert imported | used <= set(her2path.__all__)


def test_the_library_page_describes_every_public_name() -> None:
    described = set(re.findall(r"`(?:her2path\.)?(\w+)`", LIBRARY))
    assert set(her2path.__all__) - described == set()


# -- typed ----------------------------------------------------------------------------------------


def annotations(name: str) -> Iterator[tuple[str, str]]:
    """Every annotation of a public name, with where it stands: parameters, results, fields; "" where one is missing."""
    value = getattr(her2path, name)
    if inspect.isfunction(value):
        yield from of_function(name, value)
    elif inspect.isclass(value):
        for kind in value.__mro__:
            if not kind.__module__.startswith("her2path"):
                continue
            for field, annotation in vars(kind).get("__annotations__", {}).items():
                if not field.startswith("_"):
                    yield f"{name}.{field}", str(annotation)
            generated = hasattr(kind, "__dataclass_fields__") or getattr(kind, "_is_protocol", False)
            for member, found in vars(kind).items():
                if member.startswith("_") and (member != "__init__" or generated):
                    continue
                function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
                if inspect.isfunction(function):
                    yield from of_function(f"{name}.{member}", function)


def of_function(where: str, function) -> Iterator[tuple[str, str]]:
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.name != "self":
            missing = parameter.annotation is inspect.Parameter.empty
            yield f"{where}({parameter.name})", "" if missing else str(parameter.annotation)
    missing = signature.return_annotation is inspect.Signature.empty
    yield f"{where}()", "" if missing else str(signature.return_annotation)


@pytest.mark.parametrize("name", [name for name in her2path.__all__ if callable(getattr(her2path, name))])
def test_every_public_name_is_typed_without_any(name: str) -> None:
    vague = {where: said for where, said in annotations(name) if not said or re.search(r"\bAny\b", said)}
    assert vague == {}


def test_the_typed_example_runs(tmp_path: Path) -> None:
    import typing_example

    assert typing_example.main(tmp_path / "reviews.names").patients == 1
    assert (tmp_path / "reviews.names").read_text(encoding="utf-8") == "adjuvant-hold\n1\n"


def test_the_typed_example_is_checked() -> None:
    assert '"tests/typing_example.py"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (ROOT / "src" / "her2path" / "py.typed").exists()


# -- moved ----------------------------------------------------------------------------------------

OF_OLD = {
    "her2path.read.records": ["read_records"],
    "her2path.population_file": ["review_file"],
    "her2path.review": ["Reviewer", "Settings", "Summary", "review_source"],
    "her2path.site": ["Site", "read_site"],
    "her2path.therapy": ["Courses"],
}
"""What the library page of 0.1 imported, or named, from modules."""


@pytest.fixture(params=sorted(OF_OLD))
def old(request: pytest.FixtureRequest) -> Iterator[str]:
    sys.modules.pop(request.param, None)
    yield request.param
    sys.modules.pop(request.param, None)


def test_a_module_that_moved_imports_with_a_warning_that_names_the_new_place(old: str) -> None:
    with pytest.warns(
        DeprecationWarning, match=re.escape(f"{old} goes with her2path {_moved.GOES_WITH}; import ")
    ) as told:
        module = import_module(old)
    assert str(told[0].message).endswith(" from her2path")
    for name in OF_OLD[old]:
        assert getattr(module, name) is not None
        if name in her2path.__all__:
            assert getattr(module, name) is getattr(her2path, name)
            assert name in str(told[0].message)
    assert set(OF_OLD[old]) <= set(dir(module))
    with pytest.raises(AttributeError):
        module.nothing  # noqa: B018


def test_the_warning_points_to_who_imports() -> None:
    code = "import warnings\nwarnings.simplefilter('error')\n\n\nfrom her2path.review import Reviewer\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    shown = subprocess.run(
        [sys.executable, "-c", code.replace("'error'", "'always'")], capture_output=True, text=True, check=True
    )
    assert shown.stderr.startswith("<string>:5: DeprecationWarning: her2path.review goes with her2path")


def test_a_module_of_nothing_is_not_there() -> None:
    with pytest.raises(ModuleNotFoundError, match="telling"):
        import_module("her2path.telling")


def test_no_module_that_moved_stands_in_the_way_of_one() -> None:
    for old_name, (new, _) in _moved.MOVED.items():
        assert not (ROOT / "src" / old_name.replace(".", "/")).with_suffix(".py").exists()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            import_module(new)


def test_the_page_on_versions_lists_what_moved() -> None:
    for old_name in _moved.MOVED:
        assert f"`{old_name}`" in VERSIONS
    assert f"go with version {_moved.GOES_WITH}" in VERSIONS
