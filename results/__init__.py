"""What a run leaves and what others read: ids, records, files, the catalogue, expectations, selection, and scores.

It is the leaf of the import graph: every module may import it, and it imports the standard library and msgspec alone.
"""
