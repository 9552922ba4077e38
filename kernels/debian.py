"""Debian's kernels, by version: found and fetched with the machine's own package tools, unpacked, never installed."""

import lzma
import re
import shutil
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from kernels.cache import cache_folder, locked

# What a guest may want of the modules; all of them would take four times the room.
_KEPT = ("net", "fs", "lib", "crypto", "arch", "security", *(f"drivers/{name}" for name in ("virtio", "block", "net")))
_FORMATS = {b"\x1f\x8b\x08": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class KernelError(Exception):
    """A kernel can't be had; the message says why."""


@dataclass(frozen=True)
class Image:
    """A kernel to boot: the file, its release, and the folder with its modules (None where all is built in)."""

    file: Path
    release: str
    modules: Path | None


def package_of(version: str) -> str:
    """The newest package of a version such as ``6.1`` or ``6.1.0-56-amd64``; empty where there is none.

    One that was fetched once stays known, also where apt has forgotten it or is not there.

    Raises:
        KernelError: when the package tools are not there, and the cache has no kernel.
    """
    kept = [f"linux-image-{path.parent.name}" for path in (cache_folder() / "kernels").glob("*/kernel")]
    try:
        asked = ["apt-cache", "pkgnames", "linux-image-"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout  # noqa: S603  Fixed words.
    except (OSError, subprocess.CalledProcessError) as error:
        if not kept:
            raise KernelError("install apt, which knows Debian's kernels, or give the path of a kernel") from error
        told = ""
    wanted = re.compile(rf"linux-image-{re.escape(version)}([.-]\d[\w.+-]*)?-amd64|linux-image-{re.escape(version)}")
    others = re.compile(r"-(cloud|rt|unsigned|dbg)\b|linux-image-\d+\.\d+-amd64")
    found = [name for name in [*told.split(), *kept] if wanted.fullmatch(name) and not others.search(name)]
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default="")


def fetch(version: str) -> Image:
    """Have a Debian kernel in the cache.

    Raises:
        KernelError: when there is no such package, or it can't be fetched.
    """
    package = package_of(version)
    if not package:
        raise KernelError(f"apt knows no kernel {version}; apt-get update may help")
    release = package.removeprefix("linux-image-")
    place = cache_folder() / "kernels" / release
    with locked(f"kernel-{release}"):
        if not (place / "kernel").exists():
            _unpack(package, place)
    return Image(place / "kernel", release, place / "lib" / "modules" / release)


def _unpack(package: str, place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    for left in place.parent.glob(f".{place.name}-*"):  # By one that was killed.
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as name:
        new = Path(name)
        _do(["apt-get", "download", "-qq", package], new)
        (archive,) = new.glob("*.deb")
        _do(["dpkg-deb", "-x", str(archive), "all"], new)
        release = package.removeprefix("linux-image-")
        found = next(path for path in (new / "all/lib/modules", new / "all/usr/lib/modules") if path.is_dir()) / release
        modules = new / "made/lib/modules" / release
        for part in _KEPT:
            if (found / "kernel" / part).is_dir():
                shutil.copytree(found / "kernel" / part, modules / "kernel" / part)
        for path in found.glob("modules.*"):
            shutil.copy2(path, modules)
        shutil.copy2(new / "all/boot" / f"config-{release}", modules / "config")  # As Fedora has it.
        depmod = shutil.which("depmod", path="/usr/sbin:/sbin:/usr/bin") or "depmod"
        _do([depmod, "-b", str(new / "made"), release], new)
        packed = new / "all/boot" / f"vmlinuz-{release}"
        (new / "made/kernel").write_bytes(unpacked(packed.read_bytes()) or packed.read_bytes())
        shutil.rmtree(place, ignore_errors=True)
        (new / "made").rename(place)


def _do(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603  Fixed words.
    except OSError as error:
        raise KernelError(f"{command[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise KernelError(f"{command[0]}: {error.stderr.strip().splitlines()[-1:] or error}") from error


def unpacked(data: bytes) -> bytes:
    """The ELF file in a compressed kernel, which an emulated machine starts sooner; empty where none is found."""
    for magic, form in _FORMATS.items():
        start = data.find(magic)
        while start >= 0:
            found = _decompress(data[start:], form)
            if found[:4] == b"\x7fELF":
                return found
            start = data.find(magic, start + 1)
    return b""


def _decompress(data: bytes, form: str) -> bytes:
    """What can be decompressed; more follows in the file, which is none of it."""
    try:
        if form == "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)
        if form == "xz":
            return lzma.LZMADecompressor().decompress(data)
        return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False).stdout  # noqa: S607  Any.
    except (OSError, zlib.error, lzma.LZMAError):
        return b""


def from_file(path: Path) -> Image:
    """A kernel that the user has: a bzImage or a vmlinux. Its modules are looked for beside it and on this machine.

    Raises:
        KernelError: when it is neither.
    """
    try:
        head = path.read_bytes()
    except OSError as error:
        raise KernelError(f"{path}: {error.strerror}") from error
    if head[0x202:0x206] == b"HdrS":  # The x86 boot protocol, boot.rst of the kernel's documents: 0x202 and 0x20e.
        start = 0x200 + int.from_bytes(head[0x20E:0x210], "little")
        release = head[start : head.index(b"\0", start)].split()[0].decode("ascii", "replace")
    elif head[:4] == b"\x7fELF":
        found = re.search(rb"Linux version (\S+) \(", head)
        release = found.group(1).decode("ascii", "replace") if found else ""
    else:
        raise KernelError(f"{path}: is neither a bzImage nor a vmlinux")
    places = [path.parent.parent / "lib/modules" / release, Path("/lib/modules") / release]
    modules = next((place for place in places if release and (place / "modules.dep").exists()), None)
    return Image(path.resolve(), release or path.name, modules)
