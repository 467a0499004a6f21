"""The page over a population: it stands by itself, every number opens, and what it says is what was counted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from her2path import Population
from her2path.cohort.measures.count import ANSWERS
from her2path.cohort.measures.read import measures
from her2path.cohort.measures.views import opened
from her2path.cohort.measures.why import ELSEWHERE, why_open
from her2path.cohort.report import page
from test_own_pages import Read
from test_population_editions import EDITIONS, made, run, source  # noqa: F401

CHECKED = ["her2-tested", "her2-treated", "lvef-baseline", "lvef-every-3-months", "her2-treated-2019", "her2-treated-2026"]


@pytest.fixture(scope="module")
def written(made: Population, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: F811
    place = tmp_path_factory.mktemp("report") / "report.html"
    told = run("report", made.folder, "--by", "hospital", "-o", place, "--title", "<script>North</script>")
    assert told.exit_code == 0, told.stderr
    return place.read_text(encoding="utf-8")


def test_it_stands_by_itself_and_escapes_what_it_shows(written: str) -> None:
    read = Read(written)
    assert read.open == []
    assert "script" not in read.tags
    assert not [value for name, value in read.attributes if name in ("src", "onclick", "style", "xlink:href")]
    assert not re.search(r"url\(|@import|https?://(?!\S*</span>)", re.sub(r'class="faint">[^<]*', "", written))
    assert all((value or "").startswith("#") for name, value in read.attributes if name == "href")
    assert "&lt;script&gt;North&lt;/script&gt;" in written
    assert "O&#39;Hara, &#34;East&#34;" in written
    for words in ("prefers-color-scheme: dark", "@media print", "max-width: 720px", "default-src 'none'"):
        assert words in written


def test_every_link_leads_to_something_on_the_page(written: str) -> None:
    read = Read(written)
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for name, value in read.attributes if name == "href" and value} <= set(ids)


@pytest.mark.parametrize("key", CHECKED)
def test_a_number_opens_to_its_definition_its_patients_and_a_command(key: str, written: str, made: Population) -> None:  # noqa: F811
    part = written[written.index(f'id="m-{key}"') :]
    read = Read(part[part.index("<summary>") : part.index("</details>")])
    measure, (counted,) = measures()[key], made.measure(key)
    assert " ".join(measure.denominator.split()) in read.text
    assert " ".join(measure.numerator.split()) in read.text
    assert measure.differences in read.text
    assert measure.citations[0].key in read.text
    known = counted.met + counted.not_met
    assert f"{counted.met} of {known}" in read.text
    if counted.lowest is not None and counted.undetermined + counted.maybe:
        assert f"{100 * counted.lowest:.1f} % to {100 * counted.highest:.1f} %" in read.text
    for answer in ANSWERS:
        patients = made.who(key, answer)
        command = shlex.join(["her2path", "measure", str(made.folder), key, "--who", answer])
        assert (command in read.text) == bool(patients)
        if patients:
            assert run(*shlex.split(command)[1:]).stdout.split() == patients
            assert all(re.search(rf"(^| ){re.escape(name)} ", read.text) for name in patients)


def test_the_editions_stand_on_it(written: str) -> None:
    read = Read(written)
    assert "7 patients; 3 change" in read.text
    assert "HER2 status positive undetermined 2" in read.text
    assert "Nobody has another status." in read.text
    assert written.count("asco-cap-2013 positive to asco-cap-2018 undetermined: 2") >= 2  # wide and narrow
    assert "Cut short" not in read.text


def test_why_somebody_is_undetermined(made: Population) -> None:  # noqa: F811
    connection, measure = opened(made.folder, "asco-cap-2018"), measures()["her2-treated"]
    assert why_open(connection, measure, "membership undetermined") == [("HER2 is undetermined or not tested", 5)]
    tested = measures()["her2-tested"]
    assert why_open(connection, tested, "undetermined") == [(ELSEWHERE, 1)]
    assert why_open(connection, tested, "membership undetermined") == []


def test_small_cells_are_not_told_and_nobody_is_named(made: Population, tmp_path: Path) -> None:  # noqa: F811
    place = tmp_path / "small.html"
    assert run("report", made.folder, "--suppress", 11, "--by", "hospital", "-o", place).exit_code == 0
    text = Read(place.read_text(encoding="utf-8")).text
    assert "not told: a count below 11" in text
    assert "Counts from 1 to 10 are not told, and nobody is named." in text
    for name in ("group2", "unread", "untested"):
        assert not re.search(rf"\b{name}\b", text)
    assert "positive: below 11" in text
    assert not re.search(r"95 % interval \d", text)


def test_nobody_is_named_where_none_is_asked_for(made: Population, tmp_path: Path) -> None:  # noqa: F811
    place = tmp_path / "none.html"
    assert run("report", made.folder, "her2-treated", "--most-patients", 0, "-o", place).exit_code == 0
    text = Read(place.read_text(encoding="utf-8")).text
    assert "group4" not in text
    assert "--who 'membership undetermined'" in text
    assert "LVEF before the first dose" not in text.split("One measure, several editions")[0]


def test_it_can_be_asked_wrongly(made: Population, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert "--by hospitl: no such column; there are" in run("report", made.folder, "--by", "hospitl").stderr
    assert "did you mean her2-treated" in run("report", made.folder, "her2-treatd").stderr
    assert "holds no population that is done" in run("report", tmp_path).stderr
    monkeypatch.setattr(page, "find_spec", lambda _: None)
    assert "pip install 'her2path[html]'" in run("report", made.folder).stderr


def test_the_page_of_the_library_is_that_of_the_command(made: Population, tmp_path: Path) -> None:  # noqa: F811
    made.report(tmp_path / "a.html", by=["hospital"])
    told = run("report", made.folder, "--by", "hospital")
    assert (tmp_path / "a.html").read_text(encoding="utf-8").strip() == told.stdout.strip()
    assert set(EDITIONS) == set(made.editions)
