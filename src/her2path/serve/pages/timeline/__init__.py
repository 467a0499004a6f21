"""The timeline of a course: what stands on it, in words and numbers, and its drawing in three sizes.

In: a patient opened. Out: marks, rows of a table, SVG.
"""
