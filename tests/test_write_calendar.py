"""The plan as iCalendar: every dated item once, as whole days, read back by icalendar."""

from __future__ import annotations

import datetime as dt
import sys

import pytest
from icalendar import Calendar

from her2path.facts.problem import AskedWrongly
from her2path.facts.source import Citation
from her2path.findings.plan.items import PlanItem
from her2path.write.calendar import calendar_of, calendar_of_all, file_name
from her2path.write.caution import CAUTION
from her2path.write.plan_words import details_of

ON = dt.date(2026, 3, 1)
LABEL = Citation("herceptin-us", "2.5", "secondary")
DOSE = PlanItem(
    "dose", "trastuzumab-iv: 6 mg/kg, maintenance", dt.date(2026, 3, 10), dt.date(2026, 3, 17),
    {"dose": "6 mg/kg", "weight_kg": "73.6", "dose_mg": "442", "vials": "1 x 420 mg + 1 x 150 mg",
     "infusion_minutes": "30 to 90"},
    (LABEL,), ("dose_per_administration:3",),
)  # fmt: skip
ECHO = PlanItem("echo", "LVEF (3 months after the last)", dt.date(2026, 2, 26), None, {"interval": "3 months"})
END = PlanItem("end", "end of the year of therapy", None, dt.date(2026, 12, 31))
UNDATED = PlanItem("test", "repeat the HER2 test, by ISH; soon")
PLAN = [DOSE, ECHO, END, UNDATED]


def read(content: bytes):
    """The calendar read back, strictly."""
    found = Calendar.from_ical(content)
    events = found.walk("VEVENT")
    assert all(not event.errors for event in (found, *events))
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    return found, events


def test_every_dated_item_is_one_event_of_whole_days() -> None:
    _, events = read(calendar_of("p1", PLAN, ON))
    assert [(event["dtstart"].dt, event["dtend"].dt) for event in events] == [
        (dt.date(2026, 3, 10), dt.date(2026, 3, 18)),
        (dt.date(2026, 2, 26), dt.date(2026, 2, 27)),
        (dt.date(2026, 12, 31), dt.date(2027, 1, 1)),
    ]
    assert b"DTSTART;VALUE=DATE:20260310" in calendar_of("p1", PLAN, ON)


def test_an_event_names_the_id_and_says_details_rows_sources_and_the_caution() -> None:
    _, (event, *_) = read(calendar_of("p1", PLAN, ON))
    assert event["summary"] == "p1 dose: trastuzumab-iv: 6 mg/kg, maintenance"
    assert str(event["description"]).split("\n") == [
        "trastuzumab-iv: 6 mg/kg, maintenance", "when: 2026-03-10 to 2026-03-17", "dose 6 mg/kg", "weight 73.6 kg",
        "dose 442 mg", "vials 1 x 420 mg + 1 x 150 mg", "infusion 30 to 90 minutes",
        "rows: dose_per_administration row 3", "sources: herceptin-us 2.5 (secondary)", "", CAUTION,
    ]  # fmt: skip
    assert event["status"] == "TENTATIVE"
    assert event["class"] == "CONFIDENTIAL"
    assert event["transp"] == "TRANSPARENT"


def test_an_item_without_a_day_is_told_by_the_calendar_itself() -> None:
    found, events = read(calendar_of("p1", PLAN, ON))
    assert "test" not in {str(event["summary"]).split()[1].rstrip(":") for event in events}
    assert "p1 test: repeat the HER2 test, by ISH; soon (day not known)" in found["description"]
    assert found["description"].startswith(CAUTION)


def test_an_empty_plan_is_a_calendar_without_events() -> None:
    found, events = read(calendar_of("p1", [], ON))
    assert events == []
    assert found["version"] == "2.0"
    assert "her2path" in found["prodid"]


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert calendar_of("p1", PLAN, ON) == calendar_of("p1", PLAN, ON)


def test_a_later_review_moves_an_event_instead_of_adding_one() -> None:
    later = PlanItem("dose", DOSE.what, dt.date(2026, 3, 31), None)
    _, (before, *_) = read(calendar_of("p1", [DOSE], ON))
    _, (after, *_) = read(calendar_of("p1", [later], dt.date(2026, 3, 11)))
    assert before["uid"] == after["uid"]
    assert after["sequence"] > before["sequence"]
    assert after["dtstamp"].dt > before["dtstamp"].dt


def test_uids_differ_by_patient_kind_and_number() -> None:
    second = PlanItem("dose", DOSE.what, dt.date(2026, 4, 1), None)
    _, events = read(calendar_of_all([("p1", [DOSE, second, ECHO]), ("p2", [DOSE])], ON))
    assert len({str(event["uid"]) for event in events}) == 4
    assert [str(event["summary"]).split()[0] for event in events] == ["p1", "p1", "p1", "p2"]


def test_a_last_day_before_the_first_keeps_the_first_alone() -> None:
    _, (event,) = read(calendar_of("p1", [PlanItem("hold", "hold", dt.date(2026, 5, 1), dt.date(2026, 4, 1))], ON))
    assert (event["dtstart"].dt, event["dtend"].dt) == (dt.date(2026, 5, 1), dt.date(2026, 5, 2))


def test_special_characters_come_back_and_inject_nothing() -> None:
    words = "a, b; c \\ d\r\nATTENDEE:x\r\nEND:VEVENT é ≥ 10 \x00\ud800 " + "ü" * 90
    item = PlanItem(words, words, ON, ON, {words: words}, (Citation(words, words, "seen"),), (words,))
    content = calendar_of(words, [item, PlanItem("test", words)], ON)
    _, (event,) = read(content)
    assert "a, b; c \\ d" in event["summary"]
    assert "é ≥ 10" in event["summary"]
    assert "attendee" not in event
    assert str(event["description"]).endswith(CAUTION)
    assert b"\x00" not in content


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dose_mg", "442", "dose 442 mg"),
        ("volume_ml", "21.0", "volume 21.0 mL"),
        ("infusion_minutes", "as tolerated", "infusion minutes as tolerated"),
        ("dose_mg_per_kg", "6", "dose mg per kg 6"),
        ("mg", "6", "mg 6"),
        ("something_new", "x", "something new x"),
        ("unknown", "the weight is not known", "unknown the weight is not known"),
    ],
)
def test_details_nobody_foresaw_are_told_as_they_are(name, value, words) -> None:
    assert details_of(PlanItem("dose", "x", None, None, {name: value})) == [words]


@pytest.mark.parametrize("patient", ["../up", "a/b", "", ".hidden", "x" * 200, "Ünal", "a b", "a\x00b", "\ud800"])
def test_a_file_name_never_leaves_its_folder(patient) -> None:
    assert file_name("p-1.2_a") == "p-1.2_a.ics"
    name = file_name(patient)
    assert name.isascii()
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name) < 60
    assert name != file_name(patient + "?")


def test_without_icalendar_it_is_said_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(AskedWrongly, match=r"pip install 'her2path\[calendar\]'"):
        calendar_of("p1", PLAN, ON)
