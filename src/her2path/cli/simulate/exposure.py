"""The command `her2path simulate exposure`: virtual patients, or one patient's own doses and levels."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...facts.problem import AskedWrongly
from ...write.interrupt import require_going_on
from ...write.output import finite, require_outputs, telling, whole
from ..options import form_option, pairs
from .progress import progress_option, shown_progress

if TYPE_CHECKING:
    from ...simulate.arrays import Floats
    from ...simulate.exposure.doses_of_record import History
    from ...simulate.exposure.individual import Prediction
    from ...simulate.exposure.population import Exposure, ExposureRequest
    from ...simulate.exposure.schedule import Schedule
    from ...write.charts.exposure import Shown

SCHEDULE, CYCLES = "q3w", 18
"""What is simulated where nothing is said: a year of the usual schedule."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given; `None` and empty where they were not."""

    model: str | None
    population: str | None
    schedule: str | None
    cycles: int | None
    patients: int
    seed: int
    typical: bool
    delay: float | None
    delay_dose: int | None
    reload: str | None
    miss: tuple[int, ...]
    doses: Path | None
    covariates: tuple[str, ...]
    target: float
    after_days: int
    record: Path | None
    patient: str | None
    levels: Path | None
    on: dt.datetime | None


@click.command()
@click.option("--model", help="The model; by the schedule or by her doses where it is not given.")
@click.option("--population", help="breast, early-breast, metastatic-breast, gastric or volunteers.")
@click.option("--schedule", help="q3w, weekly or sc (under the skin), by the label's table of doses.  [default: q3w]")
@click.option("--cycles", type=int, help="Cycles of 21 days.  [default: 18]")
@click.option("--virtual-patients", "patients", type=int, default=1000, show_default=True,
             help="Virtual patients, or draws of one.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random numbers.")
@click.option("--typical", is_flag=True, help="One patient at the model's typical values, without spread.")
@click.option("--delay", type=float, metavar="DAYS", help="One dose comes so many days late, all later ones with it.")
@click.option("--delay-dose", type=int, metavar="N", help="Which dose is late; the one in the middle otherwise.")
@click.option("--reload", type=click.Choice(["yes", "no"]), help="Whether a first dose is given again after a gap; "
              "the label's table decides otherwise.")  # fmt: skip
@click.option("--miss", type=int, multiple=True, metavar="N", help="This dose is not given; may be given many times.")
@click.option("--doses", type=click.Path(path_type=Path), metavar="FILE.csv",
              help="Doses of your own: day or date; mg or mg_per_kg; minutes; route (iv, sc).")  # fmt: skip
@click.option("--covariate", "covariates", multiple=True, metavar="NAME=VALUE",
              help="A covariate: a value (weight_kg=80), or a median and a spread (weight_kg=80~0.2).")  # fmt: skip
@click.option("--target", type=float, default=20.0, show_default=True, help="A concentration to stay above, mg/L.")
@click.option("--after-days", type=int, default=300, show_default=True, help="Days simulated after the last dose.")
@click.option("--record", type=click.Path(exists=True, path_type=Path), metavar="SOURCE",
              help="One patient's own doses from her record: FHIR, CSV or Parquet.")  # fmt: skip
@click.option("--patient", help="Which patient of SOURCE, and of the file of levels.")
@click.option("--levels", type=click.Path(path_type=Path), metavar="FILE.csv",
              help="Her levels: patient, date or day, concentration_mg_per_l (<0.5: below that limit).")  # fmt: skip
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Her doses and levels up to this day; today otherwise.")
@form_option
@progress_option
@click.option("--chart", type=click.Path(path_type=Path), help="Draw the concentrations to a .png or .svg file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.parquet",
              help="Write every profile: patient (or draw), day, concentration_mg_per_l.")  # fmt: skip
