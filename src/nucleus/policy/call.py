"""What a front end asks for, and what classification makes of it.

``Call`` is the only form in which a request reaches the gate, whatever the
front end (SDK, MCP, proxy, hook). ``Classified`` is the only form in which
it reaches the kernel. Between them stands ``classify``.
"""

from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass, field

READ: Final = "fs.read"
LIST: Final = "fs.list"
GLOB: Final = "fs.glob"
GREP: Final = "fs.grep"
WRITE: Final = "fs.write"
EDIT: Final = "fs.edit"
DELETE: Final = "fs.delete"
FETCH: Final = "net.fetch"
SEARCH: Final = "net.search"
TUNNEL: Final = "net.tunnel"
"""A CONNECT tunnel out of a box: its host is seen, and nothing else of it."""
REQUEST: Final = "net.request"
"""A request out of a box whose method and URL are seen."""
PACKAGES: Final = "net.packages"
"""One set of packages through the route to an index: names out, files in."""
MODEL: Final = "net.model"
"""One request to the model that the owner named, through the route that reads its body."""
GIT_STATUS: Final = "git.status"
GIT_DIFF: Final = "git.diff"
GIT_LOG: Final = "git.log"
COMMIT: Final = "git.commit"
BRANCH: Final = "git.branch"
PUSH: Final = "git.push"
PULL: Final = "git.pull"
"""Clone, fetch, pull, or checkout of code that somebody else pushed."""
DELIVER: Final = "git.deliver"
"""A push that a box made: one ref, and the pack that came with it."""
RUN: Final = "proc.run"
INSTALL: Final = "package.install"
PULL_REQUEST: Final = "publish.pull_request"
COMMENT: Final = "publish.comment"
LABEL: Final = "publish.label"
ISSUE: Final = "publish.read"
PORT: Final = "port"
"""A connection from a box to a port of the owner's own machine."""
APPLY: Final = "apply"
"""One change that a transaction would bring to the host."""
SPAWN: Final = "spawn"
TOOL: Final = "tool"
"""A function of the user's own, declared with an op and a destination (``@session.tool``)."""
MCP: Final = "mcp.call"
"""A message to an MCP server: what a reviewed mapping says of it, else the worst case."""
CLIENT: Final = "client.tool"
"""A tool that a client performs by itself, told by its hook before: ``does`` says what it is."""
UNKNOWN: Final = "unknown"
"""A tool without a reviewed mapping: judged as the worst case."""
MOVE: Final = "fs.move"
"""What a tool of a client or server may do: a file or directory goes from ``path`` to ``to``. Names are seen, it is
deleted here, written there."""
STAGE: Final = "git.stage"
"""Likewise: files that git's index takes, for a later commit."""
TREES: Final = frozenset((LIST, GLOB, GREP))
OF_PATHS: Final = frozenset((*TREES, READ, WRITE, EDIT, DELETE, STAGE))
"""What such a tool can do to each of a list of paths."""
PLACES: Final = 256
"""Paths of one call that are judged. No person reads a longer list."""


@final
@dataclass(frozen=True, slots=True)
class Call:
    """A kind, JSON-ready arguments, and the bytes that the effect would use."""

    kind: str
    args: Mapping[str, Any]
    body: bytes = b""
    seen: int = 0
    """Exposure of the handles that went into the arguments. It can only add to what is carried."""


@final
@dataclass(frozen=True, slots=True)
class Classified:
    """The facts of one call but for cost, clock and approval; and what a person is told of them."""

    op: int
    legs: int
    carried: int
    sink: int
    scope: int
    trusted: int
    home: int
    attested: int
    public: int
    fixed: int
    destination: str = ""
    """Canonical: ``host:port``, ``remote URL ref``, a path. Empty where nothing leaves."""
    why: str = ""
    """One sentence on the scope verdict. For a person; may name what the agent must not learn."""
    where: str = ""
    """``file:line`` or ``profile NAME`` of the rule that set the scope."""
    next_step: str = ""
    """What would change the verdict: a line for the policy file."""
    resolved: Mapping[str, Any] = field(default_factory=dict)
    """What the effect must use in place of the caller's words: remote URL, refs, absolute path."""
