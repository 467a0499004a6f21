"""One's own rules: an edition in a file, a folder that adds to the knowledge in use, a copy to begin with.

In: Markdown of one's own, and the knowledge in use.
Out: the same knowledge with what is one's own in it, proven; or what is wrong with it, the first faults first.
"""
