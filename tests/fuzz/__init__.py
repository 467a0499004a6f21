"""A fuzz that looks for what is lost: mutants of records, settings and knowledge, and an oracle that reads them by itself.

A family (`fhir.py`, `tables.py`, `pages.py`) makes mutants from a seed and judges what came of them. The oracles read a
mutant with json, csv, tomllib or pyarrow alone, know our codes and words from lists of their own (`words.py`), and share
nothing with the readers. `bench/fuzz.py` tries a million, `test_fuzz_lost.py` some hundreds.
"""
