"""The suite for accept(2) and accept4(2): a first few clauses."""
