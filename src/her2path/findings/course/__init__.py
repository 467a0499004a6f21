"""The review of courses: facts of a day, the tables' answers, the doubts of the record, and findings as rows.

In: record columns, and what the specimens came to. Out: rows of findings, and where each course stands.
"""
