"""Plugins for pytest runs that tests start: entry points that lie, a kernel that panics, rows again and shuffled."""
