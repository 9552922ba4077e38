"""The suite for connect(2)."""
