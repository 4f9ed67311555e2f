"""Taking a client's message apart: what can be rebuilt, and what can carry anything.

A field is rebuilt where its value is one that the server itself issued, one
of a closed set, or ours. All else is content that the agent may have chosen:
it is forwarded only if the gate allowed it, or it is dropped.

INVARIANT: of a message that nobody judges, every forwarded value is ours, from
a closed set, issued by the server, or the first of its kind on this connection
(tests/mcp/test_rebuild.py puts a canary in each field of each method).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.mcp.messages import INVALID_PARAMS, Id, MessageError
from nucleus.mcp.methods import LEVELS, REVISIONS, TABLES, Method

ISSUED_LIMIT: Final = 65_536
"""Values of one kind that are remembered. The oldest is forgotten: naming it again is judged."""
ONCE_LIMIT: Final = 16_384
"""Bytes, as text, of what a client says of itself on its first message. Later it can only repeat it."""
SMALL: Final = 1000
"""Progress is a share of something: ten bits of it are enough."""
FILTER_FLAGS: Final = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")


@final
class Issued:
    """Values that the server issued, by kind. A bounded set each."""

    def __init__(self, limit: int = ISSUED_LIMIT) -> None:
        self._limit = limit
        self._kinds: dict[str, OrderedDict[Hashable, None]] = {}

    def add(self, kind: str, value: object) -> None:
        """Remember a text. Anything else is ignored."""
        if type(value) is not str:
            return
        known = self._kinds.setdefault(kind, OrderedDict())
        known[value] = None
        known.move_to_end(value)
        if len(known) > self._limit:
            known.popitem(last=False)

    def has(self, kind: str, value: object) -> bool:
        """Whether the server issued ``value`` as this kind."""
        return type(value) is str and value in self._kinds.get(kind, ())


def no_state(_method: str, _params: Mapping[str, Any]) -> str:
    """Know no state. Raises MessageError."""
    raise MessageError("no state was issued", INVALID_PARAMS)


@final
@dataclass(slots=True)
class Memory:
    """What rebuilding knows of one connection."""

    issued: Issued = field(default_factory=Issued)
    once: dict[str, Any] = field(default_factory=dict)
    request_of: Callable[[Id], Id | None] = lambda _id: None
    """The client's id of an open request -> the id under which the server has it."""
    server_token: Callable[[Id], bool] = lambda _token: False
    """Whether the server gave this progress token with an open request."""
    state_of: Callable[[str, Mapping[str, Any]], str] = no_state
    """(method, params) -> the server's own state in them. Raises MessageError."""


@final
@dataclass(slots=True, unsafe_hash=True)
class Rebuilt:
    """One message, taken apart. ``kept`` and ``judged`` never share a key, but for ``_meta``."""

    kept: Final[dict[str, Any]]
    judged: Final[dict[str, Any]]
    dropped: Final[tuple[str, ...]]
    token: Final[Id | None] = None
    """The client's progress token. The engine puts its own in its place."""

    def forwarded(self) -> dict[str, Any]:
        """Return the params of the message with everything that was judged. They are not to be changed."""
        if not self.kept:
            return self.judged
        whole = {**self.kept, **self.judged}
        if "_meta" in self.kept and "_meta" in self.judged:
            whole["_meta"] = {**self.judged["_meta"], **self.kept["_meta"]}
        return whole


def rebuild(method: Method, params: Mapping[str, Any], memory: Memory) -> Rebuilt:
    """Return ``params`` taken apart.

    Raises MessageError where a message that nobody judges holds a known field that can't be rebuilt.
    """
    if method.judge != "never" and method.special.isdisjoint(params):
        # Mostly all of a call is what is judged.
        return Rebuilt({}, dict(params), ())
    kept: dict[str, Any] = {}
    judged: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in params.items():
        if name == "_meta":
            continue
        treatment = method.fields.get(name, "drop" if method.judge == "never" else "sink")
        if treatment == "drop":
            dropped.append(name)
        elif treatment == "sink":
            judged[name] = value
        elif treatment == "state":
            kept[name] = memory.state_of(method.name, params)
        else:
            known, ours = _treat(treatment, f"{method.name} {name}", name, value, memory)
            if known:
                kept[name] = ours
            elif method.judge == "never":
                raise MessageError(f"{name} is not one that the server or the protocol knows", INVALID_PARAMS)
            else:
                judged[name] = value
    token = _rebuild_meta(method, params.get("_meta"), memory, (kept, judged, dropped))
    return Rebuilt(kept, judged, tuple(dropped), token)


def _rebuild_meta(
    method: Method, meta: object, memory: Memory, parts: tuple[dict[str, Any], dict[str, Any], list[str]]
) -> Id | None:
    kept, judged, dropped = parts
    if type(meta) is not dict:
        return None
    token: Id | None = None
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for name, value in meta.items():
        treatment = TABLES.meta.get(name, "sink")
        if treatment == "token":
            token = value if type(value) in {int, str} else None
            continue
        known, rebuilt = (False, None) if treatment == "sink" else _treat(treatment, name, name, value, memory)
        if known:
            ours[name] = rebuilt
        elif method.judge == "never":
            dropped.append(f"_meta.{name}")
        else:
            theirs[name] = value
    if ours:
        kept["_meta"] = ours
    if theirs:
        judged["_meta"] = theirs
    return token


def _treat(treatment: str, key: str, name: str, value: Any, memory: Memory) -> tuple[bool, Any]:
    """Return whether a value can be rebuilt, and as what."""
    if treatment == "once":
        return _once(name, value, memory)
    if treatment == "request":
        ours = memory.request_of(value) if type(value) in {int, str} else None
        return ours is not None, ours
    return _known(treatment, key, value, memory), value


def _known(treatment: str, key: str, value: Any, memory: Memory) -> bool:
    """Return whether a value is of a closed set, or one that the server issued."""
    text = type(value) is str
    known = {
        "revision": lambda: text and value in REVISIONS,
        "level": lambda: text and value in LEVELS,
        "small": lambda: type(value) is int and 0 <= value <= SMALL,
        "cursor": lambda: memory.issued.has(f"cursor {key.partition(' ')[0]}", value),
        "servers": lambda: type(value) in {int, str} and memory.server_token(value),
        "filter": lambda: _filter(value, memory),
    }
    return bool(known[treatment]()) if treatment in known else memory.issued.has(treatment, value)


def _once(name: str, value: Any, memory: Memory) -> tuple[bool, Any]:
    """Return whether this is the first value of its name on the connection, and a short one, or the same again.

    What is forwarded is the first one: equal values can still be written in different ways.
    """
    name = name.rpartition("/")[2].replace("clientCapabilities", "capabilities")
    if name not in memory.once and len(repr(value)) <= ONCE_LIMIT:
        memory.once[name] = value
    return name in memory.once and memory.once[name] == value, memory.once.get(name)


def _filter(value: Any, memory: Memory) -> bool:
    """Whether a subscription filter holds flags and listed URIs, and nothing else.

    Raises MessageError for kinds of news that the protocol does not have: nobody could be asked what they are.
    """
    if type(value) is not dict:
        return False
    if not set(value) <= {*FILTER_FLAGS, "resourceSubscriptions"}:
        raise MessageError("a subscription is to news that the protocol has, and to no other", INVALID_PARAMS)
    uris = value.get("resourceSubscriptions", [])
    if not all(type(value.get(flag, False)) is bool for flag in FILTER_FLAGS) or type(uris) is not list:
        return False
    return all(memory.issued.has("resource", uri) for uri in uris)
