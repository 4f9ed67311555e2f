"""Presets: what is known of an agent that a box must know too. Data files beside this module; pure.

A preset says which directories of home an agent keeps its state in, which
files hold its credentials and what stands in their place, how its own sandbox
is switched off, where it is told the address of its model, and which ways to
log in were tried. It is found by the name of the command, and shown at start.

A preset grants nothing by itself: ``Route.allows`` are the patterns of
``[allow] model`` that a route needs, for the composition root to hand to the
policy as the owner's choice, since the owner named the agent.

Three ways to log in, each only where it was tried:

``key``    the gate holds an API key; the agent holds a placeholder
``token``  the gate holds an OAuth token; the agent holds a placeholder
``pass``   the agent's own credential files are shown to it (``--allow-login``)
"""

import json
import os.path
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import PolicyError
from nucleus.lean import dataclass, field

_FOLDER: Final = Path(__file__).parent / "presets"
GENERIC: Final = "generic"
LOGINS: Final = ("key", "token", "pass")
FILES: Final = "/run/nucleus-preset"
"""Where the files of a preset stand in the box."""
SERVERS_FILE: Final = f"{FILES}/mcp.json"
"""The MCP servers of a run, in the form that most clients read."""
SERVERS_VARIABLE: Final = "NUCLEUS_MCP_CONFIG"
"""Holds the place of that file, in every box that has servers."""


@final
@dataclass(frozen=True, slots=True)
class Route:
    """One model, reached by a route of the gateway."""

    name: str
    upstream: str
    allows: tuple[str, ...]
    """What ``[allow] model`` must permit for it."""
    header: str
    """The header that carries a key; ``scheme`` stands before the key in it."""
    scheme: str
    keys: tuple[str, ...]
    """Variables of the owner's that may hold the key, in order of preference."""
    token_header: str = ""
    token_scheme: str = ""
    tokens: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """What tells the agent the address."""


@final
@dataclass(frozen=True, slots=True)
class Words:
    """Words that are put behind the command's name."""

    words: tuple[str, ...]
    unless: tuple[str, ...] = ()
    """Not where the owner said one of these."""
    logins: tuple[str, ...] = LOGINS
    """Only with these ways to log in."""


@final
@dataclass(frozen=True, slots=True)
class Login:
    """One way to log in that was tried."""

    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    """What must be reachable by the proxy, since no route carries the model."""
    files: Mapping[str, str] = field(default_factory=dict)
    """In place of the preset's own files of the same names."""


@final
@dataclass(frozen=True, slots=True)
class Told:
    """How an agent is told of the run's MCP servers. ``{servers}`` is the file of all of them."""

    words: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    """Once for each server, with its ``{name}`` and ``{url}``; for plain names only (letters, digits, - and _)."""
    file: str = ""
    """One of the preset's own files, a JSON object, that gets ``mcpServers`` too."""
    key: str = "url"
    """What the address is called there."""


@final
@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of one agent. Paths are relative to home."""

    name: str
    title: str
    commands: tuple[str, ...]
    tried: str
    """The releases that this was tried with."""
    inner_sandbox: str
    arguments: tuple[Words, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Small files of ours, by their names in ``FILES``."""
    directories: tuple[str, ...] = ()
    state_files: tuple[str, ...] = ()
    """Shown as copies. They steer later sessions, so what is changed in them comes back only by apply."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Files that never get in -> what stands in their place; "" for nothing."""
    routes: tuple[Route, ...] = ()
    logins: Mapping[str, Login] = field(default_factory=dict)
    mcp: Told | None = None


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """A preset applied to one command."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    files: Mapping[str, str]
    """Absolute place in the box -> text."""
    placeholders: Mapping[str, str]
    """Path relative to home -> text; a path with "" is left out of what is copied."""
    hosts: tuple[str, ...]


@cache
def names() -> tuple[str, ...]:
    """Return the names of the built-in presets, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def read(name: str) -> Preset:
    """Return a built-in preset. Raises PolicyError for an unknown name, with the nearest one."""
    if name not in names():
        raise PolicyError(f"there is no preset {name!r}", fix=_near(name, names()))
    return parse(_bytes(name), name)


def _bytes(name: str) -> bytes:
    return (_FOLDER / f"{name}.toml").read_bytes()


def preset_for(argv: Sequence[str]) -> Preset:
    """Return the preset for a command, by its name alone; the generic one where none is known.

    Nothing is looked up: a program of that name that is another one gets the
    same preset, which takes away more than it gives.
    """
    name = os.path.basename(argv[0]) if argv else ""
    quoted = f'"{name}"'.encode("utf-8", "surrogateescape")
    for one in names():
        # A file that does not hold the name, in quotes, is not taken apart: that costs more than all else here.
        if quoted in _bytes(one) and name in read(one).commands:
            return read(one)
    return read(GENERIC)


