"""The warnings and dose rules of the labels, product by product: what carries each, what it reads, what is missing.

In: `knowledge/label-rules.md`, proven knowledge, codes. Out: for each product and jurisdiction its rules with their
tables, facts, codes and levels; and the proof that none is left out.
"""
