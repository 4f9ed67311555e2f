"""Ways over a network. Each sends its mark to a listener of the host, or is reached by it."""

import os
import socket
import struct
import time

from .base import World, call, finds, send, slurp, way


@way
def tcp(world: World, mark: str) -> None:
    send(("127.0.0.1", world["tcp"]), mark, socket.AF_INET)


@way
def tcp_by_mapped_address(world: World, mark: str) -> None:
    send(("::ffff:127.0.0.1", world["tcp"]), mark, socket.AF_INET6)


@way
def tcp_by_version_six(world: World, mark: str) -> None:
    send(("::1", world["tcp"]), mark, socket.AF_INET6)


@way
def tcp_to_any_address(world: World, mark: str) -> None:
    """Linux takes 0.0.0.0 for this machine."""
    send(("0.0.0.0", world["tcp"]), mark, socket.AF_INET)  # noqa: S104


@way
def own_address_of_the_host(world: World, mark: str) -> None:
    send((world["address"], world["tcp"]), mark, socket.AF_INET)


@way
def odd_spellings_of_an_address(world: World, mark: str) -> None:
    for spelling in ("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"):
        try:
            send((spelling, world["tcp"]), mark + spelling, socket.AF_INET)
        except OSError:
            continue


@way
def metadata_address(world: World, mark: str) -> None:
    """Where this machine has a metadata service, the test gives it an address of 127/8."""
    request = f"GET /latest/meta-data/{mark} HTTP/1.0\r\n\r\n"
    send(("127.169.254.169", world["metadata"]), request, socket.AF_INET)


@way
def udp(world: World, mark: str) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(mark.encode(), ("127.0.0.1", world["udp"]))


@way
def dns(world: World, mark: str) -> None:
    label = mark.encode()
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0" + bytes([len(label)]) + label + b"\7example\3com\0\0\1\0\1"
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(question, ("127.0.0.1", world["udp"]))


@way
def tcp_fast_open(world: World, mark: str) -> None:
    with socket.socket() as sock:
        sock.sendto(mark.encode(), socket.MSG_FASTOPEN, ("127.0.0.1", world["tcp"]))


@way
def fast_open_by_an_option(world: World, mark: str) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
        sock.connect(("127.0.0.1", world["tcp"]))
        sock.sendall(mark.encode())


@way
def mptcp(world: World, mark: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as sock:
        sock.settimeout(2)
        sock.connect(("127.0.0.1", world["tcp"]))
        sock.sendall(mark.encode())


@way
def raw_socket(world: World, mark: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as sock:
        sock.sendto(struct.pack(">HHHH", 9, world["udp"], 8 + len(mark), 0) + mark.encode(), ("127.0.0.1", 0))


@way
def packet_socket(world: World, mark: str) -> object:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3).close()
    return mark


@way
def other_family_of_sockets(world: World, mark: str) -> object:
    """AF_VSOCK leads to the machine's own host, AF_ALG into the kernel's ciphers; some kernels have neither."""
    for family in (40, 38):
        try:
            socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_SEQPACKET).close()
        except OSError:
            continue
        return mark
    return None


@way
def network_of_somebody_else(world: World, mark: str) -> object:
    """Join the network of the first process."""
    where = os.open("/proc/1/ns/net", os.O_RDONLY)
    before = os.stat("/proc/self/ns/net").st_ino
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(where, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    return mark if os.fstat(where).st_ino == os.stat("/proc/self/ns/net").st_ino and before else None


@way
def new_network(world: World, mark: str) -> object:
    """Make a user namespace of one's own, and a network in it: from there raw sockets work."""
    call("unshare", 0x50000000)
    return mark


@way
def inbound(world: World, mark: str) -> None:
    """Wait to be called: the host tries this port again and again."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", world["inbound"]))  # noqa: S104
        sock.listen()
        sock.settimeout(1.5)
        peer, _ = sock.accept()
        peer.sendall(mark.encode())
        time.sleep(0.1)


@finds
def devices_of_the_network(world: World, mark: str) -> object:
    """See a device of the host that is not loopback."""
    names = [line.split(":")[0].strip() for line in slurp("/proc/net/dev").splitlines()[2:]]
    return world["device_mark"] if set(names) & set(world["devices"]) else names
