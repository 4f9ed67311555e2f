"""The workspace's git remotes and branch, read once, as bytes, before the agent starts.

No git program runs here: a repository's configuration can name programs in
dozens of keys. Only ``[remote "NAME"] url`` of the plain format is read, and
no include is followed. What is not understood is not a remote; then a push
by that name has no destination and is refused.
"""

import os
import re
from typing import Final, final

from nucleus.lean import dataclass, field
from nucleus.policy.worktree import linked

SIZE_LIMIT: Final = 1 << 20
_SECTION: Final = re.compile(r'^\s*\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\\n]|\\["\\])*)")?\s*\]\s*(?:[#;].*)?$')
_VALUE: Final = re.compile(r"^\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(\S(?:.*\S)?)\s*$")
_PLAIN: Final = re.compile(r'^[^"\\#;\s]+$')
_HEAD: Final = re.compile(r"^ref: refs/heads/(\S+)\s*$")
_OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
PACKED_LIMIT: Final = 64 << 20
"""Bytes of packed-refs: about a million refs."""
_REMOTE_HEAD: Final = re.compile(r"^ref: refs/remotes/origin/(\S+)\s*$")


@final
@dataclass(frozen=True, slots=True)
class Remotes:
    """Name -> URL, and the branch that is checked out ("" if none or unknown)."""

    urls: dict[str, str] = field(default_factory=dict)
    branch: str = ""
    base: str = ""
    """The branch that the remote calls its head, as the last fetch noted it: where pull requests go."""


def remotes_of(workspace: str) -> Remotes:
    """Return what the workspace's own repository says. Nothing for no repository."""
    folders = _storage(workspace)
    if folders is None:
        return Remotes()
    own, shared = folders
    base = _named(_REMOTE_HEAD, _text(os.path.join(shared, "refs", "remotes", "origin", "HEAD")))
    branch = _named(_HEAD, _text(os.path.join(own, "HEAD")))
    return Remotes(parse(_text(os.path.join(shared, "config"))), branch, base)


def tip_of(workspace: str, ref: str) -> str:
    """Return the object that a full ref of the workspace's repository names now, "" if none or unknown.

    For a person to see, and for a permit: the worker pushes exactly this or nothing.
    """
    folders = _storage(workspace)
    if folders is None or ".." in ref.split("/"):
        return ""
    loose = _text(os.path.join(folders[1], *ref.split("/"))).strip()
    if loose:
        return loose if _OBJECT.fullmatch(loose) else ""
    for line in _text(os.path.join(folders[1], "packed-refs"), PACKED_LIMIT).splitlines():
        value, _, name = line.partition(" ")
        if name == ref and _OBJECT.fullmatch(value):
            return value
    return ""


def commit_of(workspace: str) -> str:
    """Return the commit that is checked out in the workspace's own repository, "" if none or unknown."""
    folders = _storage(workspace)
    if folders is None:
        return ""
    head = _text(os.path.join(folders[0], "HEAD"))
    branch = _named(_HEAD, head)
    return (
        tip_of(workspace, f"refs/heads/{branch}") if branch else head.strip() if _OBJECT.fullmatch(head.strip()) else ""
    )


def parse(text: str) -> dict[str, str]:
    """Return the URL of each remote. A remote with several URLs, or one that needs unquoting, is left out."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section is not None:
            name = section[2] if section[1].lower() == "remote" and section[2] else ""
            continue
        value = _VALUE.match(line)
        if name and value is not None and value[1].lower() == "url":
            found.setdefault(name, []).append(value[2])
    return {name: urls[0] for name, urls in found.items() if len(urls) == 1 and _PLAIN.match(urls[0])}


def _storage(workspace: str) -> tuple[str, str] | None:
    """Return where HEAD lies, and where refs and configuration do: one place but in a linked worktree."""
    folder = os.path.join(workspace, ".git")
    if os.path.isdir(folder) and not os.path.islink(folder):
        return folder, folder
    found = linked(workspace)
    return None if found is None else (found.own, found.shared)


def _named(form: "re.Pattern[str]", text: str) -> str:
    found = form.match(text)
    return found[1] if found else ""


def _text(path: str, limit: int = SIZE_LIMIT) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, limit).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)
