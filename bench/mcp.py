"""``python -m bench.mcp``: what standing between an MCP client and its server costs, beside others that do.

One echo server, one client, and between them nothing, a pump of bytes (a real process that copies and does not
look), ``nucleus mcp run`` and two other proxies. Calls are interleaved: in each round every candidate makes its
calls, one after the other, and then 16 at once. Every answer is compared with what was sent.
"""

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from bench import mcp_peers, page
from bench.clock import Figure, figure
from bench.mcp_echo import TOOL
from bench.table import AT_LEAST, Row, Section
from nucleus.mcp.pins import digest_of

ECHO: Final = [sys.executable, "-I", "-S", str(Path(__file__).with_name("mcp_echo.py"))]
TITLE: Final = "MCP mediation"
POLICY: Final = 'version = 1\nprofile = "local_dev"\n[mcp.echo]\nallow = ["echo"]\n'
SIZES: Final = {"2 B": "xx", "100 kB": "x" * 100_000}
CALLS: Final = {"2 B": 24, "100 kB": 8}
AT_ONCE: Final = 16
QUIET: Final = ("--log-level", "ERROR")
HELLO: Final = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class WrongAnswerError(Exception):
    """Somebody changed what was said."""


class Peer(Protocol):
    """One way to the echo server."""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Make one request and return its result."""

    def at_once(self, words: str, count: int) -> None:
        """Make many calls before the first is answered."""


def know(result: dict[str, Any], words: str) -> None:
    """Raise WrongAnswerError unless a result is the echo of ``words``."""
    content = result.get("content") or [{}]
    if content[0].get("text") != words:
        raise WrongAnswerError(f"sent {len(words)} characters, got {json.dumps(result)[:200]}")


@dataclass
class Streams:
    """A client over a process's standard streams."""

    process: "subprocess.Popen[bytes]"
    number: int = 0

    def _send(self, method: str, params: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.number += 1
        fields = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.process.stdin.write(json.dumps(fields, separators=(",", ":")).encode() + b"\n")
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise WrongAnswerError("the end, in place of an answer")
            message = json.loads(line)
            if "method" not in message:
                return _result(message)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Write a line and read one."""
        self._send(method, params)
        return self._receive()

    def at_once(self, words: str, count: int) -> None:
        """Write all lines in a thread, as the answers may fill the other pipe before the last is written."""
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(lambda: [self._send("tools/call", _call(words)) for _ in range(count)])
            for _ in range(count):
                know(self._receive(), words)
            writing.result()


@dataclass
class Web:
    """A client over HTTP, on one connection for each that asks at once."""

    port: int
    path: str = "/mcp"
    session: str = ""
    number: int = 0
    links: list[http.client.HTTPConnection] = field(default_factory=list)
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-06-18",
        }
    )

    def _link(self, place: int) -> http.client.HTTPConnection:
        while len(self.links) <= place:
            self.links.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30))
        return self.links[place]

    def post(self, fields: dict[str, Any], place: int = 0) -> dict[str, Any]:
        """Send one message and return what came for it, empty for a notification."""
        link = self._link(place)
        named = {**self.headers, **({"Mcp-Session-Id": self.session} if self.session else {})}
        data = json.dumps(fields, separators=(",", ":")).encode()
        try:
            link.request("POST", self.path, data, named)
        except (BrokenPipeError, ConnectionResetError):
            # The server closed the connection after its last answer, without saying that it would.
            link.close()
            link.request("POST", self.path, data, named)
        response = link.getresponse()
        self.session = response.headers.get("Mcp-Session-Id", self.session)
        body = response.read()
        if response.headers.get("Content-Type", "").startswith("text/event-stream"):
            events = [line[5:] for line in body.splitlines() if line.startswith(b"data:") and b'"id"' in line]
            body = events[-1]
        if response.status >= 300:
            raise WrongAnswerError(f"status {response.status}: {body[:200]!r}")
        return json.loads(body) if body.strip() and "id" in fields else {}

    def ask(self, method: str, *, place: int = 0, **params: Any) -> dict[str, Any]:
        """Post a request and return its result."""
        self.number += 1
        return _result(self.post({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}, place))

    def at_once(self, words: str, count: int) -> None:
        """Use four connections."""

        def some(place: int) -> None:
            for number in range(count // 4):
                fields = {"jsonrpc": "2.0", "id": f"{place}-{number}", "method": "tools/call", "params": _call(words)}
                know(_result(self.post(fields, place)), words)

        for place in range(4):
            self._link(place)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(some, range(4)))


def _call(words: str) -> dict[str, Any]:
    return {"name": "echo", "arguments": {"text": words}}


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if "result" not in message:
        raise WrongAnswerError(f"no result: {json.dumps(message)[:300]}")
    result: dict[str, Any] = message["result"]
    return result


@contextmanager
def running(command: Sequence[str], folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a command with pipes until the block ends, in a folder that holds nothing."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=work
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def listening(command: Sequence[str], folder: Path) -> Iterator["Web"]:
    """Run our HTTP front, and return a client that has its address and token."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=work
    ) as process:
        assert process.stderr is not None
        said = b""
        while b"shown once: " not in said.rpartition(b"\n")[0]:
            line = process.stderr.readline()
            if not line:
                raise WrongAnswerError(said.decode())
            said += line
        found = re.search(rb":(\d+)/mcp\n(?:.*\n)*.*shown once: (\S+)", said)
        assert found is not None
        web = Web(int(found[1]))
        web.headers["Authorization"] = f"Bearer {found[2].decode()}"
        try:
            yield web
        finally:
            process.terminate()


