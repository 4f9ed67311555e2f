"""What a tool does, as far as somebody reviewed it: (server, tool, arguments) -> a policy call.

A mapping is keyed by the digest of the whole definition and by the program
that the server's command names. Whatever no mapping covers is the worst case,
and asks. A server's own annotations can only take a mapping away or make it
graver: a hint is the server's word.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, final

from nucleus.lean import dataclass, replace
from nucleus.mcp.messages import written
from nucleus.mcp.pins import Identity, digest_of
from nucleus.policy.call import FETCH, MCP, MOVE, OF_PATHS, PLACES, STAGE, Call
from nucleus.policy.legs import CAPABILITY_NAMES

ACTS: Final = frozenset(("", "destroy", "admin", "pay", "publish", "send"))
READS: Final = frozenset(("read_files", "glob_search", "grep_search"))
ANY: Final = "*"
"""Among the arguments of a mapping: whatever the message holds was reviewed, of any shape and length."""
DEFINITIONS: Final = 4096
"""Definitions of which it is remembered what was reviewed."""
LONGEST: Final = 1024
"""Characters of a text argument, unless a mapping says less or more."""
HINTS: Final = frozenset(("readOnlyHint", "openWorldHint", "destructiveHint"))
DOES: Final = frozenset((*OF_PATHS, MOVE, FETCH))
"""What a mapping may say of a tool in place of a capability: it is judged as this call, of the paths or URL given."""
_PATHSPEC: Final = re.compile(r"^:|[*?\[\\]")
"""What git reads as more than the one path (gitglossary, pathspec)."""
_FIELDS: Final = frozenset(
    (
        *("program", "server", "name", "digest", "op", "destination", "act", "arguments", "longest", "echoes", "when"),
        *("does", "path", "paths", "to", "base", "free", "despite"),
    )
)
_VERSION: Final = re.compile(r"(?<=.)(?:@|[=~<>!]=).*$")
"""What follows a package's name on a command line, to say which version."""


class MappingError(ValueError):
    """A mapping says something that it can't say."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """What one tool does, or does for some value of an argument."""

    op: str
    destination: str = ""
    """The argument that names where it goes."""
    act: str = ""
    echoes: bool = True
    does: str = ""
    """One of our kinds, where there is one for what it does: then ``op`` is not looked at."""
    path: str = ""
    """The argument with the absolute path, for ``does``."""
    paths: str = ""
    """In place of ``path``: the argument with a list of paths. Each is judged."""
    to: str = ""
    """For a move: the argument with the absolute path that it goes to."""
    base: str = ""
    """The argument with the absolute path below which those of ``paths`` are."""

    def places(self, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the paths that a call is of, as arguments of a policy call; None where that can't be said of them."""
        found: dict[str, Any] = {}
        for name, argument in (("path", self.path), ("to", self.to)):
            if argument:
                found[name] = arguments.get(argument)
        if self.paths:
            given, base = arguments.get(self.paths), arguments.get(self.base) if self.base else "/"
            if not isinstance(given, list) or not 0 < len(given) <= PLACES or not _absolute(base):
                return None
            if not all(isinstance(one, str) and len(one) <= LONGEST for one in given):
                return None
            found["paths"] = [f"{base}/{one}" if self.base and one[:1] != "/" else one for one in given]
            if self.does == STAGE and any(_PATHSPEC.search(one) for one in given):
                return None
        # A relative path is relative to what the server takes for its directory.
        ways = [*found.get("paths", ()), *(found[name] for name in ("path", "to") if name in found)]
        return found if all(map(_absolute, ways)) else None


