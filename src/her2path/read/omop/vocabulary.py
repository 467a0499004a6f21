"""The site's own vocabulary: what the concepts of its rows are, in the codes that the tables of this package have.

No concept id stands in this package. A concept is its vocabulary, code and name; one that the tables do not know is
followed to what it maps to, to the ingredients of a drug, or to the nearest of its ancestors that they do know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ...facts.codes import Codes, system_name
from ...facts.number import parse_number
from ...facts.words.systems import systems
from ..coding import Coded
from .warehouse import Relation, Warehouse, text

AT_ONCE = 5_000
"""So many ids stand in one query."""
NONE = ("", "0")
"""How a row says that it has no concept."""
CALLED = {"CPT4": "CPT", "NCIt": "NCIT", "ICD10PCS": "ICD-10-PCS", "dm+d": "DMD"}
"""Vocabularies that OMOP calls otherwise than any address of theirs."""
INGREDIENT = "Ingredient"
MILLIGRAM, MILLILITRE = "mg", "mL"


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept by its id: vocabulary, code, name and class."""

    id: str
    vocabulary: str
    code: str
    name: str
    kind: str

    @property
    def coding(self) -> Coded:
        """It as a coding: the system as the tables of codes call it, or the vocabulary as it stands."""
        return address_of(self.vocabulary), self.code, self.name

    def __str__(self) -> str:
        return f"{self.vocabulary} {self.code} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Strength:
    """How much of an ingredient stands in a drug: mg in a piece, or mg in so many mL (1 for a concentration)."""

    milligrams: Decimal
    millilitres: Decimal | None = None
    is_package: bool = False
    """Whether the mL are those of the whole vial."""


@dataclass(slots=True)
class Vocabulary:
    """The concepts of a warehouse that its rows name, by id; `lacks` are its tables that are not there."""

    concepts: dict[str, Concept] = field(default_factory=dict)
    maps_to: dict[str, list[str]] = field(default_factory=dict)
    ancestors: dict[str, list[str]] = field(default_factory=dict)
    """Of each concept the ancestors that the tables know, the nearest first; ingredients among them."""
    strengths: dict[str, list[Strength]] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)

    def concept(self, concept: str) -> Concept | None:
        """A concept by its id; `None` for 0, for nothing, and for one that the vocabulary does not hold."""
        return None if concept in NONE else self.concepts.get(concept)

    def coding(self, concept: str) -> Coded | None:
        """A concept as a coding."""
        found = self.concept(concept)
        return None if found is None else found.coding

    def meant(self, concept: str, codes: Codes) -> list[Coded]:
        """A concept and what it maps to, as codings; of none that the tables know, its nearest known ancestor too."""
        ids = [each for each in (concept, *self.maps_to.get(concept, ())) if self.concept(each) is not None]
        codings = [self.concepts[each].coding for each in ids]
        if not any(codes.knows((system_name(system), code or "")) for system, code, _ in codings):
            codings += [self.concepts[up].coding for each in ids for up in self.ancestors.get(each, ())[:1]]
        return codings

    def ingredients(self, concept: str) -> list[Concept]:
        """The ingredients of a drug, itself where it is one."""
        found: dict[str, Concept] = {}
        for each in (concept, *self.maps_to.get(concept, ())):
            for up in (each, *self.ancestors.get(each, ())):
                known = self.concept(up)
                if known is not None and known.kind == INGREDIENT:
                    found[up] = known
        return list(found.values())

    def strength(self, concept: str) -> Strength | None:
        """The mg of a drug that says one strength; `None` where it says none or several."""
        listed = self.strengths.get(concept, ())
        return listed[0] if len(listed) == 1 else None


def address_of(vocabulary: str) -> str:
    """The address by which the readers know a vocabulary of OMOP; its own name where they know none."""
    if system_name(vocabulary):
        return vocabulary
    return systems().as_written.get(CALLED.get(vocabulary, vocabulary), vocabulary)


def read_vocabulary(warehouse: Warehouse, ids: Collection[str], drugs: Collection[str], codes: Codes) -> Vocabulary:
    """The concepts of some ids with what they map to and descend from; the strengths of `drugs`."""
    found = Vocabulary()
    tables = warehouse.tables
    found.lacks = [name for name in ("concept", "concept_relationship", "concept_ancestor") if name not in tables]
    if "concept" not in tables:
        return found
    wanted = sorted(each for each in ids if each not in NONE and each.lstrip("-").isdigit())
    if (related := tables.get("concept_relationship")) is not None:
        pair = ("concept_id_1", "concept_id_2")
        one, two = (related.column(name) for name in pair)
        for listed in _lists(wanted):
            maps = f"{related.column('relationship_id')} = 'Maps to'"
            sql = f"{related.select(pair)} WHERE {maps} AND {one} <> {two} AND {one} IN ({listed}) ORDER BY 1, 2"
            for source, target in warehouse.rows(sql):
                found.maps_to.setdefault(str(source), []).append(str(target))
    wanted = sorted({*wanted, *(each for listed in found.maps_to.values() for each in listed)})
    _read_concepts(found, warehouse, tables["concept"], wanted)
    if (above := tables.get("concept_ancestor")) is not None:
        _read_ancestors(found, warehouse, above, tables["concept"], wanted, codes)
    if (strong := tables.get("drug_strength")) is not None:
        standard = {*drugs, *(each for drug in drugs for each in found.maps_to.get(drug, ()))}
        _read_strengths(found, warehouse, strong, sorted(standard & set(wanted)))
    return found


