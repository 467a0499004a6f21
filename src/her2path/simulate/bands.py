"""Bands: percentiles over time of any number of patients, in memory that does not grow with them."""

from __future__ import annotations

import numpy as np

from .arrays import Floats

LEAST_VALUE, MOST_VALUE, BIN_RATIO = 1e-4, 1e6, 1.01
"""Values are counted in bins, each 1 % wider than the last; smaller and greater ones in the first and the last."""
PERCENTILES = (5, 50, 95)
"""What is shown of many patients."""
MOST_TIMES = 4000
"""Of a longer course every second, third, ... time is counted, so that memory does not grow with it either."""


class Bands:
    """Counts of positive values by time and bin; a percentile is right to half a percent."""

    def __init__(self, times: Floats) -> None:
        step = -(-len(times) // MOST_TIMES)
        self._shown = np.arange(0, len(times), step)
        self.times = times[self._shown]
        self._bins = int(np.log(MOST_VALUE / LEAST_VALUE) / np.log(BIN_RATIO)) + 2
        self._counts = np.zeros((len(self.times), self._bins), np.uint32)
        self.patients = 0

    def add(self, values: Floats) -> None:
        """Count the values (times x patients)."""
        values = values[self._shown]
        with np.errstate(divide="ignore"):
            place = np.log(np.maximum(values, LEAST_VALUE) / LEAST_VALUE) / np.log(BIN_RATIO)
        place = np.clip(place.astype(np.int64) + 1, 0, self._bins - 1)
        place[values < LEAST_VALUE] = 0
        rows = np.arange(len(self.times))[:, None] * self._bins
        counts = np.bincount((place + rows).ravel(), minlength=self._counts.size)
        self._counts += counts.reshape(self._counts.shape).astype(np.uint32)
        self.patients += values.shape[1]

    def percentile(self, percent: float) -> Floats:
        """The percentile (0 to 100) at each time, the middle of its bin; 0 where it is below every bin."""
        wanted = max(1.0, np.ceil(self.patients * percent / 100))
        place = np.argmax(np.cumsum(self._counts, axis=1) >= wanted, axis=1)
        values: Floats = LEAST_VALUE * BIN_RATIO ** (place - 0.5)
        values[place == 0] = 0.0
        return values
