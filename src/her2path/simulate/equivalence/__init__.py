"""Biosimilar equivalence: intervals, published trials recomputed, power.

In: counts or samples. Out: intervals and verdicts.
"""
