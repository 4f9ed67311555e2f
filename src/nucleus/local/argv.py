"""What a box shows, as data, and the words that make bubblewrap show it. Pure.

The root of a box is empty. What is listed in a ``View`` is mounted into it, in
an order that matters: what comes later covers what came before.

1. system directories, read-only;
2. ``/proc``, read-only, ``/dev``, empty ``/tmp``, ``/run``, ``/var/tmp`` and home;
3. single files and tool chains, read-only;
4. the workspace: the host's as the lowest layer, masks over it, changes on top;
5. the root itself becomes read-only.

So a tool chain inside of the workspace is covered by it, and one inside of
home is the only thing there. No host path is ever mounted writable: the one
place of the host that a box writes is the upper layer of the overlay.
Source: bwrap(1), version 0.11.
"""

import os.path
from collections.abc import Mapping, Sequence
from typing import Final, final

from nucleus.lean import dataclass

NAMESPACES: Final = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    "--disable-userns",
)
"""Never the ``-try`` forms: a namespace that can't be made ends the start."""
FENCES: Final = ("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "box")
EMPTY: Final = ("/tmp", "/run", "/var/tmp")  # noqa: S108  mount points inside of the box
PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
VARIABLES: Final[Mapping[str, str]] = {
    "PATH": PATH,
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108  inside of the box
}
"""All that a command finds in its environment, with HOME, USER and what the owner allowed by name."""
TMPFS_BYTES: Final = 1 << 30
"""Ceiling of each empty directory: it lives in the host's memory."""


@final
@dataclass(frozen=True, slots=True)
class Copy:
    """A directory of the host's beside the workspace that is shown as a copy: an overlay of its own."""

    place: str
    upper: str
    work: str
    masks: str
    anywhere: bool = False
    """It need not lie in home: the storage of the workspace's own repository."""


@final
@dataclass(frozen=True, slots=True)
class View:
    """Everything that a box shows. Paths are absolute, and real where they name the host's side."""

    workspace: str
    """The same path outside and inside."""
    home: str
    state: str
    """The state directory: no path in it, or above it, may be shown."""
    upper: str
    work: str
    """Where overlayfs keeps changes, and works: two empty directories of one file system."""
    masks: str = ""
    """A layer over the workspace that hides some of it."""
    system: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Symbolic links of the root: (target, place)."""
    readable: tuple[str, ...] = ()
    """Tool chains, and what the owner allows to be read."""
    still: tuple[str, ...] = ()
    """Directories among these whose sockets and pipes lead nowhere: shown through an overlay, not bound."""
    nothing: str = ""
    """An empty directory, the upper one of these overlays."""
    copies: tuple[Copy, ...] = ()
    tool_links: tuple[tuple[str, str], ...] = ()
    """Symbolic links of tool chains: (target, place)."""
    files: tuple[tuple[str, str], ...] = ()
    """Single files: (place on the host, place in the box)."""
    variables: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    """Relative to the workspace."""

    def __post_init__(self) -> None:
        """Refuse a view that would show what must not be seen. Raises ValueError."""
        for name, path in (("workspace", self.workspace), ("home", self.home), ("state", self.state)):
            if not proper(path) or path == "/":
                raise ValueError(f"the {name} must be an absolute, plain path below the root: {path!r}")
        if within(self.home, self.workspace) or within(self.state, self.workspace):
            raise ValueError("the workspace holds the home or the state directory")
        if within(self.workspace, self.state):
            raise ValueError("the workspace lies inside of the state directory")
        for path in (*self.readable, *self.system):
            if not proper(path):
                raise ValueError(f"not an absolute, plain path: {path!r}")
            if within(self.home, path) or within(self.state, path) or within(path, self.state):
                raise ValueError(f"{path} would show the home or the state directory")
        odd = [place for _, place in self.tool_links if not proper(place) or within(place, self.state)]
        if odd:
            raise ValueError(f"not a place for a link: {odd[0]!r}")
        if self.still and (not proper(self.nothing) or not set(self.still) <= set(self.readable)):
            raise ValueError("what is shown through an overlay is readable, and lies under an empty directory")
        self._check_copies()
        self._check_folder()

    def _check_copies(self) -> None:
        for copy in self.copies:
            inside = within(copy.place, self.home) and copy.place != self.home
            if not proper(copy.place) or not (inside or copy.anywhere) or within(self.home, copy.place):
                raise ValueError(f"not a directory below home: {copy.place!r}")
            if any(within(one, copy.place) or within(copy.place, one) for one in (self.state, self.workspace)):
                raise ValueError(f"{copy.place} holds the state directory or the workspace, or lies in one")

    def _check_folder(self) -> None:
        if self.cwd.startswith("/") or ".." in self.cwd.split("/"):
            raise ValueError(f"the working directory is relative to the workspace: {self.cwd!r}")


def options(
    view: View,
    seccomp: int,
    info: int,
    texts: Sequence[tuple[int, str]] = (),
    copied: Sequence[tuple[int, str]] = (),
) -> list[str]:
    """Return bubblewrap's options for ``view``; a filter is read from one descriptor, facts go to the other.

    ``texts`` are small files that no path of the host has: (descriptor, place in the box). So are those
    ``copied``, which can be written, in the box alone.
    """
    words = [*NAMESPACES, *FENCES, "--seccomp", str(seccomp), "--info-fd", str(info)]
    for name, value in variables(view).items():
        words += ["--setenv", name, value]
    for path in view.system:
        words += ["--ro-bind", path, path]
    for target, place in view.links:
        words += ["--symlink", target, place]
    # Read-only: whoever is root outside may write the kernel's settings and triggers there, with no capability at all.
    words += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    for path in (*EMPTY, view.home):
        words += ["--size", str(TMPFS_BYTES), "--tmpfs", path]
    # INVARIANT: whatever shows something of the host's stands behind the empty directories, or it would be covered;
    # the workspace stands last, so that nothing of the host's shows through what is masked (test_argv.py).
    words += _beside(view, texts, copied)
    words += ["--overlay-src", view.workspace]
    if view.masks:
        words += ["--overlay-src", view.masks]
    words += ["--overlay", view.upper, view.work, view.workspace]
    return [*words, "--remount-ro", "/", "--chdir", os.path.normpath(os.path.join(view.workspace, view.cwd))]


def _beside(view: View, texts: Sequence[tuple[int, str]], copied: Sequence[tuple[int, str]]) -> list[str]:
    """Return the words for what is shown beside the workspace."""
    words: list[str] = []
    for path in sorted(view.readable):
        if path in view.still:
            # A read-only mount does not keep anybody from connecting to a socket or writing into a pipe. In an
            # overlay both are the overlay's own: whoever listens on the host is not there.
            words += ["--overlay-src", view.nothing, "--overlay-src", path, "--ro-overlay", path, "--remount-ro", path]
        else:
            words += ["--ro-bind", path, path]
    for target, place in view.tool_links:
        words += ["--symlink", target, place]
    for source, place in view.files:
        words += ["--ro-bind", source, place]
    for number, place in texts:
        words += ["--ro-bind-data", str(number), place]
    for number, place in copied:
        words += ["--perms", "0600", "--file", str(number), place]
    for copy in view.copies:
        words += ["--overlay-src", copy.place, "--overlay-src", copy.masks]
        words += ["--overlay", copy.upper, copy.work, copy.place]
    return words


def variables(view: View) -> dict[str, str]:
    """Return the environment of the command: empty but for a reviewed list."""
    return {**VARIABLES, "HOME": view.home, "USER": "agent", "LOGNAME": "agent", **dict(view.variables)}


def packed(words: Sequence[str]) -> bytes:
    """Return words as ``--args`` reads them, each ended by a NUL. Raises ValueError for one with a NUL in it."""
    if any("\0" in word for word in words):
        raise ValueError("a word with a NUL in it")
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def proper(path: str) -> bool:
    """Whether a path is absolute, without NUL, empty, ``.`` or ``..`` components."""
    return path.startswith("/") and not path.startswith("//") and os.path.normpath(path) == path and "\0" not in path


def within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder``, or lies below it. Both are proper."""
    return folder in {"/", path} or path.startswith(folder + "/")
