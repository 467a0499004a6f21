"""A site's mapping on the way into the readers: in the place of a local code stands the entry that says what it means.

A head is mapped before it is asked whether its resource matters, a resource before it is read; whatever reads it then
meets a code of the tables. What was mapped keeps its words, unless the site vouches for just these, and says by which
entries it was read (`Resource.mapped`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ...facts.codes import Codes, system_name
from ...facts.mapping.entries import SITE_SYSTEM, TESTS, Entry, SiteMapping, bare_system, folded, mark_of
from ...facts.number import parse_number
from ..coding import Coded, coded_of
from .answer import codings_of
from .head import Coding, Concept, Head

MOST_KEPT = 100_000
NOT_READ = ("meta", "text", "note", "identifier", "category", "reasonCode", "reason", "extension", "modifierExtension")
"""Fields of which nothing is read as what they stand in: a reason for a drug is no diagnosis."""
OF_MEDICATION = ("medicationReference", "medication", "ingredient", "product", "contained")
"""Fields that name a medication, or what one is made of."""
NOT_PARSED = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
OF_CONCEPT = {"coding", "text", "id", "extension"}
OF_TESTS = {means: fact for fact, means in TESTS.items()}
_encoder = msgspec.json.Encoder(decimal_format="number")
Find = Callable[[str], Any]
"""Gives the medication of the source that a reference names; `None` where there is none."""
DEEPEST = 3
"""Medications that are made of others: so far they are followed."""
_Key = tuple[Coded, ...]


@dataclass(slots=True)
class _Mapped:
    """The entries met in a resource, and the fact that its value answers."""

    entries: list[Entry] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def note(self, entry: Entry) -> None:
        self.numbers.add(entry.number)


class Translator:
    """Puts the entries of a site's mapping in the place of its local codes, names, answers and units."""

    def __init__(self, codes: Codes, mapping: SiteMapping) -> None:
        self.codes, self.mapping = codes, mapping
        self._found: dict[tuple[_Key, str], Entry | None] = {}

    # -- heads --------------------------------------------------------------------------------

    def head(self, head: Head) -> Head:
        """A head with the entries in the place of what they map; the same head where none is met."""
        mapped: Head = self._struct(head)
        return mapped

    def _struct(self, struct: Any) -> Any:
        if isinstance(struct, Concept):
            return self._concept_of_head(struct)
        changed = {}
        for name in struct.__struct_fields__:
            value = getattr(struct, name)
            if isinstance(value, msgspec.Struct):
                new: Any = self._struct(value)
            elif isinstance(value, list):
                new = [self._struct(one) if isinstance(one, msgspec.Struct) else one for one in value]
                if all(one is other for one, other in zip(new, value, strict=True)):
                    continue
            else:
                continue
            if new is not value:
                changed[name] = new
        return msgspec.structs.replace(struct, **changed) if changed else struct

    def _concept_of_head(self, concept: Concept) -> Concept:
        codings = tuple((coding.system, coding.code, coding.display) for coding in concept.coding)
        entry = self.entry_of(codings, concept.text or "")
        if entry is None:
            return concept
        kept = [coding for coding in concept.coding if not _is_of(entry, coding.system, coding.code, coding.display)]
        text = concept.text if concept.text and not _vouched(entry, concept.text) else None
        display = next((c.display for c in concept.coding if _is_of(entry, c.system, c.code, c.display)), None)
        display = display if display and not _vouched(entry, display) else None
        return Concept([Coding(SITE_SYSTEM, entry.key, display), *kept], text)

    # -- what an entry is found by ------------------------------------------------------------

    def entry_of(self, codings: _Key, text: str) -> Entry | None:
        """The entry of a concept that is no answer: by its codes, else, where the tables know none, by its names."""
        key = (codings, text)
        if key in self._found:
            return self._found[key]
        entry = self._find(codings, text)
        if len(self._found) < MOST_KEPT:
            self._found[key] = entry
        return entry

    def _find(self, codings: _Key, text: str) -> Entry | None:
        mapping = self.mapping
        for system, code, _ in codings:
            if (entry := mapping.codes.get((bare_system(system), (code or "").strip()))) is not None:
                return entry
        codes = self.codes
        if not mapping.names or any(codes.knows((system_name(s), (code or "").strip())) for s, code, _ in codings):
            return None
        words = [text, *(display or "" for _, _, display in codings)]
        return next((entry for word in words if word and (entry := mapping.names.get(folded(word)))), None)

    def speaks(self, text: str) -> bool:
        """Whether the text of a resource that cannot be read has a code or a name of the mapping in it."""
        plain = folded(text)
        return any(
            f'"{entry.code}"' in text if entry.code else f'"{folded(entry.name)}"' in plain
            for entry in self.mapping.entries
        )

    # -- resources ----------------------------------------------------------------------------

    def group(self, group: Any, find: Find) -> Any:
        """A group of resources as the site's mapping reads them, its medications too.

        A resource that cannot be parsed stays as it stands: its reader says what is wrong with it.
        """
        resources = []
        for resource in group.resources:
            try:
                resources.append(self.resource(resource, find))
            except NOT_PARSED:
                resources.append(resource)
        return replace(group, resources=resources, medications=MappedMedications(self, group.medications))

    def resource(self, resource: Any, find: Find) -> Any:
        """A resource with the entries in the place of what they map; the same resource where none is met."""
        if resource.mapped:
            return resource
        content = resource.parsed()
        met = _Mapped()
        mapped = self._value(content, "", met, "")
        for medication in self._named(content, find):
            met.numbers |= self._entries_in(medication)
        if not met.numbers:
            return resource
        if mapped is content:
            return replace(resource, mapped=mark_of(sorted(met.numbers)))
        return replace(
            resource, head=self.head(resource.head), raw=_encoder.encode(mapped), content=mapped,
            mapped=mark_of(sorted(met.numbers)),
        )  # fmt: skip

    def _named(self, content: Mapping[str, Any], find: Find, depth: int = 0) -> Iterator[Any]:
        """The medications of the source that a resource names, and those that they are made of."""
        for name in OF_MEDICATION if depth < DEEPEST else ():
            for reference in _references(content.get(name)):
                if (medication := find(reference)) is None:
                    continue
                try:
                    within = medication.parsed()
                except NOT_PARSED:
                    continue
                yield medication
                yield from self._named(within, find, depth + 1)

    def _entries_in(self, resource: Any) -> set[int]:
        met = _Mapped()
        self._value(resource.parsed(), "", met, "")
        return met.numbers

    def _value(self, value: Any, name: str, met: _Mapped, fact: str) -> Any:
        """A value of the field `name`, mapped; the same object where nothing of it is."""
        if isinstance(value, list):
            items = [self._value(item, name, met, fact) for item in value]
            return value if all(one is other for one, other in zip(items, value, strict=True)) else items
        if not isinstance(value, dict):
            return value
        if _is_concept(value):
            concept = self._answer(value, met, fact) if _is_answer(name) else self._concept(value, met)
            if concept is value and name == "conclusionCode":
                concept = self._concept(value, met)
            if concept is not value:
                return concept
        if "value" in value and (isinstance(value.get("unit"), str) or isinstance(value.get("code"), str)):
            return self._quantity(value, met)
        entry = self._entry_of(value.get("code"))
        own = fact if entry is None and "code" not in value else self._fact_of(value.get("code"), entry)
        mapped = {
            key: item if key in NOT_READ else self._value(item, key, met, own) for key, item in value.items()
        }  # fmt: skip
        for key in ("valueString",):
            if isinstance(said := mapped.get(key), str) and (worded := self._worded(said, own, met)) is not None:
                mapped["valueCodeableConcept"] = worded
                del mapped[key]
        if entry is not None and entry.unit and entry.fact:
            self._with_unit(mapped, entry)
        same = mapped.keys() == value.keys() and all(mapped[key] is value[key] for key in value)
        return value if same else mapped

    def _entry_of(self, concept: Any) -> Entry | None:
        if not isinstance(concept, dict):
            return None
        return self.entry_of(_codings(concept), _text(concept))

    def _fact_of(self, concept: Any, entry: Entry | None) -> str:
        """The fact that an observation of a concept measures, "" where it is none that is known."""
        if entry is not None:
            return entry.fact
        if not isinstance(concept, dict):
            return ""
        for system, code, _ in _codings(concept):
            key = (system_name(system), (code or "").strip())
            if means := self.codes.tests.get(key):
                return OF_TESTS.get(means, "")
            if measure := self.codes.therapy.measures.get(key):
                return measure.fact
        return ""

    def _concept(self, concept: dict[str, Any], met: _Mapped) -> dict[str, Any]:
        entry = self._entry_of(concept)
        return concept if entry is None else _put(concept, entry, met)

    def _answer(self, concept: dict[str, Any], met: _Mapped, fact: str) -> dict[str, Any]:
        mapping = self.mapping
        codings = _codings(concept)
        for system, code, _ in codings:
            listed = mapping.answer_codes.get((bare_system(system), (code or "").strip()), ())
            if (entry := mapping.answer(listed, fact)) is not None:
                return _put(concept, entry, met)
        if any((system_name(system), (code or "").strip()) in self.codes.answers for system, code, _ in codings):
            return concept
        for word in (_text(concept), *(display or "" for _, _, display in codings)):
            if word and (entry := mapping.answer(mapping.answer_names.get(folded(word), ()), fact)) is not None:
                return _put(concept, entry, met)
        return concept

    def _worded(self, said: str, fact: str, met: _Mapped) -> dict[str, Any] | None:
        """A worded answer that is mapped, as a coded one."""
        entry = self.mapping.answer(self.mapping.answer_names.get(folded(said), ()), fact)
        if entry is None:
            return None
        met.note(entry)
        return {"coding": [{"system": SITE_SYSTEM, "code": entry.key}]}

    def _quantity(self, quantity: dict[str, Any], met: _Mapped) -> dict[str, Any]:
        for name in ("unit", "code"):
            entry = self.mapping.units.get(folded(str(quantity.get(name) or "")))
            if entry is not None:
                met.note(entry)
                return {k: v for k, v in quantity.items() if k not in ("code", "system")} | {"unit": entry.unit}
        return quantity

    @staticmethod
    def _with_unit(mapped: dict[str, Any], entry: Entry) -> None:
        """Give the number of an observation the unit of its entry, where it has none of its own."""
        quantity = mapped.get("valueQuantity")
        if isinstance(quantity, dict) and not quantity.get("unit") and not quantity.get("code"):
            mapped["valueQuantity"] = {**quantity, "unit": entry.unit}
            return
        for name in ("valueInteger", "valueDecimal", "valueString"):
            value = mapped.get(name)
            number = parse_number(value.strip()) if isinstance(value, str) else value
            if name in mapped and number is not None and not isinstance(number, bool) and _is_bare(number):
                mapped["valueQuantity"] = {"value": number, "unit": entry.unit}
                del mapped[name]
                return


