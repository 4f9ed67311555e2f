"""A client's whole configuration: every server in it behind the mediator, or out again.

Pure: bytes in, bytes out, with a word on each server. A file is edited only if
it is read without a doubt, and only if the edit can be undone to the byte:
both are checked on the text that would be written.
"""

from collections.abc import Callable
from typing import Final, final

from nucleus.audit.discover import named
from nucleus.audit.fixes import apply
from nucleus.audit.model import Edit
from nucleus.audit.node import Reading
from nucleus.audit.read.json_reader import read_json
from nucleus.audit.read.toml_reader import read_toml
from nucleus.audit.servers import Server, servers_of
from nucleus.audit.text import Source, decode, encode, visible
from nucleus.clients.entry import Entry, entry_of, is_wrapped, looks_wrapped, unwrap, wrap
from nucleus.clients.layout import Unfit
from nucleus.clients.program import Program
from nucleus.lean import dataclass

WRAPPED: Final = "wrapped"
UNWRAPPED: Final = "unwrapped"
KEPT: Final = "kept"
"""It is already what was asked for."""
REFUSED: Final = "refused"

Resolve = Callable[[str], str]
"""The first word of a command -> the file that it starts, links resolved; "" where that is not known."""


@final
@dataclass(frozen=True, slots=True)
class Row:
    """What became of one server."""

    name: str
    did: str
    why: str = ""


@final
@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read: its text, its servers."""

    source: Source
    client: str
    servers: tuple[Server, ...]

    def wrapped(self, program: Program, resolve: Resolve, *, trusted: bool) -> tuple[bytes, list[Row]]:
        """Return the file with every server behind ``program``, and what became of each. Raises Unfit."""
        edits: list[Edit] = []
        rows: list[Row] = []
        for server in self.servers:
            try:
                own = _wrapping(server, program, resolve, trusted=trusted)
            except Unfit as error:
                rows.append(Row(server.name, REFUSED, str(error)))
                continue
            rows.append(Row(server.name, WRAPPED if own else KEPT))
            edits += own
        if not edits:
            return encode(self.source, self.source.text), rows
        text = apply(self.source.text, edits)
        made = {index for index, row in enumerate(rows) if row.did == WRAPPED}
        if self._again(text).unwrapped(made)[0] != encode(self.source, self.source.text):
            raise Unfit("it could not be put back to the byte; nothing is changed")
        return encode(self.source, text), rows

    def unwrapped(self, only: set[int] | None = None) -> tuple[bytes, list[Row]]:
        """Return the file with every server (of these numbers) as it was, and what became of each. Raises Unfit."""
        edits: list[Edit] = []
        rows: list[Row] = []
        for index, server in enumerate(self.servers):
            asked = only is None or index in only
            try:
                own = unwrap(entry_of(server)) if asked and looks_wrapped(server) else []
            except Unfit as error:
                rows.append(Row(server.name, REFUSED, str(error)))
                continue
            rows.append(Row(server.name, UNWRAPPED if own else KEPT))
            edits += own
        text = apply(self.source.text, edits)
        if edits:
            self._again(text)
        return encode(self.source, text), rows

    def bare(self, program: Program, resolve: Resolve, *, trusted: bool) -> list[str]:
        """Return the names of the servers that are not behind ``program``, by words that may stand there."""
        found = []
        for server in self.servers:
            try:
                entry = entry_of(server)
                if is_wrapped(entry, program, _resolved(entry, resolve), trusted=trusted):
                    continue
            except Unfit:
                found.append(server.name)
                continue
            found.append(server.name)
        return found

    def _again(self, text: str) -> "Config":
        """Return what ``text`` is read as: the same servers, without a problem. Raises Unfit."""
        again = _parsed(Source(self.source.path, text, encoding=self.source.encoding, bom=self.source.bom), self.client)
        if [server.name for server in again.servers] != [server.name for server in self.servers]:
            raise Unfit("the edited text would be read in another way; nothing is changed")
        return again


def read(path: str, data: bytes) -> Config:
    """Return the configuration in ``data``. Raises Unfit for what a client would refuse, or read as it likes."""
    if path.lower().endswith((".yml", ".yaml")):
        raise Unfit("YAML is not edited here; put 'nucleus mcp run --' before its commands by hand")
    try:
        source = decode(path, data)
    except UnicodeDecodeError as error:
        raise Unfit(f"it is no text in UTF-8 or UTF-16 (byte {error.start})") from error
    if not source.text.strip():
        return Config(source, named(path).client, ())
    return _parsed(source, named(path).client)


def tree(source: Source) -> Reading:
    """Return the tree of a text without a problem in it. Raises Unfit, naming the line."""
    reading = read_toml(source.text) if source.path.lower().endswith(".toml") else read_json(source.text)
    for problem in reading.problems:
        raise Unfit(f"line {source.position(problem.offset)[0]}: {problem.message}")
    for key in reading.duplicates:
        line = source.position(key.start)[0]
        raise Unfit(
            f"line {line}: the key {visible(str(key.value))!r:.60} stands twice; clients differ on which counts"
        )
    return reading


def _parsed(source: Source, client: str) -> Config:
    return Config(source, client, tuple(servers_of(source, client, tree(source).roots)))


def _wrapping(server: Server, program: Program, resolve: Resolve, *, trusted: bool) -> list[Edit]:
    """Return the edits that put a server behind the program, none where it is. Raises Unfit."""
    entry = entry_of(server)
    if is_wrapped(entry, program, _resolved(entry, resolve), trusted=trusted):
        return []
    if looks_wrapped(server) and entry.texts[0].startswith("/") and not _resolved(entry, resolve):
        raise Unfit(f"it is behind {entry.texts[0]}, which is not there any more; unwrap it, then wrap it")
    return wrap(entry, program, trusted=trusted)


def _resolved(entry: Entry, resolve: Resolve) -> str:
    return "" if entry.url else resolve(entry.texts[0])
