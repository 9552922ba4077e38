"""The harness, proved on lies: every row is run again while one answer of the kernel is not what the kernel said.

A lie that a row does not notice is a survivor: a kernel with that bug would pass. ``python -m tests.prove`` tells them.
"""
