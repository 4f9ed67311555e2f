r"""Nucleus: no external side effect unless mediated and authorised by a policy that only tightens.

::

    from nucleus import Session, approve
    from nucleus.tools import fs, net, git

    with Session(profile="safe_pr_fixer") as s:
        readme = fs.read("README.md")
        fs.write("README.md", readme + "\n")
        page = approve("fetch", net.fetch, "https://example.com")
        git.push("origin", "main")              # raises PolicyDenied
"""

from typing import TYPE_CHECKING, Any

from nucleus.errors import (
    ApprovalRequired,
    BudgetExceeded,
    CannotEnforce,
    NoSession,
    NucleusError,
    PolicyDenied,
    PolicyError,
    Refused,
    StateBlocked,
    TraceError,
)

if TYPE_CHECKING:
    from nucleus.session import Session, approve

__all__ = [
    "ApprovalRequired",
    "BudgetExceeded",
    "CannotEnforce",
    "NoSession",
    "NucleusError",
    "PolicyDenied",
    "PolicyError",
    "Refused",
    "Session",
    "StateBlocked",
    "TraceError",
    "approve",
]


def __getattr__(name: str) -> Any:
    """Import the SDK when it is first asked for: ``import nucleus`` stays fast, and works where the SDK can't."""
    if name in {"Session", "approve"}:
        from nucleus import session

        return getattr(session, name)
    raise AttributeError(f"module 'nucleus' has no attribute {name!r}")
