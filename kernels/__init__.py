"""Other kernels on this machine, and the suites inside them: ``python -m kernels``.

A kernel is a small object that can say what it lacks here, and run a command inside (``kernels.kernel``). The suites
know nothing of it: what a kernel cannot do they find out by trying.
"""

from kernels.gvisor import GVISOR
from kernels.kernel import Kernel
from kernels.live import LIVE, LIVE_USER
from kernels.uml import UML

KERNELS: dict[str, Kernel] = {kernel.name: kernel for kernel in (LIVE, LIVE_USER, GVISOR, UML)}

__all__ = ["KERNELS", "Kernel"]
