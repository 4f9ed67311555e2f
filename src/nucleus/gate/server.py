"""The gate as a process: connections of one client, and what they ask for.

The first frame opens the principal or nothing; every later one is a call, a
branch (another connection, a child) or a question about itself. Whatever goes
wrong here is a denial with a reason, never a silence and never a default.
"""

import secrets
import socket
from typing import Any, Final, final

from nucleus.errors import CannotEnforce, NucleusError
from nucleus.gate import boxed, lineage
from nucleus.gate.board import Board, Settings
from nucleus.gate.calls import MALFORMED, Calls
from nucleus.gate.contained import CONTAINED, needs
from nucleus.gate.desk import Desk, ancestor_gate
from nucleus.gate.dialogs import asked
from nucleus.gate.door import Door, client_of, name_of, newcomer
from nucleus.gate.events import Absorbed, Closed, Declassified, Delegated, LockedDown, Reply, Tick, Tightened
from nucleus.gate.listed import Listed
from nucleus.gate.loop import Link, Loop
from nucleus.gate.opening import (
    COOPERATIVE,
    MEDIATED,
    NARROWING,
    cannot,
    narrow,
    observes,
    open_principal,
    opened_fields,
    plan,
)
from nucleus.gate.peers import Process, peer_of, process_of
from nucleus.gate.questions import Questions
from nucleus.gate.relays import LEVELS, ROLE, Relays, surroundings
from nucleus.policy.model import CALL_COST
from nucleus.policy.quarantine import Schema, parse
from nucleus.policy.restrict import capped
from nucleus.trace.export import export_jsonl

NO_SESSION: Final = {"what": "denied", "code": "session", "rules": ["session"]}
LINK_LIMIT: Final = 256
"""Connections of one client's principals. More would take the descriptors that a lockdown needs."""
NEVER: Final = (1 << 63) - 1
"""A deadline that tightens nothing."""
TICK_NS: Final = 5_000_000_000
"""How often questions and approvals are looked through for those that expired."""


def serve(descriptor: int, settings: Settings) -> int:
    """Serve the client at ``descriptor`` until its last connection closes; return the exit status."""
    try:
        server = Server(socket.socket(fileno=descriptor), settings)
    except ProcessLookupError:
        # Whoever started this gate is gone, and with it everybody who could be served, or told.
        return 0
    server.run()
    return 0


