"""The page *Check*: five questions that need no record, each a form whose answer has an address of its own.

In: what a form says. Out: pages and JSON of the answers of `her2path.answers`; no rule stands here.
"""

from .page import routes

__all__ = ["routes"]
