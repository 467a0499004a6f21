"""What every output says of itself."""

from __future__ import annotations

CAUTION = "The rules are unreviewed by clinicians. This supports decisions; it is not a medical device."
