"""Readers that are not ours, of what kconform writes: tests read it back with them."""

from xml.etree.ElementTree import Element, fromstring

from markdown_it import MarkdownIt


def xml(text: str) -> Element:
    """A text as a reader of XML has it."""
    return fromstring(text)  # noqa: S314  It was made by what is tested.


def shown(markdown: str) -> Element:
    """What a reader of Markdown makes of a text, with tables and HTML let through as GitHub does."""
    made = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(markdown)
    return xml(f"<all>{made}</all>")
