"""A proposal for a mapping, from a tool's definition alone: for a person to check against the source, never applied.

A definition is the server's word. So a proposal is made only where the shape
of the tool leaves little to be said wrongly: where it takes a path, a URL or
an addressee, or takes nothing in which text could leave. Its answer always
counts as what others wrote. The server's hints can only make a proposal
graver or take it away. For anything else there is none, with the reason.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.mcp.mapping import READS
from nucleus.mcp.pins import digest_of
from nucleus.policy import call as kinds

PATHS: Final = frozenset(("path", "file", "filepath", "filename", "directory", "dir", "folder"))
LISTS: Final = frozenset(("paths", "files", "filepaths", "filenames", "directories", "dirs", "folders"))
ADDRESSES: Final = frozenset(("url", "uri", "href", "link", "website", "site", "page"))
ADDRESSEES: Final = frozenset(
    (
        *(
            "to",
            "recipient",
            "recipients",
            "channel",
            "email",
            "mail",
            "user",
            "username",
            "repo",
            "repository",
            "owner",
        ),
        *("chat", "room", "thread", "host", "domain", "endpoint", "address", "account", "project", "team", "org"),
        *("organization", "workspace", "database", "board", "issue", "parent", "block", "document"),
    )
)
RUNS: Final = frozenset(
    (
        *(
            "run",
            "exec",
            "execute",
            "eval",
            "evaluate",
            "shell",
            "bash",
            "command",
            "script",
            "code",
            "terminal",
            "process",
        ),
        *("kill", "install", "spawn", "start", "invoke", "launch", "function", "expression", "sql", "input", "agent"),
    )
)
SECRETS: Final = frozenset(
    ("env", "environment", "secret", "secrets", "token", "tokens", "credential", "credentials", "password", "passwords")
)
DESTROYS: Final = frozenset(
    ("delete", "remove", "drop", "destroy", "purge", "clear", "wipe", "revoke", "reset", "unlink")
)
SENDS: Final = frozenset(
    (
        *(
            "send",
            "post",
            "publish",
            "create",
            "update",
            "add",
            "comment",
            "reply",
            "merge",
            "push",
            "upload",
            "submit",
        ),
        *(
            "share",
            "invite",
            "assign",
            "close",
            "set",
            "fork",
            "approve",
            "subscribe",
            "append",
            "patch",
            "put",
            "make",
        ),
    )
)
WRITES: Final = frozenset(("write", "edit", "save", "replace", "insert"))
FETCHES: Final = frozenset(
    ("fetch", "get", "read", "navigate", "open", "browse", "download", "crawl", "scrape", "visit")
)
LOOKS: Final = frozenset(
    (
        "get",
        "list",
        "read",
        "find",
        "show",
        "describe",
        "view",
        "status",
        "count",
        "info",
        "tree",
        "search",
        "glob",
        "stat",
    )
)
NAMES_OF: Final = {"list": kinds.LIST, "tree": kinds.GLOB, "find": kinds.GLOB, "glob": kinds.GLOB, "search": kinds.GREP}


@final
@dataclass(frozen=True, slots=True)
class Proposal:
    """What could be said of a tool, or why nothing can."""

    name: str
    why: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of a ``[[tool]]``, beside whose it is; empty where there is nothing to propose."""

    def text(self, server: str) -> str:
        """Return the entry as TOML, for the server of this identity."""
        rows = {"server": server, **self.fields}
        return "\n".join(["[[tool]]", *(f"{name} = {_toml(value)}" for name, value in rows.items())]) + "\n"


def propose(definition: Mapping[str, Any]) -> Proposal:
    """Return a proposal for one definition."""
    name = str(definition.get("name", ""))
    schema = definition.get("inputSchema")
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not all(isinstance(one, dict) for one in properties.values()):
        return Proposal(name, "its schema does not say what it takes")
    shape = _Shape(name, properties)
    if shape.words & RUNS or any(_words(one) & RUNS for one in properties):
        return Proposal(name, "it runs something that it is given")
    if shape.words & SECRETS:
        return Proposal(name, "it shows or changes secrets")
    rule, why = _rule(shape)
    if rule:
        rule, why = _tightened(rule, why, definition.get("annotations"))
    if not rule:
        return Proposal(name, why)
    named = sorted(shape.plain)
    if not {rule.get("path"), rule.get("destination")} <= {None, *named}:
        return Proposal(name, "the argument that says where is no plain text")
    fields = {"name": name, "digest": digest_of(definition), **rule, "arguments": named}
    return Proposal(name, why, fields)


