"""Concentration of antibody over time, for populations and for one record.

In: a model, a schedule or a record. Out: concentrations, troughs, areas, days below a limit.
"""
