"""``python -m tests.tools.architecture``: draw the imports between packages, in Mermaid, into docs/architecture.md.

grimp reads the imports from the code, those inside of functions, too. ``tests`` imports every package and is left out.
"""

import sys
from pathlib import Path

import grimp

from tests.tools.marked_part import put

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "architecture.md"
COMMAND, PART = "make architecture", "picture"

Part = str
"""A sub-package one level below a package, or the command beside it; or a package itself, for its other modules."""

Arrows = dict[tuple[str, str], set[tuple[Part, Part]]]
"""For each two packages, and for each package with itself, the imports from part to part."""


def main() -> int:
    """Put the picture of the code into the page."""
    put(PAGE, COMMAND, PART, drawn([name for name in packages(ROOT) if name != "tests"]))
    return 0


def packages(root: Path) -> list[str]:
    """The names of the packages in a folder, sorted."""
    return sorted(place.parent.name for place in root.glob("*/__init__.py"))


def libraries(names: list[str]) -> dict[str, list[str]]:
    """For each of the importable packages the libraries that it imports, those of Python left out, sorted."""
    graph = grimp.build_graph(*names, include_external_packages=True, cache_dir=None)
    outside = {module for module in graph.modules if graph.is_module_squashed(module)} - sys.stdlib_module_names
    return {
        name: [
            each
            for each in sorted(outside)
            if graph.direct_import_exists(importer=name, imported=each, as_packages=True)
        ]
        for name in names
    }


def drawn(names: list[str]) -> list[str]:
    """The lines of the picture of importable packages, its fence included; the same code gives the same lines."""
    graph = _graph_of_parts(names)
    arrows, parts = _arrows(graph, names), {name: _parts(graph, name) for name in names}
    outside = libraries(names)
    lines = ["```mermaid", "flowchart TD"]
    for name in names:
        beside = ", ".join(outside[name])
        if len(parts[name]) == 1:
            lines.append(f'    {name}["<b>{name}</b>{beside and f"<br/>{beside}"}"]')
            continue
        lines.append(f'    subgraph {name}["<b>{name}</b>{beside and f" ({beside})"}"]')
        lines += [f'        {_node(part)}["{_label(part)}"]' for part in parts[name]]
        lines += [f"        {_node(one)} --> {_node(other)}" for one, other in sorted(arrows[name, name])]
        lines.append("    end")
    for (importer, imported), between in sorted(arrows.items()):
        if importer != imported:
            ends = (importer, {one for one, _ in between}), (imported, {other for _, other in between})
            lines.append("    " + " --> ".join(_end(package, set(parts[package]), at) for package, at in ends))
    return [*lines, "```"]


def _graph_of_parts(names: list[str]) -> grimp.ImportGraph:
    """The imports, with one squashed module in the place of each sub-package, and of each command beside some."""
    graph = grimp.build_graph(*names, cache_dir=None)
    for name in names:
        below = {child for child in graph.find_children(name) if graph.find_children(child)}
        for child in below | ({f"{name}.__main__"} & graph.modules if below else set()):
            graph.squash_module(child)
    return graph


def _parts(graph: grimp.ImportGraph, package: str) -> list[Part]:
    """The parts of a package; itself only if it has modules of its own, or imports something."""
    found = {_part(graph, module) for module in graph.find_descendants(package)}
    if not found or graph.find_modules_directly_imported_by(package):
        found.add(package)
    return sorted(found)


def _arrows(graph: grimp.ImportGraph, names: list[str]) -> Arrows:
    found: Arrows = {(name, name): set() for name in names}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = _part(graph, importer), _part(graph, imported)
            if one != other:
                found.setdefault((_package(one), _package(other)), set()).add((one, other))
    return found


def _part(graph: grimp.ImportGraph, module: str) -> Part:
    return module if graph.is_module_squashed(module) else _package(module)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _end(package: str, parts: set[Part], concerned: set[Part]) -> str:
    """An arrow ends at a sub-package if it concerns no other part of the package, and at the package otherwise."""
    return _node(*concerned) if len(parts) > 1 and len(concerned) == 1 else package


def _node(part: Part) -> str:
    return part.replace(".", "_") if "." in part else f"{part}_modules"


def _label(part: Part) -> str:
    if part.endswith(".__main__"):
        return f"python -m {_package(part)}"
    return part.replace(".", "/") + ("/" if "." in part else "/*.py")


if __name__ == "__main__":
    sys.exit(main())