@final
@dataclass(frozen=True, slots=True)
class Reviewed:
    """One reviewed definition."""

    rule: Rule
    arguments: frozenset[str]
    longest: int
    when: tuple[tuple[str, frozenset[str], Rule], ...]
    free: frozenset[str] = frozenset()
    """Arguments that are content only: of any shape and length."""
    despite: frozenset[str] = frozenset()
    """The server's own hints that the reviewer has weighed, and that change nothing any more."""

    def rule_for(self, arguments: Mapping[str, Any], *, beyond: bool = False) -> Rule | None:
        """Return what a call with these arguments does, None where nobody reviewed that.

        ``beyond``: the message says more than a name and arguments.
        """
        if ANY not in self.arguments and (beyond or not self._covers(arguments)):
            return None
        rule = self.rule
        for name, values, override in self.when:
            if arguments.get(name) in values:
                rule = override
                break
        if rule.destination and not isinstance(arguments.get(rule.destination), str):
            return None
        return rule if rule.places(arguments) is not None else None

    def _covers(self, arguments: Mapping[str, Any]) -> bool:
        # An empty name is nobody's list of paths: an argument without a name was not reviewed.
        apart = self.free | {self.rule.paths} if self.rule.paths else self.free
        return all(
            name in apart or (name in self.arguments and self._plain(value)) for name, value in arguments.items()
        )

    def _plain(self, value: object) -> bool:
        """Whether a value is a short text, a number or a flag."""
        return (isinstance(value, str) and len(value) <= self.longest) or type(value) in {int, float, bool}


Key = tuple[str, str, str]
"""Program or identity digest, tool name, definition digest; of a message that is no tool call: its name, and ""."""


@final
class Mappings:
    """All reviewed mappings that count here."""

    def __init__(
        self,
        reviewed: Mapping[Key, Reviewed],
        follow: Callable[[str], str] = str,
        regular: Callable[[str], bool] = bool,
    ) -> None:
        self._reviewed = reviewed
        self._follow = follow
        self._regular = regular
        self._known: dict[tuple[int, str], tuple[Mapping[str, Any], Reviewed | None]] = {}
        """Definitions by where they are and whose they are, with what was reviewed of them."""

    def call(
        self,
        identity: Identity,
        server: str,
        definition: Mapping[str, Any],
        arguments: Mapping[str, Any],
        body: bytes,
        *,
        beyond: bool = False,
    ) -> Call:
        """Return the call that stands for calling the tool of ``definition``; ``body`` is what would be forwarded.

        ``server`` is the name that the owner's policy knows it by. ``beyond``: more than a name and arguments is in
        ``body``. Without a fitting mapping the call has no op.
        """
        name = str(definition.get("name", ""))
        rule = self._rule(identity, definition, arguments, beyond=beyond)
        call = _call(identity, server, name, rule, arguments, body)
        if rule is None or not rule.does or rule.does == FETCH:
            return call
        places: dict[str, Any] = {name: self._follow(call.args[name]) for name in ("path", "to") if name in call.args}
        if "paths" in call.args:
            places["paths"] = [self._follow(one) for one in call.args["paths"]]
            if rule.does == STAGE and not all(self._regular(one) for one in places["paths"]):
                # Of a directory, git takes whatever is below it.
                return _call(identity, server, name, None, arguments, body)
        return replace(call, args={**call.args, **places})

    def ops(self, identity: Identity, definition: Mapping[str, Any]) -> list[str]:
        """Return the capabilities that a call of a tool may be of, none where nobody reviewed it."""
        reviewed = self._find(identity, str(definition.get("name", "")), digest_of(definition))
        return [] if reviewed is None else sorted({reviewed.rule.op, *(rule.op for _, _, rule in reviewed.when)})

    def by_argument(self, identity: Identity, definition: Mapping[str, Any]) -> bool:
        """Whether a tool was reviewed, and by its arguments: nothing else of a message is covered then."""
        reviewed = self._reviewed_of(identity, definition)
        return reviewed is not None and ANY not in reviewed.arguments

    def message(self, identity: Identity, server: str, name: str, body: bytes) -> Call:
        """Return the call that stands for a message that is no tool call; ``name`` is as ``named`` gives it."""
        reviewed = self._find(identity, name, "")
        return _call(identity, server, name, reviewed.rule_for({}) if reviewed else None, {}, body)

    def _reviewed_of(self, identity: Identity, definition: Mapping[str, Any]) -> Reviewed | None:
        """Return what was reviewed of a definition, looked for once.

        INVARIANT: nobody changes a definition that was pinned; a new one is another object, and this one is held.
        """
        known = self._known.get((id(definition), identity.digest))
        if known is None or known[0] is not definition:
            if len(self._known) >= DEFINITIONS:
                self._known.clear()
            found = self._find(identity, str(definition.get("name", "")), digest_of(definition))
            known = self._known[id(definition), identity.digest] = (definition, found)
        return known[1]

    def _find(self, identity: Identity, name: str, digest: str) -> Reviewed | None:
        keys = [(word, name, digest) for word in (identity.digest, *programs(identity))]
        return next((self._reviewed[key] for key in keys if key in self._reviewed), None)

    def _rule(
        self, identity: Identity, definition: Mapping[str, Any], arguments: Mapping[str, Any], *, beyond: bool
    ) -> Rule | None:
        """Return the rule that counts after the server's own hints tightened it."""
        reviewed = self._reviewed_of(identity, definition)
        rule = None if reviewed is None else reviewed.rule_for(arguments, beyond=beyond)
        hints = definition.get("annotations")
        if reviewed is None or rule is None or not isinstance(hints, dict):
            return rule
        said = {name: value for name, value in hints.items() if name not in reviewed.despite}
        if rule.op in READS and said.get("readOnlyHint") is False:
            return None
        if not rule.destination and said.get("openWorldHint") is True:
            return None
        if said.get("destructiveHint") is True and hints.get("readOnlyHint") is not True:
            return replace(rule, act="destroy", does="")
        return rule


