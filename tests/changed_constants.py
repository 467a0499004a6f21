"""Small changes to the source that must not go unseen: a comparison turned, a number moved by one, a reset dropped.

Each is made in a copy of `src`, and the tests that concern the module are run against it. A change that no test sees
*survives*: then the behaviour that it breaks is not shown by any test, and one is to be written.

    python tests/changed_constants.py             run all, print the table; exit 1 if a change survives
    python tests/changed_constants.py --write     the same, and write the table into docs/tests.md
    python tests/changed_constants.py doses heart only changes in files whose name holds one of these words
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "her2path"
PAGE = ROOT / "docs" / "tests.md"
BEGINS, ENDS = "<!-- table of changes begins -->", "<!-- table of changes ends -->"
AT_ONCE = 2
LONGEST_SECONDS = 900
SURVIVES, ENDLESS = "**nothing**", "(the tests do not end)"

HISTORY = ("test_folds.py", "test_edges_of_history.py", "test_course_small.py")
PLAN = ("test_plan.py", "test_cases.py")
RECORD = ("test_edges_of_record.py", "test_folds.py", "test_cases.py")
NUMBERS = (
    "test_folds.py",
    "test_edges_of_history.py",
    "test_edges_of_record.py",
    "test_plan.py",
    "test_course_small.py",
    "test_cases.py",
)
TESTS = {
    "history/folds/heart.py": HISTORY, "history/folds/doses.py": HISTORY, "history/folds/disease.py": HISTORY,
    "history/clocks.py": (*HISTORY, "test_cases.py"), "history/course_facts.py": (*HISTORY, "test_cases.py"),
    "history/timeline.py": RECORD, "history/latest.py": RECORD,
    "findings/plan/items.py": PLAN, "findings/plan/switch.py": ("test_switches.py", "test_plan.py"),
    "history/levels.py": ("test_levels.py",),
    "findings/course/facts.py": RECORD, "findings/course/answers.py": RECORD, "findings/course/doubt.py": RECORD,
    "findings/course/columns.py": RECORD, "findings/course/rules.py": RECORD,
    "findings/course/entry_doubts.py": RECORD, "findings/course/course_doubts.py": RECORD,
    "knowledge/course/numbers.md": NUMBERS, "knowledge/product/products.md": NUMBERS,
}  # fmt: skip
"""Which tests concern a module, the quickest first. Those that compile the folds are left out: they say the same."""


@dataclass(frozen=True)
class Change:
    """A text that stands once in a file of the package, what it becomes, and what that breaks."""

    file: str
    old: str
    new: str
    breaks: str

    def made_in(self, package: Path) -> None:
        path = package / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1 or self.old == self.new:
            raise SystemExit(f"{self.file}: stands {text.count(self.old)} times, and not once: {self.old!r}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def of(file: str, *changes: tuple[str, str, str]) -> list[Change]:
    return [Change(file, *change) for change in changes]


CHANGES = [
    *of(
        "history/folds/heart.py",
        ("today - last_dose <= numbers.judged_days", "today - last_dose < numbers.judged_days",
         "An LVEF 90 days after the last dose is still judged."),
        ("before_days = today - hold_day", "before_days = today - hold_day + 1",
         "Days on hold are counted from the day of the LVEF that opened it."),
        ("or lvef < lowest", "or lvef > lowest", "The lowest LVEF of a course is the lowest."),
        ("float(YES) if lvef < limit", "float(YES) if lvef <= limit", "An LVEF at the lower limit is not below it."),
        ("declared = float(ADJUVANT)", "declared = float(METASTATIC)", "After surgery the heart is judged as in early disease."),
        ("other_hold = UNKNOWN\n                    if on_hold == 1:\n                        on_hold, holds, may_resume, from_record = 0, holds + asked, 0, 0",
         "other_hold = UNKNOWN\n                    if on_hold == 1:\n                        on_hold, holds, may_resume, from_record = 0, holds, 0, 0",
         "A hold that the record says is over counts as one."),
        ("if on_hold == 1 and stopped == UNKNOWN", "if on_hold == 1 and stopped != UNKNOWN",
         "A recorded stop ends a hold that no rule had ended."),
        ("treated = treated and ended == 0", "treated = treated or ended == 0",
         "After a recorded stop an LVEF is judged no more."),
        ("ended = 0\n                drug = code[e]", "drug = code[e]", "A dose after a recorded stop: LVEFs are judged again."),
        ("if on_hold == 0 or asked == 0:\n                    finding_at_hold = finding", "if True:\n                    finding_at_hold = finding",
         "A repeat is judged by how its hold began, not by the repeat before."),
        ("lvef_day > last_dose:", "lvef_day >= last_dose:", "An LVEF on the day of the last dose of a course is no baseline of the next."),
        ("today > stopped and today != last_dose", "today >= stopped and today != last_dose",
         "A dose on the day of the stop is none after it."),
        ("today > hold_day and today != last_dose", "today >= hold_day and today != last_dose",
         "A dose on the day of the low LVEF is none during the hold."),
        ("if last_dose == UNKNOWN:\n                        continue", "if last_dose == UNKNOWN:\n                        pass",
         "Heart failure before the first dose is history, no harm of this therapy."),
        ("today - lvef_day > longest:", "today - lvef_day < longest:", "The longest time between two LVEFs is the longest."),
    ),
    *of(
        "history/folds/doses.py",
        ("today - last > numbers.course_break_days", "today - last >= numbers.course_break_days",
         "A year between two doses, and not a day more, is one course."),
        ("stop_day != UNKNOWN and today > stop_day", "stop_day != UNKNOWN and today >= stop_day",
         "A stop on the day of the last dose stands."),
        ("previous = earlier_day = UNKNOWN\n                    weekly = 0", "weekly = 0",
         "The gaps of the product before say nothing of the schedule of the next."),
        ("previous = earlier_day = UNKNOWN\n                    weekly = 0", "previous = earlier_day = UNKNOWN",
         "Weekly doses before another product was given are not counted with those after it."),
        ("if today - product_last <= numbers.short_gap_days:", "if today - product_last < numbers.short_gap_days:",
         "A dose 10 days after the one before is still a weekly one."),
        ("drugs.partner[drug] == 0 and drugs.partner[product] == 0", "drugs.partner[drug] == 0 or drugs.partner[product] == 0",
         "A partner on the same day is no second product."),
        ("last_mg = number[e] * weight // THOUSAND", "last_mg = number[e] * THOUSAND // weight",
         "mg are mg/kg by the weight."),
        ("last_per_kg >= cut", "last_per_kg > cut", "5 mg/kg after two weekly doses is the change to three-weekly ones."),
        ("schedule = shorter if last_per_kg < cut else longer", "schedule = shorter if last_per_kg <= cut else longer",
         "5 mg/kg alone belongs to the three-weekly schedule."),
        ("if today == first:", "if today != first:", "The first mg/kg of a course is that of its first dose."),
        ("first, doses, trastuzumab_doses, longest = today, 0, 0, 0", "first, doses, trastuzumab_doses = today, 0, 0",
         "The longest gap is counted anew in a new course."),
        ("if trastuzumab_last != today:", "if True:", "Two products with trastuzumab on one day are one dose of it."),
        ("elif gap > 0:\n                    schedule = shorter if gap <=", "elif gap > 0:\n                    schedule = shorter if gap <",
         "A single gap of 10 days is of the weekly schedule."),
    ),
    *of(
        "history/folds/disease.py",
        ("code[e] == STATED and today != last_progression", "code[e] == STATED or today != last_progression",
         "A progression that is denied is none."),
        ("surgery, setting = today, ADJUVANT", "surgery = today", "After surgery the setting is adjuvant."),
        ("on - pregnant_day > numbers", "on - pregnant_day >= numbers", "A pregnancy recorded 300 days ago still counts."),
        ("death != UNKNOWN and today > death", "death != UNKNOWN or today > death", "A dose is after death only where she died before it."),
        ("cycles, cycle_start = 0, UNKNOWN", "cycle_start = UNKNOWN", "Taxane cycles of early disease are not those of metastatic disease."),
        ("today - cycle_start >= numbers", "today - cycle_start > numbers", "A taxane 20 days after a cycle began begins the next."),
        ("/ 3600)", "/ 3660)", "Body surface by Mosteller."),
        ("if last_her2 != UNKNOWN:\n                        after_her2", "if last_her2 == UNKNOWN:\n                        after_her2",
         "An anthracycline after HER2-directed therapy, and not before it."),
        ("elif metastatic == UNKNOWN:\n                    metastatic = today", "else:\n                    metastatic = today",
         "Metastatic disease begins on the first day it is told."),
        ("metastatic != UNKNOWN and new_chemotherapy_line", "metastatic != UNKNOWN or new_chemotherapy_line",
         "Chemotherapy before metastasis is no metastatic line, and one line is counted once."),
        ("endocrine_lines += 1\n                        new_endocrine_line = False", "endocrine_lines += 1",
         "Endocrine doses up to the next progression are one line."),
        ("if metastatic == UNKNOWN:\n                        early_chemotherapy", "if metastatic != UNKNOWN:\n                        early_chemotherapy",
         "Chemotherapy before metastasis is early chemotherapy."),
        ("if code[e] == STATED and pregnant != STATED:\n                    pregnant, ", "if code[e] == STATED:\n                    pregnant, ",
         "A second positive test does not move the day of a pregnancy."),
        ("new_line = new_chemotherapy_line = new_endocrine_line = True\n            elif what == STOP",
         "new_chemotherapy_line = new_endocrine_line = True\n            elif what == STOP",
         "The first HER2-directed dose after a progression begins a line."),
    ),
    *of(
        "history/clocks.py",
        ("int(match[2] if longest and match[2] else match[1])", "int(match[1])", "Of \"6 to 8 weeks\" the longest counts."),
        ("(sooner < due)", "(sooner > due)", "The earlier of two LVEFs that are due comes first."),
        ("yes_no(on < made)", "yes_no(on <= made)", "On its last day the washout is over."),
        ('(state["any_last_day"] >= state["lvef_day"])', '(state["any_last_day"] > state["lvef_day"])',
         "An LVEF on the day of the last dose is not the one at completion."),
        ("np.minimum(due, state[\"any_last_day\"])", "np.maximum(due, state[\"any_last_day\"])",
         "The LVEF at completion is due with the last dose."),
        ("overdue > tolerance_days", "overdue >= tolerance_days", "On the last day of the tolerance an LVEF is not overdue."),
        ("codes.having(state[\"product\"], codes.arrays.of_trastuzumab) | (", "codes.having(state[\"product\"], codes.arrays.of_trastuzumab) & (",
         "The year of therapy runs on trastuzumab alone too."),
        ("(day < until)", "(day <= until)", "A pregnancy recorded on the last day of the washout may have begun after it."),
        ("(day > until + numbers.gestation_days)", "(day >= until + numbers.gestation_days)",
         "A pregnancy recorded 280 days after the washout may have begun in it."),
        ('yes_no(state["courses"] > 1)', 'yes_no(state["courses"] >= 1)', "One course has not begun anew."),
        ('(state["first_ever_day"] < first_result_day)', '(state["first_ever_day"] <= first_result_day)',
         "A dose on the day of the HER2 result is not before it."),
        ('state["hold_day"] + numbers.latest_recovery_days', 'state["hold_day"] - numbers.latest_recovery_days',
         "The days to recover run after the hold."),
    ),
    *of(
        "findings/plan/items.py",
        ("item.latest >= found.on or", "item.latest > found.on or", "What ends today is still in the plan."),
        ("last is not None and (end is None or due <= end)", "last is not None and (end is None or due < end)",
         "A dose due on the last day of the year is planned."),
        ("if (end is None or due <= end) and _may_be_dosed", "if (end is None or due < end) and _may_be_dosed",
         "A partner due on the last day of the year is planned."),
        ("day = max(due, found.on)", "day = min(due, found.on)", "A dose is not planned before it is due, nor in the past."),
        ("found.state[\"weekly_doses\"] + 1 >= wanted", "found.state[\"weekly_doses\"] + 1 > wanted",
         "After 12 weekly doses the three-weekly ones begin."),
        ("e.day >= first for e", "e.day < first for e", "Carboplatin counts where it is given beside the antibody."),
        ("if latest < found.on or", "if latest <= found.on or", "On the last day of the tolerance the LVEF is not overdue in the plan."),
        ("min(earliest, recovery), min(latest, recovery)", "min(earliest, recovery), max(latest, recovery)",
         "In a hold the LVEF comes before the days to recover are over."),
        ("all(bears.effect.strength < Strength.REPLACES for bears in found.bears(drug))",
         "all(bears.effect.strength <= Strength.REPLACES for bears in found.bears(drug))",
         "What another drug replaces is not planned."),
        ('found.outcomes.get("effective_contraception_needed") == "not needed"', 'found.outcomes.get("effective_contraception_needed") != "not needed"',
         "Contraception is planned where it is needed."),
        ("Decimal('0.01')", "Decimal('0.1')", "What a dose costs is told to the cent."),
        ('if found.values.get("alive") == "no":', 'if found.values.get("alive") == "yes":', "For somebody who died nothing is planned."),
    ),
    *of(
        "findings/plan/switch.py",
        ("last <= event.day <= found.on", "last < event.day <= found.on", "A product ordered on the day of the last dose is planned."),
        ("day = None if due is None else max(due, found.on)", "day = due", "A changed product is not planned in the past."),
        ("due = max(due, partner_last", "due = min(due, partner_last", "Phesgo waits for the pertuzumab that it holds."),
        ("moved = {name: value + later", "moved = {name: value", "The step is that of the day of the dose."),
        ("standing = day\n", "standing = day + dt.timedelta(days=1)\n", "The last day without a re-load."),
        ('values.get("switch_intended") != "yes"', 'values.get("switch_intended") == "no"', "An amount alone changes no schedule."),
    ),
    *of(
        "history/levels.py",
        ("np.argmin(apart / steps, axis=1)", "np.argmin(apart, axis=1)", "A dose is of the level that it is nearest to by its share."),
        ("(~kept | (place == 0))", "known(place)", "An amount kept while the weight rose is no reduction."),
        ("np.lexsort((-told, place[told]))", "np.lexsort((told, place[told]))", "The first dose of a level says when it was reduced."),
        ("np.lexsort((-told, place[told]))", "np.lexsort((-told, -place[told]))", "The lowest level counts."),
        ("(weighed[nearest] < places) | ~known(weight)", "~known(weight)", "The weight before a dose goes over the one after it."),
        ("timeline.day <= on", "timeline.day <= on + 90", "Nothing later than the day is seen."),
        ("(mg * 100 > amount[hers]", "(mg * 100 > 0 * amount[hers]", "An amount kept while the weight fell is not raised."),
    ),
    *of(
        "history/course_facts.py",
        ('(last - state["pertuzumab_last_day"] < codes.numbers', '(last - state["pertuzumab_last_day"] <= codes.numbers',
         "Pertuzumab 42 days before the last dose is a partner no more."),
        ("(on - last_taxane <= codes", "(on - last_taxane < codes", "A taxane 42 days ago is recent."),
        ('(state["order_day"] >= state["any_last_day"])', '(state["order_day"] > state["any_last_day"])',
         "A product ordered on the day of the last dose is ordered."),
        ("(planned > done)", "(planned >= done)", "An anthracycline ordered and given on one day is planned no more."),
        ("(on - after <= codes", "(on - after < codes", "An anthracycline 30 days ago is still a matter of now."),
        ("given & (last >= her2)", "given & (last > her2)", "An anthracycline on the day of the first dose is given together with it."),
        ("(her2 - last <= codes.numbers.year_days)", "(her2 - last < codes.numbers.year_days)",
         "An anthracycline 364 days before belongs to the same plan."),
        ("* 100 <= codes.numbers.credible", "* 100 < codes.numbers.credible", "A dose 25 percent from the label still tells the weight."),
        ("(on - last > codes.numbers.judged_days)", "(on - last >= codes.numbers.judged_days)",
         "90 days after the last dose she is still on treatment."),
        ("(last - first >= codes.numbers.year_days - cycle)", "(last - first > codes.numbers.year_days - cycle)",
         "With a last dose 49 weeks after the first the year is complete."),
        ("(on - last > cycle)", "(on - last >= cycle)", "Three weeks after her last dose she is not yet through."),
        ("(stop >= last)", "(stop > last)", "A stop on the day of the last dose completes the therapy."),
        ('(state["lvef_day"] >= state["hold_day"])', '(state["lvef_day"] > state["hold_day"])',
         "The LVEF that opened a hold is the one that is judged."),
        ('partner &= state["pertuzumab_last_day"] >= state',
         'partner &= state["pertuzumab_last_day"] > state', "Pertuzumab with the first dose of the product is its partner."),
        ("progressed | ((response", "progressed & ((response", "A change after progression is intended, whatever the pathologist found."),
        ("weight * 10_000_000", "weight * 1_000_000", "Body mass index is kg by the square of metres."),
    ),
    *of(
        "history/timeline.py",
        ("else value.high - LEAST", "else value.high", "\"< 50\" is not 50."),
        ('"no": names.NOT_GIVEN', '"no": kind', "A dose that was not given is none."),
        ("kind in (names.WEIGHT, names.HEIGHT, names.LVEF)", "kind in (names.WEIGHT, names.HEIGHT)",
         "An LVEF that cannot be read has no place among the others."),
        ("of_death = np.where(died, number, UNKNOWN)", "of_death = np.where(died, UNKNOWN, UNKNOWN)", "Death is on its own day, not on that of the entry."),
    ),
    *of(
        "history/latest.py",
        ("(record.day <= on))", "(record.day < on))", "What is told on the day of the review counts."),
        (".toordinal() <= on", ".toordinal() < on", "Who died on the day of the review is dead."),
        ("readable[place] = not isinstance(known, Unknown)", "readable[place] = True",
         "A value that cannot be read gives way to one that can."),
        ("is_dated = readable[value], day != UNKNOWN", "is_dated = readable[value], day == UNKNOWN", "A value without a day is the oldest."),
    ),
    *of(
        "findings/course/facts.py",
        ("unplaced &= ~known", "unplaced &= known", "Doses on unknown days alone: nobody knows where the course stands."),
        ("any_of & ~not_all", "any_of", "A dose that is recorded too is not only stated."),
        ("forms.at(named, rows) & (course.timeline.day <= on)", "forms.at(named, rows) & (course.timeline.day < on)",
         "The brand of today's dose counts."),
    ),
    *of(
        "findings/course/answers.py",
        ("np.where(fact != UNKNOWN, fact, outcome)", "np.where(outcome != UNKNOWN, outcome, fact)",
         "What the record says goes before what a table made of it."),
        ("bisect_right(axis.float_bounds, number / 1000)", "bisect_right(axis.float_bounds, (number - 1) / 1000)",
         "A number at a cut lies above it."),
        ("elif wanted == KNOWN_WORD:\n                asked &= column != UNKNOWN", "elif wanted == KNOWN_WORD:\n                asked &= column == UNKNOWN",
         "A question that needs a fact is asked where it is known, among many too."),
    ),
    *of(
        "findings/course/columns.py",
        ("np.where(lvef < limit, YES, NO)", "np.where(lvef <= limit, YES, NO)", "An LVEF at the lower limit is not below it."),
        ("[(er == positive) | (pr == positive)", "[(er == positive) & (pr == positive)", "One positive receptor is enough."),
    ),
    *of(
        "findings/course/rules.py",
        ("slots += column >= bound", "slots += column > bound", "A number at a cut lies above it, among many too."),
    ),
    *of(
        "findings/course/doubt.py",
        ("FIRST_ORIGINS = 3", "FIRST_ORIGINS = 2", "Of many entries the first three are named."),
    ),
    *of(
        "findings/course/entry_doubts.py",
        ('("entry in the future", counts == 1)', '("entry in the future", counts >= 1)', "Of several entries in the future their number is told, once."),
    ),
    *of(
        "findings/course/course_doubts.py",
        ("(record.day[rows] > last[owner])", "(record.day[rows] >= last[owner])",
         "An LVEF that cannot be read, on the day of one that can, takes nothing from it."),
        ("(first > 0) & (last > 0) & (first != last)", "(first >= 0) & (last >= 0) & (first != last)",
         "Two methods differ only where both are told."),
        ("in timeline.rows[timeline.day <= self.on]", "in timeline.rows[timeline.day < self.on]", "Today's dose is in the cost so far."),
    ),
    *of(
        "knowledge/course/numbers.md",
        ("`course_break_days`            | 365 ", "`course_break_days`            | 364 ", "More than a year ends a course."),
        ("`judged_days`                  | 90 ", "`judged_days`                  | 91 ", "90 days after the last dose."),
        ("`partner_days`                 | 42 ", "`partner_days`                 | 41 ", "A partner takes over after six weeks."),
        ("`short_gap_days`               | 10 ", "`short_gap_days`               | 9 ", "Weekly doses are up to 10 days apart."),
        ("`year_days`                    | 364 ", "`year_days`                    | 365 ", "The year has 52 weeks."),
        ("`earliest_resume_days`         | 28 ", "`earliest_resume_days`         | 27 ", "A hold lasts four weeks at least."),
        ("`gestation_days`               | 280 ", "`gestation_days`               | 281 ", "A gestation has 40 weeks."),
        ("`weekly_doses_with_carboplatin`| 18 ", "`weekly_doses_with_carboplatin`| 17 ", "18 weekly doses beside carboplatin."),
        ("`adult_years`                  | 18 ", "`adult_years`                  | 17 ", "The labels are for adults."),
    ),
    *of(
        "knowledge/product/products.md",
        ("| `q3w`    | 21 ", "| `q3w`    | 20 ", "Every three weeks is 21 days."),
        ("| `epirubicin`            | anthracycline | 0.8 ", "| `epirubicin`            | anthracycline | 0.9 ",
         "Epirubicin counts as 0.8 of doxorubicin."),
        ("| `trastuzumab-iv` | 21    |", "| `trastuzumab-iv` | 20    |", "Reconstituted trastuzumab holds 21 mg in a mL."),
        ("| `t-dm1`   | 14 ", "| `t-dm1`   | 13 ", "T-DM1 after surgery has 14 cycles."),
    ),
]  # fmt: skip


# -- running ----------------------------------------------------------------------------------------


class _Failed:
    """A plugin of pytest that writes down which tests failed."""

    def __init__(self, told: Path) -> None:
        self.told = told

    def _tell(self, report: Any) -> None:
        if report.failed:
            with self.told.open("a", encoding="utf-8") as file:
                file.write(report.nodeid.replace("\n", " ") + "\n")

    pytest_runtest_logreport = pytest_collectreport = _tell


def _child(told: Path, arguments: list[str]) -> int:
    """Run pytest in this process, and tell what failed."""
    import pytest

    return pytest.main(["-q", "-p", "no:cacheprovider", "--tb=no", "--no-header", *arguments], plugins=[_Failed(told)])


class Copy:
    """A copy of the package in which one change after the other is made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder, folder / "src" / "her2path"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("*.nbi", "*.nbc"))
        self.known_failures: list[str] = []

    def run(self, files: Iterable[str], *options: str) -> list[str]:
        """The tests of some files that fail. What is kept of the knowledge lies in the copy, named by its bytes and the code's."""
        told = self.folder / "told"
        told.write_text("", encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": str(self.folder / "src"), "HER2PATH_CACHE": "yes", "NUMBA_CACHE_DIR": str(self.folder / "numba"),
            "XDG_CACHE_HOME": str(self.folder / "cache"), "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder / "hypothesis"),
        }  # fmt: skip
        paths = [str(ROOT / "tests" / file) for file in files]
        command = [sys.executable, __file__, "--child", str(told), *paths, *options]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return [ENDLESS]
        failed = told.read_text(encoding="utf-8").splitlines()
        if done.returncode not in (0, 1) and not failed:
            raise SystemExit(f"pytest did not run:\n{done.stdout}{done.stderr}")
        return failed

    def is_used(self) -> bool:
        """Whether tests would import the copy, and not the package beside them."""
        command = [sys.executable, "-c", "import her2path; print(her2path.__file__)"]
        said = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(self.folder / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(said.stdout.strip()).is_relative_to(self.package)

    def caught_by(self, change: Change) -> str:
        """The first test that sees a change."""
        path = self.package / change.file
        change.made_in(self.package)
        try:
            apart = [f"--deselect={name}" for name in self.known_failures]
            failed = self.run(TESTS[change.file], "-x", *apart)
        finally:
            shutil.copy2(PACKAGE / change.file, path)
        return failed[0] if failed else SURVIVES


def run_all(changes: list[Change]) -> list[tuple[Change, str]]:
    """Every change with the test that caught it."""
    with TemporaryDirectory(prefix="changed-") as folder:
        copies = deque(Copy(Path(folder) / str(number)) for number in range(AT_ONCE))
        if not all(copy.is_used() for copy in copies):
            raise SystemExit("the tests would not run against the changed copy")
        files = list(dict.fromkeys(file for change in changes for file in TESTS[change.file]))
        failing = copies[0].run(files)
        if ENDLESS in failing:
            raise SystemExit("the tests do not end without any change")
        for name in failing:
            print(f"fails without any change, and catches nothing: {name}", file=sys.stderr)
        for copy in copies:
            copy.known_failures = failing

        def one(change: Change) -> tuple[Change, str]:
            copy = copies.popleft()
            try:
                caught = copy.caught_by(change)
            finally:
                copies.append(copy)
            print(
                "." if caught != SURVIVES else f"\nsurvives: {change.file}: {change.new.strip()!r}",
                end="",
                file=sys.stderr,
                flush=True,
            )
            return change, caught

        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(one, changes))
    print(file=sys.stderr)
    return found


