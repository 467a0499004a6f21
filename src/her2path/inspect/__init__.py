"""The first hour with a hospital's feed: what is in it, what was read of it, and what looks like ours and was not.

In: a source, knowledge and settings. Out: counts over the whole source, as a page, JSON and a starter mapping.
"""
