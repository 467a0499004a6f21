"""Pages about the knowledge itself: what is covered, and what the labels ask.

In: what was counted and looked up of the knowledge. Out: Markdown that reads well as text too.
"""
