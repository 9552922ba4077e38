"""Trouble made on purpose: runs of kconform that are killed, starved and fed nonsense (``python -m tests.chaos``)."""
