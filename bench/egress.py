"""What the way out of a box costs: opening, asking, carrying. Real processes on loopback; printed, not judged.

Usage: ``python -m bench.egress``. "Direct" is the same client and server without the proxy between.
"""

import resource
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.egress.world import HOST, Box, Echo, boxed, network, serving
from tests.tools.conftest import Authority

POLICY = f'profile = "safe_pr_fixer"\n[allow]\nfetch = ["{HOST}"]\n'
ROUNDS = 200
BULK = 256 << 20


def talk(sock: socket.socket, _echo: Echo) -> None:
    """Answer each request: ``/small`` with a few bytes, ``/bulk`` with many, ``/up`` after reading many."""
    while True:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(1 << 16)
            if not piece:
                return
            data += piece
        if b"/bulk" in data:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BULK)
            chunk = bytes(1 << 20)
            for _ in range(BULK >> 20):
                sock.sendall(chunk)
        else:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def read_all(sock: socket.socket, size: int) -> None:
    """Read an answer of ``size`` bytes of content."""
    left = size
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(1 << 16)
    left -= len(data.partition(b"\r\n\r\n")[2])
    while left > 0:
        left -= len(sock.recv(1 << 18))


def timed(work: Callable[[], None], rounds: int = ROUNDS) -> float:
    """Return the median of one round, in milliseconds."""
    found: list[float] = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        found.append((time.perf_counter() - begin) * 1000)
    return statistics.median(found)


def once(connect: Callable[[], socket.socket], context: ssl.SSLContext) -> None:
    """Connect, shake hands, ask once."""
    with context.wrap_socket(connect(), server_hostname=HOST) as inner:
        inner.sendall(b"GET /small HTTP/1.1\r\nHost: docs.example.org\r\n\r\n")
        read_all(inner, 2)


def bulk(connect: Callable[[], socket.socket], context: ssl.SSLContext) -> float:
    """Return how many MB a second come down one connection."""
    with context.wrap_socket(connect(), server_hostname=HOST) as inner:
        inner.sendall(b"GET /bulk HTTP/1.1\r\nHost: docs.example.org\r\n\r\n")
        begin = time.perf_counter()
        read_all(inner, BULK)
        return BULK / 1e6 / (time.perf_counter() - begin)


def resident(pid: int) -> float:
    """Return what a process holds, in MB."""
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * resource.getpagesize() / 1e6


def report(box: Box, site: Echo, authority: Authority) -> None:
    """Print one line for each measure."""
    context = ssl.create_default_context(cadata=authority.pem.decode())

    def direct() -> socket.socket:
        return socket.create_connection(("127.0.0.1", site.port))

    url = f"GET https://{HOST}/small HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    lines = {
        "connection, TLS, one request: direct": f"{timed(lambda: once(direct, context)):.2f} ms",
        "the same through a tunnel (decision, record on disk)": f"{timed(lambda: once(box.tunnel, context)):.2f} ms",
        "a request whose URL is seen": f"{timed(lambda: asked(box, url)):.2f} ms",
        "refused, with its record": f"{timed(lambda: refused(box)):.2f} ms",
        "256 MB down, direct": f"{bulk(direct, context):.0f} MB/s",
        "256 MB down, through a tunnel": f"{bulk(box.tunnel, context):.0f} MB/s",
        "memory of the process": f"{resident(box.process.pid):.0f} MB",
    }
    for name, value in lines.items():
        print(f"{name:55} {value:>12}")


def asked(box: Box, request: str) -> None:
    """Ask once, on a connection of its own."""
    box.ask(request)


def refused(box: Box) -> None:
    """Ask for what is refused."""
    box.ask("CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n")


def main() -> int:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as made:
        folder, authority = Path(made), Authority()
        with serving(talk, context=authority.context(folder, HOST)) as site:
            where = network(authority, docs_example_org__443=site.port)
            begin = time.perf_counter()
            with boxed(folder / "box", POLICY, network=where) as box:
                print(f"{'gate and egress process, from nothing to ready':55} {time.perf_counter() - begin:>10.2f} s")
                report(box, site, authority)
    return 0


if __name__ == "__main__":
    sys.exit(main())
