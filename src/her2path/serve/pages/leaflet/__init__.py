"""The page *Leaflet*: one printed page for a patient, of the sentences of `knowledge/leaflet.md`.

In: the review of one patient. Out: HTML; no sentence and no clinical rule stands here.
"""

from .page import routes

__all__ = ["routes"]
