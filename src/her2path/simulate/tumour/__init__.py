"""Receptors, shedding, immune killing, vessels and payload, as equations.

In: a model and doses. Out: occupancy and tumour size over time.
"""
