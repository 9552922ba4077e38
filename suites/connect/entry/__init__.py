"""How the call is made and what it checks first: entry points, prototype, order of checks, shared descriptors."""
