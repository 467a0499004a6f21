"""`her2path simulate`: one module a simulator's command.

In: the words of a command line. Out: tables, pictures and records of what was simulated, and how far it is.
"""
