"""Many patients: the pieces of a source shared by processes; no rule of its own.

In: a source and settings. Out: reviews in the order of the source, or a Parquet file of findings.
"""
