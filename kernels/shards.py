"""One run by several guests at a time, of one kernel: each has a share of the rows, and one result is made of them."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kernels.kernel import ROOT, python
from results.files import CONSOLE, EVIDENCE, JUNIT, PAGE, RESULTS, line_of, record


def join(parts: list[Path], folder: Path) -> None:
    """Make of what is in the folders of the parts, in the order of the shares, what one guest would have left.

    A part that was cut off leaves the whole without an end, as a run has that was cut off.

    Args:
        parts: the folders, which are gone afterwards.
        folder: where the results, the evidence, the console's log, JUnit's file and the report go.
    """
    with (folder / CONSOLE).open("wb") as console:
        for part in parts:
            if (part / CONSOLE).exists():
                console.write((part / CONSOLE).read_bytes())
    _join_results([part / RESULTS for part in parts if (part / RESULTS).exists()], folder / RESULTS)
    _join_junit([part / JUNIT for part in parts], folder / JUNIT)
    for part in parts:
        for kept in (part / EVIDENCE).glob("*"):
            (folder / EVIDENCE).mkdir(exist_ok=True)
            shutil.rmtree(folder / EVIDENCE / kept.name, ignore_errors=True)
            shutil.move(kept, folder / EVIDENCE / kept.name)
    if (folder / RESULTS).exists():
        page = [python(), "-m", "reports", "html", str(folder)]
        subprocess.run(page, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)  # noqa: S603  Our own command.
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)


def joining(parts: list[Path], folder: Path) -> str:
    """The same in words for sh(1), for when who started the guests is no more, however far that had come with it."""
    command = shlex.join([python(), "-m", "kernels.shards", str(folder), *map(str, parts)])
    # The report comes last. What is killed beside this process may write for a moment.
    done = f"[ -e {shlex.quote(str(folder / PAGE))} ]"
    left = shlex.join(map(str, parts))
    return f"{done} || {{ sleep 1; cd {shlex.quote(str(ROOT))} && {command}; }}; rm -rf {left}"


def _join_results(paths: list[Path], whole: Path) -> None:
    """Write the first part's facts, the rows of all, and an end that counts them, if all have one."""
    ends: list[dict[str, Any]] = []
    begun = False
    whole.unlink(missing_ok=True)  # Of a join that was cut off.
    for path in paths:
        with path.open(encoding="utf-8") as lines, whole.open("a", encoding="utf-8") as out:
            for line in lines:
                found = record(line)
                if found.get("record") == "end":
                    ends.append(found)
                elif found.get("record") == "run":
                    if not begun:
                        words = [word for word in found["command"] if not word.startswith("--share=")]
                        out.write(line_of({**found, "command": words}))
                    begun = True
                elif found:
                    out.write(line)
    if paths and len(ends) == len(paths):
        with whole.open("a", encoding="utf-8") as out:
            out.write(line_of(_sum(ends)))


def _sum(ends: list[dict[str, Any]]) -> dict[str, Any]:
    """An end for all: what was counted is added up; they ran beside each other."""
    whole = {**ends[0], "exit_status": together([end["exit_status"] for end in ends])}
    whole["seconds"] = max(end["seconds"] for end in ends)
    for count in ("collected", "reported", "unexpected"):
        whole[count] = sum(end[count] for end in ends)
    if unreached := sum(end.get("unreached", 0) for end in ends):
        whole["unreached"] = unreached
    whole["verdicts"] = {name: sum(end["verdicts"][name] for end in ends) for name in ends[0]["verdicts"]}
    return whole


def together(statuses: list[int]) -> int:
    """The exit status of all: that a share had no row (5) says something only where none has any."""
    return max([status for status in statuses if status != 5] or [5])


def _join_junit(paths: list[Path], whole: Path) -> None:
    """One of all, or none where a part has none, or half a one: what lacks rows would look whole."""
    suites = ET.Element("testsuites")
    try:
        for path in paths:
            suites.extend(ET.parse(path).getroot())  # noqa: S314  pytest's own, of a run that was ours.
    except (FileNotFoundError, ET.ParseError):
        return
    ET.ElementTree(suites).write(whole, encoding="utf-8", xml_declaration=True)


if __name__ == "__main__":
    join([Path(word) for word in sys.argv[2:]], Path(sys.argv[1]))
