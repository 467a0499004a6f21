"""The machine: decision tables, their editions, arrays, proofs and decisions; knows no patient.

In: Markdown tables and facts. Out: proven knowledge, and decisions on facts.
"""
