"""SMART on FHIR: the page of one patient, opened from her record, read by the user's own rights.

In: a launch from a record system, or one that begins here. Out: her review, made of what the user may read; nothing is
kept but the token, in memory, as long as it lives.
"""
