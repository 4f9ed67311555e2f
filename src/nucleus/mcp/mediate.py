"""The mediator as a process: what ``nucleus mcp run`` becomes.

The command line looks at its options, begins to enter the session, and
replaces itself by ``python -I -S -B privileged.py mediator FD`` in a clean
environment (``become``). What it found out stands in a memory file that
nobody else has: the server's environment with its secrets is in no command
line and in no environment of ours. Everything is imported and frozen, and the
process is not dumpable, before that file is read (``mediate``).
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, final

from nucleus.errors import CannotEnforce, NucleusError
from nucleus.gate import sessions
from nucleus.gate.connection import Connection, refusal
from nucleus.gate.hardening import clean_environment
from nucleus.gate.spawn import BOOTSTRAP, interpreter
from nucleus.lean import dataclass, field
from nucleus.mcp import stdio
from nucleus.mcp.engine import Mediator
from nucleus.mcp.mapping import MappingError, Mappings, read_mappings, shipped
from nucleus.mcp.pins import Identity, PinFile, Pins

MAPPINGS: Final = "mappings.toml"
"""The owner's own mappings, in ``mcp/`` of the state directory."""
LIMIT: Final = 16 << 20


@final
@dataclass(frozen=True, slots=True)
class Task:
    """What one mediator is to do."""

    name: str
    """What the owner's policy calls the server: ``[mcp.NAME]``."""
    command: tuple[str, ...]
    """The server's command, resolved: its identity too."""
    environment: Mapping[str, str]
    """What the server gets."""
    fields: Mapping[str, Any]
    """What a gate is opened with."""
    session: str = ""
    quiet: bool = False
    begun: Mapping[str, int] = field(default_factory=dict)
    """The session that is being entered (``sessions.Begun``), if it is."""
    url: str = ""
    """Where the server is, if it is not started here."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What it is sent with each request."""
    contain: bool = False
    """The server runs in a box of its own."""
    listen: str = ""
    """HOST:PORT to serve clients at, in place of standard input and output."""

    @property
    def state(self) -> Path:
        """The state directory."""
        return Path(str(self.fields["state"]))

    @property
    def observe(self) -> bool:
        """Whether the owner only wants to see what would be asked."""
        return self.fields.get("observe") is True

    @property
    def workspace(self) -> str:
        """Where the server runs."""
        return str(self.fields["workspace"])


def become(task: Task) -> NoReturn:
    """Replace this process by the mediator for ``task``, whose session is begun. Raises CannotEnforce, OSError."""
    memory = os.memfd_create("nucleus-mediator", os.MFD_CLOEXEC)
    text = json.dumps(asdict(task)).encode()
    if len(text) > LIMIT:
        raise CannotEnforce("the server's environment is too large", why=f"{len(text)} bytes", fix="name less of it")
    os.write(memory, text)
    os.lseek(memory, 0, os.SEEK_SET)
    for kept in (memory, *(task.begun[name] for name in ("sock", "lock") if task.begun.get(name, -1) >= 0)):
        os.set_inheritable(kept, True)
    extras = (("url", task.url), ("listen", task.listen), ("contain", task.contain))
    more = [name for name, value in extras if value]
    words = [interpreter(), "-I", "-S", "-B", str(BOOTSTRAP), "mediator", str(memory), *more]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(words[0], words, clean_environment())  # noqa: S606  by absolute path, with no shell to misread it


def mediate(descriptor: int, box: "Box | None" = None) -> int:
    """Mediate as the memory file at ``descriptor`` says, until the client leaves; return the exit status."""
    with os.fdopen(descriptor, "rb") as file:
        fields = json.loads(file.read(LIMIT))
    task = Task(**{**fields, "command": tuple(fields["command"])})
    try:
        return run(task, box)
    except NucleusError as error:
        sys.stderr.write(f"nucleus: {error.diagnostics()}\n")
        return 1


def run(task: Task, box: "Box | None" = None) -> int:
    """Mediate one server. Raises CannotEnforce, PolicyError, Refused; then no server was started."""
    pin_file = PinFile(task.state, Identity(task.command))
    kept = Kept(pin_file, pin_file.load(), mappings_of(task.state), box)
    if task.listen:
        from nucleus.mcp.listening import mediate_over_http

        return mediate_over_http(task, kept)
    entered = enter(task)
    server = served(task, kept, entered.connection, entered.opened)
    mediator = Mediator(kept.file.identity, task.name, kept.pins, kept.mappings, task.observe)
    pump = stdio.Pump(mediator, (0, 1), server.ends, entered.sock, kept.save, say)
    try:
        pump.run()
    finally:
        server.end()
        entered.leave(stdio.GRACE)
    return told(pump.why, mediator.violations)


