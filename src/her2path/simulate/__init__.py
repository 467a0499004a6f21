"""Virtual patients: exposure, heart, tumour and whole courses by the same tables.

In: models and policies. Out: simulated populations, and records that the readers read.
"""