class MappedMedications(Mapping[str, Any]):
    """The medications of a source, each mapped when it is asked for."""

    def __init__(self, translator: Translator, medications: Mapping[str, Any]) -> None:
        self.translator, self.medications = translator, medications

    def __getitem__(self, name: str) -> Any:
        medication = self.medications[name]
        return None if medication is None else self.translator.resource(medication, _nothing)

    def __iter__(self) -> Iterator[str]:
        return iter(self.medications)

    def __len__(self) -> int:
        return len(self.medications)


def _nothing(_reference: str) -> None:
    """Finds no medication."""


def _references(value: Any) -> Iterator[str]:
    """The references within a value, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                yield item
            else:
                yield from _references(item)


def _is_bare(number: Any) -> bool:
    return not hasattr(number, "low")


def _is_concept(value: Mapping[str, Any]) -> bool:
    """Whether an object is a codeable concept: codings, or words alone that are no note and no instruction."""
    return isinstance(value.get("coding"), list) or (isinstance(value.get("text"), str) and value.keys() <= OF_CONCEPT)


def _is_answer(name: str) -> bool:
    return name.startswith("value") or name in ("interpretation", "conclusionCode")


def _codings(concept: Mapping[str, Any]) -> _Key:
    return tuple(coded_of(codings_of(concept)))


def _text(concept: Mapping[str, Any]) -> str:
    text = concept.get("text")
    return text if isinstance(text, str) else ""


def _vouched(entry: Entry, words: str) -> bool:
    """Whether the site says what just these words mean."""
    return bool(entry.name) and folded(entry.name) == folded(words)


def _is_of(entry: Entry, system: Any, code: Any, display: Any) -> bool:
    """Whether a coding is the one that an entry was found by."""
    if entry.code:
        return bare_system(system) == bare_system(entry.system) and str(code or "").strip() == entry.code
    return isinstance(display, str) and _vouched(entry, display)


def _put(concept: dict[str, Any], entry: Entry, met: _Mapped) -> dict[str, Any]:
    """A concept with an entry in the place of the coding, or of the words, that it was found by."""
    met.note(entry)
    codings = [coding for coding in concept.get("coding") or () if isinstance(coding, dict)]
    found = [c for c in codings if _is_of(entry, c.get("system"), c.get("code"), c.get("display"))]
    ours: dict[str, Any] = {"system": SITE_SYSTEM, "code": entry.key}
    display = next((c["display"] for c in found if isinstance(c.get("display"), str)), "")
    if display and not _vouched(entry, display):
        ours["display"] = display
    put = {**concept, "coding": [ours, *(coding for coding in codings if coding not in found)]}
    if _vouched(entry, _text(concept)):
        del put["text"]
    return put
