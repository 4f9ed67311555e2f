"""The process that hooks of one client talk to (``hookline``): a member of its session, for as long as it lives.

``ensure`` starts it where it is not there yet; two that start at once are one
in the end, because only one gets the socket. It reads events, which are
hostile bytes, so it is not the gate: it has no key, no trace, no approver,
only a connection of the principal.
"""

import errno
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce, NucleusError, StateBlocked
from nucleus.gate import sessions
from nucleus.gate.desk import socket_name
from nucleus.gate.hardening import clean_environment
from nucleus.gate.peers import Process, descends_from, peer_of, process_of
from nucleus.gate.spawn import BOOTSTRAP, interpreter, outside
from nucleus.mcp.hookline import FOLDER, Asked, Requests, Translate, answered

CHUNK: Final = 1 << 16
LINKS: Final = 64
SECONDS: Final = 10.0
"""What a hook gets to take its answer, and a host to start."""
PAUSE: Final = 0.01
MIDDLE: Final = "the event could not be decided"
FIX: Final = "\n  fix: "
"""What stands between the reason and the fix in ``diagnostics()``."""


def socket_of(state: Path, client: Process) -> Path:
    """Return where the hooks of a client find their socket."""
    return state / FOLDER / f"{client.pid}.sock"


def ensure(fields: Mapping[str, Any], *, name: str = "", bootstrap: Path = BOOTSTRAP) -> Path:
    """Return the socket for hooks of this process's client, with a host behind it. Raises CannotEnforce."""
    outside(str(fields["workspace"]))
    client = sessions.client_process(os.getpid())
    path = socket_of(Path(str(fields["state"])), client)
    if _answers(path):
        return path
    task = json.dumps({"fields": dict(fields), "name": name, "client": [client.pid, client.start]}).encode()
    memory = os.memfd_create("nucleus-hooks", os.MFD_CLOEXEC)
    os.write(memory, task)
    os.lseek(memory, 0, os.SEEK_SET)
    words = [interpreter(), "-I", "-S", "-B", str(bootstrap), "hooks", str(memory)]
    process = subprocess.Popen(
        words,
        env=clean_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[memory],
        start_new_session=True,
    )
    os.close(memory)
    deadline = time.monotonic() + SECONDS
    while not _answers(path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = process.communicate()[1].decode("utf-8", "replace").strip()
            why, _, fix = said.removeprefix("nucleus: ").partition(FIX)
            raise CannotEnforce(
                "the client's hooks have nobody to ask", why=why or "it did not start", fix=fix or "nucleus doctor"
            )
        time.sleep(PAUSE)
    assert process.stderr is not None  # noqa: S101  it was asked for
    process.stderr.close()
    process.returncode = 0  # it goes on after this process; init waits for it
    return path


def serve(descriptor: int, translate: Translate) -> int:
    """Be the host that the memory file at ``descriptor`` describes, until its client ends; return the exit status."""
    with os.fdopen(descriptor, "rb") as file:
        task = json.load(file)
    try:
        client = Process(task["client"][0], 0, task["client"][1])
        entered = sessions.enter(task["fields"], name=task["name"], client=client)
        host = Host(Path(str(task["fields"]["state"])), client, entered, translate)
        host.run()
    except NucleusError as error:
        sys.stderr.write(f"nucleus: {error.diagnostics()}\n")
        return 1
    return 0


@final
class Host:
    """One listening socket, and the hooks that ask right now."""

    def __init__(self, state: Path, client: Process, entered: sessions.Entered, translate: Translate) -> None:
        self._client, self._entered, self._translate = client, entered, translate
        self._path = socket_of(state, client)
        self._listener = _listen(self._path)
        self._alive = os.pidfd_open(client.pid)
        if process_of(client.pid).start != client.start:
            raise CannotEnforce("the client is gone", fix="start its hooks anew")
        self._links: dict[int, tuple[socket.socket, Requests]] = {}
        self._gone = False

    def run(self) -> None:
        """Answer until the client ends or the gate is gone."""
        poll = select.poll()
        for fd in (self._listener.fileno(), self._alive, self._entered.sock.fileno()):
            poll.register(fd, select.POLLIN)
        while not self._gone:
            for fd, _ in poll.poll():
                if fd in {self._alive, self._entered.sock.fileno()}:
                    # The client ended, or the gate did: it says nothing unasked.
                    self._gone = True
                elif fd == self._listener.fileno():
                    self._accept(poll)
                elif not self._heard(fd):
                    poll.unregister(fd)
                    self._links.pop(fd)[0].close()
        self._path.unlink(missing_ok=True)
        self._listener.close()
        self._entered.leave(SECONDS)

    def _accept(self, poll: Any) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        try:
            peer = peer_of(sock)
            welcome = peer.uid == os.getuid() and descends_from(peer.pid, self._client) and len(self._links) < LINKS
        except (ProcessLookupError, CannotEnforce):
            welcome = False
        if not welcome:
            sock.close()
            return
        sock.settimeout(SECONDS)
        self._links[sock.fileno()] = (sock, Requests())
        poll.register(sock.fileno(), select.POLLIN)

    def _heard(self, fd: int) -> bool:
        """Read what one hook said, and answer what is whole. Whether it may go on."""
        sock, requests = self._links[fd]
        try:
            data = sock.recv(CHUNK)
            for asked in requests.feed(data) if data else requests.end():
                sock.sendall(self._answer(asked))
        except ValueError as error:
            with suppress(OSError):
                sock.sendall(answered(None, None, why=str(error)))
            return False
        except OSError:
            return False
        return bool(data)

    def _answer(self, asked: Asked) -> bytes:
        """Return the line for one request. Whatever goes wrong is a refusal with a reason."""
        try:
            for call in self._translate(asked.client, asked.event):
                fields = {"do": "call", "kind": call.kind, "args": dict(call.args), "seen": call.seen}
                reply, _ = self._entered.connection.request(fields, call.body)
                if reply["what"] != "perform":
                    return answered(asked, reply)
                done = {"do": "done", "number": reply["number"], "ok": True}
                reply, _ = self._entered.connection.request(done)
                if reply["what"] != "released":
                    return answered(asked, reply)
        except StateBlocked as error:
            self._gone = True
            return answered(asked, None, why=str(error))
        except ValueError as error:
            return answered(asked, None, why=f"{MIDDLE}: {error}")
        except Exception as error:  # noqa: BLE001  an internal error is a refusal with a reason
            return answered(asked, None, why=f"{MIDDLE}: {type(error).__name__}")
        return answered(asked, None)


def _answers(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            with socket_name(path) as short:
                sock.connect(short)
        except OSError:
            return False
    return True


def _listen(path: Path) -> socket.socket:
    """Return the listening socket, 0600; one that a dead host left is taken away. Raises CannotEnforce."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o077)
    try:
        for _ in range(2):
            try:
                with socket_name(path) as short:
                    sock.bind(short)
                sock.listen(LINKS)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or _answers(path):
                    sock.close()
                    raise CannotEnforce(
                        "hooks have their socket already, or can't have one", why=str(error), fix="try again"
                    ) from error
                path.unlink(missing_ok=True)
            else:
                return sock
    finally:
        os.umask(old)
    sock.close()
    raise CannotEnforce("hooks can't have a socket", why=str(path), fix="try again")
