"""Every dose and every order of HER2-directed drugs, each judged by itself: amount, step, interval, drug and label.

In: the facts of a batch of courses. Out: an answer to each point for each of them, and the rows of findings.
"""
