"""Make a ward of invented patients for the pages: those of `courses/`, and some more, as they stand on 3 March 2026.

Run `python examples/make_ward.py` to write `ward.csv` anew; a test checks that the file is what this script makes.
No one is real. `her2path serve examples/ward.csv --on 2026-03-03` shows them.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

ON = dt.date(2026, 3, 3)
COLUMNS = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen")
Row = tuple[str, ...]
COURSES = {
    "adjuvant-hold": "2026-02-03", "fourth-hold": "2025-10-08", "persistent-decline": "2026-03-24",
    "dose-in-hold": "2026-03-03", "metastatic-thp": "2026-10-01", "gastric-cps-1": "2026-02-16",
    "pregnancy": "2026-03-30", "residual-disease": "2026-05-15", "her2-low": "2025-01-27", "mix-up": "2026-05-02",
    "late-dose": "2026-05-19", "end-of-year": "2026-04-06", "mess": "2026-02-10",
}  # fmt: skip
"""The courses of the other folder, each with the day on which it is looked at; its days are moved so that this is ours."""


def days(first: str, count: int, every: int = 21) -> list[str]:
    """So many days, the first of them and each some days after the one before."""
    start = dt.date.fromisoformat(first)
    return [str(start + dt.timedelta(days=every * number)) for number in range(count)]


def moved(here: Path, name: str, looked_at: str) -> Iterator[Row]:
    """A course of the other folder with its days moved; what is no day stays as it is."""
    shift = ON - dt.date.fromisoformat(looked_at)
    with (here / "courses" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cells = {column: row.get(column) or "" for column in COLUMNS}
            for column in ("date", "value"):
                if column == "date" or cells["fact"] == "death_date":
                    with contextlib.suppress(ValueError):
                        cells[column] = str(dt.date.fromisoformat(cells[column]) + shift)
            yield tuple(cells[column] for column in COLUMNS)


class Patient:
    """One patient, event after event."""

    def __init__(self, name: str, born: str, sex: str = "female", since: str = "2025-01-07", **facts: str) -> None:
        self.name = name
        self.rows: list[Row] = []
        self.add(since, "birth_date", born)
        self.add(since, "sex", sex)
        for fact, value in facts.items():
            self.add(since, fact, value)

    def add(
        self, day: str, fact: str, value: str, unit: str = "", product: str = "", qualifier: str = "", specimen: str = ""
    ) -> Patient:
        self.rows.append((self.name, day, fact, value, unit, product, qualifier, specimen))
        return self

    def tissue(self, day: str, ihc: str, specimen: str, side: str = "", ish: str = "") -> Patient:
        """A biopsy with its score."""
        self.add(day, "specimen_kind", "biopsy", specimen=specimen)
        if side:
            self.add(day, "specimen_side", side, specimen=specimen)
        self.add(day, "ihc_score", ihc, specimen=specimen)
        return self.add(day, "ish_result", ish, specimen=specimen) if ish else self

    def lvef(self, *readings: tuple[str, str], method: str = "echo") -> Patient:
        for day, percent in readings:
            self.add(day, "lvef", percent, "%", qualifier=method)
        return self

    def doses(self, on: Sequence[str], amounts: Sequence[str], product: str, brand: str = "") -> Patient:
        """Doses in mg; the last amount holds for all days that are left."""
        for number, day in enumerate(on):
            self.add(day, "dose_mg", amounts[min(number, len(amounts) - 1)], "mg", product, brand)
        return self

    def order(self, day: str, amount: str, product: str, brand: str = "") -> Patient:
        return self.add(day, "ordered_mg", amount, "mg", product, brand)


def more() -> Iterator[Patient]:
    """The patients that the other folder does not have."""
    herceptin, ogivri, kanjinti = "herceptin", "ogivri", "kanjinti"
    iv, pertuzumab = "trastuzumab-iv", "pertuzumab"

    yield (
        Patient("two-tumours", "1968-05-17", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2025-08-12", "3+", "left core", "left")
        .tissue("2025-08-12", "1+", "right core", "right")
        .add("2025-09-02", "surgery_done", "yes").add("2025-09-16", "setting", "adjuvant")
        .add("2025-09-18", "weight_kg", "71").add("2025-09-18", "height_cm", "165")
        .lvef(("2025-09-20", "63"), ("2025-12-22", "62"))
        .doses(days("2025-10-06", 8), ["568", "426"], iv, ogivri)
    )  # fmt: skip
    yield (
        Patient("contraception-window", "1990-09-30", menopausal_status="premenopausal", tumour_site="breast")
        .tissue("2024-10-01", "3+", "core").add("2024-11-01", "surgery_done", "yes")
        .add("2024-11-12", "setting", "adjuvant").add("2024-11-14", "weight_kg", "60")
        .add("2024-11-15", "pregnancy_test", "negative")
        .lvef(("2024-11-16", "64"), ("2025-03-03", "63"), ("2025-06-02", "62"), ("2025-09-08", "63"), ("2025-12-08", "64"))
        .doses(days("2024-12-02", 18), ["480", "360"], iv, herceptin)
        .add("2025-12-08", "stop_recorded", "complete", product=iv)
    )  # fmt: skip
    yield (
        Patient("change-of-brand", "1959-02-11", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2025-03-04", "2+", "core", ish="positive").add("2025-04-01", "surgery_done", "yes")
        .add("2025-04-15", "setting", "adjuvant").add("2026-02-02", "weight_kg", "80")
        .add("2025-04-16", "weight_kg", "80")
        .lvef(("2025-04-20", "60"), ("2025-07-28", "58"), ("2025-10-27", "57"), ("2026-01-26", "58"))
        .doses(days("2025-05-12", 5), ["640", "480"], iv, herceptin)
        .doses(days("2025-08-25", 5), ["480"], iv, ogivri)
        .doses(days("2025-12-08", 5), ["480"], iv, kanjinti)
    )  # fmt: skip
    thp = days("2024-09-02", 18)
    yield (
        Patient("progression", "1963-12-01", menopausal_status="postmenopausal", tumour_site="breast", since="2024-08-05")
        .tissue("2024-08-06", "3+", "liver core").add("2024-08-20", "setting", "metastatic")
        .add("2024-08-26", "weight_kg", "66").add("2025-12-15", "weight_kg", "64")
        .add("2024-08-26", "height_cm", "160")
        .lvef(("2024-08-27", "62"), ("2024-12-02", "61"), ("2025-03-03", "60"), ("2025-06-02", "58"), ("2025-09-08", "59"))
        .lvef(("2025-12-15", "58"))
        .doses(thp, ["528", "396"], iv, herceptin).doses(thp, ["840", "420"], pertuzumab, "perjeta")
        .add("2025-09-22", "progression", "yes")
        .doses(days("2025-10-06", 7), ["356"], "t-dxd", "enhertu")
    )  # fmt: skip
    yield _six_years(iv, pertuzumab)
    yield _weekly(iv, kanjinti)
    yield (
        Patient("equivocal-ordered", "1975-06-06", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2026-02-10", "2+", "core").add("2026-02-17", "setting", "adjuvant")
        .add("2026-02-18", "weight_kg", "70").lvef(("2026-02-20", "62")).order("2026-03-03", "560", iv, herceptin)
    )  # fmt: skip
    yield (
        Patient("ratio-to-recount", "1971-01-23", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2026-02-12", "2+", "core").add("2026-02-16", "her2_copies", "4.8", specimen="core")
        .add("2026-02-16", "cep17_copies", "2.9", specimen="core").add("2026-02-20", "setting", "neoadjuvant")
    )  # fmt: skip
    yield (
        Patient("tenfold-order", "1981-03-29", menopausal_status="premenopausal", tumour_site="breast")
        .tissue("2026-01-20", "3+", "core").add("2026-02-10", "setting", "adjuvant")
        .add("2026-02-23", "pregnancy_test", "negative").add("2026-02-23", "weight_kg", "62")
        .lvef(("2026-02-24", "65")).order("2026-03-03", "4960", iv, "trazimera")
    )  # fmt: skip
    yield (
        Patient("no-pregnancy-test", "1989-07-22", menopausal_status="premenopausal", tumour_site="breast")
        .tissue("2026-01-13", "3+", "core").add("2026-02-03", "setting", "adjuvant")
        .add("2026-02-23", "weight_kg", "58").lvef(("2026-02-23", "63")).order("2026-03-03", "464", iv, herceptin)
    )  # fmt: skip
    yield (
        Patient("due-today", "1966-10-10", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2025-09-02", "3+", "core").add("2025-09-30", "surgery_done", "yes")
        .add("2025-10-14", "setting", "adjuvant").add("2026-02-10", "weight_kg", "70").add("2025-10-20", "weight_kg", "70")
        .lvef(("2025-10-21", "61"), ("2026-01-20", "60")).doses(days("2025-10-28", 6), ["560", "420"], iv, "hercessi")
        .order("2026-03-03", "420", iv, "hercessi")
    )  # fmt: skip
    yield (
        Patient("heart-failure", "1955-04-02", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2025-05-06", "3+", "core").add("2025-06-03", "surgery_done", "yes")
        .add("2025-06-17", "setting", "adjuvant").add("2025-06-20", "weight_kg", "77")
        .lvef(("2025-06-23", "62"), ("2025-09-22", "58"), ("2025-12-22", "52"), ("2026-03-02", "38"))
        .doses(days("2025-07-07", 11), ["616", "462"], iv, herceptin).add("2026-03-02", "heart_failure", "yes")
    )  # fmt: skip
    yield (
        Patient("under-the-skin", "1972-08-08", menopausal_status="postmenopausal", tumour_site="breast")
        .tissue("2025-07-01", "3+", "core").add("2025-07-29", "surgery_done", "yes")
        .add("2025-08-12", "setting", "adjuvant").add("2025-08-12", "weight_kg", "68")
        .lvef(("2025-08-18", "64"), ("2025-11-24", "63"), ("2026-02-16", "62"))
        .doses(days("2025-08-25", 9), ["600"], "phesgo", "phesgo")
    )  # fmt: skip
    yield (
        Patient("t-dm1-overdose", "1971-06-30", menopausal_status="postmenopausal", tumour_site="breast", since="2025-06-02")
        .tissue("2025-06-03", "3+", "core").add("2025-07-01", "setting", "metastatic")
        .add("2025-07-01", "prior_trastuzumab", "yes").add("2025-07-01", "prior_taxane", "yes")
        .add("2026-02-09", "weight_kg", "70").add("2025-07-07", "weight_kg", "70")
        .lvef(("2025-07-08", "60"), ("2025-10-13", "61"), ("2026-01-12", "60"))
        .doses(days("2025-07-14", 11), ["252"], "t-dm1", "kadcyla").order("2026-03-03", "420", "t-dm1", "kadcyla")
    )  # fmt: skip


def _six_years(iv: str, pertuzumab: str) -> Patient:
    """Metastatic therapy since 2020 with one hold."""
    patient = (
        Patient("six-years", "1961-11-19", menopausal_status="postmenopausal", tumour_site="breast", since="2020-01-14")
        .tissue("2020-01-14", "3+", "bone core").add("2020-01-28", "setting", "metastatic")
        .add("2020-01-30", "weight_kg", "72").add("2026-01-12", "weight_kg", "70")
    )  # fmt: skip
    before = days("2020-02-10", 52)
    after = days("2023-03-13", 52)
    patient.doses(before, ["576", "432"], iv, "herceptin").doses(before, ["840", "420"], pertuzumab, "perjeta")
    patient.doses(after, ["576", "432"], iv, "ontruzant").doses(after, ["840", "420"], pertuzumab, "perjeta")
    percents = ["64", "63", "62", "63", "61", "62", "60", "61", "62", "60", "59", "58", "47", "52", "56", "58", "59", "60", "58", "59", "57", "58", "59", "58", "60"]
    return patient.lvef(*zip(days("2020-02-03", 12, 91), percents, strict=False)).lvef(
        *zip(["2023-01-23", "2023-02-20", "2023-03-08"], percents[12:15], strict=True)
    ).lvef(*zip(days("2023-06-05", 12, 91), percents[15:], strict=False))  # fmt: skip


def _weekly(iv: str, brand: str) -> Patient:
    """Three years of doses every week."""
    patient = (
        Patient("weekly-for-years", "1957-07-07", menopausal_status="postmenopausal", tumour_site="breast", since="2023-02-07")
        .tissue("2023-02-07", "3+", "core").add("2023-02-21", "setting", "metastatic")
        .add("2023-02-27", "weight_kg", "65").add("2026-01-05", "weight_kg", "66")
    )  # fmt: skip
    on = days("2023-03-06", 156, 7)
    return patient.doses([day for day in on if day not in ("2024-07-08", "2024-07-15")], ["260", "130"], iv, brand).lvef(
        *zip(days("2023-03-01", 12, 98), ["62", "61", "60", "61", "60", "59", "60", "58", "59", "60", "59", "60"], strict=True)
    )  # fmt: skip


def ward(here: Path) -> str:
    """The whole file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, looked_at in COURSES.items():
        writer.writerows(moved(here, name, looked_at))
    for patient in more():
        writer.writerows(sorted(patient.rows, key=lambda row: row[1]))
    return stream.getvalue()


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "ward.csv").write_text(ward(here), encoding="utf-8")
