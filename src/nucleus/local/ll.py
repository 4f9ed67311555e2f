"""The backend ``ll``: a command under Landlock and a tight filter, without namespaces and without a transaction.

For machines that give no user namespaces to anybody. Used only where the
owner asks for it by name, for it gives less, and ``probe`` says what: what the
command writes in the workspace is written at once, nothing can be hidden in
it (a workspace with something to hide is refused), other processes and the
names and sizes of all files can be seen. It can't vouch for a transaction,
so it is never ``attested``: the gate judges its commands as opaque ones.

What is true of each ``run``: no socket, no file of home or of other projects
read or written, no signal to other processes, none left when it returns.
Needs Landlock ABI 6 (Linux 6.12).
"""

import errno
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import BoxReport, Limits, Outcome, Permit
from nucleus.gate.hardening import clean_environment, home_of
from nucleus.local import host, layers
from nucleus.local.argv import VARIABLES, within
from nucleus.local.ns import STDERR_LIMIT
from nucleus.local.pump import Pump, TooMuchError
from nucleus.local.veil import Veil
from nucleus.seal import landlock

NAME: Final = "ll"
OLDEST: Final = 6
"""The first ABI that scopes signals: without process namespaces nothing else keeps a command from signalling others."""
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
LACKS: Final = (
    "no transaction: what is written in the workspace is written at once, pipes that lie there included; "
    "nothing in it can be hidden; "
    "other processes, and names, sizes and times of all files, can be seen; no bound on memory of processes"
)
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); from nucleus.local.keeper import main; sys.exit(main(*sys.argv[2:]))"
)
_GRACE: Final = 10.0
_PROBE_SECONDS: Final = 20.0
_NOT_ASKED: Final = CannotEnforce(
    "the backend ll is used only where it is asked for by name", why=LACKS, fix="name it, or use the default backend"
)


