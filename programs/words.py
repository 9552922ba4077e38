"""The words of a call's ``replay``, as ``fixtures/syscalls/replay_args.py`` defines them, and how C writes them.

Results files may come from strangers: whatever goes into a program goes through ``text``, ``comment``, ``name`` or
``array``, and nothing that these let through can end a string, a comment or a line.
"""

import errno
import re
from dataclasses import dataclass

_ZEROS = re.compile(r"\((\d{1,5})\)")
_ERRNO = re.compile(r"E[A-Z0-9]+", re.ASCII)
_INET, _INET6, _UNIX, _NETLINK, _VSOCK = 2, 10, 1, 16, 40
_MOST = 4096  # Bytes that a buffer of a row may have; those of suites have some hundreds at most.


class NotExpressible(Exception):
    """A row can't be written as a program (yet); the message says why."""


@dataclass(frozen=True)
class Words:
    """A call's line: the words of its arguments, the host that it was made in (None: the client), what came back."""

    arguments: list[str]
    where: str | None
    filled: list[str]


def read(line: str) -> Words:
    """Take a line apart."""
    passed, _, filled = line.partition(" > ")
    arguments = passed.split(" ")
    where = arguments.pop()[1:] if arguments[-1].startswith("@") else None
    return Words(arguments, where, filled.split(" ") if filled else [])


def integer(word: str | int) -> int:
    """A number.

    Raises:
        NotExpressible: when the word is none.
    """
    try:
        return int(word)
    except ValueError:
        raise NotExpressible(f"its transcript has a word that is no number: {str(word)[:40]!r}") from None


def data(word: str) -> bytes:
    """The bytes that hexadecimal digits with ``(N)`` for N zero bytes stand for.

    Raises:
        NotExpressible: when the word is not of that kind, or stands for too many.
    """
    try:
        found = b"".join(
            bytes(min(int(part), _MOST + 1)) if at % 2 else bytes.fromhex(part)
            for at, part in enumerate(_ZEROS.split(word))
        )
    except ValueError:
        raise NotExpressible(f"its transcript has a word that is no bytes: {word[:40]!r}") from None
    if len(found) > _MOST:
        raise NotExpressible("its transcript has a buffer that is too large")
    return found


def text(words: str) -> str:
    """A C string of printable ASCII; other characters become octal escapes."""
    made = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in words.encode("utf-8", errors="replace")
    )
    return f'"{made}"'


def comment(words: str) -> str:
    """Words that may stand in a comment on one line."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in words)
    return plain.replace("*/", "* /").replace("/*", "/ *").rstrip("\\")


def name(label: str) -> str:
    """An identifier that reminds of a label."""
    return re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_").lower()[:30] or "thing"


def array(bytes_: bytes) -> str:
    """The bytes as an initializer; zeros at the end are left out."""
    kept = bytes_.rstrip(b"\0")
    return "{ " + ", ".join(f"{byte:#04x}" for byte in kept or b"\0") + " }"


def chosen_at(address: bytes) -> tuple[int, int] | None:
    """Where in an address stands what the kernel may have chosen (offset, size): a port, a name, a netlink port."""
    if len(address) < 8 or not any(address[2:]):
        return None
    family = int.from_bytes(address[:2], "little")
    if family in (_INET, _INET6) and any(address[2:4]):
        return 2, 2
    if family == _UNIX and len(address) == 8 and address[2] == 0:
        return 3, 5
    if family in (_NETLINK, _VSOCK) and any(address[4:8]):
        return 4, 4
    return None


def errno_word(error: str | None) -> str:
    """An errno by its name, as C knows it; 0 for none."""
    if error is None:
        return "0"
    if _ERRNO.fullmatch(error) and error in {*errno.errorcode.values(), "EOPNOTSUPP"}:
        return error
    if error.isascii() and error.isdigit():
        return error
    raise NotExpressible(f"its transcript has an errno that is not known here ({error[:30]!r})")
