"""The proxy as a box sees it: a real process, a real gate, real sockets; judged at what the servers got."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from nucleus.egress.proxy import same_place
from nucleus.policy import call as kinds
from tests.egress.world import HOST, Box, Echo, boxed, everything, network, one_answer, serving
from tests.tools.conftest import Authority

NAMED = f'profile = "safe_pr_fixer"\n[allow]\nfetch = ["{HOST}"]\n'
PLAIN = 'profile = "safe_pr_fixer"\n[allow]\nfetch = ["http://plain.example"]\n'
YES: dict[str, Any] = {"answers": {"*": True}, "settings": {"wait": 20}}
"""A person who says yes, and a proxy that waits for that: plain http is always a question."""
Start = Callable[..., Box]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def start(tmp_path: Path, authority: Authority) -> Iterator[Start]:
    """Return a function that starts a box whose docs.example.org, evil.example and plain.example are servers here."""
    with ExitStack() as stack:

        def make(policy: str = NAMED, talk: Any = one_answer, **more: Any) -> Box:
            secure = stack.enter_context(serving(talk, context=authority.context(tmp_path, HOST, "evil.example")))
            plain = stack.enter_context(serving(talk))
            where = network(
                authority,
                docs_example_org__443=secure.port,
                evil_example__443=secure.port,
                plain_example__80=plain.port,
            )
            box = stack.enter_context(boxed(tmp_path / "box", policy, network=where, **more))
            box.secure, box.plain = secure, plain  # type: ignore[attr-defined]  # for the tests of this file
            return box

        yield make


def secure(box: Box) -> Echo:
    return box.secure  # type: ignore[attr-defined, no-any-return]


def plain(box: Box) -> Echo:
    return box.plain  # type: ignore[attr-defined, no-any-return]


def within(sock: socket.socket, authority: Authority, name: str = HOST) -> ssl.SSLSocket:
    """Return TLS inside of a tunnel."""
    return ssl.create_default_context(cadata=authority.pem.decode()).wrap_socket(sock, server_hostname=name)


def verdicts(box: Box) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["destination"], one["verdict"]) for one in box.records()]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process is about to do."""
    for _ in range(400):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def until_cut(sock: socket.socket, data: bytes, *, answered: bool = False) -> bool:
    """Send again and again; return whether the connection was cut."""
    try:
        for _ in range(300):
            sock.sendall(data)
            if answered and not sock.recv(100):
                return True
            time.sleep(0.01 * answered)
    except OSError:
        return True
    return False


def test_a_tunnel_to_a_named_host_is_one_decision_and_one_result(start: Start, authority: Authority) -> None:
    box = start()
    with within(box.tunnel(), authority) as inner:
        inner.sendall(b"GET /secret HTTP/1.1\r\nHost: docs.example.org\r\n\r\n")
        assert everything(inner).endswith(b"hello")
    until(lambda: len(box.records("result")) == 1)
    assert verdicts(box) == [(kinds.TUNNEL, f"{HOST}:443", "allow")]
    result = box.records("result")[0]
    assert (result["outcome"], result["bytes"] > 500) == ("ok", True)


def test_a_tunnel_to_a_host_that_nobody_named_is_a_question_and_reaches_nobody(start: Start) -> None:
    box = start()
    with pytest.raises(ConnectionError, match="approval required"):
        box.tunnel("evil.example")
    assert verdicts(box) == [(kinds.TUNNEL, "evil.example:443", "ask")]
    assert secure(box).got == []


SPELLINGS = [
    *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "1.1.1.1."),
    *(
        "localhost",
        "metadata.google.internal",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1%25eth0]",
        "docs.example.org%00",
    ),
]


