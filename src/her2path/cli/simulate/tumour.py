"""The command `simulate tumour`: receptors, occupancy, shed HER2 and tumour under a drug, term by term.

SciPy solves the equations and comes with the extra `simulate`; it is imported when the command runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...facts.problem import AskedWrongly
from ...write.output import put, require_outputs, telling, whole
from ..options import form_option
from .progress import progress_option, shown_progress

if TYPE_CHECKING:
    from ...simulate.tumour.run import TumourPatients, TumourRun

IHC_CHOICES = ("0", "1+", "2+", "3+")


@click.command()
@click.option("--ihc", type=click.Choice(IHC_CHOICES), default="3+", show_default=True, help="HER2 of the tumour.")
@click.option("--drug", default="trastuzumab", show_default=True, help="trastuzumab, t-dm1, t-dxd or none.")
@click.option("--schedule", default="q3w", show_default=True, help="q3w, weekly, or sc (600 mg under the skin).")
@click.option("--cycles", type=int, default=6, show_default=True, help="Cycles of 21 days.")
@click.option("--without", multiple=True, metavar="TERM", help="Switch a term off. Repeatable.")
@click.option("--with", "added", multiple=True, metavar="TERM", help="Switch on a term that the drug has off.")
@click.option("--terms", is_flag=True, help="List the terms with what supports them, and stop.")
@click.option("--volume-cm3", type=float, help="The tumour at the start; 1.6 unless given.")
@click.option("--other-kill", type=float, default=0.0, help="Kill a day by a DNA-damaging therapy beside: a scenario.")
@click.option("--virtual-patients", "patients", type=int,
             help="Many patients, with their own receptors, growth and kill.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="The seed of the patients.")
@progress_option
@form_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write days, or patients, to a .parquet file.")
@click.option("--chart", type=click.Path(path_type=Path), help="Draw occupancy and tumour to a .png or .svg file.")
def tumour(
    ihc: str, drug: str, schedule: str, cycles: int, without: tuple[str, ...], added: tuple[str, ...], terms: bool,
    volume_cm3: float | None, other_kill: float, patients: int | None, seed: int, progress_asked: bool, as_json: bool,
    output: Path | None, chart: Path | None,
) -> None:  # fmt: skip
    """Follow HER2 and a tumour under a drug, and see what each term of the mechanism contributes.

    What trastuzumab does by itself (signals, immune cells, vessels, repair) has no usable human number: its sizes are
    scenarios of ours, and every output says so. It shows how the parts hang together, and predicts nobody's tumour.
    """
    require_extra()
    from ...simulate.tumour import words as text
    from ...simulate.tumour.run import TumourRequest, simulate_tumour, simulate_tumours, term_rows

    if terms:
        put(json.dumps(term_rows(), indent=2) if as_json else text.terms_text(), None)
        return
    if output is not None and output.suffix.lower() != ".parquet":
        raise AskedWrongly(f"{output}: the file ends in .parquet, not {output.suffix or 'nothing'}")
    require_outputs({"--output": output, "--chart": chart})
    if chart is not None:
        from ...write.charts.style import require_ending

        require_ending(chart)
        if patients is not None:
            raise AskedWrongly("--chart draws one patient; leave out --virtual-patients")
    request = TumourRequest(
        ihc, drug, schedule, cycles, frozenset(without), frozenset(added), volume_cm3, other_kill_per_day=other_kill
    )
    if patients is not None:
        with shown_progress(patients, progress_asked) as progress:
            many = simulate_tumours(request, patients, seed, progress=progress)
        found = text.patients_summary(many)
        put(json.dumps(found, indent=2) if as_json else text.patients_text(many), None)
        if output is not None:
            _write_patients(many, output)
        return
    with shown_progress(1, progress_asked) as progress:
        one = simulate_tumour(request)
        progress(1)
    put(json.dumps(text.run_summary(one), indent=2) if as_json else text.run_text(one), None)
    if output is not None:
        _write_days(one, output)
    if chart is not None:
        from ...write.charts.tumour import draw

        scenario = frozenset(row["term"] for row in term_rows() if not row["size"].startswith("published"))
        draw(one, scenario, chart)


def require_extra() -> None:
    """Raises `AskedWrongly` where SciPy is not installed."""
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise AskedWrongly("the tumour needs SciPy: pip install 'her2path[simulate]'") from error


def _write_days(one: TumourRun, output: Path) -> None:
    """One row a day."""
    course = one.course
    _write(
        {
            "day": course.times_days,
            "serum_mg_per_l": course.serum_nm * course.tumour.molecular_weight / 1e6,
            "occupancy_at_the_vessel": course.occupancy_at_the_vessel,
            "occupancy_mean": course.occupancy,
            "free_copies_per_cell": course["free"],
            "bound_copies_per_cell": course["bound"],
            "internal_free_copies_per_cell": course["internal_free"],
            "internal_bound_copies_per_cell": course["internal_bound"],
            "interstitial_nm": course.interstitial_nm,
            "payload_in_cells_nm": course.payload_nm,
            "ecd_free_ng_per_ml": course.ecd_free_ng_per_ml,
            "ecd_total_ng_per_ml": course.ecd_total_ng_per_ml,
            "living_cm3": course["living"],
            "volume_cm3": course.volume_cm3,
            "volume_untreated_cm3": one.untreated.volume_cm3,
        },
        output,
    )


def _write_patients(many: TumourPatients, output: Path) -> None:
    """One row a patient."""
    _write({"patient": list(range(1, len(many.columns["volume_cm3"]) + 1)), **many.columns}, output)


def _write(columns: dict[str, object], output: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whole(output) as beside, telling(output):
        pq.write_table(pa.table(columns), beside)
