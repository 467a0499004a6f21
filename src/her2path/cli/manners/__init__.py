"""What all commands have in common: examples in every help, nearest names, old names of options, colours, completion.

In: commands as they are written, and what was typed. Out: the same commands, with what everyone of them says and takes.
"""
