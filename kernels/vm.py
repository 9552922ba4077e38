"""Linux kernels in a virtual machine: Debian's by version, or any by its path, in qemu, emulated where it must be.

The machine sees the host's files, writes none but those in the folder of the results, and has no network.
"""

import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from kernels.cache import why_not_up
from kernels.debian import Image, KernelError, fetch, from_file, package_of
from kernels.images import environment_image, escaped, initramfs, modules_image, project_image
from kernels.kernel import ROOT, Ending, Kernel, Order, boot

PREFIX, WARP = "vm:", "+warp"
ANY = {
    "VERSION": "a Debian kernel by version, such as vm:6.1, in a virtual machine",
    "PATH": "a bzImage or vmlinux of yours, in a virtual machine",
    f"VERSION{WARP}": "the same with a clock that skips idle times, for --slow",
}
"""Which virtual machines there are, behind the prefix, in words."""
MEMORY = 1536  # MiB; of them only what is touched is the host's.
_QEMU = "qemu-system-x86_64"
_NEEDED = {
    _QEMU: "qemu-system-x86",
    "busybox": "busybox-static",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
    "ip": "iproute2",
}
# One processor: where there are two, one may trap on a breakpoint that the other has taken out of the kernel's code
# already (static keys), which the kernel does not survive. It is also faster.
_EMULATED = ["-accel", "tcg,thread=single,tb-size=512", "-cpu", "max", "-smp", "1"]
_TRIAL = 10.0  # Seconds in which a kernel is up under KVM, if at all; it takes one.
_DISKS = "abc"
_QUIET = (
    "console=ttyS0 panic=-1 edd=off quiet loglevel=4 mitigations=off tsc=reliable random.trust_cpu=on net.ifnames=0"
)


def machine(name: str) -> Kernel:
    """The kernel ``vm:VERSION`` or ``vm:PATH``, with ``+warp`` behind it for a clock that skips idle times."""
    asked = name.removeprefix(PREFIX).removesuffix(WARP)
    warp = name.endswith(WARP)
    processors = 1 if warp else _processors()
    what = f"the kernel {asked} in a virtual machine{', its clock skipping idle times' if warp else ''}"
    return Kernel(
        name,
        what,
        partial(_lacks, asked),
        partial(_run, asked, warp),
        processors=processors,
        memory=processors * MEMORY,
        workers="0",
        settle=partial(_settle, asked, warp),
    )


def tools_missing() -> str:
    """What has to be installed for any virtual machine; empty where nothing is."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in _NEEDED.items() if shutil.which(program, path=path) is None]
    return f"install {' and '.join(missing)} (Debian: apt-get install {' '.join(missing)})" if missing else ""


def _lacks(asked: str) -> str:
    missing = tools_missing()
    if missing:
        return missing
    try:
        if _is_path(asked):
            from_file(Path(asked))
        elif not package_of(asked):
            return f"apt knows no kernel {asked}; apt-get update may help"
    except KernelError as error:
        return str(error)
    return ""


def _processors() -> int:
    return min(4, len(os.sched_getaffinity(0)))


def _is_path(asked: str) -> bool:
    return "/" in asked or Path(asked).is_file()


def _settle(asked: str, warp: bool, kernel: Kernel) -> Kernel:
    """One machine with all the processors under KVM; emulated, as many as there are processors, with one each."""
    try:
        image, first, _ = _parts(asked)
        emulated = not warp and _accelerator(image, first, warp=False) == _EMULATED
    except KernelError:  # Which the run will say.
        return kernel
    if emulated:
        return replace(kernel, guests=kernel.processors)
    return kernel if kernel.processors == 1 else replace(kernel, workers=str(kernel.processors))


def _parts(asked: str) -> tuple[Image, Path, list[Path]]:
    """The kernel, the file system that it starts from, and its disks; what is not in the cache yet is made.

    Raises:
        KernelError: when the kernel, or a part, can't be had.
    """
    image = from_file(Path(asked)) if _is_path(asked) else fetch(asked)
    environment, folders = environment_image()
    disks = [environment, project_image()]
    layout = [f"vdb layer {escaped(ROOT)}", *(f"vda part {escaped(folder)}" for folder in folders)]
    if image.modules is not None:
        disks.append(modules_image(image.modules))
        layout.append(f"vdc whole /lib/modules/{image.release}")
    return image, initramfs(image.modules, "".join(f"{line}\n" for line in layout)), disks


def _run(asked: str, warp: bool, order: Order) -> Ending:
    try:
        image, first, disks = _parts(asked)
        command = _command(image, first, _accelerator(image, first, warp=warp))
    except KernelError as error:
        return Ending(None, str(error))
    for letter, disk in zip(_DISKS, disks, strict=False):
        command += ["-drive", f"file={disk},format=raw,if=none,id=d{letter},readonly=on,file.locking=off"]
        command += ["-device", f"virtio-blk-pci,drive=d{letter}"]
    for tag, path, more in (("host", "/", ",readonly=on"), ("results", order.folder, "")):
        command += ["-fsdev", f"local,id={tag},path={path},security_model=none,multidevs=remap{more}"]
        command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    command += ["-append", f"{_QUIET} kconform={escaped(order.folder)}"]
    return boot(command, order, os.environ)


def _command(image: Image, first: Path, accelerator: list[str]) -> list[str]:
    command = [_QEMU, *accelerator, "-machine", "q35", "-m", str(MEMORY), "-display", "none", "-nodefaults"]
    command += [
        "-no-user-config",
        "-no-reboot",
        "-serial",
        "stdio",
        "-object",
        "rng-random,id=r0,filename=/dev/urandom",
    ]
    return [*command, "-device", "virtio-rng-pci,rng=r0", "-kernel", str(image.file), "-initrd", str(first)]


def _accelerator(image: Image, first: Path, *, warp: bool) -> list[str]:
    """KVM where the kernel comes up with it, which is found out once; else emulation."""
    if warp:
        return [*_EMULATED, "-icount", "shift=auto,sleep=off"]
    kvm = ["-accel", "kvm", "-cpu", "host", "-smp", str(_processors())]
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and _comes_up(image, first, kvm):
        return kvm
    return _EMULATED


def _comes_up(image: Image, first: Path, accelerator: list[str]) -> bool:
    release, qemu = os.uname().release, Path(shutil.which(_QEMU) or _QEMU)
    # By its time, too: of a kernel that one works on, one that did not come up says nothing of the next.
    times = [str(path.stat().st_mtime_ns) for path in (qemu, image.file)]
    command = [*_command(image, first, accelerator), "-append", _QUIET]
    return not why_not_up("kvm", [release, *times, str(image.file)], command, _TRIAL)
