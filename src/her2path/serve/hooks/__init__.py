"""CDS Hooks: a record system asks while a chart is opened or an order written, and gets cards.

In: a request with prefetch, drafts and access to a FHIR server. Out: cards with reasons and drafts to take up; nothing
where nothing is due.
"""
