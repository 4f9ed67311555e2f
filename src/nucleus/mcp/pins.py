"""What the tools of a server were when a person last agreed to them.

A server is known by what is started (or its URL), not by its name. At the
first meeting everything that it lists is pinned, but for what hides
characters or looks like something else. From then on a definition that is
new, changed, renamed or looks like a known one is quarantined: it is hidden
from the client until a person has seen its escaped text. The digest covers
the whole definition: description, schemas, annotations, and fields that
nobody knows yet.

Not done here: that the server *does* what its definition says is nothing
that a pin can know.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass, field
from nucleus.mcp.text import escaped, hides

NAME: Final = re.compile(r"[A-Za-z0-9_./-]{1,128}")
"""What the specification (2025-11-25, server/tools, "Tool Names") lets a tool be called."""
INSTRUCTIONS: Final = " instructions"
"""The key of a server's instructions. No tool can have this name, nor the next two."""
SERVER: Final = " server"
"""The key of what a server says that it is called."""
CAPABILITIES: Final = " capabilities"
"""The key of what it says that it can do."""
VERSION: Final = 1
FILE_LIMIT: Final = 64 << 20
QUARANTINE_LIMIT: Final = 1024
"""Quarantined definitions that are kept to be shown. More are hidden as well, but not kept."""


