"""The formats of a review: three that ship, and any from outside."""

from __future__ import annotations

import datetime as dt
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.cohort.review import review_source
from her2path.facts.problem import AskedWrongly
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.findings.summary import Summary
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge
from her2path.write import formats
from her2path.write.caution import CAUTION
from her2path.write.fhir.proposals import bundle_line, review_bundle
from her2path.write.formats import Format, format_named, format_names, format_of, register_format
from her2path.write.review_json import MOST_TOLD, JsonFormat, patient_json
from her2path.write.review_text import patient_text, summary_text, trouble_text
from her2path.write.writer import Writer, write_reviews

EXAMPLES = Path(__file__).parent.parent / "examples"
COURSE = EXAMPLES / "courses" / "adjuvant-hold.csv"
ON = dt.date(2026, 2, 3)
SHIPPED = ("text", "json", "fhir")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formats that ship, whatever other tests have registered."""
    monkeypatch.setattr(formats, "_FORMATS", {name: formats._FORMATS[name] for name in SHIPPED})


def review(*arguments: object):
    return CliRunner().invoke(main, ["review", *map(str, arguments), "--on", str(ON)])


# -- the three that ship --------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A file with a line that is nothing, between two patients."""
    first, second = (EXAMPLES / "her2-tests.ndjson").read_text(encoding="utf-8").splitlines()[:2]
    path = tmp_path / "broken.ndjson"
    path.write_text(f"{first}\nbroken{{\n{second}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("summary_only", [False, True])
@pytest.mark.parametrize("form", SHIPPED)
def test_every_byte_of_the_three(form: str, summary_only: bool, broken: Path) -> None:
    """What each writes, put together here from its parts."""
    items = [*review_source(broken, default_knowledge(), Settings(ON, jurisdiction="us"))]
    patients = [item for item in items if isinstance(item, PatientReview)]
    (trouble,) = [item for item in items if isinstance(item, Trouble)]
    assert len(patients) == 2
    summary = Summary(troubles=1)
    for patient in patients:
        summary.add(patient)
    shown = [] if summary_only else patients
    error = ""
    if form == "text":
        texts = [
            trouble_text(item) if isinstance(item, Trouble) else patient_text(item)
            for item in (items if not summary_only else [trouble])
        ]
        output = "".join(f"{text}\n" for text in [*texts, summary_text(summary)])
    elif form == "json":
        not_read = [{"kind": str(trouble.kind), "where": trouble.where, "what": trouble.what}]
        lines = ",".join("\n" + json.dumps(patient_json(patient), ensure_ascii=False) for patient in shown)
        made = json.loads(review(broken, "--jurisdiction", "us", "--format", "json").stdout)["manifest"]
        assert made["read"]["patients"] == 2
        closing = {"summary": summary.as_json(), "not_read": not_read, "manifest": made, "caution": CAUTION}
        output = '{"patients": [' + lines + "\n], " + json.dumps(closing, ensure_ascii=False)[1:] + "\n"
        error = trouble_text(trouble) + "\n"
        assert len(json.loads(output)["patients"]) == len(shown)
    else:
        output = "".join(bundle_line(review_bundle(patient, ON)) + "\n" for patient in shown)
        error = trouble_text(trouble) + "\n" + summary_text(summary) + "\n"
    options = [*["--summary-only"] * summary_only, *["--why"] * (form == "text")]
    result = review(broken, "--jurisdiction", "us", "--format", form, *options)
    assert (result.stdout, result.stderr, result.exit_code) == (output, error, 3)


def test_a_document_of_nobody_is_still_json() -> None:
    stream = io.StringIO()
    Writer(stream, JsonFormat(ON)).finish(Summary())
    assert json.loads(stream.getvalue())["patients"] == []


def test_what_is_not_read_is_told_so_often_at_most() -> None:
    form = JsonFormat(ON)
    for number in range(MOST_TOLD + 5):
        assert form.trouble(Trouble("unreadable", f"x:{number}", "nothing")) == ""
    told = json.loads(form.begin() + form.end(Summary(troubles=MOST_TOLD + 5)))
    assert (len(told["not_read"]), told["summary"]["not_read"]) == (MOST_TOLD, MOST_TOLD + 5)


# -- from outside ---------------------------------------------------------------------------------


class Bullets(Format):
    """A Markdown list, a patient a bullet."""

    name = "bullets"
    suffixes = (".md",)

    def begin(self) -> str:
        return f"# Patients on {self.on}\n\n"

    def patient(self, review: PatientReview) -> str:
        findings = review.course.findings if review.course is not None else []
        return f"- {review.patient}: {review.status}\n" + "".join(f"    - {each.grade.word}\n" for each in findings)

    def trouble(self, trouble: Trouble) -> str:
        return f"- not read: {trouble.where}\n"

    def end(self, summary: Summary) -> str:
        return f"\n{summary.patients} patients\n"


def test_a_format_from_outside_reviews_like_any_other(broken: Path, tmp_path: Path) -> None:
    assert register_format(Bullets) is Bullets
    assert register_format(Bullets) is Bullets
    result = review(COURSE, "--format", "bullets")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:3] == ["# Patients on 2026-02-03", "", "- adjuvant-hold: positive"]
    assert "    - act" in lines
    assert lines[-1] == "1 patients"
    assert result.stderr == ""
    told = review(broken, "--format", "bullets", "-o", tmp_path / "list.md")
    assert told.exit_code == 3
    assert "- not read: broken.ndjson:2\n" in (tmp_path / "list.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_a_format_from_outside_is_written_by_several_processes_too() -> None:
    register_format(Bullets)
    one, many = (
        review(EXAMPLES / "her2-tests.ndjson", "--format", "bullets", "--processes", count) for count in (1, 2)
    )
    assert one.stdout == many.stdout
    assert one.stdout.count("\n- ") == 43


def test_what_a_format_has_no_words_for_is_told_on_standard_error(broken: Path) -> None:
    class Names(Format):
        name = "names"
        between = ", "

        def patient(self, review: PatientReview) -> str:
            return review.patient

    register_format(Names)
    result = review(broken, "--format", "names")
    assert result.stdout.count(", ") == 1
    assert result.stderr.startswith("not read: broken.ndjson:2")
    assert "2 patients, 2 specimens" in result.stderr


class Unnamed(Format):
    pass


class Text(Format):
    name = "text"


class Spaced(Format):
    name = "two words"


def test_a_format_that_is_defined_anew_takes_its_own_place() -> None:
    def defined(word: str) -> type[Format]:
        class Notebook(Format):
            name = "notebook"

            def patient(self, review: PatientReview) -> str:
                return f"{word} {review.patient}\n"

        return register_format(Notebook)

    defined("before")
    assert format_named("notebook") is not (again := defined("after"))
    assert format_named("notebook") is again
    assert review(COURSE, "--format", "notebook").stdout == "after adjuvant-hold\n"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Unnamed, "Unnamed is called ''; a format needs a name"), (Spaced, "a format needs a name without spaces"),
        (Text, "there is a format called 'text' already"), (dict, "dict is no format"), (3, "3 is no format"),
    ],
)  # fmt: skip
def test_what_is_no_format_is_refused(kind, words: str) -> None:
    with pytest.raises(AskedWrongly, match=words):
        register_format(kind)
    assert format_names() == list(SHIPPED)


