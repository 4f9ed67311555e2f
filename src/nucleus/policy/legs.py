"""The one leg table: what each kind of call brings in, can carry, and sinks into.

A row says of one kind of call, in one circumstance, which capability it
exercises, which exposure its result adds (``legs``), which exposure can be in
its payload whatever the session saw (``carried``), and what kind of sink it
is. The gate classifies by these rows, and ``LEG_TABLE`` (for ``nu``, the
audit and ``policy check``) is computed from them: there is no second table.

A row may name facts on which it depends (``attested``, ``public``,
``fixed``); with these facts the kernel's floors never exceed the row
(``tests/policy/test_legs.py``), so the table is what is decided upon.

Labels of what is read or sent (``labels``) are joined to the row.
"""

from types import MappingProxyType
from typing import Final, final

from nucleus.kernel import capability as cap
from nucleus.kernel.exposure import FOREIGN, PRIVATE, UNTRUSTED, LegTable
from nucleus.kernel.facts import ALL_SINKS, CONTROL, EGRESS, IRREVERSIBLE
from nucleus.lean import dataclass
from nucleus.policy import call

NO_SINK: Final = 0
SHARED: Final = EGRESS | IRREVERSIBLE
"""Writing where others read: it leaves, and it can't be taken back."""


@final
@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of call does, in one circumstance."""

    kind: str
    op: int
    legs: int
    carried: int
    sink: int
    attested: int = 0
    public: int = 0
    fixed: int = 0
    elsewhere: bool = False
    """The data is not the workspace's: left out of ``LEG_TABLE``, which speaks of a capability in its own room."""


WORKSPACE_READ: Final = Row(call.READ, cap.READ_FILES, PRIVATE, 0, NO_SINK)
PUBLIC_READ: Final = Row(call.READ, cap.READ_FILES, 0, 0, NO_SINK, public=1)
OUTSIDE_READ: Final = Row(call.READ, cap.READ_FILES, PRIVATE | FOREIGN | UNTRUSTED, 0, NO_SINK, elsewhere=True)
WORKSPACE_GLOB: Final = Row(call.GLOB, cap.GLOB_SEARCH, PRIVATE, 0, NO_SINK)
PUBLIC_GLOB: Final = Row(call.GLOB, cap.GLOB_SEARCH, 0, 0, NO_SINK, public=1)
OUTSIDE_GLOB: Final = Row(call.GLOB, cap.GLOB_SEARCH, PRIVATE | FOREIGN | UNTRUSTED, 0, NO_SINK, elsewhere=True)
WORKSPACE_GREP: Final = Row(call.GREP, cap.GREP_SEARCH, PRIVATE, 0, NO_SINK)
PUBLIC_GREP: Final = Row(call.GREP, cap.GREP_SEARCH, 0, 0, NO_SINK, public=1)
OUTSIDE_GREP: Final = Row(call.GREP, cap.GREP_SEARCH, PRIVATE | FOREIGN | UNTRUSTED, 0, NO_SINK, elsewhere=True)
HISTORY_READ: Final = Row(call.GIT_LOG, cap.READ_FILES, PRIVATE, 0, NO_SINK)

PUBLIC_TRACKER: Final = Row(call.ISSUE, cap.READ_FILES, UNTRUSTED, 0, NO_SINK, public=1, elsewhere=True)
PRIVATE_TRACKER: Final = Row(call.ISSUE, cap.READ_FILES, UNTRUSTED | PRIVATE, 0, NO_SINK, elsewhere=True)
PORT: Final = Row(call.PORT, cap.READ_FILES, PRIVATE | FOREIGN | UNTRUSTED, 0, NO_SINK, elsewhere=True)
"""A port of the owner's machine that the owner let into the box: part of it from then on, like its own loopback."""
SERVICE_READ: Final = Row(call.ISSUE, cap.READ_FILES, PRIVATE | FOREIGN | UNTRUSTED, 0, NO_SINK, elsewhere=True)
"""Another repository, a mailbox, a database."""

