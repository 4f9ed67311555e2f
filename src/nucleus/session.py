"""The SDK's session: one principal, its tools, its children, its trace.

::

    with Session(profile="safe_pr_fixer") as s:
        readme = fs.read("README.md")           # or s.fs.read("README.md")

The principal is the process, not the object: a later ``Session`` of the same
process goes on with the exposure and the budget of the first, under the meet
of both policies. The gate is a process of its own; if it is gone, every call
raises ``StateBlocked``.

Level ``cooperative``: this holds an agent whose tools go through Nucleus, and
mistakes. Hostile Python in this very process can bypass it; ``seal=True``
(level ``sealed``) or ``nucleus run`` is for that.
"""

import atexit
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, final

from nucleus.errors import ApprovalRequired, StateBlocked
from nucleus.gate import boxed
from nucleus.gate.client import ambient, current
from nucleus.gate.connection import PATIENCE, Connection, abandon_all, patience, quarantined, refusal
from nucleus.gate.sessions import living
from nucleus.gate.spawn import Spawned, outside, start
from nucleus.policy import call as kinds
from nucleus.policy.layers import PROJECT_FILE
from nucleus.policy.place import state_directory
from nucleus.tools.fs import Fs
from nucleus.tools.git import Git
from nucleus.tools.handles import seen_of
from nucleus.tools.net import Net
from nucleus.tools.proc import Proc
from nucleus.tools.publish import Publish

if TYPE_CHECKING:
    from nucleus.quarantine import Declassified, Schema

P = ParamSpec("P")
R = TypeVar("R")

ANSWER_SECONDS: Final = 300.0
"""How long ``approve`` waits for a person unless told otherwise."""
PRELOADED: Final = ("nucleus.aio", "nucleus.quarantine")
"""Our own modules that a sealed process imports only when first used."""
CLOSE_SECONDS: Final = 10.0
"""What the gate gets to write its last record."""


@final
class Principal:
    """This process's gate, and the connection that was made at its start."""

    def __init__(self, connection: Connection, spawned: Spawned | None) -> None:
        self.connection = connection
        self.spawned = spawned
        self.pid = os.getpid()
        self.opened: dict[str, Any] = {}

    def end(self) -> None:
        """Close the gate and wait for its last record."""
        abandon_all()
        if self.spawned is not None and self.opened.get("level") != "sealed":
            # A sealed process can neither wait for a child nor kill it; its gate ends by itself.
            self.spawned.end(CLOSE_SECONDS)


_principal: list[Principal] = []
"""At most one. The principal is the process, so this is one of the two globals of the SDK."""


def adopt(connection: Connection, spawned: Spawned | None = None) -> None:
    """Make a gate that somebody else started the gate of this process. Raises RuntimeError if there is one."""
    if _principal and _principal[0].pid == os.getpid():
        raise RuntimeError("this process has a gate already")
    _principal[:] = [Principal(connection, spawned)]


def end_gate() -> None:
    """End the gate of this process, if there is one: the principal is over. A later session is a new one."""
    if _principal and _principal[0].pid == os.getpid():
        _principal.pop().end()


def gate_pid() -> int:
    """Return the number of the gate's process, 0 if it was not started here."""
    return _principal[0].spawned.pid if _principal and _principal[0].spawned is not None else 0


def _forget_in_child() -> None:
    """Let a forked child have no session: it would speak on its parent's connection."""
    if _principal:
        _principal.pop()


atexit.register(end_gate)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


