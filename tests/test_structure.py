"""The house rules: where things live, which way imports run, how long a module is, and that documents hold."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.tables.load import default_knowledge

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "her2path"
KNOWLEDGE_FOLDER = SOURCE / "knowledge"
README = ROOT / "README.md"
DECISIONS = ROOT / "docs" / "decisions.md"
MODULES = {path.relative_to(SOURCE).with_suffix("").as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

MOST_MODULES = 13
"""In one folder: more is two ideas, or wants a folder of its own."""


def test_no_python_below_knowledge() -> None:
    assert list(KNOWLEDGE_FOLDER.rglob("*.py*")) == []
    assert {path.suffix for path in KNOWLEDGE_FOLDER.rglob("*") if path.is_file()} <= {".md"}


def test_imports_run_one_way() -> None:
    """The contracts of `pyproject.toml`: the flow from facts to the command, and no heavy package in the core."""
    told = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout


def test_imports_run_in_no_circle() -> None:
    """Wherever an import stands: at the top, in a function, or for types alone."""
    graph = grimp.build_graph("her2path", exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    open_, done = [], set()

    def walk(module: str) -> None:
        assert module not in open_, " imports ".join([*open_[open_.index(module) :], module])
        if module in done:
            return
        open_.append(module)
        for imported in sorted(imports[module]):
            walk(imported)
        open_.pop()
        done.add(module)

    for module in sorted(imports):
        walk(module)


PACKAGES = sorted({path.parent for path in MODULES.values()})


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_package_says_what_enters_and_what_leaves(package) -> None:
    said = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert said
    assert package == SOURCE or ("In: " in said and "Out: " in said)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_package_has_few_modules(package) -> None:
    modules = [path for path in MODULES.values() if path.parent == package and path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, f"{package.name} has {len(modules)} modules"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_is_longer_than_400_lines(module) -> None:
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= 400, f"{module}.py has {lines} lines; one idea each"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_says_what_it_is_for(module) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8")))


# -- sources and decisions ------------------------------------------------------------------------


def knowledge_texts() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(KNOWLEDGE_FOLDER.rglob("*.md"))}


def cited() -> set[str]:
    texts = (text for path, text in knowledge_texts().items() if path.name != "sources.md")
    return {key for text in texts for key in re.findall(r"(?<![\w`])@([a-z0-9-]+)", text)}


def test_every_source_is_cited_and_every_citation_is_a_source() -> None:
    sources = set(default_knowledge().sources)
    assert cited() - sources == set()
    assert sources - cited() == set()


def test_every_source_has_a_reference_an_address_and_a_day() -> None:
    for source in default_knowledge().sources.values():
        assert source.reference
        assert source.address
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", source.read_on)


def test_every_decision_cited_is_written_down() -> None:
    if not DECISIONS.exists():
        pytest.skip("docs/decisions.md is not written yet")
    written = set(re.findall(r"^#+ (D\d+)\b", DECISIONS.read_text(encoding="utf-8"), re.MULTILINE))
    wanted = {name for text in knowledge_texts().values() for name in re.findall(r"@decisions (D\d+)", text)}
    wanted |= {name for text in knowledge_texts().values() for name in re.findall(r"\(decision (D\d+)\)", text)}
    assert wanted
    assert wanted - written == set()


def test_every_row_decided_by_the_project_cites_the_decision() -> None:
    for edition in default_knowledge().editions:
        for table in edition.tables.values():
            for row in table.rows:
                if any(citation.verified == "decided" for citation in row.citations):
                    decisions = [citation.where for citation in row.citations if citation.key == "decisions"]
                    assert decisions, f"{table.name} row {row.name} is decided but cites no decision"
                    assert all(re.fullmatch(r"D\d+(, D\d+)*", where) for where in decisions)


# -- documents ------------------------------------------------------------------------------------


README_LINES = 110


def test_the_readme_is_short() -> None:
    lines = README.read_text(encoding="utf-8").count("\n")
    assert lines < README_LINES, f"README has {lines} lines; what is more belongs in docs/"


def documents() -> list[Path]:
    return [README, *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list:
    """Every fenced block of a language in the documents."""
    found = []
    for path in documents():
        fences = re.finditer(
            rf"^```{language}[^\n]*\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
        found += [pytest.param(fence[1], id=f"{path.name}-{number}") for number, fence in enumerate(fences, start=1)]
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_of_the_documents_runs(code, tmp_path, monkeypatch) -> None:
    """A block is run as it stands, with relative paths from the project's folder; `>>>` blocks as doctests."""
    import doctest

    monkeypatch.chdir(ROOT)
    if ">>>" in code:
        test = doctest.DocTestParser().get_doctest(code, {}, "document", None, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test).failed == 0
    else:
        exec(compile(code, "document", "exec"), {"__name__": "document"})


def test_the_package_docstring_runs_as_a_doctest() -> None:
    import doctest

    import her2path

    assert doctest.testmod(her2path).failed == 0


def shell_lines() -> list:
    """The commands of the documents that decide or show something, without pipes, files and variables."""
    found = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        for fence in re.finditer(r"^```(?:sh|bash|console|text)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines = re.sub(r"\\\n\s*", " ", fence[1]).splitlines()
            for line in (line.strip().removeprefix("$ ") for line in lines):
                if re.match(r"her2path (check|show|diff|decide|--version)\b", line) and not re.search(
                    r"[|<>;&…]|\.\.\.|\.(csv|parquet|json|md)\b", line
                ):
                    found.append(pytest.param(line, id=f"{path.name}: {line}"))
    return found


@pytest.mark.parametrize("line", shell_lines())
def test_the_commands_of_the_documents_run(line) -> None:
    result = CliRunner().invoke(main, shlex.split(line.split("  #")[0])[1:])
    assert result.exit_code == 0, result.output
