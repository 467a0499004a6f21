"""A patient's record, one or many: events in columns, patients whole and sorted; an event is a view of a row.

In: what a reader made. Out: what the history and the findings read. Nothing else of a source is read downstream.
"""
