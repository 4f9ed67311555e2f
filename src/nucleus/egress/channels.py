"""What was allowed and is still open: leases of bytes, and decisions taken again.

A tunnel, or an upload whose length is not known, is charged by leases: each
further one is a new decision. When the principal has seen more than was
decided upon, or its policy changed, everything that can still send holds its
bytes back, is decided again, and is cut unless it is still allowed.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, final

from nucleus.egress.limits import ASKED_LEASE, FIRST_LEASE, LEASE_LIMIT, Pace
from nucleus.egress.link import GateLink, Permit, State
from nucleus.errors import ApprovalRequired, Refused
from nucleus.lean import dataclass, field

REMEMBERED: Final = 1024
"""Questions that are remembered; beyond that a retry starts with the small lease."""


@final
@dataclass(slots=True, eq=False)
class Channel:
    """One call that was allowed, while it may send."""

    kind: str
    args: Mapping[str, Any]
    permit: Permit
    left: int
    """Bytes that it may send before it asks for more."""
    cut: Callable[[], None]
    """Ends it at once."""
    lease: int = FIRST_LEASE
    sent: int = 0
    received: int = 0
    sending: bool = True
    """Whether it may still send. What has only to receive is decided no more."""
    clear: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while nothing is being decided about it."""
    decisions: int = 0
    """How often it began to be decided again: only the latest answer opens it."""


def interrupting() -> Callable[[], None]:
    """Return what ends the task that calls this: how a request is cut."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a request is served by a task")

    def cut() -> None:
        task.cancel()

    return cut


@final
class Channels:
    """Everything that one box holds open."""

    def __init__(self, wait: float, calls_a_second: float = 0.0) -> None:
        """``wait``: seconds that a question to a person may take. ``calls_a_second``: 0 for no such bound."""
        self._wait = wait
        self._pace = Pace(calls_a_second, time.monotonic)
        self._open: set[Channel] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: set[tuple[str, ...]] = set()
        """What a person was asked about, so that its retry is charged for more at once."""
        self._state = State()
        self.gate: GateLink | None = None

    def __len__(self) -> int:
        return len(self._open)

    async def begin(
        self, kind: str, args: Mapping[str, Any], cut: Callable[[], None], *, leaves: int, unbounded: bool = False
    ) -> Channel:
        """Ask for a call and return it as a channel. Raises Refused.

        ``unbounded``: ``leaves`` is a first lease; where a person is asked it is a larger one.
        """
        await self._pace.take(1)
        policy = self._state.policy
        if unbounded:
            permit, leaves = await self._lease(kind, args, leaves)
        else:
            permit = await self._gate.ask(kind, args, leaves=leaves, wait=self._wait)
        channel = Channel(kind, args, permit, leaves, cut, lease=max(leaves, FIRST_LEASE))
        channel.clear.set()
        self._open.add(channel)
        if self._stale(channel) or policy not in {"", self._state.policy}:
            self._decide_again(channel)
        return channel

    async def perform(self, kind: str, args: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Have the gate do a call itself, and return its answer. Raises Refused."""
        await self._pace.take(1)
        return await self._gate.perform(kind, args, wait=self._wait, body=body)

    @contextlib.contextmanager
    def held(self, channel: Channel) -> Iterator[Channel]:
        """Hold a channel, and say how it ended."""
        ok = False
        try:
            yield channel
            ok = True
        finally:
            self.close(channel, ok=ok)

    async def _lease(self, kind: str, args: Mapping[str, Any], leaves: int) -> tuple[Permit, int]:
        """Return a permit and the bytes that it is charged for. Raises Refused."""
        key = (kind, *map(str, args.values()))
        if key not in self._asked:
            try:
                return await self._gate.ask(kind, args, leaves=leaves), leaves
            except ApprovalRequired:
                if len(self._asked) < REMEMBERED:
                    self._asked.add(key)
                if self._wait <= 0:
                    raise
        leaves = max(leaves, ASKED_LEASE)
        return await self._gate.ask(kind, args, leaves=leaves, wait=self._wait), leaves

    async def spend(self, channel: Channel, size: int) -> None:
        """Wait until ``size`` bytes may leave by a channel. Raises Refused where they may not."""
        await channel.clear.wait()
        if channel.left < size:
            lease = max(size - channel.left, min(2 * channel.lease, LEASE_LIMIT))
            permit = await self._gate.ask(channel.kind, channel.args, leaves=lease, wait=self._wait)
            self._renew(channel, permit)
            channel.lease, channel.left = lease, channel.left + lease
            await channel.clear.wait()
        channel.left -= size
        channel.sent += size

    def finish(self, channel: Channel) -> None:
        """Know that a channel sends no more."""
        channel.sending = False

    def close(self, channel: Channel, *, ok: bool) -> None:
        """Say that a channel ended."""
        if channel in self._open:
            self._open.discard(channel)
            channel.sending = False
            self._gate.done(channel.permit, ok=ok, size=channel.received)

    def changed(self, state: State) -> None:
        """Take what the gate says of the principal: decide again what rests on something else."""
        before, self._state = self._state, state
        if state.closed:
            self.cut_all()
            return
        policy = before.policy not in {"", state.policy}
        for channel in list(self._open):
            if channel.sending and (policy or self._stale(channel)):
                self._decide_again(channel)

    def cut_all(self) -> None:
        """Cut everything: nobody decides any more, or the owner stopped it."""
        for channel in list(self._open):
            channel.sending = False
            channel.cut()

    @property
    def _gate(self) -> GateLink:
        if self.gate is None:
            raise RuntimeError("no gate yet")
        return self.gate

    def _stale(self, channel: Channel) -> bool:
        """Whether more was seen than was decided upon."""
        return self._state.exposure & ~channel.permit.exposure != 0

    def _decide_again(self, channel: Channel) -> None:
        channel.clear.clear()
        channel.decisions += 1
        task = asyncio.get_running_loop().create_task(self._again(channel, channel.decisions))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _again(self, channel: Channel, decision: int) -> None:
        """Decide a channel again; nobody is waited for, so what would be a question cuts it."""
        try:
            permit = await self._gate.ask(channel.kind, channel.args)
        except Refused:
            channel.sending = False
            channel.cut()
            return
        self._renew(channel, permit)
        if channel.decisions != decision:
            return
        if channel.sending and self._stale(channel):
            self._decide_again(channel)
        else:
            channel.clear.set()

    def _renew(self, channel: Channel, permit: Permit) -> None:
        """Go on under a new permit; the old one is done."""
        self._gate.done(channel.permit, ok=True, size=0)
        channel.permit = permit
        if channel not in self._open:  # it ended while it was decided
            self._gate.done(permit, ok=True, size=0)
