"""The suite for getpeername(2): small, and the proof that a system call needs a folder and nothing else."""