def add_concepts(found: Vocabulary, warehouse: Warehouse, ids: Iterable[str]) -> None:
    """Look up some more concepts by their ids."""
    if "concept" in warehouse.tables:
        wanted = sorted({each for each in ids if each not in NONE and each.lstrip("-").isdigit()})
        _read_concepts(found, warehouse, warehouse.tables["concept"], wanted)


def _read_concepts(found: Vocabulary, warehouse: Warehouse, concepts: Relation, ids: list[str]) -> None:
    names = ("concept_id", "vocabulary_id", "concept_code", "concept_name", "concept_class_id")
    for listed in _lists([each for each in ids if each not in found.concepts]):
        sql = f"{concepts.select(names)} WHERE {concepts.column('concept_id')} IN ({listed})"
        for row in warehouse.rows(sql):
            cells = [cell or "" for cell in row]
            found.concepts[cells[0]] = Concept(*cells)


def _read_ancestors(
    found: Vocabulary, warehouse: Warehouse, above: Relation, concepts: Relation, ids: list[str], codes: Codes
) -> None:  # fmt: skip
    """Of each concept the ancestors that the tables know by their codes, and the ingredients of drugs."""
    ours = {(code, system) for system, code in _all_keys(codes)}
    known: set[str] = set()
    code = concepts.column("concept_code")
    for listed in _lists(sorted({code for code, _ in ours}), quoted=True):
        sql = f"{concepts.select(('concept_id', 'concept_code', 'vocabulary_id'))} WHERE {code} IN ({listed})"
        for own, written, of in warehouse.rows(sql):
            if (written, system_name(address_of(of or ""))) in ours:
                known.add(str(own))
    up, down = above.column("ancestor_concept_id"), above.column("descendant_concept_id")
    named = ("descendant_concept_id", "ancestor_concept_id", "min_levels_of_separation")
    kind, concept = (concepts.column(name).replace("t.", "c.") for name in ("concept_class_id", "concept_id"))
    pairs: dict[str, list[tuple[int, str]]] = {}
    unnamed: set[str] = set()
    for listed in _lists(ids):
        here = f"{down} IN ({listed}) AND {down} <> {up}"
        drugs = (
            f"{above.select(named)} JOIN {concepts.name} c ON {concept} = {up} WHERE {kind} = '{INGREDIENT}' AND {here}"
        )
        queries = [f"{above.select(named)} WHERE {here} AND {up} IN ({part})" for part in _lists(sorted(known))]
        for sql in (*queries, drugs):
            for below, higher, level in warehouse.rows(sql):
                pair = (int(level or 0), str(higher))
                if pair not in pairs.setdefault(str(below), []):
                    pairs[str(below)].append(pair)
                unnamed.add(str(higher))
    _read_concepts(found, warehouse, concepts, sorted(unnamed))
    for below, listed_pairs in pairs.items():
        found.ancestors[below] = [higher for _, higher in sorted(listed_pairs)]


def _all_keys(codes: Codes) -> Iterator[tuple[str, str]]:
    therapy = codes.therapy
    for table in (codes.tests, codes.diagnoses, therapy.drugs, therapy.measures, therapy.claims):
        yield from (key for key in table if key[0] != "OMOP")


def _read_strengths(found: Vocabulary, warehouse: Warehouse, strong: Relation, drugs: list[str]) -> None:
    """The strengths in mg, and mg in mL, as the units of the site's vocabulary say them."""
    names = (
        "drug_concept_id", "amount_value", "amount_unit_concept_id", "numerator_value", "numerator_unit_concept_id",
        "denominator_value", "denominator_unit_concept_id",
    )  # fmt: skip
    rows: list[list[str]] = []
    for listed in _lists(drugs):
        sql = f"{strong.select(names)} WHERE {strong.column('drug_concept_id')} IN ({listed})"
        rows += [[cell or "" for cell in row] for row in warehouse.rows(sql)]
    units = {row[place] for row in rows for place in (2, 4, 6)} - {*NONE}
    _read_concepts(found, warehouse, warehouse.tables["concept"], sorted(units))

    def unit(concept: str) -> str:
        known = found.concept(concept)
        return "" if known is None else known.code

    for drug, amount, of_amount, numerator, of_numerator, denominator, of_denominator in rows:
        strength: Strength | None = None
        if (milligrams := number(amount)) is not None and unit(of_amount) == MILLIGRAM:
            strength = Strength(milligrams)
        elif (milligrams := number(numerator)) is not None and unit(of_numerator) == MILLIGRAM:
            volume = number(denominator)
            if unit(of_denominator) == MILLILITRE:
                strength = Strength(milligrams, volume or Decimal(1), volume is not None)
        if strength is not None and strength not in found.strengths.setdefault(drug, []):
            found.strengths[drug].append(strength)


def number(written: str) -> Decimal | None:
    """An exact number, without the idle zeros that a column of the database adds; `None` for none."""
    parsed = parse_number(written.strip().lower()) if written else None
    if not isinstance(parsed, Decimal) or not parsed.is_finite():
        return None
    return Decimal(plain_number(f"{parsed:f}"))


def plain_number(written: str) -> str:
    """A number as text without the zeros behind its decimals: 560.000 is 560."""
    return written.rstrip("0").rstrip(".") if "." in written else written


def _lists(ids: Iterable[str], quoted: bool = False) -> Iterator[str]:
    """Ids as lists of SQL, none too long."""
    listed = [text(each) for each in ids] if quoted else list(ids)
    for start in range(0, len(listed), AT_ONCE):
        yield ", ".join(listed[start : start + AT_ONCE])
