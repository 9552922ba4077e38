"""Short limits: what a lie makes wait forever need not be waited for as long as in earnest.

A limit that is the harness's usual one, ``DEADLINE``, stands in the defaults of functions and in modules. Here all of
them are found and set, for this process.
"""

import sys
import types
from collections.abc import Callable, Iterator

from fixtures.syscalls.call_threads import DEADLINE

_ROOMS = ("fixtures", "suites")
Setter = Callable[[float], None]


def find_limits() -> Callable[[float], None]:
    """Find every limit of that kind; gives a function that sets all of them to so many seconds."""
    found = [setter for module in list(sys.modules.values()) if _is_ours(module) for setter in _of_module(module)]

    def set_all(seconds: float) -> None:
        for setter in found:
            setter(seconds)

    return set_all


def _is_ours(module: types.ModuleType) -> bool:
    return str(getattr(module, "__name__", "")).split(".")[0] in _ROOMS


def _of_module(module: types.ModuleType) -> Iterator[Setter]:
    if getattr(module, "DEADLINE", None) == DEADLINE:
        yield lambda seconds: setattr(module, "DEADLINE", seconds)
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        for member in members:
            if isinstance(member, types.FunctionType):
                yield from _of_function(member)


def _of_function(function: types.FunctionType) -> Iterator[Setter]:
    def is_limit(value: object) -> bool:
        return isinstance(value, float) and value == DEADLINE

    positions = [at for at, value in enumerate(function.__defaults__ or ()) if is_limit(value)]
    names = [name for name, value in (function.__kwdefaults__ or {}).items() if is_limit(value)]

    def set_position(at: int, seconds: float) -> None:
        defaults = list(function.__defaults__ or ())
        defaults[at] = seconds
        function.__defaults__ = tuple(defaults)

    def set_name(name: str, seconds: float) -> None:
        function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), name: seconds}

    for at in positions:
        yield lambda seconds, at=at: set_position(at, seconds)  # type: ignore[misc]
    for name in names:
        yield lambda seconds, name=name: set_name(name, seconds)  # type: ignore[misc]