def test_an_address_in_any_spelling_is_refused_and_on_record(start: Start) -> None:
    box = start('profile = "safe_pr_fixer"\n[allow]\nfetch = ["**"]\n')
    for host in SPELLINGS:
        assert box.ask(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").startswith(b"HTTP/1.1 403 "), host
        assert box.ask(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n").startswith(b"HTTP/1.1 403 "), host
    assert {one["verdict"] for one in box.records()} == {"deny"}
    assert len(box.records()) == 2 * len(SPELLINGS)


def test_a_name_whose_address_is_not_public_is_not_dialled(tmp_path: Path, authority: Authority) -> None:
    """With the system's resolver; switched off (a resolver that accepts all), the same name is reached."""
    with serving(context=authority.context(tmp_path, HOST)) as site:
        reach = {"authority": authority.pem.decode()}
        lookup = (
            "import socket\n"
            f"lookup = lambda *a, **k: [(2, 1, 6, '', ('127.0.0.1', {site.port}))]\n"
            "import nucleus.tools.perform.resolve as r\n"
            "r.SystemResolver.__init__.__defaults__ = (lookup, r.public)\n"
        )
        with boxed(tmp_path / "on", NAMED, network=reach, weakened=lookup) as box:
            answer = box.ask(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 502 ")
            assert b"127.0.0.1" not in answer
        off = f"{lookup}r.SystemResolver.resolve = lambda s, h, p: (('127.0.0.1', {site.port}),)"
        with (
            boxed(tmp_path / "off", NAMED, network=reach, weakened=off) as box,
            within(box.tunnel(), authority) as inner,
        ):
            inner.sendall(b"GET / HTTP/1.1\r\nHost: docs.example.org\r\n\r\n")
            assert everything(inner).endswith(b"hello")


def test_a_connect_whose_host_header_differs_is_refused_before_anything_is_asked(start: Start) -> None:
    box = start()
    for host in ("evil.example:443", "docs.example.org:8443", "docs.example.org.evil.example:443", ""):
        assert box.ask(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert box.records() == []


def test_a_request_whose_host_header_differs_is_refused_and_an_honest_one_is_rewritten(start: Start) -> None:
    box = start(PLAIN, **YES)
    attack = "GET http://plain.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert box.ask(attack).startswith(b"HTTP/1.1 400 ")
    assert plain(box).got == []
    assert box.ask(attack.replace("evil", "plain")).endswith(b"hello")
    assert b"\r\nhost: plain.example\r\n" in plain(box).got[0]


def test_fronting_by_host_passes_a_proxy_that_does_not_compare(tmp_path: Path, authority: Authority) -> None:
    """The same attack with the comparison and the rewriting switched off: the other site's name arrives."""
    off = (
        "import nucleus.egress.proxy as p\np.same_place = lambda *a: True\n"
        "head = p.request_head\n"
        "p.request_head = lambda m, u, f, n: head(m, u, f, n).replace(b'host: plain.example', b'host: evil.example')"
    )
    with serving() as site:
        where = network(authority, plain_example__80=site.port)
        with boxed(tmp_path / "box", PLAIN, network=where, weakened=off, **YES) as box:
            box.ask("GET http://plain.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert b"\r\nhost: evil.example\r\n" in site.got[0]


def test_a_hello_for_another_site_cuts_the_tunnel_before_a_byte_passes(start: Start, authority: Authority) -> None:
    box = start()
    with pytest.raises((ssl.SSLError, OSError)):
        within(box.tunnel(), authority, "evil.example")
    assert secure(box).got == []


def test_sni_fronting_reaches_another_site_where_the_guard_is_off(
    tmp_path: Path, start: Start, authority: Authority
) -> None:
    off = (
        "import nucleus.egress.pump as p\n"
        "class Blind:\n"
        "    greeted = False\n"
        "    def __init__(self, host): pass\n"
        "    def feed(self, data):\n"
        "        self.greeted = True\n"
        "        return data\n"
        "p.HelloGuard = Blind\n"
    )
    box = start(weakened=off)
    with within(box.tunnel(), authority, "evil.example") as inner:
        inner.sendall(b"GET /fronted HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert everything(inner).endswith(b"hello")
    assert b"/fronted" in secure(box).got[0]


def test_a_tunnel_that_is_not_tls_carries_nothing(start: Start) -> None:
    raw: list[bytes] = []

    def listen(sock: socket.socket, _echo: Echo) -> None:
        raw.append(sock.recv(100))

    box = start(talk=listen)
    for first in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01"):
        with box.tunnel() as sock:
            sock.sendall(first)
            sock.shutdown(socket.SHUT_WR)
            assert everything(sock) == b""
    assert b"".join(raw) == b""


SMUGGLED = (
    "POST http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\nContent-Length: 51\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n"
)


def test_a_request_with_two_lengths_is_refused(start: Start) -> None:
    box = start(PLAIN, **YES)
    assert box.ask(SMUGGLED).startswith(b"HTTP/1.1 400 ")
    assert plain(box).got == []


def test_a_smuggled_request_arrives_where_the_framing_is_not_checked(tmp_path: Path, authority: Authority) -> None:
    """Switched off: the length is believed, the coding is passed on, and the server reads a second request."""
    off = (
        "import nucleus.egress.http1 as h, nucleus.egress.proxy as p\n"
        "h._framing = lambda head, minor: (int(head.get('content-length') or 0) or None, False)\n"
        "h.HOP_BY_HOP = h.HOP_BY_HOP - frozenset(('transfer-encoding',))\n"
    )
    bodies: list[bytes] = []

    def keep(sock: socket.socket, _echo: Echo) -> None:
        sock.settimeout(0.5)
        bodies.append(everything_until_quiet(sock))
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert len(SMUGGLED.partition("\r\n\r\n")[2]) == 51
    with serving(keep) as site:
        where = network(authority, plain_example__80=site.port)
        with boxed(tmp_path / "box", PLAIN, network=where, weakened=off, **YES) as box:
            box.ask(SMUGGLED)
    head, _, rest = bodies[0].partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"GET /smuggled HTTP/1.1\r\nHost: evil.example" in rest


def everything_until_quiet(sock: socket.socket) -> bytes:
    found = b""
    try:
        while data := sock.recv(65536):
            found += data
    except TimeoutError:
        return found
    return found


def test_an_open_tunnel_is_cut_when_something_private_was_seen(start: Start, authority: Authority) -> None:
    seen = threading.Event()

    def drip(sock: socket.socket, echo: Echo) -> None:
        while data := sock.recv(100):
            echo.got.append(data)
            sock.sendall(b"more")

    box = start(talk=drip)
    with within(box.tunnel(), authority) as inner:
        inner.sendall(b"before")
        assert inner.recv(10) == b"more"
        box.client.mediate(kinds.READ, {"path": "README.md"})
        seen.set()
        assert until_cut(inner, b"after!", answered=True)
    last = [one for one in box.records() if one["kind"] == kinds.TUNNEL]
    assert [one["verdict"] for one in last] == ["allow", "ask"]
    assert last[1]["rules"] == ["uninhabitable"]


def test_a_tunnel_that_is_still_allowed_goes_on_under_a_new_permit(
    start: Start, tmp_path: Path, authority: Authority
) -> None:
    def drip(sock: socket.socket, _echo: Echo) -> None:
        while data := sock.recv(100):
            sock.sendall(data)

    box = start(talk=drip)
    tighter = tmp_path / "tighter.toml"
    tighter.write_text(f'version = 1\n{NAMED}[deny]\nread = ["secrets/**"]\n')
    with within(box.tunnel(), authority) as inner:
        box.client.branch({"do": "attach", "policies": [str(tighter)]})[0].close()
        for at in range(5):
            inner.sendall(b"%d" % at)
            assert inner.recv(10) == b"%d" % at
        until(lambda: len(box.records()) == 2)
    until(lambda: len(box.records("result")) == 2)
    assert [one["verdict"] for one in box.records()] == ["allow", "allow"]


def test_a_question_blocks_only_the_request_that_raised_it(start: Start, authority: Authority) -> None:
    box = start(settings={"wait": 60})
    waiting = box.connect()
    waiting.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
    until(lambda: len(box.records("question")) == 1)
    with within(box.tunnel(), authority) as inner:
        inner.sendall(b"GET / HTTP/1.1\r\nHost: docs.example.org\r\n\r\n")
        assert everything(inner).endswith(b"hello")
    waiting.close()


def test_a_lockdown_cuts_everything(start: Start, authority: Authority) -> None:
    def listen(sock: socket.socket, _echo: Echo) -> None:
        sock.recv(10)

    box = start(talk=listen)
    with within(box.tunnel(), authority) as inner:
        box.client.request({"do": "lockdown"})
        assert everything(inner) == b""
    assert box.ask(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n").startswith(b"HTTP/1.1 403 ")


def test_a_gate_that_is_gone_cuts_everything_and_ends_the_process(start: Start, authority: Authority) -> None:
    def listen(sock: socket.socket, _echo: Echo) -> None:
        sock.recv(10)

    box = start(talk=listen)
    with within(box.tunnel(), authority) as inner:
        box.gate.process.kill()
        assert everything(inner) == b""
    assert box.process.process.wait(10) == 0
    with pytest.raises(OSError, match=r"refused|reset"):
        box.ask("GET / HTTP/1.1\r\n\r\n")


def test_a_supervisor_that_is_gone_cuts_everything_and_ends_the_process(start: Start, authority: Authority) -> None:
    def listen(sock: socket.socket, _echo: Echo) -> None:
        sock.recv(10)

    box = start(talk=listen)
    with within(box.tunnel(), authority) as inner:
        box.hang_up()
        assert everything(inner) == b""
    assert box.process.process.wait(10) == 0


def test_what_leaves_is_charged_and_a_spent_budget_cuts(start: Start, authority: Authority) -> None:
    got = [0]

    def swallow(sock: socket.socket, _echo: Echo) -> None:
        while data := sock.recv(1 << 16):
            got[0] += len(data)

    box = start(NAMED + "[budget]\negress_mb = 1\n", talk=swallow)
    with within(box.tunnel(), authority) as inner:
        assert until_cut(inner, bytes(1 << 16))
    until(lambda: box.records()[-1]["verdict"] == "deny")
    assert box.records()[-1]["rules"] == ["budget"]
    assert 100_000 < got[0] < 1_100_000


def test_an_upload_larger_than_what_is_left_is_refused_before_a_byte_leaves(start: Start) -> None:
    box = start(PLAIN + "[budget]\negress_mb = 1\n", **YES)
    answer = box.ask("POST http://plain.example/ HTTP/1.1\r\nHost: plain.example\r\nContent-Length: 2000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"budget" in answer
    assert plain(box).got == []


def test_same_place_knows_default_ports_case_and_the_final_dot() -> None:
    assert same_place("Docs.example.org.", "docs.example.org:443", "https")
    assert same_place("docs.example.org:80", "docs.example.org", "http")
    assert not same_place("docs.example.org:0443", "docs.example.org:444", "https")
    assert not same_place("docs.example.org:", "docs.example.org:1", "https")
