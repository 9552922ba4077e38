"""What joins pytest, the fixtures and the reports: the only code beside conftest.py that may import all of them."""
