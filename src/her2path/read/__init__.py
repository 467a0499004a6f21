"""Files and messages become records.

In: FHIR, CSV or Parquet, in files, archives or folders. Out: the columns of `record`, with whatever could not be read.
"""
