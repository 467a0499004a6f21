"""What resources come in, and what they say of each other: containers, versions, persons and the whole source.

In: the text of a piece, and resources. Out: single resources each with its place, who they belong to, and which count.
"""
