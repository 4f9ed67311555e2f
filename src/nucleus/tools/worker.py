"""The loop of an effect worker: one permit in, one outcome out.

A worker holds no key, no trace and no approver. It is the process that
parses hostile bytes, so that the gate does not. A permit's number must rise
with each use: a permit that was used, or one out of order, ends the worker.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from nucleus.gate.effects import Limits, Outcome, Performer, Permit
from nucleus.gate.protocol import ProtocolError, receive, send
from nucleus.tools.perform.fs import FsPerformer
from nucleus.tools.perform.git import GitPerformer
from nucleus.tools.perform.net import NetPerformer
from nucleus.tools.perform.proc import ProcPerformer
from nucleus.tools.perform.publish import PublishPerformer
from nucleus.tools.perform.resolve import StaticResolver, SystemResolver

Maker = Callable[[dict[str, Any]], Performer]
"""Makes a performer from what the gate's constructor said of the network (empty in the product)."""


def performers() -> dict[str, Maker]:
    """Return the maker of each effect class."""
    return {
        "fs": lambda _: FsPerformer(),
        "net": lambda network: NetPerformer(_resolver(network), _authority(network)),
        "git": lambda _: GitPerformer(),
        "proc": lambda _: ProcPerformer(),
        "publish": lambda network: PublishPerformer(_resolver(network), _authority(network)),
    }


def work(make: Maker, descriptor: int) -> int:
    """Serve the gate at ``descriptor`` until it closes; return the exit status."""
    with socket.socket(fileno=descriptor) as gate:
        last = -1
        performer: Performer | None = None
        while True:
            try:
                fields, body = receive(gate)
            except (EOFError, OSError):
                return 0
            except ProtocolError:
                return REFUSED
            if performer is None:
                performer = make(fields["network"])
                continue
            permit = _permit(fields)
            if permit.number <= last:
                return REFUSED
            last = permit.number
            _answer(gate, permit, performer.perform(permit, body))


REFUSED: Final = 2
"""Exit status of a worker that got something that its gate never sends."""


def _answer(gate: socket.socket, permit: Permit, outcome: Outcome) -> None:
    fields = {"number": permit.number, "status": outcome.status, "value": dict(outcome.value)}
    try:
        send(gate, fields, outcome.body)
    except ProtocolError as error:
        failed = {"type": "OSError", "message": f"the result can't be carried: {error}", "errno": 0}
        send(gate, fields | {"status": "failed", "value": failed})


def _permit(fields: dict[str, Any]) -> Permit:
    limits = Limits(bytes=fields["bytes"], seconds=fields["seconds"])
    credential = fields["credential"].encode("ascii")
    return Permit(fields["number"], fields["kind"], fields["args"], fields["workspace"], limits, credential)


def _resolver(network: dict[str, Any]) -> StaticResolver | SystemResolver:
    """Return the resolver that the gate's constructor was given, else the system's."""
    if "addresses" in network:
        return StaticResolver({name: (where[0], where[1]) for name, where in network["addresses"].items()})
    return SystemResolver()


def _authority(network: dict[str, Any]) -> bytes | None:
    return network["authority"].encode("ascii") if "authority" in network else None
