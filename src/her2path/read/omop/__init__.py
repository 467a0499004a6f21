"""A warehouse in the OMOP Common Data Model, 5.4 or 5.3, as records: in DuckDB or in PostgreSQL, read only.

In: the address of a warehouse and what `quantity` means there. Out: whole persons in columns, slice by slice, through
the same codes and units as every other reader; and what the warehouse holds that was not read, or is in doubt, counted.
"""
