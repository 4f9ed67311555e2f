"""A known agent in a box: what its preset says, made true for one run.

The agent's state directories are shown as overlays of their own, each with a
run's place of its own: what the agent changes there waits for a person, like
what it changes in the workspace, and nothing of it is applied unasked. Its
credential files are masked, with placeholders in their place. A key of the
owner's goes to the egress process, never into the box, unless the owner says
``--allow-login``.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.local import layers, preset
from nucleus.local.argv import Copy
from nucleus.local.network import ROUTES
from nucleus.local.preset import GENERIC, Preset, Route
from nucleus.local.run_folder import RunFolder
from nucleus.local.settings_file import without_credentials
from nucleus.local.state_file import FILE_LIMIT, Left, StateFile, put
from nucleus.local.toolchain import regular
from nucleus.local.veil import Veil

GATEWAY: Final = f"http://127.0.0.1:{ROUTES}"


@final
@dataclass(slots=True)
class Agent:
    """One command's preset, applied."""

    preset: Preset
    login: str
    argv: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    texts: list[tuple[str, bytes]] = field(default_factory=list)
    """Files that the command may read: (place in the box, content)."""
    home: str = ""
    files: list[StateFile] = field(default_factory=list)
    """Its single files in home."""
    own: RunFolder | None = None
    """The place of what it changes in these."""
    copies: list[Copy] = field(default_factory=list)
    folders: list[RunFolder] = field(default_factory=list)
    """The places of the copies' changes, in the same order."""
    hidden: list[list[str]] = field(default_factory=list)
    """For each copy: its masked paths."""
    hosts: tuple[str, ...] = ()
    """What the owner allows by ``--allow-login``."""

    @property
    def copied(self) -> list[tuple[str, bytes]]:
        """Return the files that it may change in the box: (place, content)."""
        return [(os.path.join(self.home, one.name), one.shown) for one in self.files if one.shown is not None]

    @property
    def known(self) -> bool:
        """Whether anything is known of the command."""
        return self.preset.name != GENERIC

    @property
    def described(self) -> tuple[str, ...]:
        """What is shown at start, one line each."""
        return preset.described(self.preset, self.login)

    @property
    def allows(self) -> dict[str, list[str]]:
        """What the owner grants by naming the agent: its model, or with ``--allow-login`` its provider's hosts."""
        model = [pattern for route in self._routes for pattern in route.allows]
        return {"model": model, "fetch": list(self.hosts)}

    @property
    def _routes(self) -> tuple[Route, ...]:
        return self.preset.routes if self.login in {"key", "token"} else ()

    def models(self, owner: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return the settings of the model channel: addresses, and the owner's keys."""
        found = {}
        for route in self._routes:
            names, header, scheme = route.keys, route.header, route.scheme
            if self.login == "token":
                names, header, scheme = route.tokens, route.token_header, route.token_scheme
            key = next((owner[name] for name in names if owner.get(name)), "")
            if key:
                found[route.name] = {"upstream": route.upstream, "header": header, "scheme": scheme, "key": key}
        return found

    def show_state(self, state: str, home: str) -> bool:
        """Copy what the agent keeps in home; return whether there is anything. Raises CannotEnforce, OSError."""
        for name in self.preset.directories:
            place = os.path.join(home, name)
            if os.path.isdir(place) and not os.path.islink(place):
                self._copy(state, place, name)
        self.home = home
        if self.preset.state_files:
            # INVARIANT: made before the files are read: what the owner changes in one after that is a conflict.
            self.own = RunFolder(state)
        for name in self.preset.state_files:
            content = shown = None
            with suppress(FileNotFoundError):
                content = regular(os.path.join(home, name), FILE_LIMIT + 1)
                if len(content) > FILE_LIMIT:
                    continue
                shown = content if self.login == "pass" else without_credentials(content)
            self.files.append(StateFile(name, content, shown))
        return bool(self.copies or self.copied)

    def collect(self, left: Left) -> Iterator[str]:
        """Take what the agent made of its single files, once all of the box is dead; yield a line for what is lost."""
        for one in self.files:
            try:
                content = one.changed(left(one.name))
            except ValueError as error:
                yield f"~/{one.name}: what was changed in it is lost: {error}"
                continue
            if content is not None and self.own is not None:
                put(os.path.join(self.own.path, "upper"), self.home, one.name, content)

    def _copy(self, state: str, place: str, name: str) -> None:
        folder = RunFolder(state)
        self.folders.append(folder)
        masks = os.path.join(folder.path, "masks")
        inner = {path[len(name) + 1 :]: text for path, text in self.preset.credentials.items() if _below(path, name)}
        hidden = layers.mask(place, masks, Veil([path for path in inner if path]))
        shown = set(inner) if self.login == "pass" else {path for path, text in inner.items() if text}
        for path in shown:
            _put(masks, place, path, None if self.login == "pass" else inner[path])
        layers.dress(place, masks)
        layers.dress(place, os.path.join(folder.path, "upper"))
        self.hidden.append([path for path in hidden if path not in shown])
        upper, work = (os.path.join(folder.path, name) for name in ("upper", "work"))
        self.copies.append(Copy(place, upper, work, masks))

    def begin(self, fields: Mapping[str, Any]) -> None:
        """Write down, for each copy, what runs. Raises OSError."""
        for (folder, place, _), hidden in zip(self._places(), [*self.hidden, []], strict=False):
            folder.begin(place, str(fields["profile"]), self.argv, hidden)
            folder.note({name: fields[name] for name in ("principal", "trace")})

    def _places(self) -> list[tuple[RunFolder, str, str]]:
        """Return each place of changes, what of home it lies over, and the layer of changes."""
        found = [(one, copy.place, copy.upper) for one, copy in zip(self.folders, self.copies, strict=True)]
        own = self.own
        return found if own is None else [*found, (own, self.home, os.path.join(own.path, "upper"))]

    def end(self, exposure: int, status: int) -> list[tuple[str, str, int]]:
        """Return, for each place that was changed: the run's name, the place, how many changes. The rest is removed."""
        waiting = []
        for folder, place, upper in self._places():
            folder.note({"exposure": exposure})
            folder.end(status)
            found, _ = layers.changes(place, upper, 1000)
            folder.release()
            if found:
                waiting.append((folder.id, place, len(found)))
            else:
                folder.discard()
        return waiting

    def release(self, *, began: bool = True) -> None:
        """Let go of every place; those of a command that never began are removed."""
        for folder, _, _ in self._places():
            folder.release(began=began)


def agent(argv: Sequence[str], owner: Mapping[str, str], *, login: bool, servers: Sequence[str] = ()) -> Agent:
    """Return the preset of a command, with the way to log in that the owner's variables allow.

    ``login``: the owner said ``--allow-login``. ``servers``: the names of the run's MCP servers. Raises ValueError
    where this agent was not tried so.
    """
    found = preset.preset_for(argv)
    way = "pass" if login else _way(found, owner)
    if login and found.name == GENERIC:
        raise ValueError("--allow-login is for agents of which a preset is known; nothing is known of this command")
    setting = preset.applied(found, argv, way, GATEWAY, servers)
    texts = [(place, text.encode()) for place, text in setting.files.items()]
    return Agent(found, way, setting.argv, setting.variables, texts, hosts=setting.hosts)


def _way(found: Preset, owner: Mapping[str, str]) -> str:
    """Return how the agent logs in: with a key of the owner's, with a token, or not at all."""
    if "key" in found.logins and any(owner.get(name) for route in found.routes for name in route.keys):
        return "key"
    if "token" in found.logins and any(owner.get(name) for route in found.routes for name in route.tokens):
        return "token"
    return ""


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder + "/")


def _put(masks: str, place: str, path: str, text: str | None) -> None:
    """Put a text over a file of the host's; None shows the file as it is."""
    over = os.path.join(masks, path)
    if not os.path.lexists(os.path.join(place, path)) and text is None:
        return
    with suppress(FileNotFoundError):
        os.unlink(over)
    if text is not None:
        os.makedirs(os.path.dirname(over), mode=0o700, exist_ok=True)
        if not os.path.isdir(os.path.join(place, os.path.dirname(path))):
            return
        with open(os.open(over, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(text)