# -- the table --------------------------------------------------------------------------------------


def cell(text: str) -> str:
    """A piece of source in a cell of a table."""
    short = " ".join(text.split()).replace("|", "\\|")
    return f"`` {short} ``" if "`" in short else f"`{short}`"


def differing(old: str, new: str) -> tuple[str, str]:
    """The lines of a change that differ; what is dropped becomes nothing. All lines where the rest says too little."""
    before, after = old.splitlines(), new.splitlines()
    if min(len(line.strip()) for line in {*before, *after} if line not in before or line not in after) < 12:
        return old, new
    return "\n".join(line for line in before if line not in after), "\n".join(
        line for line in after if line not in before
    )


def table(found: Iterable[tuple[Change, str]]) -> str:
    lines = ["| module | was | became | what must hold | caught by |", "|---|---|---|---|---|"]
    for change, caught in found:
        old, new = differing(change.old, change.new)
        test = caught.partition("::")[2].partition("[")[0]
        by = (
            caught
            if caught in (SURVIVES, ENDLESS)
            else f"{Path(caught.partition('::')[0]).name}: {test.removeprefix('test_').replace('_', ' ')}"
        )
        lines.append(
            f"| `{change.file}` | {cell(old)} | {cell(new) if new.strip() else 'nothing'} | {change.breaks} | {by} |"
        )
    return "\n".join(lines) + "\n"


def write(made: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGINS)
    PAGE.write_text(f"{before}{BEGINS}\n\n{made}\n{ENDS}{rest.partition(ENDS)[2]}", encoding="utf-8")


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        return _child(Path(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(description="Make small changes to the source and see which test catches each.")
    parser.add_argument("words", nargs="*", help="only files whose name holds one of these words")
    parser.add_argument("--write", action="store_true", help="write the table into docs/tests.md")
    options = parser.parse_args()
    chosen = [change for change in CHANGES if not options.words or any(word in change.file for word in options.words)]
    found = run_all(chosen)
    print(table(found), end="")
    survivors = [change for change, caught in found if caught == SURVIVES]
    print(f"{len(found)} changes, {len(survivors)} not caught by any test", file=sys.stderr)
    if options.write and not options.words:
        write(table(found))
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
