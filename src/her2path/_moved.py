"""Modules that the documents of 0.1 sent users to, and that are elsewhere now: they still import, with a warning.

They warn from version 0.2 on and go with version 0.4, as `docs/versions.md` promises; then this module goes too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

GOES_WITH = "0.4"
MOVED = {
    "her2path.read.records": ("her2path.read.source", "read_records"),
    "her2path.population_file": ("her2path.cohort.review", "review_file"),
    "her2path.review": ("her2path.findings.patient", "Reviewer, Settings, Summary and review_source"),
    "her2path.site": ("her2path.tables.site", "Site and read_site"),
    "her2path.therapy": ("her2path.findings.course.rules", "Reviewer, whose review has course.standing,"),
}
"""The old name of a module, where it is now, and the public names that take its place."""
RENAMED = {"Courses": "Rules"}
"""What is called otherwise where it is now."""

CALLED = {"her2path.review": ("her2path.cohort.reviews", "review")}
"""A module that has the name of a public function: it may be called in its place."""


class Moved:
    """Finds and loads the modules that have moved: each gives the names of its new place, and the public ones."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from warnings import warn

        old = module.__name__
        new, instead = MOVED[old]
        words = f"{old} goes with her2path {GOES_WITH}; import {instead} from her2path"
        warn(words, DeprecationWarning, stacklevel=2)
        present, public = import_module(new), import_module("her2path")

        def attribute(name: str) -> object:
            if name in public.__all__:
                return getattr(public, name)
            return getattr(present, RENAMED.get(name, name))

        module.__doc__ = words
        if old in CALLED:  # Python names the module in the package now, where the function was
            place, function = CALLED[old]
            called = staticmethod(getattr(import_module(place), function))
            module.__class__ = type("MovedAndCalled", (ModuleType,), {"__call__": called})
        names = sorted({*dir(present), *public.__all__, *RENAMED})
        module.__dict__.update(__getattr__=attribute, __dir__=lambda: names)


def install() -> None:
    """Look for a module among those that have moved, after all other places."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
