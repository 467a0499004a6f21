"""Doubts of a course: of the heart and the doses as they were followed, and what was assumed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property

import numpy as np

from ...facts.pages.products import TABLET
from ...history.course_facts import known
from ...history.kinds import DOSE_FACTS
from ...history.names import NO, ORDER, YES
from ...history.sources import BASELINE, LAST_DOSE, LVEF
from ...record.columns import METHODS, UNKNOWN, Flags, Whole
from ..rows import FindingRows, row_runs
from .doubt import FIRST_ORIGINS, NO_ROWS, Doubt, DoubtMaker, Same, is_unknown, is_unread, runs
from .words import THOUSAND, day_words, plain_number


class CourseDoubts(DoubtMaker):
    """Of each course: LVEFs that cannot be compared, drugs and days not followed, what was assumed."""

    def makers(self) -> Sequence[Callable[[], Iterable[FindingRows]]]:
        return (
            self._same_day, self._methods, self._other_hold, self._not_asked, self._strange, self._restarted,
            self._brands, self._unread_lvef, self._unread_potential, self._unread_reaction, self._unread_dyspnoea,
            self._unread_ends, self._unread_pregnancy, self._two_orders,
            self._unknown_days, self._levels, self._cost, self._assumed, self._cycles,
            self._silence,
        )  # fmt: skip

    # -- the heart --------------------------------------------------------------------------

    def _same_day(self) -> Iterator[FindingRows]:
        state, record, timeline = self.course.state, self.record, self.course.timeline
        twice = state["same_day_day"]
        if not (known(twice) & self.mine).any():
            return
        lvef = np.array([name == "lvef" for name in record.facts], np.bool_)
        rows = timeline.rows[timeline.day == twice[self.owner[timeline.rows]]]
        rows = rows[lvef[record.fact[rows]] & self.mine[self.owner[rows]]]
        said, values = self._words(record.saids, record.said[rows]), self._values(rows)
        patients, first, counts = runs(self.owner[rows])
        doubt = Doubt()
        for patient, start, count in zip(patients.tolist(), first.tolist(), counts.tolist(), strict=True):
            words = " and ".join(dict.fromkeys(said[place] or values[place] for place in range(start, start + count)))
            doubt.add(patient, rows[start : start + count].tolist(), day=day_words(int(twice[patient])), value=words)
        yield self._of("two LVEFs on one day", doubt)

    def _methods(self) -> Iterator[FindingRows]:
        state, doubt = self.course.state, Doubt()
        first, last = state["baseline_method"], state["lvef_method"]
        flags = (first > 0) & (last > 0) & (first != last) & self.mine
        if not flags.any():
            return
        parts = [self.sources.of(source) for source in (LVEF, BASELINE)]
        for patient in np.flatnonzero(flags).tolist():
            rows = [row for starts, listed in parts for row in listed[starts[patient] : starts[patient + 1]].tolist()]
            doubt.add(patient, rows, method=METHODS[last[patient]], baseline_method=METHODS[first[patient]])
        yield self._of("methods of LVEF differ", doubt)

    def _other_hold(self) -> Iterator[FindingRows]:
        day = self.course.state["other_hold_day"]
        yield self._at("hold for another reason", known(day), day, ("hold_recorded",))

    def _not_asked(self) -> Iterator[FindingRows]:
        """Holds recorded for the heart that no LVEF asked for."""
        state = self.course.state
        is_open, day, doubt = state["hold_not_asked"] == 1, state["hold_day"], Doubt()
        yield self._at("hold not asked for", is_open, day, ("hold_recorded",))
        for patient in np.flatnonzero((state["holds_not_asked"] > 0) & self.mine).tolist():
            doubt.add(patient, count=str(int(state["holds_not_asked"][patient])))
        yield self._of("holds not asked for", doubt)

    def _unread_lvef(self) -> Iterator[FindingRows]:
        """The last LVEF could not be read: the heart is judged by one before it, if there is one."""
        record, state = self.record, self.course.state
        rows = self._past_rows(self._of_values(is_unknown) & self._of_facts(("lvef",)))
        rows = rows[record.day[rows] != UNKNOWN]
        last, started = state["lvef_day"], known(state["first_ever_day"])
        owner = self.owner[rows]
        rows, doubt = rows[(record.day[rows] > last[owner]) & started[owner]], Doubt()
        for patient, row in dict(zip(self.owner[rows].tolist(), rows.tolist(), strict=True)).items():
            day = int(last[patient])
            judged = "none other is recorded" if day == UNKNOWN else f"the heart is judged by that of {day_words(day)}"
            said = record.saids[record.said[row]] or str(record.values[record.value[row]])
            doubt.add(patient, (row,), day=day_words(int(record.day[row])), value=said, judged=judged)
        yield self._of("last LVEF unread", doubt)
        yield from self._unread_before_last()

    def _unread_before_last(self) -> Iterator[FindingRows]:
        """An LVEF before the last could not be read, so late that a hold which it asked for would not be over; beside
        another one of its day it says nothing."""
        record, last, doubt = self.record, self.course.state["lvef_day"], Doubt()
        of_lvef = self._past_rows(self._of_facts(("lvef",)))
        unread = self._past_rows(self._of_values(is_unknown) & self._of_facts(("lvef",)))
        owner, day, rules = self.owner[unread], record.day[unread], self.course.rules
        first = self.course.state["first_ever_day"][owner]
        open_since = rules.on.toordinal() - rules.codes.numbers.earliest_resume_days
        rows = unread[(day > open_since) & (day < last[owner]) & known(first) & (day >= first)]
        is_unread = np.zeros(len(self.record.day), np.bool_)
        is_unread[unread] = True
        read = of_lvef[~is_unread[of_lvef]]
        beside = set(zip(self.owner[read].tolist(), record.day[read].tolist(), strict=True))
        for row in rows.tolist():
            patient, told = int(self.owner[row]), int(record.day[row])
            if (patient, told) not in beside:
                said = record.saids[record.said[row]] or str(record.values[record.value[row]])
                doubt.add(patient, (row,), day=day_words(told), value=said)
        yield self._of("LVEF unread before the last", doubt)

    def _unread_potential(self) -> Iterator[FindingRows]:
        """Whether a pregnancy is possible, or the menopause, stands there and could not be read, and nothing else says
        it: neither a pregnancy test nor sex or menopause."""
        record, course = self.record, self.course
        facts = "reproductive_potential", "menopausal_status"
        rows = self._past_rows(self._of_values(is_unread) & self._of_facts(facts))
        if not len(rows):
            return
        told = known(course.column("reproductive_potential"))
        for name in ("pregnancy_status_known", "pregnancy_told_since"):
            told |= course.column(name) == YES
        doubt = Doubt()
        for row in rows[~told[self.owner[rows]]].tolist():
            doubt.add(int(self.owner[row]), (row,), value=str(record.values[record.value[row]]))
        yield self._of("reproductive potential unread", doubt)

    def _unread_reaction(self) -> Iterator[FindingRows]:
        """A reaction to an infusion that is recorded and could not be read may have been severe."""
        rows = self._past_rows(self._of_values(is_unread) & self._of_facts(("infusion_reaction",)))
        doubt = Doubt()
        for row in rows.tolist():
            value = str(self.record.values[self.record.value[row]])
            doubt.add(int(self.owner[row]), (row,), day=day_words(int(self.record.day[row])), value=value)
        yield self._of("reaction unread", doubt)

    def _unread_ends(self) -> Iterator[FindingRows]:
        """A stop, a hold or a progression that could not be read, and no dose after it: whether it goes on is open."""
        last = self.course.state["any_last_day"]
        for name, fact in (
            ("stop unread", "stop_recorded"), ("hold unread", "hold_recorded"), ("progression unread", "progression")
        ):  # fmt: skip
            rows = self._unread_since((fact,), fact != "progression")
            rows = rows[known(last)[self.owner[rows]]]
            yield self._each_entry(name, self._from_day_on(rows, last))

    def _unread_pregnancy(self) -> Iterator[FindingRows]:
        """What was said last of a pregnancy could not be read, of somebody in whom one is not ruled out."""
        rows = self._unread_since(("pregnant", "pregnancy_test"), False)
        is_possible = self.course.column("reproductive_potential") != NO
        yield self._each_entry("pregnancy unread", rows[is_possible[self.owner[rows]]])

    def _unread_since(self, facts: tuple[str, ...], blank: bool) -> Whole:
        """The rows of some facts that could not be read, and none read of a later day; whether a blank counts."""
        unread = self._of_values(is_unknown if blank else is_unread)
        rows = self._past_rows(unread & self._of_facts(facts))
        if not len(rows):
            return rows
        read = self.forms.having(~self._of_values(is_unknown) & self._of_facts(facts))
        read = read[self.record.day[read] <= self.on]
        last = np.full(len(self.course), UNKNOWN, np.int64)
        np.maximum.at(last, self.owner[read], self.record.day[read])
        return self._from_day_on(rows, last)

    def _each_entry(self, name: str, rows: Whole) -> FindingRows:
        return self._each(name, rows, day=self._days(rows), value=self._values(rows))

    def _unread_dyspnoea(self) -> Iterator[FindingRows]:
        """Dyspnoea at rest is recorded and could not be read, and no later entry says whether it stands."""
        yield self._each_entry("dyspnoea unread", self._unread_since(("dyspnoea_at_rest",), False))

    # -- doses ------------------------------------------------------------------------------

    def _two_orders(self) -> Iterator[FindingRows]:
        """Before the start two antibodies or conjugates are ordered that no therapy gives together."""
        timeline, codes, state = self.course.timeline, self.course.rules.codes, self.course.state
        alone = np.array([codes.product(name).family != TABLET for name in codes.products], np.bool_)
        alone &= codes.arrays.partner[: len(alone)] == 0
        (places,) = ((timeline.kind == ORDER) & (timeline.code < len(alone)) & (timeline.day <= self.on)).nonzero()
        owner = self.owner[timeline.rows[places]]
        fits = alone[timeline.code[places]] & self.mine[owner] & ~known(state["first_ever_day"])[owner]
        fits &= timeline.day[places] == state["order_day"][owner]
        doubt = Doubt()
        drugs: dict[int, dict[str, int]] = {}
        for place, patient in zip(places[fits].tolist(), owner[fits].tolist(), strict=True):
            drugs.setdefault(patient, {})[codes.products[timeline.code[place]]] = int(timeline.rows[place])
        for patient, listed in drugs.items():
            if len(listed) > 1:
                day = day_words(int(state["order_day"][patient]))
                doubt.add(patient, listed.values(), drugs=" and ".join(sorted(listed)), day=day)
        yield self._of("two orders", doubt)

    def _strange(self) -> Iterator[FindingRows]:
        record = self.record
        drugs: dict[int, set[str]] = {}
        named = np.array([bool(name) for name in record.products], np.bool_)[self.forms.product]
        rows = self.course.timeline.unplaced
        rows = rows[record.day[rows] <= self.on]
        rows = rows[self.forms.at(named & self._of_facts(DOSE_FACTS), rows) & self.mine[self.owner[rows]]]
        for row in rows[record.day[rows] <= self.on].tolist():  # what has no day is not later
            drugs.setdefault(int(self.owner[row]), set()).add(record.products[record.product[row]])
        doubt = Doubt()
        for patient, products in drugs.items():
            doubt.add(patient, drugs=", ".join(sorted(products)))
        yield self._of("drugs not followed", doubt)

    def _restarted(self) -> Iterator[FindingRows]:
        state = self.course.state
        yield self._at("course began anew", state["courses"] > 1, state["first_day"], DOSE_FACTS)

    def _brands(self) -> Iterator[FindingRows]:
        record, timeline = self.record, self.course.timeline
        infused = np.array([name == "trastuzumab-iv" for name in record.products], np.bool_)[self.forms.product]
        named = (self.forms.qualifier > 0) & infused & self._of_facts(DOSE_FACTS)
        if not named.any():
            return
        rows = timeline.rows[timeline.day <= self.on]
        rows = rows[self.forms.at(named, rows) & self.mine[self.owner[rows]]]
        # Only who has two brands is looked at one by one.
        first = np.full(len(record), -1, np.int64)
        first[self.owner[rows][::-1]] = record.qualifier[rows][::-1]
        several = np.zeros(len(record), np.bool_)
        several[self.owner[rows][record.qualifier[rows] != first[self.owner[rows]]]] = True
        if not several.any():
            return
        doubt = Doubt()
        brands: dict[int, dict[str, str]] = {}
        for row in rows[several[self.owner[rows]]].tolist():
            days = brands.setdefault(int(self.owner[row]), {})
            days.setdefault(record.qualifiers[record.qualifier[row]], day_words(int(record.day[row])))
        for patient, days in brands.items():
            doubt.add(patient, brands=", then ".join(f"{brand} from {day}" for brand, day in days.items()))
        yield self._of("brands changed", doubt)

    def _unknown_days(self) -> Iterator[FindingRows]:
        record = self.record
        if not len(self.course.undated_doses):
            return
        drugs: dict[int, list[int]] = {}
        started = known(self.course.state["first_ever_day"])
        for row in self.course.undated_doses.tolist():
            if self.mine[self.owner[row]] and (self._treated[self.owner[row]] or not started[self.owner[row]]):
                drugs.setdefault(int(self.owner[row]), []).append(row)
        alone, beside = Doubt(), Doubt()
        for patient, rows in drugs.items():
            names = sorted({record.products[record.product[row]] for row in rows})
            doubt = beside if started[patient] else alone
            doubt.add(patient, rows[:FIRST_ORIGINS], drugs=", ".join(names))
        yield self._of("doses on unknown days", alone)
        yield self._of("doses on unknown days beside others", beside)

    def _levels(self) -> Iterator[FindingRows]:
        """Dose levels once reduced, raised again, or not told, of whom the product in hand goes on."""
        course, given = self.course, self.course.levels
        if given is None:
            return
        phases = course.rules.knowledge.facts["therapy_phase"].values
        phase = course.values["therapy_phase"]
        going = self._treated & ((phase == phases.index("on treatment")) | (phase == phases.index("on hold")))
        level, per_kg = course.column("dose_level"), course.column("level_mg_per_kg")
        reduced, raised = Doubt(), Doubt()
        for patient in np.flatnonzero(going & known(given.day) & (given.level > 0)).tolist():
            words = {
                "level": plain_number(Decimal(int(given.per_kg[patient])) / THOUSAND),
                "day": day_words(int(given.day[patient])),
            }
            row, last = int(given.row[patient]), int(given.last_row[patient])
            if given.raised[patient]:
                amount = plain_number(Decimal(int(given.last_per_kg[patient])) / THOUSAND)
                raised.add(
                    patient, (row, last), given=amount, raised_day=day_words(int(self.record.day[last])), **words
                )
            else:
                reduced.add(patient, (row,), **words)
        yield self._of("dose level reduced", reduced)
        yield self._of("dose level raised", raised)
        yield self._where("dose level not told", going & given.not_told)
        yield self._where("earlier dose level not told", going & given.some_not_told & ~given.not_told)
        yield self._where("no dose level left", going & known(level) & ~known(per_kg) & known(given.last_row))

    # -- what was assumed -------------------------------------------------------------------

    @cached_property
    def _treated(self) -> Flags:
        """Who began and lives."""
        alive = self.course.rules.knowledge.facts["alive"].values.index("no")
        treated: Flags = known(self.course.state["first_ever_day"]) & (self.course.values["alive"] != alive) & self.mine
        return treated

    def _cost(self) -> Iterator[FindingRows]:
        """What the doses given so far cost by the site's own prices."""
        site, record = self.course.rules.site, self.record
        if not site.prices:
            return
        totals: dict[int, tuple[Decimal, int]] = {}
        timeline = self.course.timeline
        treated = self._treated
        for row in timeline.rows[timeline.day <= self.on].tolist():
            patient, fact = int(self.owner[row]), record.facts[record.fact[row]]
            if (
                not treated[patient]
                or fact not in DOSE_FACTS
                or record.products[record.product[row]] not in self.course.rules.codes.products
            ):
                continue
            total, unpriced = totals.get(patient, (Decimal(0), 0))
            value, brand = record.values[record.value[row]], record.qualifiers[record.qualifier[row]]
            if fact == "dose_mg" and isinstance(value, Decimal) and brand in site.prices:
                totals[patient] = total + value * site.prices[brand], unpriced
            else:
                totals[patient] = total, unpriced + 1
        whole, in_part = Doubt(), Doubt()
        for patient, (total, unpriced) in totals.items():
            if total:
                cost = f"{total:.2f} {site.currency}".rstrip()
                if unpriced:
                    in_part.add(patient, cost=cost, count=str(unpriced))
                else:
                    whole.add(patient, cost=cost)
        yield self._of("cost so far", whole)
        yield self._of("cost so far in part", in_part)

    def _assumed(self) -> Iterator[FindingRows]:
        site = self.course.rules.site
        if "lvef_lower_limit" in site.assumed:
            saying = self.sayings["limit of LVEF assumed"]
            patients = np.flatnonzero(self._treated)
            yield FindingRows(
                saying, patients, saying.key, fields={"limit": Same(str(site.limit), len(patients))}, origins=NO_ROWS
            )
        facts = self.course.rules.knowledge.facts
        interval = self.outcomes.get("echo_interval")
        if interval is not None:
            flags = self._treated & (interval == facts["echo_interval"].values.index("not stated"))
            flags &= self.course.values["therapy_phase"] == facts["therapy_phase"].values.index("on treatment")
            yield self._where("no interval in the label", flags)

    def _cycles(self) -> Iterator[FindingRows]:
        course, doubt = self.course, Doubt()
        facts = course.rules.knowledge.facts
        flags = self._treated & (course.column("setting") == facts["setting"].values.index("adjuvant"))
        flags &= course.values["therapy_phase"] == facts["therapy_phase"].values.index("on treatment")
        if not flags.any():
            return
        codes = course.rules.codes
        for place, product in enumerate(codes.products):
            cycles = codes.product(product).cycles
            if not cycles:
                continue
            for patient in np.flatnonzero(flags & (course.values["product"] == place)).tolist():
                doubt.add(patient, count=str(int(course.state["product_doses"][patient])), cycles=str(cycles))
        yield self._of("cycle of so many", doubt)

    def _silence(self) -> Iterator[FindingRows]:
        flags = self._treated & ~known(self.course.values["therapy_phase"])
        if not flags.any():
            return
        starts, rows = self.sources.of(LAST_DOSE)
        saying, patients = self.sayings["silence"], np.flatnonzero(flags)
        origins = row_runs(rows, starts[patients], starts[patients + 1] - starts[patients])
        yield FindingRows(saying, patients, saying.key, origins=origins)
