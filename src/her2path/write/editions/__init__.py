"""Editions, what two of them decide otherwise, and what that does to patients: as text, and as a page to share.

In: editions with their proofs, disagreements, changes of patients. Out: text, and HTML that stands by itself.
"""
