"""How each call of a transcript is written down: its buffers, its arguments, and what is compared afterwards.

``Written`` keeps what a row's calls have to do with each other: which descriptor a number stands for, and which ports
and names the kernel chose, so that a program uses those that it was given where the row used those that it was given.
"""

import re
from collections.abc import Callable

from programs.entries import Function, function_of
from programs.step import Step
from programs.words import (
    NotExpressible,
    Words,
    array,
    chosen_at,
    comment,
    data,
    errno_word,
    integer,
    name,
    read,
    text,
)
from results.records import Call

_INET, _INET6, _UNIX = 2, 10, 1
_SOL_SOCKET, _TCP, _TCP_INFO = 1, 6, 11
_OTHER_EACH_TIME = {17, 49, 56, 57}  # SO_PEERCRED, SO_INCOMING_CPU, SO_INCOMING_NAPI_ID, SO_COOKIE.
_LARGEST_OPTION = 16  # Bytes; larger ones are tables of counters and of numbers drawn at random.
_LONGEST_ADDRESS = 128
_KEPT = 64  # Bytes of what was received that transcripts keep.
_RAW = 3
_ICMP = (1, 58)
_MADE = re.compile(r"<([^<>]*)>$")
_SMALL, _LARGE = 65536, 1 << 47  # Pointers outside this range lead nowhere on any machine.
_BEYOND = 1000  # Numbers of descriptors that no process has by chance.
_LOW = ("compat32", "socketcall")  # Entry points whose arguments have to lie below 4 GiB.


