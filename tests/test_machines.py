"""Virtual machines and matrices in their parts: which kernel is meant, what it starts from, and what runs at once."""

import gzip
import lzma
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kernels import find_kernel, vm
from kernels.cache import cache_folder
from kernels.debian import Image, KernelError, from_file, package_of, unpacked
from kernels.images import escaped, initramfs
from kernels.kernel import Ending, Kernel
from kernels.matrix import Room, run_all
from kernels.suites import Ran, folder_name, run_suites

NAMES = """linux-image-6.1.0-9-amd64
linux-image-6.1.0-56-amd64
linux-image-6.1.0-57-cloud-amd64
linux-image-6.1.0-58-rt-amd64
linux-image-6.1.0-59-amd64-unsigned
linux-image-6.1.0-60-amd64-dbg
linux-image-6.12-amd64
linux-image-6.12.117+deb12-amd64
linux-image-6.12.99+deb12-amd64
linux-image-6.18-arm64
"""


@pytest.mark.parametrize(
    ("version", "package"),
    [
        ("6.1", "linux-image-6.1.0-56-amd64"),
        ("6.1.0-9-amd64", "linux-image-6.1.0-9-amd64"),
        ("6.12", "linux-image-6.12.117+deb12-amd64"),
        ("6", "linux-image-6.12.117+deb12-amd64"),
        ("6.18", ""),
        ("6.1.0", "linux-image-6.1.0-56-amd64"),
        (".*", ""),
    ],
)
def test_the_newest_package_of_a_version(
    version: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names").write_text(NAMES, encoding="ascii")
    (tmp_path / "apt-cache").write_text(f"#!/bin/sh\ncat {tmp_path}/names\n", encoding="ascii")
    (tmp_path / "apt-cache").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert package_of(version) == package


def test_no_package_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(KernelError, match="install apt"):
        package_of("6.1")
    kept = tmp_path / "cache/kconform/kernels/6.18.15+deb13-amd64/kernel"
    kept.parent.mkdir(parents=True)
    with pytest.raises(KernelError, match="install apt"):  # Of this one only a part was fetched.
        package_of("6.18")
    kept.touch()
    assert package_of("6.18") == "linux-image-6.18.15+deb13-amd64"
    assert package_of("6.1") == ""


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_packed_kernel(pack: Callable[[bytes], bytes]) -> None:
    kernel = b"\x7fELF" + bytes(range(256)) * 40
    assert unpacked(b"boot code \x1f\x8b\x08 of no use" + pack(kernel) + b"and more") == kernel
    assert unpacked(b"boot code \x1f\x8b\x08 of no use") == b""


def test_a_kernel_of_ones_own(tmp_path: Path) -> None:
    image = bytearray(0x400)
    image[0x202:0x206], image[0x20E:0x210] = b"HdrS", (0x100).to_bytes(2, "little")
    image[0x300:0x320] = b"7.1.0-mine (me@here) #1 SMP\0".ljust(0x20, b"\0")
    path = tmp_path / "boot" / "bzImage"
    path.parent.mkdir()
    path.write_bytes(image)
    assert from_file(path).release == "7.1.0-mine"
    assert from_file(path).modules is None
    modules = tmp_path / "lib/modules/7.1.0-mine"
    modules.mkdir(parents=True)
    (modules / "modules.dep").touch()
    assert from_file(path).modules == modules
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF...Linux version 7.2.0 (me@here)")
    assert from_file(tmp_path / "vmlinux").release == "7.2.0"
    (tmp_path / "notes.txt").write_text("no kernel", encoding="ascii")
    with pytest.raises(KernelError, match="neither a bzImage nor a vmlinux"):
        from_file(tmp_path / "notes.txt")
    assert find_kernel(f"vm:{tmp_path}/notes.txt").lacks()


def test_the_first_files_can_be_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpio = shutil.which("cpio")
    if cpio is None or shutil.which("busybox") is None:
        pytest.skip("no cpio or no busybox here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = initramfs(None, "vda whole /x\n")
    assert path.parent == cache_folder() == tmp_path / "kconform"
    asked, archive = [cpio, "-t", "--quiet"], gzip.decompress(path.read_bytes())
    listed = subprocess.run(asked, input=archive, capture_output=True, check=True)
    assert set(listed.stdout.decode().split()) == {
        "bin",
        "modules",
        "init",
        "bin/busybox",
        "layout",
        "modules.order",
        "project",
    }


def test_a_path_with_any_letters() -> None:
    said = escaped(Path("/a b/ü'\"\\"))
    assert " " not in said
    done = subprocess.run(["/usr/bin/printf", "%b", said], capture_output=True, check=True)
    assert done.stdout.decode() == "/a b/ü'\"\\"


def test_a_kernel_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kernel = find_kernel("vm:1.2.13")
    assert kernel.lacks()
    ran = run_suites(kernel, tmp_path / "out", [])
    assert ran.status == 3
    assert not (ran.folder / "results.jsonl").exists()


def test_what_runs_at_once(tmp_path: Path) -> None:
    now: set[str] = set()
    seen: list[set[str]] = []
    lock = threading.Lock()

    def run(kernel: Kernel) -> Ran:
        with lock:
            now.add(kernel.name)
            seen.append(set(now))
        time.sleep(0.2)
        with lock:
            now.remove(kernel.name)
        return Ran(kernel, tmp_path, 0.2, Ending(0))

    def made(name: str, **fields: bool | int) -> Kernel:
        return Kernel(name, name, str, lambda _: Ending(0), **fields)  # type: ignore[arg-type]

    kernels = [
        made("small", memory=100),
        made("alone", alone=True),
        made("large", processors=8, memory=100),
        made("little", memory=100),
        made("hungry", memory=900),
    ]
    rans = run_all(kernels, run, Room(processors=2, memory=1000))
    assert [ran.kernel.name for ran in rans] == ["small", "alone", "large", "little", "hungry"]
    assert seen[0] == {"alone"}
    assert seen[1] == {"large"}
    assert all(len(each) <= 2 for each in seen)
    assert any(len(each) == 2 for each in seen)


def test_the_name_of_a_folder() -> None:
    assert folder_name(find_kernel("vm:/tmp/bzImage+warp")) == "vm-tmp-bzImage+warp"
    assert find_kernel("vm:6.1+warp").processors == 1


@pytest.mark.parametrize("under_kvm", [False, True])
def test_how_many_machines_share_a_run(under_kvm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under KVM it is one with all the processors; emulated it is as many as there are, with one each."""
    monkeypatch.setattr(vm, "_parts", lambda _: (Image(Path("kernel"), "6.1", None), Path("first"), []))
    monkeypatch.setattr(vm, "_comes_up", lambda *_: under_kvm)
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    kernel = find_kernel("vm:6.1")
    settled = kernel.settle(kernel)
    assert (settled.guests, settled.workers) == ((1, "3") if under_kvm else (3, "0"))
    warped = find_kernel("vm:6.1+warp")
    assert warped.settle(warped) == warped
