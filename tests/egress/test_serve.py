"""The process serves what it was handed, and nothing where that is not what it should be."""

import socket
from pathlib import Path
from typing import Any

import pytest

from nucleus.egress.limits import Limits
from nucleus.egress.serve import limits_of
from nucleus.gate.spawn import start
from tests.egress.world import boxed, network
from tests.tools.conftest import Authority


def test_a_box_is_told_that_it_is_served(tmp_path: Path) -> None:
    with boxed(tmp_path, 'profile = "read_only"\n', network=network(Authority())) as box:
        assert box.said == [{"ready": True}]


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
