"""The workspace's repository as files: read with care, changed by git's own lock protocol.

Git itself never runs with this directory as its GIT_DIR, so nothing that its
configuration names is ever run. Here its data is read by descriptor (HEAD,
refs, index, a list of configuration keys that are plain data), and what a
commit made is brought back: objects first, then the ref by compare-and-swap
under ``REF.lock``, then the index under ``index.lock``, as git's own programs
would (gitrepository-layout(5), "files" ref storage).
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, final

from nucleus.lean import dataclass
from nucleus.tools.perform import tree

INDEX_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of an index: about two million files."""
TEXT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of packed-refs and other lists."""
REF_LIMIT: Final = 100_000
UNFINISHED: Final = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
"""Where git notes that an operation waits for a person. A commit of ours would lose its other half."""
_OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF: Final = re.compile(r"refs/(?:heads|tags|remotes)/[^\x00-\x20\x7f~^:?*\[\\]+")
_BAD_REF: Final = re.compile(r"//|\.\.|@\{|/\.|\.lock(?:/|$)|[/.]$|/-")


def good_ref(name: str) -> bool:
    """Whether this is the full name of a branch, tag or remote branch, as git-check-ref-format(1) has it."""
    return len(name) <= 512 and _REF.fullmatch(name) is not None and _BAD_REF.search(name) is None


def good_object(name: str) -> bool:
    """Whether this can be the id of an object, in full."""
    return _OBJECT.fullmatch(name) is not None


@final
@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: a branch (``refs/heads/x``), or nothing but an object."""

    ref: str
    """Empty where HEAD is detached."""
    commit: str
    """Empty where the branch has no commit yet."""


