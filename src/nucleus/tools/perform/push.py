"""Push one ref to one URL that the policy resolved; never what a repository's configuration calls "origin".

The credential goes through a pipe that is read once, by an askpass of ours:
it stands in no argument, no variable and no file. Host names are resolved and
judged here and pinned for git's transport. A remote that is a path on this
machine is the owner's own repository: its hooks are the owner's and run.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from nucleus.gate.effects import Outcome, Permit
from nucleus.policy.addresses import Url, parse_url
from nucleus.tools.perform.outcomes import Deadline, PermitError, flag, text
from nucleus.tools.perform.private_git import PrivateGit, Ran, first_line, prepared
from nucleus.tools.perform.repository import Repository, good_ref
from nucleus.tools.perform.resolve import Resolver

USER: Final = "x-access-token"
"""The user name for a credential that is a token alone; forges ignore it."""
REASONS: Final = ("fetch first", "non-fast-forward", "already exists", "needs force", "stale info")
"""Why git itself rejects a ref. What a remote says is somebody else's text and is not passed on."""
_REJECTED: Final = re.compile(r"^!\t[^\t]*\t\[rejected\] \(([a-z -]+)\)", re.MULTILINE)


def push(
    permit: Permit, repository: Repository, deadline: Deadline, resolver: Resolver, authority: bytes | None
) -> Outcome:
    """Push ``source`` to ``target`` at ``url``. Raises OSError, ValueError, PermitError."""
    source, target = text(permit.args, "source"), text(permit.args, "target")
    if not good_ref(source) or not good_ref(target):
        raise ValueError("a push names a full source and a full target ref; deleting is never done")
    commit = repository.ref(source)
    if not commit:
        raise ValueError(f"{source} does not exist here")
    if text(permit.args, "tip", commit) != commit:
        raise BlockingIOError(errno.EAGAIN, f"{source} has moved since it was judged")
    spec = f"{'+' if flag(permit.args, 'force') else ''}{commit}:{target}"
    with prepared(repository, permit.workspace, deadline) as git:
        pushed(git, permit, spec, target, resolver, authority)
    value = {"url": text(permit.args, "url"), "target": target, "commit": commit}
    return Outcome("ok", value, f"{target} {commit[:12]}\n".encode())


def pushed(
    git: PrivateGit, permit: Permit, spec: str, target: str, resolver: Resolver, authority: bytes | None
) -> None:
    """Push one refspec from a private directory to the permit's URL. Raises OSError, ValueError, PermitError."""
    with reached(git, permit, resolver, authority) as (where, environment, keep):
        words = ("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--", where, spec)
        ran = git.run(*words, environment=environment, keep=keep)
    _require_pushed(ran, target)


@contextmanager
def reached(
    git: PrivateGit, permit: Permit, resolver: Resolver, authority: bytes | None
) -> Iterator[tuple[str, dict[str, str], Sequence[int]]]:
    """Hold what one git program needs to reach the permit's URL: the place, its environment, what it inherits.

    Raises ValueError, PermitError, OSError.
    """
    place = text(permit.args, "url")
    local = _local(place)
    if local is not None:
        _require_outside(local, permit.workspace)
        where, settings = local, ['[protocol "file"]', "allow = always"]
    else:
        where, settings = _remote(place, permit.credential, resolver)
    with (git.folder / "config").open("a") as config:
        config.write("\n".join([*settings, ""]))
    if authority is not None:
        _trust(git, authority)
    secret = nullcontext(_NO_SECRET) if local is not None or not permit.credential else _askpass(git, permit.credential)
    with secret as (environment, keep):
        yield where, environment, keep


_NO_SECRET: Final[tuple[dict[str, str], tuple[int, ...]]] = ({}, ())


def _local(place: str) -> str | None:
    """Return the path of a remote on this machine, or None."""
    if place.startswith("/"):
        return place
    if place.startswith("file:///"):
        return unquote(place.removeprefix("file://"))
    return None


def _require_outside(path: str, workspace: str) -> None:
    """Raise PermissionError for a repository whose hooks and configuration the agent could have written."""
    root, real = os.path.realpath(workspace), os.path.realpath(path)
    if os.path.commonpath([root, real]) == root:
        raise PermissionError(errno.EPERM, "the remote lies inside the workspace, where its hooks could be anybody's")
    if not os.path.isdir(real):
        raise FileNotFoundError(errno.ENOENT, "the remote does not exist")


def _remote(place: str, credential: bytes, resolver: Resolver) -> tuple[str, list[str]]:
    """Return the URL for git and the configuration that pins it. Raises ValueError for other transports."""
    if not place.startswith("https://"):
        raise ValueError("pushes go to https URLs and to paths; give the remote's https URL in the policy")
    url = parse_url(place)
    addresses = _pinned(url, resolver)
    settings = ['[protocol "https"]', "allow = always", "[http]", f"curloptResolve = {url.place}:{addresses}"]
    if not credential:
        return url.text, settings
    user, colon, _ = credential.decode("ascii").partition(":")
    if colon and not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", user):
        raise PermitError("the user name of a credential has letters, digits, dots and dashes")
    return url.text.replace("https://", f"https://{user if colon else USER}@", 1), settings


def _pinned(url: Url, resolver: Resolver) -> str:
    """Return the judged addresses of a host as curl takes them (CURLOPT_RESOLVE)."""
    endpoints = resolver.resolve(url.host, url.port)
    if any(port != url.port for _, port in endpoints):
        raise PermitError("a pinned address has the port of its URL")
    return ",".join(f"[{address}]" if ":" in address else address for address, _ in endpoints)


def _trust(git: PrivateGit, authority: bytes) -> None:
    """Let git's transport trust ``authority`` alone."""
    bundle = git.scratch / "authority.pem"
    bundle.write_bytes(authority)
    with (git.folder / "config").open("a") as config:
        config.write(f'[http]\nsslCAInfo = "{bundle}"\n')


@contextmanager
def _askpass(git: PrivateGit, credential: bytes) -> Iterator[tuple[dict[str, str], Sequence[int]]]:
    """Hold the environment with which git gets the password once; a second question gets nothing."""
    _, colon, password = credential.partition(b":")
    read, write = os.pipe()
    try:
        os.write(write, (password if colon else credential) + b"\n")
        os.close(write)
        program: Path = git.scratch / "askpass"
        program.write_text(f'#!/bin/sh\ncase "$1" in Password*) exec /bin/cat /dev/fd/{read} ;; esac\nexit 1\n')
        program.chmod(stat.S_IRUSR | stat.S_IXUSR)
        yield {"GIT_ASKPASS": str(program)}, (read,)
    finally:
        os.close(read)


def _require_pushed(ran: Ran, target: str) -> None:
    """Raise what went wrong, in words of ours."""
    if ran.status == 0:
        return
    out = ran.out.decode("utf-8", "replace")
    rejected = _REJECTED.search(out)
    if rejected:
        reason = rejected[1] if rejected[1] in REASONS else "not a fast-forward"
        raise PermissionError(errno.EPERM, f"{target} was not moved: {reason}")
    if "[remote rejected]" in out:
        raise PermissionError(errno.EPERM, f"{target} was not moved: the remote refused it")
    if "Authentication failed" in ran.error or "could not read" in ran.error:
        raise PermissionError(errno.EACCES, "the remote does not accept the credential")
    raise ConnectionError(errno.EIO, f"the push failed: {first_line(ran.error)}")