@final
class Server:
    """One gate process."""

    def __init__(self, client: socket.socket, settings: Settings) -> None:
        self._settings = settings
        self._loop = Loop(settings.clock)
        self._client = process_of(peer_of(client).pid)
        self._lines: list[tuple[Process, ...]] = [(self._client,)]
        """Each client and its ancestors that had a gate: what is seen here is left to all of them."""
        self._first = self._loop.add(client, self._asked, self._left)
        self._links: dict[Link, str] = {self._first: ""}
        """Connection -> principal; "" until it is opened."""
        self._boxed: set[Link] = set()
        """Connections that were handed into a box, and those that came of them."""
        self._schemas: dict[str, Schema] = {}
        """Quarantined child -> what may leave it, as it was declared before the child began."""
        self._board: Board | None = None
        self._calls: Calls | None = None
        self._desk: Desk | None = None
        self._door: Door | None = None
        self._name: str | None = None
        """What the owner calls this session, "" for the client's own; None where it is one process's alone."""
        self._listed = Listed()

    def run(self) -> None:
        """Turn until the last client connection has closed and nothing waits for the next, then end the trace."""
        while any(self._links.values()) or (self._board is None and self._links) or self._waits:
            self._loop.turn()
            if self._board is not None and self._calls is not None and self._calls.relays:
                self._calls.relays.tell(self._board, self._links)
        if self._calls is not None:
            self._calls.end()
        if self._board is not None and not self._board.broken:
            self._board.opening.writer.close("the client ended")
            opening, state, locked = self._board.opening, self._board.root_state(), self._board.core.locked
            for line in self._lines:
                lineage.leave(opening.state, line, state, locked=locked)
            if self._name:
                seconds = opening.policy.budget.seconds
                lineage.leave_name(opening.state, self._name, state, seconds, locked=locked)
        # Whoever comes now finds this gate until what it saw is written down.
        for way_in in (self._door, self._desk):
            if way_in is not None:
                way_in.close()
        if self._board is not None and self._board.opening.contents is not None:
            self._board.opening.contents.close()
        self._loop.close()

    def _asked(self, link: Link, fields: dict[str, Any], body: bytes) -> None:
        do = fields.get("do")
        try:
            if do == "call" and self._calls is not None and link not in self._boxed and self._links.get(link):
                self._calls.ask(link, self._links[link], fields, body)
            elif do == "open":
                self._open(link, fields)
            elif do == "plan" and self._board is None:
                link.send({"what": "planned", **plan(fields)})
            elif do == "join" and self._board is not None and self._door is not None:
                self._join(self._board, self._door, link, fields)
            elif self._board is None or self._calls is None or not self._links.get(link):
                link.send(NO_SESSION)
            elif link in self._boxed and boxed.asks_too_much(fields):
                link.send(boxed.NOT_IN_A_BOX)
            else:
                self._dispatch(self._board, self._calls, link, fields, body)
        except NucleusError as error:
            link.send(cannot(error))
        except Exception as error:  # noqa: BLE001  an internal error is a deny with a reason
            why = f"internal error in the gate: {type(error).__name__}: {error}"
            link.send({"what": "denied", "code": "gate", "rules": ["session"], "why": why, "next_step": why})

    def _dispatch(self, board: Board, calls: Calls, link: Link, fields: dict[str, Any], body: bytes) -> None:
        principal = self._links[link]
        match fields.get("do"):
            case "call":
                calls.ask(link, principal, fields, body)
            case "done":
                calls.tool_done(link, fields)
            case "attach" | "delegate" if len(self._links) >= LINK_LIMIT:
                link.send({**NO_SESSION, "next_step": f"close some of the {LINK_LIMIT} connections of this session"})
            case "attach":
                self._attach(board, calls, link, fields)
            case "delegate":
                self._delegate(board, link, fields)
            case "watch" if link is self._first and board.opening.level == CONTAINED:
                self._watch(link)
            case "declassify":
                self._declassify(board, calls, link, fields)
            case "status" | "export" | "tools" | "leave" | "asked" | "needs" | "surroundings":
                link.send(*self._about(board, link, fields))
            case "lockdown":
                calls.apply(board.step(LockedDown("the client", board.now())))
                link.send(board.state_of(principal))
            case _:
                link.send(MALFORMED)

    def _about(self, board: Board, link: Link, fields: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return what a connection may know of itself, of its trace and of the others here."""
        principal = self._links[link]
        match fields["do"]:
            case "export":
                return {"what": "exported"}, b"".join(export_jsonl(board.opening.writer.path))
            case "surroundings":
                relays = Relays() if self._calls is None else self._calls.relays
                return surroundings(board, relays, link, principal, fields)
            case "tools":
                told = self._listed.told(board, principal, link, fields)
            case "asked" if self._calls is not None:
                told = asked(board, self._calls, principal, fields, watched=self._watched)
            case "needs" if board.opening.level == MEDIATED:
                told = {"what": "needs", **needs(board.opening.tree.policy_of(principal), {})}
            case "leave":
                told = {"what": "left", "others": sum(map(bool, self._links.values())) - 1}
                told |= {"waits": True} if self._waits else {}
            case _:
                state = board.state_of(principal)
                told = state | {"answers": state["answers"] or self._watched}
        return told, b""

    @property
    def _watched(self) -> bool:
        """Whether a person watches for questions now."""
        return self._desk is not None and self._desk.watched

    @property
    def _waits(self) -> bool:
        """Whether an answer to what a client of a named session asked still counts for its next client: a yes or a no.

        Bounded by the time of questions and of answers, and by the principal's deadline.
        """
        if not self._name or self._board is None:
            return False
        core = self._board.core
        root = core.principals[self._board.opening.principal]
        open_ = core.questions or core.granted or core.refused
        return bool(open_) and not core.locked and not root.closed and self._board.now() < root.deadline

    def _open(self, link: Link, fields: dict[str, Any]) -> None:
        if self._board is not None:
            link.send(NO_SESSION)
            return
        session = fields.get("session")
        if type(session) is dict:
            self._client, self._name = client_of(session, self._client.pid), name_of(session)
        opening = open_principal(fields, self._client, self._settings.clock())
        self._lines = [lineage.line_of(opening.state, self._client)]
        board = Board(opening, self._settings)
        questions = Questions(board)
        desk = Desk(self._loop, opening.state, opening.principal, self._client, questions.handle, self._name)
        calls = Calls(self._loop, board, questions.raised)
        questions.calls, questions.desk, questions.retire = calls, desk, self._retire
        questions.observes = observes(fields)
        calls.supervisor = link if opening.level == CONTAINED else None
        self._board, self._calls, self._desk = board, calls, desk
        if opening.level in {COOPERATIVE, MEDIATED}:
            self._door = Door(self._loop, opening.state, opening.principal, self._asked, self._left)
            self._door.begin(self._came)
        self._links[link] = opening.principal
        self._tick(board, calls)
        link.send(opened_fields(opening))

    def _retire(self) -> None:
        """Leave what was seen here to the clients' next sessions, and be theirs no more."""
        if self._board is None or self._desk is None:
            return
        for line in self._lines:
            lineage.leave(self._board.opening.state, line, self._board.root_state())
        self._lines.clear()
        self._name = ""
        if self._door is not None:
            self._door.close()
            self._door = None
        self._desk.retire()

    def _came(self, link: Link) -> None:
        """Take a connection that came through the door: nobody's, until it joins."""
        self._links[link] = ""
        if len(self._links) > LINK_LIMIT:
            link.end("too many connections")

    def _join(self, board: Board, door: Door, link: Link, fields: dict[str, Any]) -> None:
        """Make a connection that came through the door one of the first principal's."""
        peer = door.peer(link)
        if peer is None or self._links.get(link) or self._desk is None or self._calls is None:
            link.send(NO_SESSION)
            return
        opening = board.opening
        if not self._desk.has(peer.pid):
            client = newcomer(self._name or "", fields, peer.pid)
            other = ancestor_gate(opening.state, client)
            if other:
                raise CannotEnforce(
                    "this session can't be joined",
                    why=f"the client has a session of its own, principal {other}",
                    fix="end that one first, or give all servers of one client the same --session",
                )
            # What the newcomer saw before, and what was left to it, hold for all from now on.
            before = lineage.inherited(opening.state, client)
            lineage.verify_unlocked(before)
            now, root = board.now(), opening.principal
            self._calls.apply(board.step(Absorbed(root, before.exposure, now)))
            self._calls.apply(board.step(Tightened(root, before.authority, before.budget, NEVER, now)))
            opening.tree.met(root, capped(opening.tree.policy_of(root), before.authority))
            lineage.enter(opening.state, client, opening.writer.path)
            self._lines = [*lineage.living(self._lines), lineage.line_of(opening.state, client)]
            self._desk.know(client)
        if observes({"session": fields}) != opening.observes:
            raise CannotEnforce(
                "this session can't be joined",
                why="it only observes and this would not, or the other way round",
                fix="give all servers of one client --observe, or none",
            )
        self._met(board, self._calls, opening.principal, fields)
        self._links[link] = opening.principal
        link.send({**opened_fields(opening), "joined": True})

    def _watch(self, link: Link) -> None:
        """Give the supervisor of a box an approver's connection: it holds the terminal, and the agent is in the box.

        INVARIANT: only for the inherited connection, which is never handed into a box (test_server.py).
        """
        if self._desk is None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._desk.admit(ours, "the terminal of the run")
        link.send_socket({"what": "watching"}, theirs)
        theirs.close()

    def _tick(self, board: Board, calls: Calls) -> None:
        now = board.now()
        calls.apply(board.step(Tick(now)))
        self._loop.at(now + TICK_NS, lambda: self._tick(board, calls))

    def _attach(self, board: Board, calls: Calls, link: Link, fields: dict[str, Any]) -> None:
        """Give another connection of the same principal; a policy that comes with it can only tighten.

        One that is to carry traffic is given to the connection that opened the session, and to no other.
        """
        principal = self._links[link]
        role = fields.get("role")
        if role is not None and not (
            role in {ROLE, boxed.ROLE} and link is self._first and board.opening.level in LEVELS
        ):
            link.send(NO_SESSION)
            return
        self._met(board, calls, principal, fields)
        made = self._branch(link, principal, {"what": "attached", "principal": principal})
        if role == ROLE:
            calls.relays.admit(made)
        elif role == boxed.ROLE:
            self._boxed.add(made)

    def _met(self, board: Board, calls: Calls, principal: str, fields: dict[str, Any]) -> None:
        """Let the policies that ``fields`` names hold too."""
        choices, tree = board.opening.choices, board.opening.tree
        named = {name: fields[name] for name in NARROWING if fields.get(name)}
        if not named or named == {name: choices[name] for name in NARROWING if choices.get(name)}:
            return  # What the session was opened with is frozen, and holds.
        policy, event = narrow(board.opening, tree.policy_of(principal), fields, principal, board.now())
        tree.met(principal, policy)
        calls.apply(board.step(event))

    def _delegate(self, board: Board, link: Link, fields: dict[str, Any]) -> None:
        principal, now = self._links[link], board.now()
        tree = board.opening.tree
        calls = fields.get("calls", 0)
        if type(calls) is not int or calls < 0:
            link.send(MALFORMED)
            return
        schema = None
        if "schema" in fields:
            try:
                schema = parse(fields["schema"])
            except ValueError:
                link.send(MALFORMED)
                return
        policy, narrowed = narrow(board.opening, tree.policy_of(principal), fields, principal, now)
        child = secrets.token_hex(8)
        event = Delegated(
            principal,
            child,
            narrowed.authority,
            calls * CALL_COST,
            narrowed.deadline,
            0,
            now,
            quarantined=schema is not None,
        )
        for effect in board.step(event):
            if isinstance(effect, Reply) and effect.what == "delegated":
                tree.met(child, policy)
                if schema is not None:
                    self._schemas[child] = schema
                self._branch(link, child, {"what": "delegated", "principal": child})
            elif isinstance(effect, Reply):
                link.send({"what": effect.what, **effect.fields})

    def _declassify(self, board: Board, calls: Calls, link: Link, fields: dict[str, Any]) -> None:
        """Let one value of the declared schema out, or ask a person where it says more than passes unasked."""
        principal = self._links[link]
        schema = self._schemas.get(principal)
        if schema is None:
            link.send(NO_SESSION)
            return
        try:
            schema.validate(fields.get("value"))
        except ValueError:
            link.send(MALFORMED)
            return
        for effect in board.step(Declassified(principal, 0, schema.digest, schema.bits, board.now())):
            if not isinstance(effect, Reply):
                continue
            if effect.fields.get("code") == "quarantine_capacity":
                args = {"schema": schema.digest, "bits": schema.bits, "value": fields.get("value")}
                wait = fields.get("wait", 0)
                calls.answer_beyond(link, principal, args, float(wait) if type(wait) in {int, float} else 0.0)
            else:
                link.send({"what": effect.what, **effect.fields})

    def _branch(self, link: Link, principal: str, fields: dict[str, Any]) -> Link:
        """Make a connection for ``principal``, send its other end, and return ours."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        made = self._loop.add(ours, self._asked, self._left)
        self._links[made] = principal
        if link in self._boxed:
            # INVARIANT: what comes of a connection in a box is one in a box (test_boxed.py).
            self._boxed.add(made)
        link.send_socket(fields, theirs)
        theirs.close()
        return made

    def _left(self, link: Link, _why: str) -> None:
        """Let a connection go; a principal ends with its last one."""
        principal = self._links.pop(link, "")
        self._boxed.discard(link)
        self._listed.forget(link)
        if self._board is None or self._calls is None:
            return
        self._calls.leave(link)
        self._calls.relays.dismiss(link)
        root = self._board.opening.principal
        if principal and principal not in self._links.values() and not (principal == root and self._waits):
            self._calls.apply(self._board.step(Closed(principal, self._board.now())))
