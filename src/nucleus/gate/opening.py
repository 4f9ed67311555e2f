"""Opening a principal: policy frozen, workspace known, trace begun. Or nothing at all.

Everything here happens before the first call, on the word of the owner's
side: which files speak, which profile, which workspace. Later nothing of it
is read again.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce, NucleusError, PolicyError, TraceError
from nucleus.gate import contained, lineage
from nucleus.gate.contained import CONTAINED
from nucleus.gate.credentials import Credentials
from nucleus.gate.desk import ancestor_gate
from nucleus.gate.events import Opened, Tightened
from nucleus.gate.hardening import home_of
from nucleus.gate.kernel_hash import verify_kernel
from nucleus.gate.lockfiles import pinned
from nucleus.gate.peers import Process
from nucleus.gate.remotes import remotes_of
from nucleus.gate.spawn import outside
from nucleus.gate.tree import Tree
from nucleus.lean import dataclass
from nucleus.policy.context import Context
from nucleus.policy.label_file import FileJournal
from nucleus.policy.labels import LabelStore
from nucleus.policy.layers import Places, find_layers
from nucleus.policy.load import OwnerChoices, load_policy, with_remotes
from nucleus.policy.model import KEYS, OwnerWords, Policy
from nucleus.policy.place import prepare, state_directory
from nucleus.policy.restrict import capped, meet
from nucleus.policy.schema import CAPABILITIES, LEVELS
from nucleus.trace.content import ContentStore
from nucleus.trace.recovery import recover
from nucleus.trace.redact import Redactor
from nucleus.trace.writer import TraceWriter

COOPERATIVE: Final = "cooperative"
MEDIATED: Final = "mediated"
"""A client whose servers and hooks are mediated: its other tools, its shell included, are outside."""
SEALED: Final = "sealed"
OBSERVED: Final = "what would be asked is allowed, and recorded"
SECOND_NS: Final = 1_000_000_000
NARROWING: Final = ("profile", "policies", "revision")
"""What a later session or a child may name: each is a policy that is met with the one that holds."""


@final
@dataclass(frozen=True, slots=True)
class Opening:
    """What was fixed when the first principal opened."""

    principal: str
    workspace: str
    state: Path
    level: str
    policy: Policy
    tree: Tree
    writer: TraceWriter
    redactor: Redactor
    contents: ContentStore | None
    """Where contents go if the owner asked for them (0600, never exported)."""
    credentials: Credentials
    event: Opened
    notes: tuple[str, ...]
    choices: Mapping[str, Any]

    @property
    def observes(self) -> bool:
        """Whether this session only observes."""
        return observes(self.choices)


def plan(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a box for these choices must hide and may be given. Nothing is opened, nothing is recorded.

    Raises PolicyError, CannotEnforce.
    """
    workspace = _workspace(fields)
    outside(workspace)
    state = prepare(state_directory(_text(fields, "state")), Path(workspace))
    policy = _policy(fields, workspace, home_of(os.getuid()), state)
    return contained.needs(policy, fields.get("shown") or {})


def open_principal(fields: Mapping[str, Any], client: Process, now: int) -> Opening:
    """Return the opening that a client asks for, or raise PolicyError, CannotEnforce or TraceError."""
    kernel = verify_kernel()
    home = home_of(os.getuid())
    workspace = _workspace(fields)
    outside(workspace)
    state = prepare(state_directory(_text(fields, "state")), Path(workspace))
    other = ancestor_gate(state, client)
    if other:
        raise CannotEnforce(
            "this process was started by a process that has a session already",
            why=f"principal {other} is its process tree; a second one would start with a clean exposure",
            fix="open the session in the parent only, and give the child s.delegate(...)",
        )
    policy = _policy(fields, workspace, home, state)
    labels = LabelStore(FileJournal.of_workspace(state, workspace))
    made: set[str] = set()
    context = _context(policy, workspace, home, labels, made)
    principal = secrets.token_hex(8)
    name = session_name(fields)
    before = lineage.inherited(state, client)
    if name:
        before = lineage.met(before, lineage.of_name(state, name))
    lineage.verify_unlocked(before)
    level = SEALED if fields.get("seal") else MEDIATED if fields.get("session") else COOPERATIVE
    containment = fields.get("seal") or ({"observe": OBSERVED} if observes(fields) else {})
    exposure = before.exposure
    if fields.get("containment"):
        contained.same_policy(policy, fields)
        level, containment = CONTAINED, fields["containment"]
        context = contained.in_a_box(context, containment)
        exposure |= contained.first_exposure(policy, context, fields.get("shown") or {})
    authority = policy.authority & before.authority
    budget = min(policy.budget.micro_units, before.budget)
    event = Opened(
        principal,
        authority,
        exposure,
        budget,
        now + policy.budget.seconds * SECOND_NS,
        policy.budget.egress_bytes,
        now,
    )
    witness = _text(fields, "witness")
    header = {
        "kernel": kernel,
        "policy": {
            "digest": policy.digest,
            "profile": policy.profile,
            "layers": [
                {"name": one.name, "path": one.path, "digest": one.digest, "trusted": one.trusted, "why": one.why}
                for one in policy.layers
            ],
        },
        "level": level,
        "containment": containment,
        "principal": principal,
        "recovers": [_recovered(Path(trace)) for trace in before.unclean],
        "state": [authority, exposure, budget, 0],
    }
    writer = TraceWriter.create(state / "traces", header, witness=Path(witness) if witness else None)
    lineage.enter(state, client, writer.path)
    if name:
        lineage.enter_name(state, name, writer.path, policy.budget.seconds)
    return Opening(
        principal,
        workspace,
        state,
        level,
        policy,
        Tree(capped(policy, authority), context, labels, principal, made),
        writer,
        Redactor(),
        ContentStore.create(writer.path) if fields.get("record_content") is True else None,
        Credentials.of(state),
        event,
        policy.notes,
        dict(fields),
    )


