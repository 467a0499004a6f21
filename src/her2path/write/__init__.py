"""Findings and records as text, JSON, FHIR, calendars and Parquet.

In: reviews, decisions, records. Out: text and files. Nothing is decided here.
"""
