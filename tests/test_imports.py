"""Who imports what: the picture of docs/architecture.md agrees with the code."""

from tests.tools import architecture
from tests.tools.marked_part import split


def test_the_picture_shows_the_imports_of_the_code() -> None:
    _, lines, _ = split(architecture.PAGE, architecture.COMMAND, architecture.PART)
    drawn = architecture.drawn([name for name in architecture.packages(architecture.ROOT) if name != "tests"])
    assert lines == drawn, "make architecture draws the picture anew"