def _call(
    identity: Identity, server: str, name: str, rule: Rule | None, arguments: Mapping[str, Any], body: bytes
) -> Call:
    args: dict[str, Any] = {"server": server, "tool": name, "identity": identity.digest}
    if rule is not None:
        destination = str(arguments[rule.destination]) if rule.destination else ""
        args |= {"op": rule.op, "destination": destination, "act": rule.act, "echoes": rule.echoes}
        if rule.does:
            place = {"url": destination} if rule.does == FETCH else rule.places(arguments)
            args |= {"does": rule.does, **(place or {})}
    return Call(MCP, args, body)


@lru_cache(maxsize=64)
def programs(identity: Identity) -> tuple[str, ...]:
    """Return the names by which a server's command names its program, without versions.

    The first two words that are no options: the program, or what a launcher starts. Later ones are its arguments.
    """
    if identity.is_url:
        return identity.command
    words = [_VERSION.sub("", word) for word in identity.command if not word.startswith("-")][:2]
    return tuple(word if "/" not in word or word.startswith("@") else word.rsplit("/", 1)[1] for word in words)


def read_mappings(*texts: str, follow: Callable[[str], str] = str, regular: Callable[[str], bool] = bool) -> Mappings:
    """Return the mappings in TOML texts; a later text replaces an entry of the same key. Raises MappingError.

    ``follow`` returns where a path leads, links followed: the server's tools follow them. ``regular`` says whether
    there is a regular file.
    """
    reviewed: dict[Key, Reviewed] = {}
    for text in texts:
        try:
            rows = tomllib.loads(text).get("tool", [])
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"no TOML: {error}") from error
        for row in rows:
            keys, entry = _entry(row)
            reviewed.update(dict.fromkeys(keys, entry))
    return Mappings(reviewed, follow, regular)


def shipped() -> str:
    """Return the text of the mappings that come with this version."""
    return Path(__file__).with_name("mappings.toml").read_text(encoding="utf-8")