class Written:
    """The calls of one row, as they are written down one after the other.

    Args:
        folder: where the row's files lay.
        host: gives the program's name of a host by its own.
    """

    def __init__(self, folder: str | None, host: Callable[[object], str], client: str) -> None:
        self.needs: set[str] = set()
        self.data: list[str] = []
        self.descriptors: list[str] = []
        self.learned: dict[bytes, int] = {}
        self.functions: dict[str, Function] = {}
        self._folder = folder.encode() if folder is not None else None
        self._host = host
        self._client = client
        self._standing = ""
        self._open: dict[int, str] = {}
        self._kinds: dict[str, tuple[int, int]] = {}
        self._given: set[bytes] = set()

    def step(self, number: int, call: Call) -> Step:
        """Write a call down.

        Raises:
            NotExpressible: when it can't be.
        """
        if call.replay is None:
            raise NotExpressible(f"its transcript does not say enough of {call.call[:30]}()")
        if call.context:
            raise NotExpressible(f"a call of it is made {call.context[:60]}")
        words = read(call.replay)
        function = function_of(call.call, call.entry)
        self.functions[function.name] = function
        made = Step(number, call, function=function.name)
        try:
            _CALLS[call.call](self, made, words)
        except (KeyError, IndexError, ValueError) as error:
            raise NotExpressible(f"{call.call[:30]}() is not known to programs in this form: {error}") from error
        self.needs |= {*function.needs, "calls"}
        return made

    def _plain(self, step: Step, words: Words) -> None:
        step.arguments = [self._fd(words.arguments[0]), *(f"{integer(each)}L" for each in words.arguments[1:])]
        self._saw(step)

    def _close(self, step: Step, words: Words) -> None:
        self._plain(step, words)

    def _socket(self, step: Step, words: Words) -> None:
        family, kind, protocol = (integer(each) for each in words.arguments)
        where = self._host(words.where or self._client)
        if where != self._standing:
            step.ready.append(f"enter({where});")
            self._standing = where
        step.arguments = [f"{family}L", f"{kind}L", f"{protocol}L"]
        # What sockets of ICMP receive has an identifier that the kernel chose, and with it another checksum.
        self._gave_descriptor(step, (family, _RAW if protocol in _ICMP else kind & 0xF))

    def _gives(self, step: Step, words: Words) -> None:
        """accept4, dup, epoll_create1."""
        first = words.arguments[0]
        call = step.call.call
        if any(each.startswith(("*", "+")) for each in words.arguments):
            raise NotExpressible(f"it passes {call}() a pointer for the name, which programs can't do yet")
        rest = ["0L" if each == "-" else f"{integer(each)}L" for each in words.arguments[1:]]
        step.arguments = [f"{integer(first)}L" if call == "epoll_create1" else self._fd(first), *rest]
        kind = self._kinds.get(step.arguments[0], (0, 0))
        self._gave_descriptor(step, kind)

    def _socketpair(self, step: Step, words: Words) -> None:
        family, kind, protocol = (integer(each) for each in words.arguments)
        self.data.append(f"static int pair_{step.number}[2];")
        step.arguments = [f"{family}L", f"{kind}L", f"{protocol}L", f"(long)pair_{step.number}"]
        self._saw(step)
        for at, number in enumerate(words.filled):
            made = self._new_descriptor(integer(number), ("one", "other")[at], (family, kind & 0xF))
            step.compare.append(f"{made} = pair_{step.number}[{at}];")

    def _connect(self, step: Step, words: Words) -> None:
        fd, pointer, length = words.arguments
        step.arguments = [self._fd(fd), self._address(step, pointer, integer(length)), f"{integer(length)}L"]
        self._saw(step)

    def _bind(self, step: Step, words: Words) -> None:
        fd, pointer, length = words.arguments
        given = data(pointer[1:].removesuffix("!")) if pointer.startswith("=") else b""
        if given[:2] == b"\1\0" and given[2:3] == b"/" and (not self._folder or self._folder not in given):
            raise NotExpressible("it binds a UNIX socket to a path outside its own folder")
        step.arguments = [self._fd(fd), self._address(step, pointer, integer(length)), f"{integer(length)}L"]
        self._saw(step)

    def _setsockopt(self, step: Step, words: Words) -> None:
        fd, level, option, pointer, length = words.arguments
        at = self._buffer(step, data(pointer[1:]), step.call.arguments[-2])
        numbers = [f"{integer(each)}L" for each in (level, option)]
        step.arguments = [self._fd(fd), *numbers, at, f"{integer(length)}L"]
        self._saw(step)

    def _getsockopt(self, step: Step, words: Words) -> None:
        fd, level, option, size = words.arguments
        at, length = self._room(step, integer(size))
        step.arguments = [self._fd(fd), f"{integer(level)}L", f"{integer(option)}L", f"(long){at}", f"(long)&{length}"]
        self._saw(step)
        other = integer(size) > _LARGEST_OPTION or (
            integer(level) == _SOL_SOCKET and integer(option) in _OTHER_EACH_TIME
        )
        if words.filled and not other:
            wanted = data(words.filled[0])
            state_only = (integer(level), integer(option)) == (_TCP, _TCP_INFO)
            self._filled(step, at, "1" if state_only else length, wanted[:1] if state_only else wanted)
            if state_only and step.call.asked is None:
                self.needs.add("again")
                step.again = f"again({step.number}, {at}, 1, wanted_{step.number}w);"

    def _name(self, step: Step, words: Words) -> None:
        fd, size = words.arguments
        if len(words.filled) > 1:
            raise NotExpressible("the row saw an address cut, and what is left of it is no name")
        at, length = self._room(step, integer(size))
        step.arguments = [self._fd(fd), f"(long){at}", f"(long)&{length}"]
        self._saw(step)
        if words.filled:
            self._filled(step, at, length, data(words.filled[0]), address=True)

    def _sendto(self, step: Step, words: Words) -> None:
        fd, pointer, size, flags, target, length = words.arguments
        payload = self._buffer(step, data(pointer[1:]), "what is sent")
        to = self._address(step, target, integer(length)) if target != "-" else "0L"
        step.arguments = [
            self._fd(fd),
            payload,
            f"{integer(size)}L",
            f"{integer(flags)}L",
            to,
            f"{integer(length)}L",
        ]
        self._saw(step)

    def _recvfrom(self, step: Step, words: Words) -> None:
        fd, size, flags, sender = words.arguments
        at = f"out_{step.number}"
        self.data.append(f"static unsigned char {at}[{min(integer(size), 1 << 20)}];")
        step.arguments = [self._fd(fd), f"(long){at}", f"{integer(size)}L", f"{integer(flags)}L", "0L", "0L"]
        if sender != "-":
            name_, length = f"sender_{step.number}", f"length_{step.number}"
            self.data += [
                f"static unsigned char {name_}[{integer(sender)}];",
                f"static unsigned int {length} = {integer(sender)};",
            ]
            step.arguments[4:] = [f"(long){name_}", f"(long)&{length}"]
        self._saw(step)
        family, kind = self._kinds.get(step.arguments[0], (0, 0))
        if words.filled and words.filled[0] and family in (_INET, _INET6, _UNIX) and kind != _RAW:
            wanted = data(words.filled[0])
            size_ = str(len(wanted)) if len(wanted) == _KEPT else f"(size_t)calls[{step.number}].returned"
            self._filled(step, at, size_, wanted)
            if sender != "-" and len(words.filled) > 1:
                self._filled(step, name_, length, data(words.filled[1]), address=True, suffix="s")

    def _poll(self, step: Step, words: Words) -> None:
        *entries, timeout = words.arguments
        at = f"poll_{step.number}"
        self.data.append(f"static struct pollfd {at}[{len(entries)}];")
        for place, entry in enumerate(entries):
            fd, events = entry.split(":")
            step.ready.append(f"{at}[{place}].fd = {self._fd(fd)};")
            step.ready.append(f"{at}[{place}].events = {integer(events)};")
        step.arguments = [f"(long){at}", f"{len(entries)}L", f"{integer(timeout)}L"]
        self._saw(step)
        self.needs.add("number")
        step.compare += [
            f'number({step.number}, "revents", {at}[{place}].revents, {integer(found)});'
            for place, found in enumerate(words.filled)
        ]

    def _select(self, step: Step, words: Words) -> None:
        _, *sets, seconds = words.arguments
        found = words.filled[0] if words.filled else ""
        pointers, fd = [], "-1"
        for letter, title, entry in zip("rwx", ("readfds", "writefds", "exceptfds"), sets, strict=True):
            if entry == "-":
                pointers.append("0L")
                continue
            fd, set_ = self._fd(entry), f"{title}_{step.number}"
            self.data.append(f"static fd_set {set_};")
            step.ready += [f"FD_ZERO(&{set_});", f"FD_SET({fd}, &{set_});"]
            pointers.append(f"(long)&{set_}")
            self.needs.add("number")
            step.compare.append(
                f'number({step.number}, "{title}", FD_ISSET({fd}, &{set_}) != 0, {int(letter in found)});'
            )
        if seconds == "-":
            pointers.append("0L")
        else:
            limit, wait = f"limit_{step.number}", float(seconds)
            self.data.append(f"static struct timeval {limit};")
            step.ready += [f"{limit}.tv_sec = {int(wait)};", f"{limit}.tv_usec = {round(wait % 1 * 1e6)};"]
            pointers.append(f"(long)&{limit}")
        step.arguments = [f"{fd} + 1L", *pointers]
        compare, step.compare = step.compare, []
        self._saw(step)
        step.compare += compare if (step.call.returned or 0) >= 0 else []

    def _epoll_ctl(self, step: Step, words: Words) -> None:
        poller, operation, fd, events = words.arguments
        at = f"event_{step.number}"
        self.data.append(f"static struct epoll_event {at} = {{ .events = {integer(events)}U }};")
        step.arguments = [self._fd(poller), f"{integer(operation)}L", self._fd(fd), f"(long)&{at}"]
        self._saw(step)

    def _epoll_wait(self, step: Step, words: Words) -> None:
        poller, count, timeout = words.arguments
        at = f"events_{step.number}"
        self.data.append(f"static struct epoll_event {at}[{min(integer(count), 64)}];")
        step.arguments = [self._fd(poller), f"(long){at}", f"{integer(count)}L", f"{integer(timeout)}L"]
        self._saw(step)
        if words.filled:
            self.needs.add("number")
            step.compare.append(f'number({step.number}, "events", {at}[0].events, {integer(words.filled[0])});')

    def _fd(self, word: str) -> str:
        """A descriptor: the one that the row's number stands for, or the number where it never stood for one."""
        number = integer(word)
        if number in self._open:
            return self._open[number]
        if number < 0 or number > _BEYOND:
            return f"{number}L"
        raise NotExpressible("it uses a descriptor that was not opened by a call of its transcript")

    def _new_descriptor(self, number: int, label: str, kind: tuple[int, int]) -> str:
        base = name(label).upper()
        made, again = f"{base}_FD", 1
        while made in self.descriptors:
            again += 1
            made = f"{base}_{again}_FD"
        self.descriptors.append(made)
        self._open[number] = f"fd[{made}]"
        self._kinds[f"fd[{made}]"] = kind
        return f"fd[{made}]"

    def _gave_descriptor(self, step: Step, kind: tuple[int, int]) -> None:
        returned = step.call.returned
        if returned is None or returned < 0:
            self._saw(step)
            return
        self.needs.add("saw_fd")
        label = _MADE.search(step.call.gave or "")
        made = self._new_descriptor(returned, label.group(1) if label else "accepted", kind)
        step.compare.append(f"{made} = saw_fd({step.number});")

    def _saw(self, step: Step) -> None:
        if step.call.returned is None:
            return
        returned = integer(step.call.returned)
        step.compare.append(f"saw({step.number}, {returned}, {errno_word(step.call.error)});")

    def _address(self, step: Step, word: str, length: int) -> str:
        """A pointer to an address, or to what is none."""
        if word == "-":
            return "0L"
        if word.startswith("*"):
            pointer = int(word[1:], 16)
            if pointer < _SMALL or pointer >= _LARGE:
                return f"(long){pointer:#x}UL"
            self.needs.add("edge")
            return 'edge("", 0)'
        if word.endswith("!"):
            self.needs.add("edge")
            given = data(word[1:-1])
            at = self._buffer(step, given, step.call.arguments[1]).removeprefix("(long)")
            return f"edge({at}, {len(given)})"
        given = data(word[1:])
        # Behind what the row had put there the kernel read whatever lay in memory; here it reads zeros.
        size = max(len(given), length if 0 < length <= _LONGEST_ADDRESS else 0, 1)
        shown = step.call.arguments[4 if step.call.call == "sendto" else 1]
        at = self._buffer(step, given, shown, size=size, suffix="a")
        step.ready += self._patches(given, at.removeprefix("(long)"))
        if place := chosen_at(given):
            self._given.add(given[place[0] : sum(place)])
        if step.call.entry in _LOW:
            self.needs.add("low")
            return f"low({at.removeprefix('(long)')}, {size})"
        return at

    def _patches(self, given: bytes, at: str) -> list[str]:
        """What has to be put into an address before it is used: the folder's name, a port that the kernel chose."""
        lines = []
        if self._folder and (place := given.find(self._folder)) >= 0:
            self.needs.add("folder")
            lines.append(f"in_folder({at}, {place});")
        if given[:2] == b"\x0a\0" and given[8:9] == b"\xfe" and given[9] & 0xC0 == 0x80:
            raise NotExpressible(
                "it uses a link-local address, which is made of a link's address, another one each time"
            )
        if (where := chosen_at(given)) and (known := self.learned.get(given[where[0] : sum(where)])) is not None:
            self.needs.add("recall")
            lines.append(f"recall({known}, {at}, {where[0]}, {where[1]});")
        return lines

    def _filled(
        self, step: Step, at: str, length: str, wanted: bytes, *, address: bool = False, suffix: str = "w"
    ) -> None:
        self.needs.add("filled")
        there = f"wanted_{step.number}{suffix}"
        self.data.append(f"static unsigned char {there}[{max(len(wanted), 1)}] = {array(wanted)};")
        if address:
            place = chosen_at(wanted)
            part = wanted[place[0] : sum(place)] if place else b""
            if place and part not in self._given and part not in self.learned:
                self.learned[part] = len(self.learned)
                self.needs |= {"learn", "recall"}
                step.compare.append(f"learn({self.learned[part]}, {at}, {place[0]}, {place[1]});")
            step.compare += self._patches(wanted, there)
        words = text(str(step.call.gave or ""))
        step.compare.append(f"filled({step.number}, {at}, {length}, {there}, {len(wanted)}, {words});")

    def _room(self, step: Step, size: int) -> tuple[str, str]:
        at, length = f"out_{step.number}", f"size_{step.number}"
        self.data.append(f"static unsigned char {at}[{min(max(size, 1), 1 << 20)}];")
        self.data.append(f"static unsigned int {length} = {size}U;")
        return at, length

    def _buffer(self, step: Step, given: bytes, shown: str, *, size: int = 0, suffix: str = "") -> str:
        at = f"in_{step.number}{suffix}"
        self.data.append(
            f"static unsigned char {at}[{max(size, len(given), 1)}] = {array(given)}; /* {comment(shown)[:90]} */"
        )
        return f"(long){at}"


