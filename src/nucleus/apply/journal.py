"""What an apply writes down before it touches the workspace, so that a crash leaves it entirely old or entirely new.

Files of the run's ``journal`` directory, each replaced atomically and durable
when the call returns. Which of them are there says how far an apply came:

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
        rows = list(self._read(BEGUN))
        if len(rows) != 1 or rows[0].get("workspace") != self._run.workspace or type(rows[0].get("stage")) is not str:
            raise self._damaged(BEGUN, "it names no stage of this workspace")
        stage: str = rows[0]["stage"]
        return stage

    def steps(self) -> list[Step]:
        """Return the steps of the plan. Raises CannotEnforce for a damaged one."""
        try:
            return [Step.from_json(row) for row in self._read(PLAN)]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(PLAN, str(error)) from error

    def known(self) -> dict[str, Stamp]:
        """Return the stamps of what applies of this run left on the host."""
        try:
            return {row["path"]: Stamp(*row["stamp"]) for row in self._read(KNOWN)} if self.has(KNOWN) else {}
        except (KeyError, TypeError) as error:
            raise self._damaged(KNOWN, str(error)) from error

    def know(self, stamps: Mapping[str, Stamp]) -> None:
        """Add stamps to the known ones."""
        rows = self.known() | dict(stamps)
        self._write(KNOWN, [{"path": path, "stamp": list(stamp)} for path, stamp in rows.items()])

    def _write(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        lines = [json.dumps(row, separators=(",", ":")) for row in rows]
        with held(self._folder) as folder:
            write_file(folder, name, "".join(f"{line}\n" for line in lines).encode())

    def _read(self, name: str) -> Iterator[dict[str, Any]]:
        with held(self._folder) as folder:
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with open(number, encoding="utf-8") as file:
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise self._damaged(name, str(error)) from error
                if type(row) is not dict:
                    raise self._damaged(name, "a line is no object")
                yield row

    def _damaged(self, name: str, why: str) -> CannotEnforce:
        return CannotEnforce(
            f"the journal of the run {self._run.id} is damaged",
            why=f"{name}: {why}",
            fix=f"compare {self._run.workspace} with what you expect, then remove {self._folder}",
        )
