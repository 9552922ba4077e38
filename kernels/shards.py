"""What is done in the folder of a run's results when its guests have ended: shards are joined, and the page is made.

Several guests of one kernel share the rows of a run, and one result is made of what they left. The carrier, what had
the kernel run and what that took, is known only then: it is appended to the results, and the page is made after it.
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from msgspec.structs import replace

from kernels.kernel import ROOT, python
from results.codec import decode, encode
from results.ends import sum_of_ends
from results.files import CONSOLE, EVIDENCE, JUNIT, PAGE, RESULTS, append, whole_lines
from results.records import Carrier, End, Run


def finish(folder: Path, parts: Sequence[Path], carrier: Carrier) -> None:
    """Join the parts, if there are any, sign the results with the carrier, and make the page of them.

    Args:
        folder: where the results are, or go to.
        parts: the folders of the shards, in their order; they are gone afterwards.
        carrier: what had the kernel run.
    """
    if parts:
        join(parts, folder)
    kinds = {type(record) for _, record in whole_lines(folder / RESULTS)}
    if Run in kinds:
        if Carrier not in kinds:
            append(folder / RESULTS, carrier)
        page = [python(), "-m", "reports", "html", str(folder)]
        subprocess.run(page, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)  # noqa: S603  Our own command.
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)


def finishing(folder: Path, parts: Sequence[Path], carrier: Carrier) -> str:
    """A script for sh(1) that does the same after the process that started the guests was killed, at whatever point.

    The carrier is what is known at the start of the run: the kernel's name, and not what it took.
    """
    words = [python(), "-m", "kernels.shards", str(folder), encode(carrier).decode().strip(), *map(str, parts)]
    command = shlex.join(words)
    # The page comes last. What is killed beside this process may write for a moment.
    done = f"[ -e {shlex.quote(str(folder / PAGE))} ]"
    gone = f"; rm -rf {shlex.join(map(str, parts))}" if parts else ""
    return f"{done} || {{ sleep 1; cd {shlex.quote(str(ROOT))} && {command}; }}{gone}"


def join(parts: Sequence[Path], folder: Path) -> None:
    """Make of what is in the folders of the parts, in the order of the shares, what one guest would have left.

    A part that was cut off leaves the whole without an end, as a run has that was cut off.

    Args:
        parts: the folders.
        folder: where the results, the evidence, the console's log and JUnit's file go.
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


def _join_results(paths: Sequence[Path], whole: Path) -> None:
    """Write the first part's facts, the rows of all, and an end that counts them, if all have one."""
    ends: list[End] = []
    begun = False
    whole.unlink(missing_ok=True)  # Of a join that was cut off.
    for path in paths:
        with whole.open("ab") as out:
            for line, record in whole_lines(path):
                if isinstance(record, End):
                    ends.append(record)
                elif isinstance(record, Run):
                    if not begun:
                        words = [word for word in record.command if not word.startswith("--share=")]
                        out.write(encode(replace(record, command=words)))
                    begun = True
                else:
                    out.write(line)
    if paths and len(ends) == len(paths):
        with whole.open("ab") as out:
            out.write(encode(sum_of_ends(ends)))


def _join_junit(paths: Sequence[Path], whole: Path) -> None:
    """One of all, or none where a part has none, or half a one: what lacks rows would look whole."""
    suites = ET.Element("testsuites")
    try:
        for path in paths:
            suites.extend(ET.parse(path).getroot())  # noqa: S314  pytest's own, of a run that was ours.
    except (FileNotFoundError, ET.ParseError):
        return
    ET.ElementTree(suites).write(whole, encoding="utf-8", xml_declaration=True)


def _main(folder: str, carrier: str, *parts: str) -> None:
    record = decode(carrier.encode())
    if not isinstance(record, Carrier):
        raise TypeError(f"{carrier!r} is no carrier")
    finish(Path(folder), [Path(part) for part in parts], record)


if __name__ == "__main__":
    _main(*sys.argv[1:])
