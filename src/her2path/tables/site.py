"""The settings of a site: one TOML file, every value checked, every choice with its default.

    [site]
    name = "St. Elsewhere"
    jurisdiction = "eu"

    [heart]
    lvef_lower_limit = 53
    echo_tolerance_days = 14

What a site does not set stands at its default; the lower limit of normal LVEF is then *assumed*, and every
review says so. The choices that the labels leave to a site, with their options, are in docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ..facts.codes import codes_of
from ..facts.mapping.check import mapping_of
from ..facts.mapping.entries import SiteMapping
from ..facts.problem import AskedWrongly
from ..facts.words.given import path_given
from ..facts.words.nearest import either, hint, nearest
from .edition import ASSUMED_JURISDICTION, Edition, is_edition_file
from .library import Knowledge

MOST_BYTES = 1 << 20
"""A file of settings is some kilobytes."""
ASSUMED_LOWER_LIMIT = Decimal(50)
"""The fallback of the margetuximab label, where an institution names no limit (H-3)."""


@dataclass(frozen=True, slots=True)
class Site:
    """How an institution works: its limits, tolerances, vials, formulary and prices.

    `lvef_lower_limit` percent, `None` where the site did not say; `echo_tolerance_days` after the due day
    an LVEF counts as overdue; `weight_max_age_days` that a body weight may be old;
    `baseline_lvef_days` before the first dose a baseline is too old;
    `editions` names for an outcome the edition to decide by (a choice of table H), `own_editions` are those of files;
    `mapping` its own codes and names;
    `vials` mg sizes of a product; `prices` of one mg by brand, in `currency`; `preferred` brands by product.
    `zero_plus` is what the laboratory means by 0+; `accept_recorded_status` takes a HER2 status that no test carries.
    `alt_upper_limit`, `ast_upper_limit` (U/L) and `bilirubin_upper_limit` (umol/L) are the laboratory's upper limits of
    normal, where a value has none beside it;
    `missing` are the words, in small letters, for a cell of a table that holds nothing;
    `omop_quantity` is what the column quantity of an OMOP warehouse counts, `omop_schema` where its CDM stands.
    """

    name: str = ""
    jurisdiction: str | None = None
    lvef_lower_limit: Decimal | None = None
    echo_tolerance_days: int = 14
    infusion_volume_ml: int = 250
    round_dose_mg: Decimal = Decimal(1)
    vials: Mapping[str, tuple[Decimal, ...]] = field(default_factory=dict)
    preferred: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    currency: str = ""
    editions: Mapping[str, str] = field(default_factory=dict)
    t_dxd_available: bool | None = None
    zero_plus: str | None = None
    accept_recorded_status: bool = False
    missing: frozenset[str] = frozenset()
    mapping: SiteMapping | None = None
    weight_max_age_days: int = 90
    baseline_lvef_days: int = 90
    alt_upper_limit: Decimal | None = None
    ast_upper_limit: Decimal | None = None
    bilirubin_upper_limit: Decimal | None = None
    omop_quantity: str | None = None
    omop_schema: str | None = None
    own_editions: tuple[Edition, ...] = ()

    @property
    def limit(self) -> Decimal:
        """The lower limit of normal LVEF, percent: the site's, or the assumed one."""
        return self.lvef_lower_limit if self.lvef_lower_limit is not None else ASSUMED_LOWER_LIMIT

    @property
    def upper_limits(self) -> dict[str, Decimal]:
        """The laboratory's upper limits of normal that the site says, by setting."""
        limits = {name: getattr(self, name) for name in UPPER_LIMITS}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @property
    def assumed(self) -> dict[str, str]:
        """What is assumed because the site did not say."""
        defaults = {}
        if self.lvef_lower_limit is None:
            defaults["lvef_lower_limit"] = str(ASSUMED_LOWER_LIMIT)
        if self.jurisdiction is None:
            defaults["jurisdiction"] = ASSUMED_JURISDICTION
        return defaults


