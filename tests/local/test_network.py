"""The network of a box: its one way out, and ports that the owner named, in both directions."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import start
from nucleus.kernel.exposure import FOREIGN
from nucleus.local.flows import Watch
from nucleus.local.live import Living, Wish, hide
from nucleus.local.network import PROXY, Network, proxy_variables
from nucleus.local.run_folder import RunFolder
from nucleus.local.started import Live
from nucleus.local.views import Views
from nucleus.trace.reader import read_records
from tests.local.box import needs_box, private

pytestmark = needs_box

ASK = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
s.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode(errors="replace"))
"""


class Setting:
    """A box whose command asks at a port, the network around it, and its gate."""

    def __init__(self, root: Path, port: int, said: str, ports: list[int]) -> None:
        workspace = root / "project"
        workspace.mkdir()
        (workspace / "ask.py").write_text(ASK)
        state = private(root / "state")
        self.spawned = start(["gate"])
        self.gate = Connection(self.spawned.sock)
        asked: dict[str, Any] = {"profile": "local_dev", "workspace": str(workspace), "state": str(state)}
        asked |= {"shown": {"secrets": False}, "allow": {"ports": [str(one) for one in ports]} if ports else {}}
        planned, _ = self.gate.request({"do": "plan", **asked})
        more = {"planned": planned["digest"], "containment": {"network": "none"}}
        self.opened, _ = self.gate.request({"do": "open", **asked, **more})
        folder = RunFolder(str(state))
        hidden = tuple(hide(str(workspace), folder.path, []))
        self.out, theirs = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        views = Views(str(state), readable=[], variables={})
        wish = Wish(str(workspace), (views.python, "-I", "ask.py", str(port), said), ".", hidden)
        self.living = Living(views, folder.path, wish, Live((null, theirs, theirs)))
        os.close(theirs)
        os.close(null)
        self.watch = Watch()
        self.said: list[str] = []
        self.network = Network(self.living.first, self.watch, self.gate, {"wait": 0}, self.said.append)

    def finish(self) -> str:
        """Let the command run to its end; return what it said."""
        ended: list[int] = []
        self.watch.read(self.living.ended, lambda: ended.append(1))
        self.living.go()
        while not ended:
            self.watch.turn(0.2)
        self.watch.forget(self.living.ended)
        self.living.end()
        return os.read(self.out, 1 << 16).decode() if select.select([self.out], [], [], 5)[0] else ""

    def close(self) -> None:
        self.network.close()
        self.living.end()
        self.spawned.end(10)
        os.close(self.out)


Make = Callable[..., Setting]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Setting] = []

    def maker(port: int, said: str = "x", ports: tuple[int, ...] = ()) -> Setting:
        made.append(Setting(tmp_path, port, said, list(ports)))
        return made[-1]

    yield maker
    for one in made:
        one.close()


@pytest.fixture
def service() -> Iterator[tuple[int, list[bytes]]]:
    """Serve at a port of the owner's, and note what was heard."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                heard.append(sock.recv(100))
                sock.sendall(b"from the owner's port")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard


def test_a_port_that_was_named_is_reached_and_each_connection_is_on_record(
    make: Make, service: tuple[int, list[bytes]]
) -> None:
    port, heard = service
    setting = make(port, "hello", (port,))
    setting.network.let_in([port])
    assert "from the owner's port" in setting.finish()
    assert heard == [b"hello"]
    records = list(read_records(Path(setting.opened["trace"])))
    (decided,) = [one for one in records if one["type"] == "decision"]
    assert (decided["kind"], decided["verdict"], decided["destination"]) == ("port", "allow", f"127.0.0.1:{port}")
    assert decided["state"][1] & FOREIGN, "what such a port says is not the workspace's"


def test_a_port_that_the_policy_does_not_name_is_not_reached(make: Make, service: tuple[int, list[bytes]]) -> None:
    port, heard = service
    setting = make(port)
    setting.network.let_in([port])
    assert "from the owner's port" not in setting.finish()
    assert heard == []
    assert "was not made" in setting.said[0]


def test_without_the_option_nothing_of_the_owner_s_loopback_is_there(
    make: Make, service: tuple[int, list[bytes]]
) -> None:
    port, heard = service
    assert "refused" in make(port).finish()
    assert heard == []


def test_the_way_out_is_there_when_first_asked_for_and_says_no(make: Make) -> None:
    setting = make(PROXY, "CONNECT example.com:443 HTTP/1.1\\r\\nHost: example.com:443\\r\\n\\r\\n")
    assert "403" in setting.finish()
    kinds = [one["kind"] for one in read_records(Path(setting.opened["trace"])) if one["type"] == "decision"]
    assert kinds == ["net.tunnel"]


def test_a_port_that_is_taken_can_t_be_published(make: Make, service: tuple[int, list[bytes]]) -> None:
    port, _ = service
    setting = make(PROXY)
    with pytest.raises(CannotEnforce, match=f"--publish {port}"):
        setting.network.publish([port])


def test_programs_are_told_the_way_out_and_not_to_take_it_for_loopback() -> None:
    told = proxy_variables()
    assert told["https_proxy"] == told["HTTPS_PROXY"] == f"http://127.0.0.1:{PROXY}"
    assert "127.0.0.1" in told["no_proxy"]
