"""kconform as one file, for machines that have a Python and nothing else: how it is made, and how it starts."""
