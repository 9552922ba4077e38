"""The harness's own tests: they prove that it can fail, and that it says what failed."""
