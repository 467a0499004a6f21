"""Measures of quality over a reviewed population: definitions in Markdown, counted by DuckDB.

In: the folder that `her2path cohort` wrote, and `knowledge/measures/`. Out: counts with the undetermined told apart,
rates with the lowest and highest that the undetermined allow, intervals, and the patients behind each number.
"""
