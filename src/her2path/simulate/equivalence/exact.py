"""The exact unconditional interval of a difference of responses, which some publications print.

The probability of a difference at least as large as the observed one is taken at its largest over every response of the
reference arm that the difference allows; the interval holds the differences that neither tail rejects. Source: Santner
and Snell, J Am Stat Assoc 1980;75:386-394.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .responses import DIFFERENCE, EXACT, ConfidenceInterval, Responses

GRID = 161
"""Responses of the reference arm that are tried; more change the bounds by less than 0.01 percent points."""


def exact_interval(test: Responses, reference: Responses, level: float) -> ConfidenceInterval:
    """The interval in percent points; `level` is a share above 0 and below 1."""
    from scipy.optimize import brentq

    error, estimate = (1 - level) / 2, test.share - reference.share

    def bound(*, below: bool) -> float:
        def excess(difference: float) -> float:
            return exact_tail(test, reference, difference, above=below) - error

        outer = -1 + 1e-9 if below else 1 - 1e-9
        return float(outer if excess(outer) > 0 else brentq(excess, outer, estimate, xtol=1e-6))

    return ConfidenceInterval(
        DIFFERENCE, 100 * estimate, 100 * bound(below=True), 100 * bound(below=False), level, EXACT
    )


def exact_tail(test: Responses, reference: Responses, difference: float, *, above: bool) -> float:
    """The largest probability, if `difference` (a share) is the true one, of what was observed or more.

    `above` counts differences at least as large as the observed one, otherwise those at most as large. It is the
    p-value against a margin.
    """
    from scipy.stats import binom

    low, high = max(0.0, -difference), min(1.0, 1 - difference)
    shares = np.linspace(low, high, GRID)[:, None]
    responders = np.arange(reference.patients + 1)
    # The number of test responders at which the difference is as observed; rounding must not move a tie.
    edge: Any = (test.share - reference.share + responders / reference.patients) * test.patients
    weight = binom.pmf(responders, reference.patients, shares)
    true = np.clip(shares + difference, 0, 1)
    if above:
        tail = binom.sf(np.ceil(edge - 1e-7) - 1, test.patients, true)
    else:
        tail = binom.cdf(np.floor(edge + 1e-7), test.patients, true)
    return float((weight * tail).sum(axis=1).max())
