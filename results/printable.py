"""Text from a results file, made fit to be printed: one line, and nothing in it that steers a terminal or a CI's log.

A results file may come from a stranger. What is written for people line by line goes through here; formats with rules
of their own (Markdown, XML, CSV, KTAP) add theirs on top, each in its own module.
"""


def one_line(text: str, most: int | None = None) -> str:
    """The text on one line: whatever is not printable stands there as a backslash escape.

    Args:
        text: any text; control characters, line ends, and signs that turn the direction of writing are escaped.
        most: how many characters are kept; a text that is cut ends in three dots.
    """
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escape(each) for each in text)
    if most is not None and len(text) > most:
        text = text[: most - 3] + "..."
    # The log of GitHub's actions takes the one for a command wherever in a line it stands, the other at its beginning.
    text = text.replace("##[", "## [")
    return text.replace("::", ": :", 1) if text.lstrip().startswith("::") else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
