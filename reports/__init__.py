"""What is made of results: pages, formats that other programs read, and the commands of ``python -m reports``.

It imports results, the standard library, Jinja2 and msgspec, and has nothing about networks or any one system call.
"""
