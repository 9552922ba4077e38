"""Bad arguments: descriptors, pointers, lengths, address families."""
