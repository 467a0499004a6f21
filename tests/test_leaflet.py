"""The leaflet: what it says to whom, what it never says, how hard it is to read, and that every sentence has its source."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pages_server import ON, WANTED, client_of, loaded_of

for name in WANTED:
    pytest.importorskip(name)

from her2path import KnowledgeError, read_knowledge  # noqa: E402
from her2path.serve.pages.leaflet.known import NoLeaflet  # noqa: E402
from her2path.serve.pages.leaflet.page import Leaflet, leaflet_of  # noqa: E402
from her2path.serve.pages.leaflet.reading import measure, syllables  # noqa: E402
from her2path.serve.pages.leaflet.sentences import NEEDS_A_PERSON, Words, leaflet_path, read_words  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

HARDEST_GRADE = 6.0
"""Flesch-Kincaid: the sixth school year, a reading age of about 12."""
NOT_FOR_A_PATIENT = re.compile(
    r"\b(late|missed|wrong|error|mistake|overdose|hold|held|paused?|stop for good|overdue|mix|toxic|alarm|mg|dose of|%|lvef)\b", re.I
)
"""Words that would tell of an error, a hold or a dose."""
PROMISES = re.compile(r"\b(we will|we'll|will be fine|will not|won't|cure|always|never|safe)\b", re.I)


@pytest.fixture(scope="module")
def loaded() -> Any:
    return loaded_of()


@pytest.fixture(scope="module")
def words() -> Words:
    knowledge = read_knowledge()
    return read_words(leaflet_path(knowledge.folder), knowledge.sources)


def leaflet(loaded: Any, words: Words, patient: str) -> Leaflet:
    return leaflet_of(loaded.open(patient).review, words, loaded.knowledge)


def every_leaflet(loaded: Any, words: Words) -> dict[str, Leaflet]:
    made = {}
    for each in loaded.ward.listed:
        try:
            made[each.row.patient] = leaflet(loaded, words, each.row.patient)
        except NoLeaflet:
            continue
    assert len(made) > 15
    return made


def big(made: Leaflet) -> dict[str, str]:
    return {part.section.name: said.words for part in made.of("box") for said in part.big}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


# -- how hard it is to read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("heart", 1), ("scan", 1), ("treatment", 2), ("drug", 1), ("trastuzumab", 4), ("pertuzumab", 4), ("protein", 2),
        ("cancer", 2), ("make", 1), ("makes", 1), ("places", 2), ("stopped", 1), ("wanted", 2), ("emergency", 4),
        ("pregnancy", 3), ("breastfeeding", 3), ("table", 2), ("little", 2), ("people", 2), ("one", 1), ("use", 1),
        ("dizzy", 2), ("idea", 3), ("special", 2), ("medicine", 3), ("breathe", 1), ("swollen", 2), ("eye", 1),
        ("anthracycline", 4), ("cardiologist", 5), ("contraception", 4),
    ],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_grade_is_the_formula_worked_by_hand() -> None:
    easy = measure(["The drug can make the heart pump less well."])  # 9 words of 9 syllables, 1 sentence
    assert easy.grade == round(0.39 * 9 + 11.8 * 9 / 9 - 15.59, 1) == -0.3
    hard = measure(["Contraception is recommended. Cardiologists evaluate anthracyclines."])
    assert (hard.sentences, hard.words) == (2, 6)
    assert hard.grade > 20
    assert hard.long_words == ("anthracyclines", "cardiologists", "contraception", "evaluate", "recommended")


def test_every_leaflet_can_be_read_at_twelve(loaded: Any, words: Words) -> None:
    for patient, made in every_leaflet(loaded, words).items():
        assert made.reading.grade <= HARDEST_GRADE, patient
        assert made.reading.sentences > 20
        assert set(made.reading.long_words) <= words.long_words, (patient, set(made.reading.long_words) - words.long_words)


def test_no_long_word_is_listed_for_nothing(loaded: Any, words: Words) -> None:
    met = {word for made in every_leaflet(loaded, words).values() for word in made.reading.long_words}
    assert words.long_words == met


def test_every_sentence_alone_is_short(words: Words) -> None:
    for each in words.sentences:
        assert measure([each.words]).words <= 20 * max(measure([each.words]).sentences, 1), each.row


# -- what it says, and to whom ------------------------------------------------------------------


def test_a_day_is_named_where_nothing_stands_against_it(loaded: Any, words: Words) -> None:
    assert big(leaflet(loaded, words, "due-today")) == {"next": "Tuesday 3 March 2026", "scan": "about 20 April 2026"}
    assert big(leaflet(loaded, words, "two-tumours"))["next"] == "Monday 23 March 2026"


@pytest.mark.parametrize(
    ("patient", "verdict"),
    [
        ("fourth-hold", "STOP"), ("heart-failure", "STOP"), ("persistent-decline", "STOP"), ("dose-in-hold", "HOLD"),
        ("tenfold-order", "DO NOT GIVE THE ORDER"), ("mix-up", "DO NOT GIVE THE ORDER"), ("late-dose", "CHANGE"),
        ("residual-disease", "CHANGE"), ("equivocal-ordered", "ASK FIRST"), ("adjuvant-hold", "ASK FIRST"),
        ("no-pregnancy-test", "ASK FIRST"),
    ],
)  # fmt: skip
def test_otherwise_the_team_talks_with_her(loaded: Any, words: Words, patient: str, verdict: str) -> None:
    review = loaded.open(patient).review
    assert review.course.verdicts[0].verdict == verdict
    made = leaflet(loaded, words, patient)
    assert big(made)["next"] == "Ask your team"
    (box,) = [part for part in made.of("box") if part.section.name == "next"]
    assert [said.words for said in box.said] == ["Your team will talk with you about it."]
    days = {item.earliest for item in review.course.plan if item.kind == "dose"} - {None}
    text = " ".join(said.words for said in made.sentences)
    for day in days:
        assert f"{day.day} {day:%B} {day.year}" not in text
    assert "minutes" not in text


def test_no_dose_is_named_that_waits_for_something_or_that_nobody_ordered(loaded: Any, words: Words) -> None:
    """Even where the verdict would allow a day."""
    from dataclasses import replace

    free = replace(words, allowed=dict.fromkeys(words.allowed, ("dated", "dated")))
    for patient in ("mix-up", "equivocal-ordered", "no-pregnancy-test", "residual-disease"):
        items = loaded.open(patient).review.course.plan
        assert any(item.kind == "dose" for item in items)
        assert big(leaflet(loaded, free, patient)).get("next", "Ask your team") == "Ask your team", patient
    assert big(leaflet(loaded, free, "late-dose"))["next"] == "Tuesday 3 March 2026"


def test_a_scan_that_is_overdue_has_no_day(loaded: Any, words: Words) -> None:
    assert big(leaflet(loaded, words, "six-years"))["scan"] == "Ask your team"
    assert big(leaflet(loaded, words, "dose-in-hold"))["scan"] == "by Monday 16 March 2026"
    assert big(leaflet(loaded, words, "fourth-hold"))["scan"] == "Ask your team"


def test_no_leaflet_tells_of_an_error_gives_a_dose_or_promises(loaded: Any, words: Words) -> None:
    for patient, made in every_leaflet(loaded, words).items():
        for said in made.sentences:
            assert not NOT_FOR_A_PATIENT.search(said.words), (patient, said.words)
            assert not PROMISES.search(said.words), (patient, said.words)


@pytest.mark.parametrize(
    ("patient", "why"),
    [
        ("pregnancy", "A person has to talk with her"), ("mess", "has died"), ("progression", "written for T-DXd"),
        ("t-dm1-overdose", "written for T-DM1"), ("her2-low", "No drug is in hand"), ("ratio-to-recount", "No course"),
    ],
)  # fmt: skip
def test_who_gets_none(loaded: Any, words: Words, patient: str, why: str) -> None:
    with pytest.raises(NoLeaflet, match=why):
        leaflet(loaded, words, patient)


def test_without_its_page_there_is_none(loaded: Any, tmp_path: Path) -> None:
    none = read_words(leaflet_path(tmp_path), loaded.knowledge.sources)
    with pytest.raises(NoLeaflet, match="has no leaflet"):
        leaflet(loaded, none, "due-today")


def test_months_are_those_of_the_table(loaded: Any, words: Words) -> None:
    from her2path import answer_washout

    for patient, product in (("due-today", "trastuzumab"), ("under-the-skin", "phesgo")):
        answered = answer_washout([product], last_dose=ON, sex="female", jurisdiction="us", on=ON)
        text = " ".join(said.words for said in leaflet(loaded, words, patient).sentences)
        assert answered.length == "7"
        assert text.count(f"{answered.length} months after the last dose") == 3
    assert "Phesgo holds two drugs" in text
    assert "shot under the skin" in text
    assert "drip" not in text


def test_by_the_european_label(words: Words) -> None:
    from her2path import Settings
    from her2path.serve.loaded import Loaded
    from pages_server import WARD

    loaded = Loaded(read_knowledge(), Settings(ON, jurisdiction="eu"), day=ON)
    loaded.load(WARD)
    text = " ".join(said.words for said in leaflet(loaded, words, "due-today").sentences)
    assert "Do not breastfeed during treatment and for 7 months after the last dose." in text
    assert "Talk with us before you breastfeed" not in text


def test_a_man_is_told_nothing_of_pregnancy(words: Words, tmp_path: Path) -> None:
    rows = ["patient,date,fact,value,unit,product", "m,2026-01-02,sex,male,,", "m,2026-01-02,ihc_score,3+,,"]
    rows += ["m,2026-01-03,lvef,62,%,", "m,2026-01-05,weight_kg,80,kg,", "m,2026-01-05,setting,metastatic,,"]
    rows += [f"m,{day},dose_mg,{amount},mg,trastuzumab-iv" for day, amount in (("2026-01-20", 640), ("2026-02-10", 480))]
    path = tmp_path / "man.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    made = leaflet(loaded_of(path), words, "m")
    text = " ".join(said.words for said in made.sentences)
    assert "pregnant" not in text
    assert "birth control" not in text
    assert "Talk with us if you plan to have a child." in text


# -- the page of the sentences -------------------------------------------------------------------


def test_every_sentence_has_a_source_or_needs_a_person(words: Words) -> None:
    assert len(words.sentences) > 45
    for each in words.sentences:
        assert bool(each.citations or each.rests_on) != (each.level == NEEDS_A_PERSON), each.row


def test_every_sentence_can_be_met(loaded: Any, words: Words) -> None:
    """No row that no patient of the ward, of a man or of Europe would read."""
    met = {said.sentence.row for made in every_leaflet(loaded, words).values() for said in made.sentences}
    assert {each.row for each in words.sentences} - met == {"63", "65"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("| @ogivri-eu-leaflet 1                              | secondary      |\n| 11", "| -  | secondary |\n| 11", "row 10: it has no source"),
        ("@piccart2005; @romond2005", "@nobody", "row 14: @nobody is not in sources.md"),
        ("her2 = positive    ", "her2 = good    ", "her2 is never good"),
        ("her2 = positive    ", "mood = good    ", "nothing is asked as 'mood'"),
        ("{every}", "{dose}", "nothing fills {dose}"),
        ("| 11  | what ", "| 10  | what ", "row 10 stands there twice"),
        ("| 11  | what ", "| 11  | whatever ", "there is no section 'whatever'"),
        ("| STOP                  | talk ", "| STOPPED               | talk ", "nothing is said of the verdicts STOP"),
        ("| STOP                  | talk ", "| STOP                  | soon ", "allows soon"),
        ("| baby      | Pregnancy and breastfeeding                | text |", "| baby | Pregnancy | poem |", "no form is called 'poem'"),
        ("| needs a person |\n| 5 ", "| seen |\n| 5 ", "row 4: it has no source and is 'seen'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_page_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    knowledge = read_knowledge()
    text = leaflet_path(knowledge.folder).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "leaflet.md"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=re.escape(told)) as raised:
        read_words(path, knowledge.sources)
    assert re.search(r"leaflet\.md:\d+", str(raised.value))


# -- the page ------------------------------------------------------------------------------------


def test_the_page_says_that_nobody_clinical_has_read_it(loaded: Any) -> None:
    html = client_of(loaded).get("/leaflet?id=due-today").text
    told = text_of(html)
    assert "Nobody clinical has reviewed these words." in told
    assert "Draft for your team: no clinician has reviewed these words yet." in told
    draft = html[: html.index("Draft for your team")]
    assert "noprint" not in draft[draft.rindex("<p") :]
    assert "needs a person" in told
    assert 'href="/leaflet?id=due-today"' in client_of(loaded).get("/patient?id=due-today").text


def test_who_gets_none_is_told_why(loaded: Any) -> None:
    client = client_of(loaded)
    assert "A person has to talk with her" in client.get("/leaflet?id=pregnancy").text
    assert client.get("/leaflet?id=nobody").status_code == 404


def test_a_name_writes_no_markup(tmp_path: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    path = tmp_path / "evil.csv"
    day = ON - dt.timedelta(days=21)
    path.write_text(
        f"patient,date,fact,value,unit,product\n{attack},{day},dose_mg,480,mg,trastuzumab-iv\n{attack},{day},weight_kg,80,kg,\n",
        encoding="utf-8",
    )
    answer = client_of(loaded_of(path)).get("/leaflet", params={"id": attack})
    assert answer.status_code == 200
    assert "<img" not in answer.text
