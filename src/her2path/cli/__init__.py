"""The command `her2path`: commands parse, call and print.

In: the command line. Out: text, files and an exit code.
"""

from .group import main

__all__ = ["main"]
