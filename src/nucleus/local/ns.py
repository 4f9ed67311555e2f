"""The box ``ns``: a command in namespaces of its own, on layers over the workspace.

What is true of each ``run``: the command saw no network, no file of home, no
other project, no other process, and none of the workspace's hidden files; it
was told so by a self-test in the finished box, under its own filter, before it
was started. When ``run`` returns, every process of the box is dead. The host's
workspace is as it was: what the command changed is listed and thrown away.

Bounded are time, output, number of processes, and the memory of ``/tmp`` and
home. Not bounded are processor time, memory of processes, and the disk that
the changes take while the command runs.
"""

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import BoxReport, Limits, Outcome, Permit
from nucleus.lean import dataclass
from nucleus.local import layers, probe
from nucleus.local.argv import NAMESPACES, View, within
from nucleus.local.bwrap import Bubblewrap
from nucleus.local.pump import Pump, TooMuchError
from nucleus.local.started import Started, configuration, failed
from nucleus.local.veil import Veil
from nucleus.local.views import Views

STDERR_LIMIT: Final = 64 << 10
"""Bytes of what a command said on standard error that its result carries: the last ones."""
CHANGES_LIMIT: Final = 1000
"""Changes that a result lists; ``more_changes`` says whether there were more."""
CHANGES_BYTES: Final = 200 << 10
"""What their names may take of a frame, as JSON."""
_PROBE_SECONDS: Final = 20.0


@final
@dataclass(slots=True)
class _Run:
    """One run's place in the state directory, locked while it is in use."""

    folder: str
    lock: int

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def end(self) -> None:
        """Remove everything, then let go of the lock."""
        try:
            layers.remove(self.folder)
        finally:
            os.close(self.lock)


@final
class NsBox:
    """A box of namespaces. One run at a time; each run starts from the workspace as it is."""

    def __init__(
        self,
        state: str,
        *,
        readable: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        path_list: Sequence[str] | None = None,
        executable: str = "",
    ) -> None:
        """Look for bubblewrap and an interpreter; start nothing.

        ``state`` is the prepared state directory. ``readable`` and
        ``variables`` are what the owner lets in by name. ``path_list`` is where
        installed packages are, for a process whose path list is gone by now.
        """
        self._state = os.path.realpath(state)
        self._views = Views(state, readable=readable, variables=variables, path_list=path_list, executable=executable)
        self._report: BoxReport | None = None

    def probe(self) -> BoxReport:
        """Run a command in a small workspace with one hidden file, judge it from outside, and return what held.

        Done once. Raises CannotEnforce with the mechanism that is missing and the fix.
        """
        if self._report is not None:
            return self._report
        found = self._views.found()
        program = probe.program()
        self._sweep()
        run = self._begin()
        try:
            self._prove(run, found)
        finally:
            run.end()
        self._report = BoxReport("ns", attested=True, layers=attestation(found, len(program)))
        return self._report

    def run(self, permit: Permit, stdin: bytes) -> Outcome:
        """Run ``permit.args["argv"]`` and return its output as body, its status and errors as value.

        ``value``: ``status``, ``stderr`` (the end of it; ``stderr_cut`` says how many bytes
        are missing), ``changes`` ({path, what, kind}), ``more_changes``, ``applied``: always
        False. A command that can't be started, takes too long or says too much is a
        failed outcome. Raises CannotEnforce if the box can't be made; then nothing ran.
        """
        end = time.monotonic() + permit.limits.seconds
        self.probe()
        run = self._begin()
        try:
            return self._run(run, permit, stdin, end)
        finally:
            run.end()

    def _run(self, run: _Run, permit: Permit, stdin: bytes, end: float) -> Outcome:
        workspace = os.path.realpath(permit.workspace)
        command = [str(word) for word in permit.args["argv"]]
        hides = Veil([str(one) for one in permit.args["hidden"]])
        layers.refuse_mounts(workspace)
        hidden = layers.mask(workspace, run.path("masks"), hides)
        cwd = str(permit.args.get("cwd") or ".")
        if not _is_folder(workspace, cwd, hidden):
            return _failed("FileNotFoundError", f"{os.strerror(errno.ENOENT)}: {cwd!r}", errno.ENOENT)
        layers.dress(workspace, run.path("upper"))
        view = self._views.view(run.folder, workspace, cwd, command[0])
        return self._perform(view, hidden, command, stdin, permit.limits, end)

    def _perform(
        self, view: View, hidden: list[str], command: list[str], stdin: bytes, limits: Limits, end: float
    ) -> Outcome:
        """Start the box, move the bytes, and return what came of it when everything in it is dead."""
        inside = configuration(view, hidden, command)
        with Started(self._views.found(), self._views.python, view, inside) as started:
            pump = Pump(started.process, stdin, limits.bytes)
            out, said, report = _connect(started, pump)
            try:
                pump.run(end)
            except TimeoutError as error:
                return _failed("TimeoutError", f"{error.strerror} of {limits.seconds:g} seconds", errno.ETIMEDOUT)
            except TooMuchError:
                return _failed("OSError", f"the output is larger than the limit of {limits.bytes} bytes", errno.EFBIG)
            finally:
                pump.stop()
        failure = _not_started(report.decode("utf-8", "replace"), said.decode("utf-8", "backslashreplace"), command)
        if failure is not None:
            return failure
        listed, more = layers.changes(view.workspace, view.upper, CHANGES_LIMIT)
        return Outcome("ok", _value(started.process.returncode, said, listed, more=more), bytes(out))

    def _prove(self, run: _Run, found: Bubblewrap) -> None:
        """Raise CannotEnforce unless a box works, judged from outside too."""
        workspace, examined = run.path("workspace"), run.path("examined")
        os.mkdir(workspace, 0o700)
        os.mkdir(examined, 0o700)
        for name in ("seen", ".env"):
            with open(os.path.join(workspace, name), "x", encoding="utf-8") as file:
                file.write(name)
        script = "test -e seen && ! test -e .env && echo written > new && rm seen"
        end = time.monotonic() + _PROBE_SECONDS
        try:
            hidden = layers.mask(workspace, run.path("masks"), Veil([]))
            view = self._views.view(run.folder, workspace, ".", "sh", state=run.path("unseen"))
            outcome = self._perform(view, hidden, ["sh", "-c", script], b"", Limits(1 << 16, _PROBE_SECONDS), end)
        except (CannotEnforce, OSError) as error:
            raise probe.explain(found.path, examined, str(error)) from error
        told = [(one["path"], one["what"]) for one in outcome.value.get("changes", [])]
        if told != [("new", "added"), ("seen", "deleted")] or sorted(os.listdir(workspace)) != [".env", "seen"]:
            why = f"a command in it ended as {dict(outcome.value)}"
            raise probe.explain(found.path, examined, why)

    def _begin(self) -> _Run:
        """Make a place for one run. Raises CannotEnforce."""
        parent = os.path.join(self._state, "boxes")
        try:
            os.makedirs(parent, mode=0o700, exist_ok=True)
            with _locked(parent):
                folder = tempfile.mkdtemp(prefix="run-", dir=parent)
                run = _Run(folder, _lock(folder))
            for name in ("upper", "work", "masks"):
                os.mkdir(run.path(name), 0o700)
        except OSError as error:
            raise CannotEnforce(
                "there is no place for the layers of a box", why=str(error), fix="use --state DIR"
            ) from error
        return run

    def _sweep(self) -> None:
        """Remove what runs left that were killed: nobody holds their lock."""
        parent = os.path.join(self._state, "boxes")
        if not os.path.isdir(parent):
            return
        with _locked(parent):
            # A run is made and locked under the same lock, so none is taken for one that was left.
            for name in os.listdir(parent):
                folder = os.path.join(parent, name)
                try:
                    _Run(folder, _lock(folder)).end()
                except (BlockingIOError, FileNotFoundError):
                    continue


