"""The HTML report: one page that opens from disk, made of results and nothing else, of one kernel or of several.

What came from a kernel, a host or a file stays data: JSON in which no markup can stand, which the script of
``reports/html/page/`` shows as text. A content security policy lets nothing run but that script, by its hash.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.html.page_data import Packer
from reports.html.page_script import join_modules
from results.reader import Results

_PAGE = Path(__file__).parent / "page"
_VIEWS = {
    "overview": "Overview",
    "documents": "Documents",
    "errno": "Errnos",
    "subject": "Subjects",
    "matrix": "Matrix",
    "disagreements": "Disagreements",
    "not-exercised": "Not exercised",
    "slowest": "Slowest",
    "rows": "All rows",
    "facts": "Facts",
}


def write_html(results: Results | Sequence[Results], path: Path) -> None:
    """Render the report into a file."""
    path.write_text(render(results, path.parent), encoding="utf-8")


def render(results: Results | Sequence[Results], beside: Path | None = None) -> str:
    """The report as a text: of one run, or of one for each kernel, side by side.

    ``beside`` is the folder in which the page will lie, if not in that of the results: evidence is linked from there.
    """
    packer = Packer()
    for each in [results] if isinstance(results, Results) else results:
        kernel = packer.begin(each.run, each.label, way_to(each.folder, beside), each.folder)
        for row in each.rows:
            packer.add(kernel, row)
        for sentence in each.damaged:
            packer.damage(kernel, sentence)
        if each.end is not None:
            packer.end(kernel, each.end)
        if each.carrier is not None:
            packer.carried(kernel, each.carrier)
    return page(packer)


def way_to(evidence: Path | None, beside: Path | None) -> str:
    """The way to the folder of evidence from that of the page, for links; empty where both are one."""
    if evidence is None or beside is None:
        return ""
    way = Path(os.path.relpath(evidence.resolve(), beside.resolve())).as_posix()
    return "" if way == "." else way


def page(packer: Packer) -> str:
    """The page of what was packed."""
    # Imported late: only whoever renders pays for the template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (_PAGE / "report.css").read_text(encoding="utf-8")
    script = join_modules()
    context: dict[str, Any] = {
        "title": packer.title,
        "kernels": packer.kernels,
        "views": list(_VIEWS.items()),
        "data": packer.data(),
        "parts": packer.parts(),
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
    }
    return _whole(environment.get_template("report.html.j2").render(context))


def _whole(text: str) -> str:
    """A text without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls a script or a style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