@contextmanager
def port_of(command: Sequence[str], folder: Path) -> Iterator[int]:
    """Run something that prints its port."""
    with running(command, folder) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def ours(folder: Path, server: str) -> list[str]:
    """Return our command, of an owner who reviewed the echo of ``server``; the server's own words come after it."""
    state = folder / "state"
    (state / "mcp").mkdir(mode=0o700, parents=True, exist_ok=True)
    state.chmod(0o700)
    row = f'program = "{server}"\nname = "echo"\ndigest = "{digest_of(TOOL)}"\nop = "read_files"\narguments = ["text"]'
    (state / "mcp" / "mappings.toml").write_text(f"[[tool]]\n{row}\nlongest = 1000000\n", encoding="utf-8")
    (folder / "owner.toml").write_text(POLICY, encoding="utf-8")
    words = [sys.executable, "-m", "nucleus", "--state", str(state), "mcp", "run", "--quiet", "--name", "echo"]
    return [*words, "--policy", str(folder / "owner.toml")]


def stdio_command(name: str, folder: Path, upstream: int) -> list[str]:
    """Return the command of a candidate over standard streams. ``upstream``: the echo's port, for one that needs it."""
    match name:
        case "pump" | "slow":
            return [*ECHO, name, *ECHO, "stdio"]
        case "ours":
            return [*ours(folder, "mcp_echo.py"), "--", *ECHO, "stdio"]
        case "fastmcp":
            config = folder / "fastmcp.json"
            config.write_text(json.dumps({"mcpServers": {"echo": {"command": ECHO[0], "args": [*ECHO[1:], "stdio"]}}}))
            return [mcp_peers.program("fastmcp"), "run", str(config), "--transport", "stdio", "--no-banner", *QUIET]
        case "mcp-proxy":
            url = f"http://127.0.0.1:{upstream}/mcp"
            return [mcp_peers.program("mcp-proxy"), *QUIET, "--transport", "streamablehttp", url]
    return [*ECHO, "stdio"]


