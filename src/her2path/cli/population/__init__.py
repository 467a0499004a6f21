"""The commands `cohort` and `measure`.

In: the command line. Out: a folder of tables over a whole population; what measures come to over it.
"""
