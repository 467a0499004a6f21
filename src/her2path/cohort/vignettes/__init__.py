"""Whole patients as knowledge: each vignette is reviewed, and what is said and planned is held against what must be.

In: the Markdown of `knowledge/vignettes/`, and proven tables. Out: what does not hold, with file and line.
"""
