"""What can be said, in which words and numbers, and from which source; knows no patient and no table.

In: the Markdown below `knowledge/`. Out: facts, values, sources, codes.
"""
