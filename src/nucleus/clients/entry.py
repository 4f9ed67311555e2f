"""One MCP server in a client's configuration: behind the mediator, and out again.

Wrapping writes the mediator's words in front of the server's own. Raw text is
moved, never read and written anew; so taking the same words out gives back the
same bytes, comments, escapes and layout included, and no record of the old
text is kept anywhere::

    "command": "npx", "args": ["-y", "server"]
    "command": "/usr/bin/nucleus", "args": ["mcp", "run", "--name=x", "--", "npx", "-y", "server"]

What the words can't say is said by ``--entry``, which ``nucleus mcp run``
ignores: that there was no ``args``, or what a URL stood under.

A variable of the entry's ``env`` that would steer the mediator is renamed in
place; ``--server-env`` gives it to the server under its own name.

INVARIANT: ``unwrap(wrap(text)) == text`` (tests/clients/test_entry.py, for any
layout; ``config`` checks it again before a file is touched).
"""

import re
from collections.abc import Sequence
from typing import Final, final

from nucleus.audit.launch import base_name
from nucleus.audit.model import Edit
from nucleus.audit.node import MAP, SEQ, STRING, Node
from nucleus.audit.servers import Server
from nucleus.audit.text import Source
from nucleus.clients.layout import Table, Unfit
from nucleus.clients.program import Program
from nucleus.lean import dataclass
from nucleus.mcp.launch import HEADER_NAME, HEADER_PREFIX, SERVER_PREFIX, steers

MARK: Final = "--entry="
NO_ARGS: Final = "no-args"
URL_KEYS: Final = ("url", "serverUrl", "httpUrl", "server_url", "uri", "endpoint", "baseUrl")
HEADER_KEYS: Final = ("headers", "http_headers")
ENV_KEYS: Final = ("env", "environment", "envs")
HTTP_TYPES: Final = frozenset(("http", "https", "streamable-http", "streamable_http", "streamableHttp"))
_LOG_IN: Final = re.compile(r"auth|bearer|helper|env_http|requestInit|certificate|(?:^|_)token", re.IGNORECASE)
"""Keys of a URL's entry by which the client itself logs in; the mediator can't do that in its place."""
_VARIABLE: Final = re.compile(r"[^=\0]+")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """Where the parts of one entry stand."""

    server: Server
    holder: Node
    """The map with the command."""
    key: str
    """What the command, or the URL, stands under in ``holder``."""
    command: Node
    """A string, or the list of all words; of a URL the URL."""
    args: Node | None
    url: bool

    @property
    def source(self) -> Source:
        """The file."""
        return self.server.source

    @property
    def words(self) -> list[Node]:
        """The command's words."""
        if self.command.kind == SEQ:
            return self.command.children
        return [self.command, *(self.args.children if self.args is not None else [])]

    @property
    def texts(self) -> list[str]:
        """The same as text."""
        return [node.text() for node in self.words]

    def env(self) -> list[Node]:
        """Return the names of the variables that the client sets. Raises Unfit."""
        tables = [node.get(name) for node in (self.server.node, self.holder) for name in ENV_KEYS]
        found: dict[int, Node] = {}
        for table in tables:
            if table is not None and table.kind != MAP and table.children:
                raise Unfit("its env is no table of names and values")
            found.update((key.start, key) for key, _ in (table.entries() if table is not None else ()))
        return list(found.values())


def entry_of(server: Server) -> Entry:
    """Return the parts of a server's entry. Raises Unfit for a shape that clients read in different ways."""
    node = server.node
    key = next((name for name in ("command", "cmd") if node.get(name) is not None), "")
    command, holder = node.get(key), node
    urls = [name for name in URL_KEYS if (found := node.get(name)) is not None and found.kind == STRING]
    if command is None or not key:
        if len(urls) != 1:
            raise Unfit("it has no command, and not one URL")
        url = node.get(urls[0])
        assert url is not None  # noqa: S101  it was found under this name
        return _checked(Entry(server, node, urls[0], url, node.get("args"), url=True))
    if urls:
        raise Unfit("it has a command and a URL: clients differ on which counts")
    if command.kind == MAP:
        holder, key = command, "path"
        found = holder.get(key)
        if found is None:
            raise Unfit("its command has no path")
        command = found
    return _checked(Entry(server, holder, key, command, holder.get("args"), url=False))


