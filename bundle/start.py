"""What the one file begins with: it lays itself out in a temporary folder, runs the suites there, and takes that away.

It runs on a machine that has nothing but a Python; up to its message, on any Python 3. It stands alone: in the file it
is ``__main__.py``, with the project in ``project/`` and wheels for many machines in ``wheels/`` beside it.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile

NEEDED = (3, 11)
USAGE = """usage: {0} [--results=DIR] [pytest's and kconform's options]
       {0} reports COMMAND ...     make something of results: html, compare, merge, ktap, ...
       {0} netns                   show the private networks that tests stand in

Checks the live kernel, as root or as an ordinary user; results go into ./kconform-results where nothing else is said.
Options are those of a checkout, such as --row ID, --clause ID, --entry syscall, --list-clauses, -n WORKERS.
The file lays itself out in a temporary folder (TMPDIR says where), which goes when it ends.
"""


class CannotStart(Exception):
    """The suites can't be run here; the message says why."""


def main() -> "int | str":
    """Lay out, run, and give the exit status, or what is wrong."""
    name = os.path.basename(sys.argv[0])
    if sys.version_info < NEEDED:
        return "kconform needs Python 3.11 or newer, and this is %d.%d: try python3.11 %s" % (
            *sys.version_info[:2],
            name,
        )
    if sys.argv[1:2] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE.format(name))
        return 0
    try:
        place = tempfile.mkdtemp(prefix="kconform-one-file-")
    except OSError as error:
        return "kconform needs a temporary folder, and TMPDIR names none: %s" % error
    # Whatever ends this from now on is passed on to what runs, so that the folder goes in every case.
    running = Running()
    try:
        lay_out(os.path.dirname(os.path.abspath(__file__)), place)
        return running.run(*words(sys.argv[1:], place), environment(place))
    except CannotStart as error:
        return "kconform can't start here: %s" % error
    except OSError as error:
        return "kconform can't lay itself out in %s: %s (TMPDIR names another folder)" % (place, error.strerror)
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Running:
    """What runs, and signals passed on to it."""

    def __init__(self) -> None:
        self.process = None  # type: subprocess.Popen[bytes] | None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.pass_on)

    def pass_on(self, number: int, _: object) -> None:
        """Pass a signal on; Ctrl-C has reached the process already, by the terminal."""
        if self.process is None:
            raise CannotStart("it was ended by signal %d" % number)
        if number != signal.SIGINT or not sys.stdin.isatty():
            self.process.send_signal(number)

    def run(self, command: "list[str]", folder: str, variables: "dict[str, str]") -> int:
        """Run a command to its end, and give its exit status."""
        self.process = subprocess.Popen(command, cwd=folder, env=variables)
        status = self.process.wait()
        return status if status >= 0 else 128 - status


def words(given: "list[str]", place: str) -> "tuple[list[str], str]":
    """The command, and the folder in which it runs."""
    if given[:1] in (["reports"], ["netns"]):
        return [sys.executable, "-m", *given], os.getcwd()
    results = os.path.abspath("kconform-results")
    rest = []
    asked = iter(given)
    for word in asked:
        if word == "--results":
            results = os.path.abspath(next(asked, ""))
        elif word.startswith("--results="):
            results = os.path.abspath(word[len("--results=") :])
        else:
            rest.append(word)
    # Plugins of the machine's own pytest are none of ours.
    ours = ["-p", "xdist", "-p", "no:cacheprovider", "--basetemp=" + os.path.join(place, "pytest"), "-n", "auto"]
    return [sys.executable, "-m", "pytest", "suites", *ours, "--results=" + results, *rest], os.path.join(
        place, "project"
    )


def environment(place: str) -> "dict[str, str]":
    """The variables for it: ours come first where Python looks for modules."""
    made = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME")}
    made["PYTHONPATH"] = os.pathsep.join((os.path.join(place, "project"), os.path.join(place, "site")))
    made["PYTHONNOUSERSITE"] = "1"
    with open(os.path.join(place, "project", "COMMIT")) as commit:
        made["KCONFORM_COMMIT"] = commit.read()
    made["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return made


def lay_out(bundle: str, place: str) -> None:
    """Unpack the project, and of each package the wheel that fits this machine best.

    Raises:
        CannotStart: when there is none for one of them.
    """
    site = os.path.join(place, "site")
    with zipfile.ZipFile(bundle) as file:
        names = file.namelist()
        for name in names:
            if name.startswith("project/"):
                file.extract(name, place)
        wheels = [name for name in names if name.endswith(".whl")]
        anywhere = [name for name in wheels if name.endswith("-py3-none-any.whl")]
        for name in anywhere:
            unpack(file, name, site)
        # Only now is there something that knows what the rest of the names mean.
        sys.path.insert(0, site)
        for name in best([name for name in wheels if name not in anywhere]):
            unpack(file, name, site)


def best(wheels: "list[str]") -> "list[str]":
    """For each package the wheel that this Python on this machine likes best."""
    from packaging.tags import sys_tags  # It lies in the bundle.
    from packaging.utils import parse_wheel_filename

    order = {tag: rank for rank, tag in enumerate(sys_tags())}
    found = {}  # type: dict[str, tuple[int, str]]
    for path in wheels:
        package, _, _, tags = parse_wheel_filename(os.path.basename(path))
        rank = min((order[tag] for tag in tags if tag in order), default=len(order))
        found[package] = min(found.get(package, (rank, path)), (rank, path))
    for name, (rank, _) in found.items():
        if rank == len(order):
            here = next(iter(order))
            raise CannotStart("it carries no %s for %s; a checkout of kconform builds what it needs" % (name, here))
    return [path for _, path in found.values()]


def unpack(bundle: zipfile.ZipFile, wheel: str, site: str) -> None:
    """Unpack a wheel: its modules, and not its scripts and manuals."""
    with bundle.open(wheel) as inner, zipfile.ZipFile(inner) as file:
        file.extractall(site, [name for name in file.namelist() if ".data/" not in name])


if __name__ == "__main__":
    sys.exit(main())
