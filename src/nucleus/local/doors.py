"""Sockets of a box's network, handed out: a small process that is in that network and in no other namespace of the box.

The network of a box has loopback and nothing else. To let the owner's side
listen there (the proxy) or reach a server there (``--publish``), a child of
the supervisor enters the network namespace and does two things on request:
listen at, or connect to, a port of 127.0.0.1. The sockets come back over a
socket pair; no byte of a connection passes through this process, and nothing
of ours runs inside of the box. Source: setns(2), ioctl_ns(2), unix(7).
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from typing import Final, final

from nucleus.errors import CannotEnforce

NS_GET_USERNS: Final = 0xB701
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
BACKLOG: Final = 128
_REQUEST: Final = struct.Struct("!cH")
_ANSWER: Final = struct.Struct("!i")
LISTEN, CONNECT = b"L", b"C"


@final
class Doors:
    """The process in a box's network. ``close`` ends it; it ends with this process too."""

    def __init__(self, first: int) -> None:
        """Start it. ``first`` is the number of a process in the box. Raises CannotEnforce.

        This process must have one thread: it forks.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        libc = ctypes.CDLL(None, use_errno=True)
        self._pid = os.fork()
        if self._pid == 0:
            _serve(theirs, first, libc)
        theirs.close()
        self._sock = ours
        number = self._answer()[0]
        if number:
            self.close()
            raise CannotEnforce(
                "the network of the box can't be entered",
                why=os.strerror(number),
                fix="see which mechanism is missing: nucleus doctor",
            )

    def listen(self, port: int) -> socket.socket:
        """Return a socket that listens at ``port`` of the box's 127.0.0.1. Raises OSError."""
        return self._ask(LISTEN, port)

    def connect(self, port: int) -> socket.socket:
        """Return a socket connected to ``port`` of the box's 127.0.0.1. Raises OSError."""
        return self._ask(CONNECT, port)

    def close(self) -> None:
        """End the process, and wait for it."""
        self._sock.close()
        os.waitpid(self._pid, 0)

    def _ask(self, what: bytes, port: int) -> socket.socket:
        self._sock.send(_REQUEST.pack(what, port))
        number, passed = self._answer()
        if number or not passed:
            raise OSError(number or errno.EIO, os.strerror(number or errno.EIO))
        return socket.socket(fileno=passed[0])

    def _answer(self) -> tuple[int, list[int]]:
        data, passed, _, _ = socket.recv_fds(self._sock, _ANSWER.size, 1)
        return (_ANSWER.unpack(data)[0] if data else errno.EIO), list(passed)


def _serve(sock: socket.socket, first: int, libc: ctypes.CDLL) -> None:
    """Be the process: never returns."""
    status = 1
    try:
        number = sock.detach()
        # INVARIANT: nothing of the supervisor's stays open here, the gate's connection least of all.
        os.closerange(3, number)
        os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
        sock = socket.socket(fileno=number)
        entered = _enter(first, libc)
        sock.send(_ANSWER.pack(entered))
        while entered == 0:
            request = sock.recv(_REQUEST.size)
            if not request:
                break
            _do(sock, *_REQUEST.unpack(request))
        status = 0
    finally:
        os._exit(status)


def _enter(first: int, libc: ctypes.CDLL) -> int:
    """Enter the network of a process and the user namespace that owns it; return an error number, 0 if it worked."""
    try:
        network = os.open(f"/proc/{first}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        # The owner of the network is not always the process's own user namespace: bubblewrap makes a second one.
        owner = fcntl.ioctl(network, NS_GET_USERNS)
    except OSError as error:
        return error.errno or errno.EIO
    for number, kind in ((owner, CLONE_NEWUSER), (network, CLONE_NEWNET)):
        if libc.setns(number, kind) != 0:
            return ctypes.get_errno() or errno.EIO
        os.close(number)
    return 0


def _do(sock: socket.socket, what: bytes, port: int) -> None:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with made:
        try:
            if what == LISTEN:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(("127.0.0.1", port))
                made.listen(BACKLOG)
            else:
                made.settimeout(_CONNECT_SECONDS)
                made.connect(("127.0.0.1", port))
                made.settimeout(None)
        except OSError as error:
            sock.send(_ANSWER.pack(error.errno or errno.ETIMEDOUT))
            return
        socket.send_fds(sock, [_ANSWER.pack(0)], [made.fileno()])


_CONNECT_SECONDS: Final = 5.0
