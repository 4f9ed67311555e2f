"""The client's side of the gate: what a front end may ask, and the ambient one.

A ``Client`` turns one mediated call into one result, or raises an error of
``nucleus.errors`` (refused, cannot enforce, misuse) or the built-in exception
of an effect that failed. Front ends never perform effects themselves.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, final

from nucleus.errors import NoSession
from nucleus.lean import dataclass


@final
@dataclass(frozen=True, slots=True)
class Result:
    """What a mediated call brought back, with the label it was released under."""

    value: Mapping[str, Any]
    body: bytes
    exposure: int
    """Exposure bits of this result. The principal has joined them already."""
    source: str
    """Where it came from, for a person: ``README.md``, ``https://example.com/``."""
    seq: int
    """Sequence number of the decision record in the trace."""


class Client(Protocol):
    """One principal's way to the gate."""

    def mediate(self, kind: str, args: Mapping[str, Any], body: bytes = b"", seen: int = 0) -> Result:
        """Decide, record and perform one call, and return its result.

        ``seen`` is the exposure of the handles that went into ``args`` and
        ``body``; it can only add to what the gate knows.
        """
        ...


_AMBIENT: Final[ContextVar[Client | None]] = ContextVar("nucleus_client", default=None)


def current() -> Client:
    """Return the client of the session this code runs in. Raises NoSession outside of one."""
    client = _AMBIENT.get()
    if client is None:
        raise NoSession("a mediated call was made outside of any session; open one: with Session(profile=...) as s:")
    return client


@contextmanager
def ambient(client: Client) -> Iterator[Client]:
    """Make ``client`` the current one for this context, and put back what was there before."""
    token = _AMBIENT.set(client)
    try:
        yield client
    finally:
        _AMBIENT.reset(token)
