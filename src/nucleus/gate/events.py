"""What can happen to the gate, and what it can want done: the words of ``core``.

Events come in, ``Reply`` and ``Perform`` go out. Everything here is plain
data; times are nanoseconds of CLOCK_BOOTTIME, ids are made by the shell, so
that the core is a function.
"""

from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.policy.call import Classified

QUESTION_SECONDS: Final = 600
"""How long a question stays open. Longer than a coffee, shorter than a meeting."""
APPROVAL_SECONDS: Final = 600
"""How long an approval waits for its call."""
PENDING_LIMIT: Final = 32
"""Open questions a principal may have. More is a flood meant to tire the person who answers."""
ASKS_A_MINUTE: Final = 30
"""New questions a principal may raise in a minute; the rest are refused unseen."""
MINUTE_NS: Final = 60_000_000_000


@final
@dataclass(slots=True, unsafe_hash=True)
class Submit:
    """A classified call of a principal. ``ref`` finds the caller and the held bytes again."""

    principal: Final[str]
    ref: Final[int]
    id: Final[str]
    call: Final[str]
    """The kind, for records."""
    args: Final[dict[str, Any]]
    """The arguments as a record may hold them (redacted)."""
    digest: Final[str]
    """Keyed digest over kind, canonical arguments, destination, body and policy."""
    facts: Final[Classified]
    cost: Final[int]
    egress_bytes: Final[int]
    now: Final[int]
    destination: Final[str] = ""
    """As a record may hold it (redacted)."""
    essence: Final[str] = ""
    """The same without the policy: what a person denied stays denied when the policy tightens. "" for the digest."""
    showable: Final[bool] = True
    """Whether a person can be shown all of it."""
    wait: Final[bool] = False
    """Whether the caller waits for an answer, or takes "pending" for one."""
    version: Final[int] = -1
    """The version that the caller saw (compare and swap), -1 for any."""


@final
@dataclass(frozen=True, slots=True)
class Answered:
    """A person answered questions, out of band. A batch is one event."""

    ids: tuple[str, ...]
    allow: bool
    by: str
    now: int
    uses: int = 1
    egress_bytes: int = 0
    """For a bounded approval (``uses`` > 1): what may leave in all."""
    seconds: int = APPROVAL_SECONDS
    rest_of_session: bool = False


@final
@dataclass(frozen=True, slots=True)
class Done:
    """A worker finished, or died (``unknown``). ``seen`` is exposure found in the result."""

    number: int
    outcome: str
    bytes: int
    digest: str
    error: str
    now: int
    seen: int = 0


@final
@dataclass(frozen=True, slots=True)
class Opened:
    """A principal begins. Only the shell says this, with a policy that it loaded itself."""

    principal: str
    authority: int
    exposure: int
    budget: int
    deadline: int
    egress_bytes: int
    now: int


@final
@dataclass(frozen=True, slots=True)
class Delegated:
    """A principal asks for a child with at most this authority and exactly this budget."""

    principal: str
    child: str
    authority: int
    budget: int
    deadline: int
    ref: int
    now: int
    quarantined: bool = False


@final
@dataclass(frozen=True, slots=True)
class Tightened:
    """A later session of the same principal met a policy: it can only lose."""

    principal: str
    authority: int
    budget: int
    deadline: int
    now: int


@final
@dataclass(frozen=True, slots=True)
class Declassified:
    """A quarantined child hands a value of a declared schema to its parent."""

    child: str
    ref: int
    schema_digest: str
    bits: int
    now: int


@final
@dataclass(frozen=True, slots=True)
class Absorbed:
    """Something was seen outside of a call (a relabelled tree, a tunnel's end)."""

    principal: str
    seen: int
    now: int


@final
@dataclass(frozen=True, slots=True)
class Closed:
    """A principal ended; its children end with it."""

    principal: str
    now: int


@final
@dataclass(frozen=True, slots=True)
class LockedDown:
    """The owner stopped everything."""

    by: str
    now: int


@final
@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""

    now: int


@final
@dataclass(frozen=True, slots=True)
class Abandoned:
    """The caller at ``ref`` no longer waits for an answer (it left, or its patience ended)."""

    ref: int
    now: int


Event = (
    Abandoned
    | Submit
    | Answered
    | Done
    | Opened
    | Delegated
    | Tightened
    | Declassified
    | Absorbed
    | Closed
    | LockedDown
    | Tick
)


@final
@dataclass(slots=True, unsafe_hash=True)
class Record:
    """One record to append. ``sync``: it must be on disk before the effects of this step."""

    fields: Final[dict[str, Any]]
    sync: Final[bool] = False


@final
@dataclass(slots=True, unsafe_hash=True)
class Perform:
    """Let the worker do, once, what the caller at ``ref`` asked for."""

    ref: Final[int]
    number: Final[int]


@final
@dataclass(slots=True, unsafe_hash=True)
class Reply:
    """Tell the caller at ``ref``. ``what``: released, denied, pending, delegated, declassified."""

    ref: Final[int]
    what: Final[str]
    fields: Final[dict[str, Any]] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Ask:
    """Show a question to whoever answers."""

    question: str


Effect = Perform | Reply | Ask
