"""The process serves what it was handed, and nothing where that is not what it should be."""

import contextlib
import json
import random
import socket
from pathlib import Path
from typing import Any

import pytest

from nucleus.egress.limits import Limits
from nucleus.egress.serve import limits_of
from nucleus.gate.spawn import BOOTSTRAP, start
from tests.egress.world import SCRIPT, boxed, everything, network, serving
from tests.tools.conftest import Authority


def test_a_box_is_told_that_it_is_served(tmp_path: Path) -> None:
    with boxed(tmp_path, 'profile = "read_only"\n', network=network(Authority())) as box:
        assert box.said[0]["ready"] is True


TRIES = """
import nucleus.egress.serve as s, json, os, socket
def tries(descriptor, parts, confined):
    found = {{"confined": confined}}
    for name, do in (
        ("reads", lambda: open({canary!r}).close()),
        ("writes", lambda: open({canary!r} + ".new", "w").close()),
        ("runs", lambda: os.execv("/bin/true", ["true"])),
        ("resolves", lambda: open("/etc/hosts").close()),
    ):
        try:
            do()
            found[name] = True
        except OSError:
            found[name] = False
    socket.socket(fileno=descriptor).sendall(json.dumps(found).encode())
    return 0
s.serve = tries
"""


@pytest.mark.parametrize("on", [True, False])
def test_the_process_gives_up_its_files_and_every_program(tmp_path: Path, on: bool) -> None:
    """With Landlock of any kernel since 5.13; switched off, it reads and writes what its user can."""
    canary = tmp_path / "canary"
    canary.write_text("secret")
    weakened = TRIES.format(canary=str(canary))
    if not on:
        weakened = weakened.replace('("runs", lambda: os.execv("/bin/true", ["true"])),', "")
        weakened += "privileged.confined = lambda: False\n"
    script = tmp_path / "process.py"
    script.write_text(SCRIPT.format(bootstrap=str(BOOTSTRAP), network="{}", weakened=weakened))
    spawned = start(["egress"], script)
    found = json.loads(spawned.sock.recv(4096))
    spawned.end(10)
    if on and not found["confined"]:
        pytest.skip("this kernel has no Landlock")
    assert (found["reads"], found["writes"], found.get("runs", True)) == (not on,) * 2 + (not on,)
    assert found["resolves"]


def test_a_process_that_is_handed_nothing_ends() -> None:
    spawned = start(["egress"])
    spawned.sock.shutdown(socket.SHUT_WR)
    assert spawned.process.wait(20) == 2
    spawned.end(1)


def test_bounds_are_numbers_of_known_things() -> None:
    assert limits_of({}) == Limits()
    assert limits_of({"limits": {"connections": 3}}).connections == 3


@pytest.mark.parametrize(
    "given", [{"unknown": 1}, {"connections": "3"}, {"connections": -1}, [], {"connections": True}]
)
def test_a_bound_that_is_none_is_an_error(given: Any) -> None:
    with pytest.raises(ValueError, match="limit"):
        limits_of({"limits": given})


SEEDS = tuple(
    text.replace("\n", "\r\n").encode("latin-1")
    for text in (
        "GET http://plain.example/a HTTP/1.1\nHost: plain.example\n\n",
        "POST http://plain.example/ HTTP/1.1\nHost: plain.example\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
        "CONNECT docs.example.org:443 HTTP/1.1\nHost: docs.example.org:443\n\n\x16\x03\x01\x00\x05\x01\x00\x00\x01",
        "GET /pypi/simple/alpha/ HTTP/1.1\nHost: a\n\n",
        "GET /npm/@s%2fx HTTP/1.1\nHost: a\n\n",
        "POST /git/origin/git-receive-pack HTTP/1.1\nHost: a\nContent-Length: 8\n\n00000000",
        'POST /model/brain/v1/messages HTTP/1.1\nHost: a\nContent-Length: 30\n\n{"messages":[{"content":"x"}]}',
    )
)
SPLICES = (
    b"\r\n",
    b"\n",
    b"\0",
    b" ",
    b"Host: x\r\n",
    b"Content-Length: 3\r\n",
    b"../",
    b"%2e",
    b"{",
    b"[" * 50,
    b"1" * 30,
)


def mangled(dice: random.Random) -> bytes:
    """Return a request with some bytes changed, cut out or put in."""
    data = bytearray(dice.choice(SEEDS))
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(data) + 1)
        data[at : at + dice.choice((0, 1, 8))] = dice.choice((*SPLICES, dice.randbytes(dice.randrange(9))))
    return bytes(data)


def test_no_bytes_of_a_box_end_the_process_or_find_a_defect(tmp_path: Path) -> None:
    dice = random.Random(20260101)  # noqa: S311  the same bytes at each run
    with serving() as site:
        where = network(Authority(), plain_example__80=site.port, docs_example_org__443=site.port)
        settings = {
            "limits": {"head_seconds": 0.2, "idle_seconds": 0.5},
            "models": {"brain": {"upstream": "https://m.x"}},
        }
        policy = 'profile = "codegen"\n[allow]\nfetch = ["docs.example.org"]\npackages = ["pypi:alpha"]\n'
        with boxed(tmp_path, policy, network=where, settings=settings) as box:
            for _ in range(300):
                for port in (box.proxy, box.routes):
                    with contextlib.suppress(OSError), box.connect(port) as sock:
                        sock.sendall(mangled(dice))
                        sock.shutdown(socket.SHUT_WR)
                        everything(sock)
            assert box.process.process.poll() is None
            box.hang_up()
            with box.process.sock.makefile("rb") as lines:
                assert "problems" not in json.loads(lines.readline())
