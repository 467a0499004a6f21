"""The command line: what is printed, as JSON and in words, and the exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import her2path
from her2path.cli.group import main
from her2path.cohort.measures.read import measures
from her2path.simulate.model import model_keys
from her2path.tables.array import Array
from her2path.tables.difference import differences
from her2path.tables.load import default_knowledge

KNOWLEDGE = default_knowledge()
GOOD = Path(__file__).parent / "tables" / "good"
BAD = Path(__file__).parent / "tables" / "bad"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def decide_json(*arguments: object) -> dict:
    result = run("decide", *arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def facts(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in ("--fact", f"{name}={value}")]


# -- check ----------------------------------------------------------------------------------------


def test_check_proves_all_that_ships() -> None:
    result = run("check")
    assert result.exit_code == 0
    assert result.stderr == ""
    tables = [table for edition in KNOWLEDGE.editions for table in edition.tables.values()]
    *lines, last = result.stdout.splitlines()
    models = [line.split()[1] for line in lines if line.startswith("read ")]
    assert models == [*(f"models/{key}" for key in model_keys()), *(f"measures/{key}" for key in measures())]
    walked = [line.split()[1] for line in lines if line.startswith("walked ")]
    assert walked == [f"vignettes/{path.stem}" for path in sorted((KNOWLEDGE.folder / "vignettes").glob("*.md"))]
    lines = lines[: -len(models) - len(walked)]
    assert [line.split()[:2] for line in lines] == [["proven", table.name] for table in tables]
    situations = [int(re.search(r"(\d+) situations", line)[1]) for line in lines]
    assert situations == [Array([table], KNOWLEDGE.facts).situations for table in tables]
    assert last == f"{len(tables)} tables proven over {sum(situations)} situations; 0 problems"


def test_check_counts_the_worked_cases() -> None:
    lines = [line for line in run("check").stdout.splitlines() if "worked cases" in line]
    told = sum(int(re.search(r"(\d+) worked cases", line)[1]) for line in lines)
    assert told == sum(len(edition.cases) for edition in KNOWLEDGE.editions)
    assert any(
        re.match(r"proven  asco-cap-2018/her2_status +525 situations, 23 rows, 21 worked cases$", line)
        for line in lines
    )


def test_check_of_a_faulty_file_exits_with_1() -> None:
    result = run("check", BAD / "gap.md")
    assert result.exit_code == 1
    assert result.stdout == "0 tables proven over 0 situations; 1 problems\n"
    assert "no row applies when her2_copies is [4..6)" in result.stderr


def test_check_of_a_sound_file_exits_with_0() -> None:
    assert run("check", GOOD / "intervals.md").exit_code == 0


def test_check_of_one_shipped_file_proves_its_tables_only() -> None:
    result = run("check", KNOWLEDGE.edition("eu-label").path)
    assert result.exit_code == 0
    assert [line.split()[1] for line in result.stdout.splitlines()[:-1]] == [
        "eu-label/ihc_score", "eu-label/ish_result", "eu-label/her2_status", "eu-label/her2_next_step",
        "eu-label/her2_label_status",
    ]  # fmt: skip


def test_check_of_a_file_that_does_not_exist_is_asked_wrongly() -> None:
    assert run("check", "no-such-file.md").exit_code == 2


def test_the_installed_command_and_the_module_work() -> None:
    result = subprocess.run([sys.executable, "-m", "her2path", "check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("0 problems\n")


def test_version_and_help() -> None:
    assert her2path.__version__ in run("--version").stdout
    for command in ("check", "show", "diff", "decide"):
        result = run(command, "-h")
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage:")


# -- show -----------------------------------------------------------------------------------------


def test_show_lists_every_edition_with_what_it_decides() -> None:
    result = run("show")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines()[2:] if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == [edition.key for edition in KNOWLEDGE.editions]
    assert "from 2018-05-30 until 2023-06-07" in result.stdout
    assert "her2_expression, her2_discordance (lent to every edition)" in result.stdout


def test_show_a_table_with_its_rows_and_references() -> None:
    result = run("show", "asco-cap-2018/ish_group")
    assert result.exit_code == 0
    for fragment in (
        "asco-cap-2018/ish_group",
        "=> ish_group",
        "[4.0..6.0)",
        "wolff2018 Fig 3 (seen)",
        "J Clin Oncol 2018;36:2105-2122",
    ):
        assert fragment in result.stdout
    assert run("show", "ish_group", "--edition", "asco-cap-2018").stdout == result.stdout


def test_show_a_table_of_every_edition_that_has_it() -> None:
    result = run("show", "ish_group")
    assert re.findall(r"^(\S+)/ish_group", result.stdout, re.MULTILINE) == ["asco-cap-2018", "asco-cap-2023"]


def test_show_an_edition_with_all_its_tables() -> None:
    result = run("show", "toga-2010")
    assert result.exit_code == 0
    titles = re.findall(r"^toga-2010/(\S+)", result.stdout, re.MULTILINE)
    assert titles == list(KNOWLEDGE.edition("toga-2010").tables)


def test_show_every_table_of_every_edition() -> None:
    for edition in KNOWLEDGE.editions:
        for outcome, table in edition.tables.items():
            result = run("show", f"{edition.key}/{outcome}")
            assert result.exit_code == 0
            for row in table.rows:
                assert all(cell.text in result.stdout for cell in row.cells)


@pytest.mark.parametrize("name", sorted(set(KNOWLEDGE.facts) - {n for e in KNOWLEDGE.editions for n in e.tables}))
def test_show_a_fact(name) -> None:
    result = run("show", name)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{name}: ")
    assert " ".join(KNOWLEDGE.facts[name].expected().split()) in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["nonsense/her2_status"], ["asco-cap-2018/nonsense"], ["her2_status", "--edition", "x"]]
)
def test_show_of_an_unknown_name_is_asked_wrongly(arguments) -> None:
    result = run("show", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("her2path: ")


def test_show_says_who_decides_what_an_edition_does_not() -> None:
    assert "it is decided by asco-cap-2018, asco-cap-2023" in run("show", "asco-cap-2013/ish_group").stderr


# -- diff -----------------------------------------------------------------------------------------


def test_diff_tells_the_disagreements_of_2013_and_2018_in_words() -> None:
    result = run("diff", "asco-cap-2013", "asco-cap-2018", "--outcome", "her2_status")
    assert result.exit_code == 0
    text = result.stdout
    group_2 = "ish_probe is dual, her2_cep17_ratio >= 2.0, her2_copies < 4.0"
    group_3 = "ish_probe is dual, her2_cep17_ratio < 2.0, her2_copies >= 6.0"
    group_4 = "ish_probe is dual, her2_cep17_ratio < 2.0, her2_copies is [4.0..6.0)"
    for situation in (
        f"when ihc_score is 0 or 1+, {group_2}\n",
        f"when ihc_score is 2+, {group_2}, ish_recount is unchanged\n",
        f"when ihc_score is 0 or 1+, {group_3}\n",
        f"when ihc_score is 2+, {group_3}, ish_recount is changed\n",
        f"when ihc_score is 2+, {group_4}, ish_recount is unchanged\n",
    ):
        assert situation in text
    assert f"when ihc_score is 3+, {group_2}" not in text
    assert "asco-cap-2013: positive (row 3, wolff2013 table 1 (seen))" in text
    assert "asco-cap-2018: negative (row 14, wolff2018 Fig 4 (seen))" in text


def test_diff_without_an_outcome_compares_all_that_both_decide() -> None:
    outcomes = re.findall(
        r"^(\S+): asco-cap-2013 and asco-cap-2018 disagree",
        run("diff", "asco-cap-2013", "asco-cap-2018").stdout,
        re.MULTILINE,
    )
    assert outcomes == ["ihc_score", "ish_result", "her2_status", "her2_next_step"]


def test_diff_of_editions_that_agree() -> None:
    result = run("diff", "asco-cap-2018", "asco-cap-2023")
    assert result.exit_code == 0
    assert result.stdout == "asco-cap-2018 and asco-cap-2023 agree in every situation.\n"
    assert (
        run("diff", "toga-2010", "cap-2016", "--outcome", "ihc_score").stdout
        == "toga-2010 and cap-2016 agree in every situation.\n"
    )
    assert run("diff", "asco-cap-2013", "asco-cap-2013").stdout.endswith("agree in every situation.\n")


def test_diff_as_json() -> None:
    result = run("diff", "asco-cap-2013", "asco-cap-2018", "--outcome", "ish_result", "--format", "json")
    found = json.loads(result.stdout)
    assert [set(each) for each in found] == [
        {"outcome", "situation", "situations", "asco-cap-2013", "asco-cap-2018"}
    ] * 3
    assert {each["situation"] for each in found} == {
        "ish_probe is dual, her2_cep17_ratio >= 2.0, her2_copies < 4.0",
        "ish_probe is dual, her2_cep17_ratio < 2.0, her2_copies >= 6.0",
        "ish_probe is dual, her2_cep17_ratio < 2.0, her2_copies is [4.0..6.0)",
    }
    assert all(
        each["asco-cap-2018"] == {"possible": ["needs work-up"], "rows": ["row 3, wolff2018 Fig 3 (seen)"]}
        for each in found
    )
    assert json.loads(run("diff", "asco-cap-2018", "asco-cap-2023", "--format", "json").stdout) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["asco-cap-2013", "nonsense"],
        ["asco-cap-2013", "asco-cap-2018", "--outcome", "ish_group"],
        ["asco-cap-2018", "her2-expression"],
    ],
)
def test_diff_asked_wrongly(arguments) -> None:
    result = run("diff", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("her2path: ")


def test_diff_tells_what_both_editions_say_of_every_specimen_on_which_they_disagree() -> None:
    left, right = (KNOWLEDGE.edition(key) for key in ("asco-cap-2013", "asco-cap-2018"))
    told = {(each.left.outcomes, each.right.outcomes) for each in differences(left, right, "her2_status", KNOWLEDGE)}
    said = set()
    probes = [("dual", ratio) for ratio in (1.9, 2.0)] + [("single", None), ("not reported", None)]
    for ihc, (probe, ratio), copies, recount in product(
        ("0", "1+", "2+", "3+", "not reported"), probes, (3.9, 4.0, 6.0), ("unchanged", "changed", "not reported")
    ):
        counts = (
            {} if probe == "not reported" else {"ish_probe": probe, "her2_cep17_ratio": ratio, "her2_copies": copies}
        )
        specimen = {"ihc_score": ihc, "ish_recount": recount} | counts
        said.add(tuple(her2path.decide("her2_status", specimen, edition=each.key).possible for each in (left, right)))
    assert told == {pair for pair in said if pair[0] != pair[1]}


@pytest.mark.parametrize(("left", "right"), [("asco-cap-2013", "asco-cap-2018"), ("asco-cap-2007", "asco-cap-2013")])
def test_diff_counts_every_situation_once(left, right) -> None:
    found = list(differences(KNOWLEDGE.edition(left), KNOWLEDGE.edition(right), "her2_status", KNOWLEDGE))
    cells: dict[str, list] = {}
    tables = [KNOWLEDGE.array(KNOWLEDGE.edition(key), "her2_status", ["ihc_score"]) for key in (left, right)]
    for array in tables:
        for table in array.tables:
            for place, name in enumerate(table.inputs):
                cells.setdefault(name, []).extend(row.cells[place] for row in table.rows)
    finer = [Array(array.tables, KNOWLEDGE.facts, array.given, cells) for array in tables]
    names = [name for name in KNOWLEDGE.facts if any(name in array.place for array in finer)]
    grids = []
    for array in finer:
        own = array.known_values.transpose([array.place[name] for name in names if name in array.place])
        grids.append(own.reshape([array.axes[array.place[name]].count if name in array.place else 1 for name in names]))
    never = np.uint64(1 << len(finer[0].outcome.values))
    disagree = (grids[0] != grids[1]) & (grids[0] != never) & (grids[1] != never)
    assert sum(each.boxes for each in found) == int(disagree.sum())


# -- decide ---------------------------------------------------------------------------------------

KEYS = [
    "rows",
    "possible",
    "would_settle",
    "edition",
    "sources",
    "unknown",
    "contradictory",
    "remarks",
    "notes",
    "assumed",
]


@pytest.mark.parametrize(
    "outcome",
    ["her2_status", "ish_group", "ish_result", "ihc_score", "her2_expression", "her2_next_step", "her2_discordance"],
)
def test_decide_as_json_has_the_fact_and_its_reasons(outcome) -> None:
    answer = decide_json(outcome, *facts(her2_cep17_ratio=2.1, her2_copies=4.2))
    assert list(answer) == [outcome, *KEYS]


def test_decide_a_settled_status_as_json() -> None:
    answer = decide_json(
        "her2_status", "--edition", "asco-cap-2018", *facts(ihc_score="2+", her2_cep17_ratio="2.4", her2_copies="7.1")
    )
    assert answer == {
        "her2_status": "positive",
        "rows": ["ish_group:1", "ish_result:1", "her2_status:3"],
        "possible": ["positive"],
        "would_settle": [],
        "edition": "asco-cap-2018",
        "sources": [
            {"key": "wolff2018", "where": "Fig 3", "verified": "seen"},
            {"key": "wolff2018", "where": "Fig 2 and 3", "verified": "seen"},
        ],
        "unknown": {},
        "contradictory": False,
        "remarks": [],
        "notes": [],
        "assumed": {},
    }


def test_decide_an_undetermined_status_as_json_is_null() -> None:
    answer = decide_json(
        "her2_status", "--edition", "asco-cap-2018", *facts(ihc_score="2+", her2_cep17_ratio=2.1, her2_copies=3.24)
    )
    assert answer["her2_status"] is None
    assert answer["possible"] == ["negative", "adjudicate"]
    assert answer["would_settle"] == [["ish_recount"]]


def test_decide_a_group_as_json_is_an_integer() -> None:
    answer = decide_json("ish_group", "--edition", "asco-cap-2018", *facts(her2_cep17_ratio=2.0, her2_copies=4))
    assert answer["ish_group"] == 1
    assert isinstance(answer["ish_group"], int)
    assert answer["possible"] == [1]
    assert decide_json("ish_group", "--edition", "asco-cap-2018", *facts(her2_cep17_ratio=2.5))["possible"] == [1, 2]
    assert (
        decide_json("ish_group", "--edition", "asco-cap-2018", *facts(ish_probe="single"))["ish_group"]
        == "single probe"
    )


def test_decide_says_what_could_not_be_read() -> None:
    asked = ("decide", "her2_status", "--edition", "asco-cap-2018")
    refused = run(*asked, *facts(ihc_score="banana"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "her2path: ihc_score=banana: expected one of 0, 1+, 2+, 3+, not reported.\n"
    told = run(*asked, *facts(ihc_score="2+", her2_copies=350), "--format", "json")
    why = "implausible: her2_copies 350, expected a number (0..200] (copies per cell)"
    assert (told.exit_code, told.stderr) == (3, f"her2path: her2_copies=350 is not used: {why}\n")
    assert json.loads(told.stdout)["unknown"]["her2_copies"] == why


def test_decide_takes_what_is_said_to_be_unknown_as_unknown() -> None:
    found = run("decide", "her2_status", "--edition", "asco-cap-2018", *facts(ihc_score="unknown"))
    assert found.exit_code == 0
    assert found.stdout.startswith("her2_status: undetermined")


def test_decide_takes_a_brand_for_its_product() -> None:
    asked = ("decide", "missed_dose_action", "--jurisdiction", "us")
    by_brand = run(*asked, *facts(product="Herceptin", schedule="q3w", days_since_last_dose=29))
    by_product = run(*asked, *facts(product="trastuzumab-iv", schedule="q3w", days_since_last_dose=29))
    assert by_brand.stdout == by_product.stdout
    assert by_brand.stdout.startswith("missed_dose_action: reload")
    assert (by_brand.exit_code, by_brand.stderr) == (0, "her2path: product=Herceptin is taken as trastuzumab-iv\n")
    refused = run(*asked, *facts(product="aspirin"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "product=aspirin: no such product" in refused.stderr


def test_decide_facts_that_cannot_be_together() -> None:
    answer = decide_json(
        "her2_expression", "--edition", "asco-cap-2018", *facts(her2_status="negative", ihc_score="3+")
    )
    assert answer["her2_expression"] is None
    assert answer["contradictory"] is True
    assert answer["possible"] == []
    assert answer["would_settle"] == []


def test_decide_in_words() -> None:
    result = run(
        "decide",
        "her2_status",
        "--edition",
        "asco-cap-2018",
        *facts(ihc_score="2+", her2_copies=3.24, cep17_copies=1.54),
    )
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "her2_status: undetermined (negative or adjudicate)"
    assert lines[1] == "  edition asco-cap-2018: HER2 in breast cancer: ASCO/CAP 2018"
    assert "  row 2 of ish_group applies: 2 [wolff2018 Fig 3 (seen)]" in lines
    assert "  row 18 of her2_status still possible: open: adjudicate, negative [wolff2018 Fig 4 and 6 (seen)]" in lines
    assert "  note: ratio 2.10 = 3.24 / 1.54" in lines
    assert "  would settle it: ish_recount" in lines


def test_decide_says_what_it_assumed() -> None:
    assert decide_json("her2_status", *facts(ihc_score="3+"))["assumed"] == {"tumour_site": "breast"}
    assert "  assumed tumour_site breast" in run("decide", "her2_status", *facts(ihc_score="3+")).stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "edition"),
    [
        (["--on", "2018-05-29"], "asco-cap-2013"),
        (["--on", "2018-05-30"], "asco-cap-2018"),
        (["--fact", "test_date=2013-10-06"], "asco-cap-2007"),
        (["--edition", "asco-cap-2007", "--on", "2020-01-01"], "asco-cap-2007"),
        (["--fact", "tumour_site=gastric", "--on", "2020-01-01"], "cap-2016"),
        (["--fact", "tumour_site=gastric", "--jurisdiction", "us", "--on", "2020-01-01"], "cap-2016"),
        (["--fact", "tumour_site=gastric", "--jurisdiction", "eu", "--on", "2020-01-01"], "eu-label"),
        (["--fact", "tumour_site=gastric", "--on", "2012-01-01"], "toga-2010"),
    ],
)
def test_decide_by_edition_day_and_jurisdiction(arguments, edition) -> None:
    assert decide_json("her2_status", *facts(ihc_score="3+"), *arguments)["edition"] == edition


def test_decide_before_the_first_edition_says_so() -> None:
    answer = decide_json("her2_status", *facts(ihc_score="3+"), "--on", "1999-12-31")
    assert answer["notes"] == ["no edition was in force on 1999-12-31; the first, asco-cap-2007, is applied"]


def test_decide_writes_to_a_file(tmp_path) -> None:
    output = tmp_path / "decision.json"
    result = run("decide", "her2_status", *facts(ihc_score="3+"), "--format", "json", "-o", output)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert json.loads(output.read_text(encoding="utf-8"))["her2_status"] == "positive"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["her2_status", "--fact", "ihc_scor=2+"], "no fact is called 'ihc_scor'; did you mean ihc_score?"),
        (["her2_status", "--fact", "her2_copy=5"], "no fact is called 'her2_copy'; did you mean her2_copies?"),
        (["her2_status", "--fact", "xyzzy=5"], "no fact is called 'xyzzy'"),
        (["her2_status", "--fact", "ihc_score"], "write NAME=VALUE"),
        (["her2_state", "--fact", "ihc_score=2+"], "no table decides 'her2_state'"),
        (["her2_copies", "--fact", "ihc_score=2+"], "no table decides 'her2_copies'"),
        (["her2_status", "--edition", "asco-cap-2019"], "no edition is called 'asco-cap-2019'"),
        (["ish_group", "--edition", "asco-cap-2013"], "edition asco-cap-2013 does not decide ish_group"),
        (["her2_status", "--on", "30.05.2018"], "'30.05.2018' is no date; write YYYY-MM-DD"),
        (["her2_status", "--jurisdiction", "jp"], "jp"),
        (["her2_status", "no-such-file.csv"], "no-such-file.csv"),
    ],
)
def test_decide_asked_wrongly(arguments, message) -> None:
    result = run("decide", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_value_may_hold_an_equals_sign_and_spaces() -> None:
    answer = decide_json(
        "ish_result", "--edition", "asco-cap-2018", "--fact", " ish_probe = single ", "--fact", "her2_copies=>= 6"
    )
    assert answer["ish_result"] == "positive"


def test_a_file_says_what_is_assumed_for_every_row(tmp_path: Path) -> None:
    path = tmp_path / "hearts.csv"
    path.write_text(
        "lvef_baseline,lvef,lvef_lower_limit,on_hold,hold_count,heart_failure\n65,49,50,no,0,no\n", encoding="utf-8"
    )
    result = CliRunner().invoke(main, ["decide", "cardiac_action", str(path)])
    assert result.exit_code == 0
    assert "assumed for every row: product trastuzumab-iv, jurisdiction us where labels differ" in result.stderr
    said = CliRunner().invoke(
        main, ["decide", "cardiac_action", str(path), "--jurisdiction", "eu", "--fact", "product=t-dm1"]
    )
    assert "assumed" not in said.stderr
