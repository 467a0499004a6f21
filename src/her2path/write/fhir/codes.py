"""Which code and which value in FHIR carries a fact: the reader's own code tables, turned round.

Nothing is written on trust: each shape in which a value could stand is put before the reader, and the first that
comes back as the same value is taken. So a code that the tables drop, or a fact they gain, changes what is written
without a change here. The codes listed by name are those preferred where the tables have several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from ...facts.codes import Codes, Key, codes_of
from ...facts.fact import Facts
from ...facts.therapy_codes import Drug
from ...facts.value import NOT_REPORTED, Interval, OneOf, Unknown, Value
from ...facts.words.systems import systems
from ...read.drugs import Drugs, Named
from ...read.fhir.answer import read_answer
from ...read.fhir.her2_values import read_values
from ...read.fhir.resources.measurement import value_of
from ...tables.load import default_knowledge

Json = dict[str, Any]
CodeWithDisplay = tuple[str, str, str]
"""A short system name of `facts/codes.py`, a code and a display."""

ADDRESSES = systems().as_written
"""The first address that the reader knows of each code system."""
UCUM = "http://unitsofmeasure.org"
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

OBSERVED: dict[tuple[str, str], CodeWithDisplay] = {
    ("lvef", "unspecified"): ("LOINC", "10230-1", "Left ventricular ejection fraction"),
    ("lvef", "echo"): ("LOINC", "18043-0", "Left ventricular ejection fraction by US"),
    ("lvef", "MUGA"): ("LOINC", "8812-0", "Left ventricular ejection fraction by nuclear blood pool"),
    ("lvef", "CMR"): ("LOINC", "8811-2", "Left ventricular ejection fraction by MR"),
    ("lvef", "CT"): ("LOINC", "8810-4", "Left ventricular ejection fraction by spiral CT"),
    ("lvef", "angiogram"): ("LOINC", "8808-8", "Left ventricular ejection fraction by angiogram"),
    ("weight_kg", ""): ("LOINC", "29463-7", "Body weight"),
    ("height_cm", ""): ("LOINC", "8302-2", "Body height"),
    ("body_mass_index", ""): ("LOINC", "39156-5", "Body mass index"),
    ("er_status", ""): ("LOINC", "16112-5", "Estrogen receptor in tissue"),
    ("pr_status", ""): ("LOINC", "16113-3", "Progesterone receptor in tissue"),
    ("hormone_receptor_status", ""): ("LOINC", "10480-2", "Estrogen and progesterone receptor in tissue"),
    ("stage", ""): ("LOINC", "21908-9", "Stage group, clinical"),
    ("node_status", ""): ("LOINC", "21906-3", "Regional lymph nodes, clinical"),
    ("tumour_size_mm", ""): ("LOINC", "33728-7", "Size of tumour, largest dimension"),
    ("positive_nodes", ""): ("LOINC", "21893-3", "Regional lymph nodes, positive"),
    ("grade", ""): ("LOINC", "33732-9", "Histology grade"),
    ("pdl1_cps", ""): ("NCIT", "C176582", "PD-L1 combined positive score"),
    ("menopausal_status", ""): ("SNOMED", "161712005", "Menopause, function"),
    ("pregnancy_test", ""): ("LOINC", "2106-3", "Pregnancy test in urine"),
    ("pregnant", ""): ("LOINC", "82810-3", "Pregnancy status"),
    ("smoking", ""): ("LOINC", "72166-2", "Tobacco smoking status"),
}
"""The code of an observation, by fact and method of an LVEF."""
OBSERVED_OF_BREAST: dict[str, CodeWithDisplay] = {
    "er_status": ("LOINC", "85337-4", "Estrogen receptor in breast cancer specimen by immune stain"),
    "pr_status": ("LOINC", "85339-0", "Progesterone receptor in breast cancer specimen by immune stain"),
}
TESTED: dict[str, tuple[CodeWithDisplay, CodeWithDisplay]] = {
    "ihc": (
        ("LOINC", "85319-2", "HER2 in breast cancer specimen by immune stain"),
        ("LOINC", "18474-7", "HER2 Ag in tissue by immune stain"),
    ),
    "ish": (
        ("LOINC", "85318-4", "ERBB2 gene duplication in breast cancer specimen by FISH"),
        ("LOINC", "31150-6", "ERBB2 gene duplication in tissue by FISH"),
    ),
    "ratio": (("LOINC", "49683-6", "ERBB2/chromosome 17 copy number ratio in tissue by FISH"),) * 2,
    "her2_copies": (("LOINC", "74860-8", "ERBB2 copy number per nucleus in tissue by FISH"),) * 2,
    "cep17_copies": (("LOINC", "74861-6", "Chromosome 17 copy number per nucleus in tissue by FISH"),) * 2,
    "overall": (("LOINC", "48676-1", "HER2 interpretation in tissue"),) * 2,
}
"""The code of a HER2 test in the breast, and elsewhere: a code of the breast would name the organ."""
ANSWERS: dict[tuple[str, str], CodeWithDisplay] = {
    ("ihc_score", "0"): ("LOINC", "LA6111-4", "0"),
    ("ihc_score", "1+"): ("LOINC", "LA11841-6", "1+"),
    ("ihc_score", "2+"): ("LOINC", "LA11842-4", "2+"),
    ("ihc_score", "3+"): ("LOINC", "LA11843-2", "3+"),
    ("menopausal_status", "premenopausal"): ("SNOMED", "309606002", "Before menopause"),
    ("menopausal_status", "postmenopausal"): ("SNOMED", "307429007", "After menopause"),
    ("pregnant", "yes"): ("SNOMED", "77386006", "Pregnancy"),
    ("pregnant", "no"): ("SNOMED", "60001007", "Not pregnant"),
    ("stage", "1"): ("SNOMED", "258215001", "Stage 1"),
    ("stage", "2"): ("SNOMED", "258219007", "Stage 2"),
    ("stage", "3"): ("SNOMED", "258224005", "Stage 3"),
    ("stage", "4"): ("SNOMED", "258228008", "Stage 4"),
    ("", "positive"): ("SNOMED", "10828004", "Positive"),
    ("", "negative"): ("SNOMED", "260385009", "Negative"),
    ("", "equivocal"): ("SNOMED", "42425007", "Equivocal"),
}
"""The code of an answer, by fact and value; those without a fact serve all."""
FHIR_UNITS = {
    "percent": ("%", "%"),
    "kg": ("kg", "kg"),
    "cm": ("cm", "cm"),
    "mm": ("mm", "mm"),
    "kg/m2": ("kg/m2", "kg/m2"),
    "mg": ("mg", "mg"),
    "mg/kg": ("mg/kg", "mg/kg"),
    "mg/m2": ("mg/m2", "mg/m2"),
    "score": ("score", "{score}"),
    "nodes": ("nodes", "{nodes}"),
    "ratio": ("ratio", "{ratio}"),
    "copies per cell": ("copies/cell", "{copies}/{cell}"),
}
"""The unit of a fact as FHIR says it, and its code of UCUM."""
BRANDS_WITHOUT_CODE = ("herceptin-sc",)
"""Brands sold where the codes of the substance in our tables mean another formulation."""
DRUG_SYSTEMS = ("RxNorm", "SNOMED", "ATC", "HCPCS")
_MEASURED = re.compile(r"(\d+(?:\.\d+)?)\s*([^\s\d].*)")


class Shapes:
    """The shapes in which facts, values and drugs stand in FHIR, as the reader of `codes` and `facts` reads them."""

    def __init__(self, codes: Codes, facts: Facts) -> None:
        self.codes, self.facts = codes, facts
        self.drugs = Drugs(codes)
        self._values: dict[tuple[str, str, Value, str, str], Json | None] = {}
        self._medications: dict[tuple[str, str], tuple[Json, Named] | None] = {}
        self._measures: dict[tuple[str, str], Key] = {}
        for key, measure in codes.therapy.measures.items():
            if measure.fact and key[0] in ADDRESSES:
                self._measures.setdefault((measure.fact, measure.method), key)

    def measure(self, fact: str, method: str, of_breast: bool) -> Json | None:
        """The code of an observation of the therapy, or `None` where no code measures the fact."""
        chosen = OBSERVED_OF_BREAST.get(fact) if of_breast else None
        chosen = chosen or OBSERVED.get((fact, method))
        measures = self.codes.therapy.measures
        if chosen is not None and (held := measures.get(chosen[:2])) and (held.fact, held.method) == (fact, method):
            return concept(chosen)
        key = self._measures.get((fact, method))
        if key is None:
            return None
        # The word HER2 in the name of anything but a test would be taken for a test with a code nobody knows.
        return concept((*key, fact.replace("her2", "HER-directed").replace("_", " ")))

    def test(self, means: str, of_breast: bool) -> Json | None:
        """The code of a HER2 test, or `None` where the tables do not have it."""
        chosen = TESTED[means][0 if of_breast else 1]
        return concept(chosen) if self.codes.tests.get(chosen[:2]) == means else None

    def answer(self, fact: str, value: Value, written: str = "", note: str = "", means: str = "") -> Json | None:
        """The value of an observation of the therapy, or of a HER2 test where it `means` one; `None` for none.

        The record's own words stand where they say more than the value and are read as just that.
        """
        key = (means, fact, value, written, note)
        if key not in self._values:
            if len(self._values) > 50_000:
                self._values.clear()
            self._values[key] = self._answer(*key)
        return self._values[key]

    def _answer(self, means: str, fact: str, value: Value, written: str, note: str) -> Json | None:
        best: Json | None = None
        least = 3
        for part in self._parts(means, fact, value, written):
            rank = self._rank(means, fact, part, value, note)
            if rank < least:
                best, least = part, rank
            if rank == 0:
                break
        return best

    def _rank(self, means: str, fact: str, part: Json, value: Value, note: str) -> int:
        """How near a part is read to what is meant: 0 the same, 1 but for the note, 2 as unknown too, 3 not at all."""
        answer = read_answer(part, self.codes)
        if means:
            read = read_values(means, answer, self.facts, None)
            if len(read) != 1 or read[0][0] != fact:
                return 3
            (_, got, note_read) = read[0]
        else:
            got, note_read = value_of(fact, answer, part, self.codes, self.facts)
        if isinstance(value, Unknown):
            if not isinstance(got, Unknown) or got.reason is not value.reason:
                return 3
            return 2 if got.detail != value.detail else int(note_read != note)
        return 3 if got != value else int(note_read != note)

    def _parts(self, means: str, fact: str, value: Value, written: str) -> Iterator[Json]:
        unit = self.facts[fact].unit if fact in self.facts else ""
        for words in own_words(value, written, FHIR_UNITS.get(unit, (unit, ""))[0]):
            if match := _MEASURED.fullmatch(words):
                yield {"valueQuantity": {"value": json_number(Decimal(match[1])), "unit": match[2]}}
            yield {"valueString": words}
        if isinstance(value, Unknown):
            yield {"dataAbsentReason": absent("unknown", value.detail)}
        elif value == NOT_REPORTED and means:
            yield {"dataAbsentReason": absent("not-performed", "Not done")}
        elif isinstance(value, Decimal):
            yield {"valueQuantity": quantity(value, unit)}
        elif isinstance(value, Interval):
            yield from _limits(value, unit)
        elif isinstance(value, OneOf):
            yield {"valueString": "-".join(sorted(score.rstrip("+") for score in value.values)) + "+"}
        else:
            words = f"Group {value}" if fact == "ish_group" else str(value)
            coded = ANSWERS.get((fact, words)) or ANSWERS.get(("", words))
            if coded is not None:
                yield {"valueCodeableConcept": {**concept(coded), "text": words}}
            yield {"valueCodeableConcept": {"text": words}}

    def medication(self, drug: str, brand: str) -> tuple[Json, Named] | None:
        """A concept that is read as this drug and brand, and what it is read as; without the brand where none is.

        `None` where no code and no name is read as the drug.
        """
        key = (drug, brand)
        if key not in self._medications:
            medication = self._medication(drug, brand)
            self._medications[key] = medication or (self._medication(drug, "") if brand else None)
        return self._medications[key]

    def _medication(self, drug: str, brand: str) -> tuple[Json, Named] | None:
        names = self.codes.therapy.names
        generic = next((name for name, held in names.items() if held == Drug(drug, "")), "")
        branded = next((name for name, held in names.items() if brand and held == Drug(drug, brand)), "")
        text = branded.title().replace(" Sc", " SC") or generic
        codes = [] if brand in BRANDS_WITHOUT_CODE else [self._drug_code(drug, ""), self._drug_code(drug, brand)]
        shown = (generic or text, text)
        both = [(*key, display) for key, display in zip(codes, shown, strict=False) if key is not None]
        both = both[:1] if len(both) == 2 and both[0][:2] == both[1][:2] else both
        for coded in (both, both[:1], both[1:], []):
            for words in (text, ""):
                codings = [(ADDRESSES[system], code, display or None) for system, code, display in coded]
                named = self.drugs.identify(codings, words)
                if (named.drug, named.brand, named.note, named.trouble) == (drug, brand, "", ""):
                    return concept(*coded, text=words), named
        return None

    def _drug_code(self, drug: str, brand: str) -> Key | None:
        keys = [key for key, held in self.codes.therapy.drugs.items() if held == Drug(drug, brand)]
        return next((key for system in DRUG_SYSTEMS for key in keys if key[0] == system), None)


def shapes() -> Shapes:
    """The shapes of the code tables of the knowledge in use."""
    return _shapes_of(default_knowledge().facts)


@cache
def _shapes_of(facts: Facts) -> Shapes:
    return Shapes(codes_of(facts), facts)


def concept(*coded: CodeWithDisplay, text: str = "") -> Json:
    """A codeable concept; its text is the first display unless another is given."""
    codeable: Json = {}
    if coded:
        codeable["coding"] = [
            {"system": ADDRESSES[system], "code": code, **({"display": display} if display else {})}
            for system, code, display in coded
        ]
    if words := text or (coded[0][2] if coded else ""):
        codeable["text"] = words
    return codeable


def absent(code: str, words: str = "") -> Json:
    """A reason why there is no value, as `data-absent-reason` has it."""
    return {"coding": [{"system": ABSENT_REASON, "code": code}], **({"text": words} if words else {})}


def quantity(value: Decimal, unit: str) -> Json:
    """A quantity in a unit of `facts.md`."""
    unit_word, code = FHIR_UNITS.get(unit, (unit, ""))
    return {
        "value": json_number(value),
        **({"unit": unit_word} if unit_word else {}),
        **({"system": UCUM, "code": code} if code else {}),
    }


def json_number(value: Decimal) -> int | float | Decimal:
    """A number as JSON takes it without losing a digit: a `Decimal` stays one only where no float is just it."""
    if value == value.to_integral_value() and abs(value.adjusted()) < 15:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else value


def _limits(value: Interval, unit: str) -> Iterator[Json]:
    """An interval with one limit as a comparator, one with both of them included as a range."""
    low, high = value.low, value.high
    if low is not None and high is None:
        comparator = ">=" if value.low_included else ">"
        yield {"valueQuantity": {**quantity(low, unit), "comparator": comparator}}
    elif high is not None and low is None:
        comparator = "<=" if value.high_included else "<"
        yield {"valueQuantity": {**quantity(high, unit), "comparator": comparator}}
    elif low is not None and high is not None:
        yield {"valueRange": {"low": quantity(low, unit), "high": quantity(high, unit)}}


def own_words(value: Value, written: str, unit: str) -> Sequence[str]:
    """The words of a record where they say more than the value; a unit that a table put behind them may go."""
    plain = {str(value), f"{value} {unit}", f"{value}{unit}"}
    if not written or written in plain or written.lower() in {word.lower() for word in plain}:
        return ()
    return _distinct([written, written.removesuffix(f" {unit}")] if unit else [written])


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if word))
