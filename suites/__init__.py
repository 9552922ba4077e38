"""The suites, a folder for each system call: its catalogue, its tests, and what kernels are known to do otherwise."""