@final
@dataclass(frozen=True, slots=True)
class Repository:
    """Descriptors of a repository; close with the context that made it."""

    own: int
    """The directory with HEAD and index: ``.git``, or that of a linked worktree."""
    shared: int
    """The directory with objects and refs."""
    objects: str
    """The path of the object store, for git's ``alternates``."""

    def head(self) -> Head:
        """Return what is checked out. Raises ValueError for a HEAD that is neither branch nor object."""
        content = _small(self.own, "HEAD").decode("utf-8", "replace").strip()
        if _OBJECT.fullmatch(content):
            return Head("", content)
        ref = content.removeprefix("ref: ")
        if ref == content or not ref.startswith("refs/heads/") or not good_ref(ref):
            raise ValueError("HEAD names neither a branch nor a commit")
        return Head(ref, self.ref(ref))

    def ref(self, name: str) -> str:
        """Return the object that a ref names, or nothing."""
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            content = tree.read_at(self.shared, name.split("/"), 4096).decode("ascii", "replace").strip()
            return content if _OBJECT.fullmatch(content) else ""
        return self._packed().get(name, "")

    def refs(self) -> dict[str, str]:
        """Return all branches, tags and remote branches. Symbolic ones are left out."""
        found = self._packed()
        for name in _loose(self.shared):
            value = self.ref(name)
            if value:
                found[name] = value
        return found

    def _packed(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in _optional(self.shared, "packed-refs", TEXT_LIMIT).decode("utf-8", "replace").splitlines():
            value, _, name = line.partition(" ")
            if _OBJECT.fullmatch(value) and good_ref(name):
                found[name] = value
        return found

    def index(self) -> dict[str, bytes]:
        """Return the index file, and the shared part of a split one."""
        found = {"index": _optional(self.own, "index", INDEX_LIMIT)}
        for name in os.listdir(self.own):
            if name.startswith("sharedindex.") and _OBJECT.fullmatch(name.removeprefix("sharedindex.")):
                found[name] = _optional(self.own, name, INDEX_LIMIT)
        return found

    def config(self) -> bytes:
        """Return the configuration as text. It is data here; nobody runs what it says."""
        return _optional(self.shared, "config", 1024 * 1024)

    def data(self, *parts: str) -> bytes:
        """Return a small data file of the shared directory, or nothing."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return tree.read_at(self.shared, parts, TEXT_LIMIT)
        return b""

    def require_finished(self) -> None:
        """Raise BlockingIOError where a merge, rebase or the like waits to be finished."""
        present = set(os.listdir(self.own))
        waiting = [name for name in UNFINISHED if name in present]
        if waiting:
            raise BlockingIOError(errno.EAGAIN, f"a {waiting[0]} is there: finish or abort that first")

    def require_own_objects(self) -> None:
        """Raise PermissionError where objects come from elsewhere: they are not the workspace's own.

        Looks for alternates, and for links among the pack files and directories.
        """
        if self.data("objects", "info", "alternates").strip():
            message = (
                "this repository borrows objects (objects/info/alternates); git repack -a -d, then remove that file"
            )
            raise PermissionError(errno.EPERM, message)
        with tree.directory(self.shared, ["objects"]) as objects:
            _require_no_links(objects)
            with suppress(FileNotFoundError), tree.directory(objects, ["pack"]) as pack:
                _require_no_links(pack)

    def add_object(self, name: str, content: bytes) -> None:
        """Put one loose object into the store, durably. One that is there stays."""
        with tree.directory(self.shared, ["objects", name[:2]], create=True) as folder:
            with suppress(FileNotFoundError):
                os.lstat(name[2:], dir_fd=folder)
                return
            tree.replace(folder, name[2:], content, f"objects/{name}")
            os.chmod(name[2:], 0o444, dir_fd=folder, follow_symlinks=True)

    def move_ref(self, name: str, before: str, after: str) -> None:
        """Let a ref name ``after``, if it names ``before`` (empty: if it does not exist).

        Raises BlockingIOError where it has moved or is locked, FileExistsError
        where another ref is in the way.
        """
        if not good_ref(name) or not _OBJECT.fullmatch(after):
            raise ValueError(f"{name!r} is no ref, or {after!r} no object")
        if not before:
            self._require_room(name)
        parts = name.split("/")
        with (
            tree.directory(self.shared, parts[:-1], create=True) as folder,
            _locked(folder, parts[-1], (after + "\n").encode()) as commit,
        ):
            if self.ref(name) != before:
                raise BlockingIOError(errno.EAGAIN, f"{name} has moved meanwhile")
            commit()

    def _require_room(self, name: str) -> None:
        for other in self.refs():
            if other.startswith(name + "/") or name.startswith(other + "/"):
                raise FileExistsError(errno.EEXIST, f"the branch {other} is in the way of {name}")

    def move_head(self, before: Head, ref: str) -> None:
        """Check out a branch that names the same commit: only HEAD changes."""
        with _locked(self.own, "HEAD", f"ref: {ref}\n".encode()) as commit:
            if self.head() != before:
                raise BlockingIOError(errno.EAGAIN, "HEAD has moved meanwhile")
            commit()

    @contextmanager
    def replacing_index(self, before: bytes, after: bytes) -> Iterator[None]:
        """Hold ``index.lock``; let ``after`` be the index once the block ended well.

        Raises BlockingIOError where another git is at work, or was since ``before`` was read.
        """
        with _locked(self.own, "index", after) as commit:
            if _optional(self.own, "index", INDEX_LIMIT) != before:
                raise BlockingIOError(errno.EAGAIN, "the index has changed meanwhile")
            yield
            commit()

    def note(self, ref: str, line: str) -> None:
        """Append to the reflogs of HEAD and of a ref, where they are kept."""
        for base, parts in ((self.own, ("logs", "HEAD")), (self.shared, ("logs", *ref.split("/")))):
            # The commit stands already: a reflog that is missing or odd is no reason to fail now.
            with suppress(OSError), tree.directory(base, parts[:-1]) as folder:
                if stat.S_ISREG(os.lstat(parts[-1], dir_fd=folder).st_mode):
                    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                    descriptor = os.open(parts[-1], flags, dir_fd=folder)
                    try:
                        os.write(descriptor, line.encode())
                    finally:
                        os.close(descriptor)


@contextmanager
def opened(workspace: str) -> Iterator[Repository]:
    """Hold the repository whose top directory the workspace is. Raises FileNotFoundError where it is none.

    A ``.git`` file (linked worktree) is followed only where the other side
    points back at this workspace. A ``.git`` that is a link is not followed.
    """
    if "\n" in workspace:
        raise ValueError("a workspace whose path has a line break has no git here")
    with ExitStack() as held:
        base = held.enter_context(tree.root(workspace))
        try:
            found = os.lstat(".git", dir_fd=base)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "not a git repository (the workspace has no .git)") from None
        if stat.S_ISREG(found.st_mode):
            own, shared, path = _linked(held, base, workspace)
        else:
            own = shared = held.enter_context(tree.directory(base, [".git"]))
            path = os.path.join(workspace, ".git")
        yield Repository(own, shared, os.path.join(path, "objects"))


def _linked(held: ExitStack, base: int, workspace: str) -> tuple[int, int, str]:
    """Follow the ``.git`` file of a linked worktree (gitrepository-layout(5)) both ways."""
    content = tree.read_at(base, [".git"], 4096).decode("utf-8", "replace").strip()
    target = content.removeprefix("gitdir: ")
    absolute, parts = tree.split(target) if target != content else (False, ())
    if not absolute or len(parts) < 3 or parts[-2] != "worktrees":
        raise PermissionError(errno.EPERM, ".git is a file that names no worktree of a repository; not followed")
    slash = held.enter_context(tree.root("/"))
    own = held.enter_context(tree.directory(slash, parts))
    back = _small(own, "gitdir").decode("utf-8", "replace").strip()
    common = _small(own, "commondir").decode("utf-8", "replace").strip()
    if os.path.realpath(back) != os.path.join(os.path.realpath(workspace), ".git") or common != "../..":
        raise PermissionError(errno.EPERM, "the repository that .git names does not name this worktree; not followed")
    shared = held.enter_context(tree.directory(slash, parts[:-2]))
    return own, shared, "/" + "/".join(parts[:-2])


@final
class _Commit:
    """Renames a lock file over what it locks, once."""

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self._name = name
        self.done = False

    def __call__(self) -> None:
        os.rename(self._name + ".lock", self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self.done = True
        os.fsync(self._folder)


@contextmanager
def _locked(folder: int, name: str, content: bytes) -> Iterator[_Commit]:
    """Hold git's lock of a file, filled with what shall replace it. Not committed, it leaves no trace."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(name + ".lock", flags, 0o666, dir_fd=folder)
    except FileExistsError:
        raise BlockingIOError(errno.EAGAIN, f"another git holds {name}.lock") from None
    commit = _Commit(folder, name)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield commit
    finally:
        if not commit.done:
            with suppress(FileNotFoundError):
                os.unlink(name + ".lock", dir_fd=folder)


def _small(folder: int, name: str) -> bytes:
    return tree.read_at(folder, [name], 4096)


def _optional(folder: int, name: str, limit: int) -> bytes:
    with suppress(FileNotFoundError):
        return tree.read_at(folder, [name], limit)
    return b""


def _loose(shared: int) -> list[str]:
    """Return the names of loose refs. Follows no link."""
    found: list[str] = []
    pending = [("refs", kind) for kind in ("heads", "tags", "remotes")]
    below: list[tuple[str, ...]] = list(pending)
    while below:
        parts = below.pop()
        with suppress(FileNotFoundError), tree.directory(shared, parts) as folder, os.scandir(folder) as entries:
            for entry in entries:
                name = (*parts, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    below.append(name)
                elif entry.is_file(follow_symlinks=False) and good_ref("/".join(name)):
                    found.append("/".join(name))
                if len(found) + len(below) > REF_LIMIT:
                    raise OSError(errno.E2BIG, f"more than {REF_LIMIT} refs")
    return found


def _require_no_links(folder: int) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise PermissionError(errno.EPERM, f"objects/{entry.name} is a link: objects from elsewhere")


PLAIN_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "core.autocrlf": frozenset(("true", "false", "input")),
    "core.eol": frozenset(("lf", "crlf", "native")),
    "core.filemode": frozenset(("true", "false")),
    "core.ignorecase": frozenset(("true", "false")),
    "core.precomposeunicode": frozenset(("true", "false")),
    "core.symlinks": frozenset(("true", "false")),
    "core.repositoryformatversion": frozenset(("0", "1")),
    "extensions.objectformat": frozenset(("sha1", "sha256")),
}
"""Keys that change what content is, with the values that are taken over. None names a program, file or place."""
KNOWN_EXTENSIONS: Final = frozenset(("objectformat", "worktreeconfig", "partialclone", "preciousobjects", "noop"))
