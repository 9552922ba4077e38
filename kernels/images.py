"""What a virtual machine starts from: file systems with the interpreter, the project and modules, and its first files.

Each is built once, kept in the cache, and named by what went into it: where that has changed, another is built, and the
one before is removed.
"""

import gzip
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kernels.cache import cache_folder, fingerprint, locked
from kernels.debian import KernelError
from kernels.kernel import ROOT

# Of the interpreter and the environment no guest wants these; of the project, what is made and not written.
_NEVER = {"test", "tests", "idlelib", "tkinter", "ensurepip", "mypy", "mypyc", "ruff", "pip"}
_MADE = {".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", "out"}
_GUEST = Path(__file__).parent / "guest"
# By what the root of a guest is reached, in the order in which it is loaded; what of it is built in needs no file.
_FIRST = ("virtio_pci", "virtio_blk", "virtio_rng", "crc32c_generic", "ext4", "9pnet_virtio", "9p", "overlay")


def environment_image() -> tuple[Path, list[Path]]:
    """The interpreter and its environment, and the folders in it, which lie where they do here."""
    prefixes = dict.fromkeys(Path(prefix) for prefix in (sys.base_prefix, sys.prefix))
    # An interpreter of the system's lies among everything else; the host's files have it.
    folders = [each for each in prefixes if each not in (Path("/usr"), Path("/"))]
    without = set(_NEVER)
    if sys.prefix != sys.base_prefix:  # What is installed there, nobody in the environment sees.
        without |= {str(path) for path in Path(sys.base_prefix).glob("lib/python*/site-packages")}
    return _image("environment", folders, without), folders


def project_image() -> Path:
    """The project as it is."""
    return _image("project", [ROOT], _MADE)


def modules_image(modules: Path) -> Path:
    """The folder of a kernel's modules, as the whole of a file system."""
    return _image("modules", [modules], set(), bare=True)


def initramfs(modules: Path | None, layout: str) -> Path:
    """The first files of a guest: busybox, ``guest/vm-init.sh``, the modules that it needs first, and the layout.

    Raises:
        KernelError: when there is no static busybox.
    """
    busybox = shutil.which("busybox")
    if busybox is None:
        raise KernelError("install busybox-static")
    files = dict(_first_modules(modules)) if modules is not None else {}
    order = "".join(f"{name}\n" for name in files)
    init = (_GUEST / "vm-init.sh").read_bytes()
    name = fingerprint([str(modules), order, layout, init.decode(), str(os.stat(busybox).st_mtime_ns)])
    path = cache_folder() / f"first-{name}.cpio.gz"
    if not path.exists():
        archive = _Cpio()
        for folder in ("bin", "modules"):
            archive.add(folder, b"", 0o40755)
        archive.add("init", init, 0o100755)
        archive.add("bin/busybox", Path(busybox).read_bytes(), 0o100755)
        for each, data in {"layout": layout, "modules.order": order, "project": escaped(ROOT)}.items():
            archive.add(each, data.encode(), 0o100644)
        for each, content in files.items():
            archive.add(f"modules/{each}", content, 0o100644)
        partly = path.with_suffix(f".{os.getpid()}")
        partly.write_bytes(gzip.compress(archive.end(), 1))
        partly.replace(path)
    return path


def escaped(path: Path) -> str:
    """A path as one word, as ``printf %b`` reads it."""
    return "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte not in b"\\\"'" else f"\\0{byte:03o}" for byte in bytes(path)
    )


def _image(kind: str, folders: list[Path], without: set[str], *, bare: bool = False) -> Path:
    """A file system with these folders at their own paths, or with what is in the only one at its top."""
    family = f"{kind}-{fingerprint(map(str, folders))}"
    parts = [f"{path} {size} {changed}" for folder in folders for path, size, changed in _inside(folder, without)]
    path = cache_folder() / f"{family}-{fingerprint(parts)}.ext4"
    with locked(family):
        if not path.exists():
            for left in cache_folder().glob(f".{family}-*"):  # By one that was killed.
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=f".{family}-") as name:
                staged = Path(name) / "root"
                staged.mkdir()
                for folder in folders:
                    target = staged if bare else staged / folder.relative_to("/")
                    shutil.copytree(
                        folder,
                        target,
                        symlinks=True,
                        ignore=lambda place, names: _left_out(place, names, without),
                        dirs_exist_ok=True,
                    )
                _make(staged, Path(name) / "image")
                for old in cache_folder().glob(f"{family}-*.ext4"):
                    old.unlink()
                (Path(name) / "image").rename(path)
    return path


def _make(staged: Path, image: Path) -> None:
    size = sum(path.lstat().st_size + 4096 for path in staged.rglob("*"))
    mke2fs = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin") or "mke2fs"
    command = [mke2fs, "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E", "root_owner=0:0"]
    command += ["-d", str(staged), str(image), f"{size * 5 // 4 // 1024 + 8192}k"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  Our own words.
    if made.returncode != 0:
        raise KernelError(f"mke2fs: {made.stderr.strip()}")


def _inside(folder: Path, without: set[str]) -> Iterator[tuple[str, int, int]]:
    """The files of a folder, with size and time of the last change."""
    for place, folders, files in os.walk(folder):
        left_out = _left_out(place, folders, without)
        folders[:] = sorted(name for name in folders if name not in left_out)
        for name in sorted(files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            yield path, status.st_size, status.st_mtime_ns


def _left_out(place: str, names: list[str], without: set[str]) -> set[str]:
    """Which of the names in a folder are left out: by name wherever they are, or by their path."""
    return {name for name in names if name in without or f"{place}/{name}" in without}


def _first_modules(modules: Path) -> Iterator[tuple[str, bytes]]:
    """The modules of ``_FIRST`` and what each needs, by name, each once and behind what it needs."""
    needs = dict(
        line.split(":", 1) for line in (modules / "modules.dep").read_text(encoding="ascii").splitlines() if line
    )
    by_name = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    done: set[str] = set()
    for name in _FIRST:
        path = by_name.get(name)
        # modules.dep names what a module needs in the order of unloading.
        for each in [*reversed(needs[path].split()), path] if path is not None else []:
            if each not in done:
                done.add(each)
                yield Path(each).name.partition(".ko")[0] + ".ko", _module(modules / each)


def _module(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return data


class _Cpio:
    """An archive as the kernel reads it (the "newc" form of cpio)."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._count = 0

    def add(self, name: str, data: bytes, mode: int) -> None:
        """Add a file or a folder; what stands in the way to it has to be there."""
        self._count += 1
        path = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        self._data += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        self._data += bytes(-len(self._data) % 4) + data
        self._data += bytes(-len(self._data) % 4)

    def end(self) -> bytes:
        """The archive."""
        self.add("TRAILER!!!", b"", 0)
        return bytes(self._data)
