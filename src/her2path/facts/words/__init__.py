"""What records call things: the addresses of code systems, the phrases of laboratories, the names of facts, units.

In: the tables of `knowledge/codes/words/`. Out: look-ups by which the readers understand them. No patient is known.
"""
