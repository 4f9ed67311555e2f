"""bubblewrap, started: its words in files of memory, its descriptors closed here, its first process known.

What happens in which order, for a box that lives (``Live``):

1. bubblewrap makes the namespaces and says the number of process 1;
2. it mounts, and starts the self-test, which says ``ok`` and hands out the
   terminal that it made inside;
3. the self-test waits for one letter, and only then becomes the command.

Between 2 and 3 nothing of the command has run: there sockets are made in the
empty network, and the gate opens the principal.
"""

import array
import json
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Sequence
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.local import host, probe
from nucleus.local.argv import View, options, packed
from nucleus.local.bwrap import Bubblewrap

SHOWN_AS: Final = "/run/nucleus-self-test.py"
"""Where the self-test stands in the box."""
MASKS_TESTED: Final = 256
"""Hidden paths that the self-test looks for inside. The masks are one layer: it is there or not."""
GO: Final = b"g"
_CREDENTIALS: Final = struct.Struct("3i")
_REPORT_LIMIT: Final = 4096


@final
@dataclass(frozen=True, slots=True)
class Live:
    """What a box that lives gets beyond a view."""

    streams: tuple[int, int, int]
    """Descriptors that are standard input, output and errors inside."""
    terminal: str = ""
    """Which of ``012`` are a terminal that is made inside; their descriptors are not used."""
    texts: tuple[tuple[str, bytes], ...] = ()
    """Small files that the command reads: (place in the box, content)."""
    copied: tuple[tuple[str, bytes], ...] = ()
    """Small files that it may change, in the box alone."""
    kept: tuple[int, ...] = ()
    """Descriptors that the command gets besides."""
    processes: int = 4096
    data_bytes: int = 0
    """Ceiling of each process's writable memory, 0 for none."""
    file_bytes: int = 0
    """Ceiling of each file that is written, 0 for none."""


@final
@dataclass(frozen=True, slots=True)
class Passed:
    """The self-test passed: who it was, and the terminal that it made."""

    process: int
    """A descriptor (pidfd) of the process that becomes the command."""
    number: int
    """Its number on the host; it leads a process group of the same number."""
    door: int
    """Where programs in the box ask for a connection to the gate: a listening socket."""
    terminal: int
    """The terminal's other side, -1 for none."""


