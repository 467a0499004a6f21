"""Check and Leaflet in a real browser: forms by mouse and keyboard, without script, on a phone, in the dark, on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pages_server import WANTED, chromium, launched, loaded_of, served

for name in (*WANTED, "axe_playwright_python.sync_playwright"):
    pytest.importorskip(name)
sync_api = pytest.importorskip("playwright.sync_api")
expect, Browser, Page = sync_api.expect, sync_api.Browser, sync_api.Page

from test_pages_in_a_browser import DESKTOP, PHONE, gone_to, opened  # noqa: E402

BROWSER = chromium()
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore"),
]
PAGES = {
    "check": "/check", "check, EU": "/check?jurisdiction=eu", "empty": "/check/washout",
    "dose": "/check/dose?product=Trazimera&weight=82&days_since=30", "open dose": "/check/dose?product=herceptin",
    "lvef": "/check/lvef?baseline=61&now=48&days_on_hold=28",
    "her2": "/check/her2?ihc=2%2B&ratio=1.9&copies=4.5&edition=asco-cap-2013",
    "washout": "/check/washout?products=herceptin,perjeta&last_dose=2026-02-01",
    "substitute": "/check/substitute?ordered=ogivri&stock=kanjinti,herceptin-hylecta,trastuzumab",
    "wrong field": "/check/dose?product=herceptn&weight=82", "wrong": "/check/her2?site=breast",
    "leaflet": "/leaflet?id=due-today", "leaflet in a hold": "/leaflet?id=dose-in-hold",
    "leaflet under the skin": "/leaflet?id=under-the-skin", "no leaflet": "/leaflet?id=pregnancy",
}  # fmt: skip


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with served(loaded_of()) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    yield from opened(browser, base)


def test_a_form_leads_to_an_answer_with_an_address(page: Page) -> None:
    gone_to(page, "/")
    assert page.url.endswith("/check")
    card = page.get_by_role("region", name="Dose")
    card.get_by_label("Weight").fill("70")
    card.get_by_label("Last dose").fill("21")
    card.get_by_role("button", name="Answer").click()
    expect(page.locator(".said h2")).to_contain_text("GIVE Trazimera (trastuzumab-qyyp): 420 mg")
    address = page.url
    assert "weight=70" in address
    gone_to(page, address)
    expect(page.locator(".said h2")).to_contain_text("420 mg")
    page.get_by_label("Weight").fill("80")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".said h2")).to_contain_text("480 mg")


def test_what_is_missing_takes_the_reader_to_its_field(page: Page) -> None:
    gone_to(page, PAGES["lvef"])
    page.get_by_role("link", name="Heart failure").click()
    field = page.get_by_label("Heart failure", exact=True)
    expect(field).to_be_visible()
    field.select_option("no")
    page.get_by_label("Holds before").fill("0")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".said h2")).to_contain_text("HOLD trastuzumab: LVEF too low")
    page.get_by_role("link", name="cardiac action row 8").click()
    expect(page.locator("#r8")).to_be_in_viewport()


def test_a_wrong_name_is_mended_by_one_click(page: Page) -> None:
    gone_to(page, PAGES["wrong field"])
    expect(page.get_by_label("Product")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Product")).to_have_accessible_description(re.compile("did you mean herceptin"))
    page.get_by_role("link", name="Ask with herceptin", exact=True).click()
    expect(page.locator(".said h2")).to_contain_text("Herceptin (trastuzumab)")


def test_the_label_changes_and_what_was_said_stays(page: Page) -> None:
    gone_to(page, "/check/lvef?baseline=61&now=48&heart_failure=no&on_hold=no&holds=0")
    expect(page.locator(".said h2")).to_contain_text("US label")
    page.get_by_role("link", name="EU", exact=True).click()
    expect(page.locator(".said h2")).to_contain_text("EU label")
    expect(page.get_by_label("Baseline")).to_have_value("61")


def test_all_of_it_works_without_script(browser: Browser, base: str) -> None:
    for page in opened(browser, base, java_script_enabled=False):
        page.goto("/check")
        card = page.get_by_role("region", name="Contraception")
        card.get_by_label("Last dose").fill("2026-02-17")
        card.get_by_role("button", name="Answer").click()
        expect(page.locator(".said h2")).to_contain_text("until 17 September 2026")
        page.goto(PAGES["dose"].replace("Trazimera", "phesgo"))
        expect(page.get_by_label("Schedule")).to_be_hidden()
        page.locator("summary", has_text="More that may matter").click()
        expect(page.get_by_label("Schedule")).to_be_visible()
        page.goto(PAGES["leaflet"])
        page.locator("summary", has_text="sentences").click()
        expect(page.get_by_role("cell", name="needs a person").first).to_be_visible()


def test_keyboard_alone(page: Page) -> None:
    gone_to(page, "/check")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "dose-weight":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Control+A")
    page.keyboard.type("70")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/check/dose"))
    expect(page.locator(".said h2")).to_contain_text("560 mg")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_no_page_breaks_a_rule_of_access(browser: Browser, base: str, viewport: Any, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, broken = Axe(), []
    for page in opened(browser, base, viewport=viewport, color_scheme=scheme):
        for place, (title, path) in enumerate(PAGES.items()):
            gone_to(page, path)
            page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            violations = axe.run(page).response["violations"] if viewport == DESKTOP or place % 3 == 0 else []
            for violation in violations:
                nodes = [node["target"] for node in violation["nodes"]][:3]
                broken.append((title, violation["id"], nodes))
            if (wide := page.evaluate("document.documentElement.scrollWidth")) > viewport["width"]:
                broken.append((title, "scrolls sideways", wide))
            assert page.locator("[style]").count() == 0
    assert broken == []


def test_the_answer_stands_before_the_form_on_a_phone(browser: Browser, base: str) -> None:
    for page in opened(browser, base, viewport=PHONE, has_touch=True):
        gone_to(page, PAGES["dose"])
        answer, form = page.locator(".said").bounding_box(), page.locator("#weight").bounding_box()
        assert answer["y"] < form["y"]
        gone_to(page, PAGES["empty"])
        assert page.locator("#last_dose").bounding_box()["y"] < page.locator(".told").bounding_box()["y"]
        gone_to(page, PAGES["dose"])
        assert form["height"] >= 44


def test_every_leaflet_is_one_page_of_a4(page: Page) -> None:
    patients = [each.row.patient for each in loaded_of().ward.listed]
    printed = 0
    for patient in patients:
        page.goto(f"/leaflet?id={patient}")
        if page.locator("article.leaf").count():
            paper = page.pdf(format="A4", prefer_css_page_size=True)
            assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1, patient
            printed += 1
    assert printed > 15


def test_on_paper_the_draft_says_so_and_the_sources_stay_behind(page: Page) -> None:
    gone_to(page, PAGES["leaflet"])
    page.emulate_media(media="print")
    expect(page.get_by_text("no clinician has reviewed these words yet")).to_be_visible()
    expect(page.get_by_text("Where each sentence comes from")).to_be_hidden()
    expect(page.get_by_text("Nobody clinical has reviewed")).to_be_hidden()
    page.emulate_media(media="screen")
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed") is True


def test_the_answer_prints_without_the_form(page: Page) -> None:
    gone_to(page, PAGES["dose"])
    expect(page.locator(".paper")).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.locator("#weight")).to_be_hidden()
    expect(page.locator(".paper")).to_have_text("US label; product: Trazimera; weight: 82 kg; last dose: 30 days ago")
    expect(page.locator(".said h2")).to_be_visible()