def digest_of(value: object) -> str:
    """Return the digest of a JSON value, whatever the order of its keys was."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


@lru_cache(maxsize=64)
def _digest_of_command(command: tuple[str, ...]) -> str:
    return digest_of(list(command))


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """Who a server is: the command that starts it, resolved, or its URL."""

    command: tuple[str, ...]

    @property
    def is_url(self) -> bool:
        """Whether the server is behind a URL."""
        return len(self.command) == 1 and self.command[0].startswith(("http://", "https://"))

    @property
    def digest(self) -> str:
        """What stands for it in records and file names."""
        return _digest_of_command(self.command)


@final
@dataclass(frozen=True, slots=True)
class Quarantined:
    """A definition that waits for a person, and why."""

    definition: Any
    why: str

    def view(self, pinned: object = None) -> str:
        """Return what a person has to see: the reason, and the escaped definition or its difference."""
        import difflib

        after = _lines(self.definition)
        if pinned is None:
            return "\n".join([self.why, *after])
        return "\n".join([self.why, *difflib.unified_diff(_lines(pinned), after, "pinned", "now", lineterm="")])


@final
@dataclass(slots=True)
class Pins:
    """The pins of one server. ``learning`` until its first list is complete."""

    identity: Identity
    pinned: dict[str, Any] = field(default_factory=dict)
    """Name -> whole definition."""
    quarantined: dict[str, Quarantined] = field(default_factory=dict)
    learning: bool = True
    changed: bool = False
    """Whether the file is behind."""

    def see(self, definitions: Sequence[Any], *, last: bool) -> tuple[list[Any], dict[str, str]]:
        """Return those of a page that may be shown, and why each other one is hidden, by name.

        ``last``: nothing follows this page; what comes later is not the first meeting any more.
        """
        shown, hidden = [], {}
        here: set[str] = set()
        for definition in definitions:
            name = definition.get("name") if isinstance(definition, dict) else None
            why = "a second definition of one name" if name in here else self._judge(name, definition)
            if isinstance(name, str):
                here.add(name)
            if why:
                hidden[escaped(str(name))] = why
                self._quarantine(str(name), definition, why)
            else:
                shown.append(definition)
        if last and self.learning:
            self.learning, self.changed = False, True
        return shown, hidden

    def see_instructions(self, text: object) -> str:
        """Return why a server's instructions are withheld, "" where they are as pinned or there are none."""
        if text is None:
            return ""
        if not isinstance(text, str):
            return "instructions that are no text"
        if not self.learning and INSTRUCTIONS not in self.pinned:
            self._quarantine(INSTRUCTIONS, text, "new instructions")
            return "new instructions"
        return self.see_said(INSTRUCTIONS, text)

    def see_said(self, key: str, said: object) -> str:
        """Return why what a server says of itself is withheld, "" where it is as pinned, or said for the first time."""
        known = self.pinned.get(key)
        if known is not None and digest_of(known) == digest_of(said):
            return ""
        if known is None and not hides(said):
            self.pinned[key] = said
            self.changed = True
            return ""
        why = "hidden characters" if hides(said) else f"changed {key.strip()}"
        self._quarantine(key, said, why)
        return why

    def is_pinned(self, name: str) -> bool:
        """Whether a tool may be called: pinned, and not listed otherwise since."""
        return name[:1] != " " and name in self.pinned and name not in self.quarantined

    def accept(self, name: str) -> None:
        """Pin what is quarantined under ``name``. Raises KeyError."""
        self.pinned[name] = self.quarantined.pop(name).definition
        self.changed = True

    def reject(self, name: str) -> None:
        """Forget the pin of ``name`` too: it stays hidden until accepted. Raises KeyError."""
        waiting = self.quarantined[name]
        self.pinned.pop(name, None)
        self.quarantined[name] = Quarantined(waiting.definition, f"rejected: {waiting.why.removeprefix('rejected: ')}")
        self.changed = True

    def _judge(self, name: object, definition: Any) -> str:
        """Return why a definition is hidden; pin it at the first meeting."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return "not a name that a tool may have"
        if name in self.quarantined and self.quarantined[name].definition == definition:
            return self.quarantined[name].why
        if name in self.pinned:
            same = digest_of(self.pinned[name]) == digest_of(definition)
            if same:
                # Listed as pinned again: what differed in between is over.
                self.changed |= self.quarantined.pop(name, None) is not None
            return "" if same else "changed"
        why = self._suspicion(name, definition)
        if not why:
            self.pinned[name] = definition
            self.changed = True
        return why

    def _suspicion(self, name: str, definition: Any) -> str:
        """Return why a name that is not pinned is hidden, "" where it is neither odd nor late."""
        if hides(definition):
            return "hidden characters"
        twin = next((known for known in self.pinned if skeleton(known) == skeleton(name)), "")
        if twin:
            return f"looks like {twin}"
        if self.learning:
            return ""
        old = self._renamed_from(name, definition)
        return f"renamed from {old}" if old else "new"

    def _renamed_from(self, name: str, definition: Mapping[str, Any]) -> str:
        """Return the pinned name under which the same definition was known, "" if none."""
        mine = digest_of({**definition, "name": ""})
        for known, pin in self.pinned.items():
            if known != name and known[0] != " " and digest_of({**pin, "name": ""}) == mine:
                return known
        return ""

    def _quarantine(self, name: str, definition: Any, why: str) -> None:
        if name not in self.quarantined and len(self.quarantined) >= QUARANTINE_LIMIT:
            return
        if self.quarantined.get(name) != Quarantined(definition, why):
            self.quarantined[name] = Quarantined(definition, why)
            self.changed = True


def skeleton(name: str) -> str:
    """Return a name as a hurried reader sees it: no case, no separators, no difference of l 1 I, o 0, m rn."""
    plain = re.sub(r"[_./-]", "", name.casefold())
    return plain.replace("rn", "m").replace("vv", "w").translate(str.maketrans("1i0", "llo"))


def _lines(definition: object) -> list[str]:
    if isinstance(definition, str):
        return [escaped(line) for line in definition.split("\n")]
    text = json.dumps(definition, ensure_ascii=False, indent=2, sort_keys=True)
    return [escaped(line.replace("\\n", "\\n ")) for line in text.split("\n")]


def known(state: Path) -> list[Identity]:
    """Return every server that has pins, in the order of their ids. Raises CannotEnforce for a file that is none."""
    found = []
    for path in sorted((state / "mcp" / "pins").glob("*.json")):
        try:
            found.append(Identity(tuple(json.loads(path.read_text(encoding="utf-8"))["command"])))
        except (ValueError, KeyError, TypeError) as error:
            raise CannotEnforce(f"{path} is no pin file", why=str(error), fix="look at it, and remove it") from error
    return found


@final
class PinFile:
    """The pins of one server in the state directory, one file for each identity, the owner's only."""

    def __init__(self, state: Path, identity: Identity) -> None:
        self.path = state / "mcp" / "pins" / f"{identity.digest}.json"
        self._identity = identity

    @property
    def identity(self) -> Identity:
        """Whose pins these are."""
        return self._identity

    def load(self) -> Pins:
        """Return what is pinned; nothing, and ``learning``, at a first meeting. Raises CannotEnforce."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return Pins(self._identity)
        except OSError as error:
            raise self._unusable(str(error)) from error
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(FILE_LIMIT + 1)
        try:
            fields = json.loads(text)
            if fields["version"] != VERSION or fields["command"] != list(self._identity.command):
                raise self._unusable("it is of another version, or of another server")
            waiting = {name: Quarantined(row["definition"], row["why"]) for name, row in fields["quarantined"].items()}
            return Pins(self._identity, dict(fields["pinned"]), waiting, bool(fields["learning"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._unusable(f"not a pin file: {error}") from error

    def save(self, pins: Pins) -> None:
        """Write the pins: the old content or the new, never half. Raises OSError."""
        fields = {
            "version": VERSION,
            "command": list(pins.identity.command),
            "learning": pins.learning,
            "pinned": pins.pinned,
            "quarantined": {
                name: {"definition": one.definition, "why": one.why} for name, one in pins.quarantined.items()
            },
        }
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{os.urandom(8).hex()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(fields, file, ensure_ascii=True, allow_nan=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise
        pins.changed = False

    def _unusable(self, why: str) -> CannotEnforce:
        return CannotEnforce(
            f"the pins {self.path} can't be used",
            why=why,
            fix="look at the file, and remove it to meet the server anew",
        )
