"""Routes, policy rules and interfaces of the client's host."""
