"""``python -m reports``: the HTML page, the summary, or the page of disagreements, from results that are there."""

import argparse
import sys
from pathlib import Path

from reports.disagreements import disagreements
from reports.html import write_html
from reports.results import ResultsError, read_results
from reports.terminal import summary


def main() -> int:
    """Read a results file and render it."""
    parser = argparse.ArgumentParser(prog="python -m reports", description="Work with results that kconform wrote.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    html = commands.add_parser("html", help="write index.html beside a results file")
    html.add_argument("results", type=Path, help="results.jsonl, or the folder that holds it")
    html.add_argument("-o", "--output", type=Path, help="where the page goes (default: beside the results)")
    show = commands.add_parser("summary", help="print the summary of a results file")
    show.add_argument("results", type=Path, help="results.jsonl, or the folder that holds it")
    page = commands.add_parser("disagreements", help="write where documents and kernel part, as Markdown")
    page.add_argument("results", type=Path, help="results.jsonl, or the folder that holds it")
    page.add_argument("-o", "--output", type=Path, help="where the page goes (default: the terminal)")
    chosen = parser.parse_args()
    try:
        results = read_results(chosen.results)
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.command == "summary":
        print("\n".join(summary(results)))
        return 0
    if chosen.command == "disagreements":
        text = disagreements(results)
        if chosen.output is None:
            print(text, end="")
        else:
            chosen.output.write_text(text, encoding="utf-8")
        return 0
    folder = chosen.results if chosen.results.is_dir() else chosen.results.parent
    output = chosen.output or folder / "index.html"
    write_html(results, output)
    print(f"wrote {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
