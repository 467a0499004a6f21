"""Findings and records as FHIR R4.

In: reviews, plans and records. Out: bundles. What is written of a record is proven by reading it back.
"""
