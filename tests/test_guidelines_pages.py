"""The page of one table: whom of the loaded another edition would tell something else, and the row that is led to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pages_server import ON, WANTED, WARD, client_of, loaded_of

for name in WANTED:
    pytest.importorskip(name)

pytestmark = pytest.mark.filterwarnings("ignore")
PAIRS = [
    ("heart-trastuzumab-us", "heart-trastuzumab-eu", "cardiac_action", 5),
    ("asco-cap-2023", "asco-cap-2013", "her2_status", 1),
    ("reproduction-us", "reproduction-eu", "contraception_months", 0),
]


@pytest.fixture(scope="module")
def loaded() -> Any:
    return loaded_of()


def table(client: Any, edition: str, outcome: str, against: str) -> str:
    answer = client.get(f"/table?{urlencode({'edition': edition, 'outcome': outcome, 'against': against})}")
    assert answer.status_code == 200
    return str(answer.text)


@pytest.mark.parametrize(("left", "right", "outcome", "count"), PAIRS)
def test_who_would_hear_something_else_is_what_diff_says(loaded: Any, left: str, right: str, outcome: str, count: int) -> None:
    from click.testing import CliRunner

    from her2path.cli import main

    asked = ["diff", left, right, "--outcome", outcome, "--patients", str(WARD), "--on", str(ON), "--jurisdiction", "us"]
    ran = CliRunner().invoke(main, [*asked, "--format", "json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told["patients"] == len(loaded.ward)
    expected = [
        (each["patient"], move["before"], move["after"])
        for each in told["patients_changed"] for move in each["outcomes"] if move["what"].partition(" of ")[0] == outcome
    ]  # fmt: skip
    html = table(client_of(loaded), left, outcome, right)
    shown: list[tuple[str, ...]] = []
    if 'class="heard"' in html:
        part = html[html.index('class="heard"') :]
        part = part[: part.index("</table>")]
        rows = re.findall(r'<td><a href="/patient\?id=([^"]+)">[^<]*</a></td><td>([^<]*)</td><td><b>([^<]*)</b></td>', part)
        shown = [tuple(row) for row in rows]
    else:
        assert "No loaded patient would hear something else." in html
    assert shown == expected
    assert len(shown) == count


def test_a_change_of_the_next_dose_is_told(loaded: Any) -> None:
    from her2path.serve.pages.compared import heard_otherwise

    knowledge = loaded.knowledge
    left, right = knowledge.edition("heart-trastuzumab-us"), knowledge.edition("heart-trastuzumab-eu")
    heard = {each.patient: each for each in heard_otherwise(loaded, left, right, "cardiac_action")}
    assert heard["heart-failure"].next_dose == ("STOP", "HOLD")
    assert heard["heart-failure"].changes_dose
    assert not heard["dose-in-hold"].changes_dose
    assert "STOP → <b>HOLD</b>" in table(client_of(loaded), left.key, "cardiac_action", right.key)


def test_other_records_are_compared_anew(tmp_path: Path) -> None:
    loaded = loaded_of()
    client = client_of(loaded)
    assert "5 loaded patients would hear" in table(client, *(PAIRS[0][place] for place in (0, 2, 1)))
    lines = WARD.read_text(encoding="utf-8").splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("heart-failure,"))]), encoding="utf-8")
    loaded.load(few)
    assert "1 loaded patient would hear" in table(client, *(PAIRS[0][place] for place in (0, 2, 1)))


def test_of_too_many_the_command_is_named(monkeypatch: pytest.MonkeyPatch, loaded: Any) -> None:
    from her2path.serve.pages import compared, guidelines

    for module in (compared, guidelines):
        monkeypatch.setattr(module, "MOST_COMPARED", 10)
    html = table(client_of(loaded), *(PAIRS[0][place] for place in (0, 2, 1)))
    assert "her2path diff heart-trastuzumab-us heart-trastuzumab-eu --patients SOURCE" in html
    assert 'class="heard"' not in html


def test_nobody_loaded_is_nobody_who_hears(loaded: Any) -> None:
    html = table(client_of(loaded_of(None)), *(PAIRS[0][place] for place in (0, 2, 1)))
    assert "would hear something else" not in html
    assert "situations differ" in html


def test_every_row_has_an_address(loaded: Any) -> None:
    html = table(client_of(loaded), *(PAIRS[0][place] for place in (0, 2, 1)))
    rows = re.findall(r'<tr id="r(\w+)">', html)
    assert rows == [row.name for row in loaded.knowledge.edition("heart-trastuzumab-us").tables["cardiac_action"].rows]
