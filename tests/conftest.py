"""What all tests share: the knowledge that ships, read once, and a quick profile for Hypothesis."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge

os.environ["COLUMNS"] = "100"  # text is compared as on a page; into a pipe it would not be broken
settings.register_profile(
    "quick", max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", max_examples=3000, deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return default_knowledge()
