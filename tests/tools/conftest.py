"""What the tests of the tools share: a workspace, permits, and a client without a gate."""

import datetime as dt
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from nucleus.gate.client import Client, Result
from nucleus.gate.effects import Limits, Outcome, Performer, Permit

NUMBERS = count(1)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


@pytest.fixture
def perform(workspace: Path) -> Callable[..., Outcome]:
    """Return a function that hands a permit for the workspace to a performer."""

    def run(
        performer: Performer,
        kind: str,
        body: bytes = b"",
        *,
        limits: Limits | None = None,
        credential: bytes = b"",
        **args: Any,
    ) -> Outcome:
        permit = Permit(next(NUMBERS), kind, args, str(workspace), limits or Limits(), credential)
        return performer.perform(permit, body)

    return run


class Ungated:
    """A client that allows everything: what a tool does when nothing is refused.

    ``resolved`` stands for the classification: it is laid over the arguments.
    """

    def __init__(self, workspace: Path, performers: Mapping[str, Performer], exposure: int = 1) -> None:
        self.workspace = workspace
        self.performers = performers
        self.exposure = exposure
        self.resolved: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any], bytes, int]] = []

    def mediate(self, kind: str, args: Mapping[str, Any], body: bytes = b"", seen: int = 0) -> Result:
        self.calls.append((kind, dict(args), body, seen))
        laid = {"hidden": [], **args, **self.resolved.get(kind, {})}
        permit = Permit(len(self.calls), kind, laid, str(self.workspace))
        outcome = self.performers[kind.split(".", maxsplit=1)[0]].perform(permit, body)
        if outcome.status == "failed":
            error: type[Exception] = getattr(__import__("builtins"), outcome.value["type"])
            if issubclass(error, OSError):
                raise error(outcome.value["errno"], outcome.value["message"])
            raise error(outcome.value["message"])
        return Result(outcome.value, outcome.body, self.exposure, str(args.get("path", kind)), len(self.calls))


@pytest.fixture
def ungated(workspace: Path) -> Callable[..., Ungated]:
    def make(**performers: Performer) -> Ungated:
        return Ungated(workspace, performers)

    return make


@pytest.fixture
def is_client() -> Callable[[Client], Client]:
    """Return the identity, typed: mypy would refuse a client that is none."""
    return lambda client: client


class Authority:
    """A certificate authority of our own: no machine but this test trusts it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.pem = self._sign(self._name, self._key.public_key(), authority=True).public_bytes(Encoding.PEM)

    def context(self, folder: Path, *names: str) -> ssl.SSLContext:
        """Return a server's context with a certificate for ``names``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key.public_key(), names=names)
        file = folder / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, subject: x509.Name, key: Any, *, names: tuple[str, ...] = (), authority: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


class Loopback:
    """A real server on a loopback port that answers with prepared bytes and keeps what it got."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.requests: list[bytes] = []
        self.connections = 0
        self._context = context
        self.secured = context is not None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            with connection, suppress(OSError):
                if self._context is None:
                    self._answer(connection)
                else:
                    with self._context.wrap_socket(connection, server_side=True) as secured:
                        self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += self._more(connection)
        self.requests.append(head + b"\r\n\r\n" + body)
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        answer = self.answers.get(f"{method} {path}", self.answers.get(path, MISSING))
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError("closed in the middle of a request")
        return data

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def ok(body: bytes, *headers: str) -> bytes:
    """Return a response with a body."""
    head = "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


@pytest.fixture
def answer() -> Callable[..., bytes]:
    return ok


@pytest.fixture
def loopback() -> Iterator[Callable[..., Loopback]]:
    servers: list[Loopback] = []

    def make(context: ssl.SSLContext | None = None) -> Loopback:
        servers.append(Loopback(context))
        return servers[-1]

    yield make
    for server in servers:
        server.close()
