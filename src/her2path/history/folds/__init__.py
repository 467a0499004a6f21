"""The folds over a timeline: doses, the heart, everything else; written once, interpreted for few, compiled for many.

In: timelines, and what the knowledge says of drugs and hearts. Out: the state of each patient on a day.
"""
