"""What the supervisor gives the egress process: settings, two listening sockets, one connection to the gate.

One message on the socket pair: a length, a JSON object, and three
descriptors (unix(7) SCM_RIGHTS). Then the supervisor's end of the pair is the
life of the process: when it closes, everything is cut.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

SIZE: Final = struct.Struct(">I")
LIMIT: Final = 1 << 20
"""Bytes of the settings."""


class Handed(NamedTuple):
    """What the process was given."""

    settings: Mapping[str, Any]
    proxy: socket.socket
    routes: socket.socket
    gate: socket.socket


def hand_over(
    pair: socket.socket, settings: Mapping[str, Any], proxy: socket.socket, routes: socket.socket, gate: socket.socket
) -> None:
    """Send settings and sockets to a process that was just started. The caller closes its copies. Raises OSError."""
    text = json.dumps(dict(settings)).encode()
    data = SIZE.pack(len(text)) + text
    sent = socket.send_fds(pair, [data], [proxy.fileno(), routes.fileno(), gate.fileno()])
    pair.sendall(data[sent:])


def take_over(pair: socket.socket) -> Handed:
    """Return what was handed over. Raises ValueError for anything else."""
    data, descriptors, _flags, _address = socket.recv_fds(pair, 1 << 16, 3)
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    while len(data) < SIZE.size or len(data) < SIZE.size + min(SIZE.unpack_from(data)[0], LIMIT):
        more = pair.recv(1 << 16)
        if not more:
            break
        data += more
    try:
        settings = json.loads(data[SIZE.size :])
    except ValueError:
        settings = None
    if len(sockets) != 3 or type(settings) is not dict:
        for one in sockets:
            one.close()
        raise ValueError("the supervisor hands over settings and three sockets")
    return Handed(settings, *sockets)


def say(pair: socket.socket, fields: Mapping[str, Any]) -> None:
    """Tell the supervisor something: one line of JSON. Raises OSError."""
    pair.sendall(json.dumps(dict(fields)).encode() + b"\n")