def attestation(found: Bubblewrap, program: int) -> dict[str, str]:
    """Return what a box that passed its self-test enforces; ``program`` is the size of its filter in bytes."""
    return {
        "bubblewrap": f"{found.version[0]}.{found.version[1]}",
        "namespaces": " ".join(word.rpartition("-")[2] for word in NAMESPACES[:-1]),
        "network": "none but loopback",
        "files": "allow-listed, read-only; home empty",
        "workspace": "overlay; changes are listed and not applied",
        "seccomp": f"deny-list of {program // 8} instructions",
        "landlock": "no writing but to the box's own places",
        "self-test": "passed in the box",
    }


def _lock(folder: str) -> int:
    """Return a descriptor that holds a directory's lock. Raises BlockingIOError if somebody else does."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold a directory's lock, waiting for it."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _connect(started: Started, pump: Pump) -> tuple[bytearray, bytearray, bytearray]:
    """Give the streams to ``pump``; return the buffers of output, errors and the self-test's report."""
    pump.watch(started.first)
    process = started.process
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101  by PIPE
    pump.feed(process.stdin)
    return pump.collect(process.stdout), pump.collect(process.stderr), pump.collect(started.report)


def _is_folder(workspace: str, cwd: str, hidden: list[str]) -> bool:
    """Whether the box will have this directory: in the workspace, links followed, and nothing above it hidden."""
    real = os.path.realpath(os.path.join(workspace, cwd))
    masked = any(within(real, os.path.join(workspace, path)) for path in hidden)
    return within(real, workspace) and not masked and os.path.isdir(real)


def _not_started(report: str, said: str, command: list[str]) -> Outcome | None:
    """Return the outcome of a command that could not be started, None if it was. Raises CannotEnforce."""
    first, _, rest = report.partition("\n")
    if first != "ok":
        raise failed(first.removeprefix("failed ") or said.strip())
    if not rest:
        return None
    number = int(rest.split()[1])
    kinds = {errno.ENOENT: "FileNotFoundError", errno.EACCES: "PermissionError"}
    return _failed(kinds.get(number, "OSError"), f"{os.strerror(number)}: {command[0]!r} in the box", number)


def _value(status: int, said: bytearray, listed: list[layers.Change], *, more: bool) -> dict[str, Any]:
    """Return the small facts of a result."""
    told, size = [], 0
    for change in listed:
        size += len(json.dumps(change.path))
        if size > CHANGES_BYTES:
            more = True
            break
        told.append({"path": change.path, "what": change.what, "kind": change.kind})
    return {
        "status": status,
        "stderr": said[-STDERR_LIMIT:].decode("utf-8", "replace"),
        "stderr_cut": max(0, len(said) - STDERR_LIMIT),
        "changes": told,
        "more_changes": more,
        "applied": False,
    }


def _failed(kind: str, message: str, number: int) -> Outcome:
    return Outcome("failed", {"type": kind, "message": message, "errno": number})
