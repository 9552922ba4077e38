"""From a row's record to a C program that does the same without kconform; ``reproduce`` is the way in.

``words`` reads what a transcript says of a call, ``network`` makes topologies and changes them, ``calls`` writes calls
down, ``program`` puts all together, and ``parts.c`` has the functions, of which a program takes those that it needs.
"""
