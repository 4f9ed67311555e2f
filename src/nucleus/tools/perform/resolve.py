"""Names to addresses, once; and which addresses a fetch may dial at all.

``SystemResolver`` asks the system and refuses a name of which *any* address is
not public: loopback, link-local, private, shared (CGNAT), multicast, reserved,
documentation, and IPv6 forms that carry an IPv4 address which is one of those.
The caller dials what came back and never asks again, so a second answer
(DNS rebinding) is never seen.

``StaticResolver`` knows a fixed table and nothing else. It is the only way to
reach a loopback address, and only a constructor's argument can bring it in.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, final

Endpoint = tuple[str, int]
"""An IP address in its plain form, and a port."""
Lookup = Callable[..., list[tuple[Any, ...]]]
"""What ``socket.getaddrinfo`` is."""

ADDRESS_LIMIT: Final = 64
"""Addresses of one name that are looked at; more is an error, not a cut."""

_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared address space, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
"""IANA's special-purpose registry for IPv4. Written out: ``is_global`` has changed between Python versions."""
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
"""What IANA has given out as global unicast. Everything else is refused."""
_NOT_PUBLIC_V6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address, which is judged in its place."""
_INSIDE_METADATA: Final = frozenset((ipaddress.IPv6Address("fd00:ec2::254"), ipaddress.IPv4Address("100.100.100.200")))
"""Private by number, but they answer for a cloud's own service on the machine."""
_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
_PRIVATE_V4: Final = tuple(
    ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)
"""What organisations number their own hosts with (RFC 1918, RFC 6598)."""
_METADATA: Final = frozenset((ipaddress.IPv4Address("168.63.129.16"),))
"""Public by number, but answers only inside of a cloud and knows its machines (Azure's wire server)."""


def public(address: str) -> bool:
    """Whether an address is one of the public internet. What does not parse is not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed not in _METADATA and not any(parsed in network for network in _NOT_PUBLIC_V4)
    if parsed.scope_id is not None:
        return False
    if parsed in _NAT64:
        return public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
    return parsed in _PUBLIC_V6 and not any(parsed in network for network in _NOT_PUBLIC_V6)


def inside(address: str) -> bool:
    """Whether an address is public, or a private one of a network that the owner named a host of.

    Never loopback, link-local (cloud metadata), multicast or unspecified, in whatever form it is written.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed in _INSIDE_METADATA:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        return public(address) or (parsed in _UNIQUE_LOCAL and parsed.scope_id is None)
    return public(address) or any(parsed in network for network in _PRIVATE_V4)


class Resolver(Protocol):
    """Finds the addresses of a name, and vouches that they may be dialled."""

    def resolve(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """Return where to connect, in order of preference. Raises OSError for no answer or a refused one."""
        ...


@final
class SystemResolver:
    """The system's resolver, of which only public addresses pass, or those that ``accepts`` says."""

    def __init__(self, lookup: Lookup = socket.getaddrinfo, accepts: Callable[[str], bool] = public) -> None:
        self._lookup = lookup
        self._accepts = accepts

    def resolve(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """Return the addresses of ``host``. Raises PermissionError if any of them is not public."""
        try:
            answers = self._lookup(host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            raise ConnectionError(errno.EHOSTUNREACH, f"{host} does not resolve") from None
        found = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if not found or len(found) > ADDRESS_LIMIT:
            raise ConnectionError(errno.EHOSTUNREACH, f"{host} has {len(found)} addresses")
        for each in found:
            if not self._accepts(each):
                # The address itself is not shown: it would map the inside of a network.
                raise PermissionError(
                    errno.EACCES, f"{host} resolves to an address that is not public, and is not dialled"
                )
        return tuple((each, port) for each in found)


@final
class StaticResolver:
    """A fixed table of ``host:port`` (or ``host``) to endpoints. Knows no other name."""

    def __init__(self, table: Mapping[str, Endpoint]) -> None:
        self._table = dict(table)

    def resolve(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """Return the endpoint of the table. Raises ConnectionError for any other name."""
        found = self._table.get(f"{host}:{port}") or self._table.get(host)
        if found is None:
            raise ConnectionError(errno.EHOSTUNREACH, f"{host} does not resolve")
        return (found,)
