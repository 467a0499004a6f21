"""her2path: trastuzumab therapy, computable.

    >>> import her2path
    >>> her2path.decide("her2_status", {"ihc_score": "3+"}, edition="asco-cap-2018").value
    'positive'

The public names are listed in `docs/library.md`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

try:
    __version__ = version("her2path")
except PackageNotFoundError:  # pragma: no cover - only in a source tree that is not installed
    __version__ = "0.0.0"

if TYPE_CHECKING:
    from .cohort.review import review_source
    from .facts.fact import Fact
    from .facts.problem import AskedWrongly, KnowledgeError, Problem
    from .facts.value import Interval, OneOf, Reason, Unknown
    from .findings.patient import Settings
    from .findings.summary import Summary
    from .tables.array import Array
    from .tables.decision import Decision, decide
    from .tables.difference import compare
    from .tables.edition import Edition
    from .tables.library import Knowledge
    from .tables.load import read_knowledge
    from .tables.many.decide_rows import decide_table
    from .tables.many.look_up import decide_batch

_WHERE = {
    "review_source": "cohort.review",
    "Fact": "facts.fact",
    "AskedWrongly": "facts.problem",
    "KnowledgeError": "facts.problem",
    "Problem": "facts.problem",
    "Interval": "facts.value",
    "OneOf": "facts.value",
    "Reason": "facts.value",
    "Unknown": "facts.value",
    "Settings": "findings.patient",
    "Summary": "findings.summary",
    "Array": "tables.array",
    "Decision": "tables.decision",
    "decide": "tables.decision",
    "compare": "tables.difference",
    "Edition": "tables.edition",
    "Knowledge": "tables.library",
    "read_knowledge": "tables.load",
    "decide_table": "tables.many.decide_rows",
    "decide_batch": "tables.many.look_up",
}

__all__ = [
    "Array",
    "AskedWrongly",
    "Decision",
    "Edition",
    "Fact",
    "Interval",
    "Knowledge",
    "KnowledgeError",
    "OneOf",
    "Problem",
    "Reason",
    "Settings",
    "Summary",
    "Unknown",
    "__version__",
    "compare",
    "decide",
    "decide_batch",
    "decide_table",
    "read_knowledge",
    "review_source",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a small command starts quickly."""
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"module 'her2path' has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
