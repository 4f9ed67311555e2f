"""Sockets of a box's network, handed out."""

import os
import socket
import subprocess
from collections.abc import Iterator

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.doors import Doors
from tests.local.box import needs_box

pytestmark = needs_box

SERVER = """
import socket
with socket.create_server(("127.0.0.1", 8000)) as s:
    print("ready", flush=True)
    c, _ = s.accept()
    c.sendall(b"from inside")
"""


@pytest.fixture
def inside() -> Iterator["subprocess.Popen[str]"]:
    """Start a process in a network of its own, with loopback up, that serves one connection."""
    up = 'ip link set lo up 2>/dev/null; exec python3 -c "$0"'
    command = ["unshare", "-Urn", "sh", "-c", up, SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            process.kill()
            pytest.skip("no way to bring loopback up here (iproute2)")
        yield process
        process.kill()


def test_a_server_in_the_box_is_reached_and_a_listener_there_is_had(inside: "subprocess.Popen[str]") -> None:
    doors = Doors(inside.pid)
    with doors.connect(8000) as reached:
        assert reached.recv(100) == b"from inside"
    with doors.listen(3128) as listener, doors.connect(3128) as client:
        server, _ = listener.accept()
        with server:
            client.sendall(b"x")
            assert server.recv(1) == b"x"
    doors.close()


def test_it_is_another_network_than_ours(inside: "subprocess.Popen[str]") -> None:
    doors = Doors(inside.pid)
    with socket.create_server(("127.0.0.1", 0)) as ours, pytest.raises(OSError, match="refused"):
        doors.connect(ours.getsockname()[1])
    doors.close()


def test_a_process_that_is_gone_is_told() -> None:
    with pytest.raises(CannotEnforce, match="can't be entered"):
        Doors(2**22 - 1)


def test_nothing_of_this_process_stays_open_in_it(inside: "subprocess.Popen[str]") -> None:
    read, write = os.pipe()
    doors = Doors(inside.pid)
    os.close(write)
    assert os.read(read, 1) == b"", "the other process holds the pipe"
    os.close(read)
    doors.close()