WRITE: Final = Row(call.WRITE, cap.WRITE_FILES, 0, 0, NO_SINK)
EDIT: Final = Row(call.EDIT, cap.EDIT_FILES, 0, 0, NO_SINK)
DELETE: Final = Row(call.DELETE, cap.WRITE_FILES, 0, 0, NO_SINK)
"""In a transaction, or of content that a host commit keeps."""
FINAL_DELETE: Final = Row(call.DELETE, cap.WRITE_FILES, 0, 0, IRREVERSIBLE)
CONTROL_WRITE: Final = Row(call.WRITE, cap.WRITE_FILES, 0, 0, CONTROL)
COMMIT: Final = Row(call.COMMIT, cap.GIT_COMMIT, 0, 0, NO_SINK)
BRANCH: Final = Row(call.BRANCH, cap.GIT_COMMIT, 0, 0, NO_SINK)
APPLY_HELD: Final = Row(call.APPLY, cap.WRITE_FILES, 0, 0, CONTROL | IRREVERSIBLE)
"""A delete, link, mode or held class that the transaction would bring to the host."""
APPLY_REF: Final = Row(call.APPLY, cap.GIT_COMMIT, 0, 0, NO_SINK)
"""A branch, tag or HEAD that moves with a transaction: commits that stay here; no checkout brings what is held."""
APPLY_KEPT: Final = Row(call.APPLY, cap.WRITE_FILES, 0, 0, NO_SINK)

FIXED_FETCH: Final = Row(call.FETCH, cap.WEB_FETCH, UNTRUSTED, 0, NO_SINK, fixed=1)
FETCH: Final = Row(call.FETCH, cap.WEB_FETCH, UNTRUSTED, 0, EGRESS)
SEARCH: Final = Row(call.SEARCH, cap.WEB_SEARCH, UNTRUSTED, 0, EGRESS)
POST: Final = Row(call.FETCH, cap.WEB_FETCH, UNTRUSTED, 0, SHARED)
"""A fetch with a body, or with a method that changes something."""

TUNNEL: Final = Row(call.TUNNEL, cap.WEB_FETCH, UNTRUSTED, UNTRUSTED, SHARED)
"""Egress without bound. What comes in by it steers what goes out by it, so its own legs are carried."""
FORWARD: Final = Row(call.REQUEST, cap.WEB_FETCH, UNTRUSTED, 0, SHARED)
"""A request with a body, or with a method that changes something. GET and HEAD without one are a fetch."""
PACKAGES: Final = Row(call.PACKAGES, cap.WEB_FETCH, UNTRUSTED, 0, EGRESS)
LOCKED_PACKAGES: Final = Row(call.PACKAGES, cap.RUN_BASH, PRIVATE | UNTRUSTED, PRIVATE, NO_SINK, attested=1, fixed=1)
"""Names and hashes are the owner's. It counts as a command: a profile without fetches can install what is locked."""
MODEL: Final = Row(call.MODEL, cap.READ_FILES, 0, 0, NO_SINK, public=1)
"""What the model says was made of what it was sent: it brings nothing that was not seen."""
MODEL_REACH: Final = Row(call.MODEL, cap.WEB_FETCH, UNTRUSTED, UNTRUSTED, SHARED)
"""The provider's own tools, and media that it fetches: anything in the conversation can go anywhere."""

RUN: Final = Row(call.RUN, cap.RUN_BASH, PRIVATE | UNTRUSTED, PRIVATE | UNTRUSTED, SHARED)
BOXED_RUN: Final = Row(call.RUN, cap.RUN_BASH, PRIVATE, PRIVATE, NO_SINK, attested=1)
"""A box vouches for no network and a transaction; the labels of the visible tree are joined."""
LOCKED_INSTALL: Final = Row(call.INSTALL, cap.RUN_BASH, PRIVATE | UNTRUSTED, PRIVATE, NO_SINK, attested=1, fixed=1)
INSTALL: Final = Row(call.INSTALL, cap.RUN_BASH, PRIVATE | UNTRUSTED, PRIVATE | UNTRUSTED, EGRESS, attested=1)

