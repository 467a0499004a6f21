"""The families of mutants, by name."""

from __future__ import annotations

from .fhir import Fhir
from .judged import Family
from .pages import KnowledgeFiles, SettingsFiles
from .tables import Tables

FAMILIES: dict[str, Family] = {family.name: family for family in (Fhir(), Tables(), SettingsFiles(), KnowledgeFiles())}
