"""``nucleus run`` as a whole against a hostile program: judged on the host when its changes were brought home."""

import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adversarial.hostile import WAYS
from tests.adversarial.world import World, laid_out
from tests.local.box import needs_box, private

pytestmark = [needs_box, pytest.mark.timeout(120)]

PLAIN = {"source_file", "mapped_file", "cut_file"}
"""Edits of ordinary files: what an agent is there for. They are brought home."""
POLICY = 'version = 1\nprofile = "local_dev"\n[deny]\nread = ["private/**"]\n'
SETTLE_SECONDS = 1.6


@pytest.fixture
def world() -> Iterator[World]:
    with laid_out() as made:
        yield made


def nucleus(state: Path, workspace: Path, *words: str, policy: str = POLICY) -> list[str]:
    """Return the command line of a run."""
    file = state.parent / "policy.toml"
    file.write_text(policy)
    start = [sys.executable, "-m", "nucleus", "--state", str(state), "run", "--policy", str(file)]
    return [*start, "--workspace", str(workspace), "--non-interactive", *words]


def test_nothing_gets_out_of_a_run_and_only_plain_edits_come_home(world: World) -> None:
    """All ways at once. Without the box they work: test_box.py."""
    done = subprocess.run(
        nucleus(world.state, world.workspace, "--", "python3", "-I", "attack"),
        input=world.told(list(WAYS)),
        capture_output=True,
        cwd=world.workspace,
        env=os.environ | world.variables(),
        close_fds=False,
        timeout=100,
        check=False,
    )
    time.sleep(SETTLE_SECONDS)
    printed = done.stdout + done.stderr
    assert b"tried all" in done.stdout, printed.decode("utf-8", "replace")
    assert done.returncode == 75, "something is held"
    assert world.came_out(printed) == PLAIN, printed.decode("utf-8", "replace")


SPELLINGS = {
    "dotted": "127.0.0.1",
    "number": "2130706433",
    "hexadecimal": "0x7f000001",
    "octal": "0177.0.0.1",
    "short": "127.1",
    "any": "0.0.0.0",  # noqa: S104
    "zero": "0",
    "name": "localhost",
    "capitals": "LOCALHOST",
    "dot at the end": "localhost.",
    "version six": "[::1]",
    "mapped": "[::ffff:127.0.0.1]",
    "mapped in hexadecimal": "[::ffff:7f00:1]",
    "wide digits": "\uff11\uff12\uff17.0.0.1",
    "other dots": "127\u30020\u30020\u30021",
}


def requests(port: int, marks: dict[str, str]) -> dict[str, list[str]]:
    """Return what is asked of the proxy, by name. Each carries its mark to the listener at ``port``."""
    asked = {}
    for name, host in SPELLINGS.items():
        place = f"{host}:{port}"
        asked[f"tunnel to {name}"] = [f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n", marks[f"tunnel to {name}"]]
        asked[f"page of {name}"] = [f"GET http://{place}/{marks[f'page of {name}']} HTTP/1.1\r\nHost: {place}\r\n\r\n"]
    inner = f"127.0.0.1:{port}"
    front, host = "GET http://front.example", f"Host: {inner}\r\n"
    for name, text in {
        "another host in the header": f"{front}/{{}} HTTP/1.1\r\n{host}\r\n",
        "two hosts in the header": f"{front}/{{}} HTTP/1.1\r\nHost: front.example\r\n{host}\r\n",
        "a path and a host": f"GET /{{}} HTTP/1.1\r\n{host}\r\n",
        "a user before the host": f"{front}@{inner}/{{}} HTTP/1.1\r\n{host}\r\n",
        "a second request behind the first": f"{front}/ HTTP/1.1\r\nHost: front.example\r\nContent-Length: 0\r\n"
        f"Transfer-Encoding: chunked\r\n\r\nGET http://{inner}/{{}} HTTP/1.1\r\n{host}\r\n",
        "old version": f"GET http://{inner}/{{}} HTTP/1.0\r\n\r\n",
    }.items():
        asked[name] = [text.format(marks[name])]
    return asked


NAMES = [
    *(f"{how} {name}" for name in SPELLINGS for how in ("tunnel to", "page of")),
    *("another host in the header", "two hosts in the header", "a path and a host", "a user before the host"),
    *("a second request behind the first", "old version"),
]
NOT_EVERYWHERE = {"wide digits", "other dots", "dot at the end", "octal", "short", "zero"}
"""Spellings that not every resolver reads."""


class Serving(ABC):
    """A listening socket with a thread that serves who connects, one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.port = int(sock.getsockname()[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            if select.select([self.sock], [], [], 0.1)[0]:
                peer, _ = self.sock.accept()
                with peer, suppress(OSError, ValueError):
                    peer.settimeout(1)
                    self.serve(peer)

    @abstractmethod
    def serve(self, peer: socket.socket) -> None:
        """Serve one client. What it does wrong ends it alone."""

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sock.close()


class Listener(Serving):
    """A server of the host's, at all of its addresses, that keeps what it hears."""

    def __init__(self) -> None:
        sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        sock.listen(100)
        self.heard = b""
        super().__init__(sock)

    def serve(self, peer: socket.socket) -> None:
        self.heard += peer.recv(4000)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Trusting(Serving):
    """A proxy that does what it is asked: it looks at the header where there is one, and connects."""

    def __init__(self) -> None:
        super().__init__(socket.create_server(("127.0.0.1", 0)))

    def serve(self, peer: socket.socket) -> None:
        asked = peer.recv(4000).decode()
        for one in asked.split("\r\n\r\n")[:-1]:
            method, target, *_ = one.split("\r\n")[0].split(" ")
            hosts = [line[6:] for line in one.split("\r\n") if line.startswith("Host: ")]
            place = target if method == "CONNECT" else hosts[-1] if hosts else target.split("/")[2]
            host, _, port = place.rpartition("@")[2].rpartition(":")
            if not port.isdigit():
                continue  # the front of another request: nobody is there
            with socket.create_connection((host.strip("[]"), int(port)), 1) as beyond:
                if method == "CONNECT":
                    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                    beyond.sendall(peer.recv(4000))
                else:
                    beyond.sendall(one.encode() + b"\r\n\r\n")
                    peer.sendall(beyond.recv(4000))


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("requests.py"), folder / "requests.py")
    return folder


