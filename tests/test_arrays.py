"""Every box of every array against tables evaluated by hand, and what would settle an open case."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from by_hand import NEVER, NOT_REPORTED, Chain, Extended, Held, all_boxes, held, rows_that_apply
from her2path.facts.value import NOT_REPORTED as NAMED_NOT_REPORTED
from her2path.facts.value import Reason
from her2path.tables.array import CONTRADICTORY_ANSWER, UNDETERMINED_ANSWER, Array
from her2path.tables.decision import decide
from her2path.tables.load import default_knowledge, read_knowledge

KNOWLEDGE = default_knowledge()
TABLES = [(edition, table) for edition in KNOWLEDGE.editions for table in edition.tables.values()]
EDITIONS = [edition for edition in KNOWLEDGE.editions if not edition.supplement]
CHAINS = [
    (edition, outcome, frozenset(given))
    for edition in EDITIONS
    for outcome in KNOWLEDGE.tables_of(edition)
    for given in ((), ("ihc_score",), ("ihc_score", "ish_result"))
    if outcome not in given and set(given) <= set(Chain(KNOWLEDGE, edition, outcome).order)
]
"""Every outcome of every edition; where tables that feed it could be given instead, these too."""


def chain_name(case) -> str:
    edition, outcome, given_outcomes = case
    return f"{edition.key}/{outcome}" + "".join(f"-given-{name}" for name in sorted(given_outcomes))


def example_values(array: Array, box: tuple[int, ...]) -> dict[str, Held]:
    """A value in each bin, as the axis itself proposes."""
    return {axis.fact.name: held(axis.example(code)) for axis, code in zip(array.axes, box, strict=True)}


def known_boxes(array: Array, chain: Chain) -> dict[tuple[int, ...], tuple[set[str], set[int]]]:
    examples = [[(axis.fact.name, held(axis.example(code))) for code in range(axis.count)] for axis in array.axes]
    return {
        box: chain.decide(dict(examples[place][code] for place, code in enumerate(box)))
        for box in all_boxes(axis.count for axis in array.axes)
    }


def extended(array: Array, known) -> Extended:
    real = [[code for code in range(axis.count) if axis.labels[code] != NOT_REPORTED] for axis in array.axes]
    return Extended(known, tuple(axis.unknown for axis in array.axes), real)


def answer_of(array: Array, outcomes: frozenset[str]) -> int:
    if outcomes == {NEVER}:
        return CONTRADICTORY_ANSWER
    return array.values.index(next(iter(outcomes))) if len(outcomes) == 1 else UNDETERMINED_ANSWER


def test_the_two_names_of_not_reported_agree() -> None:
    assert NOT_REPORTED == NAMED_NOT_REPORTED


@pytest.mark.parametrize(("edition", "table"), TABLES, ids=lambda each: getattr(each, "name", getattr(each, "key", "")))
def test_exactly_one_row_applies_in_every_box_of_a_table(edition, table) -> None:
    array = Array([table], KNOWLEDGE.facts)
    for box in array.boxes():
        values = example_values(array, box)
        applying = rows_that_apply(table, values)
        assert len(applying) == 1, f"{table.name}: rows {applying} for {values}"
        situation = array.situation(box)
        assert situation.rows == tuple(applying)
        assert set(situation.outcomes) == table.rows[applying[0]].outcomes


@pytest.mark.parametrize("case", CHAINS, ids=chain_name)
def test_a_chain_says_in_every_box_what_its_tables_say_one_after_the_other(case) -> None:
    edition, outcome, given_outcomes = case
    array = KNOWLEDGE.array(edition, outcome, given_outcomes)
    known = known_boxes(array, Chain(KNOWLEDGE, edition, outcome, given_outcomes))
    union = extended(array, known)
    for box in array.boxes(unknown=True):
        outcomes, rows = union(box)
        situation = array.situation(box)
        assert set(situation.outcomes) == outcomes, array.words(box)
        assert set(situation.rows) >= rows, array.words(box)
        assert situation.answer == answer_of(array, outcomes)
        assert array.answers[box] == situation.answer


@pytest.mark.parametrize("key", ["asco-cap-2007", "asco-cap-2013", "asco-cap-2018"])
def test_a_chain_keeps_no_row_that_none_of_its_open_outcomes_leads_to(key) -> None:
    edition = KNOWLEDGE.edition(key)
    array = KNOWLEDGE.array(edition, "her2_expression")
    union = extended(array, known_boxes(array, Chain(KNOWLEDGE, edition, "her2_expression")))
    for box in array.boxes(unknown=True):
        assert set(array.situation(box).rows) == union(box)[1], array.words(box)


def test_an_open_outcome_that_feeds_a_table_twice_is_one_and_the_same_value(tmp_path) -> None:
    """The grade is low or high, and the risk always as the grade: so the two always match."""
    facts = """
