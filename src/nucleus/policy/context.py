"""What classification knows of the world: handed in, never looked up.

Each field's default is its worst value, so that a front end that knows less
asks more.
"""

from collections.abc import Callable, Mapping
from typing import final

from nucleus.lean import dataclass, field
from nucleus.policy.labels import LabelReader, NoLabels


def nothing_is_kept(path: str) -> bool:  # noqa: ARG001  the interface
    """Return False: no host commit is known to hold the content of any path."""
    return False


def all_is_there(path: str) -> bool:  # noqa: ARG001  the interface
    """Return True: every path is taken to have been there before the session."""
    return True


@final
@dataclass(frozen=True, slots=True)
class Context:
    """One principal's surroundings. ``workspace`` and ``home`` are real, absolute paths."""

    workspace: str
    home: str
    labels: LabelReader = field(default_factory=NoLabels)
    attested: bool = False
    """A box vouches, after its self-test: no network, transactional."""
    hides_secrets: bool = False
    """The box vouches that denied and secret-looking paths are not visible inside."""
    transactional: bool = False
    """Changes to files reach the host only through a judged apply."""
    private_workspace: bool = True
    """The workspace's repository, and so its tracker, is not public."""
    branch: str = ""
    """The branch that is checked out, if the gate read it."""
    base: str = ""
    """The branch that pull requests go to where the caller names none."""
    kept: Callable[[str], bool] = nothing_is_kept
    """Whether a host commit keeps exactly the content that is at this path of the workspace now."""
    present: Callable[[str], bool] = all_is_there
    """Whether something not made by this session is at this path of the workspace."""
    locks: frozenset[str] = frozenset()
    """``index:name@version#hash`` of each package in a lock file that the owner trusts."""
    directory: frozenset[str] = frozenset()
    """Addressees that a directory vouches for which nobody else can write: mail addresses, accounts, handles."""
    forges: Mapping[str, str] = field(default_factory=dict)
    """Host of a git remote -> base URL of its REST interface, where it is not the usual one."""