@final
class Started:
    """One bubblewrap. Used as a context; ``process`` is bubblewrap itself, ``first`` a pidfd of the box's process 1."""

    def __init__(self, found: Bubblewrap, python: str, view: View, inside: bytes, live: Live | None = None) -> None:
        self.first = -1
        self.number = 0
        """The first process's number on the host; 0 if it never came to that."""
        self.report = -1
        """Where the self-test speaks: a pipe, or a socket for a box that lives."""
        self._open: list[int] = []
        info, info_end = self._pipe()
        report_end = self._reporting(live)
        accounts = host.accounts(os.getuid(), os.getgid(), view.home)
        texts = [(self._file(text.encode()), place) for place, text in accounts.items()]
        texts += [(self._file(text), place) for place, text in (live.texts if live else ())]
        copied = [(self._file(text), place) for place, text in (live.copied if live else ())]
        seccomp, config = self._file(probe.program()), self._file(inside)
        words = options(view, seccomp, info_end, texts, copied)
        given = [info_end, report_end, seccomp, config, *(number for number, _ in (*texts, *copied))]
        given.append(self._file(packed(words)))
        command = [found.path, "--args", str(given[-1]), python, "-I", "-S", "-B", SHOWN_AS]
        command += [str(config), str(report_end), *_living(live)]
        kept = () if live is None else live.kept
        streams = (subprocess.PIPE,) * 3 if live is None else live.streams
        self.process = subprocess.Popen(
            command,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            pass_fds=(*given, *kept),
            env={},
            cwd="/",
            start_new_session=live is not None,
        )
        for number in given:
            self._close(number)
        self._meet(info)

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for number in list(self._open):
            self._close(number)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if self.first >= 0:
            os.close(self.first)

    def passed(self, end: float) -> Passed:
        """Wait for the self-test until ``end`` (monotonic seconds), and return what it hands out.

        Raises CannotEnforce with what it said; nothing of the command has run.
        """
        said = b""
        with socket.socket(fileno=os.dup(self.report)) as sock:
            while not said.endswith(b"\n"):
                if not select.select([sock], [], [], max(0.0, end - time.monotonic()))[0]:
                    raise failed("the self-test took too long")
                data, ancillary, _, _ = sock.recvmsg(_REPORT_LIMIT, 1024)
                number, descriptors = _received(ancillary)
                if not data or len(said) > _REPORT_LIMIT:
                    raise failed(said.decode("utf-8", "replace"))
                said += data
                if said == b"ok\n":
                    process = os.pidfd_open(number)
                    self._open += [process, *descriptors]
                    door, terminal = [*descriptors, -1, -1][:2]
                    return Passed(process, number, door, terminal)
        raise failed(said.decode("utf-8", "replace").removeprefix("failed ").strip())

    def go(self) -> None:
        """Let the process that tested the box become the command."""
        os.write(self.report, GO)

    def exec_error(self) -> int:
        """Return the error number of an exec that did not work, 0 if it did. The command, or bubblewrap, has ended."""
        os.set_blocking(self.report, False)
        try:
            said = os.read(self.report, _REPORT_LIMIT)
        except BlockingIOError:
            return 0
        return int(said.split()[1]) if said.startswith(b"exec ") else 0

    def _reporting(self, live: Live | None) -> int:
        if live is None:
            self.report, theirs = self._pipe()
            return theirs
        ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        # The kernel says who speaks: the number of the process on this side.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.report, theirs = ours.detach(), other.detach()
        self._open += [self.report, theirs]
        return theirs

    def _meet(self, info: int) -> None:
        """Take a descriptor of the box's process 1, from what bubblewrap says of it; none if it never came to that."""
        text = b""
        while b"}" not in text:
            chunk = os.read(info, 4096)
            if not chunk:
                return
            text += chunk
        try:
            number = json.loads(text)["child-pid"]
            self.first = os.pidfd_open(number)
            self.number = number
        except ProcessLookupError:
            return

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open += ends
        return ends

    def _file(self, content: bytes) -> int:
        """Return a descriptor to read ``content`` from."""
        number = os.memfd_create("nucleus", os.MFD_CLOEXEC)
        self._open.append(number)
        with open(number, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def _close(self, number: int) -> None:
        self._open.remove(number)
        os.close(number)


def configuration(view: View, hidden: Sequence[str], command: Sequence[str]) -> bytes:
    """Return the words that the self-test reads. Raises CannotEnforce for words that can't be handed over."""
    copies = [copy.place for copy in view.copies]
    shown = [view.workspace, *view.readable, *copies, *(place for _, place in view.tool_links)]
    names = {path[len(view.home) + 1 :].split("/")[0] for path in shown if path.startswith(view.home + "/")}
    absent = [os.path.join(view.workspace, path) for path in hidden[:MASKS_TESTED]]
    tested = [str(len(copies)), *copies, str(len(absent)), *absent]
    try:
        return packed([view.home, view.workspace, "/".join(sorted(names)), *tested, *command])
    except ValueError as error:
        raise CannotEnforce("the command can't be handed over", why=str(error), fix="leave it out") from error


def failed(why: str) -> CannotEnforce:
    """Return the error for a box that does not hold what it promises."""
    return CannotEnforce(
        "the box does not hold what it promises; nothing was run",
        why=why or "the self-test said nothing",
        fix="see which mechanism is missing: nucleus doctor",
    )


def _living(live: Live | None) -> list[str]:
    """Return the words by which the self-test knows that its box lives."""
    if live is None:
        return []
    kept = ",".join(map(str, live.kept))
    return ["live", live.terminal, kept, str(live.processes), str(live.data_bytes), str(live.file_bytes)]


def _received(ancillary: Sequence[tuple[int, int, bytes]]) -> tuple[int, list[int]]:
    """Return the number of the sender and the descriptors that came with a message."""
    number, descriptors = 0, array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            number = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return number, list(descriptors)
