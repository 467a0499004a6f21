"""FHIR straight into columns: each distinct resource body is read once, and every resource is a template and a day.

In: pieces of a source, and groups of resources by patient. Out: records as columns, and troubles.
"""
