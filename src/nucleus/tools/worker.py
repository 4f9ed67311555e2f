"""The loop of an effect worker: one permit in, one outcome out.

A worker holds no key, no trace and no approver. It is the process that
parses hostile bytes, so that the gate does not. A permit's number must rise
with each use: a permit that was used, or one out of order, ends the worker.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from nucleus.gate.effects import Box, Limits, Outcome, Performer, Permit
from nucleus.gate.protocol import ProtocolError, receive, send

Maker = Callable[[dict[str, Any]], Performer]
"""Makes a performer of what the gate says first: ``network`` (its constructor's, empty in the product), ``state``."""
BoxAt = Callable[[str], Box]
"""Makes the box whose layers lie in a state directory."""


def maker(name: str, box_at: BoxAt | None = None) -> Maker:
    """Return the maker of one effect class, with what it needs imported and nothing else. Raises KeyError.

    ``box_at`` comes from the composition root; without it, or without a state
    directory from the gate, commands are refused.
    """
    if name == "proc":
        return _proc(box_at)
    return {"fs": _fs, "net": _net, "git": _git, "publish": _publish}[name]()


def _fs() -> Maker:
    from nucleus.tools.perform.fs import FsPerformer

    return lambda _: FsPerformer()


def _net() -> Maker:
    from nucleus.tools.perform.net import NetPerformer
    from nucleus.tools.perform.resolve import StaticResolver, SystemResolver

    return lambda said: NetPerformer(*_reach(said["network"], StaticResolver, SystemResolver))


def _git() -> Maker:
    from nucleus.tools.perform.git import GitPerformer
    from nucleus.tools.perform.resolve import StaticResolver, SystemResolver

    return lambda said: GitPerformer(*_reach(said["network"], StaticResolver, SystemResolver))


def _proc(box_at: BoxAt | None) -> Maker:
    from nucleus.tools.perform.proc import ProcPerformer

    return lambda said: ProcPerformer(box_at(said["state"]) if box_at and said.get("state") else None)


def _publish() -> Maker:
    from nucleus.tools.perform.publish import PublishPerformer
    from nucleus.tools.perform.resolve import StaticResolver, SystemResolver

    return lambda said: PublishPerformer(*_reach(said["network"], StaticResolver, SystemResolver))


def _reach(network: dict[str, Any], static: Any, system: Any) -> tuple[Any, bytes | None]:
    """Return the resolver and the authority that the gate's constructor was given, else the system's."""
    authority = network["authority"].encode("ascii") if "authority" in network else None
    if "addresses" not in network:
        return system(), authority
    return static({name: (where[0], where[1]) for name, where in network["addresses"].items()}), authority


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
                performer = make(fields)
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
