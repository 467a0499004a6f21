"""The page over a population in a real browser: it loads nothing, fits every width, opens, and holds the rules of axe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from her2path import Population
from pages_server import chromium, launched
from test_population_editions import made, source  # noqa: F401

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
BROWSER = chromium()
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def address(made: Population, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: F811
    place = tmp_path_factory.mktemp("browser") / "report.html"
    made.report(place, by=["hospital", "year"])
    return place.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (800, "light"), (390, "light"), (390, "dark")])
def test_it_loads_nothing_fits_and_is_accessible(browser: Any, address: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address)
    for closed in (True, False):
        if not closed:
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert (asked, complaints) == ([address], [])
    page.close()


def test_a_number_in_short_leads_to_its_definition_and_its_patients(browser: Any, address: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    definition = page.locator("#d-her2-treated")
    assert not definition.is_visible()
    page.locator(".kpi summary").nth(1).click()
    page.get_by_role("link", name="Its definition and its patients").first.click()
    assert definition.is_visible()
    assert "p.her2_status = 'positive'" in definition.inner_text()
    assert "group2-treated" in definition.inner_text()
    page.close()


def test_on_paper_it_is_a_few_pages(browser: Any, address: str, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    pdf = page.pdf(format="A4")
    assert 2 <= len(re.findall(rb"/Type\s*/Page[^s]", pdf)) <= 12
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()
