"""Joins the ES modules of ``reports/html/page/`` into the one script that stands in the page.

The page opens from disk, where a browser loads no module from another file, and its policy allows one script by its
hash. So each module becomes a function, which is called once and returns the exports of the module; the order follows
from the imports, and a module's own names stay in its function. Python does this when a report is made: no other tool
is needed. Only a few forms of import and export can be joined in this way, and any other is refused.
"""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

_PAGE = Path(__file__).parent / "page"
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^\s+", re.MULTILINE)
_IMPORT = re.compile(r'^import \{(\s*\w+(?:,\s*\w+)*,?\s*)\} from "\./([a-z]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function|const) (\w+)\b)", re.MULTILINE)
_OTHER = re.compile(r"^\s*(?:import|export)\b[^\n]*|\bimport\s*[(.][^\n]*", re.MULTILINE)


def join_modules(entry: str = "app", folder: Path = _PAGE) -> str:
    """The module ``entry`` with all modules that it needs, as the text of one script of type ``module``.

    Comments that have lines of their own, and indentation, are left out: a page is smaller without them.

    Raises:
        ValueError: when modules import each other in a circle, a name is imported that is not exported, or a module has
            a form of import, export or text that cannot be joined.
    """
    modules: dict[str, _Module] = {}
    wanted = [entry]
    while wanted:
        name = wanted.pop()
        if name not in modules:
            modules[name] = _Module(name, (folder / f"{name}.js").read_text(encoding="utf-8"))
            wanted += modules[name].imports
    for name, module in modules.items():
        for source, names in module.imports.items():
            if missing := [each for each in names if each not in modules[source].exports]:
                raise ValueError(f"{name}.js imports {', '.join(missing)}, which {source}.js does not export")
    try:
        order = list(TopologicalSorter({name: list(each.imports) for name, each in modules.items()}).static_order())
    except CycleError as error:
        raise ValueError(f"modules import each other in a circle: {' -> '.join(error.args[1])}") from error
    return "\n".join(modules[name].function for name in order)


class _Module:
    """A module as a function: what it imports by module, what it exports, and its text."""

    def __init__(self, name: str, text: str) -> None:
        # A text of several lines could hold what only looks like a comment, an import or an export.
        lines = text.split("\n")
        if spanning := next((line for line in lines if line.count("`") % 2 or line.endswith("\\")), None):
            raise ValueError(f"{name}.js has a text that spans lines: {spanning.strip()}")
        code = _COMMENT.sub("", text)
        self.imports: dict[str, list[str]] = {}
        for names, source in _IMPORT.findall(code):
            self.imports.setdefault(source, []).extend(each.strip() for each in names.split(",") if each.strip())
        self.exports: list[str] = _EXPORT.findall(code)
        body = _INDENT.sub("", _EXPORT.sub("", _IMPORT.sub(r"const {\1} = $\2;", code)))
        if other := _OTHER.search(body):
            raise ValueError(f"{name}.js has an import or export that cannot be joined: {other[0].strip()}")
        exported = ", ".join(self.exports)
        self.function = f"const ${name} = (() => {{\n{body}return {{ {exported} }};\n}})();"