def exposure(as_json: bool, progress_asked: bool, chart: Path | None, output: Path | None, **options: Any) -> None:
    """Concentrations of trastuzumab and its relatives over time, trough, peak, area and washout.

    Virtual patients by the label's schedule, late, missed or re-loaded doses, or doses of your own; or, with --record,
    one patient's real doses, with --levels an estimate of her own from what was measured.
    """
    require_extra()
    asked = Asked(**options)
    if chart is not None:
        from ...write.charts.style import require_ending

        require_ending(chart)
    if output is not None and output.suffix.lower() != ".parquet":
        raise AskedWrongly(f"{output}: profiles are written as Parquet; expected a name that ends in .parquet")
    require_outputs({"--output": output, "--chart": chart}, asked.record, asked.levels, asked.doses)
    _check_together(asked)
    _check_model(asked.model)
    count = 1 if asked.typical else asked.patients
    with _profiles(output) as keep, shown_progress(count, progress_asked) as progress:
        if asked.record is not None or asked.levels is not None:
            told, text, show = _one_patient(asked, keep)
            progress(count)
        else:
            told, text, show = _population(asked, keep, progress)
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else text)
    if chart is not None:
        from ...write.charts.exposure import exposure_picture
        from ...write.charts.style import save

        save(exposure_picture(show()), chart)
        click.echo(f"chart written to {chart}", err=True)
    if output is not None:
        click.echo(f"profiles written to {output}", err=True)


def _check_together(asked: Asked) -> None:
    """Raises `AskedWrongly` for options that do not go together."""
    by_label = {"--schedule": asked.schedule, "--cycles": asked.cycles, "--delay": asked.delay, "--miss": asked.miss,
                "--delay-dose": asked.delay_dose, "--reload": asked.reload}  # fmt: skip
    given = [name for name, value in by_label.items() if value is not None and value != ()]
    own = "--record" if asked.record else "--doses"
    if given and (asked.record or asked.doses):
        raise AskedWrongly(f"{', '.join(given)} changes the label's schedule; {own} has doses of its own")
    if asked.record and asked.doses:
        raise AskedWrongly("give --record or --doses: her doses come from one of them")
    if asked.levels and not (asked.record or asked.doses):
        raise AskedWrongly("--levels needs her doses: give --record SOURCE or --doses FILE.csv")
    if asked.patient and not (asked.record or asked.levels):
        raise AskedWrongly("--patient chooses a patient of --record or --levels")
    if asked.on and not asked.record:
        raise AskedWrongly("--on is for the doses of --record")
    if asked.typical and (asked.record or asked.levels):
        raise AskedWrongly("--typical is for virtual patients; one patient's own course is told with its limits")
    if asked.delay_dose is not None and asked.delay is None:
        raise AskedWrongly("--delay-dose says which dose is late; say by how much with --delay DAYS")
    if asked.reload is not None and asked.delay is None and not asked.miss:
        raise AskedWrongly("--reload is for a dose after a gap; make one with --delay DAYS or --miss N")


def _check_model(model: str | None) -> None:
    """Raises `AskedWrongly` for what is no model of exposure, and names those there are."""
    from ...simulate.model import model_keys

    there_are = model_keys("exposure")
    if model is not None and model not in there_are:
        raise AskedWrongly(f"no model of exposure is called {model!r}; there are {', '.join(there_are)}")


# -- virtual patients -----------------------------------------------------------------------------


def _population(
    asked: Asked, keep: Any, progress: Callable[[int], None]
) -> tuple[dict[str, Any], str, Callable[[], Shown]]:
    from ...simulate.exposure.population import simulate
    from ...simulate.exposure.words import population_text

    request, assumed, missed_days = _request(asked)
    found = simulate(request, keep=keep, progress=progress)
    told = {**found.as_json(), "assumed": assumed}
    told["units"] = {**told["units"], "auc": "mg d/L from the first to the last moment of the cycle"}
    if asked.doses is not None:
        told["asked"]["cycle"] = "from one dose to the next"
    return finite(told), population_text(found, told), partial(_population_shown, found, missed_days)


def _request(asked: Asked) -> tuple[ExposureRequest, list[str], list[float]]:
    from ...simulate.exposure.choice import chosen_words, model_and_population
    from ...simulate.exposure.population import ExposureRequest
    from ...simulate.model import read_model
    from ...simulate.patients import covariates_of

    model, population = model_and_population(asked.model, asked.population, asked.schedule == "sc")
    covariates = covariates_of(population, pairs(asked.covariates, "--covariate weight_kg=80"))
    assumed: list[str] = []
    if asked.model is None:
        assumed.append(f"model {chosen_words(model, population)}")
    missed_days: list[float] = []
    if asked.doses is not None:
        from ...simulate.exposure.dose_history import read_doses

        own = read_doses(asked.doses, model)
        schedule = own.schedule
        assumed += own.assumed
    else:
        schedule, missed_days = _labelled(asked, model, population)
    male = population == "volunteers" or ("male" in covariates and covariates["male"].median == 1)
    count = 1 if asked.typical else asked.patients
    if asked.patients < 1:
        raise AskedWrongly(f"{asked.patients} patients; expected 1 or more")
    made = ExposureRequest(read_model(model), population, schedule, count, asked.seed, asked.typical, covariates,
                   asked.after_days, asked.target, male)  # fmt: skip
    return made, assumed, missed_days


