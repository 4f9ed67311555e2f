"""One exchange: what goes on the wire, and where certificates come from."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from nucleus.gate.effects import Limits
from nucleus.policy.addresses import parse_url
from nucleus.tools.perform.exchange import Exchange, trust
from nucleus.tools.perform.resolve import StaticResolver


def test_a_header_with_a_line_break_is_refused_before_anything_is_sent(loopback: Callable[..., Any]) -> None:
    server = loopback()
    exchange = Exchange(StaticResolver({"example.com": ("127.0.0.1", server.port)}), None)
    with pytest.raises(ValueError, match="line break"):
        exchange.send(parse_url("http://example.com/"), "GET", {"X": "a\r\nHost: b"}, Limits())
    assert server.requests == []


def test_a_dead_address_is_skipped_for_the_next_one(loopback: Callable[..., Any], answer: Callable[..., bytes]) -> None:
    server = loopback()
    server.answers["/"] = answer(b"alive")

    class Two:
        def resolve(self, _host: str, _port: int) -> tuple[tuple[str, int], ...]:
            return (("127.0.0.1", 1), ("127.0.0.1", server.port))

    assert Exchange(Two(), None).send(parse_url("http://example.com/"), "GET", {}, Limits()).body == b"alive"


def test_a_port_other_than_the_default_stands_in_the_host_header(loopback: Callable[..., Any]) -> None:
    server = loopback()
    exchange = Exchange(StaticResolver({"example.com": ("127.0.0.1", server.port)}), None)
    exchange.send(parse_url("http://example.com:8080/"), "GET", {}, Limits())
    assert b"Host: example.com:8080\r\n" in server.requests[0]


@pytest.mark.skipif(not os.path.exists("/etc/ssl/certs/ca-certificates.crt"), reason="no bundle on this system")
def test_the_systems_authorities_are_found_without_asking_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    assert trust(None).cert_store_stats()["x509_ca"] > 10


def test_no_connection_stays_open(loopback: Callable[..., Any]) -> None:
    server = loopback()
    before = len(os.listdir("/proc/self/fd"))
    exchange = Exchange(StaticResolver({"example.com": ("127.0.0.1", server.port)}), None)
    for _ in range(5):
        exchange.send(parse_url("http://example.com/"), "GET", {}, Limits())
    assert len(os.listdir("/proc/self/fd")) <= before + 1
