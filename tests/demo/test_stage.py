"""The demo's sinks keep what arrives, and nothing of the machine's configuration is used."""

import http.client
import socket
from pathlib import Path

import pytest

from nucleus.demo.stage import SECRET, Stage, listen
from nucleus.errors import CannotEnforce


def test_listeners_keep_what_is_sent() -> None:
    web, dns = listen(socket.SOCK_STREAM), listen(socket.SOCK_DGRAM)
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)
    connection.request("GET", "/x")
    assert connection.getresponse().read() == b"ok"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"name", ("127.0.0.1", dns.port))
    assert web.take() > 0
    assert (dns.take(), dns.take()) == (4, 0)
    connection.close()
    web.sock.close()
    dns.sock.close()


def test_the_world_has_secrets_a_remote_and_a_policy(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert SECRET in (stage.home / ".ssh" / "id_ed25519").read_text()
    assert "refs/heads/main" in stage.refs()
    assert not stage.hook().exists()
    stage.close()


def test_a_git_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="not a git repository"):
        Stage(tmp_path).git(tmp_path, "log")
