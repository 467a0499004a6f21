"""What is read beside the records of a source.

In: columns that no rule reads, rows that another package gives, facts as a person says them. Out: words carried to the
outputs, files of the long format, events.
"""
