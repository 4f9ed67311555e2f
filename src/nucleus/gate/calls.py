"""Calls on their way: classified, judged, performed, released.

The bytes that are judged are held here and are the bytes that are performed.
"""

import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple, final

from nucleus.errors import NucleusError
from nucleus.gate import core
from nucleus.gate.board import Board
from nucleus.gate.contained import CONTAINED
from nucleus.gate.effects import Outcome, Permit
from nucleus.gate.events import Abandoned, Ask, Done, Effect, Perform, Reply, Submit
from nucleus.gate.lookout import QUESTIONS, Leaving, Lookout
from nucleus.gate.loop import Link, Loop
from nucleus.gate.protocol import ProtocolError
from nucleus.gate.relays import NOT_A_RELAY, OF_RELAYS, RELAYED, WITH_CREDENTIAL, Relays, tagged
from nucleus.gate.tree import BODILESS, chosen_in_quarantine, pushes
from nucleus.gate.workers import CLASSES, Workers, failed
from nucleus.kernel.capability import READ_FILES
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.facts import IRREVERSIBLE, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO, floored
from nucleus.lean import dataclass, replace
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import CLASSIFIERS
from nucleus.policy.model import CALL_COST
from nucleus.trace.record import rule_names

REDIRECTS: Final = 5
"""Hops that one fetch may take; each is a decision of its own."""
REDIRECT_WAIT: Final = 60.0
WAIT_LIMIT: Final = 86_400.0
"""Seconds that a caller may wait at most: longer than any question stays open."""
SHOWN_LIMIT: Final = 256 << 10
"""Bytes of one call that a person can be asked about. Nobody reads more; it is refused unasked."""
CREDENTIALED: Final = frozenset(
    {kinds.PUSH, kinds.DELIVER, kinds.PULL_REQUEST, kinds.COMMENT, kinds.LABEL, kinds.ISSUE}
)
"""Kinds whose worker uses a credential. No other is given one."""
PUSHING: Final = frozenset({kinds.PUSH, kinds.PULL_REQUEST})
HELD_LIMIT: Final = 256 << 20
"""Bytes that calls may hold in all while questions about them are open."""
PROBE: Final = "proc.probe"
"""What the worker of commands is asked first: whether it can make a box, found out by use."""
PROBE_NUMBER: Final = 0
"""No decision's: the first record of a trace is its header."""
SUPERVISED: Final = frozenset({kinds.APPLY, kinds.PORT})
"""Kinds that only the process which holds a box may ask for, and that it performs itself."""
ASKERS_OWN: Final = SUPERVISED | {kinds.TOOL, kinds.MCP, kinds.CLIENT}  # whoever asked performs these
NOT_THE_SUPERVISOR: Final = {
    "what": "denied",
    "code": "capability",
    "rules": ["capability"],
    "next_step": "only the process that holds a box asks for this",
}
TOO_MUCH_HELD: Final = {
    "what": "denied",
    "code": "too_many_questions",
    "rules": ["session"],
    "next_step": "too much is held for open questions",
}
DECLASSIFY: Final = "declassify"
"""The kind of an approved answer from quarantine: its only effect is that it was allowed."""
NOBODYS: Final = QUESTIONS | {PROBE}
"""What the gate asks of its workers itself is nobody's call."""
PLAIN: Final = frozenset({kinds.READ, kinds.LIST, kinds.GLOB, kinds.GREP, kinds.MCP, kinds.CLIENT, kinds.FETCH})
"""Frequent kinds about which nothing has to be found out before they are judged, whoever asks."""
KNOWN: Final = frozenset(CLASSIFIERS) | {DECLASSIFY}
"""Kinds that a record names. What else a client calls its kind is content."""
MALFORMED: Final = {"what": "denied", "code": "malformed", "rules": ["malformed"]}


@final
class Asking(NamedTuple):
    """How a call is asked, beside what it is."""

    version: int = -1
    """The version that the caller saw, -1 for any."""
    wait: float = 0.0
    """Seconds that the caller waits for a person's answer."""
    hops: int = 0
    """Redirects before this one."""
    chosen: bool = False
    """Something in it left a quarantine."""
    tag: int = -1
    """What its asker calls it, where the asker has several open at once."""
    leaves: int = 0
    """Bytes that its performer will send beside the call itself."""
    leaving: str = ""
    """What these are, for a person."""


AT_ONCE: Final = Asking()


