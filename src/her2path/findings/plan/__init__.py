"""The plan of a course: the next dose with its vials, the next LVEF, the clocks, and the regimens that fit.

In: where a course stands. Out: items with days, numbers, rows and sources.
"""
