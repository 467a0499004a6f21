"""The plan of one patient on one page, in the order in which pharmacists read a protocol.

In: the review of a patient. Out: the page as content in parts, and as text; `write.html` makes it a page to print.
"""
