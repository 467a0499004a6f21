"""The records of advice: what was advised, on which data, by which edition, and what was done with it.

In: answers and feedback. Out: rows that nobody changes, in SQLite or PostgreSQL; overrides by rule; AuditEvents.
"""
