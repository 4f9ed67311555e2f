"""The approver's side: find this user's gates, list their questions, answer them."""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast, final

from nucleus.errors import CannotEnforce
from nucleus.gate.desk import gates, socket_name
from nucleus.gate.lineage import forget_names
from nucleus.gate.protocol import ProtocolError, receive, send, unpacked

SECONDS: Final = 10.0
LOOK_SECONDS: Final = 1.0
"""How often a watcher looks for gates that have started since."""


@final
class Gates:
    """Every living gate below one state directory."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def questions(self) -> list[dict[str, Any]]:
        """Return the open questions of all gates, oldest gate first."""
        return [one for path in self._sockets() for one in _ask(path, {"do": "list"}).get("questions", [])]

    def answer(self, ids: list[str], *, allow: bool, bounds: dict[str, int], rest: bool = False) -> list[str]:
        """Answer questions by id, whichever gate asks them; return the ids that were open."""
        request = {"do": "answer", "ids": ids, "allow": allow, "rest_of_session": rest, **bounds}
        return [str(id_) for path in self._sockets() for id_ in _ask(path, request).get("answered", [])]

    def status(self) -> list[dict[str, Any]]:
        """Return what each gate says of its principals."""
        return [_ask(path, {"do": "status"}) for path in self._sockets()]

    def lockdown(self, *, retire: bool = False) -> int:
        """Stop every principal of every gate; return how many gates were stopped.

        ``retire``: their clients may open new sessions, which go on with what those clients have seen.
        """
        request = {"do": "lockdown", "retire": retire}
        stopped = sum(_ask(path, request).get("locked") is True for path in self._sockets())
        if retire:
            forget_names(self._state)
        return stopped

    def watch(self, *, stay: bool = False) -> Generator[dict[str, Any], None, None]:
        """Yield each question that is open, and each one raised until the last gate ends.

        With ``stay`` until the caller stops asking, through gates that start later too. Raises CannotEnforce
        if a gate refuses this caller.
        """
        import selectors

        selector = selectors.DefaultSelector()
        known: set[Path] = set()
        heard: set[Path] = set()
        try:
            self._attend(selector, known)
            while stay or selector.get_map():
                for key, _ in selector.select(LOOK_SECONDS if stay else None):
                    sock = cast("socket.socket", key.fileobj)
                    try:
                        fields = unpacked(*receive(sock))
                    except (EOFError, OSError, ProtocolError) as error:
                        selector.unregister(sock)
                        sock.close()
                        if key.data not in heard:
                            raise _refused() from error
                        continue
                    heard.add(key.data)
                    yield from [fields["question"]] if "question" in fields else fields.get("questions", [])
                self._attend(selector, known)
        finally:
            for key in list(selector.get_map().values()):
                cast("socket.socket", key.fileobj).close()
            selector.close()

    def _attend(self, selector: Any, known: set[Path]) -> None:
        """Watch every gate that is not watched yet. One that ends right now has no questions."""
        import selectors

        for path in self._sockets():
            if path in known:
                continue
            with suppress(CannotEnforce):
                watching = _connect(path)
                known.add(path)
                selector.register(watching, selectors.EVENT_READ, path)
                with suppress(OSError):  # a gate that refuses us has closed already; that is read, and told
                    send(watching, {"do": "watch"})

    def _sockets(self) -> list[Path]:
        return [path for _, path in gates(self._state)]


def _ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return a gate's answer. Raises CannotEnforce if it refuses this caller or does not answer."""
    with _opened(path) as sock:
        try:
            send(sock, request)
            return unpacked(*receive(sock))
        except (EOFError, OSError, ProtocolError) as error:
            raise _refused() from error


def _refused() -> CannotEnforce:
    return CannotEnforce(
        "the gate does not take answers from here",
        why="an approver may not be the agent's own process or a child of it, or another user",
        fix="answer in another terminal, as the user that started the session",
    )


@contextmanager
def _opened(path: Path) -> Iterator[socket.socket]:
    sock = _connect(path)
    try:
        yield sock
    finally:
        sock.close()


def _connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(SECONDS)
    try:
        with socket_name(path) as name:
            sock.connect(name)
    except OSError as error:
        sock.close()
        raise CannotEnforce(
            "the gate does not answer", why=f"{path}: {error.strerror or error}", fix="try again"
        ) from error
    sock.settimeout(None)
    return sock