def _context(policy: Policy, workspace: str, home: str, labels: LabelStore, made: set[str]) -> Context:
    """Return what classification may know of the world. ``made`` are the files of this session itself."""

    def present(path: str) -> bool:
        return path not in made and os.path.lexists(os.path.join(workspace, path))

    found = remotes_of(workspace)
    public = any(remote.home and remote.public for remote in policy.remotes.values())
    return Context(
        workspace=workspace,
        home=home,
        labels=labels,
        private_workspace=not public,
        branch=found.branch,
        base=found.base,
        locks=pinned(policy, workspace),
        present=present,
    )


def observes(fields: Mapping[str, Any]) -> bool:
    """Whether the owner chose to see what would be asked, and not to be asked."""
    session = fields.get("session")
    return type(session) is dict and session.get("observe") is True


def session_name(fields: Mapping[str, Any]) -> str:
    """Return what the owner calls the session, "" for none."""
    session = fields.get("session")
    return _text(session, "name") if type(session) is dict else ""


def opened_fields(opening: Opening) -> dict[str, Any]:
    """Return what a client is told of the principal that it has a connection of."""
    return {
        "what": "opened",
        "principal": opening.principal,
        "trace": str(opening.writer.path),
        "level": opening.level,
        "notes": list(opening.policy.notes),
        "workspace": opening.workspace,
        "observe": opening.observes,
    }


def _recovered(trace: Path) -> dict[str, Any]:
    """End the trace of a gate that ended without a word; return the link that the next header holds.

    The new principal starts with the worst exposure whatever is found there.
    """
    try:
        return dict(recover(trace).link)
    except (TraceError, OSError) as error:
        return {"path": str(trace), "error": str(error)}


def narrow(
    opening: Opening, policy: Policy, fields: Mapping[str, Any], principal: str, now: int
) -> tuple[Policy, Tightened]:
    """Return the meet of ``policy`` and what ``fields`` names, and its event. Raises PolicyError."""
    if any(fields.get(name) for name in NARROWING):
        home = home_of(os.getuid())
        asked = {**opening.choices, "profile": "", "policies": [], **fields}
        policy = meet(policy, _policy(asked, opening.workspace, home, opening.state))
    policy = capped(policy, _levels(fields.get("levels", {})))
    seconds = policy.budget.seconds
    minutes = fields.get("minutes")
    if type(minutes) is int and minutes >= 0:
        seconds = min(seconds, minutes * 60)
    return policy, Tightened(principal, policy.authority, policy.budget.micro_units, now + seconds * SECOND_NS, now)


def cannot(error: NucleusError) -> dict[str, Any]:
    """Return the frame that carries an error of opening to the client."""
    fix = getattr(error, "fix", "")
    if isinstance(error, PolicyError):
        place = {"path": error.path, "line": error.line}
        return {"what": "cannot", "kind": "PolicyError", "message": error.message, "fix": fix, **place}
    why = getattr(error, "why", "")
    what = getattr(error, "what", str(error))
    if isinstance(error, TraceError):
        what, why, fix = "the trace can't be written", str(error), "check the state directory: nothing runs unrecorded"
    return {"what": "cannot", "kind": "CannotEnforce", "message": what, "why": why, "fix": fix}


def _policy(fields: Mapping[str, Any], workspace: str, home: str, state: Path) -> Policy:
    named = [path for path in fields.get("policies", []) if type(path) is str]
    revision = _text(fields, "revision")
    layers = find_layers(
        Places(Path(workspace), Path(home), state),
        named=named,
        revision=revision,
        # The owner's side has read it, by a git of its own, before the agent started.
        read_revision=lambda *_: _text(fields, "revised").encode("utf-8", "surrogateescape"),
    )
    words = OwnerWords(frozenset(_text(fields, "prompt").split()))
    choices = OwnerChoices(profile=_text(fields, "profile"), allow=_allowed(fields), words=words, home=home)
    return with_remotes(load_policy(layers, choices), remotes_of(workspace).urls)


def _allowed(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what the owner named outside of any file. Raises PolicyError."""
    allow = fields.get("allow") or {}
    proper = type(allow) is dict and all(
        key in KEYS and type(values) is list and all(type(value) is str for value in values)
        for key, values in allow.items()
    )
    if not proper:
        raise PolicyError("allow maps keys of the policy language to lists of text", fix=f"keys: {', '.join(KEYS)}")
    return dict(allow)


def _workspace(fields: Mapping[str, Any]) -> str:
    workspace = os.path.realpath(_text(fields, "workspace") or ".")
    if not os.path.isdir(workspace):
        raise CannotEnforce(f"the workspace {workspace} is not a directory", fix="name an existing directory")
    if workspace == "/":
        raise CannotEnforce("the workspace is the whole file system", fix="name the directory of the project")
    return workspace


def _levels(levels: object) -> int:
    """Return the authority that caps named capabilities. Raises PolicyError for a name or level that is none."""
    if type(levels) is not dict:
        raise PolicyError("levels must map names of capabilities to never, low_risk or always")
    cap = (1 << 2 * len(CAPABILITIES)) - 1
    for name, level in levels.items():
        if name not in CAPABILITIES or level not in LEVELS:
            raise PolicyError(f"no level {level!r} of a capability {name!r}", fix=f"one of: {', '.join(CAPABILITIES)}")
        op = list(CAPABILITIES).index(name)
        cap &= ~(0b11 << 2 * op) | LEVELS[level] << 2 * op
    return cap


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if type(value) is str else ""
