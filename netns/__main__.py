"""``python -m netns [WORLD ...]``: make worlds and print what they look like, for the curious and for bug reports."""

import argparse
import json
import sys
import time
from typing import Any

from netns import WORLDS, IsolationError, enter_private_network


def main() -> int:
    """Make each named world once in private namespaces, print it, and let it go."""
    parser = argparse.ArgumentParser(
        prog="python -m netns", description="Show the private networks that kconform's tests stand in."
    )
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=f"one of {', '.join(WORLDS)} (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.worlds if name not in WORLDS]
    if unknown:
        parser.error(f"there is no world '{unknown[0]}'; the worlds are {', '.join(WORLDS)}")
    try:
        enter_private_network()
    except IsolationError as error:
        print(error, file=sys.stderr)
        return 1
    shown = []
    for name in chosen.worlds or WORLDS:
        start = time.perf_counter()
        with WORLDS[name]() as world:
            took = time.perf_counter() - start
            shown.append({**world.describe(), "milliseconds": round(took * 1000, 1)})
    print(json.dumps(shown, indent=2) if chosen.json else "\n".join(_text(world) for world in shown))
    return 0


def _text(world: dict[str, Any]) -> str:
    lines = [f"world {world['name']} (made in {world['milliseconds']} ms)"]
    for host in world["hosts"]:
        lines.append(f"  host {host['name']}")
        lines += [
            f"    link  {link['name']:<10} {link['state']:<5} {' '.join(link['addresses'])}" for link in host["links"]
        ]
        for route in host["routes"]:
            via = f" via {route['via']}" if route["via"] else ""
            link = f" on {route['link']}" if route["link"] else ""
            lines.append(f"    route {route['type']:<10} {route['to']}{via}{link}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
