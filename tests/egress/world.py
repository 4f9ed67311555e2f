"""A real egress process with a real gate behind it, on loopback: resolver, CA and answers are the test's own."""

import atexit
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nucleus.egress.handover import hand_over
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import BOOTSTRAP, Spawned, start
from tests import world
from tests.egress.servers import Say, answering
from tests.gate.harness import start_gate
from tests.tools.conftest import Authority

SCRIPT = """
import importlib.util, json, sys

spec = importlib.util.spec_from_file_location("privileged", {bootstrap!r})
privileged = importlib.util.module_from_spec(spec)
spec.loader.exec_module(privileged)
privileged.complete_path({bootstrap!r})
{weakened}
sys.exit(privileged.egress(int(sys.argv[-1]), json.loads({network!r})))
"""
HOST = "docs.example.org"


@dataclass
class Box:
    """What a box sees of its way out: two ports; and what stands behind them."""

    proxy: int
    routes: int
    client: Connection
    process: Spawned
    gate: Spawned
    state: Path
    workspace: Path
    said: list[dict[str, Any]] = field(default_factory=list)
    site: Any = None
    """The server that its routes lead to, where a test started one with it."""

    def records(self, kind: str = "decision") -> list[dict[str, Any]]:
        """Return the records of a type in the trace."""
        (path,) = [one for one in (self.state / "traces").glob("*.jsonl") if one.name != "ledger.jsonl"]
        found = [json.loads(line) for line in path.read_text().splitlines()]
        return [one for one in found if one["type"] == kind]

    def hang_up(self) -> None:
        """End as the supervisor does."""
        self.process.sock.shutdown(socket.SHUT_WR)

    def connect(self, port: int | None = None) -> socket.socket:
        """Return a connection to the proxy, or to another port."""
        return socket.create_connection(("127.0.0.1", port or self.proxy), timeout=20)

    def ask(self, text: str, port: int | None = None) -> bytes:
        """Send bytes to the proxy and return all that it answers until it closes."""
        with self.connect(port) as sock:
            sock.sendall(text.encode("latin-1"))
            return everything(sock)

    def tunnel(self, host: str = HOST, port: int = 443) -> socket.socket:
        """Return a tunnel that was granted. Raises ConnectionError with the answer where it was not."""
        sock = self.connect()
        sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = sock.recv(4096)
            if not data:
                break
            answer += data
        if not answer.startswith(b"HTTP/1.1 200"):
            answer += everything(sock)
            sock.close()
            raise ConnectionError(answer.decode())
        return sock


def everything(sock: socket.socket) -> bytes:
    """Return what comes until the end. A connection that was cut ends too."""
    found = b""
    with suppress(ConnectionError):
        while data := sock.recv(65536):
            found += data
    return found


