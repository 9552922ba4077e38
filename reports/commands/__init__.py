"""Subcommands of ``python -m reports`` that compare, merge or describe results."""
