"""Other kernels on this machine, and the suites inside them: ``python -m kernels``.

A kernel is a small object that can say what it lacks here, and run a command inside (``kernels.kernel``). The suites
know nothing of it: what a kernel cannot do they find out by trying.
"""

from kernels.gvisor import GVISOR
from kernels.kernel import Kernel
from kernels.live import LIVE, LIVE_USER
from kernels.uml import UML
from kernels.vm import PREFIX, machine

KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in (LIVE, LIVE_USER, GVISOR, UML)}
"""Those that have a name of their own; beside them there is any number of virtual machines (``find_kernel``)."""


def find_kernel(name: str) -> Kernel:
    """The kernel of that name.

    Raises:
        ValueError: when there is none; the message says which there are.
    """
    if name.startswith(PREFIX) and len(name) > len(PREFIX):
        return machine(name)
    if name not in KERNELS:
        raise ValueError(f"there is no kernel '{name}', but {', '.join(KERNELS)}, {PREFIX}VERSION and {PREFIX}PATH")
    return KERNELS[name]


__all__ = ["KERNELS", "Kernel", "find_kernel"]
