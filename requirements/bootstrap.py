"""Makes the virtual environment with the locked packages, or says in one sentence why it can't.

Run by make as ``python3 requirements/bootstrap.py VENV LOCKFILE``. Up to its messages it has to run on any Python 3.
"""

import subprocess
import sys

NEEDED = (3, 11)


def main() -> "str | None":
    """Check what is there, then make the environment and install into it; gives None or what is wrong."""
    venv, lock = sys.argv[1:]
    if not sys.platform.startswith("linux"):
        return f"kconform needs Linux: its tests run in network namespaces, and this is {sys.platform}."
    if sys.version_info < NEEDED:
        found = ".".join(str(part) for part in sys.version_info[:3])
        wanted = ".".join(str(part) for part in NEEDED)
        return f"kconform needs Python {wanted} or newer, and this is {found}: try 'make PYTHON=python{wanted}'."
    made = run([sys.executable, "-m", "venv", venv])
    if made is not None:
        return f"the virtual environment {venv} can't be made (Debian and Ubuntu need the package python3-venv): {made}"
    pip = [f"{venv}/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    installed = run([*pip, "--requirement", lock])
    if installed is not None:
        return f"the packages of {lock} can't be installed (is there a package index that pip reaches?): {installed}"
    return None


def run(command: "list[str]") -> "str | None":
    """Run a command; gives None, or what it said when it failed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        return None
    said = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return " / ".join(said[-4:]) or f"exit status {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
