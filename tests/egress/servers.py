"""Servers that the owner's side of a route finds: two indexes and a forge. They keep what they were asked."""

import base64
import hashlib
import http.server
import io
import json
import os
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.conftest import Authority

Answer = tuple[int, str, bytes]
Say = Callable[["Asked"], Answer]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A server, and what it was asked."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def answering(say: Say, authority: Authority, folder: Path, *names: str, port: int = 0) -> Iterator[Server]:
    """Answer by a function, as these hosts, inside TLS."""
    found = Server(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def serve(self) -> None:
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self._body())
            found.asked.append(asked)
            status, kind, content = say(asked)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if 300 <= status < 400:
                self.send_header("Location", kind)
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_HEAD = do_PUT = serve  # noqa: N815  the names that http.server calls

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    # Hands are shaken in the thread of each client: one that says nothing holds up nobody else.
    context = authority.context(folder, *names)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wheel(name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
    """Return a wheel that pip installs, and its metadata."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr(f"{name}/__init__.py", f"VERSION = {version!r}\n")
        packed.writestr(f"{info}/METADATA", metadata)
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return held.getvalue(), metadata.encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def python_index(wheels: dict[str, tuple[bytes, bytes]], served: dict[str, bytes] | None = None) -> Say:
    """Return an index of wheels in HTML. ``served`` has other bytes for a file than its digest says."""

    def say(asked: Asked) -> Answer:
        steps = asked.path.strip("/").split("/")
        if steps[0] == "simple" and steps[1:2] and steps[1] in wheels:
            content, metadata = wheels[steps[1]]
            file = f"{steps[1]}-1.0-py3-none-any.whl"
            link = (
                f'<a href="../../files/{file}#sha256={sha256(content)}" data-core-metadata="sha256={sha256(metadata)}">'
            )
            return 200, "text/html", f"{link}{file}</a>".encode()
        name = steps[-1].partition("-")[0]
        if steps[0] == "files" and name in wheels:
            content, metadata = wheels[name]
            content = (served or {}).get(name, content)
            return 200, "application/octet-stream", metadata if asked.path.endswith(".metadata") else content
        return 404, "text/plain", b"no"

    return say


def tarball(name: str, requires: dict[str, str]) -> bytes:
    """Return a package that npm installs."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as packed:
        manifest = json.dumps({"name": name, "version": "1.0.0", "dependencies": requires}).encode()
        for file, content in (("package.json", manifest), ("index.js", b"module.exports = 1\n")):
            entry = tarfile.TarInfo(f"package/{file}")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def sri(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def node_index(packages: dict[str, dict[str, str]], contents: dict[str, bytes], host: str = "registry.example") -> Say:
    """Return a registry of one version for each package."""

    def say(asked: Asked) -> Answer:
        plain = asked.path.replace("%2F", "/").replace("%2f", "/").replace("%40", "@").strip("/")
        name, dash, _ = plain.partition("/-/")
        if name not in packages:
            return 404, "application/json", b"{}"
        if dash:
            return 200, "application/octet-stream", contents[name]
        place = f"https://{host}/{name}/-/{name.rpartition('/')[2]}-1.0.0.tgz"
        version = {
            "name": name,
            "version": "1.0.0",
            "dependencies": packages[name],
            "dist": {"integrity": sri(contents[name]), "tarball": place},
        }
        document = {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        return 200, "application/json", json.dumps(document).encode()

    return say


def forge(root: Path) -> Say:
    """Return git's own server for the repositories below ``root``."""

    def say(asked: Asked) -> Answer:
        path, _, query = asked.path.partition("?")
        environment = {
            "PATH": os.defpath,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": asked.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": asked.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(asked.body)),
            "GIT_PROTOCOL": asked.headers.get("git-protocol", ""),
        }
        program = ["git", "http-backend"]
        out = subprocess.run(program, input=asked.body, env=environment, capture_output=True, check=False).stdout
        head, _, content = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return int(fields.get("Status", "200").split()[0]), fields.get("Content-Type", "text/plain"), content

    return say
