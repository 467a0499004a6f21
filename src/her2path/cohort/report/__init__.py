"""What a reviewed population comes to, to be read: the flow between editions, and one page of HTML with every measure.

In: the folder of a run, with its measures and its editions. Out: the flow as data, text and SVG; a page that stands by
itself, in which every number opens to its definition and its patients.
"""
