"""Entries of the record that could not be read or placed, and how some were taken: what no table decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from math import floor

import numpy as np

from ...facts.value import Unknown
from ...history.course_facts import COMPLETED, known
from ...history.kinds import DOSE_FACTS, ORDER_FACTS
from ...history.names import NO, YES
from ...history.numbered import exactly
from ...history.same_day import ONCE, PARTS, UNCLEAR, DayDose
from ...record.columns import UNKNOWN, Flags, Whole
from ...record.event import STATEMENT
from ..doses.due import THOUSAND, asked
from ..rows import FindingRows, row_each, row_runs
from .doubt import FIRST_ORIGINS, NO_DAY, Doubt, DoubtMaker, Same, is_set_aside, is_unknown, is_unread, runs
from .words import count_words, day_words

MATTERS = ("stop_recorded", "hold_recorded", "progression", "heart_failure", "pregnant", "pregnancy_test")
HARMLESS = ("no", "negative", "resumed")
"""Facts that may forbid a dose, and values of them that do not."""
BACKGROUND = ("weight_kg", "height_cm")
"""Of these the readable ones count; weights that cannot be read are told together."""
TOLD_APART = (*BACKGROUND, "death_date")
"""What cannot be read of these is told in words of its own."""
ORDERED = "ordered_mg"
AMOUNTS = DOSE_FACTS | ORDER_FACTS
"""Of these an entry without a value is told as a dose or order without an amount; of any other fact by itself."""
SEVERAL = frozenset({"allergy"})
"""Facts of which somebody may have several: two of one day are no contradiction."""


class EntryDoubts(DoubtMaker):
    """Of each entry of the record of a course: in the future, unread, with a remark, undated, differing."""

    def makers(self) -> Sequence[Callable[[], Iterable[FindingRows]]]:
        return (
            self._future, self._unread, self._weights, self._remarks, self._without_amount, self._orders,
            self._undated, self._narrowed, self._differing, self._dead, self._same_day,
        )  # fmt: skip

    def _future(self) -> Iterator[FindingRows]:
        rows = (self.record.day > self.on).nonzero()[0]
        rows = rows[self.mine[self.owner[rows]] & self.forms.at(self.of_course, rows)]
        if not len(rows):
            return
        patients, first, counts = runs(self.owner[rows])
        for name, chosen in (("entry in the future", counts == 1), ("entries in the future", counts > 1)):
            places = np.flatnonzero(chosen)
            saying, on = self.sayings[name], str(self.course.rules.on)
            fields = {"count": count_words(counts[places]), "review_day": Same(on, len(places))}
            origins = row_runs(rows, first[places], np.minimum(counts[places], FIRST_ORIGINS))
            yield FindingRows(saying, patients[places], saying.key, fields=fields, origins=origins)

    def _unread(self) -> Iterator[FindingRows]:
        unknown = self._of_values(is_unknown)
        if not unknown.any():
            return
        told = self._of_values(is_unread) | (unknown & ~self._of_facts(AMOUNTS))
        rows = self._past_rows(told & self.of_course & ~self._of_facts(TOLD_APART))
        days = [f" of {day}" if day != NO_DAY else "" for day in self._days(rows)]
        entries = [f"{name}{day}" for name, day in zip(self._facts(rows), days, strict=True)]
        yield self._each("value unread", rows, entry=entries, value=self._values(rows))

    def _weights(self) -> Iterator[FindingRows]:
        """Weights that could not be read, or have no value: how many of a patient, and the last; apart where a later
        one could be."""
        unread, weight = self._of_values(is_unknown), self._of_facts(("weight_kg",)) & self.of_course
        rows = self._past_rows(unread & weight)
        if not len(rows):
            return
        day = self.record.day
        read = self.forms.having(weight & ~unread)
        read = read[(day[read] != UNKNOWN) & (day[read] <= self.on)]
        last_read = np.full(len(self.record), UNKNOWN, np.int64)
        last_read[self.owner[read]] = day[read]  # rows stand in the order of days
        patients, first, counts = runs(self.owner[rows])
        # The last of each patient, of one day the first: the undated stand behind and count before all.
        latest = np.maximum.reduceat(day[rows], first)
        of_that_day = (day[rows] == np.repeat(latest, counts)).nonzero()[0]
        last = rows[of_that_day[np.searchsorted(of_that_day, first)]]
        is_earlier = (latest != UNKNOWN) & (latest < last_read[patients])
        for name, chosen in (("weights unread", ~is_earlier), ("earlier weights unread", is_earlier)):
            saying, which = self.sayings[name], last[chosen]
            fields = {"count": count_words(counts[chosen])}
            fields |= {"day": self._days(which), "value": self._values(which)}
            yield FindingRows(saying, patients[chosen], saying.key, fields=fields, origins=row_each(which))

    def _remarks(self) -> Iterator[FindingRows]:
        record = self.record
        if len(record.notes) < 2:
            return
        rows = self._past_rows((self.forms.note > 0) & self.of_course)
        if not len(rows):
            return
        unknown = np.array([is_set_aside(value) for value in record.values], np.bool_)
        given = np.array([name == "dose_given" for name in record.facts], np.bool_)[record.fact[rows]]
        stated = np.array([STATEMENT in note for note in record.notes], np.bool_)[record.note[rows]]
        # Told as doses without an amount, or on unknown days.
        apart = given & ((record.day[rows] == UNKNOWN) | ~stated)
        here = ~unknown[record.value[rows]] & ~apart
        rows, given = rows[here], given[here]
        entries = self._facts(rows)
        for place in given.nonzero()[0].tolist():
            entries[place] = record.products[record.product[rows[place]]]
        remarks = self._words(record.notes, record.note[rows])
        yield self._each("remark of the record", rows, entry=entries, remark=remarks)

    def _without_amount(self) -> Iterator[FindingRows]:
        record = self.record
        if DOSE_FACTS.isdisjoint(record.facts):
            return
        given = self._of_facts(("dose_given",))
        stated = np.array([STATEMENT in note for note in record.notes], np.bool_)[self.forms.note]
        set_aside = self._of_values(is_set_aside)
        flags = given & ~stated & ~set_aside & ~self._of_values(lambda value: bool(value == "no"))
        flags |= self._of_facts(DOSE_FACTS) & ~given & self._of_values(is_unknown) & ~set_aside
        rows = self._past_rows(flags & self.of_course)
        rows = rows[record.day[rows] != UNKNOWN]
        if not len(rows):
            return
        # By patient and drug: how often, and the first row.
        ranks = np.argsort(np.argsort(np.array(record.products)))
        by_rank = np.argsort(ranks)
        key = self.owner[rows] * len(record.products) + ranks[record.product[rows]]
        order = np.argsort(key, kind="stable")
        kinds, first, counts = runs(key[order])
        owners, drugs = kinds // len(record.products), by_rank[kinds % len(record.products)]
        first_rows = rows[order][first]
        told = [f"{record.products[drug]} {count}" for drug, count in zip(drugs.tolist(), counts.tolist(), strict=True)]
        patients, start, width = runs(owners)
        ends = start + width
        fields = [", ".join(told[a:b]) for a, b in zip(start.tolist(), ends.tolist(), strict=True)]
        origins = [
            first_rows[a : min(b, a + FIRST_ORIGINS)] for a, b in zip(start.tolist(), ends.tolist(), strict=True)
        ]
        saying = self.sayings["doses without an amount"]
        yield FindingRows(saying, patients, saying.key, fields={"drugs": fields}, origins=origins)

    def _orders(self) -> Iterator[FindingRows]:
        """Orders of HER2-directed drugs without an amount: how many of a patient and a drug, and the last."""
        record, doubt = self.record, Doubt()
        absent = self._of_values(lambda value: is_unknown(value) and not is_unread(value))
        if ORDERED not in record.facts or not absent.any():
            return
        rows_of_orders = self._past_rows(absent & self._of_facts((ORDERED,)) & self.of_course)
        orders: dict[tuple[int, int], list[int]] = {}
        for row in rows_of_orders[self.course.of_her2(rows_of_orders)].tolist():
            orders.setdefault((int(self.owner[row]), int(record.product[row])), []).append(row)
        for (patient, product), rows in orders.items():
            last = max(rows, key=lambda row: int(record.day[row]))
            (day,), (value,) = self._days(np.array([last])), self._values(np.array([last]))
            others = [row for row in rows if row != last][: FIRST_ORIGINS - 1]
            doubt.add(
                patient, (last, *others), drug=record.products[product], count=str(len(rows)), day=day, value=value
            )  # fmt: skip
        yield self._of("orders without an amount", doubt)

    def _undated(self) -> Iterator[FindingRows]:
        record = self.record
        rows = self.course.timeline.undated
        if not len(rows):
            return
        given = np.array([name == "dose_given" for name in record.facts], np.bool_)
        no = np.array([value == "no" for value in record.values], np.bool_)
        given |= np.array([name == "death_date" for name in record.facts], np.bool_)
        rows = rows[self.mine[self.owner[rows]] & ~given[record.fact[rows]] & ~no[record.value[rows]]]
        bears = self._bears(rows)
        rest = rows[~bears]
        for name, chosen in (("entry without a day that matters", rows[bears]), ("entry without a day", rest)):
            products = self._words(record.products, record.product[chosen])
            entries = [
                f"{fact} {product}".rstrip() for fact, product in zip(self._facts(chosen), products, strict=True)
            ]
            values = {"value": self._values(chosen)} if chosen is not rest else {}
            yield self._each(name, chosen, entry=entries, **values)

    def _bears(self, rows: Whole) -> Flags:
        """Which of some rows could forbid a dose if their day were known: what ends or holds a therapy, a pregnancy, a
        heart that fails, an order. A course that is over, or has not begun, has no dose for a stop to forbid."""
        record, course = self.record, self.course
        harmless = np.array([value in HARMLESS for value in record.values], np.bool_)[record.value[rows]]
        of_facts = np.array([name in MATTERS for name in record.facts], np.bool_)[record.fact[rows]]
        orders = np.array([name in ORDER_FACTS for name in record.facts], np.bool_)[record.fact[rows]]
        bears = (of_facts & ~harmless) | (orders & course.of_her2(rows))
        (lvefs,) = np.array([name == "lvef" for name in record.facts], np.bool_)[record.fact[rows]].nonzero()
        if len(lvefs):
            bears[lvefs] = self._is_low(rows[lvefs])
        is_over = course.column("therapy_phase") == COMPLETED
        bears &= ~is_over[self.owner[rows]]
        return bears

    def _is_low(self, rows: Whole) -> Flags:
        """Which LVEFs the table calls low or fallen, were they the last; one that is not exactly known may be."""
        course, owner = self.course, self.owner[rows]
        values = [self.record.values[place] for place in self.record.value[rows].tolist()]
        # Of more decimals than a column holds, the lower number: it is low at least as soon.
        lvef = np.array(
            [floor(value * THOUSAND) if isinstance(value, Decimal) else UNKNOWN for value in values], np.int64
        )
        limit, recorded = (course.column(name)[owner] for name in ("lvef_lower_limit", "lvef_baseline"))
        exact, baseline = lvef != UNKNOWN, exactly(recorded)
        columns = {
            "product": course.column("product")[owner],
            "lvef_below_limit": np.where(lvef < limit, YES, NO),
            "lvef_fall": np.where(exact & known(baseline), baseline - lvef, UNKNOWN),
        }
        said = asked(course, "lvef_standing", columns)
        standing = course.rules.knowledge.facts["lvef_standing"].values
        is_low = np.isin(said, [standing.index(word) for word in ("low", "fallen")])
        is_low |= (said < 0) & known(recorded) & ~known(baseline)  # a baseline of which limits are known leaves it open
        low: Flags = np.where(exact, is_low, True)
        return low

    def _dead(self) -> Iterator[FindingRows]:
        rows = self.course.undated_deaths
        rows = rows[self.mine[self.owner[rows]]]
        details = [value.detail if isinstance(value, Unknown) else "" for value in self.record.values]
        yield self._each("dead on an unknown day", rows, death=[details[at] for at in self.record.value[rows].tolist()])

    def _narrowed(self) -> Iterator[FindingRows]:
        rows = self.course.timeline.narrowed
        if not len(rows):
            return
        rows = rows[self.mine[self.owner[rows]] & (self.record.day[rows] <= self.on)]
        fields = {"entry": self._facts(rows), "value": self._values(rows), "day": self._days(rows)}
        yield self._each("limits alone", rows, **fields)

    def _differing(self) -> Iterator[FindingRows]:
        record, doubt = self.record, Doubt()
        for patient, one, other in self.course.latest.differing:
            if self.mine[patient] and record.facts[record.fact[one]] not in SEVERAL:
                day = int(record.day[one])
                doubt.add(
                    patient, (one, other), entry=record.facts[record.fact[one]],
                    value=str(record.values[record.value[one]]), other=str(record.values[record.value[other]]),
                    day=NO_DAY if day == UNKNOWN else day_words(day),
                )  # fmt: skip
        yield self._of("values of a day differ", doubt)

    def _same_day(self) -> Iterator[FindingRows]:
        """How doses that are recorded more than once on a day were taken, each kind once a patient."""
        names = {PARTS: "parts of a dose", ONCE: "dose recorded twice", UNCLEAR: "parts or twice"}
        doses: dict[tuple[str, int, int], list[DayDose]] = {}
        for dose in self.course.same_day:
            if self.mine[dose.patient] and dose.day <= self.on:
                doses.setdefault((dose.verdict, dose.patient, dose.drug), []).append(dose)
        for verdict, name in names.items():
            doubt = Doubt()
            for (said, patient, drug), days in sorted(doses.items()):
                if said == verdict:
                    last = days[-1]
                    unit = "mg/kg" if last.per_kg else "mg"
                    amounts = " + ".join(_mg(amount) for amount in last.amounts)
                    total = "unknown" if last.total == UNKNOWN else f"{_mg(last.total)} {unit}"
                    total += f" in {last.minutes} minutes" if last.minutes else ""
                    doubt.add(
                        patient, last.rows[:FIRST_ORIGINS], drug=self.course.rules.codes.names[drug],
                        times="once" if len(days) == 1 else f"on {len(days)} days", amounts=f"{amounts} {unit}",
                        total=total, day=day_words(last.day),
                    )  # fmt: skip
            yield self._of(name, doubt)


def _mg(thousandths: int) -> str:
    return f"{round(thousandths / 1000, 1):g}"
