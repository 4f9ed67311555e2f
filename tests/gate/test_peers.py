"""The other end of a socket is who the kernel says it is, and ancestry survives odd names and reused numbers."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import CannotEnforce
from nucleus.gate.peers import Process, descends_from, lives, parse_stat, peer_of, process_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@contextmanager
def child(source: str) -> Iterator[tuple[int, str]]:
    """Run ``source`` and yield its number and its first line of output; it ends when its input does."""
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


@given(
    st.binary(max_size=40),
    st.integers(min_value=1, max_value=1 << 22),
    st.integers(min_value=0, max_value=1 << 22),
    st.integers(min_value=0, max_value=1 << 62),
)
def test_no_process_name_can_forge_its_parent_or_start_time(name: bytes, pid: int, parent: int, start: int) -> None:
    fields = [b"S", b"%d" % parent, *[b"7"] * 17, b"%d" % start, *[b"9"] * 30]
    line = b"%d (%s) %s\n" % (pid, name, b" ".join(fields))
    assert parse_stat(line) == Process(pid, parent, start)


def test_a_line_that_is_none_is_an_error() -> None:
    for line in (b"", b"1 (x", b"1 (x) S 2", b"x) (1 S"):
        with pytest.raises(ValueError, match="not a line"):
            parse_stat(line)


def test_a_process_that_takes_a_hostile_name_is_still_found_under_its_parent() -> None:
    rename = "import sys, pathlib; pathlib.Path('/proc/self/comm').write_text(') S 1 1 (');"
    with child(rename + "print(flush=True); sys.stdin.read()") as (pid, _):
        assert process_of(pid).parent == os.getpid()
        assert descends_from(pid, process_of(os.getpid()))


def test_a_grandchild_descends_and_a_parent_does_not() -> None:
    source = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()']);"
        "print(p.pid, flush=True); p.wait()"
    )
    with child(source) as (pid, line):
        here = process_of(os.getpid())
        assert descends_from(int(line), here)
        assert descends_from(int(line), process_of(pid))
        assert descends_from(os.getpid(), here)
        assert not descends_from(os.getpid(), process_of(pid))


def test_a_reused_number_is_not_the_ancestor() -> None:
    here = process_of(os.getpid())
    with child("import sys; print(flush=True); sys.stdin.read()") as (pid, _):
        assert not descends_from(pid, Process(here.pid, here.parent, here.start - 1))


def test_a_process_lives_until_it_ends_and_another_under_its_number_is_not_it() -> None:
    with child("print('here', flush=True); input()") as (pid, _):
        process = process_of(pid)
        assert lives(process)
        assert not lives(Process(process.pid, process.parent, process.start + 1))
    assert not lives(process)


def test_a_process_that_is_gone_is_an_error_and_not_a_no() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError):
        descends_from(process.pid, process_of(os.getpid()))


def test_a_detached_descendant_is_not_found_which_the_module_says() -> None:
    """The limit that the docstring names, so that nobody relies on more."""
    detach = (
        "import os, sys, time\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    while os.getppid() == parent: time.sleep(0.001)\n"
        "    print(os.getpid(), flush=True); sys.stdin.read()\n"
        "os._exit(0)\n"
    )
    with child(detach) as (pid, line):
        adopted = process_of(int(line))
        assert adopted.pid != pid
        assert adopted.parent != pid
        assert not descends_from(adopted.pid, process_of(os.getpid())) or adopted.parent == os.getpid()


def test_the_peer_of_a_listening_socket_is_the_process_that_connected(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        connect = (
            f"import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r});"
            "print(flush=True); sys.stdin.read()"
        )
        with child(connect) as (pid, _), listener.accept()[0] as connection:
            peer = peer_of(connection)
            assert (peer.pid, peer.uid, peer.gid) == (pid, os.getuid(), os.getgid())
            assert peer.start == process_of(pid).start


def test_a_peer_that_ended_is_not_mistaken_for_a_living_process(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with child(f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); print()"):
            pass
        with listener.accept()[0] as connection, pytest.raises((ProcessLookupError, OSError)):
            peer_of(connection)


def test_a_network_socket_has_no_peer_that_could_be_identified() -> None:
    with socket.socket(socket.AF_INET) as sock, pytest.raises((CannotEnforce, ProcessLookupError)):
        peer_of(sock)
