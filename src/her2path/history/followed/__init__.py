"""What is followed of a record beyond its latest value: extremes, episodes and multiples, as columns over patients.

In: a record, its timeline and the states of the folds. Out: the facts of `course/followed.md`, and why some are
unknown.
"""
