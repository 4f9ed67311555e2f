"""Sets of packages: what a lock file pins goes one by one; the rest is one question for each set.

Names that nobody locked are collected for a moment, because package managers
ask for all they were told at once, and asked for as one set. What a package
of a set requires, as the index says, belongs to the set: its permit stays
open, and is decided again like everything that is open, until nothing of it
was asked for during a while.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, final

from nucleus.egress.channels import Channel, Channels
from nucleus.lean import dataclass, field
from nucleus.policy import call as kinds
from nucleus.policy.packages import SET_LIMIT, canonical

COLLECTED_SECONDS: Final = 0.05
"""How long names are collected. Package managers that ask in parallel do so within a few milliseconds."""
KEPT_SECONDS: Final = 120.0
"""How long the permit of a set stays open without a request. Building a package takes minutes, seldom more."""
COVERED_LIMIT: Final = 4096
"""Packages of one set. The largest trees of the npm registry have about two thousand."""


@final
@dataclass(slots=True, eq=False)
class _Set:
    """One open permit, and the packages that it is for."""

    channel: Channel
    covers: set[str]
    serves: "set[asyncio.Task[Any]]" = field(default_factory=set)
    """Requests that go by it: they are cut with it."""
    timer: asyncio.TimerHandle | None = None


@final
@dataclass(frozen=True, slots=True)
class Grant:
    """What a request for a package may do."""

    channel: Channel
    pinned: frozenset[str] | None
    """``version#algorithm:hash`` that may be served, None for whatever the index has."""


@final
@dataclass(slots=True)
class Sets:
    """The sets of one box."""

    channels: Channels
    locks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """``index:name`` -> ``version#algorithm:hash``."""
    named: frozenset[str] = frozenset()
    _open: dict[str, _Set] = field(default_factory=dict)
    _collected: dict[tuple[str, bool], tuple[set[str], "asyncio.Task[None]"]] = field(default_factory=dict)
    """Index, and whether the owner named them -> packages, and the question about them."""

    def learn(self, known: Mapping[str, Any]) -> None:
        """Take what the gate knows of lock files and of the owner's names."""
        locks: dict[str, set[str]] = {}
        for one in known["locks"]:
            start, at, pinned = one[6:].partition("@")
            if at:
                locks.setdefault(one[:6] + start, set()).add(pinned)
        self.locks = {name: frozenset(pinned) for name, pinned in locks.items()}
        self.named = frozenset(known["named"])

    @contextlib.asynccontextmanager
    async def granted(self, package: str) -> AsyncIterator[Grant]:
        """Hold what allows requests for a package, ``index:name``. Raises Refused."""
        package = canonical(package)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is served by a task")
        if package in self.locks:
            async with self._locked(package, task) as channel:
                yield Grant(channel, self.locks[package])
            return
        found = self._open.get(package) or await self._asked(package)
        self._use(found, task)
        try:
            yield Grant(found.channel, None)
        finally:
            self._leave(found, task)

    @contextlib.asynccontextmanager
    async def _locked(self, package: str, task: "asyncio.Task[Any]") -> AsyncIterator[Channel]:
        """Hold a permit of its own: it sends nothing that the owner did not choose, so nothing ends it."""
        channel = await self.channels.begin(kinds.PACKAGES, {"packages": [package]}, lambda: _cut(task), leaves=0)
        self.channels.finish(channel)
        with self.channels.held(channel):
            yield channel

    def requires(self, package: str, names: Iterable[str]) -> None:
        """Take what the index says that a package of a set requires: it belongs to the set."""
        found = self._open.get(canonical(package))
        if found is None:
            return
        for one in names:
            name = canonical(one)
            if len(found.covers) >= COVERED_LIMIT:
                return
            if name not in self.locks and name not in self._open:
                found.covers.add(name)
                self._open[name] = found

    def close(self) -> None:
        """End every set."""
        for one in {id(found): found for found in self._open.values()}.values():
            self._end(one)

    async def _asked(self, package: str) -> _Set:
        """Ask for the set that a package is collected into. What the owner named is one, what nobody named another."""
        key = (package.partition(":")[0], package in self.named)
        names, task = self._collected.get(key, (set[str](), None))
        if task is None or len(names) >= SET_LIMIT:
            names = set()
            task = asyncio.create_task(self._ask(key, names))
            task.add_done_callback(_heard)
            self._collected[key] = (names, task)
        names.add(package)
        await asyncio.shield(task)
        return self._open[package]

    async def _ask(self, key: tuple[str, bool], names: set[str]) -> None:
        await asyncio.sleep(COLLECTED_SECONDS)
        del self._collected[key]
        made: list[_Set] = []

        def cut() -> None:
            for one in made:
                self._cut(one)

        channel = await self.channels.begin(kinds.PACKAGES, {"packages": sorted(names)}, cut, leaves=0)
        covers = {canonical(str(one)) for one in channel.permit.resolved.get("covers", ())} | names
        found = _Set(channel, covers)
        made.append(found)
        for name in covers:
            self._open[name] = found
        self._rest(found)

    def _use(self, found: _Set, task: "asyncio.Task[Any]") -> None:
        found.serves.add(task)
        if found.timer is not None:
            found.timer.cancel()
            found.timer = None

    def _leave(self, found: _Set, task: "asyncio.Task[Any]") -> None:
        found.serves.discard(task)
        self._rest(found)

    def _rest(self, found: _Set) -> None:
        if not found.serves and found.timer is None:
            found.timer = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._end, found)

    def _cut(self, found: _Set) -> None:
        for task in found.serves:
            task.cancel()
        self._end(found)

    def _end(self, found: _Set) -> None:
        if found.timer is not None:
            found.timer.cancel()
        for name in found.covers:
            if self._open.get(name) is found:
                del self._open[name]
        self.channels.close(found.channel, ok=True)


def _cut(task: "asyncio.Task[Any]") -> None:
    task.cancel()


def _heard(task: "asyncio.Task[None]") -> None:
    """Know that a question was answered, even where everybody who asked has left."""
    if not task.cancelled():
        task.exception()