def applied(preset: Preset, argv: Sequence[str], login: str, base: str, servers: Sequence[str] = ()) -> Setting:
    """Return what a box is given for ``argv``: ``base`` is the gateway's address, ``http://127.0.0.1:3129``.

    ``servers`` are the names of the run's MCP servers. With ``login`` "" the agent gets neither placeholder nor
    route. Raises ValueError for a way to log in that this preset does not offer.
    """
    if login and login not in preset.logins:
        raise ValueError(f"{preset.title} was not tried with {login!r}; tried: {', '.join(preset.logins) or 'nothing'}")
    routed = login in {"key", "token"}
    places = {"files": FILES} | {route.name: f"{base}/model/{route.name}" for route in preset.routes}
    variables = dict(preset.environment)
    for route in preset.routes if routed else ():
        variables |= route.environment
    variables |= preset.logins[login].environment if login else {}
    files = {**preset.files, **(preset.logins[login].files if login else {})}
    more = [
        word
        for one in preset.arguments
        if (login in one.logins or one.logins == LOGINS) and not set(one.unless) & set(argv)
        for word in one.words
    ]
    if servers:
        variables[SERVERS_VARIABLE] = SERVERS_FILE
        more += _tell(preset.mcp or Told(), {name: f"{base}/mcp/{name}" for name in servers}, files)
    return Setting(
        argv=(*argv[:1], *(_filled(word, places) for word in more), *argv[1:]),
        variables={name: _filled(value, places) for name, value in variables.items()},
        files={place if place[:1] == "/" else f"{FILES}/{place}": text for place, text in files.items()},
        placeholders={} if login == "pass" else dict(preset.credentials),
        hosts=preset.logins[login].hosts if login else (),
    )


def _tell(told: Told, urls: Mapping[str, str], files: dict[str, str]) -> list[str]:
    """Put the servers into ``files``, and return the words that tell of them."""
    entries = {name: {"type": "http", "url": url} for name, url in urls.items()}
    files[SERVERS_FILE] = json.dumps({"mcpServers": entries})
    if told.file:
        settings = json.loads(files.get(told.file, "{}"))
        files[told.file] = json.dumps({**settings, "mcpServers": {name: {told.key: url} for name, url in urls.items()}})
    words = [_filled(word, {"servers": SERVERS_FILE}) for word in told.words]
    for name, url in urls.items():
        # In the settings of some agents a dot would lead into a table of another name.
        words += [_filled(word, {"name": name, "url": url}) for word in told.each if "." not in name]
    return words


def described(preset: Preset, login: str) -> tuple[str, ...]:
    """Return what is shown at start, one line each."""
    if preset.name == GENERIC:
        return ()
    lines = [f"preset {preset.name}: {preset.title}, tried with {preset.tried}"]
    if login == "pass":
        lines.append("  it gets its own credentials (--allow-login): whatever runs in the box can read and send them")
    else:
        held = {"key": "your API key", "token": "your token", "": "nothing"}[login]
        lines.append(f"  log in: the gate holds {held}; credential files are replaced by placeholders")
    routes = preset.routes if login in {"key", "token"} else ()
    lines += [
        f"  model: {one.upstream} through the gateway; the provider sees everything that is sent" for one in routes
    ]
    kept = [f"~/{path}" for path in (*preset.directories, *preset.state_files)]
    lines.append(f"  state: {', '.join(kept)}: a copy, changes are for you to apply")
    lines.append(f"  its own sandbox: {preset.inner_sandbox}")
    return tuple(lines)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        text = text.replace("{" + name + "}", place)
    return text


def parse(data: bytes, name: str) -> Preset:
    """Return the preset in a file's bytes. Raises PolicyError, with the place and the fix, for anything else."""
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"not a preset: {error}", path=f"preset {name}") from error
    _Reader(name).check((), content, _SCHEMA)
    if content["version"] != 1:
        raise PolicyError(f"version {content['version']} is not known here", path=f"preset {name}", fix="version = 1")
    state = content.get("state", {})
    return Preset(
        name=name,
        title=content["title"],
        commands=tuple(content["commands"]),
        tried=content["tried"],
        inner_sandbox=content["inner_sandbox"],
        arguments=tuple(Words(**_frozen(one)) for one in content.get("arguments", [])),
        environment=content.get("environment", {}),
        files=content.get("files", {}),
        directories=tuple(state.get("directories", [])),
        state_files=tuple(state.get("files", [])),
        credentials=content.get("credentials", {}),
        routes=tuple(Route(**_frozen(one)) for one in content.get("routes", [])),
        logins={way: Login(**_frozen(one)) for way, one in content.get("logins", {}).items()},
        mcp=Told(**_frozen(content["mcp"])) if "mcp" in content else None,
    )


