"""Many patients at once say what one patient at a time says."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from her2path.facts.problem import AskedWrongly
from her2path.read.tabular.file import read_table
from her2path.tables.array import Array
from her2path.tables.decision import decide
from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge
from her2path.tables.many import loops as kernels
from her2path.tables.many.decide_rows import decide_table
from her2path.tables.many.look_up import decide_batch
from her2path.write.tables.rows import write_table

KNOWLEDGE: Knowledge = default_knowledge()
FACTS = KNOWLEDGE.facts
LOOPS = [False, True] if find_spec("numba") else [False]


# -- decide_batch ------------------------------------------------------------------------------

ARRAYS = [
    Array([table], FACTS)
    for edition in KNOWLEDGE.editions
    for table in edition.tables.values()
    if edition.key in ("asco-cap-2018", "asco-cap-2007", "cap-2016", "her2-expression")
] + [KNOWLEDGE.array(KNOWLEDGE.edition("asco-cap-2018"), "her2_status")]
INPUTS = sorted({axis.fact.name for array in ARRAYS for axis in array.axes})

around_cuts = st.sampled_from(
    ["1.8", "2.0", "2.00", "2.2", "4", "4.0", "5.99", "6.0", "10", "30", "0", "0.05", "1.9999999"]
)
numbers = st.one_of(around_cuts.map(float), st.floats(0, 12, allow_subnormal=False), st.just(math.nan), st.just(-1.0))
number_texts = st.one_of(
    around_cuts, st.floats(0, 300).map(repr), st.decimals(0, 9, places=2).map(str),
    st.sampled_from(["> 6", "less than 1.8", "4-6", "1.8 (CN 7.5)", "", "  ", "n/a", "2,1", "=2.0", "1e400", "1.5-2.5", "<= 300", "1.99999999999999999", "2.00000000000000000001", "007.5"]),
)  # fmt: skip


def texts_of(name: str) -> st.SearchStrategy[str | None]:
    fact = FACTS[name]
    if fact.is_number:
        return st.one_of(number_texts, st.none())
    odd = ["", "?", "0-1+", "score 2+", "3+ (2+ outside)", "negative"] if name == "ihc_score" else ["", "?", "1.0"]
    return st.one_of(st.sampled_from([*fact.values, *odd]), st.none())


@st.composite
def columns(draw: st.DrawFn, names: list[str], rows: int) -> dict[str, pa.Array]:
    """Some facts, each as one of the types a file or a data frame may hold it in."""
    made = {}
    for name in names:
        if name == "test_date":
            days = st.one_of(
                st.none(), st.dates(dt.date(2005, 1, 1), dt.date(2025, 1, 1)),
                st.sampled_from([dt.date(2018, 5, 29), dt.date(2018, 5, 30), dt.date(2023, 6, 7)]),
            )  # fmt: skip
            cells = draw(st.lists(days, min_size=rows, max_size=rows))
            as_text = [None if day is None else day.isoformat() for day in cells]
            made[name] = draw(st.sampled_from([pa.array(cells, pa.date32()), pa.array([*as_text[:-1], "12/2018"])]))
            continue
        kinds = ["text", "dictionary"]
        if FACTS[name].is_number:
            kinds += ["float", "float", "whole", "decimal"]
        kind = draw(st.sampled_from(kinds))
        if kind == "float":
            made[name] = pa.array(
                draw(st.lists(st.one_of(numbers, st.none()), min_size=rows, max_size=rows)), pa.float64()
            )
        elif kind == "whole":
            whole = st.one_of(st.integers(-1, 12), st.none())
            made[name] = pa.array(draw(st.lists(whole, min_size=rows, max_size=rows)), pa.int32())
        elif kind == "decimal":
            exact = st.one_of(st.decimals(0, 9, places=2), st.none())
            made[name] = pa.array(draw(st.lists(exact, min_size=rows, max_size=rows)), pa.decimal128(6, 2))
        else:
            made[name] = pa.array(draw(st.lists(texts_of(name), min_size=rows, max_size=rows)), pa.string())
            if kind == "dictionary":
                made[name] = made[name].dictionary_encode()
    return made


def one_at_a_time(array: Array, row: dict[str, Any]) -> str | None:
    known = {axis.fact.name: axis.fact.coerce(row.get(axis.fact.name)) for axis in array.axes}
    answer = array.situation(array.codes(known)).answer
    return array.outcome.values[answer] if answer >= 0 else None


@pytest.mark.parametrize("fast", LOOPS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_batch_says_what_each_patient_alone_says(fast: bool, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(INPUTS), unique=True, max_size=len(INPUTS)))
    batch = pa.table({"id": pa.array(range(9)), **data.draw(columns(names, 9))}).slice(data.draw(st.integers(0, 5)))
    decided = decide_batch(ARRAYS, batch, fast=fast)
    assert decided.num_rows == batch.num_rows
    for array, column in zip(ARRAYS, decided.columns, strict=True):
        assert column.to_pylist() == [one_at_a_time(array, row) for row in batch.to_pylist()]


def random_batch(rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    made = {}
    for name in INPUTS:
        fact, gone = FACTS[name], random.random(rows) < 0.1
        if fact.is_number:
            made[name] = pa.array(np.round(random.uniform(-1, 11, rows), 1), mask=gone)
        else:
            indices = pa.array(random.integers(0, len(fact.values), rows).astype(np.int16), mask=gone)
            made[name] = pa.DictionaryArray.from_arrays(indices, pa.array(fact.values))
    return pa.table(made)


@pytest.mark.skipif(len(LOOPS) < 2, reason="numba is not installed")
def test_compiled_and_plain_loops_give_the_same_bytes() -> None:
    batch = random_batch(100_003)
    assert decide_batch(ARRAYS, batch, fast=True).equals(decide_batch(ARRAYS, batch, fast=False))


def test_without_numba_the_plain_loops_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr("her2path.tables.many.loops.find_spec", lambda _: None)
    assert not kernels.kernels(None, 10_000_000).compiled
    assert decide_batch(ARRAYS, random_batch(100)).num_rows == 100


@pytest.mark.skipif(len(LOOPS) < 2, reason="numba is not installed")
def test_numba_is_loaded_only_for_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = kernels.kernels(True)
    monkeypatch.setattr("her2path.tables.many.loops._compiled", lambda: compiled)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert not kernels.kernels(None, 100).compiled
    assert kernels.kernels(None, kernels.ROWS_WORTH_COMPILED).compiled


def test_chunks_of_any_size_and_dictionaries_of_their_own_make_no_difference() -> None:
    batch = random_batch(40_001)
    pieces = [batch.slice(0, 1), batch.slice(1, 35_000), batch.slice(35_001, 0), batch.slice(35_001)]
    place = batch.column_names.index("ihc_score")
    own = pieces[1].column(place).cast(pa.string()).combine_chunks().dictionary_encode()
    pieces[1] = pieces[1].set_column(place, "ihc_score", own.cast(batch.schema.field(place).type))
    whole, parted = (decide_batch(ARRAYS, each, fast=False) for each in (batch, pa.concat_tables(pieces)))
    assert [c.to_pylist() for c in whole.columns] == [c.to_pylist() for c in parted.columns]


def test_a_record_batch_comes_back_as_one_and_null_is_undetermined() -> None:
    [group] = [each for each in ARRAYS if each.table.name == "asco-cap-2018/ish_group"]
    batch = pa.RecordBatch.from_pydict({
        "ish_probe": ["dual"] * 4, "her2_copies": pa.array([4.0, 4.0, None, 4.0]),
        "her2_cep17_ratio": pa.array([2.0, 1.8, 2.0, math.nan]),
    })  # fmt: skip
    decided = decide_batch([group], batch)
    assert isinstance(decided, pa.RecordBatch)
    assert decided.schema.field("ish_group").type == pa.dictionary(pa.int8(), pa.string())
    assert decided.column(0).to_pylist() == ["1", "4", None, None]


def test_float32_is_exact_at_the_cut() -> None:
    [group] = [each for each in ARRAYS if each.table.name == "asco-cap-2018/ish_result"]
    array = KNOWLEDGE.array(KNOWLEDGE.edition("asco-cap-2007"), "ish_result")
    values = ["1.8", "2.2", "1.7999", "2.2001"]
    exact, single = pa.array([float(v) for v in values]), pa.array(np.array(values, dtype=np.float32))
    results = [
        decide_batch([array], pa.table({"ish_probe": ["dual"] * 4, "her2_cep17_ratio": each})).column(0).to_pylist()
        for each in (exact, single)
    ]
    assert results[0] == results[1]
    assert group.outcome.name == "ish_result"


def test_no_column_of_use_leaves_everything_unknown() -> None:
    decided = decide_batch(ARRAYS[:1], pa.table({"id": [1, 2]}))
    assert decided.column(0).to_pylist() == [None, None]


def test_columns_of_lists_are_refused_in_words() -> None:
    with pytest.raises(AskedWrongly, match="her2_copies holds list"):
        decide_batch(ARRAYS, pa.table({"her2_copies": [[1.0], [2.0]]}))


# -- decide_table ------------------------------------------------------------------------------

FILE_FACTS = [
    "ihc_score", "her2_copies", "cep17_copies", "her2_cep17_ratio", "ish_probe", "ish_group", "ish_result", "ish_recount",
    "tumour_site", "test_date", "stained_percent", "staining_intensity", "staining_completeness", "any_membrane_staining",
]  # fmt: skip
TRIO = ["her2_copies", "cep17_copies", "her2_cep17_ratio"]


def row_by_row(outcome: str, table: pa.Table, constants: dict[str, str], **asked: Any) -> list[tuple[Any, ...]]:
    told: list[tuple[Any, ...]] = []
    for row in table.to_pylist():
        facts = {**{name: value for name, value in row.items() if name in FACTS}, **constants}
        try:
            decision = decide(outcome, facts, knowledge=KNOWLEDGE, **asked)
        except AskedWrongly:
            told.append((None, "", "", None))
            continue
        settling = " or ".join(" and ".join(names) for names in decision.would_settle)
        told.append((decision.value, "; ".join(decision.rows), settling, decision.edition.key))
    return told


def answers(outcome: str, decided: pa.Table) -> list[tuple[Any, ...]]:
    names = [outcome, f"{outcome}.rows", f"{outcome}.would_settle", f"{outcome}.edition"]
    return list(zip(*(decided.column(name).to_pylist() for name in names), strict=True))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_file_says_what_each_row_alone_says(data: st.DataObject) -> None:
    outcome = data.draw(st.sampled_from(["her2_status", "ish_group", "her2_next_step", "her2_expression"]))
    names = data.draw(st.one_of(
        st.just(TRIO), st.just(["ihc_score", *TRIO]), st.just([*TRIO, "ish_group"]),
        st.lists(st.sampled_from(FILE_FACTS), min_size=1, max_size=7, unique=True),
    ))  # fmt: skip
    names = [name for name in names if name != outcome] or ["ihc_score"]
    asked: dict[str, Any] = data.draw(st.sampled_from([
        {}, {"on": dt.date(2015, 1, 1)}, {"edition": "asco-cap-2018"}, {"jurisdiction": "eu"},
    ]))  # fmt: skip
    left = [name for name in FILE_FACTS if name not in (*names, outcome)]
    constants = {}
    if data.draw(st.booleans()) and left:
        name = data.draw(st.sampled_from(left))
        constants[name] = data.draw(texts_of(name)) or "" if name != "test_date" else "2012-02-29"
    table = pa.table({"id": pa.array(range(12)), **data.draw(columns(names, 12))}).slice(data.draw(st.integers(0, 8)))
    expected = row_by_row(outcome, table, constants, **asked)
    if all(each[3] is None for each in expected):
        with pytest.raises(AskedWrongly):
            decide_table(outcome, table, knowledge=KNOWLEDGE, constants=constants, **asked)
        return
    decided, _ = decide_table(outcome, table, knowledge=KNOWLEDGE, constants=constants, **asked)
    assert answers(outcome, decided) == expected
    # Compared as written out, because NaN is not equal to itself.
    assert str(decided.select(table.column_names).to_pydict()) == str(table.to_pydict())


def test_many_measured_rows_say_what_each_alone_says() -> None:
    """Two decimals, as laboratories report: many quotients fall on a cut, and many ratios nearly agree."""
    random = np.random.default_rng(7)
    rows = 3000
    copies, cep17 = np.round(random.uniform(1, 9, rows), 1), np.round(random.uniform(0.5, 4, rows), 1)
    ratio = np.round(copies / cep17 + random.choice([0, 0, 0, 0.05, 0.1, 0.5], rows), random.choice([1, 2]))
    scores = random.choice(["0", "1+", "2+", "3+"], rows)
    table = pa.table({
        "ihc_score": scores, "her2_copies": pa.array(copies, mask=random.random(rows) < 0.1),
        "cep17_copies": pa.array(cep17, mask=random.random(rows) < 0.1),
        "her2_cep17_ratio": pa.array(ratio, mask=random.random(rows) < 0.5),
    })  # fmt: skip
    as_text = pa.table(
        {name: column.cast(pa.string()) for name, column in zip(table.column_names, table.columns, strict=True)}
    )
    for each in (table, as_text):
        decided, _ = decide_table("her2_status", each, knowledge=KNOWLEDGE, edition="asco-cap-2018")
        assert answers("her2_status", decided) == row_by_row("her2_status", each, {}, edition="asco-cap-2018")


def test_unreadable_cells_are_told_and_the_rest_is_decided() -> None:
    table = pa.table({"her2_copies": ["5.0", "many", "", "250"], "ihc_score": ["3+", "3+", "0", "0"]})
    decided, problems = decide_table("her2_status", table, knowledge=KNOWLEDGE)
    assert problems == [
        "row 2, column her2_copies: 'many', expected a number (0..200] (copies per cell)",
        "row 4, column her2_copies: 250, expected a number (0..200] (copies per cell)",
    ]
    assert decided.column("her2_status").to_pylist()[0] == "positive"


def test_at_most_twenty_messages_then_a_count() -> None:
    table = pa.table({"ihc_score": ["banana"] * 30, "her2_copies": ["x"] * 30})
    _, problems = decide_table("her2_status", table, knowledge=KNOWLEDGE, constants={"ish_recount": "perhaps"})
    assert len(problems) == 21
    assert problems[0].startswith("ish_recount, given for all rows: 'perhaps', expected one of")
    assert problems[-1] == "and 41 more"


def test_rows_without_an_edition_are_told_and_stay_open() -> None:
    table = pa.table({"tumour_site": ["breast", "gastric"], "her2_copies": [5.0, 5.0], "cep17_copies": [2.0, 2.0]})
    decided, problems = decide_table("ish_group", table, knowledge=KNOWLEDGE, on=dt.date(2019, 1, 1))
    assert decided.column("ish_group").to_pylist() == ["1", None]
    assert problems == ["row 2: no edition decides ish_group for gastric"]
    with pytest.raises(AskedWrongly, match="no edition decides ish_group for gastric"):
        decide_table("ish_group", table.slice(1), knowledge=KNOWLEDGE)


def test_a_table_without_rows_gets_its_columns() -> None:
    decided, problems = decide_table(
        "her2_status", pa.table({"ihc_score": pa.array([], pa.string())}), knowledge=KNOWLEDGE
    )
    assert decided.num_rows == 0
    assert decided.column_names == [
        "ihc_score", "her2_status", "her2_status.rows", "her2_status.would_settle", "her2_status.edition",
    ]  # fmt: skip
    assert problems == []


@pytest.mark.parametrize(("names", "constants", "outcome", "said"), [
    (["id"], {}, "her2_status", "no column is named like a fact; expected some of"),
    (["ihc_score", "her2_status.rows"], {}, "her2_status", "has a column her2_status.rows already"),
    (["ihc_score", "her2_status"], {}, "her2_status", "has a column her2_status already"),
    (["ihc_score"], {"ihc_score": "3+"}, "her2_status", "ihc_score is given for all rows"),
    (["ihc_score"], {"ihc": "3+"}, "her2_status", "no fact is called 'ihc'"),
    (["ihc_score"], {}, "lvef", "no table decides 'lvef'"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(names: list[str], constants: dict[str, str], outcome: str, said: str) -> None:
    with pytest.raises(AskedWrongly, match=said):
        decide_table(outcome, pa.table({name: ["1"] for name in names}), knowledge=KNOWLEDGE, constants=constants)


def test_another_outcome_in_the_file_is_an_input() -> None:
    table = pa.table({"ihc_score": ["2+"], "ish_result": ["negative"], "her2_status": ["positive"]})
    decided, _ = decide_table("her2_expression", table, knowledge=KNOWLEDGE)
    assert answers("her2_expression", decided) == row_by_row("her2_expression", table, {})


# -- files -------------------------------------------------------------------------------------


def test_a_csv_is_read_as_text_and_written_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('\ufeffid,ihc_score,her2_copies,note\r\n007,3+,2.00,"a ""b"", c"\r\n8,,> 6,\r\n'.encode())
    table = read_table(file)
    assert table.to_pylist() == [
        {"id": "007", "ihc_score": "3+", "her2_copies": "2.00", "note": 'a "b", c'},
        {"id": "8", "ihc_score": "", "her2_copies": "> 6", "note": ""},
    ]
    write_table(table, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == 'id,ihc_score,her2_copies,note\n007,3+,2.00,"a ""b"", c"\n8,,> 6,\n'


def test_semicolons_and_decimal_commas_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("ihc_score;her2_copies;cep17_copies\n2+;4,0;1,9\n")
    decided, problems = decide_table("her2_status", read_table(file), knowledge=KNOWLEDGE)
    assert decided.column("her2_status").to_pylist() == ["positive"]
    assert problems == []


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.txt", b"ihc_score\n3+\n", "must end in .csv, .tsv, .tab or .parquet"),
    ("a.csv", b"", "the file is empty"),
    ("a.csv", b"\xef\xbb\xbf \n", "the file is empty"),
    ("a.csv", b"id,id\n1,2\n", "two columns are called 'id'"),
    ("a.csv", b"id,x\n1,2\n\n3\n", "line 4 has 1 cells, but the header has 2"),
    ("a.csv", b"id,x\n1,2,3\n", "line 2 has 3 cells, but the header has 2"),
    ("a.csv", "id,x\n1,2\nM\u00fcller,3\n".encode("latin-1"), "line 3 is not UTF-8"),
    ("a.csv", "id,x\n".encode("utf-16"), "UTF-16"),
    ("a.csv", b"PK\x03\x04\x00\x00", "binary"),
    ("a.parquet", b"id,x\n", "no Parquet file"),
])  # fmt: skip
def test_files_that_cannot_be_read_are_refused_in_words(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AskedWrongly, match=said):
        read_table(tmp_path / name)
    with pytest.raises(AskedWrongly, match="no such file"):
        read_table(tmp_path / "gone.csv")


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,ihc_score\n")
    assert read_table(tmp_path / "a.csv").num_rows == 0


def test_every_ending_is_written(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    table = pa.table(
        {"a": [1.5, None], "b": pa.array(["x", "y"]).dictionary_encode(), "day": [dt.date(2020, 1, 2)] * 2}
    )
    for ending in ("csv", "parquet", "json", "jsonl"):
        write_table(table, tmp_path / f"t.{ending}")
    assert (tmp_path / "t.csv").read_text() == "a,b,day\n1.5,x,2020-01-02\n,y,2020-01-02\n"
    assert pq.read_table(tmp_path / "t.parquet").column("b").to_pylist() == ["x", "y"]
    objects = [{"a": 1.5, "b": "x", "day": "2020-01-02"}, {"a": None, "b": "y", "day": "2020-01-02"}]
    assert json.loads((tmp_path / "t.json").read_text()) == objects
    assert [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()] == objects
    write_table(table, None, form="ndjson")
    assert [json.loads(line) for line in io.BytesIO(capsysbinary.readouterr().out)] == objects
    with pytest.raises(AskedWrongly, match="file that ends in"):
        write_table(table, tmp_path / "t.xlsx")


def test_decimals_are_exact() -> None:
    table = pa.table({"her2_cep17_ratio": pa.array([Decimal("2.00"), Decimal("1.99")]), "her2_copies": [4.0, 4.0]})
    decided, _ = decide_table("ish_group", table, knowledge=KNOWLEDGE)
    assert decided.column("ish_group").to_pylist() == ["1", "4"]
