"""One exchange with an HTTP server, and which addresses can be used at all."""

import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nucleus.egress.http1 import HttpError
from nucleus.errors import CannotEnforce
from nucleus.mcp.wire import Address, Exchange, address_of, verified
from tests.mcp.webserver import Reply, Seen, Web


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/mcp", Address("example.org", 443, "/mcp", tls=True)),
        ("https://Example.org:8443", Address("example.org", 8443, "/", tls=True)),
        ("http://127.0.0.1:80/x?y=1", Address("127.0.0.1", 80, "/x?y=1", tls=False)),
        ("http://[::1]:9/", Address("::1", 9, "/", tls=False)),
    ],
)
def test_an_address_is_host_port_and_target(url: str, expected: Address) -> None:
    assert address_of(url) == expected


def test_the_host_header_is_the_authority() -> None:
    assert address_of("http://[::1]:9/").authority == "[::1]:9"
    assert address_of("https://example.org/").authority == "example.org"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/mcp",
        "https://user:secret@example.org/",
        "https://example.org/#x",
        "ftp://example.org/",
        "https://example.org/a b",
        "https://ex\u00e4mple.org/",
        "http://127.0.0.1.example.org/",
        "example.org",
    ],
)
def test_an_address_that_somebody_on_the_way_could_use_is_refused(url: str) -> None:
    with pytest.raises(CannotEnforce):
        address_of(url)


@pytest.fixture
def web() -> Iterator[Web]:
    def script(seen: Seen) -> Reply:
        if seen.method == "GET":
            return Reply(200, b"", {"Content-Type": "text/event-stream"}, [b"data: 1\n\n", b"data: 2\n\n"])
        if seen.method == "DELETE":
            return Reply(200, b"short", {"Content-Length": "9"}, [])
        return Reply(202, b"taken")

    server = Web(script)
    yield server
    server.close()


def test_a_request_is_sent_once_and_its_answer_is_read_to_the_end(web: Web) -> None:
    address = address_of(web.url)
    exchange = Exchange(address, None)
    response = exchange.send("POST", {"x-one": "1"}, b"{}")
    assert (response.status, b"".join(exchange.body(response))) == (202, b"taken")
    exchange.close()
    assert web.seen[0].headers["host"] == address.authority
    assert web.seen[0].headers["x-one"] == "1"
    exchange = Exchange(address, None)
    assert b"".join(exchange.body(exchange.send("GET", {}))) == b"data: 1\n\ndata: 2\n\n"
    exchange.close()


def test_an_answer_that_is_cut_short_is_an_error(web: Web) -> None:
    exchange = Exchange(address_of(web.url), None)
    response = exchange.send("DELETE", {})
    with pytest.raises(HttpError, match=r"more than one|cut short"):
        list(exchange.body(response))
    exchange.close()


def test_a_header_can_not_become_two(web: Web) -> None:
    exchange = Exchange(address_of(web.url), None)
    with pytest.raises(ValueError, match="line break"):
        exchange.send("POST", {"x": "1\r\ny: 2"})
    exchange.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """The same server is taken where its own certificate is what is trusted: the negative control."""
    web = Web(lambda _seen: Reply(200, b"ok"))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    web.serve_tls(context)
    port = address_of(web.url).port
    with pytest.raises(ssl.SSLError):
        Exchange(Address("localhost", port, "/", tls=True), verified())
    exchange = Exchange(Address("localhost", port, "/", tls=True), verified(pem.decode()))
    assert exchange.send("GET", {}).status == 200
    exchange.close()
    with pytest.raises(ssl.SSLError):
        Exchange(Address("127.0.0.1", port, "/", tls=True), verified(pem.decode()))
    web.close()