def test_a_format_that_there_is_not_is_asked_wrongly() -> None:
    result = review(COURSE, "--format", "xml")
    assert result.exit_code == 2
    assert "'xml' is not one of 'text', 'json', 'fhir'." in result.output
    with pytest.raises(AskedWrongly, match="no format is called 'xml'; there are text, json, fhir"):
        format_named("xml")


def test_help_tells_every_format() -> None:
    register_format(Bullets)
    assert "--format [text|json|fhir|bullets]" in CliRunner().invoke(main, ["review", "--help"]).output


PACKAGE = """
from her2path.write.formats import Format

class Bullets(Format):
    name = "bullets"
    def patient(self, review):
        return f"- {review.patient}\\n"

no_format = "no format"
"""
POINTS = """
[her2path.formats]
bullets = bullets_package:Bullets
gone = no_such_package:Format
wrong = bullets_package:no_format
text = bullets_package:Bullets
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with formats, as if it were installed."""
    (tmp_path / "bullets_package.py").write_text(PACKAGE, encoding="utf-8")
    about = tmp_path / "bullets_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bullets-package\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(POINTS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("bullets_package", None)


@pytest.mark.usefixtures("installed")
def test_a_format_of_an_installed_package_is_imported_when_asked_for() -> None:
    assert format_names() == [*SHIPPED, "bullets", "gone", "wrong"]
    assert "bullets_package" not in sys.modules
    result = review(COURSE, "--format", "bullets")
    assert result.stdout == "- adjuvant-hold\n"
    assert format_named("text").__module__ == "her2path.write.review_text"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone", "the format gone (no_such_package:Format) cannot be imported"),
        ("wrong", "bullets_package:no_format (the entry point wrong) is no format"),
    ],
)
def test_a_broken_format_of_a_package_is_told_and_spoils_nothing(name: str, words: str, tmp_path: Path) -> None:
    output = tmp_path / "before.txt"
    output.write_text("before", encoding="utf-8")
    result = review(COURSE, "--format", name, "-o", output)
    assert result.exit_code == 2
    assert words in result.output
    assert output.read_text(encoding="utf-8") == "before"


def test_the_formats_that_ship_need_no_look_at_what_is_installed() -> None:
    code = "import sys; from her2path.write.formats import is_format\nassert is_format('fhir')\nassert 'importlib.metadata' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- from Python ----------------------------------------------------------------------------------


def test_reviews_are_written_in_the_format_of_the_ending(tmp_path: Path) -> None:
    register_format(Bullets)
    knowledge, settings = default_knowledge(), Settings(ON, jurisdiction="us")
    for ending, form in (
        (".txt", "text"),
        (".json", "json"),
        (".NDJSON", "fhir"),
        (".md", "bullets"),
        (".out", "text"),
    ):
        output = tmp_path / f"review{ending}"
        named = form if ending == ".out" else None
        summary = write_reviews(review_source(COURSE, knowledge, settings), output, ON, named)
        assert summary.patients == 1
        told = review(COURSE, "--jurisdiction", "us", "--format", form).stdout
        if form == "json":  # by what it was made only the command knows
            assert json.loads(output.read_text(encoding="utf-8")) == {
                name: value for name, value in json.loads(told).items() if name != "manifest"
            }
        else:
            assert output.read_text(encoding="utf-8") == told


def test_an_ending_that_no_format_has_is_asked_wrongly() -> None:
    with pytest.raises(
        AskedWrongly, match=r"x.doc: no format ends so; there are text \(.txt .text\), json \(.json\), fhir"
    ):
        format_of(Path("x.doc"))


def test_troubles_are_counted_and_written(broken: Path, tmp_path: Path) -> None:
    reviews = review_source(broken, default_knowledge(), Settings(ON, jurisdiction="us"))
    assert write_reviews(reviews, tmp_path / "out.json", ON).troubles == 1
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["not_read"]) == 1
