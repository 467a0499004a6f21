"""At the point of care: pages for persons and services for record systems, from the one engine.

In: records of a source, or what a record system sends. Out: pages, cards, what was advised.
"""
