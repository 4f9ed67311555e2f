"""A run's place in the state directory: its layers, and what is known of it.

``<state>/runs/<id>/`` (0700), where ``<id>`` is twelve hex digits, holds
``upper``, ``work``, ``masks``, ``journal``, ``run.json`` and ``lock``. The lock
is held (flock) while the run goes on; what nobody holds and says ``running``
was killed. Nothing here is removed but a run that never began: what a run
changed stays until a person applies or discards it.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.local import layers

FOLDER: Final = "runs"
LAYERS: Final = ("upper", "work", "masks", "journal")
RUNNING, ENDED = "running", "ended"


@final
class RunFolder:
    """One run's place, locked by this process."""

    def __init__(self, state: str) -> None:
        """Make it. Raises CannotEnforce."""
        self.id: Final = os.urandom(6).hex()
        self.path: Final = os.path.join(os.path.realpath(state), FOLDER, self.id)
        self._fields: dict[str, Any] = {}
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            os.mkdir(self.path, 0o700)
            self._started = time.time_ns()
            for name in LAYERS:
                os.mkdir(os.path.join(self.path, name), 0o700)
            self._lock = os.open(
                os.path.join(self.path, "lock"), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotEnforce("there is no place for this run", why=str(error), fix="use --state DIR") from error

    def begin(self, workspace: str, profile: str, argv: Sequence[str], hidden: Sequence[str]) -> None:
        """Write down what is to run. Raises OSError."""
        self._fields = {
            "v": 1,
            "id": self.id,
            "workspace": workspace,
            "profile": profile,
            "argv": list(argv),
            "hidden": list(hidden),
            "principal": "",
            "trace": "",
            "exposure": 0,
            "started_ns": self._started,
            "ended_ns": None,
            "status": None,
            "state": RUNNING,
        }
        self.note({})

    def note(self, fields: Mapping[str, Any]) -> None:
        """Write down more, atomically: a reader sees the old text or the new one. Raises OSError."""
        self._fields |= fields
        text = json.dumps(self._fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
        fresh = Path(self.path) / "run.json.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, Path(self.path) / "run.json")

    def end(self, status: int) -> None:
        """Write down that every process of the run is dead. Raises OSError."""
        self.note({"ended_ns": time.time_ns(), "status": status, "state": ENDED})

    def release(self, *, began: bool = True) -> None:
        """Let go of the lock: from here on others may apply or discard the run. One that never began is removed."""
        if self._lock < 0:
            return
        if began and self._fields.get("principal"):
            self._unlock()
        else:
            self.remove()

    @property
    def untouched(self) -> bool:
        """Whether a run that is over changed nothing for sure: its layer can be read, and has no entry.

        One with a second layer, for the repository of a linked worktree, has to be looked at.
        """
        if self._fields.get("linked"):
            return False
        try:
            return not os.listdir(os.path.join(self.path, "upper"))
        except OSError:
            return False

    def discard(self) -> None:
        """Remove a run of which nothing waits any more. Raises OSError."""
        layers.remove(self.path)

    def remove(self) -> None:
        """Remove a run that never began. Raises OSError."""
        try:
            layers.remove(self.path)
        finally:
            self._unlock()

    def _unlock(self) -> None:
        os.close(self._lock)
        self._lock = -1


@final
class Hint:
    """By which patterns the last run of a workspace hid: so that the next box is made before the policy is known.

    Never believed: what a box hides is compared with the policy before anything runs in it.
    """

    def __init__(self, state: str, workspace: str) -> None:
        name = hashlib.sha256(os.fsencode(workspace)).hexdigest()[:16]
        self._path = os.path.join(state, "hints", f"{name}.json")

    def read(self) -> list[list[str]] | None:
        """Return the patterns, None if nothing is known."""
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return None
        lists = type(found) is list and bool(found) and all(type(one) is list for one in found)
        return found if lists and all(type(text) is str for one in found for text in one) else None

    def write(self, patterns: list[list[str]]) -> None:
        """Remember the patterns, unless they are known. A hint that can't be kept is none."""
        if patterns == self.read():
            return
        with suppress(OSError):
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            replace_file(self._path, json.dumps(patterns).encode())


def replace_file(path: str, content: bytes) -> None:
    """Put ``content`` at ``path``, where a reader sees the old text or the new one. A link is replaced, not followed.

    Raises OSError.
    """
    fresh = f"{path}.{os.urandom(4).hex()}"
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(number, "wb") as file:
            file.write(content)
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise
