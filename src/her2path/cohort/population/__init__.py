"""A whole population: a source cut into parts by patient, each reviewed by itself, in a folder that can be resumed.

In: a source and settings. Out: a folder of Parquet (facts, findings, patients, episodes, specimens), what was not read,
and a manifest that says what was read, by what, and what came of it.
"""