def _checked(entry: Entry) -> Entry:
    for table in (entry.server.node, entry.holder):
        names = [key.value for key in table.keys]
        if len(set(names)) != len(names):
            raise Unfit("a key stands twice in it: clients differ on which counts")
    if entry.args is not None and (entry.url or entry.args.kind != SEQ or entry.command.kind == SEQ):
        raise Unfit("its args are no list that belongs to a command")
    if any(word.kind != STRING for word in entry.words) or not entry.texts or not entry.texts[0]:
        raise Unfit("a word of its command is no text, or it has none")
    spaced = entry.args is None and entry.command.kind == STRING and len(entry.server.words) > 1
    if spaced and not entry.url:
        raise Unfit("its command is a whole command line; write it as command and args")
    for name in ("envFile", "env_file"):
        if entry.server.node.get(name) is not None:
            raise Unfit(f"its {name} would reach the mediator, and not the server; write its names into env")
    return entry


def wrap(entry: Entry, program: Program, *, trusted: bool) -> list[Edit]:
    """Return the edits that put an entry behind ``program``. Raises Unfit.

    ``trusted``: the file is its owner's, so that what steers a loader may be passed to the server.
    """
    return _wrap_url(entry, program) if entry.url else _wrap_command(entry, program, trusted=trusted)


def _wrap_command(entry: Entry, program: Program, *, trusted: bool) -> list[Edit]:
    names, edits = _variables(entry, trusted=trusted)
    listed = entry.command.kind == SEQ
    marks = [f"{MARK}{NO_ARGS}"] if entry.args is None and not listed else []
    ours = [*program.words[1:], "mcp", "run", *program.said, *_named(entry)]
    lead = [*ours, *(f"--server-env={name}" for name in names), *marks, "--"]
    table = Table(entry.source, entry.holder)
    if listed:
        first = entry.command.children[0]
        words = ", ".join(table.quoted(word) for word in (program.words[0], *lead))
        return [*edits, Edit(entry.source, first.start, first.start, f"{words}, ")]
    words = ", ".join([*(table.quoted(word) for word in lead), table.raw(entry.command)])
    us = table.quoted(program.words[0])
    if entry.args is None:
        return [*edits, *table.replace_and_add(entry.key, us, "args", f"[{words}]")]
    edits.append(table.replace(entry.command, us))
    if entry.args.children:
        first = entry.args.children[0]
        return [*edits, Edit(entry.source, first.start, first.start, f"{words}, ")]
    return [*edits, Edit(entry.source, entry.args.start + 1, entry.args.start + 1, words)]


def _wrap_url(entry: Entry, program: Program) -> list[Edit]:
    node, table = entry.server.node, Table(entry.source, entry.holder)
    helper = next((key.value for key in node.keys if _LOG_IN.search(key.value)), "")
    if helper:
        raise Unfit(f"its client logs in by {helper}, which the mediator can't do in its place")
    if not re.match(r"https?://|\$\{", entry.command.text()):
        raise Unfit("its URL is not of http or https")
    marks, edits = [f"url:{entry.key}"], []
    kind = node.get("type")
    if kind is None and re.search(r"/sse/?(?:[?#]|$)", entry.command.text()):
        raise Unfit(
            "its URL is one of the older transport (/sse): only streamable HTTP is spoken here; say type if it is"
        )
    if kind is not None:
        if kind.text() not in HTTP_TYPES or table.raw(kind) != table.quoted(kind.text()):
            raise Unfit(f"its type is {kind.text() or 'no text'}: only streamable HTTP is spoken here")
        marks.append(f"type:{kind.text()}")
        edits.append(table.replace(kind, table.quoted("stdio")))
    names: list[str] = []
    held = next((name for name in HEADER_KEYS if (found := node.get(name)) is not None and found.children), "")
    if held:
        names = _headers(entry, held)
        marks.append(f"headers:{held}")
        edits += [table.renamed(held, "env")]
        headers = Table(entry.source, node.get(held) or node)
        edits += [headers.prefix(name, HEADER_PREFIX) for name in names]
    lead = [*program.words[1:], "mcp", "run", *program.said, *_named(entry), *(f"--header={name}" for name in names)]
    words = [table.quoted(word) for word in (*lead, MARK + ",".join(marks), "--url")]
    edits.append(table.renamed(entry.key, "command"))
    text = f"[{', '.join([*words, table.raw(entry.command)])}]"
    return [*edits, *table.replace_and_add(entry.key, table.quoted(program.words[0]), "args", text)]


