"""A command of the backend ``ll`` with streams of its own, for ``nucleus run``.

What ``live.Living`` is for boxes of namespaces: made before the gate opens the
principal, with nothing of the command begun. The backend was tried by use by
then; the process that becomes the command tries what it is refused once more.
"""

import os
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import BoxReport
from nucleus.local import inside
from nucleus.local.live import Wish
from nucleus.local.ll import Kept, LlBox

_REPORT_LIMIT: Final = 4096


@final
class LlLiving:
    """One command, held until ``go``. A context: leaving it ends every process of it."""

    def __init__(self, box: LlBox, folder: str, wish: Wish, streams: tuple[int, int, int]) -> None:
        """Start its keeper. ``folder`` is from ``box.place()``. Raises CannotEnforce."""
        self.report: Final[BoxReport] = box.probe()
        self.not_started = 0
        """Once it has ended: the error number of a command that could not be started, 0 if it could."""
        self._kept = Kept(box.plan(folder, wish.workspace, wish.cwd, wish.argv), streams)
        self._ended = os.pidfd_open(self._kept.process.pid)
        self._status: int | None = None

    def __enter__(self) -> "LlLiving":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def ended(self) -> int:
        """A descriptor that is readable once the command, and all that it left, has ended."""
        return self._ended

    @property
    def foremost(self) -> int:
        """-1: there is no process of the box with which all others end."""
        return -1

    def go(self) -> None:
        """Let the command begin."""
        self._kept.go()

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group, by way of its keeper."""
        if self._status is None:
            self._kept.process.send_signal(number)

    def end(self) -> int:
        """End every process of the command, wait until all are gone, and return its status as a shell shows it.

        Raises CannotEnforce if it was not started because something did not hold, TimeoutExpired if the kernel
        does not end the processes.
        """
        if self._status is None:
            self._kept.end()
            self._status = self._kept.process.returncode
            os.set_blocking(self._kept.report, False)
            said = self._said()
            self._kept.close()
            os.close(self._ended)
            if said.startswith("failed"):
                raise CannotEnforce(
                    "the backend ll does not hold what it promises; nothing was run",
                    why=said.removeprefix("failed ").strip(),
                    fix="see what is missing: nucleus doctor",
                )
            self.not_started = int(said.split()[2]) if "exec" in said else 0
        status = self._status
        return status if status >= 0 else inside.CANNOT_ENFORCE

    def _said(self) -> str:
        try:
            return os.read(self._kept.report, _REPORT_LIMIT).decode("utf-8", "replace")
        except BlockingIOError:
            return ""
