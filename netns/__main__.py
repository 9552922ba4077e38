"""``python -m netns [TOPOLOGY ...]``: make topologies and print them, for the curious and for bug reports."""

import argparse
import json
import sys
import time
from typing import Any

from netns import TOPOLOGIES, IsolationError, enter_private_network


def main() -> int:
    """Make each named topology once in private namespaces, print it, and let it go."""
    parser = argparse.ArgumentParser(
        prog="python -m netns", description="Show the private networks that kconform's tests stand in."
    )
    parser.add_argument(
        "topologies", nargs="*", metavar="TOPOLOGY", help=f"one of {', '.join(TOPOLOGIES)} (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.topologies if name not in TOPOLOGIES]
    if unknown:
        parser.error(f"there is no topology '{unknown[0]}'; the topologies are {', '.join(TOPOLOGIES)}")
    try:
        enter_private_network()
    except IsolationError as error:
        print(error, file=sys.stderr)
        return 1
    shown = []
    for name in chosen.topologies or TOPOLOGIES:
        start = time.perf_counter()
        with TOPOLOGIES[name]() as topology:
            took = time.perf_counter() - start
            shown.append({**topology.describe(), "milliseconds": round(took * 1000, 1)})
    print(json.dumps(shown, indent=2) if chosen.json else "\n".join(_text(topology) for topology in shown))
    return 0


def _text(topology: dict[str, Any]) -> str:
    lines = [f"topology {topology['name']} (made in {topology['milliseconds']} ms)"]
    for host in topology["hosts"]:
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
