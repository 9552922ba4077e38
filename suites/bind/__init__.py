"""The suite for bind(2): a first few clauses."""
