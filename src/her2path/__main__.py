"""`python -m her2path`: the command."""

from .cli import main

main(prog_name="her2path")
