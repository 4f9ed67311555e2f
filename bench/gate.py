"""The gate as a process: a call over its socket against echoes of the same frame, and what a principal weighs."""

import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.clock import Candidate, figure, interleaved, ratio, unit
from bench.table import Row, Section
from nucleus.gate import core
from nucleus.gate.connection import Connection
from nucleus.gate.events import Done, Event, Opened, Perform, Submit
from nucleus.gate.protocol import encode
from nucleus.gate.spawn import start
from nucleus.kernel.capability import EVERYTHING, READ_FILES
from nucleus.kernel.exposure import PRIVATE
from nucleus.kernel.facts import SCOPE_ALLOW
from nucleus.policy.call import READ, Classified

ECHO = """
import socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
while data := link.recv(65536):
    link.sendall(data)
"""
SERVICE = """
import json, socket, struct, sys
link = socket.socket(fileno=int(sys.argv[1]))
sizes = struct.Struct(">II")
while data := link.recv(65536):
    size, body = sizes.unpack(data[:8])
    text = json.dumps(json.loads(data[8:8 + size])).encode()
    link.sendall(sizes.pack(len(text), body) + text + data[8 + size:])
"""
FACTS = Classified(READ_FILES, PRIVATE, 0, 0, SCOPE_ALLOW, 0, 0, 0, 0, 0)
POLICY = 'version = 1\nprofile = "local_dev"\n[deny]\nread = ["secrets/**"]\n'
MANY = 10_000


@contextmanager
def peer(program: str) -> Iterator[socket.socket]:
    """Start a program that answers on a socket, with blocking calls and nothing else."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-S", "-c", program, str(theirs.fileno())]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()  # or nobody ever tells it to end
            process.wait(10)


@contextmanager
def gate(folder: Path) -> Iterator[Connection]:
    """Open a real gate, as the SDK does, on a workspace with one small file."""
    workspace = folder / "workspace"
    workspace.mkdir()
    (workspace / "README.md").write_text("# read\n" * 20, encoding="utf-8")
    policy = folder / "nucleus.toml"
    policy.write_text(POLICY, encoding="utf-8")
    spawned = start(["gate"])
    connection = Connection(spawned.sock)
    opening: dict[str, Any] = {"do": "open", "profile": "", "policies": [str(policy)], "workspace": str(workspace)}
    reply, _ = connection.request({**opening, "state": str(folder / "state")})
    if reply["what"] != "opened":
        raise RuntimeError(f"the gate did not open: {reply}")
    yield connection
    spawned.end(10)


def call(path: str) -> dict[str, Any]:
    """Return the frame's fields of one read."""
    return {"do": "call", "kind": READ, "args": {"path": path}, "seen": 0, "quarantined": False, "wait": 0}


def asked(connection: Connection, fields: dict[str, Any], what: str) -> Callable[[int], object]:
    """Return a loop that makes one request and looks at the answer's kind."""

    def act(turns: int) -> None:
        for _ in range(turns):
            reply, _ = connection.request(fields)
            if reply.get("what", "") != what:
                raise RuntimeError(f"{fields} was answered by {reply}")

    return act


def echoed(link: socket.socket, data: bytes) -> Callable[[int], object]:
    """Return a loop that sends bytes and waits for all of them."""
    size = len(data)

    def act(turns: int) -> None:
        for _ in range(turns):
            link.sendall(data)
            left = size
            while left:
                left -= len(link.recv(left))

    return act


def sockets(rounds: int) -> tuple[Row, ...]:
    """Return the rows of a call over the socket. On the wall: what is waited for counts."""
    with (
        tempfile.TemporaryDirectory() as name,
        peer(ECHO) as link,
        peer(SERVICE) as served,
        gate(Path(name)) as connection,
    ):
        candidates = [
            Candidate("echo", echoed(link, encode(call("secrets/key"))), 400),
            Candidate("service", asked(Connection(served), call("secrets/key"), ""), 400),
            Candidate("status", asked(connection, {"do": "status"}, "status"), 100),
            Candidate("refused", asked(connection, call("secrets/key"), "denied"), 400),
            Candidate("read", asked(connection, call("README.md"), "released"), 30),
        ]
        times = interleaved(candidates, rounds, time.perf_counter)
    return (
        Row(
            "mediated call over the local socket",
            ratio(times, "refused", "service"),
            "x echo",
            3,
            1.5,
            note="a refused read, on the wall: frame, classification, keyed digests, redaction, decision, record in "
            "the file (synced in groups), answer; the echo decodes and encodes the same frames and does none of this, "
            "and a busy disk is in it (docs/adr/0006)",
        ),
        Row(
            "the same against a raw echo, which looks at no byte",
            ratio(times, "refused", "echo"),
            "x raw echo",
            note="no budget: frames of JSON alone are the row below",
        ),
        Row("the echo of frames against the raw one", ratio(times, "service", "echo"), "x raw echo"),
        Row("a question about the principal itself", ratio(times, "status", "service"), "x echo"),
        Row(
            "an allowed read of a file, with its worker",
            ratio(times, "read", "service"),
            "x echo",
            note="two hops, two records, descriptor-relative open of each part of the path",
        ),
    )


def opened(gate: core.Gate, name: str) -> core.Gate:
    """Return the gate with one more principal."""
    return core.step(gate, Opened(name, EVERYTHING, 0, 10**12, 10**18, 10**9, 0))[0]


def principals(count: int) -> tuple[core.Gate, float]:
    """Return a gate of ``count`` principals, each of which has read something, and the bytes that each takes."""
    tracemalloc.start()
    held = core.Gate()
    for number in range(count):
        held = opened(held, f"principal-{number:08}")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held, size / count


def steps(held: core.Gate) -> Callable[[int], object]:
    """Return a loop of one call of the core from its decision to its result."""

    def act(turns: int) -> None:
        state = held
        for turn in range(turns):
            event: Event = Submit("principal-00000000", turn, "id", READ, {}, "", FACTS, 1, 0, 0)
            state, effects, _ = core.step(state, event)
            perform = effects[0]
            assert isinstance(perform, Perform)
            state, _, _ = core.step(state, Done(perform.number, "ok", 1, "", "", 0))

    return act


def weights(rounds: int) -> tuple[Row, ...]:
    """Return the rows of many principals in one gate."""
    one, _ = principals(1)
    many, each = principals(MANY)
    times = interleaved([unit(500), Candidate("one", steps(one), 100), Candidate("many", steps(many), 20)], rounds)
    return (
        Row("a principal in the gate's core", figure([each]), "bytes", note=f"tracemalloc, {MANY:,} principals"),
        Row("a call in the core, decision to result, one principal", ratio(times, "one"), "U"),
        Row(f"the same, {MANY:,} principals against one", ratio(times, "many", "one"), "x"),
    )


def measure(rounds: int) -> Section:
    """Return the rows of the gate."""
    return Section("Gate", (*sockets(rounds), *weights(rounds)))
