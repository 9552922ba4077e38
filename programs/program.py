"""The program of a row: its comment, the parts that it needs, the topology, the steps in order, and the last word."""

import re
from functools import cache
from pathlib import Path

from programs.calls import Written
from programs.network import HOSTS, Network
from programs.step import Step
from programs.words import NotExpressible, comment, integer, text
from results.records import CONFORMS, DEVIATES, Change, Clause, Row, Run

_PARTS = Path(__file__).parent / "parts.c"
_HEAD = re.compile(r"^/\*\*\* (\w+):((?: \w+)*) \*\*\*/$", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_AT_ONCE = 2e-6  # Seconds by which the times of a transcript are rounded.
_PAUSE = 0.02  # Seconds between two steps from which on the row has waited for something.
_LONGEST = 30.0
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", re.ASCII)
_TEMPORARY = "/tmp/"  # noqa: S108  The program makes the folder there by mkdtemp(3).
_SHORTEST_FOLDER = len(_TEMPORARY) + 6
_USUAL_WAIT = 10.0

_INCLUDES = """\
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
"""


def program(row: Row, run: Run, clause: Clause | None) -> str:
    """The C program of a row.

    Raises:
        NotExpressible: when the row can't be written as a program (yet), with the reason.
    """
    topology = _expressible(row)
    network = Network(HOSTS[topology])
    client = HOSTS[topology][0]
    written = Written(row.folder, network.host, client)
    making = network.made(topology)
    steps = [written.step(number, call) for number, call in enumerate(row.transcript, 1)]
    body = _body(row, steps, network)
    needs = {"base", "calls", "hosts", "handle", *written.needs, *network.needs}
    needs |= _used(body)
    ending, words = _ending(row, steps)
    lines = [
        _title(row, run, clause, words),
        "",
        _INCLUDES.rstrip(),
        *(["#include <linux/io_uring.h>"] if "ring" in needs else []),
        "",
        *_definitions(row, steps, network, written),
        "",
        *_parts(needs),
        *(line for each in written.functions.values() for line in ("", each.code)),
        "",
        *_used_data(written.data, body),
        "",
        "int main(void)",
        "{",
        *_tabbed(["setvbuf(stdout, NULL, _IOLBF, 0);", "signal(SIGPIPE, SIG_IGN);", "handle(SIGUSR2, 0);"]),
        *_tabbed(["make_folder();"] if "folder" in needs else []),
        "",
        "\t/* The private network. */",
        *_tabbed(["leave_network();", *making]),
        "",
        "\t/* The row. */",
        *_tabbed(body),
        "",
        *_tabbed(ending),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _expressible(row: Row) -> str:
    """The row's topology, if all that is known of the row says that a program can be it."""
    if row.verdict not in (CONFORMS, DEVIATES) or not row.transcript:
        raise NotExpressible(f"it is {row.verdict}: {row.reason or 'there is no transcript'}")
    if row.unrecorded:
        raise NotExpressible(
            f"its test does more than its transcript and its changes tell: {', '.join(row.unrecorded)[:300]}"
        )
    if not _NAME.fullmatch(row.id):
        raise NotExpressible("its id is none")
    topology = row.topology.name if row.topology else ""
    if topology == "scripted":
        raise NotExpressible("its peer is scripted: a test makes each of its packets, which programs do not (yet)")
    if topology not in HOSTS:
        raise NotExpressible(f"its topology is not known here ('{topology[:30]}')")
    if row.folder is not None and len(row.folder) < _SHORTEST_FOLDER:
        raise NotExpressible("the path of its folder is shorter than any that a program can make")
    return topology


def _title(row: Row, run: Run, clause: Clause | None, words: str) -> str:
    """The comment on top."""
    kernel = f"{run.kernel.name} {run.kernel.release} {run.kernel.machine}"
    entry = row.variant.entry
    lines = [f"{row.id}, made by kconform from the results of {kernel}.", ""]
    if clause is not None:
        lines += [clause.statement, f"Asked for: {clause.expected}."]
        lines += [f"  {source}" for source in clause.sources]
        lines += [f"Note: {clause.disagreement}"] if clause.disagreement else []
        lines.append("")
    lines += [
        "  cc -Wall -Wextra -pthread -o row row.c && ./row",
        "",
        "It needs no privilege where an ordinary user may make namespaces, and touches no network but its own.",
        "It makes the calls of the row in their order, with their arguments and on their threads, and shows what came.",
        f"What the row saw: {words}",
        "Exit status: 0 when it saw the same, 1 when it saw something else, 2 when it could not go on.",
    ]
    if entry != "syscall":
        lines.append(f"connect() goes by the entry point '{entry}', as in the row.")
    return "/*\n" + "\n".join(f" * {comment(line)}".rstrip() for line in lines) + "\n */"


def _definitions(row: Row, steps: list[Step], network: Network, written: Written) -> list[str]:
    names = ", ".join(network.host(each) for each in network.hosts)
    topology = comment(row.topology.name if row.topology else "")
    lines = [
        f"enum {{ {names}, HOSTS }};  /* The hosts of the topology '{topology}'. */",
        f"#define STEPS {len(steps)}",
        f"#define LEARNED {len(written.learned)}",
        f"#define LOW {'MAP_32BIT' if 'int80' in written.needs else '0'}",
    ]
    if written.descriptors:
        lines += [f"enum {{ {', '.join(written.descriptors)}, DESCRIPTORS }};", "static int fd[DESCRIPTORS];"]
    if row.folder is not None:
        padding = "0" * (len(row.folder.encode()) - _SHORTEST_FOLDER)
        lines.append(f"#define FOLDER {text(_TEMPORARY + padding + 'X' * 6)}")
    return lines


def _body(row: Row, steps: list[Step], network: Network) -> list[str]:
    """The steps and the changes, in the order in which they were begun."""
    events: list[tuple[float, Step | Change]] = [(step.call.start, step) for step in steps]
    events += [(change.at, change) for change in row.changes]
    events = _in_order(events)
    lines: list[str] = []
    pending: list[Step] = []
    last = events[0][0] if events else 0.0
    for place, (at, event) in enumerate(events):
        for step in [each for each in pending if each.end is not None and each.end <= at + _AT_ONCE]:
            pending.remove(step)
            lines += _ended(step)
            last = max(last, step.end or 0)
        if at - last > _PAUSE and place:
            lines.append(f"pause_for({min(at - last, _LONGEST):.3f});")
        if isinstance(event, Step):
            following = events[place + 1][0] if place + 1 < len(events) else None
            under_way = event.end is None or (following is not None and following < event.end - _AT_ONCE)
            lines += ["", *_begun(event, under_way=under_way and event.call.thread != "main")]
            if under_way and event.call.thread != "main":
                pending.append(event)
            last = max(last, at if event in pending else event.end or at)
        else:
            lines += _changed(event, network, pending)
            last = max(last, at)
    for step in pending:
        lines += _ended(step)
    return _standing_right(lines)


def _in_order(events: list[tuple[float, Step | Change]]) -> list[tuple[float, Step | Change]]:
    """The events by the time at which they began, with two exceptions.

    A look at a state that was under way while a call began on another thread has seen what that call did; and of looks
    at the same state, one after the other, the last one stands for all.
    """
    events.sort(key=lambda event: event[0])
    for at in range(len(events) - 1):
        one, other = events[at][1], events[at + 1][1]
        if not isinstance(one, Step) or not isinstance(other, Step) or not one.again or one.end is None:
            continue
        if other.call.thread != "main" and one.end > events[at + 1][0]:
            events[at], events[at + 1] = events[at + 1], events[at]
    kept = []
    for at, event in enumerate(events):
        step, following = event[1], events[at + 1][1] if at + 1 < len(events) else None
        if not (
            isinstance(step, Step)
            and isinstance(following, Step)
            and step.again
            and following.again
            and step.call.arguments == following.call.arguments
        ):
            kept.append(event)
    return kept


def _begun(step: Step, *, under_way: bool) -> list[str]:
    words = text(f"{step.call.call}({', '.join(map(str, step.call.arguments))})")
    thread = str(step.call.thread)
    if step.hangs and thread == "main":
        raise NotExpressible("a call of its main thread did not return")
    lines = [
        *step.ready,
        f"PREPARE({step.number}, {words}, {step.function}, {', '.join(step.arguments)});",
    ]
    if under_way:
        return [*lines, f"begin({step.number});", f"asleep({step.number});"]
    if step.hangs:
        return [*lines, f"begin({step.number});", *_ended(step)]
    made = step.again or f"{'here' if thread == 'main' else 'there'}({step.number});"
    return [*lines, made, *step.compare, *_asked(step)]


def _ended(step: Step) -> list[str]:
    if step.hangs:
        seconds = _USUAL_WAIT if step.end is None else min(int(step.end - step.call.start), _LONGEST)
        return [f"hangs({step.number}, {seconds});", *_asked(step)]
    return [f"finish({step.number});", *step.compare, *_asked(step)]


def _asked(step: Step) -> list[str]:
    if step.call.asked is None:
        return []
    return [f"asked({text(str(step.call.asked))}, {int(bool(step.call.met))});"]


def _changed(change: Change, network: Network, pending: list[Step]) -> list[str]:
    how, what = change.how, change.what
    if how == "handler":
        return [f"handle({integer(what[0])}, {int(bool(what[1]))});"]
    if how == "signal":
        return [f"disturb({pending[-1].number}, {integer(what[0])});"] if pending else []
    return ["", *network.changed(change.host, how, what)]


def _standing_right(lines: list[str]) -> list[str]:
    """Enter the right host before each socket: who changes another host meanwhile stands there."""
    made, standing = [], ""
    for line in lines:
        if line.startswith("enter("):
            standing = line
            continue
        if "syscall_socket," in line and standing:
            made.append(standing)
        made.append(line)
    return made


def _ending(row: Row, steps: list[Step]) -> tuple[list[str], str]:
    """The last word of the program, and what the row saw in a sentence."""
    parted = next((step for step in reversed(steps) if step.call.met is False), None)
    if row.verdict == CONFORMS:
        words = "every step came as the document asks."
        came = "Every step came as in the row, and as the document asks."
    else:
        place = f"at step {parted.number}" if parted is not None else "in the end"
        words = f"{place} {row.expected} is asked for, and {row.observed} came."
        came = f"{place[0].upper()}{place[1:]} the document asks for {row.expected}; what came is {row.observed}."
    return [
        "if (parted) {",
        f'\tprintf("%s\\n", {text("What was asked and what came in the row: " + words)});',
        '\tprintf("That was not seen here: step %d came otherwise.\\n", parted);',
        "\treturn 1;",
        "}",
        f'printf("%s\\n", {text(came)});',
        "return 0;",
    ], words


def _used(lines: list[str]) -> set[str]:
    known = _sections()
    return {name for line in lines for name in re.findall(r"\b(\w+)\(", _STRING.sub('""', line)) if name in known}


def _used_data(data: list[str], body: list[str]) -> list[str]:
    """The definitions of what the steps use: some steps stand for others."""
    used = {name for line in body for name in re.findall(r"\w+", _STRING.sub('""', line))}
    return [line for line in data if used.intersection(re.findall(r"\b[a-z]+_\d+[a-z]?\b", line.partition("=")[0]))]


@cache
def _sections() -> dict[str, tuple[tuple[str, ...], str]]:
    """The parts by name: which others each needs, and its text; in the order in which they have to stand."""
    pieces = _HEAD.split(_PARTS.read_text(encoding="ascii"))
    return {pieces[at]: (tuple(pieces[at + 1].split()), pieces[at + 2].strip("\n")) for at in range(1, len(pieces), 3)}


def _parts(needs: set[str]) -> list[str]:
    sections = _sections()
    todo, wanted = list(needs), set[str]()
    while todo:
        part = todo.pop()
        if part not in sections:
            raise NotExpressible(f"{part.removeprefix('do_')}() is not known to programs")
        if part not in wanted:
            wanted.add(part)
            todo += sections[part][0]
    return [line for part, (_, code) in sections.items() if part in wanted for line in ("", code)]


def _tabbed(lines: list[str]) -> list[str]:
    return [f"\t{line}" if line else "" for line in lines]