@cache
def template() -> Path:
    """Return a repository and its remote, made once: git takes longer for it than both processes to start."""
    folder = Path(mkdtemp(prefix="nucleus-egress-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    world.repository(folder)
    return folder


def copied(folder: Path) -> world.Repository:
    """Return a copy of the template whose clone knows its own remote."""
    shutil.copytree(template(), folder)
    config = folder / "clone" / ".git" / "config"
    config.write_text(config.read_text().replace(str(template()), str(folder)))
    return world.Repository(folder / "clone", folder / "remote.git")


@contextmanager
def boxed(
    folder: Path,
    policy: str,
    *,
    network: Mapping[str, Any],
    answers: Mapping[str, bool] | None = None,
    settings: Mapping[str, Any] | None = None,
    weakened: str = "",
    contained: bool = False,
    credentials: str = "",
    remotes: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    **opening: Any,
) -> Iterator[Box]:
    """Start a gate and an egress process for one box. ``policy`` is the owner's file.

    ``weakened`` is code that switches a defence off, in the egress process, before it starts. ``contained``: the
    gate is told that a box vouches for itself; ``files`` stand in the workspace, ``remotes`` in its git.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "owner.toml").write_text("version = 1\n" + policy)
    repository = copied(folder / "repo")
    gate = start_gate(folder, network=network, answers=answers)
    client = Connection(gate.sock)
    fields = {"policies": [str(folder / "owner.toml")], "workspace": str(repository.clone), "profile": ""}
    for name, url in (remotes or {}).items():
        world.git(repository.clone, "remote", "remove", name) if name == "origin" else None
        world.git(repository.clone, "remote", "add", name, url)
    for name, text in (files or {}).items():
        (repository.clone / name).write_text(text)
    if credentials:
        (folder / "state").mkdir(mode=0o700)
        (folder / "state" / "credentials.toml").write_text(credentials)
        (folder / "state" / "credentials.toml").chmod(0o600)
    if contained:
        plan, _ = client.request({"do": "plan", "state": str(folder / "state"), **fields})
        opening |= {"containment": {"backend": "test"}, "planned": plan["digest"], "shown": {"secrets": False}}
    reply, _ = client.request({"do": "open", "state": str(folder / "state"), **fields, **opening})
    assert reply["what"] == "opened", reply
    relay, _ = client.branch({"do": "attach", "role": "egress"})
    script = folder / "egress_process.py"
    fields = {"bootstrap": str(BOOTSTRAP), "network": json.dumps(dict(network)), "weakened": weakened}
    script.write_text(SCRIPT.format(**fields))
    process = start(["egress"], script)
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(2)]
    ports = [one.getsockname()[1] for one in listeners]
    hand_over(process.sock, settings or {}, *listeners, relay._sock)
    for one in (*listeners, relay):
        one.close()
    lines = process.sock.makefile("rb")
    box = Box(*ports, client, process, gate, folder / "state", repository.clone)
    try:
        box.said.append(json.loads(lines.readline()))
        yield box
    finally:
        lines.close()
        process.end(10)
        client.close()
        gate.end(10)


@contextmanager
def indexed(folder: Path, kind: str, base: str, files: Mapping[str, str]) -> Iterator[Callable[..., Box]]:
    """Give what starts a box whose index of a kind is the test's: called with a policy and what answers there.

    ``files`` stand in the workspace. The server is the box's ``site``.
    """
    authority = Authority()
    host = base.split("/")[2]
    with ExitStack() as stack:

        def make(policy: str, index: Say, **more: Any) -> Box:
            site = stack.enter_context(answering(index, authority, folder, host))
            where = network(authority) | {"addresses": {f"{host}:443": ["127.0.0.1", site.port]}}
            settings = {"indexes": {kind: base}, "wait": 20}
            usual: dict[str, Any] = {"contained": True, "files": files, "settings": settings}
            box = stack.enter_context(boxed(folder / "box", policy, network=where, **{**usual, **more}))
            box.site = site
            return box

        yield make


@dataclass
class Echo:
    """A server that keeps what it got, and answers by a function of the test's."""

    port: int
    got: list[bytes] = field(default_factory=list)


Talk = Callable[[socket.socket, Echo], None]


def whole_request(sock: socket.socket) -> bytes:
    """Read one request with its body, and return it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < size:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def one_answer(sock: socket.socket, echo: Echo) -> None:
    """Read one request head, keep it, and answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return
        data += piece
    echo.got.append(data)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@contextmanager
def serving(talk: Talk = one_answer, *, context: ssl.SSLContext | None = None) -> Iterator[Echo]:
    """Serve on loopback, each connection in a thread, inside TLS where there is a context."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        echo = Echo(listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def each(sock: socket.socket) -> None:
            with suppress(OSError), sock:
                sock.settimeout(20)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if context is None:
                    talk(sock, echo)
                    return
                with context.wrap_socket(sock, server_side=True) as inner:
                    talk(inner, echo)

        def accept() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=each, args=(sock,), daemon=True))
                threads[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield echo
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            accepting.join(5)
            for one in threads:
                one.join(5)


def network(authority: Authority, **ports: int) -> dict[str, Any]:
    """Return a resolver's table (``host__port=local`` for each, dots as ``_``) and the authority."""
    table = {name.replace("__", ":").replace("_", "."): ["127.0.0.1", port] for name, port in ports.items()}
    return {"addresses": table, "authority": authority.pem.decode()}


def run(words: list[str], **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a real program and return what it said."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, **more)