def told(why: str, violations: int) -> int:
    """Say how it ended, and return the exit status."""
    if why:
        say(why)
    if violations:
        say(f"{violations} messages against the protocol were stopped")
    return 1 if why else 0


@final
@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a server before it starts."""

    file: PinFile
    pins: Pins
    mappings: Mappings
    box: "Box | None" = None
    """Starts a server in a box of its own; where this is None, ``--contain`` is refused."""

    def save(self) -> None:
        """Write the pins. Raises OSError."""
        self.file.save(self.pins)

    def definition(self, name: str) -> Mapping[str, Any] | None:
        """Return the pinned definition of a tool, None where there is none."""
        return self.pins.pinned[name] if self.pins.is_pinned(name) else None


class Boxed(Protocol):
    """A server that runs in a box of its own."""

    @property
    def ends(self) -> tuple[int, int]:
        """Descriptors to read from and to write to."""
        ...

    def end(self, seconds: float) -> int:
        """End it, and everything in its box, after ``seconds``; return its status."""
        ...


Box = Callable[[Task, list[list[str]], Mapping[str, Any]], Boxed]
"""(task, the veil as the gate tells it, what was opened) -> the server, started. Raises CannotEnforce."""


@final
@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: descriptors to read from and to write to, and how to end it."""

    ends: tuple[int, int]
    end: Callable[[], object]


def served(task: Task, kept: Kept, gate: Connection, opened: Mapping[str, Any]) -> Served:
    """Start the task's server, or the way to it. Raises CannotEnforce, Refused."""
    if task.url:
        from nucleus.mcp.bridge import Bridge
        from nucleus.mcp.wire import Exchange, address_of, verified

        address = address_of(task.url)
        context = verified() if address.tls else None
        bridge = Bridge(address, task.headers, lambda: Exchange(address, context), kept.definition)
        bridge.start()
        return Served((bridge.ours.fileno(), bridge.ours.fileno()), bridge.end)
    if task.contain:
        needs, _ = gate.request({"do": "needs"})
        if needs["what"] != "needs" or kept.box is None:
            raise refusal(needs)
        boxed = kept.box(task, needs["veil"], {**opened, "profile": needs["profile"]})
        return Served(boxed.ends, lambda: boxed.end(stdio.GRACE))
    server = stdio.launch(task.command, task.environment, task.workspace)
    assert server.stdin is not None  # noqa: S101  it was started with pipes
    assert server.stdout is not None  # noqa: S101  likewise
    return Served((server.stdout.fileno(), server.stdin.fileno()), lambda: stdio.end_server(server))


def enter(task: Task) -> sessions.Entered:
    """Finish entering the session that was begun, and say what a person should know of it."""
    entered = sessions.settle(sessions.Begun(**task.begun)) if task.begun else None
    if entered is None:
        entered = sessions.enter(task.fields, name=task.session)
    opened = entered.opened
    for line in opened["notes"] if not opened.get("joined") else ():
        say(line)
    if not task.quiet:
        outside = "; the client's other tools are outside" if opened["level"] == "mediated" else ""
        say(f"session {opened['principal']}, level {opened['level']}{outside}")
    if task.observe:
        say("--observe: nobody is asked; what the profile would ask is allowed and recorded, what it denies is denied")
    return entered


def _leads_to(path: str) -> str:
    return path if "\0" in path else os.path.realpath(path)


def _is_file(path: str) -> bool:
    return "\0" not in path and os.path.isfile(path)


def mappings_of(state: Path) -> Mappings:
    """Return the shipped mappings and the owner's own. Raises CannotEnforce."""
    own = state / "mcp" / MAPPINGS
    try:
        owners = [own.read_text(encoding="utf-8")] if own.is_file() else []
        return read_mappings(shipped(), *owners, follow=_leads_to, regular=_is_file)
    except (MappingError, UnicodeDecodeError) as error:
        raise CannotEnforce("the mappings can't be used", why=str(error), fix=f"correct mcp/{MAPPINGS}") from error


def say(text: str) -> None:
    """Write one line for the person at the client."""
    sys.stderr.write(f"nucleus mcp: {text}\n")
    sys.stderr.flush()
