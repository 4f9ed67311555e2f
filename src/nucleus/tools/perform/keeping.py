"""Whether a commit keeps exactly what is at a path now: then deleting it loses nothing.

The commit is one that stood before the session began; it has to be in a
branch, tag or remote branch still. From its id on, every object on the way
(commit, directories, content) is fetched raw and hashed here, and has to be
what its name says. So nothing that a repository can hold changes the answer: not
replacements, grafts, a commit graph, a pack index, attributes, filters or the
marks of an index. The content is compared with the bytes of the file itself,
byte for byte: what git would convert on the way is not kept.

The answer names the digest of those bytes, and whoever deletes deletes only them.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from typing import Final

from nucleus.gate.effects import Outcome, Permit
from nucleus.tools.perform import tree
from nucleus.tools.perform.outcomes import Deadline, text
from nucleus.tools.perform.private_git import PrivateGit, prepared
from nucleus.tools.perform.repository import Repository, good_object

TREE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one directory's object; about 400,000 names."""
REFS: Final = ("refs/heads", "refs/tags", "refs/remotes")
SETTINGS: Final = ("[core]", "commitGraph = false", "multiPackIndex = false")
_DIRECTORY: Final = b"40000"
_FILES: Final = {b"100644": False, b"100755": True}
"""Modes of plain files -> whether they are executable."""


def kept(permit: Permit, repository: Repository, deadline: Deadline) -> Outcome:
    """Return whether ``commit`` keeps what is at ``path``, and the SHA-256 of that content.

    What can't be read, is no plain file, or is larger than the permit's limit is not kept.
    Raises OSError and ValueError for what does not fit together; that is not kept either.
    """
    commit = text(permit.args, "commit")
    absolute, parts = tree.split(text(permit.args, "path"))
    if absolute or not parts or not good_object(commit):
        raise ValueError("a path below the workspace and the id of a commit were expected")
    with tree.root(permit.workspace) as base:
        content, executable = _there(base, parts, permit.limits.bytes)
    with prepared(repository, permit.workspace, deadline, settings=SETTINGS) as git:
        same = _named(git, commit) and _stored(git, commit, parts, permit.limits.bytes) == (content, executable)
    return Outcome("ok", {"kept": same, "digest": hashlib.sha256(content).hexdigest() if same else ""})


def _there(base: int, parts: Sequence[str], limit: int) -> tuple[bytes, bool]:
    """Return content and executable bit of the plain file at a path. Follows no link."""
    shown = "/".join(parts)
    with tree.directory(base, parts[:-1]) as folder, tree.regular(folder, parts[-1], shown) as descriptor:
        executable = os.fstat(descriptor).st_mode & stat.S_IXUSR != 0
        return tree.read(descriptor, limit, shown), executable


def _named(git: PrivateGit, commit: str) -> bool:
    """Whether a branch, tag or remote branch has the commit in its history."""
    return bool(git.must("for-each-ref", "--count=1", f"--contains={commit}", "--format=%(refname)", *REFS).strip())


def _stored(git: PrivateGit, commit: str, parts: Sequence[str], limit: int) -> tuple[bytes, bool] | None:
    """Return content and executable bit of a path in a commit, None if it has no plain file there."""
    first = _object(git, "commit", commit, TREE_LIMIT).split(b"\n", 1)[0]
    name = first.removeprefix(b"tree ").decode("ascii")
    for part in parts[:-1]:
        mode, name = _entry(_object(git, "tree", name, TREE_LIMIT), part, len(name))
        if mode != _DIRECTORY:
            return None
    mode, name = _entry(_object(git, "tree", name, TREE_LIMIT), parts[-1], len(name))
    return (_object(git, "blob", name, limit), _FILES[mode]) if mode in _FILES else None


def _entry(content: bytes, part: str, digits: int) -> tuple[bytes, str]:
    """Return mode and object of a name in a directory's object (``MODE NAME NUL id`` each), empty for none."""
    place, size, wanted = 0, digits // 2, os.fsencode(part)
    while place < len(content):
        end = content.index(b"\0", place)
        mode, _, name = content[place:end].partition(b" ")
        if name == wanted:
            return mode, content[end + 1 : end + 1 + size].hex()
        place = end + 1 + size
    return b"", ""


def _object(git: PrivateGit, kind: str, name: str, limit: int) -> bytes:
    """Return the raw content of an object. Raises ValueError where it is not what its name says."""
    if not good_object(name):
        raise ValueError(f"{name!r} names no object")
    content = git.must("cat-file", kind, name, limit=limit)
    algorithm = "sha1" if len(name) == 40 else "sha256"
    summed = hashlib.new(algorithm, f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False)
    # INVARIANT: from the commit's id on, each object is what the one before it names.
    if summed.hexdigest() != name:
        raise ValueError(f"the {kind} {name} is not what its name says")
    return content
