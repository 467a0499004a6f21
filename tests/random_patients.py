"""Random patients: courses with all that a record may say of them, exactly, in part, badly or twice, and HER2 tests."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from course_makers import HER2, START, Her2, Patient, T, date, given, lvef, made, treated
from her2path.facts.value import OneOf
from her2path.findings.questions import Question, read_questions
from her2path.history.kinds import KINDS
from her2path.record.columns import ABOUT_TISSUE, DIAGNOSIS
from her2path.record.event import RECORDED_STATUS, STATEMENT, Event, Record, Tissue, Trouble
from her2path.tables.load import default_knowledge

DECIDED = {outcome for edition in default_knowledge().editions for outcome in edition.tables}
OF_SPECIMENS = {
    outcome for edition in default_knowledge().editions if edition.topic == "her2-status" for outcome in edition.tables
}
ASKED = {question.outcome for question in read_questions()}
EVERYTHING = (
    *read_questions(),
    *(Question(outcome, 2) for outcome in sorted(DECIDED - ASKED - OF_SPECIMENS)),
)
"""The questions of the agenda, and after them every other outcome there is, always."""
QUESTIONS = st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=20, unique=True).map(
    lambda questions: tuple(sorted(questions, key=EVERYTHING.index))
)
"""Some of them, in their order."""

BACKGROUND = [
    name for name in default_knowledge().facts
    if name not in KINDS and name not in DECIDED and name not in HER2 and name != "brand"
]  # fmt: skip
"""The facts that a record may say and no fold reads."""


@st.composite
def said(draw: st.DrawFn) -> Event:
    """Some fact of the background, on some day or on none."""
    facts = default_knowledge().facts
    name = draw(st.sampled_from(BACKGROUND))
    fact, day = facts[name], draw(st.none() | st.integers(0, 60).map(lambda n: 15 * n))
    if fact.kind == "date":
        return made(name, str(START - dt.timedelta(days=draw(st.integers(7000, 30000)))), day)
    if fact.is_number:
        low, high = fact.plausible.low, fact.plausible.high
        assert low is not None
        assert high is not None
        number = Decimal(draw(st.integers(0, 60))) + (low if low > -100 else 0)
        return made(name, draw(st.sampled_from([number, *fact.values])), day)
    return made(name, draw(st.sampled_from([*fact.values, "unreadable"])), day)


LIKELY = [
    (name, value) for name, value in (
        ("sex", "female"), ("sex", "male"), ("menopausal_status", "premenopausal"), ("menopausal_status", "postmenopausal"),
        ("er_status", "positive"), ("er_status", "negative"), ("pr_status", "positive"), ("pr_status", "negative"),
        ("hormone_receptor_status", "negative"), ("reproductive_potential", "yes"), ("birth_date", "1970-02-28"),
        ("birth_date", "1939-12-31"), ("birth_date", "2010-06-01"), ("age_years", 34), ("node_status", "positive"),
        ("stage", "2"), ("grade", "3"), ("tumour_size_mm", 25), ("pathological_response", "residual"), ("pdl1_cps", 1),
        ("diabetes", "yes"), ("payer_brand", "kanjinti"), ("breastfeeding", "yes"), ("infusion_reaction", "severe"),
        ("allergy", "trastuzumab"), ("allergy", "hyaluronidase"), ("allergy", "benzyl alcohol"),
    ) if name in default_knowledge().facts
]  # fmt: skip
BRANDS = st.sampled_from(["", "kanjinti", "ogivri", "herceptin", "kadcyla", "own brand"])
SOME_DAY = st.integers(0, 60).map(lambda n: 15 * n)


def partly(fact: str, day: int, *values: str) -> Event:
    """A fact of which several values are possible."""
    return replace(made(fact, values[0], day), value=OneOf(frozenset(values)))


@st.composite
def hard(draw: st.DrawFn) -> list[Event]:
    """What a record says in part, badly, twice, late or without a day."""
    day = draw(SOME_DAY)
    limits = draw(st.sampled_from(["50-55", "< 50", "> 60", "45 - 49", "<= 40", ">= 55"]))
    return draw(
        st.sampled_from(
            [
                [lvef(day, limits)], [lvef(day, limits), lvef(day, 52)], [lvef(day, 48), lvef(day, 62)],
                [lvef(day, "not readable")], [lvef(day, 5)], [lvef(day, Decimal("49.9995"))],
                [made("lvef", 61, None)], [made("lvef", 60, 5000)], [made("weight_kg", 20, day)], [made("weight_kg", "heavy", day)],
                [made("weight_kg", "70-75", day)], [made("tumour_size_mm", "> 20", day)], [made("tumour_size_mm", "10-30", day)],
                [made("age_years", "30-40", day)], [made("lvef_baseline", "60-65", day)],
                [made("er_status", "positive", day), made("er_status", "negative", day)],
                [made("stage", "1", day), made("stage", "2", day), made("stage", "3", day)],
                [made("tumour_size_mm", 12, day), made("tumour_size_mm", 30, day)],
                [partly("er_status", day, "positive", "negative"), made("pr_status", "negative", day)],
                [partly("menopausal_status", day, "premenopausal", "postmenopausal")], [partly("stage", day, "2", "3")],
                [made("er_status", "maybe", day)], [made("progression", "maybe", day)], [made("sex", "maybe", None)],
                [made("dose_mg", "a vial", day, T)], [made("dose_mg", 450, None, T)], [given(day), replace(given(day), day=None)],
                [made("dose_mg", 10, day, "aspirin")], [made("dose_mg_per_kg", "6-8", day, T)],
                [replace(given(day), note=f"{STATEMENT} of {date(day)}")],
                [replace(given(day, "t-dm1"), note=f"{STATEMENT}: no day", day=None)],
                [made("hold_recorded", "cardiac", day), lvef(max(day - 30, 0), 44)], [replace(lvef(day, 57), note="read as a fraction")],
                [made("hold_recorded", "resumed", day), made("hold_recorded", "cardiac", day)],
                [made("age_years", 34, 3), made("birth_date", "1980-02-29", None)], [made("death_date", str(date(day)), None)],
                [made("death_date", str(date(4000)), None)], [made("lvef_fall", 3, day)], [made("infusion_reaction", "mild", day)],
                [made("dose_mg", 450, day, T, "kanjinti"), made("dose_mg", 450, day + 21, T, "ogivri")],
                [made("sex", "male", None), made("pregnant", "yes", day)], [made("payer_brand", "own brand", day)],
            ]
        )
    )  # fmt: skip


@st.composite
def patients(draw: st.DrawFn, hardest: int = 4) -> Patient:
    """A course with its background, what the specimens came to, and the day of the first result."""
    facts = default_knowledge().facts
    course = draw(treated())
    course = [replace(e, qualifier=draw(BRANDS)) if e.product else e for e in course]
    some = draw(st.lists(st.sampled_from(LIKELY), max_size=8))
    course += [made(name, value, draw(st.sampled_from([None, 0, 30, 400]))) for name, value in some]
    course += draw(st.lists(said(), max_size=12))
    course += [event for events in draw(st.lists(hard(), max_size=hardest)) for event in events]
    her2: Her2 = {name: draw(st.none() | st.sampled_from(facts[name].values)) for name in HER2}
    return course, her2, draw(st.none() | st.integers(-60, 200))


# -- whole records, with HER2 tests -------------------------------------------------------------

RESULTS = [
    ("ihc_score", "0"), ("ihc_score", "1+"), ("ihc_score", "2+"), ("ihc_score", "3+"), ("ihc_score", "3+"),
    ("ihc_score", "unclear"), ("ihc_score", "not reported"), ("stained_percent", 8), ("staining_intensity", "intense"),
    ("any_membrane_staining", "yes"), ("ish_probe", "dual"), ("her2_cep17_ratio", Decimal("2.3")),
    ("her2_copies", Decimal("4.5")), ("her2_copies", "> 6"), ("her2_cep17_ratio", 500), ("ish_result", "negative"),
    ("ish_result", "equivocal"), ("ish_recount", "unchanged"),
]  # fmt: skip


OF_TESTS = {name for name, fact in default_knowledge().facts.items() if fact.test} | {*ABOUT_TISSUE}
"""What a reader never takes for a part of the course."""


@st.composite
def results(draw: st.DrawFn, name: str) -> Event:
    """A result of a HER2 test, on one of three specimens or on none."""
    fact, value = draw(st.sampled_from(RESULTS))
    event = made(fact, value, draw(st.none() | st.sampled_from([-40, -30, -10, 0, 200])))
    specimen = draw(st.sampled_from(["", f"{name}-a", f"{name}-b", "x"]))
    origin = f"report {draw(st.integers(1, 4))} {specimen}"
    return replace(event, specimen=specimen, origin=origin, said=str(value), amended=draw(st.integers(0, 9)) == 0)


@st.composite
def records(draw: st.DrawFn, name: str = "p") -> Record:
    """A whole record: tests, tissue, a course, and what of it could not be read."""
    events = draw(st.lists(results(name), max_size=5))
    if draw(st.integers(0, 3)) == 0:
        status = draw(st.sampled_from(["positive", "negative"]))
        note, day = draw(st.sampled_from(["", DIAGNOSIS])), draw(st.sampled_from([None, date(-20), date(20)]))
        events.append(Event(RECORDED_STATUS, status, day, "", f"status@{day}", status, note=note))
    tissues = {
        event.specimen: Tissue(event.specimen, draw(st.sampled_from(["", "biopsy", "resection"])), "", event.day)
        for event in events if event.specimen and draw(st.booleans())
    }  # fmt: skip
    sites = draw(st.sampled_from([set(), {"breast"}, {"breast"}, {"gastric"}, {"breast", "gastric"}]))
    course = [event for event in draw(patients())[0] if event.fact not in OF_TESTS] if draw(st.integers(0, 4)) else []
    record = Record(name, f"{name}.json", events, course, tissues, set(sites))
    if draw(st.integers(0, 3)) == 0:
        record.troubles = [
            Trouble("unreadable", f"{name}.json:9", "no code"),
            Trouble("date", f"{name}.json:3", "date 'soon'"),
        ]
        record.passed_over = [Trouble("other", f"{name}.json:7", "entered in error")]
    return record


# -- a course as it should be, and what disturbs it ------------------------------------------------

COURSES = [
    ("trastuzumab-iv", 560, 420, "adjuvant"), ("trastuzumab-iv", 560, 420, "metastatic"), ("trastuzumab-sc", 600, 600, "adjuvant"),
    ("t-dm1", 252, 252, "metastatic"), ("t-dm1", 252, 252, "adjuvant"), ("t-dxd", 378, 378, "metastatic"),
]  # fmt: skip
"""A product with its first and later amounts for 70 kg, and a setting that its label names."""
NORMAL = {"neutrophils_per_nl": 3, "platelets_per_nl": 220, "alt_times_limit": 1, "ast_times_limit": 1, "bilirubin_times_limit": 1}
DISTURBANCES = [
    ("lvef", 48), ("lvef", 38), ("neutrophils_per_nl", "0.7"), ("platelets_per_nl", 40), ("alt_times_limit", 6), ("ild_grade", 1),
    ("ild_grade", 2), ("infusion_reaction", "severe"), ("pregnant", "yes"), ("heart_failure", "yes"), ("progression", "yes"),
    ("weight_kg", 82), ("hold_recorded", "other"), ("stop_recorded", "complete"), ("setting", "metastatic"), ("allergy", "trastuzumab"),
    ("dyspnoea_at_rest", "yes"), ("febrile_neutropenia", "yes"), ("diabetes", "yes"), ("bilirubin_times_limit", "2.5"),
]  # fmt: skip
"""What may come between; a few of them change nothing."""


@st.composite
def coherent(draw: st.DrawFn, most: int = 3) -> tuple[Record, dt.date]:
    """A record of a course as labels have it, told up to the day on which its next dose is due, and a few disturbances:
    something that happens, something that is hard to read, a dose left out, late or doubled. Of an odd amount that cannot be
    read nothing is left to alarm, so that none is drawn here."""
    product, first, later, setting = draw(st.sampled_from(COURSES))
    began, cycles = 30, draw(st.integers(1, 12))
    days = [began + 21 * cycle for cycle in range(cycles)]
    on = days[-1] + 21 + draw(st.sampled_from([-7, 0, 0, 0, 3]))
    course = [
        made("sex", "female", None), made("birth_date", "1960-04-01", None), made("menopausal_status", "postmenopausal", 0),
        made("setting", setting, 1), made("prior_trastuzumab", "yes", 1), made("prior_taxane", "yes", 1),
        made("pathological_response", "residual", 1), made("prior_metastatic_chemotherapy_lines", 1, 1),
    ]  # fmt: skip
    if product != "t-dm1" or setting == "metastatic":
        course = [event for event in course if event.fact != "pathological_response"]
    doses = [made("dose_mg", first if day == began else later, day, product) for day in days]
    if most and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, cycles - 1))
        odd = doses[place]
        changes = [[], [odd, odd], [replace(odd, day=date(days[place] + 9))]]
        doses[place : place + 1] = draw(st.sampled_from(changes))
    course += doses
    course += [lvef(day, 62) for day in (*range(began - 5, on, 63), on - 2)]
    course += [made("weight_kg", 70, day) for day in (*range(began - 2, on, 42), on - 1)]
    course += [made(name, value, day - 1) for day in (*days, on) for name, value in NORMAL.items()]
    for name, value in draw(st.lists(st.sampled_from(DISTURBANCES), max_size=most)):
        course.append(made(name, value, draw(st.sampled_from([*days, on])) - draw(st.integers(0, 3))))
    if most:
        course += [event for events in draw(st.lists(hard(), max_size=1)) for event in events]
        if draw(st.integers(0, 3)) == 0:
            course.append(made("ordered_mg", draw(st.sampled_from([later, later, 900])), on - 1, product))
    tests = [replace(made("ihc_score", "3+", -30), specimen="a", origin="report 1", said="3+")]
    return Record("p", "p.json", tests, course, {}, {"breast"}), date(on)


@st.composite
def batches(draw: st.DrawFn, least: int = 1) -> list[Record]:
    """Some records, a few of which come again under another name."""
    made_of = draw(st.lists(st.integers(0, 3), min_size=least, max_size=5))
    kinds = {kind: draw(records(f"k{kind}")) for kind in sorted(set(made_of))}
    return [replace(kinds[kind], patient=f"p{place}", origin=f"p{place}.json") for place, kind in enumerate(made_of)]
