"""Proves the entries of a site's mapping against facts, products and codes, before anything is read by them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ..codes import Codes, system_name
from ..fact import Facts
from ..problem import AskedWrongly
from ..value import Unknown
from ..words.units import units
from .entries import DIAGNOSED, KEYS, TESTS, Entry, SiteMapping, bare_system, blank_entry, folded

UNITS_OF = {
    "weight_kg": ("kg", "g", "lb", "oz", "st"), "height_cm": ("cm", "m", "mm", "in", "ft"),
    "tumour_size_mm": ("mm", "cm"), "lvef": ("%",),
}  # fmt: skip
"""The units of `words/units.md` by which an entry may name one, each once."""
UNITS = (*dict.fromkeys(unit for listed in UNITS_OF.values() for unit in listed), "mg", "mcg", "mg/kg", "g/kg", "mg/m2")
"""The units that readers know and convert."""
METHODS = ("echo", "MUGA", "CMR", "CT", "angiogram")
FORMS = "fact; fact and value; answer; product; or unit"


def mapping_of(path: Path, listed: Any, facts: Facts, codes: Codes) -> SiteMapping:
    """The mapping that the `[[map]]` tables of a settings file describe. Raises `AskedWrongly` for a wrong one."""
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise AskedWrongly(f"{path}: map is {listed!r}; expected tables [[map]]")
    checker = _Checker(facts, codes)
    for number, table in enumerate(listed, start=1):
        name = table.get("code") or table.get("name") or ""
        where = f"{path}: [[map]] {number}{f' ({name})' if name else ''}"
        try:
            checker.take(number, table)
        except AskedWrongly as wrong:
            raise AskedWrongly(f"{where}: {wrong}") from wrong
    return SiteMapping(tuple(checker.entries))


class _Checker:
    """Takes entries one by one, each proven by itself and against those before it."""

    def __init__(self, facts: Facts, codes: Codes) -> None:
        self.facts, self.codes = facts, codes
        self.entries: list[Entry] = []
        self._seen: dict[tuple[str, ...], int] = {}
        therapy = codes.therapy
        observed = {measure.fact for measure in therapy.measures.values()}
        stated = {fact for claims in therapy.claims.values() for fact, _ in claims}
        self.observed = {*TESTS, *(name for name in observed | stated if name in facts)}
        self.stated = {*DIAGNOSED, *(name for name in observed | stated if name in facts)}
        drugs = {drug.drug for drug in (*therapy.drugs.values(), *therapy.names.values()) if drug.drug}
        self.products = {*facts["product"].values, *drugs}

    def take(self, number: int, table: Mapping[str, Any]) -> None:
        for key, value in table.items():
            if key not in KEYS:
                raise AskedWrongly(f"{key} is no key{_near(key, KEYS)}; expected some of {', '.join(KEYS)}")
            if not isinstance(value, str) or not value.strip():
                raise AskedWrongly(f"{key} = {value!r}; expected text in quotes")
        entry = blank_entry(number, dict(table))
        if not entry.code and not entry.name:
            raise AskedWrongly("it names neither code nor name; expected system and code, or a name")
        if entry.system and not entry.code:
            raise AskedWrongly(f"system {entry.system!r} without a code; add the code, or drop the system")
        self._one_meaning(entry, table)
        checks: dict[str, Callable[[Entry], None]] = {
            "answer": self._answer, "product": self._product, "unit": self._unit, "statement": self._statement,
            "fact": self._fact,
        }  # fmt: skip
        checks[entry.kind](entry)
        self._require_unknown(entry)
        self._require_new(entry)
        self.entries.append(entry)

    @staticmethod
    def _one_meaning(entry: Entry, table: Mapping[str, Any]) -> None:
        allowed = {
            "answer": ("answer", "fact"), "product": ("product", "brand"), "unit": ("unit",),
            "statement": ("fact", "value"), "fact": ("fact", "unit", "method"),
        }[entry.kind]  # fmt: skip
        said = [key for key in KEYS[3:] if key in table]
        if not said:
            raise AskedWrongly(f"it says nothing of what it means; expected {FORMS}")
        if wrong := [key for key in said if key not in allowed]:
            raise AskedWrongly(f"{wrong[0]} does not go with {entry.kind}; one entry means one thing: {FORMS}")

    def _fact(self, entry: Entry) -> None:
        self._known_fact(entry, self.observed if entry.code else {*self.observed, *self.facts})
        if entry.method and entry.fact != "lvef":
            raise AskedWrongly(f"method {entry.method!r} is for lvef, not for {entry.fact}")
        if entry.method and entry.method not in METHODS:
            raise AskedWrongly(f"no method is called {entry.method!r}; expected one of {', '.join(METHODS)}")
        if not entry.unit:
            return
        own = self.facts[entry.fact].unit
        units = UNITS_OF.get(entry.fact) or ((own,) if own else ())
        if entry.unit not in units:
            expected = f"expected one of {', '.join(units)}" if units else f"{entry.fact} has no unit"
            raise AskedWrongly(f"{entry.fact} is not given in {entry.unit!r}; {expected}")

    def _known_fact(self, entry: Entry, known: Collection[str]) -> None:
        if entry.fact in known:
            return
        if entry.fact in self.facts:
            raise AskedWrongly(f"{entry.fact} is not read from such a code; expected one of {', '.join(sorted(known))}")
        raise AskedWrongly(f"no fact is called {entry.fact!r}{_near(entry.fact, known)}; see facts.md")

    def _statement(self, entry: Entry) -> None:
        self._known_fact(entry, self.stated)
        fact = self.facts[entry.fact]
        if entry.fact in DIAGNOSED:
            if entry.value not in fact.values:
                expected = ", ".join(fact.values)
                raise AskedWrongly(f"{entry.fact} has no value {entry.value!r}; expected one of {expected}")
        elif isinstance(value := fact.coerce(entry.value), Unknown):
            raise AskedWrongly(f"value {entry.value!r}: {value}")

    def _answer(self, entry: Entry) -> None:
        known = dict.fromkeys(self.codes.answers.values())
        if not entry.fact:
            if entry.answer not in known:
                raise AskedWrongly(
                    f"no answer is called {entry.answer!r}; expected one of {', '.join(sorted(known))}, "
                    "or name the fact it answers"
                )
            return
        self._known_fact(entry, self.observed)
        value = self.facts[entry.fact].coerce(entry.answer)
        if isinstance(value, Unknown) and entry.answer not in ("not done", "indeterminate"):
            raise AskedWrongly(f"{entry.fact} cannot be answered {entry.answer!r}: {value}")

    def _product(self, entry: Entry) -> None:
        if entry.product not in self.products:
            near = _near(entry.product, self.products)
            raise AskedWrongly(
                f"no product is called {entry.product!r}{near}; expected one of {', '.join(sorted(self.products))}"
            )
        brands = self.facts["brand"].values
        if entry.brand and entry.brand not in brands:
            raise AskedWrongly(f"no brand is called {entry.brand!r}{_near(entry.brand, brands)}")

    @staticmethod
    def _unit(entry: Entry) -> None:
        if entry.code:
            raise AskedWrongly("a unit is found by its name; write it as name, without system and code")
        if entry.unit not in UNITS:
            raise AskedWrongly(f"no unit is called {entry.unit!r}; expected one of {', '.join(UNITS)}")
        name = folded(entry.name)
        for fact, known in units().items():
            if name in known and known[name] != known.get(entry.unit):
                raise AskedWrongly(f"{entry.name!r} is a unit that is known already, of {fact}")
        if name in UNITS:
            raise AskedWrongly(f"{entry.name!r} is a unit that is known already")

    def _require_unknown(self, entry: Entry) -> None:
        """Raise `AskedWrongly` for a code that the code tables know."""
        if not entry.code or not (system := system_name(entry.system)):
            return
        key, codes = (system, entry.code), self.codes
        diagnosis = " ".join(filter(None, codes.diagnosis(key)))
        claims = " and ".join(f"{fact} {value}" for fact, value in codes.therapy.claim(key))
        drug, measure = codes.therapy.drug(key), codes.therapy.measures.get(key)
        known = (
            codes.tests.get(key) or codes.answers.get(key) or diagnosis or claims
            or (drug.drug if drug else "") or (measure.fact if measure else "")
        )  # fmt: skip
        if known or codes.knows(key):
            what = f"{system} {entry.code} is known already as {known or 'a code of which nothing is read'}"
            raise AskedWrongly(f"{what}; a mapping adds, and changes nothing")

    def _require_new(self, entry: Entry) -> None:
        """Raise `AskedWrongly` for a code or name that an entry before says already."""
        kind = entry.kind if entry.kind in ("answer", "unit") else ""
        about = entry.fact if kind == "answer" else ""
        found = (bare_system(entry.system), entry.code) if entry.code else ("", folded(entry.name))
        key = (kind, about, "code" if entry.code else "name", *found)
        if before := self._seen.get(key):
            raise AskedWrongly(f"[[map]] {before} says already what {entry.found_by} is; keep one of the two")
        self._seen[key] = entry.number


def _near(word: str, known: Collection[str]) -> str:
    import difflib  # needed only for what is wrong

    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
