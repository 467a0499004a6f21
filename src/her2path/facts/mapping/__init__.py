"""A site's mapping: its own codes and names beside the code tables.

In: the `[[map]]` tables of a settings file, facts and codes. Out: proven entries, and code tables that hold them too.
"""