UPPER_LIMITS = ("alt_upper_limit", "ast_upper_limit", "bilirubin_upper_limit")
SECTIONS: dict[str, dict[str, str]] = {
    "site": {"name": "name", "jurisdiction": "jurisdiction"},
    "heart": {
        "lvef_lower_limit": "lvef_lower_limit",
        "echo_tolerance_days": "echo_tolerance_days",
        "baseline_lvef_days": "baseline_lvef_days",
    },
    "dosing": {
        "infusion_volume_ml": "infusion_volume_ml",
        "round_dose_mg": "round_dose_mg",
        "weight_max_age_days": "weight_max_age_days",
    },
    "treatment": {"t_dxd_available": "t_dxd_available"},
    "tests": {"zero_plus": "zero_plus", "accept_recorded_status": "accept_recorded_status"},
    "laboratory": {name: name for name in UPPER_LIMITS},
    "prices": {"currency": "currency"},
    "files": {"missing": "missing"},
    "omop": {"quantity": "omop_quantity", "schema": "omop_schema"},
}
"""Where each setting stands in the file; the tables `vials`, `formulary`, `prices` and `editions` are free."""

ZERO_PLUS_MEANS = {"staining": "yes", "no staining": "no"}
"""What a site may say that its laboratory means by an IHC score of 0+: whether the membrane stains."""

QUANTITIES = ("mg", "billing units", "volume", "vials", "unknown")
"""What a site may say that the column quantity of DRUG_EXPOSURE counts."""

LIMITS: dict[str, tuple[Decimal | int, Decimal | int]] = {
    "lvef_lower_limit": (Decimal(40), Decimal(65)),
    "echo_tolerance_days": (0, 90),
    "weight_max_age_days": (1, 365),
    "baseline_lvef_days": (7, 366),
    "alt_upper_limit": (5, 200),
    "ast_upper_limit": (5, 200),
    "bilirubin_upper_limit": (5, 60),
    "infusion_volume_ml": (50, 1000),
    "round_dose_mg": (Decimal("0.1"), Decimal(50)),
}


def read_site(path: str | Path, knowledge: Knowledge) -> Site:
    """Read a site's file. Raises `AskedWrongly`, naming file, table and key, for anything not understood."""
    path = path_given(path)
    return site_of(path, read_toml(path), knowledge)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file, numbers exact. Raises `AskedWrongly` for one that cannot be read."""
    import tomllib

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise AskedWrongly(f"{path}: the file is longer than {MOST_BYTES >> 10} KB; settings are short")
        return tomllib.loads(content.decode("utf-8-sig"), parse_float=_exact)
    except OSError as error:
        raise AskedWrongly(f"{path}: the file cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise AskedWrongly(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise AskedWrongly(f"{path}: this is no TOML: {error}") from error
    except RecursionError as error:
        raise AskedWrongly(f"{path}: brackets stand in each other too deep; no setting needs more than two") from error
    except ValueError as error:  # a number of thousands of digits
        raise AskedWrongly(f"{path}: this is no TOML: {error}") from error


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:  # an exponent beyond all numbers
        raise ValueError(f"{text[:40]} is no number that can be used") from error


def site_of(path: Path, content: Mapping[str, Any], knowledge: Knowledge) -> Site:
    """The site that a file's tables describe; raises `AskedWrongly` as `read_site` does."""
    settings: dict[str, Any] = {}
    own: dict[str, Edition] = {}
    for table, values in content.items():
        if table == "map":
            settings["mapping"] = mapping_of(path, values, knowledge.facts, codes_of(knowledge.facts))
            continue
        if not isinstance(values, dict):
            expected = f"[{'], ['.join(_tables())}] or [[map]]"
            raise AskedWrongly(f"{path}: {table} stands outside a table; expected {expected}")
        for key, value in values.items():
            if table in SECTIONS and key in SECTIONS[table]:
                name = SECTIONS[table][key]
                settings[name] = _checked(path, table, key, name, value)
            elif table in ("vials", "formulary", "prices", "editions"):
                if table == "editions" and isinstance(value, str) and is_edition_file(value):
                    edition = _own_edition(path, key, value, knowledge)
                    knowledge = knowledge.with_editions([edition])
                    own[value] = edition
                named = own[value].key if table == "editions" and isinstance(value, str) and value in own else value
                place = {"formulary": "preferred"}.get(table, table)
                settings.setdefault(place, {})[key] = _entry(path, table, key, named, knowledge)
            else:
                expected = ", ".join(SECTIONS.get(table, {})) or f"one of the tables {', '.join(_tables())}"
                near = nearest(key, SECTIONS[table]) if table in SECTIONS else nearest(table, _tables())
                said = f"did you mean {either(near)}? " if near else ""
                raise AskedWrongly(f"{path}: [{table}] {key} is no setting; {said}expected {expected}")
    return Site(**settings, own_editions=tuple(own.values()))


