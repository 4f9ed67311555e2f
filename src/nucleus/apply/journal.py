"""What an apply writes down before it touches the workspace, so that a crash leaves it entirely old or entirely new.

Files of the run's ``journal`` directory, each replaced atomically and durable
when the call returns: a digest on the first line, JSON on the second. Which
of them are there says how far an apply came:

    nothing                   no apply is under way
    begun                     a stage may be in the workspace; nothing else was touched
    begun, plan               steps may have been done: undo them
    begun, plan, done         all steps were done: only the stage is left to remove

``known`` outlives an apply: the stamps of what applies and undone applies of
this run left on the host, whose times are younger than the run and yet no
conflict.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, final

from nucleus.apply.beneath import Stamp, held
from nucleus.apply.plan import Step
from nucleus.apply.run import Run, write_file
from nucleus.errors import CannotEnforce

BEGUN: Final = "begun"
PLAN: Final = "plan"
DONE: Final = "done"
KNOWN: Final = "known"


@final
class Journal:
    """The journal of one run. Nobody else may use the run meanwhile."""

    def __init__(self, run: Run) -> None:
        self._folder = run.journal
        self._run = run

    def begin(self, stage: str) -> None:
        """Say that ``stage``, a path of the workspace, is about to be made."""
        with suppress(FileExistsError):
            os.mkdir(self._folder, 0o700)
        self._write(BEGUN, [{"stage": stage, "workspace": self._run.workspace}])

    def plan(self, steps: Sequence[Step]) -> None:
        """Say what is about to be done."""
        self._write(PLAN, [step.to_json() for step in steps])

    def done(self) -> None:
        """Say that all of it was done."""
        self._write(DONE, [])

    def ended(self, *names: str) -> None:
        """Take marks away, durably. One that is not there is none."""
        with held(self._folder) as folder:
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def has(self, name: str) -> bool:
        """Whether a mark is there."""
        return os.path.lexists(os.path.join(self._folder, name))

    def stage(self) -> str:
        """Return the stage that was begun. Raises CannotEnforce for a journal that is damaged, or another's."""
        match self._read(BEGUN):
            case [{"stage": str(stage), "workspace": self._run.workspace}]:
                return stage
        raise self._damaged(BEGUN, "it names no stage of this workspace")

    def steps(self) -> list[Step]:
        """Return the steps of the plan. Raises CannotEnforce for a damaged one."""
        try:
            return [Step.from_json(row) for row in self._read(PLAN)]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(PLAN, str(error)) from error

    def known(self) -> dict[str, Stamp]:
        """Return the stamps of what applies of this run left on the host."""
        try:
            return {path: Stamp(*stamp) for path, stamp in self._read(KNOWN)} if self.has(KNOWN) else {}
        except (TypeError, ValueError) as error:
            raise self._damaged(KNOWN, str(error)) from error

    def know(self, stamps: Mapping[str, Stamp]) -> None:
        """Add stamps to the known ones."""
        rows = self.known() | dict(stamps)
        self._write(KNOWN, list(rows.items()))

    def _write(self, name: str, rows: Sequence[Any]) -> None:
        # In one piece: an encoder for each row takes longer than all the rows.
        text = json.dumps(rows, separators=(",", ":")).encode()
        with held(self._folder) as folder:
            write_file(folder, name, sha256(text).hexdigest().encode() + b"\n" + text + b"\n")

    def _read(self, name: str) -> list[Any]:
        """Return the rows of a mark. Raises CannotEnforce unless it is there as it was written, to the last byte."""
        try:
            with held(self._folder) as folder:
                number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with open(number, "rb") as file:
                sum_, _, rest = file.read().partition(b"\n")
            text = rest.removesuffix(b"\n")
            # INVARIANT: a plan of which a part is missing is never undone as if it were the whole
            # (tests/apply/test_journal.py cuts it at each byte).
            if sum_.decode("ascii", "replace") != sha256(text).hexdigest():
                raise self._damaged(name, "it is not what was written")
            rows = json.loads(text)
        except (OSError, ValueError) as error:
            raise self._damaged(name, str(error)) from error
        if type(rows) is not list:
            raise self._damaged(name, "it is no list")
        return rows

    def _damaged(self, name: str, why: str) -> CannotEnforce:
        return CannotEnforce(
            f"the journal of the run {self._run.id} is damaged",
            why=f"{name}: {why}",
            fix=f"compare {self._run.workspace} with what you expect, then remove {self._folder}",
        )
