"""Reviews and records as Parquet: findings, patients, episodes, and events in the long format.

In: reviewed batches, or records. Out: Arrow tables, and files that are whole or not there.
"""