def meet(peer: Peer) -> str:
    """Shake hands, and return the name of the tool."""
    peer.ask("initialize", **HELLO)
    told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    if isinstance(peer, Streams):
        assert peer.process.stdin is not None
        peer.process.stdin.write(json.dumps(told).encode() + b"\n")
    elif isinstance(peer, Web):
        peer.post(told)
    [tool] = peer.ask("tools/list")["tools"]
    return str(tool["name"])


@contextmanager
def over_streams(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Peer]]:
    """Have each candidate running and met, over standard streams."""
    with ExitStack() as stack:
        upstream = stack.enter_context(port_of([*ECHO, "http"], folder))
        peers: dict[str, Peer] = {}
        for name in names:
            peers[name] = Streams(stack.enter_context(running(stdio_command(name, folder, upstream), folder)))
            meet(peers[name])
        yield peers


def answers(port: int) -> bool:
    """Whether somebody listens."""
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody has, for programs that can't say which one they took."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def over_http(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Peer]]:
    """Have each candidate running and met, over HTTP."""
    with ExitStack() as stack:
        upstream = stack.enter_context(port_of([*ECHO, "http"], folder))
        url = f"http://127.0.0.1:{upstream}/mcp"
        peers: dict[str, Peer] = {"direct": Web(upstream)}
        peers["pump"] = Web(stack.enter_context(port_of([*ECHO, "pipe", str(upstream)], folder)))
        config = folder / "fastmcp-http.json"
        config.write_text(json.dumps({"mcpServers": {"echo": {"url": url}}}))
        quiet = ["--no-banner", *QUIET]
        if "ours" in names:
            command = [*ours(folder, url), "--listen", "127.0.0.1:0", "--url", url]
            peers["ours"] = stack.enter_context(listening(command, folder))
        commands: dict[str, Callable[[str], list[str]]] = {
            "fastmcp": lambda port: [
                *(mcp_peers.program("fastmcp"), "run", str(config), "--transport", "http", "--port", port, *quiet)
            ],
            "mcp-proxy": lambda port: [mcp_peers.program("mcp-proxy"), *QUIET, "--port", port, "--", *ECHO, "stdio"],
        }
        for name in [one for one in names if one in commands]:
            port = free_port()
            stack.enter_context(running(commands[name](str(port)), folder))
            deadline = time.monotonic() + 30
            while not answers(port) and time.monotonic() < deadline:
                time.sleep(0.02)
            peers[name] = Web(port)
        for name in names:
            meet(peers[name])
        yield {name: peers[name] for name in names}


def timed(peer: Peer, words: str, calls: int) -> float:
    """Return the median seconds of one call."""
    taken = []
    for _ in range(calls):
        begin = time.perf_counter()
        result = peer.ask("tools/call", **_call(words))
        taken.append(time.perf_counter() - begin)
        know(result, words)
    return statistics.median(taken)


def rate(peer: Peer, words: str) -> float:
    """Return calls a second, of many at once."""
    begin = time.perf_counter()
    peer.at_once(words, AT_ONCE)
    return AT_ONCE / (time.perf_counter() - begin)


Found = dict[tuple[str, str], list[float]]
"""(candidate, quantity) -> one figure for each round."""