def _headers(entry: Entry, held: str) -> list[str]:
    """Return the names of the headers that the client sends. They become variables. Raises Unfit."""
    if entry.env():
        raise Unfit("it has headers and an env")
    found = entry.server.node.get(held)
    names = [] if found is None else [str(key.value) for key, _ in found.entries()]
    if found is None or not names or any(not HEADER_NAME.fullmatch(name) for name in names):
        raise Unfit("its headers are no table of names and values")
    if any(value.kind != STRING for _, value in found.entries()):
        raise Unfit("the value of a header is no text")
    return names


def _variables(entry: Entry, *, trusted: bool) -> tuple[list[str], list[Edit]]:
    """Return the names that the server gets, and the edits that keep those which steer away from the mediator."""
    names, edits = [], []
    for key in entry.env():
        name = str(key.value)
        if not _VARIABLE.fullmatch(name) or name.startswith("-"):
            raise Unfit(f"its env has a name that no variable has: {name!r:.60}")
        names.append(name)
        if steers(name):
            if not trusted:
                raise Unfit(
                    f"its env sets {name}, and the file is not known to be yours: whoever wrote it would steer what it "
                    "starts; look at it, and name the file to say that you did"
                )
            edits.append(Table(entry.source, entry.holder).put_before(key, SERVER_PREFIX))
    passed = entry.server.node.get("env_vars")
    for node in passed.strings() if passed is not None else ():
        if steers(node.text()):
            raise Unfit(f"its env_vars passes {node.text()}, which would steer the mediator")
        names.append(node.text())
    return names, edits


def _named(entry: Entry) -> list[str]:
    return [f"--name={entry.server.name}"] if entry.server.name else []


def is_wrapped(entry: Entry, program: Program, resolved: str, *, trusted: bool = True) -> bool:
    """Whether an entry starts this program's mediator, and sets nothing that steers it. Raises Unfit where it does.

    Not its name counts, nor what the command is called: the file that it starts does. In a file that is not
    ``trusted`` the mediator's words are those that ``wrap`` writes: another policy, profile, session or state
    directory is the owner's to choose.
    """
    if entry.url or not leads(program, entry.texts, resolved):
        return False
    chosen = "" if trusted else _chosen(entry.texts, program.said)
    if chosen:
        raise Unfit(f"it says {chosen} to the mediator, and the file is not known to be yours; look at it, and name it")
    for key in entry.env():
        if steers(str(key.value)) and not str(key.value).startswith((SERVER_PREFIX, HEADER_PREFIX)):
            raise Unfit(f"it starts the mediator with {key.value} in its env, which steers it; take it out")
    return True


def leads(program: Program, words: Sequence[str], resolved: str) -> bool:
    """Whether a command is this program's ``mcp run``. ``resolved``: the file that its first word starts."""
    return program.is_first(tuple(words), resolved) and _start(words) > 0


def looks_wrapped(server: Server) -> bool:
    """Whether a server has the shape of a wrapped one, whichever program it starts."""
    return _start([word.text() for word in server.words]) > 0


