# ruff: noqa: S104  addresses are attack strings here; nothing binds to them
"""Which addresses may be dialled: every special range, every disguise of one, and a canary that hears of none."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.tools.perform.resolve import StaticResolver, SystemResolver, inside, public

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.1.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "3fff::1", "4000::1", "5f00::1",
    "", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "[::1]",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450::1",
    "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", *PUBLIC])
def test_a_host_of_the_owners_network_may_have_a_private_address(address: str) -> None:
    assert inside(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "100.100.100.200"),
        *("fd00:ec2::254", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "168.63.129.16", "fd00::1%eth0", "", "10.1"),
    ],
)
def test_never_loopback_the_link_or_a_clouds_own_service(address: str) -> None:
    assert not inside(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert public(address)


@given(st.ip_addresses(v=4))
def test_nothing_passes_that_the_standard_library_calls_private(address: ipaddress.IPv4Address) -> None:
    if public(str(address)):
        assert not any((address.is_private, address.is_loopback, address.is_link_local, address.is_reserved))
    mapped = f"::ffff:{address}"
    assert not public(mapped)
    assert public(f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}") == public(str(address))


@given(st.ip_addresses(v=6))
def test_nothing_passes_outside_of_global_unicast(address: ipaddress.IPv6Address) -> None:
    if public(str(address)):
        assert not any((address.is_private, address.is_multicast, address.is_loopback, address.is_link_local))
        assert address.sixtofour is None
        assert address.teredo is None
        assert address.ipv4_mapped is None


def answers(*addresses: str) -> Callable[..., list[tuple[Any, ...]]]:
    def lookup(_host: str, port: int, *_: int) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    return lookup


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(PermissionError, match="not public") as caught:
        SystemResolver(answers("1.1.1.1", "10.0.0.1")).resolve("example.com", 443)
    assert "10.0.0.1" not in str(caught.value)


def test_public_addresses_are_returned_in_order_and_once() -> None:
    found = SystemResolver(answers("1.1.1.1", "8.8.8.8", "1.1.1.1")).resolve("example.com", 443)
    assert found == (("1.1.1.1", 443), ("8.8.8.8", 443))


@pytest.mark.parametrize("addresses", [(), ("1.1.1.1",) * 2 + tuple(f"1.1.{i}.1" for i in range(70))])
def test_no_answer_and_too_many_are_errors(addresses: tuple[str, ...]) -> None:
    with pytest.raises(ConnectionError):
        SystemResolver(answers(*addresses)).resolve("example.com", 443)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "::1", "a" * 70]
)
def test_what_the_system_itself_makes_of_a_spelling_of_loopback_is_refused(host: str) -> None:
    """The real resolver turns all of these into loopback, or into nothing."""
    with pytest.raises((PermissionError, ConnectionError)):
        SystemResolver().resolve(host, 80)


def test_the_system_does_read_those_spellings_as_loopback() -> None:
    """Without the check the attack works: this is what a plain client would dial."""
    for host in ("127.1", "0x7f.1", "2130706433", "0177.0.0.1"):
        assert socket.getaddrinfo(host, 80, 0, socket.SOCK_STREAM)[0][4][0] == "127.0.0.1"


def test_a_table_knows_its_names_only() -> None:
    resolver = StaticResolver({"example.com:443": ("127.0.0.1", 4443), "plain.example": ("127.0.0.1", 8000)})
    assert resolver.resolve("example.com", 443) == (("127.0.0.1", 4443),)
    assert resolver.resolve("plain.example", 80) == (("127.0.0.1", 8000),)
    for host, port in (("example.com", 80), ("localhost", 443)):
        with pytest.raises(ConnectionError, match="does not resolve"):
            resolver.resolve(host, port)