_CALLS: dict[str, Callable[[Written, Step, Words], None]] = {
    "socket": Written._socket,  # noqa: SLF001  A table of this class's own, as are all below.
    "socketpair": Written._socketpair,  # noqa: SLF001
    "accept": Written._gives,  # noqa: SLF001
    "accept4": Written._gives,  # noqa: SLF001
    "dup": Written._gives,  # noqa: SLF001
    "epoll_create1": Written._gives,  # noqa: SLF001
    "connect": Written._connect,  # noqa: SLF001
    "bind": Written._bind,  # noqa: SLF001
    "listen": Written._plain,  # noqa: SLF001
    "shutdown": Written._plain,  # noqa: SLF001
    "close": Written._close,  # noqa: SLF001
    "fcntl": Written._plain,  # noqa: SLF001
    "setsockopt": Written._setsockopt,  # noqa: SLF001
    "getsockopt": Written._getsockopt,  # noqa: SLF001
    "getsockname": Written._name,  # noqa: SLF001
    "getpeername": Written._name,  # noqa: SLF001
    "sendto": Written._sendto,  # noqa: SLF001
    "recvfrom": Written._recvfrom,  # noqa: SLF001
    "poll": Written._poll,  # noqa: SLF001
    "select": Written._select,  # noqa: SLF001
    "epoll_ctl": Written._epoll_ctl,  # noqa: SLF001
    "epoll_wait": Written._epoll_wait,  # noqa: SLF001
}
