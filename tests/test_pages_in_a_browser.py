"""The pages in a real browser: what a person does with mouse, keyboard, phone, paper and a screen reader's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest

from pages_server import WANTED, WARD, chromium, launched, loaded_of, served

for name in (*WANTED, "axe_playwright_python.sync_playwright"):
    pytest.importorskip(name)
sync_api = pytest.importorskip("playwright.sync_api")
expect, Browser, Page = sync_api.expect, sync_api.Browser, sync_api.Page

BROWSER = chromium()
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.filterwarnings("ignore"),
]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAGES = {
    "worklist": "/worklist", "filtered": "/worklist?verdict=HOLD", "nobody fits": "/worklist?search=zzz",
    "hold": "/patient?id=dose-in-hold&fact=lvef&value=55", "open": "/patient?id=equivocal-ordered",
    "two tumours": "/patient?id=two-tumours", "six years": "/patient?id=six-years", "stop": "/patient?id=fourth-hold",
    "no course": "/patient?id=ratio-to-recount", "mess": "/patient?id=mess", "plan": "/plan?id=late-dose",
    "load": "/load", "inspect": "/load/inspect", "guidelines": "/guidelines?search=heart",
    "table": "/table?edition=heart-trastuzumab-us&outcome=cardiac_action&against=heart-trastuzumab-eu",
    "not found": "/patient?id=nobody",
}  # fmt: skip


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with served(loaded_of(reads_paths=True)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    yield from opened(browser, base)


def opened(browser: Browser, base: str, **options: Any) -> Iterator[Page]:
    """A page of a fresh browser context; whatever the browser complains of fails the test."""
    context = browser.new_context(base_url=base, viewport=options.pop("viewport", DESKTOP), **options)
    shown = context.new_page()
    complaints: list[str] = []
    shown.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    yield shown
    context.close()
    assert [words for words in complaints if "404" not in words and "422" not in words] == []


def gone_to(page: Page, path: str) -> Page:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return page


# -- what a person does -------------------------------------------------------------------------


def test_from_the_worklist_to_a_reason(page: Page) -> None:
    gone_to(page, "/")
    assert page.url.endswith("/worklist") or page.url.endswith("/check")
    gone_to(page, "/worklist")
    page.get_by_role("link", name="2 HOLD").click()
    expect(page.locator("table.wl a.p")).to_have_count(2)
    assert "verdict=HOLD" in page.url
    page.get_by_role("link", name="dose-in-hold").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("dose-in-hold")
    assert page.locator(".verdict .big").inner_text().strip() == "HOLD"
    alarm = page.locator("#f1 details")
    assert alarm.get_attribute("open") is None
    page.locator("#f1 summary").first.click()
    expect(page.locator("#f1 tr.hit")).to_be_visible()
    assert page.locator("#f1 tr.hit td.no").count() == 0
    assert "line-through" in page.locator("#f1 td.no").first.evaluate("cell => getComputedStyle(cell).textDecoration")


def test_a_mark_of_the_timeline_opens_its_finding(page: Page) -> None:
    gone_to(page, "/patient?id=dose-in-hold")
    page.locator("svg.far a[href='#f1']").first.click()
    expect(page.locator("#f1 details")).to_have_attribute("open", "")
    expect(page.locator("#f1 summary").first).to_be_focused()


def test_what_if_changes_a_part_of_the_page_and_stores_nothing(page: Page) -> None:
    gone_to(page, "/patient?id=dose-in-hold")
    expect(page.locator("#strip svg.strip")).to_be_visible()
    expect(page.locator("#next-lvef")).to_contain_text("50 % or more")
    page.evaluate("window.stays = true")
    page.get_by_label("Value").fill("55")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.locator(".diff .chg").first).to_contain_text("ASK FIRST")
    assert page.evaluate("window.stays") is True
    expect(page.locator("#strip svg.strip .pint")).to_have_text("55")
    gone_to(page, "/patient?id=dose-in-hold")
    expect(page.locator(".diff")).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def test_all_of_it_works_without_script(browser: Browser, base: str) -> None:
    for page in opened(browser, base, java_script_enabled=False):
        page.goto("/worklist")
        page.get_by_label("Search").fill("tenfold")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("table.wl a.p")).to_have_count(1)
        page.goto("/patient?id=dose-in-hold")
        page.locator("#f1 summary").first.click()
        expect(page.locator("#f1 tr.hit")).to_be_visible()
        page.get_by_label("Value").fill("55")
        page.get_by_role("button", name="Show what changes").click()
        expect(page.locator(".diff .chg").first).to_contain_text("ASK FIRST")
        page.get_by_role("link", name="The verdict by every LVEF of today").click()
        expect(page.locator("svg.strip")).to_be_visible()


def test_a_file_is_loaded_by_hand(browser: Browser) -> None:
    with served(loaded_of(None)) as address:
        for page in opened(browser, address):
            gone_to(page, "/worklist")
            page.get_by_role("main").get_by_role("link", name="Load records").click()
            page.locator("#file").set_input_files(WARD)
            with page.expect_navigation():
                page.get_by_role("button", name="Load and review").first.click()
            gone_to(page, "/load")
            expect(page.get_by_role("heading", name="In hand: ward.csv")).to_be_visible()
            page.get_by_role("link", name="What is in it, before any rule").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("What is in ward.csv")


def test_keyboard_alone(page: Page) -> None:
    gone_to(page, "/worklist")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.matches('a.p')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/patient"))
    assert "fourth-hold" in page.url
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#f2 summary')"):
            break
    assert page.evaluate("document.activeElement.matches('#f2 summary')")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#f2 details")).to_have_attribute("open", "")


def test_plan_prints_on_one_page(page: Page) -> None:
    for patient in ("dose-in-hold", "late-dose", "fourth-hold", "equivocal-ordered", "progression"):
        gone_to(page, f"/plan?id={patient}")
        paper = page.pdf(format="A4", prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1, patient


def test_the_button_prints(page: Page) -> None:
    gone_to(page, "/plan?id=dose-in-hold")
    page.evaluate("window.print = () => { window.printed = true }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed") is True


# -- every page, every size ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")], ids=["desktop", "dark", "phone"]
)
def test_no_page_breaks_a_rule_of_access(browser: Browser, base: str, viewport: Any, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, broken = Axe(), []
    for page in opened(browser, base, viewport=viewport, color_scheme=scheme):
        for place, (title, path) in enumerate(PAGES.items()):
            if (viewport, scheme) != (DESKTOP, "light") and viewport != PHONE and place % 4:
                continue  # the markup is the same: in the dark every fourth page is enough
            gone_to(page, path)
            violations = axe.run(page).response["violations"] if viewport == DESKTOP or place % 4 == 1 else []
            for violation in violations:
                nodes = [node["target"] for node in violation["nodes"]][:3]
                broken.append((title, violation["id"], nodes))
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > viewport["width"]:
                broken.append((title, "scrolls sideways", wide))
    assert broken == []


def test_opened_tables_break_no_rule_either(page: Page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for patient in ("dose-in-hold", "equivocal-ordered"):
        gone_to(page, f"/patient?id={patient}")
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        violations = Axe().run(page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in violations] == []


def test_one_size_of_the_timeline_is_shown(browser: Browser, base: str) -> None:
    for width, size in ((1440, "far"), (820, "mid"), (390, "near")):
        for page in opened(browser, base, viewport={"width": width, "height": 900}):
            gone_to(page, "/patient?id=fourth-hold")
            shown = [name for name in ("far", "mid", "near") if page.locator(f"svg.tl.{name}").first.is_visible()]
            assert shown == [size]


def test_touch_fields_are_large_on_a_phone(browser: Browser, base: str) -> None:
    for page in opened(browser, base, viewport=PHONE, has_touch=True):
        gone_to(page, "/worklist")
        assert page.locator("#search").bounding_box()["height"] >= 44  # type: ignore[index]


# -- attacks ------------------------------------------------------------------------------------

ATTACK = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


def dismissed(told: list[str], dialog: Any) -> None:
    told.append(dialog.message)
    dialog.dismiss()


def test_no_script_of_a_record_runs(browser: Browser, tmp_path: Any) -> None:
    import csv

    path = tmp_path / "evil.csv"
    rows = [[ATTACK, "2026-02-02", "ihc_score", "3+", "", "", "", ATTACK]]
    rows += [[ATTACK, "2026-02-03", "lvef", "60", "%", "", ATTACK, ""], [ATTACK, "2026-02-03", "weight_kg", "70", "", "", "", ""]]
    rows += [[ATTACK, "2026-02-05", "dose_mg", "560", "mg", "trastuzumab-iv", ATTACK, ""]]
    rows += [[ATTACK, "2026-02-06", "allergy", ATTACK, "", "", "", ""], [ATTACK, ATTACK, ATTACK, ATTACK, "", ATTACK, "", ""]]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen"], *rows])
    with served(loaded_of(path, reads_paths=True)) as address:
        for page in opened(browser, address):
            dialogs: list[str] = []
            page.on("dialog", partial(dismissed, dialogs))
            query = urlencode({"id": ATTACK, "fact": ATTACK, "value": ATTACK, "day": ATTACK})
            for where in ("/worklist", f"/patient?{query}", f"/plan?{query}", "/load", "/load/inspect"):
                gone_to(page, where)
                assert page.locator("img").count() == 0, where
            assert dialogs == []
