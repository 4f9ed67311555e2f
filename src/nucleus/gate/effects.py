"""Interfaces of what lies beyond the gate: effects, boxes, resolvers, credentials.

The rooms above implement them and the composition root hands them in; rooms
of one level never import each other, they meet here.

An effect worker gets a ``Permit`` and the bytes that the gate judged, does
one thing once, and answers with an ``Outcome``. It holds no key but the one
credential in the permit, no trace and no approver.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, final

from nucleus.lean import dataclass, field

READ_LIMIT: Final = 16 * 1024 * 1024
"""Bytes a single read or fetch returns at most; more is a clear error, not a cut."""


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one effect: bytes of the result, seconds of wall clock."""

    bytes: int = READ_LIMIT
    seconds: float = 30.0


@final
@dataclass(frozen=True, slots=True)
class Permit:
    """What one worker may do, once. ``number`` is spent by the first use."""

    number: int
    kind: str
    args: Mapping[str, Any]
    """The judged arguments, with ``resolved`` of the classification laid over them."""
    workspace: str
    limits: Limits = field(default_factory=Limits)
    credential: bytes = b""


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an effect.

    ``ok``        it happened; ``value`` and ``body`` are the result
    ``failed``    it did not; ``value`` has ``type`` (a built-in exception's
                  name), ``message`` and ``errno``
    ``redirect``  nothing was followed; ``value["url"]`` must be decided anew
    """

    status: Literal["ok", "failed", "redirect"]
    value: Mapping[str, Any]
    body: bytes = b""


class Performer(Protocol):
    """One effect class (``fs``, ``net``, ``git``, ``publish``), inside its worker process."""

    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Do what ``permit`` says with ``body``. Failures are outcomes; nothing is raised."""
        ...


@final
@dataclass(frozen=True, slots=True)
class BoxReport:
    """What a box vouches for, after its own self-test."""

    backend: str
    attested: bool
    layers: Mapping[str, str]


class Box(Protocol):
    """Where a command runs: no network, transactional, or it does not run."""

    def probe(self) -> BoxReport:
        """Return what this box enforces, found out by use. Raises CannotEnforce."""
        ...

    def run(self, permit: Permit, stdin: bytes) -> Outcome:
        """Run ``permit.args["argv"]`` inside and return status, stdout and stderr."""
        ...
