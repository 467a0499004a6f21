"""The page Check: each answer is that of `her2path.answers`, has an address, and errors stand beside their field."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from pages_server import ON, WANTED, client_of, loaded_of

for name in WANTED:
    pytest.importorskip(name)

pytestmark = pytest.mark.filterwarnings("ignore")

ASKED: list[tuple[str, dict[str, str]]] = [
    ("her2", {"ihc": "2+", "ratio": "2.1", "copies": "4.4"}),
    ("her2", {"ihc": "2+", "ratio": "1.9", "copies": "4.5"}),
    ("her2", {"ihc": "1+", "site": "gastric"}),
    ("her2", {"ihc": "2+", "copies": "6.2", "probe": "single", "edition": "asco-cap-2013"}),
    ("dose", {"product": "Trazimera", "weight": "82", "days_since": "30"}),
    ("dose", {"product": "kadcyla", "weight": "65", "last_dose": "2026-02-10", "level": "1"}),
    ("dose", {"product": "ogivri", "weight": "72", "which": "first", "schedule": "weekly"}),
    ("dose", {"product": "herceptin", "weight": "72"}),
    ("dose", {"product": "herceptin", "weight": "72", "days_since": "21", "after": "phesgo"}),
    ("dose", {"product": "herceptin hylecta", "which": "maintenance"}),
    ("lvef", {"baseline": "61", "now": "48", "days_on_hold": "28"}),
    ("lvef", {"baseline": "62", "now": "48", "heart_failure": "no", "on_hold": "no", "holds": "0"}),
    ("lvef", {"baseline": "62", "now": "44", "product": "kadcyla", "setting": "metastatic", "lower_limit": "55"}),
    ("washout", {"products": "trastuzumab", "sex": "female", "last_dose": "2026-02-17"}),
    ("washout", {"products": "herceptin, perjeta", "conception": "2027-01-15"}),
    ("substitute", {"ordered": "ogivri", "stock": "kanjinti, herceptin-hylecta"}),
    ("substitute", {"ordered": "perjeta", "stock": "poherdy", "as_written": "no"}),
    ("substitute", {"ordered": "herceptin", "stock": "hercessi", "fact_interchangeable_designation": "yes"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Any:
    return client_of(loaded_of())


def shown(client: Any, path: str, status: int = 200, **query: str) -> str:
    answer = client.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status_code == status, (path, query, answer.status_code)
    return str(answer.text)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
@pytest.mark.parametrize(("question", "said"), ASKED, ids=lambda case: "-".join(case.values()) if isinstance(case, dict) else case)
def test_the_page_says_what_the_command_says(client: Any, question: str, said: dict[str, str], jurisdiction: str) -> None:
    """The page names a command; run, it gives the JSON of the page and every word that stands on it."""
    from click.testing import CliRunner

    from her2path.cli import main
    from her2path.serve.pages.tables import spoken

    html = shown(client, f"/check/{question}", **said, jurisdiction=jurisdiction)
    command = re.search(r'<p class="mono wrapped">(.*?)</p>', html)
    assert command is not None
    words = shlex.split(unescape(command[1]))
    assert words[:2] == ["her2path", question]
    ran = CliRunner().invoke(main, [*words[1:], "--format", "json"])
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert told == json.loads(shown(client, f"/check/{question}.json", **said, jurisdiction=jurisdiction))
    text = squeezed(text_of(html))
    assert told["on"] == str(ON)
    assert told["jurisdiction"] == jurisdiction
    for step in told["chain"]:
        assert squeezed(spoken(step["says"])) in text
        assert step["edition"] is None or step["edition"] in text
        assert all(source["key"] in text for source in step["sources"])
    for case in told["cases"]:
        assert case["row"] is None or squeezed(f"row {case['row']}") in text
    for each in told["missing"]:
        assert squeezed(each["fact"]).lower() in text.lower()
    for each in told["assumed"]:
        assert squeezed(each["what"]) in text


def test_nothing_of_the_command_line_stands_in_an_answer(client: Any) -> None:
    for question, said in ASKED:
        html = shown(client, f"/check/{question}", **said)
        answer = html[html.index('aria-live="polite"') : html.index("The same elsewhere")]
        assert "--" not in text_of(answer), (question, said)


def test_the_answer_comes_first_then_the_rows_with_their_level(client: Any) -> None:
    html = shown(client, "/check/dose", product="Trazimera", weight="82", days_since="30")
    told = text_of(html)
    first = told.index("RE-LOAD Trazimera (trastuzumab-qyyp): 656 mg (8 mg/kg × 82 kg) over 90 minutes")
    assert first < told.index("1 × 420 mg + 2 × 150 mg, 64 mg left over") < told.index("re-load missed dose action row 3")
    assert "/table?edition=trastuzumab-iv-us&amp;outcome=missed_dose_action#r3" in html
    assert told.index("row 3") < told.index("Assumed: every 3 weeks . Every week it would be 328 mg")
    step = html[html.index("missed_dose_action#r3") :]
    assert '<use href="#v-2"/>' in step[: step.index("</li>")]


def test_a_step_leads_to_its_row(client: Any) -> None:
    for question, said in ASKED:
        html = shown(client, f"/check/{question}", **said)
        for address in {unescape(each) for each in re.findall(r'href="(/table\?[^"]+)"', html)}:
            parts = urlsplit(address)
            table = shown(client, parts.path, **dict(parse_qsl(parts.query)))
            assert f'id="{parts.fragment}"' in table, address


def test_what_is_missing_leads_to_the_field_that_says_it(client: Any) -> None:
    html = shown(client, "/check/lvef", baseline="61", now="48", days_on_hold="28")
    told = text_of(html)
    assert "Whether there are symptoms of heart failure is not known. That decides between hold, stop or" in told
    for name in ("heart_failure", "setting", "holds", "product", "lower_limit"):
        assert f'<a href="#{name}">' in html
        assert f'id="{name}"' in html
    assert "if no symptoms of heart failure, fewer than 3 holds before hold row 8" in told


def test_a_fact_beside_the_form_gets_a_field_when_an_answer_lacks_it(client: Any) -> None:
    html = shown(client, "/check/substitute", ordered="herceptin", stock="hercessi")
    assert '<select id="fact_interchangeable_designation"' in html
    assert '<a href="#fact_interchangeable_designation">' in html
    said = shown(client, "/check/substitute", ordered="herceptin", stock="hercessi", fact_interchangeable_designation="yes")
    answers = [text_of(each[each.index('aria-live="polite"') : each.index("<h3>Why")]) for each in (html, said)]
    assert ["interchangeable is confirmed" in each for each in answers] == [True, False]
    assert ["pharmacy may substitute" in each for each in answers] == [False, True]


@pytest.mark.parametrize(
    ("question", "said", "field", "words"),
    [
        ("dose", {"product": "herceptn"}, "product", "did you mean herceptin or herceptin-sc?"),
        ("dose", {"product": "aspirin"}, "product", "No HER2-directed drug is 'aspirin'; name a brand"),
        ("dose", {"product": "trastuzumab-abcd"}, "product", "No product has the letters -abcd"),
        ("dose", {"product": "herceptin", "weight": "8200"}, "weight", "8200, expected a number [25..300] (kg)"),
        ("dose", {"product": "herceptin", "weight": "heavy"}, "weight", "'heavy', expected a number"),
        ("dose", {"product": "herceptin", "after": "perjetta", "days_since": "21"}, "after", "did you mean perjeta?"),
        ("dose", {"product": "herceptin", "days_since": "9", "last_dose": "2026-01-01"}, "days_since", "say the same"),
        ("dose", {"product": "herceptin", "last_dose": "2027-01-01"}, "last_dose", "is after 2026-03-03"),
        ("dose", {"weight": "70"}, "product", "No HER2-directed drug"),
        ("lvef", {"baseline": "61", "now": "480"}, "now", "480, expected a number"),
        ("lvef", {"now": "50", "heart_failure": "perhaps"}, "heart_failure", "expected one of"),
        ("her2", {"ihc": "5+"}, "ihc", "expected one of 0, 1+, 2+, 3+"),
        ("her2", {"site": "breast"}, "", "Nothing of a test was said: give"),
        ("her2", {"ihc": "2+", "edition": "asco"}, "", "No edition is called 'asco'"),
        ("washout", {"products": "trastuzumab", "last_dose": "tomorrow"}, "last_dose", "write YYYY-MM-DD"),
        ("washout", {"products": "trastuzumab", "last_dose": "9999-12-31"}, "last_dose", "is not between 1900 and 2199"),
        ("washout", {"products": "trastuzumab", "conception": "0001-01-01"}, "conception", "is not between"),
        ("washout", {"products": "trastuzumab"}, "", "Give the day of the last dose"),
        ("substitute", {"ordered": "herceptin", "stock": "hercesi"}, "stock", "did you mean hercessi or herceptin?"),
        ("substitute", {"ordered": "herceptin"}, "stock", "Name at least one product"),
        ("dose", {"product": "herceptin", "jurisdiction": "mars"}, "", "there are us and eu"),
        ("dose", {"product": "herceptin", "fact_nonsense": "1"}, "", "nonsense"),
    ],
)  # fmt: skip
def test_an_error_stands_beside_its_field(client: Any, question: str, said: dict[str, str], field: str, words: str) -> None:
    html = shown(client, f"/check/{question}", 422, **said)
    assert words in text_of(html)
    if field:
        wrong = re.search(rf'<p class="wrong" id="{field}-e">(.*?)</p>', html, re.S)
        assert wrong is not None
        assert words in text_of(wrong[1])
        assert re.search(rf'id="{field}"[^>]* aria-invalid="true" aria-describedby="{field}-e', html)
    else:
        assert 'role="alert"' in html
        assert 'aria-invalid' not in html
    assert "--" not in text_of(html[html.index("<main") : html.index("</main>")])
    refused = json.loads(shown(client, f"/check/{question}.json", 422, **said))
    assert list(refused) == ["errors"]
    assert list(refused["errors"]) == [field]


def test_the_nearest_name_is_one_click_away(client: Any) -> None:
    html = shown(client, "/check/substitute", 422, ordered="herceptin", stock="kanjinti, hercesi")
    address = re.search(r'href="([^"]+)">Ask with hercessi<', html)
    assert address is not None
    told = text_of(str(client.get(unescape(address[1])).text))
    assert "Hercessi (trastuzumab-strf)" in told
    assert "Kanjinti (trastuzumab-anns)" in told


def test_what_was_said_stays_in_the_form(client: Any) -> None:
    html = shown(client, "/check/dose", 422, product="herceptn", weight="82", schedule="weekly")
    assert 'value="herceptn"' in html
    assert 'value="82"' in html
    assert '<option value="weekly" selected>' in html


def test_the_first_page_answers_an_example_of_each(client: Any) -> None:
    html = shown(client, "/check")
    assert html.count('<div class="ans k-') == 5
    for question in ("her2", "dose", "lvef", "washout", "substitute"):
        form = html[html.index(f'action="/check/{question}"') :]
        form = form[: form.index("</form>")]
        said = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        said |= dict(re.findall(r'<select id="[\w-]+" name="(\w+)".*?value="([^"]*)" selected', form, re.S))
        filled = {name: unescape(value) for name, value in said.items() if value}
        headline = json.loads(shown(client, f"/check/{question}.json", **filled))["answer"]
        assert squeezed(headline).replace("x", "×") in squeezed(text_of(html)).replace("x", "×")
    european = text_of(shown(client, "/check", jurisdiction="eu"))
    assert "EU label" in european


def test_a_form_without_anything_said_waits(client: Any) -> None:
    told = text_of(shown(client, "/check/washout"))
    assert "No answer yet" in told
    assert "No answer yet" in text_of(shown(client, "/check/washout", jurisdiction="mars"))


def test_the_home_is_check(client: Any) -> None:
    assert client.get("/").headers["location"] == "/check"


def test_the_settings_of_the_institution_count() -> None:
    from dataclasses import replace
    from decimal import Decimal

    from her2path.tables.site import Site

    loaded = loaded_of(None)
    loaded._settings = replace(loaded._settings, at=Site(lvef_lower_limit=Decimal(55), round_dose_mg=Decimal(10)))
    client = client_of(loaded)
    html = shown(client, "/check/lvef", baseline="66", now="53")
    assert "below the limit of 55 %" in text_of(html)
    assert "--settings FILE" in text_of(html)
    assert "660 mg" in text_of(shown(client, "/check/dose", product="Trazimera", weight="82", days_since="30"))


@pytest.mark.parametrize("question", ["her2", "dose", "lvef", "washout", "substitute"])
def test_no_field_writes_markup(client: Any, question: str) -> None:
    from her2path.serve.pages.check.fields import QUESTIONS

    attack = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
    names = [each.name for each in QUESTIONS[question].fields]
    for said in ({name: attack} for name in (*names, "jurisdiction", "fact_lvef", "fact_" + attack)):
        html = client.get(f"/check/{question}?{urlencode(said)}").text
        assert "<img" not in html
        assert "<script>" not in html


def test_a_field_is_read_up_to_its_length(client: Any) -> None:
    html = shown(client, "/check/dose", 422, product="a" * 5_000)
    assert "a" * 201 not in html
