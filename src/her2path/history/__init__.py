"""From a record to the facts of a day: the timeline, the folds over it, the clocks.

In: event columns. Out: a column for each state, clock and fact of the course.
"""