def _own_edition(path: Path, key: str, name: str, knowledge: Knowledge) -> Edition:
    """The edition of a file, named from the folder of the settings. Raises as `read_own_edition`, telling the key."""
    from .own.edition_file import read_own_edition

    try:
        return read_own_edition(path.parent / name, knowledge)
    except AskedWrongly as wrong:
        raise AskedWrongly(f"{path}: [editions] {key} = {name!r}; {wrong}") from wrong


def _tables() -> list[str]:
    return sorted({*SECTIONS, "vials", "formulary", "prices", "editions"})


def _checked(path: Path, table: str, key: str, name: str, value: Any) -> Any:
    where = f"{path}: [{table}] {key} = {value!r}"
    kind = next(str(setting.type) for setting in fields(Site) if setting.name == name)
    if name == "jurisdiction":
        if value not in ("us", "eu"):
            raise AskedWrongly(f"{where}; expected us or eu")
        return value
    if name == "zero_plus":
        if value not in ZERO_PLUS_MEANS:
            raise AskedWrongly(f"{where}; expected {' or '.join(ZERO_PLUS_MEANS)}")
        return value
    if name == "omop_quantity":
        if value not in QUANTITIES:
            raise AskedWrongly(f"{where}; expected one of {', '.join(QUANTITIES)}")
        return value
    if "bool" in kind:
        if not isinstance(value, bool):
            raise AskedWrongly(f"{where}; expected true or false")
        return value
    if name == "missing":
        return missing_words(value, where)
    if name not in LIMITS:
        if not isinstance(value, str):
            raise AskedWrongly(f"{where}; expected text")
        return value
    low, high = LIMITS[name]
    if not _is_number(value) or not low <= value <= high:
        raise AskedWrongly(f"{where}; expected a number from {low} to {high}")
    if kind == "int" and value != int(value):
        raise AskedWrongly(f"{where}; expected a whole number")
    return int(value) if kind == "int" else Decimal(value)


def missing_words(words: Any, where: str) -> frozenset[str]:
    """Words for a cell that holds nothing, in small letters. Raises `AskedWrongly` for what are no words."""
    if not isinstance(words, list) or any(not isinstance(word, str) or not word.strip() for word in words):
        raise AskedWrongly(f'{where}; expected words in a list, such as ["NA", "[Not Available]"]')
    return frozenset(word.strip().lower() for word in words)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return not isinstance(value, Decimal) or value.is_finite()


def _entry(path: Path, table: str, key: str, value: Any, knowledge: Knowledge) -> Any:
    where = f"{path}: [{table}] {key} = {value!r}"
    products, brands = knowledge.facts["product"].values, knowledge.facts["brand"].values
    if table == "editions":
        if not isinstance(value, str):
            raise AskedWrongly(f"{where}; expected the key of an edition, or its file")
        outcome, _, product = key.partition(".")
        if product and product not in products:
            raise AskedWrongly(f"{where}; no product is called {product}; expected one of {', '.join(products)}")
        try:
            knowledge.edition(value, outcome)
        except AskedWrongly as wrong:
            raise AskedWrongly(f"{where}; {wrong}") from wrong
        return value
    if table == "formulary":
        if key not in products:
            raise AskedWrongly(f"{where}; no product is called {key}; expected one of {', '.join(products)}")
        if value not in brands:
            raise AskedWrongly(f"{where}; no brand is called so{hint(str(value), brands, 'her2path show brand')}")
        return value
    names, called = (products, "product") if table == "vials" else (brands, "brand")
    if key not in names:
        raise AskedWrongly(f"{where}; {key} is unknown here{hint(key, names, f'her2path show {called}')}")
    numbers = value if isinstance(value, list) and table == "vials" else [value]
    if not numbers or any(not _is_number(n) or n <= 0 for n in numbers):
        raise AskedWrongly(f"{where}; expected {'sizes in mg' if table == 'vials' else 'a price of one mg'} above 0")
    sizes = tuple(Decimal(n) for n in numbers)
    return sizes if table == "vials" else sizes[0]
