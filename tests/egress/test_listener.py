"""Clients are served one request after the other, and refused in words."""

from pathlib import Path

import pytest

from nucleus.egress.listener import REASONS
from tests.egress.world import boxed, everything, network
from tests.tools.conftest import Authority


def test_too_many_clients_are_refused_and_the_others_served(tmp_path: Path) -> None:
    settings = {"limits": {"connections": 2, "head_seconds": 1}}
    where = network(Authority())
    with boxed(tmp_path, 'profile = "read_only"\n', network=where, settings=settings) as box:
        first, second = box.connect(), box.connect()
        with first, second, box.connect() as third:
            assert everything(third).startswith(b"HTTP/1.1 503 ")
            first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert everything(first).startswith(b"HTTP/1.1 400 ")
            assert everything(second) == b""  # it said nothing for too long


@pytest.mark.parametrize("status", [400, 403, 408, 413, 431, 502, 503, 504])
def test_each_refusal_has_its_reason(status: int) -> None:
    assert REASONS[status]