| fact       | kind     | values               | meaning |
|------------|----------|----------------------|---------|
| `biopsied` | category | `yes`, `no`          |         |
| `grade`    | category | `low`, `high`        |         |
| `risk`     | category | `low`, `high`        |         |
| `verdict`  | category | `matches`, `differs` |         |
"""
    sources = """
| key     | reference | address | read       | verified |
|---------|-----------|---------|------------|----------|
| example | Invented  | none    | 2026-01-01 | decided  |
"""
    edition = """
| edition | `correlated` |
|---------|--------------|
| source  | @example     |

| row | `biopsied` | => `grade`      | source   | verified |
|-----|------------|-----------------|----------|----------|
| 1   | yes        | open: low, high | @example | decided  |
| 2   | no         | low             | @example | decided  |

| row | `grade` | => `risk` | source   | verified |
|-----|---------|-----------|----------|----------|
| 1   | low     | low       | @example | decided  |
| 2   | high    | high      | @example | decided  |

| row | `grade` | `risk` | => `verdict` | source   | verified |
|-----|---------|--------|--------------|----------|----------|
| 1   | low     | low    | matches      | @example | decided  |
| 2   | high    | high   | matches      | @example | decided  |
| 3   | low     | high   | differs      | @example | decided  |
| 4   | high    | low    | differs      | @example | decided  |
"""
    (tmp_path / "topic").mkdir()
    (tmp_path / "facts.md").write_text(facts, encoding="utf-8")
    (tmp_path / "sources.md").write_text(sources, encoding="utf-8")
    (tmp_path / "topic" / "correlated.md").write_text(edition, encoding="utf-8")
    invented = read_knowledge(tmp_path)
    decision = decide("verdict", {"biopsied": "yes"}, knowledge=invented, edition="correlated")
    assert decision.possible == ("matches",)


@pytest.mark.parametrize(("edition", "table"), TABLES, ids=lambda each: getattr(each, "name", getattr(each, "key", "")))
def test_the_quick_answer_for_values_is_the_answer_of_their_box(edition, table) -> None:
    array = Array([table], KNOWLEDGE.facts)
    for box in array.boxes(unknown=True):
        values = {
            axis.fact.name: None if code == axis.unknown else axis.example(code)
            for axis, code in zip(array.axes, box, strict=True)
        }
        assert array.answer(values) == array.answers[box]
        floats = {
            name: value if isinstance(value, str) or value is None else float(value) for name, value in values.items()
        }
        assert array.answer(floats) == array.answers[box]


# -- what would settle an open case ---------------------------------------------------------------

SETTLED = [
    ("asco-cap-2018", "her2_status", ("ihc_score",)),
    ("asco-cap-2018", "her2_status", ("ihc_score", "ish_group")),
    ("asco-cap-2018", "her2_next_step", ("ihc_score",)),
    ("asco-cap-2018", "ish_group", ()),
    ("asco-cap-2018", "ihc_score", ()),
    ("asco-cap-2013", "her2_status", ("ihc_score",)),
    ("asco-cap-2013", "ish_result", ()),
    ("asco-cap-2007", "her2_status", ("ihc_score",)),
    ("asco-cap-2013", "her2_expression", ("ihc_score", "ish_result")),
    ("asco-cap-2018", "her2_expression", ("ihc_score", "her2_status")),
    ("toga-2010", "her2_status", ("ihc_score",)),
    ("cap-2016", "ihc_score", ()),
]


class Settling:
    """What would settle an open box, by trying every completion, as `Array.would_settle` defines it."""

    def __init__(self, array: Array, known) -> None:
        self.array = array
        self.known = {box: frozenset(outcomes - {NEVER}) for box, (outcomes, _) in known.items()}
        self.open_values = array.outcome.open_values

    def bins(self, box, later: bool) -> list[list[int]]:
        """The bins each fact may be in now; `later`, those it may turn out to be in."""
        found = []
        for axis, code in zip(self.array.axes, box, strict=True):
            reported = [each for each in range(axis.count) if axis.labels[each] != NOT_REPORTED]
            not_reported = code != axis.unknown and axis.labels[code] == NOT_REPORTED
            found.append(reported if code == axis.unknown or (later and not_reported) else [code])
        return found

    def settles(self, box, chosen: tuple[int, ...], asks_for_a_test: bool) -> bool:
        now, later = self.bins(box, later=False), self.bins(box, later=True)
        implied = {}
        for place in chosen:
            implies = self.array.axes[place].fact.implies
            if implies and implies[0] in self.array.place:
                other = self.array.place[implies[0]]
                implied[other] = self.array.axes[other].labels.index(implies[1])
        helped = False
        choices = [[implied[place]] if place in implied else later[place] for place in chosen]
        for learnt in product(*choices):
            fixed = dict(zip(chosen, learnt, strict=True)) | implied
            outcomes = frozenset().union(*self.over(now, fixed))
            if len(outcomes) <= 1 and not (asks_for_a_test and outcomes & self.open_values):
                helped = helped or bool(outcomes)
                continue
            if len({each for each in self.over(later, fixed) if each}) != 1:
                return False
        return helped

    def contradicts(self, place, later) -> bool:
        """A ratio cannot be learnt beside a probe known to be single."""
        implies = self.array.axes[place].fact.implies
        if not implies or implies[0] not in self.array.place:
            return False
        other = self.array.place[implies[0]]
        return self.array.axes[other].labels.index(implies[1]) not in later[other]

    @staticmethod
    @cache
    def _boxes(choices: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
        return list(product(*choices))

    def over(self, bins, fixed) -> list[frozenset[str]]:
        choices = tuple((fixed[place],) if place in fixed else tuple(each) for place, each in enumerate(bins))
        return [self.known[box] for box in self._boxes(choices)]

    def __call__(self, box, asks_for_a_test: bool) -> set[frozenset[str]]:
        later = self.bins(box, later=True)
        askable = [place for place, bins in enumerate(later) if len(bins) > 1 and not self.contradicts(place, later)]
        found: list[frozenset[int]] = []
        for size in range(1, len(askable) + 1):
            for chosen in combinations(askable, size):
                if not any(each <= set(chosen) for each in found) and self.settles(box, chosen, asks_for_a_test):
                    found.append(frozenset(chosen))
        return {frozenset(self.array.axes[place].fact.name for place in each) for each in found}


@pytest.mark.parametrize(("key", "outcome", "given_outcomes"), SETTLED)
def test_what_would_settle_an_open_case_settles_it_and_nothing_less_does(key, outcome, given_outcomes) -> None:
    edition = KNOWLEDGE.edition(key)
    array = KNOWLEDGE.array(edition, outcome, given_outcomes)
    settling = Settling(array, known_boxes(array, Chain(KNOWLEDGE, edition, outcome, given_outcomes)))
    tried = 0
    for box in array.boxes(unknown=True):
        situation = array.situation(box)
        asks_for_a_test = situation.answer >= 0 and array.values[situation.answer] in array.outcome.open_values
        if situation.answer != UNDETERMINED_ANSWER and not asks_for_a_test:
            continue
        tried += 1
        listed = array.would_settle(box)
        assert {frozenset(names) for names in listed} == settling(box, asks_for_a_test), array.words(box)
        assert len(set(listed)) == len(listed)
    assert tried


def test_a_settled_case_needs_nothing_more() -> None:
    assert decide("her2_status", {"ihc_score": "3+"}, edition="asco-cap-2018").would_settle == ()
    assert decide("ish_group", {"her2_cep17_ratio": 2.4, "her2_copies": 7}, edition="asco-cap-2018").would_settle == ()


# -- knowing more never leaves more open ----------------------------------------------------------

PROPERTY_ARRAYS = [
    KNOWLEDGE.array(KNOWLEDGE.edition(key), outcome, given_outcomes)
    for key, outcome, given_outcomes in [
        *SETTLED,
        ("asco-cap-2018", "her2_expression", ()),
        ("asco-cap-2007", "her2_status", ()),
    ]
]


@st.composite
def narrowed_codes(draw) -> tuple[Array, tuple, tuple]:
    """An array with some bins of each axis, and fewer of them."""
    array = draw(st.sampled_from(PROPERTY_ARRAYS))
    wide, narrow = [], []
    for axis in array.axes:
        some = draw(st.sets(st.sampled_from(axis.real), min_size=1))
        fewer = draw(st.sets(st.sampled_from(sorted(some)), min_size=1))
        wide.append(as_code(axis, some))
        narrow.append(as_code(axis, fewer))
    return array, tuple(wide), tuple(narrow)


def as_code(axis, bins: set[int]):
    if len(bins) == 1:
        return next(iter(bins))
    return axis.unknown if bins == set(axis.real) else frozenset(bins)


@given(narrowed_codes())
def test_fewer_bins_never_make_more_outcomes_possible(case) -> None:
    array, wide, narrow = case
    before, after = array.situation(wide), array.situation(narrow)
    assume(after.answer != CONTRADICTORY_ANSWER)
    assert set(after.outcomes) <= set(before.outcomes)
    assert set(after.rows) <= set(before.rows)
    if before.answer >= 0:
        assert after.answer == before.answer


@given(narrowed_codes())
def test_several_bins_are_the_union_of_the_boxes_they_stand_for(case) -> None:
    array, wide, _ = case
    boxes = product(*(axis.bins_of(code) for axis, code in zip(array.axes, wide, strict=True)))
    outcomes = set().union(*(array.situation(box).outcomes for box in boxes))
    assert set(array.situation(wide).outcomes) == (outcomes - {NEVER} or outcomes)


FACTS_OF_A_SPECIMEN = {
    "ihc_score": ["0", "1+", "2+", "3+", "0-1+", "negative"],
    "her2_cep17_ratio": ["1.2", "2.0", "< 1.8", "> 2.2", "1.8-2.2"],
    "her2_copies": ["3.9", "4", "5.99", "> 6", "4-6"],
    "ish_recount": ["unchanged", "changed"],
    "any_membrane_staining": ["yes", "no"],
}


@given(
    st.fixed_dictionaries({name: st.sampled_from(["?", *values]) for name, values in FACTS_OF_A_SPECIMEN.items()}),
    st.sampled_from(sorted(FACTS_OF_A_SPECIMEN)),
    st.sampled_from(["asco-cap-2007", "asco-cap-2013", "asco-cap-2018"]),
    st.sampled_from(["her2_status", "her2_expression", "her2_next_step"]),
    st.data(),
)
def test_one_fact_more_never_makes_more_outcomes_possible(facts, name, edition, outcome, data) -> None:
    before = decide(outcome, facts | {name: "?"}, edition=edition)
    after = decide(outcome, facts | {name: data.draw(st.sampled_from(FACTS_OF_A_SPECIMEN[name]))}, edition=edition)
    assert Reason.CONTRADICTORY not in {why.reason for why in after.given.unknown.values()}
    assert set(after.possible) <= set(before.possible)
    if before.value is not None and not after.contradictory:
        assert after.value == before.value
