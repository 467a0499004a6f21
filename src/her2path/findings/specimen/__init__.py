"""The review of HER2 tests: specimens brought together, decided, and patients whose tests are alike decided once.

In: the tests of a record. Out: a status for each specimen and patient, with findings.
"""
