"""What only C shows: connect() as a cancellation point, and connect() in a signal handler."""

import ctypes
import subprocess
from collections.abc import Callable
from errno import EISCONN
from pathlib import Path

import pytest

from fixtures import INTERNET, Address, Server, Servers, Socket, assert_connected, clause, needs, until, variants, waits
from fixtures.waiting import until_asleep
from suites.connect.times import RETRANSMISSION

_SOURCE = """
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fd, size;
static const struct sockaddr *address;
static volatile int gave = 255;
static volatile int id;
static pthread_t thread;

void aim(int to_fd, const void *to_address, int to_size) { fd = to_fd; address = to_address; size = to_size; }
int thread_id(void) { return id; }

static void *call(void *unused)
{
    id = (int)syscall(SYS_gettid);
    gave = connect(fd, address, (socklen_t)size) ? errno : 0;
    return unused;
}

int begin(void) { return pthread_create(&thread, 0, call, 0); }

int cancel(void)
{
    void *ended = 0;
    pthread_cancel(thread);
    return pthread_join(thread, &ended) ? -1 : ended == PTHREAD_CANCELED;
}

static void handler(int number)
{
    (void)number;
    gave = connect(fd, address, (socklen_t)size) ? errno : 0;
}

int handle(void)
{
    struct sigaction with = {.sa_handler = handler}, before;
    sigaction(SIGUSR1, &with, &before);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, 0);
    return gave;
}
"""


@pytest.fixture
def program(folder: Path) -> ctypes.CDLL:
    """Functions in C that connect on a thread that can be cancelled, and in a signal handler."""
    source, library = folder / "c.c", folder / "c.so"
    source.write_text(_SOURCE, encoding="ascii")
    build = ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o", str(library), str(source)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)  # noqa: S603  Fixed words; cc is the user's.
    if built.returncode:
        raise RuntimeError(f"cc fails: {built.stderr}")
    return ctypes.CDLL(str(library))


def aimed(program: ctypes.CDLL, sock: Socket, address: Address) -> Callable[[str], int]:
    """The program, told of the socket and the address: gives what a function of it returns."""
    data = address.pack()
    program.aim(sock.fd, ctypes.c_void_p(sock.calls.door.place(data)), len(data))
    return lambda name: int(program[name]())


@clause("connect.thread.cancellation-point")
@needs("cc")
@waits(RETRANSMISSION)
@variants(families=INTERNET)
def test_cancelled(sock: Socket, servers: Servers, program: ctypes.CDLL) -> None:
    """A thread that waits in connect() is cancelled; the descriptor stays open, and the attempt goes on."""
    busy = servers.full()
    run = aimed(program, sock, busy.address)
    assert run("begin") == 0
    until(lambda: sock.tcp_state() == "SYN_SENT", "the socket is in SYN_SENT")
    until_asleep(run("thread_id"))
    assert run("cancel") == 1
    assert sock.tcp_state() == "SYN_SENT"
    busy.make_room()
    sock.wait_writable()
    assert sock.connect(busy.address) == 0
    assert sock.connect(busy.address) == EISCONN
    assert_connected(sock, busy.server)


@clause("connect.signal.async-signal-safe")
@needs("cc")
@variants(families=INTERNET)
def test_handler(sock: Socket, server: Server, program: ctypes.CDLL) -> None:
    """A signal handler may connect: the call does there what it does elsewhere."""
    assert aimed(program, sock, server.address)("handle") == 0
    assert sock.connect(server.address) == EISCONN
    assert_connected(sock, server)
