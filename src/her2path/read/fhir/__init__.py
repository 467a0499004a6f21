"""FHIR R4 becomes records: each resource is read by the reader of its kind.

In: JSON documents or lines. Out: events, specimens and troubles of a patient.
"""
