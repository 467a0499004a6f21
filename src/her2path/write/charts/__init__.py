"""Pictures of simulations.

In: arrays and labels. Out: PNG or SVG files.
"""
