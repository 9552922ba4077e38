"""The parts of a Markdown page that commands write.

A part is the lines between ``<!-- COMMAND: PART -->`` and ``<!-- end of PART -->``.
"""

from pathlib import Path


def put(page: Path, command: str, part: str, lines: list[str]) -> None:
    """Replace the lines between the marks of a part.

    Raises:
        ValueError: when the page has no such marks.
    """
    head, _, tail = split(page, command, part)
    page.write_text("\n".join([head, *lines, tail]), encoding="utf-8")


def split(page: Path, command: str, part: str) -> tuple[str, list[str], str]:
    """A page as the text up to the first mark of a part, the part's lines, and the text from its last mark on.

    Raises:
        ValueError: when the page has no such marks.
    """
    first, last = f"<!-- {command}: {part} -->", f"<!-- end of {part} -->"
    head, found, rest = page.read_text(encoding="utf-8").partition(first)
    lines, found_too, tail = rest.partition(last)
    if not found or not found_too:
        raise ValueError(f"{page} has no place for '{part}': a line {first}, and after it one {last}")
    return head + first, lines.splitlines()[1:], last + tail
