"""Pages of HTML that need nothing else: no script, no other file, every word of a record escaped.

In: reviews, plans. Out: a worklist with every patient, and a plan to print.
"""