def rounds_of(peers: dict[str, Peer], rounds: int, share: int = 1) -> Found:
    """Return what was measured, round by round; the first is thrown away, every other one goes the other way."""
    found: Found = {}
    for turn in range(rounds + 1):
        order = list(peers) if turn % 2 else list(reversed(peers))
        for name in order:
            for size, words in SIZES.items():
                latency, speed = timed(peers[name], words, CALLS[size] // share), rate(peers[name], words)
                if turn:
                    found.setdefault((name, f"call {size}"), []).append(latency)
                    found.setdefault((name, f"rate {size}"), []).append(speed)
    return found


def against_the_pump(found: Found, name: str, quantity: str) -> Figure:
    """Return a candidate's figure divided by the pump's, round by round."""
    mine, pump = found[name, quantity], found["pump", quantity]
    return figure([a / b for a, b in zip(mine, pump, strict=True)])


SHOWN: Final = {
    "direct": "nothing between",
    "ours": "nucleus mcp run",
    "fastmcp": "fastmcp proxy",
    "mcp-proxy": "mcp-proxy",
}


def rows_of(transport: str, found: Found) -> list[Row]:
    """Return the rows of one transport. Only what we promised has a budget."""
    rows = []
    for size in SIZES:
        pump = figure([1e6 * one for one in found["pump", f"call {size}"]])
        rows.append(Row(f"{transport}, a call of {size}: the pump itself", pump, "us"))
        for name in [one for one in SHOWN if (one, f"call {size}") in found]:
            bounds = (2.0, 1.3) if name == "ours" and transport == "stdio" else (0.0, 0.0)
            measured = against_the_pump(found, name, f"call {size}")
            rows.append(Row(f"{transport}, a call of {size}: {SHOWN[name]}", measured, "x pump", *bounds))
        for name in [one for one in SHOWN if (one, f"rate {size}") in found]:
            measured = against_the_pump(found, name, f"rate {size}")
            quantity = f"{transport}, calls/s with {AT_ONCE} of {size} at once: {SHOWN[name]}"
            rows.append(Row(quantity, measured, "x pump", sense=AT_LEAST))
    return rows


def start_and_weight(folder: Path, upstream: int, rounds: int) -> list[Row]:
    """Return how long each proxy takes to its first answer, and what it weighs after a hundred calls."""
    rows = []
    for name in ("pump", "ours", "fastmcp", "mcp-proxy"):
        command = stdio_command(name, folder, upstream)
        taken, peaks = [], []
        for _ in range(rounds):
            begin = time.perf_counter()
            with running(command, folder) as process:
                peer = Streams(process)
                peer.ask("initialize", **HELLO)
                taken.append(time.perf_counter() - begin)
                peer.ask("tools/list")
                for _ in range(100):
                    know(peer.ask("tools/call", **_call("xx")), "xx")
                peaks.append(peak(process.pid))
        bounds = (0.4, 0.3) if name == "ours" else (0.0, 0.0)
        rows.append(Row(f"start to the first answer: {SHOWN.get(name, 'the pump')}", figure(taken), "s", *bounds))
        bounds = (25.0, 18.0) if name == "ours" else (0.0, 0.0)
        rows.append(Row(f"memory at its peak: {SHOWN.get(name, 'the pump')}", figure(peaks), "MB", *bounds))
    return rows


def peak(pid: int) -> float:
    """Return the most memory that a process had at a time, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def measure(rounds: int) -> Section:
    """Return the section. Installs the other proxies where they are not there yet."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        everyone = ("direct", "pump", "ours", "fastmcp", "mcp-proxy")
        with over_streams(folder, everyone) as peers:
            rows += rows_of("stdio", rounds_of(peers, rounds))
        with over_http(folder, everyone) as peers:
            # Fewer: one of the others takes a tenth of a second for each call.
            rows += rows_of("HTTP", rounds_of(peers, max(3, rounds // 3), share=3))
        with port_of([*ECHO, "http"], folder) as upstream:
            rows += start_and_weight(folder, upstream, max(3, rounds // 5))
    versions = ", ".join(f"{name} {mcp_peers.version(name)}" for name in mcp_peers.PROXIES)
    return Section(
        TITLE,
        tuple(rows),
        (
            f"on the wall, through pipes or the loopback; {versions}",
            "ours decides and records each call in a second process; the pump and the other proxies do neither",
            "mcp-proxy has HTTP on one side: over stdio it asks the echo's HTTP port, over HTTP its stdio",
            f"load of the machine when it ended: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors",
            "memory is that of the process that the client started; the gate of ours is another",
        ),
    )


def main() -> int:
    """Run; 0 if every budget held, else 1."""
    return page.written_by("bench.mcp", str(__doc__), TITLE, measure, quick=5, full=25)


if __name__ == "__main__":
    sys.exit(main())
