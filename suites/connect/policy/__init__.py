"""Local policy: firewalls, control groups, Landlock, seccomp."""
