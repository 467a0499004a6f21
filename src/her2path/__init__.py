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
    from .array import Array
    from .batch import decide_batch
    from .columns import decide_table
    from .decision import Decision, decide
    from .differ import compare
    from .edition import Edition, Knowledge, read_knowledge
    from .fact import Fact
    from .problem import AskedWrongly, KnowledgeError, Problem
    from .review import Settings, Summary, review_source
    from .value import Interval, OneOf, Reason, Unknown

_WHERE = {
    "Array": "array", "decide_batch": "batch", "decide_table": "columns", "Decision": "decision",
    "decide": "decision",
    "compare": "differ", "AskedWrongly": "problem", "Edition": "edition", "Knowledge": "edition",
    "read_knowledge": "edition", "Fact": "fact", "Interval": "value", "OneOf": "value", "Reason": "value",
    "Unknown": "value", "KnowledgeError": "problem", "Problem": "problem", "review_source": "review",
    "Settings": "review",
    "Summary": "review",
}  # fmt: skip

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