class _Scope:
    """What a session, a delegate and a quarantine share: a connection and the tools bound to it."""

    def __init__(self, connection: Connection, opened: Mapping[str, Any]) -> None:
        self._connection = connection
        self._opened = opened
        self._entered: list[Any] = []
        self.fs = Fs(self._client)
        self.net = Net(self._client)
        self.git = Git(self._client)
        self.proc = Proc(self._client)
        self.publish = Publish(self._client)

    def _client(self) -> Connection:
        return self._connection

    def __enter__(self) -> Self:
        scope = ambient(self._connection)
        scope.__enter__()
        self._entered.append(scope)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, trace)
        if not self._entered:
            self.close()

    def close(self) -> None:
        """Close this scope's connection. Its later calls raise StateBlocked."""
        self._connection.close()

    @property
    def principal(self) -> str:
        """The principal's id, as records and ``nucleus approvals`` show it."""
        return str(self._opened["principal"])

    @property
    def level(self) -> str:
        """The enforcement level, ``cooperative`` or ``sealed``."""
        return str(self._opened["level"])

    @property
    def exposure(self) -> int:
        """The principal's exposure bits now."""
        return int(self._status()["state"][1])

    @property
    def budget(self) -> int:
        """The principal's budget left, in micro-units (a call costs a million)."""
        return int(self._status()["state"][2])

    @property
    def pending(self) -> tuple[str, ...]:
        """Ids of the questions that wait for an answer."""
        return tuple(self._status()["pending"])

    def _status(self) -> dict[str, Any]:
        reply, _ = self._connection.request({"do": "status"})
        if reply["what"] != "status":
            raise refusal(reply)
        return reply

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return ``function`` with this session as its ambient one, wherever it runs: for threads and executors."""

        @functools.wraps(function)
        def bound(*args: P.args, **kwargs: P.kwargs) -> R:
            with ambient(self._connection):
                return function(*args, **kwargs)

        return bound

    def tool(self, *, op: str, destination: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Mediate a function of one's own as capability ``op``, with effects at ``destination``.

        Each call is decided and recorded, with its arguments, before the function runs. The function itself
        runs here, unconfined: declare what it does, not less.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            @functools.wraps(function)
            def mediated(*args: P.args, **kwargs: P.kwargs) -> R:
                return self._perform(function, op, destination, args, kwargs)

            return mediated

        return decorate

    def _perform(
        self, function: Callable[..., R], op: str, destination: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> R:
        shown = {
            "op": op,
            "destination": destination,
            "name": getattr(function, "__qualname__", repr(function)),
            "arguments": [_plain(arg) for arg in args] + [[name, _plain(value)] for name, value in kwargs.items()],
        }
        request = {
            "do": "call",
            "kind": kinds.TOOL,
            "args": shown,
            "seen": seen_of(*args, *kwargs.values()),
            "quarantined": quarantined([list(args), kwargs]),
            "wait": patience(self._connection.wait),
        }
        reply, _ = self._connection.request(request)
        if reply["what"] != "perform":
            raise refusal(reply)
        done = {"do": "done", "number": reply["number"], "ok": False, "error": "BaseException"}
        try:
            result = function(*args, **kwargs)
            done["ok"] = True
        except BaseException as error:
            done["error"] = type(error).__name__
            raise
        finally:
            released, _ = self._connection.request(done)
        if released["what"] != "released":
            raise refusal(released)
        return result

    def delegate(self, **narrower: Any) -> "Delegate":
        """Return a child that can do less: ``profile=``, ``policies=``, ``levels=``, ``calls=``, ``minutes=``.

        What the child sees joins this one before any result is released. ``calls`` is debited here. Use it as
        a context manager, or hand ``child.bind(function)`` to a thread.
        """
        branch, opened = self._connection.branch({"do": "delegate", **_request(narrower)})
        return Delegate(branch, {**self._opened, **opened})

    def quarantine(self, schema: "Schema", *, calls: int = 32) -> "Quarantine":
        """Return a child without sinks, for reading untrusted content; its answer comes back through ``schema``.

        What it sees stays with it: only values of the schema cross, at most 64 bits a call and 256 a session;
        more asks a person.
        """
        request = {"do": "delegate", "levels": QUARANTINED, "calls": calls, "schema": schema.describe()}
        branch, opened = self._connection.branch(request)
        return Quarantine(branch, {**self._opened, **opened}, schema)

    def lockdown(self) -> None:
        """Stop this gate: every principal of it is refused from now on."""
        self._connection.request({"do": "lockdown"})


QUARANTINED: Final = dict.fromkeys(
    ("write_files", "edit_files", "run_bash", "git_commit", "git_push", "create_pr", "manage_pods"), "never"
)
"""What a quarantined child may not do at all. It may read and fetch."""


def _entered() -> bool:
    """Whether this process is in a box; its first session gets a connection from whoever holds the box."""
    # INVARIANT: the door is at one place, where outside of a box only root makes files: a variable leads nowhere else.
    inside = os.environ.get(boxed.VARIABLE) == boxed.DOOR
    if inside and not _principal:
        connection, opened = boxed.enter(boxed.DOOR)
        adopt(connection)
        _principal[0].opened = opened
    return inside


def _own_files(connection: Connection, workspace: str) -> None:
    """Let calls on files be performed here, on the box's own copy."""
    from nucleus.tools.own import OwnFiles

    connection.local = OwnFiles(connection, workspace)


