"""Functions in C that make one call through one entry point, generated from the table of calls.

A program has a function for each pair of a call and an entry point that its row used, and names the entry point.
"""

from dataclasses import dataclass

from fixtures.syscalls.table import SOCKETCALL, SYSCALLS, Kind, SystemCall
from programs.words import NotExpressible

_NUMBERS = (Kind.DESCRIPTOR, Kind.INTEGER)
_MACHINE = "i686"
_MOST_IN_REGISTERS = 5  # The sixth argument of int $0x80 goes into ebp, which C compilers keep for themselves.


@dataclass(frozen=True)
class Function:
    """A function of a program: its name, its text, and the parts of ``parts.c`` that it needs."""

    name: str
    code: str
    needs: frozenset[str] = frozenset()


def function_of(call: str, entry: str) -> Function:
    """The function that makes a call through an entry point; it takes the arguments as an array of longs.

    Raises:
        NotExpressible: when the table has no such call, or no program can take that entry point for it.
    """
    line = SYSCALLS.get(call)
    if line is None:
        raise NotExpressible(f"{call[:30]}() is not known to programs")
    made = {"syscall": _native, "libc": _libc, "compat32": _compat32, "socketcall": _socketcall, "io_uring": _ring}
    if entry not in made:
        raise NotExpressible(f"no program can take the entry point '{entry[:30]}'")
    body, needs = made[entry](line)
    name = f"{entry}_{call}"
    return Function(name, f"static long {name}(const long *a)\n{{\n\treturn {body};\n}}", frozenset(needs))


def _native(line: SystemCall) -> tuple[str, set[str]]:
    if not all(line.numbers):  # Some machines lack it, and their C library makes another call of it.
        return _libc(line)
    return f"syscall({', '.join([f'SYS_{line.name}', *_passed(line)])})", set()


def _libc(line: SystemCall) -> tuple[str, set[str]]:
    cast = [
        f"({'int' if argument.kind in _NUMBERS else 'void *'})a[{at}]" for at, argument in enumerate(line.arguments)
    ]
    return f"{line.name}({', '.join(cast)})", set()


def _compat32(line: SystemCall) -> tuple[str, set[str]]:
    number, passed = line.number(_MACHINE), _passed(line)
    if not number or len(passed) > _MOST_IN_REGISTERS:
        raise NotExpressible(f"no program can make {line.name}() by the 32-bit entry")
    padded = [*passed, *["0"] * (_MOST_IN_REGISTERS - len(passed))]
    return f"int80({', '.join([f'{number}L', *padded])})", {"int80"}


def _socketcall(line: SystemCall) -> tuple[str, set[str]]:
    if not line.socketcall:
        raise NotExpressible(f"socketcall(2) makes no {line.name}()")
    words = ", ".join(f"(unsigned int){each}" for each in _passed(line))
    block = f"low((unsigned int[]){{ {words} }}, {4 * len(line.arguments)})"
    return f"int80({SOCKETCALL}L, {line.socketcall}L, {block}, 0, 0, 0)", {"int80", "low"}


def _ring(line: SystemCall) -> tuple[str, set[str]]:
    request = line.ring
    if request is None:
        raise NotExpressible(f"io_uring has no request for {line.name}()")
    fields = (request.descriptor, request.address, request.offset, request.length, request.flags)
    words = ", ".join(f"a[{at}]" if at >= 0 else "0" for at in fields)
    return f"ring({request.opcode}, {words})", {"ring"}


def _passed(line: SystemCall) -> list[str]:
    return [f"a[{at}]" for at in range(len(line.arguments))]
