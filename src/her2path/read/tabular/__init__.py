"""CSV and Parquet become records: wide (a row a specimen, a patient or a day of hers) or long (a row an event).

In: files with a header. Out: events of whole patients, and what could not be read.
"""