def unwrap(entry: Entry) -> list[Edit]:
    """Return the edits that take the mediator's words out. Raises Unfit where that is not clear."""
    texts = entry.texts
    ends = [at for at in range(_start(texts), len(texts)) if texts[at] in {"--", "--url"}]
    if not ends or ends[0] + 1 >= len(texts):
        raise Unfit("it has no command behind the mediator's words; write it anew by hand")
    end = ends[0]
    marks = [text.removeprefix(MARK) for text in texts[:end] if text.startswith(MARK)]
    said = dict(part.partition(":")[::2] for mark in marks for part in mark.split(",") if part)
    if any(not _WORD.fullmatch(name + value) for name, value in said.items() for value in [value or "x"]):
        raise Unfit("its --entry is not as wrap writes it")
    table, target = Table(entry.source, entry.holder), entry.words[end + 1]
    if texts[end] == "--url":
        return _unwrap_url(entry, table, target, said)
    edits = _restored(entry, [text.partition("=")[2] for text in texts[:end] if text.startswith("--server-env=")])
    if entry.command.kind == SEQ:
        first = entry.command.children[0]
        return [*edits, Edit(entry.source, first.start, target.start, "")]
    assert entry.args is not None  # noqa: S101  the words behind the first stand in it
    edits.append(table.replace(entry.command, table.raw(target)))
    children = entry.args.children
    if NO_ARGS in said and target is children[-1]:
        return [*edits, *table.remove("args")]
    stop = target.end if target is children[-1] else entry.words[end + 2].start
    return [*edits, Edit(entry.source, children[0].start, stop, "")]


def _unwrap_url(entry: Entry, table: Table, target: Node, said: dict[str, str]) -> list[Edit]:
    node, key = entry.server.node, said.get("url", "")
    if key not in URL_KEYS or entry.command.kind == SEQ or target is not entry.words[-1]:
        raise Unfit("its words do not say what the URL stood under; write it anew by hand")
    edits = [table.renamed(entry.key, key), table.replace(entry.command, table.raw(target)), *table.remove("args")]
    kind = node.get("type")
    if kind is not None and said.get("type") in HTTP_TYPES:
        edits.append(table.replace(kind, table.quoted(said["type"])))
    env = node.get("env")
    if env is not None and said.get("headers") in HEADER_KEYS:
        edits.append(table.renamed("env", said["headers"]))
        edits += [table.take_out(name, HEADER_PREFIX) for name in env.keys if name.value.startswith(HEADER_PREFIX)]
    return edits


def _restored(entry: Entry, names: list[str]) -> list[Edit]:
    """Return the edits that give variables their own names back."""
    table = Table(entry.source, entry.holder)
    return [
        table.take_out(key, SERVER_PREFIX)
        for key in entry.env()
        if str(key.value).startswith(SERVER_PREFIX) and str(key.value).removeprefix(SERVER_PREFIX) in names
    ]


def _chosen(words: Sequence[str], said: Sequence[str]) -> str:
    """Return the first of the mediator's words that ``wrap`` does not write, "" where there is none."""
    ours = ("--name=", "--server-env=", "--header=", MARK)
    for word in words[_start(words) :]:
        if word in {"--", "--url"}:
            return ""
        if not word.startswith(ours) and word not in said:
            return word
    return ""


def _start(words: Sequence[str]) -> int:
    """Return where the words behind ``mcp run`` start, 0 where a command is no mediator's by its shape."""
    if not words:
        return 0
    at = 1
    if base_name(words[0]).startswith("python"):
        rest = [word for word in words[1:5] if word not in {"-I", "-S", "-B", "-E", "-s"}]
        at = words.index("nucleus") + 1 if rest[:2] == ["-m", "nucleus"] else 0
    elif base_name(words[0]) not in {"nucleus", "nucleus-runtime"}:
        return 0
    return at + 2 if at and list(words[at : at + 2]) == ["mcp", "run"] else 0