def _frozen(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


@final
@dataclass(frozen=True, slots=True)
class _Kind:
    """What a value must be: a text, a number, a list of texts or paths, a table of texts, a table, a list of tables."""

    kind: str
    keys: Mapping[str, "_Kind"] = field(default_factory=dict)
    required: tuple[str, ...] = ()


_TEXT: Final = _Kind("text")
_TEXTS: Final = _Kind("texts")
_PATHS: Final = _Kind("paths")
_MAP: Final = _Kind("map")
_LOGIN: Final = _Kind("table", {"environment": _MAP, "hosts": _TEXTS, "files": _Kind("path_map")})
_ROUTE: Final = {
    "name": _TEXT,
    "upstream": _TEXT,
    "allows": _TEXTS,
    "header": _TEXT,
    "scheme": _TEXT,
    "keys": _TEXTS,
    "token_header": _TEXT,
    "token_scheme": _TEXT,
    "tokens": _TEXTS,
    "environment": _MAP,
}
_SCHEMA: Final = _Kind(
    "table",
    {
        "version": _Kind("count"),
        "title": _TEXT,
        "commands": _TEXTS,
        "tried": _TEXT,
        "inner_sandbox": _TEXT,
        "arguments": _Kind("tables", {"words": _TEXTS, "unless": _TEXTS, "logins": _TEXTS}, ("words",)),
        "environment": _MAP,
        "files": _Kind("path_map"),
        "state": _Kind("table", {"directories": _PATHS, "files": _PATHS}),
        "credentials": _Kind("path_map"),
        "routes": _Kind("tables", _ROUTE, ("name", "upstream", "allows", "header", "scheme", "keys")),
        "logins": _Kind("table", dict.fromkeys(LOGINS, _LOGIN)),
        "mcp": _Kind("table", {"words": _TEXTS, "each": _TEXTS, "file": _TEXT, "key": _TEXT}),
    },
    ("version", "title", "commands", "tried", "inner_sandbox"),
)


@final
class _Reader:
    """Checks one file against the schema: closed keys, exact types, plain paths."""

    def __init__(self, name: str) -> None:
        self._name = name

    def check(self, at: tuple[str, ...], value: Any, what: _Kind) -> None:
        """Raise PolicyError unless ``value`` is ``what``."""
        match what.kind:
            case "table":
                self._table(at, value, what)
            case "tables":
                self._typed(at, value, list)
                for number, one in enumerate(value):
                    self._table((*at, str(number)), one, what)
            case "map" | "path_map":
                self._typed(at, value, dict)
                for key, text in value.items():
                    self._typed((*at, key), text, str)
                    if not (plain(key) if what.kind == "path_map" else key.isidentifier()):
                        raise self._error((*at, key), "is not a plain name", "use a plain name")
            case "texts" | "paths":
                self._typed(at, value, list)
                for number, one in enumerate(value):
                    self._typed((*at, str(number)), one, str)
                    if not one or (what.kind == "paths" and not plain(one)):
                        raise self._error((*at, str(number)), "is not plain", "use a path relative to home, without ..")
            case _:
                self._typed(at, value, int if what.kind == "count" else str)

    def _table(self, at: tuple[str, ...], value: Any, what: _Kind) -> None:
        self._typed(at, value, dict)
        for key, inner in value.items():
            if key not in what.keys:
                raise self._error((*at, key), "is unknown", _near(key, what.keys))
            self.check((*at, key), inner, what.keys[key])
        for key in what.required:
            if key not in value:
                raise self._error((*at, key), "is missing", f"add: {key} = ...")

    def _typed(self, at: tuple[str, ...], value: Any, kind: type) -> None:
        if type(value) is not kind:
            wanted = {dict: "a table", list: "a list", str: "a text", int: "a number"}[kind]
            raise self._error(at, f"is not {wanted}", f"write {wanted}")

    def _error(self, at: tuple[str, ...], what: str, fix: str) -> PolicyError:
        return PolicyError(f"{'.'.join(at) or 'the file'} {what}", path=f"preset {self._name}", fix=fix)


def _near(word: str, known: Iterable[str]) -> str:
    from nucleus.policy.document import did_you_mean

    return did_you_mean(word, known)


def plain(path: str) -> bool:
    """Whether a path is relative, and stays where it begins."""
    parts = path.split("/")
    return path.isprintable() and not {"", ".", ".."} & set(parts)