def arrived(listener: Listener, marks: dict[str, str]) -> set[str]:
    """Return the names of the requests that reached the listener."""
    return {name for name, mark in marks.items() if mark.encode() in listener.heard}


def test_the_proxy_leads_nowhere_that_was_not_named(listener: Listener, workspace: Path, tmp_path: Path) -> None:
    """Even where the owner's policy names the host: its addresses are this machine's."""
    marks = {name: f"mark{secrets.token_hex(8)}" for name in NAMES}
    asked = {"proxy": 3128, "requests": requests(listener.port, marks)}
    policy = (
        f'version = 1\nprofile = "local_dev"\n[allow]\nfetch = ["front.example", "http://localhost:{listener.port}"]\n'
    )
    state = private(tmp_path / "state")
    done = subprocess.run(
        nucleus(state, workspace, "--", "python3", "-I", "requests.py", policy=policy),
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=workspace,
        timeout=100,
        check=False,
    )
    assert b"tried all" in done.stdout, done.stderr
    assert arrived(listener, marks) == set(), done.stdout.decode()
    assert b" 200 " not in done.stdout


def test_a_trusting_proxy_leads_everywhere(listener: Listener, workspace: Path) -> None:
    """The same program, and a proxy that does as it is told: this is what gives the other test a meaning."""
    marks = {name: f"mark{secrets.token_hex(8)}" for name in NAMES}
    proxy = Trusting()
    try:
        asked = {"proxy": proxy.port, "requests": requests(listener.port, marks)}
        done = subprocess.run(
            [sys.executable, "-I", "requests.py"],
            input=json.dumps(asked).encode(),
            cwd=workspace,
            capture_output=True,
            check=True,
        )
        time.sleep(0.5)
    finally:
        proxy.close()
    missing = set(NAMES) - arrived(listener, marks)
    assert {name.partition(" to ")[2] or name.partition(" of ")[2] for name in missing} <= NOT_EVERYWHERE, (
        done.stdout.decode()
    )


SEQUENCES = {
    "clipboard": "\x1b]52;c;{}\x07",
    "clipboard, other end": "\x1b]52;c;{}\x1b\\",
    "clipboard, eight bits": "\x9d52;c;{}\x9c",
    "title": "\x1b]0;{}\x07",
    "a report of the title": "\x1b]2;{}\x07\x1b[21t",
    "a device's string": "\x1bP{}\x1b\\",
    "an answer to a question": "\x1bP$q{}\x1b\\",
    "a program's command": "\x1b_{}\x1b\\",
    "a private message": "\x1b^{}\x1b\\",
    "a notification": "\x1b]9;{}\x07",
    "a file for the terminal": "\x1b]1337;File=name={}:AAAA\x07",
    "a key's new meaning": '\x1b["{}"p',
}
"""What makes a terminal do something for the program, with a mark in it."""


def at_a_terminal(words: list[str], workspace: Path) -> bytes:
    """Run a command at a terminal of its own, and return what the terminal was told."""
    ours, its = os.openpty()
    process = subprocess.Popen(words, stdin=its, stdout=its, stderr=its, cwd=workspace, start_new_session=True)
    os.close(its)
    told = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        told += chunk
    process.wait()
    os.close(ours)
    return told


@pytest.mark.parametrize("contained", [True, False], ids=["in a run", "without"])
def test_sequences_for_the_terminal_come_out_of_a_run_as_nothing(tmp_path: Path, contained: bool) -> None:
    workspace, state = tmp_path / "workspace", private(tmp_path / "state")
    workspace.mkdir()
    marks = {name: secrets.token_hex(8) for name in SEQUENCES}
    text = "".join(SEQUENCES[name].format(mark) for name, mark in marks.items())
    (workspace / "print.py").write_text(f"import sys; sys.stdout.buffer.write({text.encode()!r} + b'\\nthe end\\n')")
    words = ["python3", "-I", "print.py"]
    if contained:
        words = [word for word in nucleus(state, workspace, "--", *words) if word != "--non-interactive"]
    told = at_a_terminal(words, workspace)
    assert b"the end" in told
    obeyed = {name for name, mark in marks.items() if SEQUENCES[name].format(mark).encode() in told}
    assert obeyed == (set() if contained else set(SEQUENCES)), told


def test_what_is_typed_by_a_program_into_its_terminal_stays_in_the_run(tmp_path: Path) -> None:
    """TIOCSTI and TIOCLINUX are refused, and the terminal in there is not the owner's."""
    workspace, state = tmp_path / "workspace", private(tmp_path / "state")
    workspace.mkdir()
    (workspace / "type.py").write_text(
        "import fcntl, os\n"
        "for number, data in ((0x5412, b'x'), (0x541C, bytes([3]))):\n"
        "    try:\n        fcntl.ioctl(0, number, data); print('typed')\n"
        "    except OSError as error:\n        print('refused', error.errno)\n"
        "print('name', os.ttyname(0))\n"
    )
    words = [w for w in nucleus(state, workspace, "--", "python3", "-I", "type.py") if w != "--non-interactive"]
    told = at_a_terminal(words, workspace)
    assert told.count(b"refused 1\r\n") == 2, told
    assert b"typed" not in told
