"""A small real world for end-to-end tests: a repository, its bare remote, a server that is example.com.

Everything is judged here, at the sinks: bytes at the listener, refs in the
remote, files outside. Nothing leaves loopback.
"""

import datetime as dt
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "example.com"


def git(folder: Path, *words: str) -> str:
    """Run git as the owner would, with an identity and no configuration of the machine."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Owner",
        "GIT_AUTHOR_EMAIL": "owner@example.com",
        "GIT_COMMITTER_NAME": "Owner",
        "GIT_COMMITTER_EMAIL": "owner@example.com",
    }
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env=environment
    ).stdout


@dataclass
class Repository:
    """A clone with one commit, and the bare remote that it came from."""

    clone: Path
    bare: Path

    def refs(self) -> str:
        """Return every ref of the remote."""
        return git(self.bare, "for-each-ref", "--format=%(refname) %(objectname)")


def repository(folder: Path) -> Repository:
    """Make a bare remote and a clone of it with a README and some code."""
    bare, clone = folder / "remote.git", folder / "clone"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare", "-b", "main")
    clone.mkdir()
    git(clone, "init", "-q", "-b", "main")
    (clone / "README.md").write_text("# App\n")
    (clone / "src").mkdir()
    (clone / "src" / "app.py").write_text("print('app')\n")
    (clone / ".env").write_text("TOKEN=canary-secret\n")
    (clone / ".gitignore").write_text(".env\n")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "first")
    git(clone, "remote", "add", "origin", str(bare))
    git(clone, "push", "-q", "origin", "main")
    return Repository(clone, bare)


@dataclass
class Site:
    """A TLS server on loopback with a certificate for example.com, and what it was sent."""

    port: int
    authority: str
    requests: list[str] = field(default_factory=list)

    @property
    def network(self) -> dict[str, Any]:
        """Return what a gate's constructor needs to find and believe this server."""
        return {"addresses": {f"{HOST}:443": ["127.0.0.1", self.port]}, "authority": self.authority}


@contextmanager
def site(folder: Path, page: bytes = b"<h1>Example</h1>\n") -> Iterator[Site]:
    """Serve ``page`` at https://example.com/ for those who are told where that is; /elsewhere redirects away."""
    authority, certificate = certificates(folder)
    found = Site(0, authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests.append(f"{self.command} {self.path}")
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "https://evil.example/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificates(folder: Path) -> tuple[str, Path]:
    """Return the PEM of a fresh authority, and the file of a chain and key that it signed for example.com."""
    now = dt.datetime.now(dt.UTC)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        builder(root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), leaf_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    key = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = folder / "example.pem"
    chain.write_bytes(key + leaf.public_bytes(Encoding.PEM))
    return root.public_bytes(Encoding.PEM).decode(), chain


def worktree(folder: Path) -> Path:
    """Return the linked worktree ``tree`` of a new repository ``main`` with one commit, both in ``folder``."""
    main = folder / "main"
    main.mkdir()
    git(main, "init", "-q", "-b", "main")
    git(main, "commit", "-q", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", "-q", str(folder / "tree"))
    return folder / "tree"
