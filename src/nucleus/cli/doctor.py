"""``nucleus doctor``: what works on this machine, what does not, and the exact fix, found out by use.

One line for each thing, made for eyes and for programs alike::

    STATE NAME: DETAIL; fix: FIX

``ok`` works, ``no`` is missing and ``nucleus run`` refuses without it,
``note`` works with less, as the detail says. Status 0: no line says ``no``.
``--fix`` installs what a person agrees to in a typed word at a terminal, and
nothing else: an AppArmor profile for the one bubblewrap that is used.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from nucleus.cli import Usage
from nucleus.errors import CannotEnforce, NucleusError
from nucleus.local import apparmor, bwrap, machine, probe
from nucleus.local.bwrap import Bubblewrap
from nucleus.local.machine import Row
from nucleus.local.ns import NsBox
from nucleus.policy.place import prepare, state_directory
from nucleus.trace.export import escaped

AGREED: Final = "yes"
_SECONDS: Final = 60
_NEEDS_LINUX: Final = Row(
    "no",
    "system",
    f"this is {sys.platform}: boxes, seals and the gate need Linux; policies, traces and nucleus audit work here",
    "use a Linux machine, or a Linux virtual machine",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--fix", action="store_true", help="offer to install what is missing; asks at the terminal before each step"
    )


def run(args: argparse.Namespace) -> int:
    """Look at everything, say it, and with ``--fix`` offer the remedy. 1 if something that a run needs is missing."""
    if not sys.platform.startswith("linux"):
        print(line(_NEEDS_LINUX))
        return 1
    state = state_directory(args.state or "", os.environ)
    missing = _look(state, quiet=args.quiet)
    if args.fix and fix(apparmor.Installer(), _restricted(), sys.stdin, sys.stdout):
        missing = _look(state, quiet=args.quiet)
    return 1 if missing else 0


def _look(state: Path, *, quiet: bool) -> list[str]:
    """Print a line for each thing as it is known, and a closing one; return the names of what is missing."""
    missing, less = [], 0
    for row in rows(state):
        missing += [row.name] if row.state == "no" else []
        less += row.state == "note"
        if row.state == "no" or not quiet:
            print(line(row), flush=True)
    if missing:
        print(f"nucleus run refuses here with status 78 until this is there: {', '.join(missing)}")
    elif not quiet:
        print("everything that nucleus run needs works here" + (f"; {less} note(s) above" if less else ""))
    return missing


def line(row: Row) -> str:
    """Return a row as one line; nothing in it moves the cursor."""
    detail = escaped(" ".join(row.detail.split()))
    return f"{row.state:<4} {row.name}: {detail}" + (f"; fix: {escaped(' '.join(row.fix.split()))}" if row.fix else "")


def rows(state: Path) -> Iterator[Row]:
    """Yield what came of each thing. ``state`` is the state directory: it is made if it is not there."""
    system = os.uname()
    yield Row("ok", "system", f"{system.sysname} {system.release}, {system.machine}")
    try:
        place = prepare(state)
    except CannotEnforce as error:
        yield _failed("state directory", error)
        return
    yield Row("ok", "state directory", str(place))
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-", dir=place) as scratch:
            yield _gate(scratch)
            yield machine.unseen_processes(_read)
            yield from _box(scratch)
    except OSError as error:  # a full disk, a bound on files: the other trials need none
        why = f"nothing can be tried in {place}: {error.strerror}"
        yield Row("no", "room in the state directory", why, "make room there, or use --state DIR")
    yield machine.foreign_calls()
    yield machine.landlock_by_use()
    yield machine.pidfds()
    yield machine.terminals()
    yield machine.cgroups(_read)
    yield machine.memory(_read)
    yield machine.git()
    yield machine.container(_read)


def _gate(scratch: str) -> Row:
    """Start a gate with a state directory of its own, ask it for one file, and see it end."""
    from nucleus.gate import boxed
    from nucleus.session import Session, end_gate

    if os.environ.get(boxed.VARIABLE) == boxed.DOOR:
        return Row("note", "gate", "this is inside of a box of nucleus run: its own gate answers here")
    workspace, state = os.path.join(scratch, "workspace"), os.path.join(scratch, "state")
    os.mkdir(workspace, 0o700)
    os.mkdir(state, 0o700)
    with open(os.path.join(workspace, "file"), "x", encoding="utf-8") as file:
        file.write("text")
    try:
        with Session(profile="read_only", workspace=workspace, state=state) as session:
            found = session.fs.read("file")
    except (NucleusError, OSError) as error:
        return _failed("gate", error)
    finally:
        end_gate()
    return (
        Row("ok", "gate", "starts, decides, records") if found == "text" else Row("no", "gate", "it read another file")
    )


def _box(scratch: str) -> Iterator[Row]:
    """Try what a box is made of, one thing after the other, and then a whole one."""
    found = None
    for one in bwrap.survey():
        if isinstance(one, Bubblewrap):
            found = found or one
        else:
            yield Row("note", "bubblewrap", f"not used: {one}")
    if found is None:
        yield Row("no", "bubblewrap", "there is none that will do", bwrap.FIX)
        return
    yield Row("ok", "bubblewrap", f"{found.version[0]}.{found.version[1]}, {found.path}")
    examined = os.path.join(scratch, "examined")
    os.mkdir(examined, 0o700)
    good = True
    for finding in probe.examine(found.path, examined):
        good = good and not finding.why
        if finding.mechanism == "Landlock":
            continue  # it has a line of its own, for seals need it too
        yield (
            Row("no", finding.mechanism, finding.why, finding.fix)
            if finding.why
            else Row("ok", finding.mechanism, "works")
        )
        if finding.mechanism == "user namespace":
            yield _apparmor(found, works=not finding.why)
    if not good:
        return
    try:
        NsBox(os.path.join(scratch, "state")).probe()
    except CannotEnforce as error:
        yield _failed("whole box", error)
        return
    yield Row("ok", "whole box", "a command in one passed its self-test, and was judged from outside")
    yield _run(scratch)


def _run(scratch: str) -> Row:
    """Run a command as ``nucleus run`` does, with gate, network and changes that come home."""
    workspace, state = os.path.join(scratch, "run"), os.path.join(scratch, "state of the run")
    os.mkdir(workspace, 0o700)
    # A state directory of its own: what descends from this process's own gate could do no more than that one.
    words = ["-P", "-m", "nucleus", "--state", state, "run", "--profile", "local_dev"]
    words += ["--workspace", workspace, "--non-interactive", "--", "sh", "-c", "echo text > made.txt"]
    try:
        done = subprocess.run(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Row("no", "nucleus run", str(error), "report it, with the output of nucleus doctor")
    if done.returncode == 0 and os.path.exists(os.path.join(workspace, "made.txt")):
        return Row("ok", "nucleus run", "a command ran under a gate, and what it wrote came home")
    said = " ".join(done.stderr.decode("utf-8", "backslashreplace").split())
    return Row("no", "nucleus run", said or f"it ended with status {done.returncode}", "report it, with this output")


def _apparmor(found: Bubblewrap, *, works: bool) -> Row:
    if not _switched():
        return Row("ok", "AppArmor", "does not keep user namespaces from programs")
    if works:
        return Row("ok", "AppArmor", "keeps user namespaces for programs with a profile, and this bubblewrap has them")
    return Row("no", "AppArmor", f"no profile lets {found.path} have user namespaces", "nucleus doctor --fix")


def _switched() -> bool:
    return _read(apparmor.SWITCH).strip() == "1"


def _restricted() -> str:
    """Return the bubblewrap that AppArmor keeps from user namespaces, "" if it keeps none. Raises CannotEnforce."""
    if not _switched():
        return ""
    found = bwrap.find()
    with tempfile.TemporaryDirectory() as scratch:
        first = next(iter(probe.examine(found.path, scratch)))
    return found.path if first.why else ""


def fix(installer: apparmor.Installer, bubblewrap: str, terminal: IO[str], out: IO[str]) -> bool:
    """Install the profile for ``bubblewrap`` if a person types yes; return whether it was.

    Says so and does nothing where there is nothing to fix. Raises Usage where
    ``terminal`` and ``out`` are none: nobody there could agree; CannotEnforce if it fails.
    """
    if not bubblewrap:
        print("nothing here that --fix could install: each fix above is for you to do", file=out)
        return False
    if not (terminal.isatty() and out.isatty()):
        raise Usage(f"--fix asks at a terminal, and this is none; {apparmor.by_hand(bubblewrap)}")
    print(f"This would be written to {installer.place}, and loaded:\n\n{apparmor.profile(bubblewrap)}", file=out)
    open_to = apparmor.writable(bubblewrap)
    if open_to:
        print(f"Not only root can change {open_to}: another program that is put there has the same right.", file=out)
    print(f"Type {AGREED} to do it: ", end="", file=out, flush=True)
    if terminal.readline().strip() != AGREED:
        print("nothing was changed", file=out)
        return False
    installer.install(bubblewrap)
    print(f"{installer.place}: installed and loaded", file=out)
    return True


def _failed(name: str, error: NucleusError | OSError) -> Row:
    if isinstance(error, CannotEnforce):
        return Row("no", name, str(error), error.fix)
    return Row("no", name, str(error), "report it, with the output of nucleus doctor")


def _read(path: str) -> str:
    """Return the text of a small file, "" if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