def _labelled(asked: Asked, model: str, population: str) -> tuple[Schedule, list[float]]:
    """The label's schedule with what is late or missed; and the days of the doses that are missed."""
    from ...simulate.exposure.dose_history import without
    from ...simulate.exposure.population import tumour_of
    from ...simulate.exposure.schedule import delayed, labelled

    cycles = CYCLES if asked.cycles is None else asked.cycles
    schedule = labelled(model, asked.schedule or SCHEDULE, cycles, tumour=tumour_of(population))
    reload = None if asked.reload is None else asked.reload == "yes"
    if asked.delay is not None:
        number = asked.delay_dose if asked.delay_dose is not None else max(2, len(schedule.doses) // 2 + 1)
        schedule = delayed(schedule, number, asked.delay, reload, model)
    days = [schedule.doses[number - 1].day for number in asked.miss if 1 <= number <= len(schedule.doses)]
    if asked.miss:
        schedule = without(schedule, asked.miss, reload, model)
    return schedule, days


def _population_shown(found: Exposure, missed_days: list[float]) -> Shown:
    from ...simulate.exposure.population import GONE_MG_PER_L, SEVEN_MONTHS_DAYS
    from ...write.charts.exposure import Shown

    request = found.request
    below = found.others["days_to_below_1_mg_per_l"]
    who = "the typical patient" if request.typical else f"{request.patients} virtual patients, {request.population}"
    schedule = request.schedule
    return Shown(
        f"{request.model.title}: {_named(schedule, len(schedule.cycle_days))}", who[0].upper() + who[1:],
        found.bands.times, {p: found.bands.percentile(p) for p in (5, 25, 50, 75, 95)},
        [dose.day for dose in schedule.doses], GONE_MG_PER_L, SEVEN_MONTHS_DAYS, _gone(below),
        odd_doses={dose.day: "first dose again" for dose in schedule.doses if dose.kind == "re-load"},
        missed_days=missed_days, spread=not request.typical,
    )  # fmt: skip


def _named(schedule: Schedule, cycles: int) -> str:
    words = {"q3w": "every three weeks", "weekly": "weekly", "sc": "under the skin every three weeks"}
    if schedule.name in words:
        return f"{words[schedule.name]}, {cycles} cycle" + ("s" if cycles > 1 else "")
    return schedule.name


def _gone(below: Floats) -> tuple[float, float, float]:
    import numpy as np

    low, middle, high = np.percentile(below, (5, 50, 95), method="inverted_cdf")
    return float(low), float(middle), float(high)


# -- one patient ----------------------------------------------------------------------------------


def _one_patient(asked: Asked, keep: Any) -> tuple[dict[str, Any], str, Callable[[], Shown]]:
    from ...simulate.exposure.dose_history import read_levels
    from ...simulate.exposure.individual import predict
    from ...simulate.exposure.population import Exposure
    from ...simulate.exposure.words import prediction_json, prediction_text

    if asked.patients < 1:
        raise AskedWrongly(f"{asked.patients} draws; expected 1 or more")
    history, first_day, named = _history(asked)
    levels = read_levels(asked.levels, named, history.start, first_day) if asked.levels else []
    if asked.on is not None:
        levels = [level for level in levels if (date := history.date_of(level.day)) is None or date <= asked.on.date()]
    found = predict(history, levels, asked.patients, asked.seed, asked.after_days, asked.target, keep)
    # The draws of one patient are summed up as the patients of a population are.
    summary = Exposure(found.request, found.measures, found.others, _NO_BANDS).as_json()
    summary["units"]["auc"] = "mg d/L from one dose to the next"
    told = finite(prediction_json(found, summary))
    return told, prediction_text(found, summary), partial(_patient_shown, found)


_NO_BANDS: Any = None


def _history(asked: Asked) -> tuple[History, float, str]:
    """Her doses, the day of a file's count on which the first was given, and her name in a file of levels."""
    by_hand = {name: _value(name, text) for name, text in pairs(asked.covariates, "--covariate weight_kg=80").items()}
    if asked.record is not None:
        from ...simulate.exposure.doses_of_record import contraception_day, find_record, history_of
        from ...tables.load import read_knowledge

        knowledge = read_knowledge()
        on = asked.on.date() if asked.on else dt.date.today()
        record = find_record(asked.record, knowledge, asked.patient)
        made = history_of(record, on, asked.model, _known_population(asked.population), by_hand)
        made.contraception_until = contraception_day(record, on, knowledge)
        return made, 0.0, record.patient
    assert asked.doses is not None
    from ...simulate.exposure.choice import model_and_population
    from ...simulate.exposure.dose_history import read_doses
    from ...simulate.exposure.doses_of_record import History, derived, model_words
    from ...simulate.patients import covariates_of

    model, population = model_and_population(asked.model, asked.population, lent=True)
    own = read_doses(asked.doses, model)
    weight = by_hand.get("weight_kg", covariates_of(population)["weight_kg"].median)
    assumed = [model_words(model, population), *own.assumed]
    if "weight_kg" not in by_hand and any(dose.mg_per_kg for dose in own.schedule.doses):
        assumed.append(f"a weight of {weight:g} kg, the median of {population}, for doses by weight")
    taken = [f"{len(own.schedule.doses)} doses of {asked.doses.name}", *(f"{n} {v:g}" for n, v in by_hand.items())]
    name = asked.patient or "one patient"
    made = History(name, model, population, own.schedule, own.start, derived(by_hand), weight, taken, assumed)
    return made, own.first_day, asked.patient or ""


def _known_population(name: str | None) -> str | None:
    from ...simulate.patients import covariates_of

    if name is not None:
        covariates_of(name)
    return name


def _value(name: str, text: str) -> float:
    from ...simulate.patients import covariates_of

    found = covariates_of("breast", {name: text})[name]
    if found.spread:
        raise AskedWrongly(f"{name}={text}: one patient has a value, without a spread")
    return found.median


def _patient_shown(found: Prediction) -> Shown:
    from ...simulate.exposure.population import GONE_MG_PER_L, SEVEN_MONTHS_DAYS
    from ...write.charts.exposure import Shown, ShownLevel

    history = found.history
    days = found.days_to_below
    who = f"{found.request.model.title}; {len(history.schedule.doses)} doses"
    who += f", {len(found.levels)} measured levels" if found.levels else ", no level measured"
    return Shown(
        f"{history.patient}: predicted concentration", who, found.times, found.bands,
        [dose.day for dose in history.schedule.doses], GONE_MG_PER_L, SEVEN_MONTHS_DAYS,
        (days["p5"], days["p50"], days["p95"]),
        [ShownLevel(level.day, level.mg_per_l, level.below) for level in found.levels], history.start,
        history.contraception_until, found.before if found.levels else None,
    )  # fmt: skip


# -- files and extras -----------------------------------------------------------------------------


@contextmanager
def _profiles(output: Path | None) -> Iterator[Callable[[int, Floats, Floats], None] | None]:
    """What writes profiles as they come, a row group for each portion of patients; `None` without a file."""
    if output is None:
        yield None
        return
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: Mapping[str, Any] = {"patient": pa.int64(), "day": pa.float64(), "concentration_mg_per_l": pa.float64()}
    schema = pa.schema(list(columns.items()))
    with whole(output) as beside, telling(output), pq.ParquetWriter(beside, schema) as writer:

        def keep(first: int, times: Floats, concentration: Floats) -> None:
            require_going_on()
            count = concentration.shape[1]
            patients = np.repeat(np.arange(first + 1, first + count + 1), len(times))
            arrays = [patients, np.tile(times, count), concentration.T.ravel()]
            writer.write_table(
                pa.table(dict(zip(columns, arrays, strict=True)), schema=schema), row_group_size=len(patients)
            )

        yield keep


def require_extra() -> None:
    """Raise `AskedWrongly` where the simulators' libraries are not installed."""
    try:
        import numba  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        raise AskedWrongly("the simulators need numba and SciPy: pip install 'her2path[simulate]'") from error
