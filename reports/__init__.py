"""Records of runs and rows, the catalogue that they speak of, the judge of expectations, and the renderers.

It may import the standard library, Jinja2 and msgspec. It knows nothing of namespaces or sockets, nor of any one
system call.
"""
