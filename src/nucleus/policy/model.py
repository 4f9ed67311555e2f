"""What a compiled policy is: frozen, and readable by whoever decides with it.

Built by ``load.load_policy``; combined by ``restrict.meet``; compared by
``restrict.leq``. How to ask it::

    policy.scopes["write"].judge("src/a.py")          -> Judgement(scope, why, where, named, exact)
    policy.scopes["fetch"].judge(parse_url(text).text)
    policy.scopes["commands"].judge(["pytest", "-q"])
    policy.labels.untrusted.find("vendor/x.py")       -> Source | None
    policy.labels.public.judge("README.md").scope == ALLOW
    policy.mcp["github"].tools.judge("get_issue")     servers not named: UNKNOWN_SERVER
    policy.remotes["origin"].refs.judge("fix-42")     after the remotes were resolved

``scopes`` has every key of ``KEYS``; a key of which nobody spoke permits
nothing. ``Judgement.named`` is true where the owner's own words name the
value (not by ``**``): that is what makes a destination trusted. ``exact`` is true
where they name it by a pattern that matches nothing else (one URL, one value
of a closed set): that is what makes bytes ``fixed``. A value that
is not in the canonical form of its kind (see ``values``) is denied.

A built-in profile is a file of the same language with these more tables::

    [name]        per key: what a trusted policy may name beyond [allow]
    [otherwise]   per key "ask" or "deny": what is said of values nobody names
    [flags]       the booleans of ``Flags``

If a trusted layer has the key in its [allow], its patterns are what is
allowed, within [allow] and [name] of the profile; if none has, [allow] of the
profile is.
"""

from collections.abc import Mapping
from typing import Final, final

from nucleus.lean import dataclass, field
from nucleus.policy.constraints import ASK, NOBODY, Constraint, Scope
from nucleus.policy.patterns import PatternSet
from nucleus.policy.source import Source
from nucleus.policy.values import COMMAND, METHOD_URL, NAME, PATH, REF, TEXT, URL, Kind

KEYS: Final[Mapping[str, Kind]] = {
    "read": PATH,
    "write": PATH,
    "fetch": URL,
    "search": NAME,  # engines, by host name
    "remotes": NAME,  # names of git remotes, or repositories: see Remote for their URLs
    "branches": REF,
    "pull_requests": NAME,  # repositories, as owner/name
    "channels": NAME,  # mail addresses, chat channels, handles
    "packages": NAME,  # index:name, as pypi:requests
    "commands": COMMAND,
    "env": NAME,
    "ports": NAME,  # numbers, as text
    "model": METHOD_URL,
    "services": NAME,  # mailbox:ADDRESS, repository:OWNER/NAME, database:NAME, tracker:OWNER/NAME
    "templates": TEXT,  # closed sets, as label:bug or comment:WORDS, letter by letter
}
"""The keys of ``[allow]``, ``[ask]``, ``[deny]``, and the kind of value that each speaks of."""


CALL_COST: Final = 1_000_000
"""Micro-units that a call costs where no bill is seen."""


@final
@dataclass(frozen=True, slots=True)
class Budget:
    """Ceilings.

    ``micro_units`` is the kernel's budget: micro-dollars where a bill is seen
    (then ``usd_micro`` is the same number, else None), else ``CALL_COST`` for
    each call.
    """

    micro_units: int
    seconds: int
    calls: int
    egress_bytes: int
    usd_micro: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of paths before anything was read.

    ``untrusted`` and ``secret`` are unions over all layers and ignore case.
    ``public`` is a grant: a scope in which ALLOW means public.
    """

    untrusted: PatternSet
    secret: PatternSet
    public: Scope


@final
@dataclass(frozen=True, slots=True)
class Flags:
    """Switches of a profile. The first three tighten, the last one grants."""

    workspace_untrusted: bool = False
    """Everything read in the workspace is untrusted content (a stranger's change)."""
    workspace_masked: bool = False
    """Paths outside the ``read`` scope's allow patterns are not there until approved."""
    publish_asks: bool = False
    """Each upload of a package asks."""
    attested_shell: bool = False
    """Commands run only in a box that vouches for itself."""
    any_public_host_while_clean: bool = False
    """Any public host is a trusted destination while nothing private was seen."""


GRANTING_FLAGS: Final = frozenset({"any_public_host_while_clean"})


@final
@dataclass(frozen=True, slots=True)
class Remote:
    """A git remote as the owner resolved it. The repository's configuration is never asked again."""

    url: str
    refs: Scope
    public: bool = False
    """Whether strangers read what is pushed there: then a push asks once anything private was seen."""
    allow_delete: bool = False
    allow_force: bool = False
    home: bool = False
    """Whether it is the workspace's own (``origin``)."""
    where: str = ""


@final
@dataclass(frozen=True, slots=True)
class McpRule:
    """Which tools of one MCP server may be called. A tool that nobody names is asked for."""

    tools: Scope
    where: str = ""


UNKNOWN_SERVER: Final = McpRule(Scope(NAME, (Constraint(NOBODY, otherwise=ASK),)))
"""What holds for a server that no policy names."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """One ``[[rule]]``, already part of the scopes; kept to be explained and counted."""

    when: str
    predicate: str
    patterns: tuple[str, ...]
    then: str
    source: Source


@final
@dataclass(frozen=True, slots=True)
class OwnerWords:
    """Whole tokens of the prompt and flags that the owner gave before the agent started."""

    tokens: frozenset[str] = frozenset()


@final
@dataclass(frozen=True, slots=True)
class Layer:
    """One file that the policy came from. ``trusted`` says whether its grants count, ``why`` says why."""

    name: str
    path: str
    digest: str
    trusted: bool
    why: str


@final
@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that classification, the gate and the box ask of the owner's files."""

    profile: str
    authority: int
    """A kernel authority: twelve levels in 24 bits."""
    budget: Budget
    scopes: Mapping[str, Scope]
    labels: Labels
    mcp: Mapping[str, McpRule]
    remotes: Mapping[str, Remote]
    flags: Flags
    rules: tuple[Rule, ...] = ()
    owner: OwnerWords = field(default_factory=OwnerWords)
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()
    """One line for each grant that was ignored, and each line that has no effect."""
    levels_from: Mapping[str, str] = field(default_factory=dict)
    """Capability name -> ``file:line`` or ``profile NAME`` of what set its level."""
    digest: str = ""
    """SHA-256 of the canonical form: equal where the meaning is equal, whatever the files look like."""
