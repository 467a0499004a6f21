"""The pages: templates filled from reviews, with no rule and no clinical number of their own.

In: loaded records and knowledge. Out: HTML.
"""

from .routes import page_routes, shown_by

__all__ = ["page_routes", "shown_by"]