@final
class LlBox:
    """A command under Landlock and seccomp alone. One run at a time."""

    def __init__(
        self,
        state: str,
        *,
        asked: str = "",
        readable: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing. Raises CannotEnforce unless ``asked`` names this backend: it is never fallen back to."""
        if asked != NAME:
            raise _NOT_ASKED
        self._state = os.path.realpath(state)
        self._readable = tuple(os.path.realpath(path) for path in readable)
        self._variables = dict(variables or {})
        self._report: BoxReport | None = None

    def probe(self) -> BoxReport:
        """Run a command in a small workspace and judge it from outside. Done once. Raises CannotEnforce."""
        if self._report is not None:
            return self._report
        version = landlock.abi()
        if version < OLDEST:
            raise CannotEnforce(
                "the backend ll can't hold a command here",
                why=f"Landlock of ABI {version} does not scope signals",
                fix="use Linux 6.12 or newer, or the default backend",
            )
        with self.place() as folder:
            workspace = os.path.join(folder, "workspace")
            os.mkdir(workspace, 0o700)
            script = "echo seen > new && ! echo x > ../outside"
            outcome = self._perform(folder, workspace, ".", ["sh", "-c", script], b"", Limits(1 << 16, _PROBE_SECONDS))
            good = outcome.status == "ok" and outcome.value["status"] == 0 and os.listdir(workspace) == ["new"]
            if not good or os.path.exists(os.path.join(folder, "outside")):
                raise CannotEnforce(
                    "the backend ll does not hold what it promises", why=f"a command in it ended as {outcome}"
                )
        self._report = BoxReport(
            NAME,
            attested=False,
            layers={
                "landlock": f"ABI {version}: files allow-listed, TCP refused, signals scoped",
                "seccomp": "no sockets, no modes or times by path, no queues",
                "processes": "none is left",
                "not given": LACKS,
                "self-test": "passed by the process that becomes the command",
            },
        )
        return self._report

    def run(self, permit: Permit, stdin: bytes) -> Outcome:
        """Run ``permit.args["argv"]``: as ``NsBox.run``, but ``applied`` is True, and ``changes`` are not known.

        Raises CannotEnforce, nothing having run, also where the workspace holds what is to be hidden.
        """
        self.probe()
        workspace = os.path.realpath(permit.workspace)
        if within(workspace, self._state) or within(self._state, workspace):
            raise CannotEnforce("the workspace and the state directory hold one another", fix="use --state DIR")
        cwd = str(permit.args.get("cwd") or ".")
        with self.place() as folder:
            self.nothing_hidden(folder, workspace, [str(one) for one in permit.args["hidden"]])
            real = os.path.realpath(os.path.join(workspace, cwd))
            if not (within(real, workspace) and os.path.isdir(real)):
                return _failed("FileNotFoundError", f"{os.strerror(errno.ENOENT)}: {cwd!r}", errno.ENOENT)
            command = [str(word) for word in permit.args["argv"]]
            return self._perform(folder, workspace, cwd, command, stdin, permit.limits)

    def place(self) -> "tempfile.TemporaryDirectory[str]":
        """Return a folder for one run, as a context. Raises CannotEnforce."""
        parent = os.path.join(self._state, "boxes")
        try:
            os.makedirs(parent, mode=0o700, exist_ok=True)
            return tempfile.TemporaryDirectory(prefix="ll-", dir=parent)
        except OSError as error:
            raise CannotEnforce("there is no place for a box", why=str(error), fix="use --state DIR") from error

    def nothing_hidden(
        self, folder: str, workspace: str, patterns: Sequence[str], only: Sequence[Sequence[str]] = ()
    ) -> None:
        """Raise CannotEnforce if the workspace holds something that is not to be seen, or git's tokens."""
        masks = os.path.join(folder, "masks")
        os.mkdir(masks, 0o700)
        hidden = layers.mask(workspace, masks, _veil(patterns, only))
        tokens = []
        for here, _, names in os.walk(masks):
            place = os.path.relpath(here, masks)
            tokens += [os.path.join(place, name) for name in names if _is_text(os.path.join(here, name))]
        for path in tokens:
            with open(os.path.join(workspace, path), encoding="utf-8", errors="replace") as file:
                if "@" in file.read().replace("git@", ""):
                    hidden.append(path)
        if hidden:
            raise CannotEnforce(
                "the backend ll can hide nothing, and this workspace holds what is to be hidden",
                why=f"{len(hidden)} files, the first: {hidden[0]!r}",
                fix="use the default backend, or a copy of the workspace without them",
            )

    def _perform(
        self, folder: str, workspace: str, cwd: str, command: list[str], stdin: bytes, limits: Limits
    ) -> Outcome:
        end = time.monotonic() + limits.seconds
        plan = self.plan(folder, workspace, cwd, command)
        started = Kept(plan)
        process = started.process
        assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101  by PIPE
        pump = Pump(process, stdin, limits.bytes)
        out, said, report = (pump.collect(one) for one in (process.stdout, process.stderr, started.report))
        pump.feed(process.stdin)
        started.go()
        try:
            pump.run(end)
        except TimeoutError as error:
            return _failed("TimeoutError", f"{error.strerror} of {limits.seconds:g} seconds", errno.ETIMEDOUT)
        except TooMuchError:
            return _failed("OSError", f"the output is larger than the limit of {limits.bytes} bytes", errno.EFBIG)
        finally:
            started.end()
            pump.stop()
            started.close()
        return _outcome(started.process.returncode, out, said, report.decode("utf-8", "replace"), command)

    def plan(self, folder: str, workspace: str, cwd: str, command: Sequence[str]) -> dict[str, Any]:
        """Return what a keeper is told; make the command's home and place for temporary files in ``folder``."""
        own = {name: os.path.join(folder, name) for name in ("home", "tmp")}
        for path in own.values():
            os.mkdir(path, 0o700)
        variables = {**VARIABLES, "HOME": own["home"], "TMPDIR": own["tmp"], "USER": "agent", "LOGNAME": "agent"}
        return {
            "rules": [*self._rules(command[0], workspace), *((path, "write") for path in own.values())],
            "refused": sorted({home_of(os.getuid()), self._state, "/var"}),
            "cwd": os.path.normpath(os.path.join(workspace, cwd)),
            "variables": variables | self._variables,
            "argv": list(command),
        }

    def _rules(self, command: str, workspace: str) -> list[tuple[str, str]]:
        folders, _ = host.system()
        unseen = (home_of(os.getuid()), workspace, self._state)
        tools = host.tool_chain(command, (*folders, *self._readable), unseen)
        shown = [*folders, *self._readable, *tools, *(real for real, _ in host.configuration())]
        for path in (*self._readable, *tools):
            if within(self._state, path) or within(unseen[0], path):
                raise CannotEnforce(f"{path} would show the home or the state directory", fix="name something in it")
        devices = [path for path in DEVICES if os.path.exists(path)]
        return [*((path, "read") for path in shown), *((path, "device") for path in devices), (workspace, "write")]


@final
class Kept:
    """A started keeper, and our ends of what leads to it. ``go`` lets the command begin."""

    def __init__(self, plan: Mapping[str, Any], streams: tuple[int, int, int] = (subprocess.PIPE,) * 3) -> None:
        self.report, report = os.pipe()
        """What the process that becomes the command says of itself."""
        control, self._control = os.pipe()
        number = os.memfd_create("nucleus", os.MFD_CLOEXEC)
        with open(number, "w", encoding="utf-8", closefd=False) as file:
            json.dump(plan, file)
        os.lseek(number, 0, os.SEEK_SET)
        given = (number, control, report)
        root = str(Path(__file__).resolve().parents[2])
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", _BOOT, root, *map(str, given)],
                stdin=streams[0],
                stdout=streams[1],
                stderr=streams[2],
                pass_fds=given,
                env=clean_environment(),
                cwd="/",
                start_new_session=True,
            )
        finally:
            for one in given:
                os.close(one)

    def go(self) -> None:
        """Let the command begin."""
        os.write(self._control, b"g")

    def end(self) -> None:
        """Have the keeper end everything, and wait for it: killed at once it could not. Raises TimeoutExpired."""
        os.close(self._control)
        self.process.wait(_GRACE)

    def close(self) -> None:
        """Close our ends."""
        os.close(self.report)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def _outcome(status: int, out: bytearray, said: bytearray, report: str, command: list[str]) -> Outcome:
    """Return what came of a command. Raises CannotEnforce if it was not started because something did not hold."""
    first, _, rest = report.partition("\n")
    if first != "ok":
        raise CannotEnforce(
            "the backend ll does not hold what it promises; nothing was run",
            why=first.removeprefix("failed ") or said.decode("utf-8", "replace").strip(),
            fix="see what is missing: nucleus doctor",
        )
    if rest:
        number = int(rest.split()[1])
        kinds = {errno.ENOENT: "FileNotFoundError", errno.EACCES: "PermissionError"}
        return _failed(kinds.get(number, "OSError"), f"{os.strerror(number)}: {command[0]!r}", number)
    value = {
        "status": status,
        "stderr": said[-STDERR_LIMIT:].decode("utf-8", "replace"),
        "stderr_cut": max(0, len(said) - STDERR_LIMIT),
        "changes": [],
        "more_changes": True,
        "applied": True,
    }
    return Outcome("ok", value, bytes(out))


def _veil(patterns: Sequence[str], only: Sequence[Sequence[str]]) -> Veil:
    try:
        return Veil(patterns, only)
    except ValueError as error:
        raise CannotEnforce(
            "a box can't hide what the policy hides", why=str(error), fix="use another profile"
        ) from error


def _failed(kind: str, message: str, number: int) -> Outcome:
    return Outcome("failed", {"type": kind, "message": message, "errno": number})


def _is_text(path: str) -> bool:
    """Whether the mask layer holds a file of its own here: git's configuration, shown without its tokens."""
    return os.path.isfile(path)
