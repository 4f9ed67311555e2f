"""Many HTTP clients of one mediated server: one gate, a mediator and a server for each session.

The sessions are one principal, so their exposure, budget and answers are one.
Mediators take turns, because they share what is pinned.
"""

import secrets
import signal
import socket
import sys
import threading
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.sessions import Entered
from nucleus.mcp import mediate, stdio
from nucleus.mcp.engine import Mediator
from nucleus.mcp.front import Front, listen
from nucleus.mcp.hub import Hub

PATH: Final = "/mcp"
TOKEN_BYTES: Final = 32


@final
class Sessions:
    """Opens one mediated session after another."""

    def __init__(self, task: mediate.Task, kept: mediate.Kept, entered: Entered) -> None:
        self._task, self._kept, self._entered = task, kept, entered
        self._turn = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.why = ""
        """Why the last one ended that did not end by its client."""
        self.violations = 0

    def open(self) -> Hub:
        """Return a session with a server of its own. Raises CannotEnforce, Refused."""
        branch, _ = self._entered.connection.branch({"do": "attach"})
        try:
            server = mediate.served(self._task, self._kept, branch, self._entered.opened)
        except BaseException:
            branch.close()
            raise
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        task = self._task
        mediator = Mediator(self._kept.file.identity, task.name, self._kept.pins, self._kept.mappings, task.observe)
        ends = (theirs.fileno(), theirs.fileno())
        pump = stdio.Pump(mediator, ends, server.ends, branch, self._kept.save, mediate.say, self._turn)

        def run() -> None:
            try:
                pump.run()
            finally:
                server.end()
                branch.close()
                theirs.close()
                self.violations += mediator.violations
                if pump.why in {stdio.GONE, stdio.GATE_GONE}:
                    self.why = pump.why

        thread = threading.Thread(target=run, name="session", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()
        return Hub(ours, self._kept.definition)

    def wait(self, seconds: float) -> None:
        """Wait for the sessions that are ending, ``seconds`` for each at most."""
        for thread in self._threads:
            thread.join(seconds)


def mediate_over_http(task: mediate.Task, kept: mediate.Kept) -> int:
    """Serve clients at ``task.listen`` until this process is asked to end, or the gate is gone; return the status."""
    try:
        listener = listen(task.listen)
    except (ValueError, OSError) as error:
        raise CannotEnforce("nobody can be served", why=str(error), fix="--listen 127.0.0.1:PORT") from error
    entered = mediate.enter(task)
    sessions = Sessions(task, kept, entered)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    front = Front(listener, {PATH: sessions.open}, token)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"nucleus mcp: http://{name}:{port}{PATH}\nnucleus mcp: bearer token, shown once: {token}\n")
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, lambda *_: listener.close())
    signal.signal(signal.SIGINT, lambda *_: listener.close())
    try:
        front.run(lambda: sessions.why != stdio.GATE_GONE and gate_is_there(entered.sock))
    finally:
        listener.close()
        front.end()
        sessions.wait(4 * stdio.GRACE)
        there = gate_is_there(entered.sock)
        entered.leave(stdio.GRACE)
    return mediate.told("" if there else stdio.GATE_GONE, sessions.violations)


def gate_is_there(sock: socket.socket) -> bool:
    """Whether the gate still holds its end: it says nothing unasked, so what can be read is its end."""
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