def _entry(row: object) -> tuple[list[Key], Reviewed]:
    if not isinstance(row, dict) or not set(row) <= _FIELDS:
        raise MappingError(f"a tool has no such fields: {row!r:.200}")
    whose = row.get("server") or row.get("program")
    programs_ = [whose] if isinstance(whose, str) else whose
    if not (
        _texts(programs_) and programs_ and isinstance(row.get("name"), str) and isinstance(row.get("digest"), str)
    ):
        raise MappingError(f"a tool needs a program or server, a name and a digest, as text: {row!r:.200}")
    rule = _rule(row)
    when = tuple(
        (one["argument"], frozenset(one["values"]), _rule({**row, **one}))
        for one in row.get("when", [])
        if _is_when(one)
    )
    arguments, longest = row.get("arguments", []), row.get("longest", LONGEST)
    free, despite = row.get("free", []), row.get("despite", [])
    if (
        not (_texts(arguments) and _texts(free) and _texts(despite) and HINTS.issuperset(despite))
        or type(longest) is not int
    ):
        raise MappingError("arguments, free and despite are lists of names, and longest a number")
    if ANY in arguments and when:
        raise MappingError(f"where arguments choose, each is reviewed by name: {row['name']!r:.200}")
    if (row["digest"] == "") != (":" in row["name"]) or (row["digest"] == "" and list(arguments) != [ANY]):
        raise MappingError(
            f'a message that is no tool call has the digest "" and arguments ["*"]: {row["name"]!r:.200}'
        )
    keys = [(one, row["name"], row["digest"]) for one in programs_]
    return keys, Reviewed(rule, frozenset(arguments), longest, when, frozenset(free), frozenset(despite))


def _is_when(one: Any) -> bool:
    known = isinstance(one, dict) and set(one) <= {"argument", "values", "op", "destination", "act", "echoes"}
    if known and isinstance(one.get("argument"), str) and _texts(one.get("values")):
        return True
    raise MappingError(f"no condition: {one!r:.200}")


def _rule(row: Mapping[str, Any]) -> Rule:
    op, act, destination = row.get("op"), row.get("act", ""), row.get("destination", "")
    echoes = row.get("echoes", True)
    does = row.get("does", "")
    path, paths, to, base = (row.get(name, "") for name in ("path", "paths", "to", "base"))
    if op not in CAPABILITY_NAMES or act not in ACTS or type(destination) is not str or type(echoes) is not bool:
        raise MappingError(f"no capability, act, argument or flag: {op!r} {act!r} {destination!r} {echoes!r}")
    if not all(type(one) is str for one in (path, paths, to, base)) or (does and (does not in DOES or act)):
        raise MappingError(f"does is one of {', '.join(sorted(DOES))}, without an act, of arguments by name: {does!r}")
    named = (bool(path), bool(paths), bool(to))
    if named not in _PLACED.get(does, _OF_PATHS) or (base and not paths):
        raise MappingError(
            f"does is of a path or of paths (with a base, or absolute), a move of path and to, "
            f"a fetch of a destination: {does!r}"
        )
    if does == FETCH and not destination:
        raise MappingError("a fetch has a destination: the argument with the URL")
    return Rule(str(op), destination, act, echoes, str(does), path, paths, to, base)


_OF_PATHS: Final = {(True, False, False), (False, True, False)}
_PLACED: Final = {
    "": {(False, False, False)},
    FETCH: {(False, False, False)},
    MOVE: {(True, False, True)},
    STAGE: {(False, True, False)},
}
"""What is done -> which of path, paths and to name arguments."""


def _absolute(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/")


def _texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)


def body_of(params: Mapping[str, Any], size: int = 0) -> bytes:
    """Return the params of a message as the gate judges and keeps them; ``size`` is that of its line."""
    return written(params, size)


def named(method: str) -> str:
    """Return what a policy calls a message that is no tool call. No tool can have this name: it has colons."""
    return method.replace("/", ":")