OWN_PULL: Final = Row(call.PULL, cap.WEB_FETCH, UNTRUSTED, 0, NO_SINK, fixed=1)
PULL: Final = Row(call.PULL, cap.WEB_FETCH, UNTRUSTED, 0, EGRESS)
PUSH: Final = Row(call.PUSH, cap.GIT_PUSH, 0, PRIVATE, SHARED)
PULL_REQUEST: Final = Row(call.PULL_REQUEST, cap.CREATE_PR, 0, PRIVATE, SHARED)
"""The gate pushes the topic branch with it: it carries the tree."""
PUBLISH: Final = Row(call.COMMENT, cap.CREATE_PR, 0, 0, SHARED)
CLOSED_PUBLISH: Final = Row(call.LABEL, cap.CREATE_PR, 0, 0, NO_SINK, fixed=1)
"""Each value is one of a closed set that the owner wrote."""
SPAWN: Final = Row(call.SPAWN, cap.MANAGE_PODS, 0, 0, CONTROL | EGRESS)
UNREVIEWED: Final = Row(
    call.UNKNOWN,
    cap.RUN_BASH,
    PRIVATE | FOREIGN | UNTRUSTED,
    PRIVATE | FOREIGN | UNTRUSTED,
    ALL_SINKS,
    elsewhere=True,
)
"""A tool that nobody reviewed is a shell under another name."""

ROWS: Final = MappingProxyType(
    {name: row for name, row in sorted(globals().items()) if isinstance(row, Row)},
)
"""Every row by its name."""

TOOLS: Final = MappingProxyType(
    {
        cap.READ_FILES: Row(call.TOOL, cap.READ_FILES, PRIVATE, 0, NO_SINK),
        cap.WRITE_FILES: Row(call.TOOL, cap.WRITE_FILES, 0, 0, NO_SINK),
        cap.EDIT_FILES: Row(call.TOOL, cap.EDIT_FILES, 0, 0, NO_SINK),
        cap.RUN_BASH: Row(call.TOOL, cap.RUN_BASH, PRIVATE | UNTRUSTED, PRIVATE | UNTRUSTED, SHARED),
        cap.GLOB_SEARCH: Row(call.TOOL, cap.GLOB_SEARCH, PRIVATE, 0, NO_SINK),
        cap.GREP_SEARCH: Row(call.TOOL, cap.GREP_SEARCH, PRIVATE, 0, NO_SINK),
        cap.WEB_SEARCH: Row(call.TOOL, cap.WEB_SEARCH, UNTRUSTED, 0, EGRESS),
        cap.WEB_FETCH: Row(call.TOOL, cap.WEB_FETCH, UNTRUSTED, 0, EGRESS),
        cap.GIT_COMMIT: Row(call.TOOL, cap.GIT_COMMIT, 0, 0, NO_SINK),
        cap.GIT_PUSH: Row(call.TOOL, cap.GIT_PUSH, 0, PRIVATE, SHARED),
        cap.CREATE_PR: Row(call.TOOL, cap.CREATE_PR, 0, 0, SHARED),
        cap.MANAGE_PODS: Row(call.TOOL, cap.MANAGE_PODS, 0, 0, CONTROL | EGRESS),
    },
)
"""A user's own function with a declared capability: at least the floor of that capability."""

CAPABILITY_NAMES: Final = (
    "read_files",
    "write_files",
    "edit_files",
    "run_bash",
    "glob_search",
    "grep_search",
    "web_search",
    "web_fetch",
    "git_commit",
    "git_push",
    "create_pr",
    "manage_pods",
)
"""In the order of the kernel's numbers."""


def _mask(bit: int, *, sink: bool) -> int:
    """Return both bits of each capability that has a row with ``bit``, in its legs or as its sink."""
    mask = 0
    for row in ROWS.values():
        if not row.elsewhere and (row.sink if sink else row.legs) & bit:
            mask |= cap.ALWAYS << 2 * row.op
    return mask


LEG_TABLE: Final = LegTable(
    _mask(PRIVATE, sink=False),
    _mask(UNTRUSTED, sink=False),
    _mask(EGRESS, sink=True),
)
"""What each capability does to the three legs: what ``reach``, ``within`` and ``nu`` are asked with."""
