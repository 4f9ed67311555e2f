"""A push that a box made, made again: the pack is checked, and then pushed like any other commit.

The pack is hostile bytes. It is indexed in a private directory that sees the
workspace's objects, by ``index-pack --strict`` with object checks, and what
the tip reaches must be whole. Then the tip, and nothing else, is pushed to
the one URL and ref that were judged, and only forward.
"""

import errno
import re
from typing import Final

from nucleus.gate.effects import Outcome, Permit
from nucleus.tools.perform.outcomes import Deadline, text
from nucleus.tools.perform.private_git import PrivateGit, first_line, prepared
from nucleus.tools.perform.push import pushed, reached
from nucleus.tools.perform.repository import Repository
from nucleus.tools.perform.resolve import Resolver

_MISSING: Final = re.compile(r"unresolved delta|missing|did not receive expected object|Could not read|no such object")
"""How git says that a pack builds upon what is not here."""


def deliver(
    permit: Permit,
    pack: bytes,
    repository: Repository,
    deadline: Deadline,
    resolver: Resolver,
    authority: bytes | None,
) -> Outcome:
    """Check a pack and push its tip. Raises OSError, ValueError, PermitError."""
    tip, target = text(permit.args, "tip"), text(permit.args, "target")
    with prepared(repository, permit.workspace, deadline) as git:
        if not taken(git, pack, tip):
            # A box that fetched or pushed before has objects that only the remote has too.
            _fetched(git, permit, resolver, authority)
            if not taken(git, pack, tip):
                raise OSError(errno.EIO, "something that the commit needs is neither in the pack nor at the remote")
        # Never forced: a ref that is not where the box saw it makes this a push that is no fast-forward.
        pushed(git, permit, f"{tip}:{target}", target, resolver, authority)
    value = {"url": text(permit.args, "url"), "target": target, "commit": tip}
    return Outcome("ok", value, f"{target} {tip[:12]}\n".encode())


def taken(git: PrivateGit, pack: bytes, tip: str) -> bool:
    """Whether the pack could be indexed, and all that its tip needs is there. Raises ValueError if it is unsound."""
    if pack:
        ran = git.run("index-pack", "--strict", "--fix-thin", "--stdin", stdin=pack)
        if ran.status != 0 and not _MISSING.search(ran.error):
            raise ValueError(f"the pack is not sound: {first_line(ran.error)}")
        if ran.status != 0:
            return False
    return _whole(git, tip)


def _fetched(git: PrivateGit, permit: Permit, resolver: Resolver, authority: bytes | None) -> None:
    """Bring the remote's branches into the private directory, to be built upon. Raises ConnectionError."""
    with reached(git, permit, resolver, authority) as (where, environment, keep):
        words = ("-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", where)
        ran = git.run(*words, "+refs/heads/*:refs/nucleus/*", environment=environment, keep=keep)
    if ran.status != 0:
        raise ConnectionError(errno.EIO, f"the remote could not be read: {first_line(ran.error)}")


def _whole(git: PrivateGit, tip: str) -> bool:
    """Whether the tip is a commit or tag, and everything that it needs is there. Raises ValueError for another kind."""
    kind = git.run("cat-file", "-t", tip)
    if kind.status != 0:
        return False
    if kind.out.strip() not in {b"commit", b"tag"}:
        raise ValueError("the pack does not bring a commit")
    return git.run("rev-list", "--objects", "--quiet", tip, "--not", "--all").status == 0
