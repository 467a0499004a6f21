"""The same tables looked up for many rows at once.

In: Arrow tables or batches of facts. Out: a column for each outcome, and the rows that two editions decide otherwise.
"""