@final
class Session(_Scope):
    """This process as a principal, under a policy that can only tighten from here."""

    def __init__(  # noqa: PLR0913  each is one choice of the owner
        self,
        profile: str = "",
        *,
        policy: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        workspace: str | os.PathLike[str] = ".",
        policy_rev: str = "",
        prompt: str = "",
        allow: Mapping[str, Sequence[str]] | None = None,
        wait: float = 0.0,
        seal: bool = False,
        state: str | os.PathLike[str] | None = None,
        witness: str | os.PathLike[str] | None = None,
        record_content: bool = False,
    ) -> None:
        """Open the gate of this process, or meet the policy with that of the gate that is there.

        ``profile``  a built-in profile; "" takes it from the policy files
        ``policy``   policy files named by the owner: their grants count
        ``policy_rev``  a git revision: the project's nucleus.toml counts as it stands there
        ``allow``    what the owner names beside the files: {"fetch": ["docs.python.org"]}
        ``prompt``   the owner's own words: whole tokens in it are trusted destinations
        ``state``    where traces and questions are kept, as for ``nucleus --state``; else NUCLEUS_STATE, XDG_STATE_HOME
        ``wait``     seconds that each question waits for its answer; 0 raises ApprovalRequired at once
        ``witness``  a file or directory that gets a copy of each checkpoint of the trace
        ``record_content``  keep what was written, sent and read too, beside the trace (0600, never exported)
        ``seal``     give up this process's own authority for good (Linux); import everything before

        A process whose client mediates servers or hooks (``nucleus mcp run``) joins that client's session: one
        exposure, one budget, level ``mediated``. In a box (``nucleus run``) it is the box's principal: files are the
        box's own, and what leaves is asked for as everywhere. Raises PolicyError, CannotEnforce (nothing was
        opened), StateBlocked.
        """
        files = [policy] if isinstance(policy, str | os.PathLike) else list(policy)
        request: dict[str, Any] = {
            "profile": profile,
            "policies": [os.path.abspath(os.fspath(file)) for file in files],
            "workspace": os.path.realpath(workspace),
            "prompt": prompt,
            "record_content": record_content,
            "allow": {key: list(values) for key, values in (allow or {}).items()},
            "state": str(state_directory(os.fspath(state or os.environ.get("NUCLEUS_STATE", "")), os.environ)),
            "witness": None if witness is None else os.path.abspath(os.fspath(witness)),
        }
        if policy_rev:
            from nucleus.tools.revision import read_revision

            found = read_revision(request["workspace"], policy_rev, PROJECT_FILE)
            request |= {"revision": policy_rev, "revised": found.decode("utf-8", "surrogateescape")}
        door = _entered()
        if not _principal:
            outside(request["workspace"])
            shared = None if seal else living(request)
            if shared is not None:
                adopt(shared.connection)
                _principal[0].opened = shared.opened
            else:
                spawned = start(["gate"])
                adopt(Connection(spawned.sock), spawned)
        held = _principal[0]
        if seal and held.opened:
            raise StateBlocked("only the first session of a process can seal it", code="session", rule="session")
        if seal:
            from nucleus.seal.seal import seal as give_up

            children = [] if held.spawned is None else [held.spawned.pid]
            request["seal"] = give_up([held.connection.fileno()], preload=PRELOADED, children=children).layers()
        if not held.opened:
            reply, _ = held.connection.request({"do": "open", **request})
            if reply["what"] != "opened":
                _principal.pop().end()
                raise refusal(reply)
            held.opened = reply
        branch, _ = held.connection.branch({"do": "attach", **request})
        branch.wait = wait
        if door:
            _own_files(branch, str(held.opened["workspace"]))
        super().__init__(branch, held.opened)
        for note in held.opened["notes"]:
            _say(note)

    @property
    def trace(self) -> "SessionTrace":
        """The trace that this session's gate writes."""
        return SessionTrace(Path(self._opened["trace"]), self._connection)


