"""Which tables of the CDM are read, and which of their columns; those of 5.3 lack some, which are then blank."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of events: the columns of its id, concepts, source text and day, and the `cells` that say the rest."""

    name: str
    id: str
    concept: str
    source_concept: str
    source_value: str
    day: str
    cells: tuple[str, ...] = ()
    end: str = ""

    @property
    def named_by(self) -> tuple[str, str, str]:
        """The columns that say what a row is of, in the order in which they are trusted."""
        return self.source_value, self.source_concept, self.concept

    @property
    def of_form(self) -> tuple[str, ...]:
        """The columns that decide what a row says, but for its day."""
        return (*self.named_by, *self.cells)


def _table(name: str, stem: str, day: str, cells: tuple[str, ...] = (), end: str = "") -> Table:
    return Table(
        name, f"{name}_id", f"{stem}_concept_id", f"{stem}_source_concept_id", f"{stem}_source_value", day, cells, end
    )


DRUGS = _table(
    "drug_exposure", "drug", "drug_exposure_start_date",
    (
        "quantity", "route_concept_id", "route_source_value", "drug_type_concept_id", "dose_unit_source_value",
    ),
    "drug_exposure_end_date",
)  # fmt: skip
CONDITIONS = _table("condition_occurrence", "condition", "condition_start_date", ("condition_status_concept_id",))
PROCEDURES = _table("procedure_occurrence", "procedure", "procedure_date", ("procedure_type_concept_id",))
MEASURED = (
    "value_as_number", "value_as_concept_id", "value_source_value", "unit_concept_id", "unit_source_value",
)  # fmt: skip
MEASUREMENTS = _table(
    "measurement", "measurement", "measurement_date", (*MEASURED, "operator_concept_id", "range_high")
)
OBSERVATIONS = _table("observation", "observation", "observation_date", (*MEASURED, "value_as_string"))
EVENTS = (DRUGS, CONDITIONS, PROCEDURES, MEASUREMENTS, OBSERVATIONS)
"""The tables of events, in the order in which they are read."""
PERSON = (
    "person_id", "gender_concept_id", "gender_source_value", "year_of_birth", "month_of_birth", "day_of_birth",
    "birth_datetime",
)  # fmt: skip
DEATH = ("person_id", "death_date")
CONCEPTS_OF_CELLS = (
    "route_concept_id", "drug_type_concept_id", "condition_status_concept_id", "procedure_type_concept_id",
    "value_as_concept_id", "unit_concept_id", "operator_concept_id",
)  # fmt: skip
"""Cells that hold a concept."""
