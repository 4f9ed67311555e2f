"""The demo's world, and its sinks: what arrived is what counts, never what anybody says."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass, field

SECRET: Final = "demo-canary-3f9a7c21"  # noqa: S105  a canary
BACKLOG: Final = 16
PATIENCE: Final = 5.0
SETTLING: Final = 0.2
"""Seconds in which loopback delivers whatever was sent."""


@final
@dataclass
class Listener:
    """A socket on loopback that keeps what it is sent, and answers as a web server would."""

    sock: socket.socket
    received: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.sock.getsockname()[1])

    def take(self) -> int:
        """Return how many bytes have arrived since the last look. What was sent is given time to arrive."""
        end = time.monotonic() + SETTLING
        while not self.received and time.monotonic() < end:
            time.sleep(SETTLING / 20)
        size = sum(map(len, self.received))
        self.received.clear()
        return size


def listen(kind: int) -> Listener:
    """Return a listener for TCP (SOCK_STREAM) or UDP (SOCK_DGRAM) on a free port of loopback."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    found = Listener(sock)
    if kind == socket.SOCK_STREAM:
        sock.listen(BACKLOG)
    target = _serve if kind == socket.SOCK_STREAM else _collect
    threading.Thread(target=target, args=(found,), daemon=True).start()
    return found


def _serve(listener: Listener) -> None:
    while True:
        try:
            connection, _ = listener.sock.accept()
        except OSError:
            return  # closed: the demo is over
        with connection:
            connection.settimeout(PATIENCE)
            try:
                listener.received.append(connection.recv(1 << 16))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            except OSError:
                continue  # the caller left


def _collect(listener: Listener) -> None:
    while True:
        try:
            listener.received.append(listener.sock.recv(1 << 16))
        except OSError:
            return


@final
class Stage:
    """One world. ``close`` ends its listeners; the folder belongs to the caller."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.bare = folder / "remote.git"
        self.repository = folder / "project"
        self.state = folder / "state"
        self.web = listen(socket.SOCK_STREAM)
        self.forge = listen(socket.SOCK_STREAM)
        self.dns = listen(socket.SOCK_DGRAM)
        self._build()

    def _build(self) -> None:
        key = self.home / ".ssh" / "id_ed25519"
        key.parent.mkdir(parents=True, mode=0o700)
        key.write_text(f"{SECRET}\n")
        self.bare.mkdir()
        self.repository.mkdir()
        self.git(self.bare, "init", "-q", "--bare", "-b", "main")
        self.git(self.repository, "init", "-q", "-b", "main")
        (self.repository / "README.md").write_text("# A project\n")
        (self.repository / ".gitignore").write_text(".env\n")
        (self.repository / ".env").write_text(f"API_KEY={SECRET}\n")
        (self.repository / "nucleus.toml").write_text('version = 1\nprofile = "safe_pr_fixer"\n')
        self.git(self.repository, "add", ".")
        self.git(self.repository, "commit", "-q", "-m", "first")
        self.git(self.repository, "remote", "add", "origin", str(self.bare))
        self.git(self.repository, "push", "-q", "origin", "main")

    def git(self, folder: Path, *words: str) -> str:
        """Run git on the demo's own repositories, with none of the machine's configuration. Raises CannotEnforce."""
        command = ["git", "-C", str(folder), "-c", "user.name=Demo", "-c", "user.email=demo@example.com", *words]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotEnforce(
                f"git {words[0]} failed in the demo's own world", why=done.stderr.strip(), fix="try again"
            )
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return the environment of everything that runs here."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def refs(self) -> str:
        """Return every ref of the bare remote."""
        return self.git(self.bare, "for-each-ref")

    def hook(self) -> Path:
        """Return where a planted hook would be."""
        return self.repository / ".git" / "hooks" / "post-checkout"

    def close(self) -> None:
        """End the listeners."""
        for listener in (self.web, self.forge, self.dns):
            listener.sock.close()