@final
class Delegate(_Scope):
    """A child that was given less. Its exposure joins its parent's."""


@final
class Quarantine(_Scope):
    """A child that reads what nobody vouches for. ``answer`` is the only way out."""

    def __init__(self, connection: Connection, opened: Mapping[str, Any], schema: "Schema") -> None:
        super().__init__(connection, opened)
        self.schema = schema

    def answer(self, value: Any) -> "Declassified":
        """Return ``value`` as one of the schema's values, recorded as a declassification.

        Raises ValueError for anything else, ApprovalRequired where it says more than passes unasked.
        """
        checked = self.schema.validate(value, seen=self.exposure)
        request = {"do": "declassify", "value": value, "wait": patience(self._connection.wait)}
        reply, _ = self._connection.request(request)
        if reply["what"] not in {"declassified", "released"}:
            raise refusal(reply)
        return checked


@final
class SessionTrace:
    """The trace of a session, as files."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self._connection = connection
        self.path = path
        """The first file of the trace."""

    def export_jsonl(self) -> str:
        """Return the records so far as JSON lines, redacted, without keys.

        The gate reads them while the session is open: a sealed process opens no file.
        """
        try:
            reply, body = self._connection.request({"do": "export"})
        except StateBlocked:
            from nucleus.trace.export import export_jsonl

            return b"".join(export_jsonl(self.path)).decode("ascii")
        if reply["what"] != "exported":
            raise refusal(reply)
        return body.decode("ascii")


def approve(what: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``function`` and wait for a person's answer where the policy asks.

    ``what`` says in the caller's words what is asked for; the person sees the
    gate's own description. Where nobody can answer (no terminal, no approver
    that watches), ApprovalRequired is raised at once, with the id of the
    question. A refused answer raises PolicyDenied.
    """
    try:
        return function(*args, **kwargs)
    except ApprovalRequired as question:
        client = current()
        if not isinstance(client, Connection) or not _somebody(client):
            raise
        _say(f"{what}: waiting for an answer; in another terminal: {question.next_step}")
    with waiting(ANSWER_SECONDS):
        return function(*args, **kwargs)


def _say(text: str) -> None:
    """Write one line for the person at the terminal."""
    sys.stderr.write(f"nucleus: {text}\n")


def _somebody(client: Connection) -> bool:
    """Whether a person or an approver of the gate can answer."""
    reply, _ = client.request({"do": "status"})
    return bool(reply.get("answers")) or sys.stderr.isatty()


@contextmanager
def waiting(seconds: float) -> Iterator[None]:
    """Let each question of this context wait up to ``seconds`` for its answer."""
    token = PATIENCE.set(seconds)
    try:
        yield
    finally:
        PATIENCE.reset(token)


def _request(narrower: Mapping[str, Any]) -> dict[str, Any]:
    known = {"profile", "policies", "levels", "calls", "minutes"}
    unknown = set(narrower) - known
    if unknown:
        raise TypeError(f"delegate() takes {', '.join(sorted(known))}; not {', '.join(sorted(unknown))}")
    policies = [os.path.abspath(os.fspath(file)) for file in narrower.get("policies", ())]
    return {**narrower, **({"policies": policies} if policies else {})}


def _plain(value: Any) -> Any:
    """Return a value as a record can hold it: JSON, or its representation."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return repr(value)
