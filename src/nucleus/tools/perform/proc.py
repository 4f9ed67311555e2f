"""Commands: in a box, or not at all.

Without a box that vouches for itself nothing runs; there is no weaker way to
fall back to. The box comes from the composition root (Tier 1 or Tier 2).
"""

from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Box, BoxReport, Outcome, Permit
from nucleus.tools.perform.outcomes import PermitError, failed, never_raises, texts
from nucleus.tools.perform.tree import split

ARGV_LIMIT: Final = 128 * 1024
"""Bytes of all words together: what every kernel takes."""
NO_BOX: Final = CannotEnforce(
    "commands run in a box only, and this session has none",
    why="on the host a command could do anything that you can",
    fix="see what is missing: nucleus doctor",
)


@final
class ProcPerformer:
    """The effect class ``proc``. Nothing here ever starts a process itself."""

    def __init__(self, box: Box | None = None) -> None:
        self._box = box
        self._report: BoxReport | None = None

    @never_raises
    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Run ``permit.args["argv"]`` in the box, or say what the box vouches for; without one, what is missing."""
        if permit.kind not in {"proc.run", "proc.probe"}:
            raise PermitError(f"{permit.kind!r} is no command")
        if permit.kind == "proc.run":
            _check(permit)
        if self._box is None:
            return _cannot(NO_BOX)
        try:
            report = self._report = self._report or self._box.probe()
            if permit.kind == "proc.run":
                return self._box.run(permit, body)
            told = {"attested": report.attested, "backend": report.backend, "layers": dict(report.layers)}
            return Outcome("ok", told)
        except CannotEnforce as error:
            return _cannot(error)


def _check(permit: Permit) -> None:
    """Raise ValueError for what is no command."""
    argv = texts(permit.args, "argv")
    if not argv or not argv[0]:
        raise ValueError("a command has at least its name")
    if any("\0" in word for word in argv) or sum(len(word.encode()) + 1 for word in argv) > ARGV_LIMIT:
        raise ValueError(f"a word with a NUL, or more than {ARGV_LIMIT} bytes of words")
    absolute, _ = split(str(permit.args.get("cwd", ".")))
    if absolute:
        raise ValueError("the working directory is relative to the workspace")


def _cannot(error: CannotEnforce) -> Outcome:
    return failed("CannotEnforce", error.what, 0, why=error.why, fix=error.fix)
