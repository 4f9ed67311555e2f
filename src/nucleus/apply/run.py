"""One run as it lies in the state directory: its layers, what is known of it, and whose turn it is.

``<state>/runs/<id>/`` is for its owner only. It holds ``upper``, ``work`` and
``masks`` (layers of overlayfs), ``run.json`` (replaced atomically), ``lock``
(held while somebody uses the run), and ``journal/`` (an apply's).
"""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, final

from nucleus.apply.beneath import directory, held, look
from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import ALL_SEEN, valid
from nucleus.lean import dataclass, field, replace
from nucleus.policy.worktree import Linked

RUNNING: Final = "running"
ENDED: Final = "ended"
APPLIED: Final = "applied"
PARTLY: Final = "partly"
DISCARDED: Final = "discarded"
STATES: Final = (RUNNING, ENDED, APPLIED, PARTLY, DISCARDED)
TICK: Final = 10_000_000
"""Nanoseconds by which a file's time may lag behind the clock: a tick of the slowest usual kernel (100 Hz)."""
SIZE_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of ``run.json``: a list of hidden paths is the long part."""
_ID: Final = re.compile(r"[0-9a-f]{12}")


@final
@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run. ``folder`` and ``workspace`` are real, absolute paths."""

    folder: str
    id: str
    workspace: str
    started_ns: int
    """Wall clock when the run began: before anything in it ran."""
    hidden: frozenset[str] = frozenset()
    """Paths that the run could not see. What it did at such a path says nothing about what lies there."""
    exposure: int = ALL_SEEN
    """What the run had seen at its end; what it wrote carries this."""
    state: str = ENDED
    ended_ns: int | None = None
    status: int | None = None
    argv: tuple[str, ...] = ()
    linked: Linked | None = None
    """Where the repository lies, if the workspace is a linked worktree of one."""
    fields: tuple[tuple[str, Any], ...] = field(default=(), compare=False)
    """Everything that ``run.json`` says, to be written back."""

    @property
    def upper(self) -> str:
        """The layer that the run wrote."""
        return os.path.join(self.folder, "upper")

    @property
    def masks(self) -> str:
        """The layer that hid and rewrote things."""
        return os.path.join(self.folder, "masks")

    @property
    def journal(self) -> str:
        """Where an apply keeps what it needs to undo itself."""
        return os.path.join(self.folder, "journal")

    @property
    def state_directory(self) -> str:
        """The state directory that the run lies in."""
        return os.path.dirname(os.path.dirname(self.folder))

    def changed_since(self, changed_ns: int) -> bool:
        """Whether a file with this change time (st_ctime_ns) may have been changed after the run began.

        INVARIANT: never false for a change after the beginning: a file's time lags the clock by a tick at most.
        """
        return changed_ns >= self.started_ns - TICK


def load(folder: str) -> Run:
    """Return the run in a directory. Raises CannotEnforce for one that can't be read as a run."""
    try:
        with held(folder) as base, directory(base, ()) as own:
            text = _read(own)
        return _parsed(os.path.realpath(folder), json.loads(text))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotEnforce(
            f"the run in {folder} can't be read", why=str(error), fix=f"remove {folder} if it is of no use"
        ) from error


def _read(own: int) -> bytes:
    number = os.open("run.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=own)
    with open(number, "rb") as file:
        text = file.read(SIZE_LIMIT + 1)
    if len(text) > SIZE_LIMIT:
        raise ValueError(f"run.json is larger than {SIZE_LIMIT} bytes")
    return text


def _parsed(folder: str, found: Any) -> Run:
    if type(found) is not dict or found["v"] != 1:
        raise ValueError("run.json is of another version")
    name, state, exposure = found["id"], found["state"], found["exposure"]
    if type(name) is not str or not _ID.fullmatch(name) or state not in STATES:
        raise ValueError("run.json names no run, or no state of one")
    workspace, started, place = found["workspace"], found["started_ns"], found.get("linked")
    if type(workspace) is not str or not os.path.isabs(workspace) or type(started) is not int:
        raise ValueError("run.json names no workspace, or no time")
    return Run(
        folder=folder,
        id=name,
        workspace=workspace,
        started_ns=started,
        hidden=frozenset(str(path) for path in found["hidden"]),
        # What a run that was killed had seen nobody wrote down.
        exposure=exposure if type(exposure) is int and valid(exposure) and state != RUNNING else ALL_SEEN,
        state=state,
        ended_ns=found.get("ended_ns"),
        status=found.get("status"),
        argv=tuple(str(word) for word in found.get("argv", ())),
        linked=None if place is None else Linked(str(place[0]), str(place[1])),
        fields=tuple(found.items()),
    )


def runs(state_directory: str, broken: Callable[[CannotEnforce], None] | None = None) -> list[Run]:
    """Return the runs of a state directory that can be read, oldest first; ``broken`` is told of the others."""
    parent = os.path.join(state_directory, "runs")
    found = []
    for name in sorted(os.listdir(parent)) if os.path.isdir(parent) else []:
        folder = os.path.join(parent, name)
        if _ID.fullmatch(name) and os.path.lexists(os.path.join(folder, "run.json")):
            try:
                found.append(load(folder))
            except CannotEnforce as error:
                if broken is not None:
                    broken(error)
    return sorted(found, key=lambda run: run.started_ns)


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Hold a run's lock. Raises BlockingIOError if somebody else uses the run."""
    number = os.open(os.path.join(run.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(error.errno, f"the run {run.id} is in use", run.folder) from None
        yield
    finally:
        os.close(number)


@contextmanager
def home(run: Run) -> Iterator[int]:
    """Hold a descriptor of the run's workspace. Raises CannotEnforce where there is none any more."""
    try:
        descriptor = os.open(run.workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CannotEnforce(
            f"the workspace of the run {run.id} is not there any more",
            why=f"{run.workspace}: {error.strerror}",
            fix=f"put it back, or throw the run away: nucleus discard {run.id}",
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def noted(run: Run, state: str, applied: Mapping[str, Any] | None = None) -> Run:
    """Let ``run.json`` say another state, durably, and return the run so; ``applied`` is added to its applies.

    Raises OSError.
    """
    fields = dict(run.fields) | {"state": state}
    if applied is not None:
        fields["applies"] = [*fields.get("applies", []), dict(applied)]
    after = replace(run, state=state, fields=tuple(fields.items()))
    text = json.dumps(dict(after.fields), sort_keys=True, separators=(",", ":")).encode()
    with held(run.folder) as own:
        write_file(own, "run.json", text)
    return after


def write_file(folder: int, name: str, content: bytes) -> None:
    """Make ``content`` the whole of a file of the state directory, durably and at once. Raises OSError."""
    fresh = f"{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(fresh, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def veiled(run: Run) -> frozenset[str]:
    """Return the paths that the run saw not at all, or not as they are: hidden, or rewritten. Raises OSError."""
    found = set(run.hidden)
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(run.masks, below)) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    found.add(path)
    return frozenset(found)


def exists(workspace: int, path: str) -> bool:
    """Whether something is at a path of the workspace now."""
    *above, name = path.split("/")
    try:
        with directory(workspace, tuple(above)) as folder:
            return look(folder, name) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False
