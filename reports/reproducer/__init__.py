"""From a row's record to a C program that does the same without kconform; ``reports.reproduce`` is the way in.

``words`` reads what transcripts say of a call, ``network`` makes the world and changes it, ``calls`` writes a call down,
``program`` puts all together, and ``parts.c`` has the functions from which each program takes those that it needs.
"""
