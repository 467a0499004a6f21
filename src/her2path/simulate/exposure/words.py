"""What `her2path simulate exposure` prints: of a population, and of one patient's own record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import isfinite
from typing import Any

from ..model import Model
from .doses_of_record import History
from .individual import Prediction, far_off, parameter_rows, unknown_of_her
from .kernel import UNDER_SKIN
from .population import DERIVED_FROM, Exposure
from .schedule import SCHEDULES, Dose, Schedule

MEASURE_WORDS = {
    "cmin": "trough, mg/L",
    "cmax_end_of_infusion": "peak at the end of infusion, mg/L",
    "cmax_12h": "12 h after the start of infusion, mg/L",
    "cmax_half_day_grid": "highest, mg/L",
    "auc": "area under the curve, mg d/L",
}
WARNING = (
    "Simulated, for research and teaching: nobody clinical has reviewed this model, and no dose is to be chosen by it."
)
LABEL_WIDTH = 46


def dose_lines(schedule: Schedule) -> list[str]:
    """The doses in words, equal ones at equal distances together."""
    groups: list[list[Dose]] = []
    for dose in schedule.doses:
        group = groups[-1] if groups else []
        alike = bool(group) and _amount(group[-1]) == _amount(dose) and dose.kind != "re-load"
        alike = alike and group[-1].kind != "re-load"
        if alike and (len(group) < 2 or abs((dose.day - group[-1].day) - (group[-1].day - group[-2].day)) < 1e-6):
            group.append(dose)
        else:
            groups.append([dose])
    return [_group_words(group) for group in groups]


def _group_words(group: list[Dose]) -> str:
    words = _amount(group[0])
    if group[0].kind == "re-load":
        words += " (a first dose again)"
    if len(group) == 1:
        return f"day {_day(group[0])}: {words}"
    if len(group) == 2:
        return f"days {_day(group[0])} and {_day(group[1])}: {words}"
    step = f", every {group[1].day - group[0].day:g} days"
    return f"days {_day(group[0])} to {_day(group[-1])}, {len(group)} doses{step}: {words}"


def _day(dose: Dose) -> str:
    return f"{round(dose.day, 1):g}"


def _amount(dose: Dose) -> str:
    amount = f"{dose.mg_per_kg:g} mg/kg" if dose.mg_per_kg else f"{round(dose.mg, 1):g} mg"
    if dose.route == UNDER_SKIN:
        return f"{amount} under the skin"
    return f"{amount} over {dose.minutes:g} minutes" if dose.minutes else f"{amount} at once"


def percentile_table(
    rows: Iterable[tuple[str, Mapping[str, float] | None]], never: str, one_column: bool = False
) -> list[str]:
    """Lines of percentiles, of one patient in one column; a row without numbers is a heading.

    `never` stands for what is not finite; `one_column` prints percentiles that are all alike once.
    """
    lines = []
    for words, values in rows:
        if values is None:
            lines.append(words)
            continue
        alike = len(set(values.values())) == 1 and one_column
        cells = "".join(f"{three_digits(value, never):>11}" for value in list(values.values())[: 1 if alike else None])
        lines.append(f"  {words:<{LABEL_WIDTH - 2}}{cells}")
    return lines


def three_digits(value: float, never: str = "-") -> str:
    """A number with three digits, more where they stand before the point; `never` where it is not finite."""
    if not isfinite(value):
        return never
    if value != 0 and (abs(value) < 0.001 or abs(value) >= 1e6):
        return f"{value:.2e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _measure_rows(summary: Mapping[str, Any], headings: Mapping[str, str]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, heading in headings.items():
        measures = summary[name]
        rows.append((heading, None))
        for measure, words in MEASURE_WORDS.items():
            if measure not in measures or (measure == "cmax_half_day_grid" and "cmax_end_of_infusion" in measures):
                continue
            rows.append((words, measures[measure]))
    return rows


def _headings(schedule: Schedule) -> dict[str, str]:
    count = len(schedule.cycle_days)
    unit = "cycle" if schedule.name in SCHEDULES else "interval between doses"
    return {"cycle_1": f"{unit} 1", "steady_state": f"{unit} {count}, the last"}


def _blocks(blocks: Mapping[str, Iterable[str]]) -> list[str]:
    lines = []
    for heading, words in blocks.items():
        if listed := list(words):
            lines += ["", heading, *(f"  {line}" for line in listed)]
    return lines


def _sources(model: Model) -> list[str]:
    return [f"{model.title}: {'; '.join(map(str, model.citations))}; {model.population}"]


def population_text(exposure: Exposure, summary: Mapping[str, Any]) -> str:
    """The exposure of virtual patients as a table, and what it rests on."""
    request = exposure.request
    schedule, after = request.schedule, request.after_days
    who = "the typical patient" if request.typical else f"{request.patients} virtual patients, seed {request.seed}"
    washout, target = summary["washout"], summary["target"]
    never = f"> {after}"
    lines = [f"{request.model.key}, {request.population}, {schedule.name}: {who}", ""]
    lines += [f"  {line}" for line in dose_lines(schedule)]
    one = request.typical
    heads = ("typical",) if one else ("5 %", "50 %", "95 %")
    lines += ["", " " * LABEL_WIDTH + "".join(f"{head:>11}" for head in heads)]
    lines += percentile_table(_measure_rows(summary, _headings(schedule)), never, one)
    lines += percentile_table(_around_late_dose(schedule, summary["troughs"]), never, one)
    rows: list[tuple[str, Any]] = [(f"after the last dose, day {_day(schedule.doses[-1])}", None)]
    if washout["days_to_below_1_mg_per_l"] is not None:
        rows.append(("days until below 1 mg/L", washout["days_to_below_1_mg_per_l"]))
    lines += percentile_table(rows, never, one)
    if washout["share_below_1_mg_per_l_at_7_months"] is not None and not one:
        lines.append(f"  {percent(washout['share_below_1_mg_per_l_at_7_months'])} are below 1 mg/L at 7 months")
    if washout["share_not_below_in_the_time_simulated"]:
        share = "" if one else percent(washout["share_not_below_in_the_time_simulated"]) + " are "
        lines.append(f"  {share}not below it in the {after} days simulated")
    above = {p: 100 * value for p, value in target["share_of_last_cycle_above"].items()}
    heading = f"target of {target['mg_per_l']:g} mg/L"
    lines += percentile_table([(heading, None), ("share of the last cycle above, %", above)], never, one)
    if not one:
        lines.append(f"  {percent(target['share_of_patients_with_trough_above'])} have a trough of at least that")
    by_hand = [
        f"{name} {_covariate(covariate)}, as asked"
        for name, covariate in request.covariates.items()
        if covariate.by_hand
    ]
    drawn = [
        name for name, covariate in request.covariates.items() if not covariate.by_hand and name in _used(request.model)
    ]
    if request.typical:
        assumed = [*by_hand, "all other covariates at the model's reference"]
    else:
        words = [f"drawn for {request.population}: {', '.join(drawn)}"] if drawn else []
        held = summary["asked"]["at_reference"]
        assumed = [*by_hand, *words, *([f"at the model's reference: {', '.join(held)}"] if held else [])]
    if schedule.name in SCHEDULES:
        assumed.append("the last cycle stands for the steady state, whether or not it is reached by then")
    lines += _blocks(
        {
            "Assumed": [*assumed, *summary.get("assumed", [])],
            "Rows of the label's tables that gave the doses": dict.fromkeys(schedule.rows),
            "Model": _sources(request.model),
        }
    )
    return "\n".join([*lines, "", WARNING])


def _around_late_dose(schedule: Schedule, troughs: list[dict[str, float]]) -> list[tuple[str, Any]]:
    """The troughs before a dose that came late and after the next ones, as percentiles: what the delay cost."""
    gaps = [(later.day - dose.day, later.day) for dose, later in pairwise(schedule.doses)]
    usual = min((gap for gap, _ in gaps), default=0.0)
    late = next(((gap, day) for gap, day in gaps if gap > usual + 0.5), None)
    if late is None or not troughs:
        return []
    gap, day = late
    heading = f"troughs around the late dose of day {day:g}, {gap - usual:g} days late, mg/L"
    rows: list[tuple[str, Any]] = [(heading, None)]
    first = next((n for n, trough in enumerate(troughs) if trough["day"] >= day - 1e-6), len(troughs))
    for row in troughs[max(first - 1, 0) : first + 5]:
        since = round(row["day"] - day)
        day_words = f"{abs(since)} days {'before' if since < 0 else 'after'} it" if since else "just before it"
        rows.append((day_words, {name: row[name] for name in ("p5", "p50", "p95")}))
    return rows


def _used(model: Model) -> set[str]:
    names = {effect.covariate for effect in model.effects}
    return names | {parent for name in names for parent in DERIVED_FROM.get(name, ())} | {"weight_kg"}


def _covariate(covariate: Any) -> str:
    return f"{covariate.median:g}" + (f" with a spread of {covariate.spread:g}" if covariate.spread else "")


def percent(share: float) -> str:
    """A share in percent, one digit behind the point."""
    return f"{100 * share:.1f} %"


def prediction_json(prediction: Prediction, summary: Mapping[str, Any]) -> dict[str, Any]:
    """One patient's prediction; `summary` is that of its draws as a population's."""
    history, estimate = prediction.history, prediction.estimate
    content: dict[str, Any] = {"patient": history.patient, "model": history.model, "population": history.population}
    content["doses"] = [
        {
            "day": dose.day,
            "date": _date(history, dose.day),
            "mg": dose.mg or dose.mg_per_kg * history.weight_kg,
            "minutes": dose.minutes,
            "route": "sc" if dose.route == UNDER_SKIN else "iv",
        }
        for dose in history.schedule.doses
    ]
    content["covariates"] = history.covariates
    content["taken_from_record"], content["assumed"] = history.taken, history.assumed
    content["at_reference"] = unknown_of_her(prediction)
    content["levels"] = [
        {
            "day": level.day,
            "date": _date(history, level.day),
            "concentration_mg_per_l": level.mg_per_l,
            "below_quantification": level.below,
            **predicted,
        }
        for level, predicted in zip(prediction.levels, prediction.predicted, strict=True)
    ]
    content["estimate"] = {
        "by": "maximum a posteriori" if prediction.levels else "no levels: the model's prediction for her covariates",
        "parameters": parameter_rows(prediction),
        "effective_share_of_draws": estimate.effective,
        "covariance_of_logarithms": estimate.covariance.tolist(),
    }
    content |= {name: summary[name] for name in ("cycle_1", "steady_state", "target", "units")}
    dates = {p: _date(history, history.schedule.last_dose_day + days) for p, days in prediction.days_to_below.items()}
    content["washout"] = {**summary["washout"], "date_below_1_mg_per_l": dates}
    until = history.contraception_until
    content["contraception_until"] = until and until.isoformat()
    content["share_below_1_mg_per_l_by_then"] = share_gone_by_contraception(prediction)
    return content


def share_gone_by_contraception(prediction: Prediction) -> float | None:
    """How likely she is below 1 mg/L on the day until which contraception is needed; `None` where it is not known."""
    history = prediction.history
    last = history.date_of(history.schedule.last_dose_day)
    until = history.contraception_until
    if until is None or last is None or (until - last).days > prediction.request.after_days:
        return None
    return float((prediction.others["days_to_below_1_mg_per_l"] <= (until - last).days).mean())


def _date(history: History, day: float) -> str | None:
    date = history.date_of(day)
    return date.isoformat() if date else None


def prediction_text(prediction: Prediction, summary: Mapping[str, Any]) -> str:
    """One patient's prediction in words: what was taken, what she is like, and when the drug is gone."""
    history, schedule, model = prediction.history, prediction.history.schedule, prediction.request.model
    never = f"> {prediction.request.after_days}"
    lines = [f"{history.patient}: {history.model}, {history.population}", ""]
    lines += [f"  {line}" for line in _own_dose_lines(history)]
    if prediction.levels:
        lines += ["", "Levels, mg/L" + " " * 24 + "measured   model alone   estimate"]
        for level, expected in zip(prediction.levels, prediction.predicted, strict=True):
            day_words = _date(history, level.day) or f"day {level.day:g}"
            measured = ("< " if level.below else "") + three_digits(level.mg_per_l)
            alone, hers = three_digits(expected["by_model_alone"]), three_digits(expected["predicted"])
            lines.append(f"  {day_words + f' (day {level.day:.4g})':<34}{measured:>8}{alone:>14}{hers:>11}")
        lines += ["", "Parameters" + " " * 20 + "  typical estimated    5 to 95 %            spread left"]
        for row in parameter_rows(prediction):
            name = f"{row['name'].replace('_', ' ')}, {row['unit']}"
            between = f"{three_digits(row['p5'])} to {three_digits(row['p95'])}"
            typical, hers = three_digits(row["typical"]), three_digits(row["most_likely"])
            left = f"{100 * row['spread_left']:.0f} %"
            lines.append(f"  {name:<28}{typical:>11}{hers:>10}    {between:<20}{left:>12}")
    lines += ["", f"{'Predicted concentrations':<{LABEL_WIDTH}}" + "".join(f"{p:>11}" for p in ("5 %", "50 %", "95 %"))]
    lines += percentile_table(_measure_rows(summary, _headings(schedule)), never)
    gone = prediction.days_to_below
    lines += percentile_table([("after the last dose so far", None), ("days until below 1 mg/L", gone)], never)
    if history.start is not None:
        dates = [_date(history, schedule.last_dose_day + days) or "later" for days in gone.values()]
        lines.append("  " + f"{'date':<{LABEL_WIDTH - 2}}" + "".join(f"{day:>11}" for day in dates))
        lines += ["", *_gone_words(prediction, dates)]
    doubt = "lies far from what is expected even so; its time, its unit or earlier doses may be wrong"
    notes = [f"the level of {level.written} {doubt}" for level in far_off(prediction)]
    if prediction.levels and prediction.estimate.effective < 0.05:
        notes.append("few draws agree with the levels: the limits are rough")
    held = unknown_of_her(prediction)
    if any(level.assumed_hour for level in prediction.levels):
        notes.append("levels without a time of the day are taken at 9:00, on a day of a dose just before it")
    lines += _blocks(
        {
            "From the record": history.taken,
            "Assumed": [*history.assumed, *([f"at the model's reference: {', '.join(held)}"] if held else []), *notes],
            "Model": _sources(model),
        }
    )
    return "\n".join([*lines, "", WARNING])


def _own_dose_lines(history: History) -> list[str]:
    schedule = history.schedule
    lines = dose_lines(schedule)
    if len(lines) > 8:
        gaps = sorted(later - day for day, later in pairwise(schedule.cycle_days))
        lines = [
            *lines[:3],
            f"... {len(schedule.doses)} doses, {gaps[0]:g} to {gaps[-1]:g} days apart (--json has all)",
            *lines[-2:],
        ]
    return lines


def _gone_words(prediction: Prediction, dates: list[str]) -> list[str]:
    history = prediction.history
    low, middle, high = dates
    words = f"If no dose follows, the concentration falls below 1 mg/L on {middle} (5 to 95 %: {low} to {high})."
    if middle == "later":
        words = (
            f"If no dose follows, it does not fall below 1 mg/L in the {prediction.request.after_days} days simulated."
        )
    lines = [words]
    until, share = history.contraception_until, share_gone_by_contraception(prediction)
    if until is not None:
        lines.append(f"By the label contraception goes on until {until}, counted from the last dose.")
    if until is not None and share is not None:
        drawn = "every draw" if share == 1 else f"{percent(share)} of the draws"
        lines.append(f"By then it is below 1 mg/L in {drawn}; the label's day stands all the same.")
    return lines