@final
class _Shape:
    """What a definition says by its words and its arguments."""

    def __init__(self, name: str, properties: Mapping[str, Mapping[str, Any]]) -> None:
        self.words = _words(name)
        self.plain = {one for one, said in properties.items() if str(said.get("type")) in _PLAIN}
        self.texts = {one for one, said in properties.items() if not _closed(said)}
        self.paths = self._named(PATHS)
        self.lists = [
            one
            for one, said in sorted(properties.items())
            if _last(one) in LISTS and said.get("type") == "array" and _of_texts(said.get("items"))
        ]
        """Arguments that take a list of paths."""
        self.addresses = self._named(ADDRESSES)
        self.addressees = self._named(ADDRESSEES)

    def _named(self, names: frozenset[str]) -> list[str]:
        """Return the arguments that take text and whose last word is one of these."""
        return [one for one in sorted(self.texts) if _last(one) in names]


_PLAIN: Final = frozenset(("string", "number", "integer", "boolean"))


def _rule(shape: _Shape) -> tuple[dict[str, Any], str]:
    """Return what a tool would be, and why; nothing, and why not."""
    where = [*shape.addresses, *shape.addressees]
    acts = shape.words & (SENDS | DESTROYS | WRITES)
    if where:
        return _of_address(shape, where, acts)
    places = [*shape.paths, *shape.lists]
    if len(places) == 1 and not acts & (SENDS | DESTROYS):
        return _of_path(shape, places[0])
    if acts or shape.paths:
        return {}, "it changes something, and no argument says where"
    if shape.texts:
        return {}, f"free text goes into it ({min(shape.texts)}), and nobody knows where that goes on to"
    if shape.words & LOOKS:
        return {"op": "read_files"}, "it shows something, and nothing can leave by its arguments"
    return {}, "its name does not say what it does"


def _of_address(shape: _Shape, where: list[str], acts: frozenset[str]) -> tuple[dict[str, Any], str]:
    if len(where) > 1:
        return {}, f"{' and '.join(where)} say together where it goes; a mapping can name one argument"
    if acts:
        act = "destroy" if acts & DESTROYS else "send"
        return {"op": "create_pr", "destination": where[0], "act": act}, f"it changes something at {where[0]}"
    if shape.addresses and shape.words & FETCHES:
        url = shape.addresses[0]
        return {"op": "web_fetch", "does": kinds.FETCH, "destination": url}, f"it asks the address in {url}"
    return {}, f"it sends something to what {where[0]} names, and does not say what for"


def _of_path(shape: _Shape, path: str) -> tuple[dict[str, Any], str]:
    what, files = ("paths", "the files") if path in shape.lists else ("path", "the file")
    if shape.words & WRITES:
        does = kinds.EDIT if shape.words & {"edit", "replace", "insert"} else kinds.WRITE
        op = "edit_files" if does == kinds.EDIT else "write_files"
        return {"op": op, "does": does, what: path}, f"it writes {files} in {path}"
    if shape.words & LOOKS:
        does = next((kind for word, kind in NAMES_OF.items() if word in shape.words), kinds.READ)
        op = {kinds.LIST: "glob_search", kinds.GLOB: "glob_search", kinds.GREP: "grep_search"}.get(does, "read_files")
        return {"op": op, "does": does, what: path}, f"it shows what is at {path}"
    return {}, "its name does not say what it does with a path"


def _tightened(rule: dict[str, Any], why: str, hints: object) -> tuple[dict[str, Any], str]:
    """Return a rule after the server's own hints: graver, or none."""
    said = hints if isinstance(hints, dict) else {}
    if rule["op"] in READS and (said.get("readOnlyHint") is False or said.get("destructiveHint") is True):
        return {}, "its own hints say that it changes something"
    if "destination" not in rule and said.get("openWorldHint") is True:
        return {}, "its own hints say that it reaches out, and no argument says where"
    if said.get("destructiveHint") is True:
        # Of one of our own kinds the hint counts when it is called, unless the reviewer writes ``despite``.
        return rule if "does" in rule else {**rule, "act": "destroy"}, f"{why}, and destroys, as its own hints say"
    return rule, why


def _of_texts(items: object) -> bool:
    return isinstance(items, dict) and items.get("type") == "string"


def _closed(said: Mapping[str, Any]) -> bool:
    """Whether an argument can hold no text of the caller's choice."""
    kind = str(said.get("type"))
    return kind in {"number", "integer", "boolean"} or ("enum" in said and kind == "string")


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))


def _last(name: str) -> str:
    """Return the word that says what an argument is: its last one, without an id's ending."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    while len(words) > 1 and words[-1] in {"id", "ids", "name", "key", "number"}:
        words.pop()
    return words[-1] if words else ""


_PAIR: Final = re.compile(r"\\ud[89ab]..\\ud[c-f]..")


def _toml(value: object) -> str:
    import json

    def whole(pair: re.Match[str]) -> str:
        one = ord(json.loads(f'"{pair[0]}"'))
        return f"\\U{one:08x}"

    # JSON writes a character beyond 16 bits as two halves, and DEL as it is; TOML takes neither.
    return _PAIR.sub(whole, json.dumps(value, ensure_ascii=True)).replace("\x7f", "\\u007f")