@final
@dataclass(slots=True)
class Held:
    """A call whose answer is still owed: who asked, what, and what came of it."""

    link: Link
    principal: str
    call: Call
    facts: Classified
    submit: Submit
    asking: Asking = AT_ONCE
    legs: int = 0
    outcome: Outcome | None = None
    answered: bool = False
    """The caller has its answer ("pending"); the bytes are kept for the question."""
    at_work: bool = False
    """It is performed now."""


@final
class Calls:
    """Every call of a gate that is not finished."""

    def __init__(self, loop: Loop, board: Board, on_question: Callable[[str], None]) -> None:
        self._loop = loop
        self._board = board
        self._on_question = on_question
        settings, state = board.settings, str(board.opening.state)
        self._workers = Workers(loop, board.now, settings.bootstrap, settings.network, self._outcome, state)
        self._held: dict[int, Held] = {}
        self._answered: set[int] = set()
        """Of those held: whose caller has its answer. Few, where a hundred thousand may be at work at once."""
        self._at_work: dict[int, int] = {}
        """Permit number -> ref."""
        self._refs = 0
        self._boxless: list[tuple[Link, str, Call, Asking]] = []
        """Commands that wait until it is known whether there is a box for them."""
        self._lookout = Lookout(loop, board)
        self.relays = Relays()
        self.supervisor: Link | None = None
        """The connection of whoever holds this principal's box, and brings its changes home."""

    def ask(self, link: Link, principal: str, fields: dict[str, Any], body: bytes) -> None:
        """Take one call frame of a client."""
        kind, args, seen = fields.get("kind"), fields.get("args"), fields.get("seen", 0)
        wait, version = fields.get("wait", 0), fields.get("version", -1)
        chosen = fields.get("quarantined", False) is not False
        tag, leaves = fields.get("tag", -1), fields.get("leaves", 0)
        numbers = type(seen) is type(version) is type(tag) is type(leaves) is int and type(wait) in {int, float}
        if type(kind) is not str or type(args) is not dict or not numbers or leaves < 0 or (body and kind in BODILESS):
            link.send(MALFORMED)
            return
        call = Call(kind, args, body, seen)
        asking = Asking(version, float(wait), chosen=chosen, tag=tag, leaves=leaves)
        if not body and kind in PLAIN:
            self._submit(link, principal, call, asking)
        elif kind in NOBODYS:
            link.send(MALFORMED)
        elif kind in OF_RELAYS and link not in self.relays:
            link.send(NOT_A_RELAY)
        elif body and sum(len(held.call.body) for held in self._held.values()) + len(body) > HELD_LIMIT:
            link.send(tagged(tag, TOO_MUCH_HELD))
        elif kind in SUPERVISED and link is not self.supervisor:
            link.send(tagged(tag, NOT_THE_SUPERVISOR))
        else:
            self._look(link, principal, call, asking)

    def _look(self, link: Link, principal: str, call: Call, asking: Asking) -> None:
        """Submit a call, for some kinds after something is found out that they are judged by."""
        kind = call.kind
        if kind == kinds.RUN and not self._board.opening.tree.box_known:
            self._look_for_box(link, principal, call, asking)
        elif kind == kinds.DELETE or (kind == kinds.APPLY and call.args.get("change") == "delete"):
            self._look_for_commit(link, principal, call, asking)
        elif kind in PUSHING:
            self._look_at_push(link, principal, call, asking)
        elif kind == kinds.DELIVER:
            self._look_at_pack(link, principal, call, asking)
        else:
            self._submit(link, principal, call, asking)

    def _look_for_box(self, link: Link, principal: str, call: Call, asking: Asking) -> None:
        """Let a command wait until the worker has tried, by use, whether it can make a box."""
        self._boxless.append((link, principal, call, asking))
        if len(self._boxless) == 1:
            self._workers.perform(Permit(PROBE_NUMBER, PROBE, {}, self._board.opening.workspace), b"")

    def _look_for_commit(self, link: Link, principal: str, call: Call, asking: Asking) -> None:
        """Let a deletion that would lose something wait until it is known whether a host commit keeps it."""
        tree = self._board.opening.tree
        facts = tree.classified(principal, call)
        essence = tree.bound(principal, call, facts).essence
        denied = any(one == essence for _, one in self._board.core.refused)
        if not facts.sink & IRREVERSIBLE or facts.scope == SCOPE_DENY or denied:
            # Nothing to find out, or a person said no already: that holds, whatever the file becomes.
            self._submit(link, principal, call, asking, facts)
            return

        def known(kept: str) -> None:
            if link.open:
                self._submit(link, principal, call, asking, tree.classified(principal, call, kept))

        self._lookout.kept(str(facts.resolved["path"]), known)

    def _look_at_push(self, link: Link, principal: str, call: Call, asking: Asking) -> None:
        """Let a push wait until it is known how much it sends, and what."""
        tree = self._board.opening.tree
        facts = tree.classified(principal, call)
        pushed = pushes(facts)
        if facts.scope == SCOPE_DENY or not pushed.get("tip"):
            # Without a commit there is nothing to send, and the worker says so.
            self._submit(link, principal, call, asking, facts)
            return

        def known(leaving: Leaving) -> None:
            if not link.open:
                return
            now = tree.classified(principal, call)
            if leaving.bytes < 0 or pushes(now) != pushed:
                why = leaving.text if leaving.bytes < 0 else "the branch moved while it was looked at"
                now = replace(
                    now, scope=SCOPE_DENY, why=f"what would leave can't be told: {why}", where="", next_step=why
                )
            looked = asking._replace(leaves=asking.leaves + max(0, leaving.bytes), leaving=leaving.text)
            self._submit(link, principal, call, looked, now)

        self._lookout.outgoing(str(pushed["url"]), str(pushed["tip"]), known)

    def _look_at_pack(self, link: Link, principal: str, call: Call, asking: Asking) -> None:
        """Let a delivery wait until what its pack brings can be shown. What can't be shown is said, not guessed."""
        tree = self._board.opening.tree
        facts = tree.classified(principal, call)
        if facts.scope == SCOPE_DENY:
            self._submit(link, principal, call, asking, facts)
            return

        def known(leaving: Leaving) -> None:
            if link.open:
                said = leaving.text if leaving.bytes >= 0 else f"what it changes can't be shown here: {leaving.text}"
                self._submit(link, principal, call, asking._replace(leaving=said))

        self._lookout.outgoing(str(facts.resolved["url"]), str(facts.resolved["tip"]), known, call.body)

    def _outcome(self, number: int, outcome: Outcome) -> None:
        """Take what a worker says: of a box, or of an effect."""
        if number != PROBE_NUMBER:
            self._performed(number, outcome)
            return
        self._board.opening.tree.boxed(outcome)
        waiting, self._boxless = self._boxless, []
        for link, principal, call, asking in waiting:
            if link.open:
                self._submit(link, principal, call, asking)

    def answer_beyond(self, link: Link, principal: str, args: dict[str, Any], wait: float) -> None:
        """Ask a person about an answer from quarantine that says more than may pass unasked."""
        destination = f"quarantine {args['schema']}"
        why = f"the answer's schema says {args['bits']} bits"
        facts = Classified(READ_FILES, 0, 0, 0, SCOPE_ASK, TRUSTED_NO, 0, 0, 1, 0, destination, why)
        self._submit(link, principal, Call(DECLASSIFY, args), Asking(wait=wait), facts)

    def apply(self, effects: tuple[Effect, ...]) -> None:
        """Perform effects, in order."""
        for effect in effects:
            # Asked one by one: a match over these classes costs more than what it leads to.
            if type(effect) is Reply:
                if effect.what == "released":
                    self._release(effect.ref, effect.fields)
                else:
                    self._send(effect.ref, {"what": effect.what, **effect.fields})
            elif type(effect) is Perform:
                self._perform(effect.ref, effect.number)
            elif type(effect) is Ask:
                self._on_question(effect.question)
        self._forget()

    def leave(self, link: Link) -> None:
        """Know that a client is gone: it waits no more, and gets nothing."""
        for ref in [ref for ref, held in self._held.items() if held.link is link]:
            self.apply(self._board.step(Abandoned(ref, self._board.now())))
            if ref in self._held:
                self._answer(ref, self._held[ref])
        self._forget()

    def end(self) -> None:
        """Record what is still at work as unknown, and end the workers."""
        for number in list(self._at_work):
            self._board.step(Done(number, "unknown", 0, "", "the client ended", self._board.now()))
        self._at_work.clear()
        self._workers.end()
        self._lookout.end()

    def shown(self, ref: int) -> Call | None:
        """Return the held call of a question as it would be performed, for whoever answers."""
        held = self._held.get(ref)
        if held is None:
            return None
        return replace(held.call, args=self._board.opening.tree.shown(held.call, held.facts))

    def leaving(self, ref: int) -> str:
        """Return what a push would send, for whoever answers."""
        held = self._held.get(ref)
        return "" if held is None else held.asking.leaving

    def tool_done(self, link: Link, fields: dict[str, Any]) -> None:
        """Take the end of a client's own function, which ran on a permit."""
        number = fields.get("number")
        ref = self._at_work.get(number) if type(number) is int else None
        if ref is None or type(number) is not int or self._held[ref].link is not link:
            link.send(MALFORMED)
            return
        error = str(fields.get("error", "Exception"))[:80]
        moved = fields.get("bytes", 0)
        value = {"bytes": moved} if type(moved) is int and moved > 0 else {}
        self._performed(number, Outcome("ok", value) if fields.get("ok") is True else failed(error, "it raised"))

    def _submit(self, link: Link, principal: str, call: Call, asking: Asking, facts: Classified | None = None) -> None:
        """Classify a call and hand it to the core."""
        opening, now = self._board.opening, self._board.now()
        ref, self._refs = self._refs, self._refs + 1
        if facts is None:
            facts = opening.tree.classified(principal, call)
        if asking.chosen:
            facts = chosen_in_quarantine(facts)
        bound, size = opening.tree.bound(principal, call, facts), len(call.body) + len(repr(call.args))
        submit = Submit(
            principal=principal,
            ref=ref,
            id=os.urandom(4).hex(),
            call=call.kind if call.kind in KNOWN else opening.redactor.error(call.kind),
            args=opening.redactor.arguments(dict(call.args)),
            digest=bound.digest,
            essence=bound.essence,
            showable=size - len(call.body) * (call.kind == kinds.DELIVER) <= SHOWN_LIMIT,
            facts=facts,
            cost=0 if call.kind == kinds.APPLY or (call.kind in RELAYED and not facts.sink) else CALL_COST,
            egress_bytes=size + asking.leaves if facts.sink else 0,
            now=now,
            destination=opening.redactor.destination(facts.destination),
            wait=asking.wait > 0,
            version=asking.version,
        )
        self._held[ref] = Held(link, principal, call, facts, submit, asking)
        if asking.wait > 0:
            self._loop.at(now + int(min(asking.wait, WAIT_LIMIT) * 1e9), lambda: self._patience_ends(ref))
        self.apply(self._board.step(submit))

    def _patience_ends(self, ref: int) -> None:
        waiting = [q for q in self._board.core.questions.values() if q.waiting and q.submit.ref == ref]
        if ref not in self._held or not waiting:
            return
        question = waiting[0]
        self.apply(self._board.step(Abandoned(ref, self._board.now())))
        fields = {"id": question.id, "code": "approval_required", "rules": rule_names(question.rules)}
        self._send(ref, {"what": "pending", **fields, "next_step": f"nucleus approve {question.id}"})

    def _perform(self, ref: int, number: int) -> None:
        held = self._held[ref]
        gate = self._board.core
        held.legs = floored(core.request_of(gate, held.submit, approved=True))[0]
        self._at_work[number] = ref
        held.at_work = True
        if not self._board.keep(number, "body", held.call.body):
            self._performed(number, failed("OSError", f"not tried: {self._board.broken}"))
            return
        if held.call.kind in ASKERS_OWN:
            if self._labelled(held, number):
                held.link.send({"what": "perform", "number": number, "id": held.submit.id})
            return
        if held.call.kind in RELAYED:
            self._relay(held, number)
            return
        if held.call.kind == DECLASSIFY:
            self._performed(number, Outcome("ok", {}))
            return
        if held.call.kind.partition(".")[0] not in CLASSES:
            self._performed(number, failed("OSError", f"nothing here performs {held.call.kind!r}"))
            return
        if not self._labelled(held, number):
            return
        opening = self._board.opening
        arguments = opening.tree.arguments(held.call, held.facts)
        target = str(arguments.get("url") or arguments.get("api") or "")
        permit = Permit(
            number,
            held.call.kind,
            arguments,
            opening.workspace,
            credential=opening.credentials.get(target) if held.call.kind in CREDENTIALED else b"",
        )
        self._workers.perform(permit, held.call.body)

    def _labelled(self, held: Held, number: int) -> bool:
        """Whether what a write is about to bring is labelled, durably; if not, it is not tried."""
        exposure = self._board.core.principals[held.principal].state.exposure
        try:
            self._board.opening.tree.before(held.call, held.facts, exposure)
        except (NucleusError, OSError) as error:
            self._performed(number, failed("OSError", f"not tried, its label can't be stored: {error}"))
            return False
        return True

    def _relay(self, held: Held, number: int) -> None:
        """Let the asker itself do what was allowed, with what was resolved."""
        resolved = dict(held.facts.resolved)
        fields = {"what": "perform", "number": number, "id": held.submit.id, "resolved": resolved}
        fields["exposure"] = self._board.core.principals[held.principal].state.exposure
        if held.call.kind in WITH_CREDENTIAL and self._board.opening.level == CONTAINED:
            # INVARIANT: below that level whoever asks may be the agent itself, and gets none (test_relays.py).
            credentials = self._board.opening.credentials
            fields["credential"] = credentials.get(str(resolved.get("url", ""))).decode("ascii")
        held.link.send(tagged(held.asking.tag, fields))

    def _performed(self, number: int, outcome: Outcome) -> None:
        """Record an outcome, join what it shows, release it."""
        ref = self._at_work.get(number)
        if ref is None:
            return
        held, opening = self._held[ref], self._board.opening
        held.outcome = outcome
        self._board.keep(number, "result", outcome.body)
        ok = outcome.status != "failed"
        seen = self._seen(held, outcome) if ok else 0
        pushed = pushes(held.facts) if ok and held.call.kind in PUSHING else {}
        if pushed:
            self._lookout.sent(str(pushed["url"]), str(pushed.get("tip", "")))
        held.legs |= seen
        unknown = not ok and outcome.value.get("unknown") is True
        done = Done(
            number=number,
            outcome="ok" if ok else "unknown" if unknown else "failed",
            bytes=len(outcome.body) or int(outcome.value.get("bytes", 0)) * (held.call.kind in RELAYED),
            digest=opening.redactor.digest(outcome.body),
            error="" if ok else opening.redactor.error(str(outcome.value.get("type", ""))),
            now=self._board.now(),
            seen=seen,
        )
        self.apply(self._board.step(done))

    def _seen(self, held: Held, outcome: Outcome) -> int:
        """Return the exposure of what was read; all of it where the label store can't say or note it."""
        try:
            return self._board.opening.tree.after(held.call, held.facts, outcome)
        except (NucleusError, OSError):
            return ALL_SEEN

    def _release(self, ref: int, fields: dict[str, Any]) -> None:
        """Hand a recorded result to its caller; follow a redirect as a new call."""
        held = self._held[ref]
        outcome = held.outcome or failed("OSError", "there is no result")
        self._at_work.pop(fields["seq"], None)
        held.at_work = False
        if outcome.status == "redirect" and held.call.kind != kinds.FETCH:
            outcome = failed("OSError", "the service answered with a redirect, which only a fetch follows")
        if outcome.status == "redirect":
            self._answer(ref, held)
            if held.asking.hops < REDIRECTS:
                # A redirect is a new destination: it is judged anew, as a new call.
                again = replace(held.call, args={**held.call.args, "url": str(outcome.value.get("url", ""))})
                wait = REDIRECT_WAIT if held.submit.wait else 0.0
                asking = Asking(wait=wait, hops=held.asking.hops + 1, chosen=held.asking.chosen)
                self._submit(held.link, held.principal, again, asking)
                return
            outcome = failed("OSError", f"more than {REDIRECTS} redirects")
            held.answered = False
        answer = {
            "what": "released",
            "status": outcome.status,
            "value": dict(outcome.value),
            "seq": fields["seq"],
            "id": fields["id"],
            "exposure": held.legs,
            "source": held.facts.destination or held.call.kind,
        }
        self._send(ref, answer, outcome.body)

    def _send(self, ref: int, fields: dict[str, Any], body: bytes = b"") -> None:
        """Give the one answer that a caller is owed."""
        held = self._held.get(ref)
        if held is not None and not held.answered:
            self._answer(ref, held)
            try:
                held.link.send(tagged(held.asking.tag, fields), body)
            except ProtocolError as error:
                # It happened and is on record, but no frame carries it; whoever waits must hear that.
                held.link.send({"what": "denied", "code": "gate", "rules": ["session"], "next_step": str(error)})

    def _answer(self, ref: int, held: Held) -> None:
        """Note that a caller has the answer that it is owed."""
        held.answered = True
        self._answered.add(ref)

    def _forget(self) -> None:
        """Let go of calls that were answered, but for the bytes that an open question shows."""
        if not self._answered:
            return
        questions = self._board.core.questions
        kept = {question.submit.ref for question in questions.values()} if questions else ()
        for ref in [ref for ref in self._answered if ref not in kept and not self._held[ref].at_work]:
            del self._held[ref]
            self._answered.discard(ref)
