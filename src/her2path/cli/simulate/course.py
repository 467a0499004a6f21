"""`her2path simulate course` and `heart`: policies compared, records written, the heart held against the trials."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...facts.problem import AskedWrongly
from ...write.interrupt import require_going_on
from ...write.output import finite, put, require_outputs, telling, whole
from ..options import day_of, form_option, knowledge_option
from .progress import progress_option, shown_progress

FAN_PATIENTS = 2000


def scenario_options(command: Any) -> Any:
    """The options that say who goes through the courses."""
    options = (
        click.option("--virtual-patients", "patients", type=int, default=10_000, show_default=True,
                     help="Virtual patients."),
        click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same patients."),
        click.option("--chemotherapy", default="doxorubicin", show_default=True,
                     help="Before trastuzumab: none, doxorubicin or epirubicin."),
        click.option("--population", default="early-breast", show_default=True, help="Whose weights and clearances."),
        click.option("--days", "horizon_days", type=int, default=730, show_default=True,
                     help="Followed for so long after the first dose."),
        click.option("--entry-lvef", type=float, default=50, show_default=True, help="Least LVEF to begin with, %."),
        click.option("--baseline-lvef", type=float, help="Median true LVEF before therapy, %; that of the model."),
        click.option("--irreversible", type=float, default=0, show_default=True,
                     help="Scenario: the share of the greatest fall that stays for good."),
        click.option("--no-effect", is_flag=True, help="Trastuzumab does not act on the heart: only error is left."),
        click.option("--processes", "cores", type=click.IntRange(1),
                     help="Processes to share the work; all cores by default. The result is the same."),
        progress_option,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--policy", "policies", multiple=True, type=click.Path(dir_okay=False, path_type=Path),
              help="A policy (TOML); give several to compare them. Without one: the US label.")  # fmt: skip
@scenario_options
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw the comparison (.png or .svg).")
@click.option("--fan", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw LVEF over time with holds, of the first policy (.png or .svg).")  # fmt: skip
@click.option("--fhir", type=click.Path(path_type=Path),
              help="Write the patients of the first policy as FHIR bundles: a folder, or FILE.ndjson.")  # fmt: skip
@click.option("--records", type=click.Path(dir_okay=False, path_type=Path),
              help="Write their events in Parquet (the long format that `review` reads).")  # fmt: skip
@click.option("--mess", default="none", show_default=True, help="Of the records: none, light or heavy.")
@click.option("--starts-on", default="2024-01-08", show_default=True, help="First day of therapy on the records.")
@knowledge_option
@form_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
              help="Write here: .md a page, .parquet every patient, .json, or text.")  # fmt: skip
def course(
    policies: tuple[Path, ...], chart: Path | None, fan: Path | None, fhir: Path | None, records: Path | None,
    mess: str, starts_on: str, as_json: bool, output: Path | None, cores: int | None, progress_asked: bool,
    no_effect: bool, **who: Any,
) -> None:  # fmt: skip
    """Virtual patients go visit by visit through policies, and the same rules as for real patients decide.

    What is compared: holds and stops, called for or not by the true LVEF; dysfunction that was missed; dose intensity,
    exposure and LVEFs spent; with intervals over replicate trials.
    """
    from ...simulate.course.compare import Comparison, run_policy
    from ...simulate.course.files import require_new
    from ...simulate.course.policy import Policy, read_policy
    from ...simulate.course.recording import error_rates_named
    from ...simulate.course.run import Scenario
    from ...simulate.course.words import comparison_page, comparison_text, relative_chart

    _check_endings(chart, fan)
    require_outputs(
        {"--output": output, "--chart": chart, "--fan": fan, "--fhir": fhir, "--records": records}, *policies
    )
    error_rates_named(mess)
    if fhir is not None:
        require_new(fhir)
    scenario = Scenario(drug=not no_effect, **who)
    chosen = [read_policy(path) for path in policies] or [Policy("US label")]
    chosen = _told_apart(chosen)
    calendar_day = _day(starts_on)
    to_table = output is not None and output.suffix.lower() == ".parquet"
    outcomes = []
    with (
        _Keeper(output, scenario) if output is not None and to_table else nullcontext() as keeper,
        shown_progress(scenario.patients * len(chosen), progress_asked) as progress,
    ):
        for policy in chosen:
            require_going_on()
            watch = keeper.watch(policy.name) if keeper else None
            outcomes.append(run_policy(policy, scenario, cores, watch, progress))
    found = Comparison(scenario, outcomes)
    if chart is not None:
        _draw_comparison(found, chart)
    if fan is not None:
        _draw_fan(chosen[0], scenario, fan, cores)
    for line in _write_records(chosen[0], scenario, fhir, records, mess, calendar_day, cores):
        click.echo(line, err=True)
    if as_json or (output is not None and output.suffix.lower() == ".json"):
        text = json.dumps(finite(found.as_json()), indent=2, ensure_ascii=False)
    elif output is not None and output.suffix.lower() == ".md":
        text = comparison_page(found, relative_chart(output, chart))
    else:
        text = comparison_text(found)
    put(text, None if to_table else output)


def _told_apart(policies: list[Any]) -> list[Any]:
    names = [policy.name for policy in policies]
    if len(set(names)) < len(names):
        raise AskedWrongly(f"two policies have one name ({', '.join(names)}); expected a name for each")
    return policies


def _day(text: str) -> dt.date:
    try:
        return day_of(text)
    except ValueError:
        raise AskedWrongly(f"--starts-on {text!r} is no date; expected YYYY-MM-DD") from None


def _check_endings(*charts: Path | None) -> None:
    from ...write.charts.style import require_ending

    for chart in charts:
        if chart is not None:
            require_ending(chart)


def _draw_comparison(found: Any, chart: Path) -> None:
    from ...simulate.course.words import chart_names, chart_title, panels
    from ...write.charts.course import draw_policies

    draw_policies(chart_names(found), panels(found), chart_title(found), chart)


def _draw_fan(policy: Any, scenario: Any, path: Path, cores: int | None) -> None:
    from ...simulate.course.run import portions
    from ...simulate.course.words import SAMPLE_DAYS, fan_of
    from ...write.charts.course import draw_fan

    fewer = replace(scenario, patients=min(scenario.patients, FAN_PATIENTS))
    made = fan_of(portions(policy, fewer, cores, SAMPLE_DAYS), SAMPLE_DAYS)
    title = f"LVEF of {fewer.patients:,} virtual patients: {policy.name}"
    draw_fan(made, float(policy.site.limit), title, path)


def _write_records(
    policy: Any, scenario: Any, fhir: Path | None, table: Path | None, mess: str, day: dt.date, cores: int | None
) -> Iterator[str]:
    """Write the patients of a policy; yields what was done, in words."""
    from ...simulate.course.recording import entered_late, error_rates_named, with_recording_errors

    how = error_rates_named(mess)
    if fhir is None and table is None:
        return
    from ...simulate.course.files import write_bundles
    from ...simulate.course.records import Calendar, all_records
    from ...simulate.course.run import portions
    from ...tables.load import read_knowledge
    from ...write.tables.events import write_long

    facts = read_knowledge().facts
    done = [0]

    def made() -> Iterable[Any]:
        for record in all_records(portions(policy, scenario, cores), scenario, policy, facts, Calendar(day)):
            changed, what = with_recording_errors(record, how, scenario.seed)
            done[0] += len(what)
            yield changed

    def late(bundle: Any) -> Any:
        changed, what = entered_late(bundle, how, scenario.seed)
        done[0] += len(what)
        return changed

    for target, counted in (
        (fhir, write_bundles(made(), fhir, late) if fhir is not None else None),
        (table, write_long(made(), table) if table is not None else None),
    ):
        if counted is not None:
            yield f"{target}: {counted.patients} patients"
            for loss, count in counted.losses.most_common(10):
                yield f"    not carried, {count} times: {loss}"
    if mess != "none":
        yield f"    {done[0]} changes made on purpose ({mess})"


class _Keeper:
    """Every patient of every policy as a row of Parquet, written as they come; whole or not at all."""

    def __init__(self, path: Path, scenario: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from ...simulate.course.kernel import COLUMNS

        self.columns = COLUMNS
        fields = [("policy", pa.string()), ("patient", pa.int64()), ("weight_kg", pa.float64()),
                  ("true_baseline", pa.float64()), *((name, pa.float64()) for name in COLUMNS)]  # fmt: skip
        self.schema = pa.schema(fields, metadata={"scenario": repr(scenario)})
        self.path = path
        self._open = ExitStack()
        self._writer = pq.ParquetWriter

    def __enter__(self) -> _Keeper:
        with ExitStack() as begun:
            beside = begun.enter_context(whole(self.path))
            begun.enter_context(telling(self.path))
            self.writer = begun.enter_context(self._writer(beside, self.schema))
            self._open = begun.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def watch(self, name: str) -> Any:
        import numpy as np
        import pyarrow as pa

        def keep(part: Any) -> None:
            count = len(part.out)
            values = [pa.array([name] * count), pa.array(part.first + np.arange(count)), pa.array(part.weight_kg),
                      pa.array(part.baseline), *(pa.array(part.column(each)) for each in self.columns)]  # fmt: skip
            require_going_on()
            self.writer.write_table(pa.Table.from_arrays(values, schema=self.schema))

        return keep


@click.command()
@scenario_options
@click.option("--trials", is_flag=True, help="Hold the heart against the adjuvant trials, arm by arm.")
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw LVEF over time with holds.")
@form_option
def heart(
    trials: bool, chart: Path | None, as_json: bool, cores: int | None, progress_asked: bool, no_effect: bool,
    **who: Any,
) -> None:  # fmt: skip
    """True and measured LVEF under anthracycline and trastuzumab; and how well that meets the trials."""
    from ...simulate.course.heart_words import compare_with_trials, heart_patients, simulate_heart
    from ...simulate.course.run import Scenario

    _check_endings(chart)
    require_outputs({"--chart": chart})
    scenario = Scenario(drug=not no_effect, **who)
    if chart is not None:
        from ...simulate.course.policy import Policy

        _draw_fan(Policy("US label"), scenario, chart, cores)
    run = compare_with_trials if trials else simulate_heart
    with shown_progress(heart_patients(scenario, trials), progress_asked) as progress:
        told = run(scenario, cores, progress)
    click.echo(json.dumps(finite(told.as_json()), indent=2) if as_json else told.text())
