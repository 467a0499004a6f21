"""Doubts of HER2-directed drugs that stand in a record without a dose that could be read, and the heart beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ...history.course_facts import known
from ...history.evidence import Evidence
from ...history.names import LVEF, last_day_of
from ...record.columns import UNKNOWN, Flags, Whole
from ...record.event import BILLED, DISPENSED, DOSE_NOT_READ, MENTIONED, NOT_KNOWN, ORDER_NOT_READ, PERFORMED
from ..rows import FindingRows
from .doubt import FIRST_ORIGINS, NO_DAY, Doubt, DoubtMaker, runs
from .words import day_words

THOUSAND = 1000
SHOWN = (DISPENSED, PERFORMED, BILLED)
"""How a drug stands there that is known, without a dose."""


class EvidenceDoubts(DoubtMaker):
    """Of HER2-directed drugs without a dose that could be read, and of the heart beside them."""

    def makers(self) -> Sequence[Callable[[], Iterable[FindingRows]]]:
        if self._evidence is None:
            return (self._heart,)
        return (self._alone, self._later, self._not_counted, self._shown_later, self._orders, self._heart)

    @property
    def _evidence(self) -> Evidence | None:
        return self.course.evidence

    def _rows(self, flags: Flags, values: Iterable[str] | None = None) -> Whole:
        """The rows of marked patients that have some values; of any value without."""
        assert self._evidence is not None
        rows = self._evidence.rows
        rows = rows[flags[self.owner[rows]] & self.mine[self.owner[rows]]]
        return rows if values is None else rows[self._having(rows, values)]

    def _having(self, rows: Whole, values: Iterable[str]) -> Flags:
        """Which rows say one of some values."""
        assert self._evidence is not None
        wanted, said = set(values), self._evidence.said
        return np.array([said[row] in wanted for row in rows.tolist()], np.bool_)

    def _summed(self, name: str, rows: Whole, last: Whole | None = None) -> FindingRows:
        """A doubt of each patient of some rows: what stands there, how often, and when."""
        record, doubt = self.record, Doubt()
        patients, first, counts = runs(self.owner[rows])
        for patient, start, count in zip(patients.tolist(), first.tolist(), counts.tolist(), strict=True):
            part = rows[start : start + count]
            fields = {"entries": self._entries(part)}
            if last is not None:
                fields["last"] = day_words(int(last[patient]))
            days = record.day[part]
            days = days[days != UNKNOWN]
            fields["day"] = day_words(int(days.max())) if len(days) else NO_DAY
            doubt.add(patient, part[-FIRST_ORIGINS:].tolist(), **fields)
        return self._of(name, doubt)

    def _entries(self, rows: Whole) -> str:
        """Rows in words: the drug or what was said of it, what is recorded, how often, from when to when."""
        assert self._evidence is not None
        record = self.record
        groups: dict[tuple[str, str], list[int]] = {}
        for row in rows.tolist():
            name = record.products[record.product[row]] or record.saids[record.said[row]][:60] or "no name"
            groups.setdefault((name, self._evidence.said[row]), []).append(int(record.day[row]))
        words = []
        for (name, value), days in groups.items():
            dated = sorted(day for day in days if day != UNKNOWN)
            span = "no date"
            if dated:
                span = day_words(dated[0])
                span += f" to {day_words(dated[-1])}" if dated[-1] != dated[0] else ""
            times = f", {len(days)} times" if len(days) > 1 else ""
            words.append(f"{name} ({value}{times}, {span})")
        return "; ".join(words[:FIRST_ORIGINS]) + (f"; and {len(words) - FIRST_ORIGINS} more" if len(words) > 3 else "")

    def _alone(self) -> Iterator[FindingRows]:
        """No dose is read at all: the gravest of what is recorded says how it is told."""
        assert self._evidence is not None
        rows = self._rows(self._evidence.alone)
        left = np.ones(len(rows), np.bool_)
        for name, values in (
            ("doses unread", (DOSE_NOT_READ, MENTIONED)), ("drug without doses", SHOWN),
            ("drugs not known", (NOT_KNOWN,)),
        ):  # fmt: skip
            chosen = left & self._having(rows, values)
            yield self._summed(name, rows[chosen])
            left &= ~np.isin(self.owner[rows], self.owner[rows[chosen]])

    def _later(self) -> Iterator[FindingRows]:
        assert self._evidence is not None
        last = self.course.state["any_last_day"]
        rows = self._rows(self._evidence.later, (DOSE_NOT_READ,))
        yield self._summed("later doses unread", self._from_day_on(rows, last + 1), last)
        nameless = self._rows(known(last), (NOT_KNOWN,))
        yield self._summed("drug not named later", self._from_day_on(nameless, last + 1), last)

    def _orders(self) -> Iterator[FindingRows]:
        """Orders that could not be read, no dose after them: what is ordered now is not known."""
        last = self.course.state["any_last_day"]
        yield self._summed("order unread", self._from_day_on(self._rows(self.mine, (ORDER_NOT_READ,)), last))

    def _not_counted(self) -> Iterator[FindingRows]:
        last = self.course.state["any_last_day"]
        rows = self._rows(known(last), (DOSE_NOT_READ,))
        day = self.record.day[rows]
        yield self._summed("doses unread beside others", rows[(day != UNKNOWN) & (day <= last[self.owner[rows]])], last)

    def _shown_later(self) -> Iterator[FindingRows]:
        """A product that is dispensed, performed or billed after its last dose, or without one, beside other doses."""
        state, record = self.course.state, self.record
        begun = state["any_last_day"]
        rows = self._rows(known(begun), SHOWN)
        later = np.zeros(len(rows), np.bool_)
        for place, row in enumerate(rows.tolist()):
            product, day = record.products[record.product[row]], int(record.day[row])
            lasts = [int(state[last_day_of(name)][self.owner[row]]) for name in self._alike(product)]
            later[place] = day != UNKNOWN and day > max(lasts, default=UNKNOWN)
        yield self._summed("drug without doses later", rows[later], begun)

    def _alike(self, product: str) -> list[str]:
        """The products that a code of the substance may stand for: it does not say which route."""
        codes = self.course.rules.codes
        listed = codes.page.products
        if product not in codes.products:
            return []
        own = (listed[product].family == "conjugate", listed[product].holds - {"hyaluronidase"})
        return [
            name
            for name in codes.products
            if name == product
            or (own[1] and own == (listed[name].family == "conjugate", listed[name].holds - {"hyaluronidase"}))
        ]

    @property
    def _not_followed(self) -> Flags:
        """Of whom doses are recorded, but none on a day of its own, so that no rule of the heart is asked."""
        course = self.course
        flags = course.of_statement.copy()
        flags[self.owner[course.undated_doses]] = True
        if self._evidence is not None:
            flags |= self._evidence.alone
        followed: Flags = known(course.values["therapy_phase"])
        return flags & ~followed & self.mine

    def _heart(self) -> Iterator[FindingRows]:
        """An LVEF below the limit, or below an earlier one, of a patient whose therapy may run and is not followed.

        Of several on the last day the lowest counts, as everywhere.
        """
        course, timeline = self.course, self.course.timeline
        limit = int(course.rules.site.limit * THOUSAND)
        below, fallen = Doubt(), Doubt()
        for patient in np.flatnonzero(self._not_followed).tolist():
            part = timeline.of(patient)
            places = np.arange(part.start, part.stop)
            places = places[(timeline.kind[part] == LVEF) & (timeline.day[part] <= self.on)]
            if not len(places):
                continue
            of_last_day = places[timeline.day[places] == timeline.day[places[-1]]]
            last = int(of_last_day[np.argmin(timeline.number[of_last_day])])
            earlier = places[timeline.day[places] < timeline.day[last]]
            highest = int(earlier[np.argmax(timeline.number[earlier])]) if len(earlier) else last
            number, most = int(timeline.number[last]), int(timeline.number[highest])
            doubt = below if number < limit else fallen if number < most else None
            if doubt is not None:
                fields = {"value": f"{number / THOUSAND:g}", "day": day_words(int(timeline.day[last]))}
                fields |= {"highest": f"{most / THOUSAND:g}", "from": day_words(int(timeline.day[highest]))}
                doubt.add(patient, timeline.rows[[highest, last] if highest != last else [last]].tolist(), **fields)
        yield self._of("LVEF low beside unread therapy", below)
        yield self._of("LVEF fallen beside unread therapy", fallen)
