"""The files of one run, and everything that rules ask of them.

Reading is the only effect in here. A file that can't be read or parsed stays
in ``problems``; nothing is dropped without a trace.
"""

import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar, final

from nucleus.audit import containers, discover, hooks, permissions, secrets, workflows
from nucleus.audit.containers import Container
from nucleus.audit.discover import Kind
from nucleus.audit.hooks import Hook
from nucleus.audit.node import STRING, Node, Problem
from nucleus.audit.permissions import Grant
from nucleus.audit.read.json_reader import read_json
from nucleus.audit.read.yaml_reader import read_yaml
from nucleus.audit.secrets import Secret
from nucleus.audit.servers import Server, servers_of
from nucleus.audit.sources import ServerSource, is_server, server_source
from nucleus.audit.text import Source, decode
from nucleus.audit.workflows import AgentStep, agent_steps
from nucleus.lean import dataclass, field

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:^---[ \t]*$)", re.DOTALL | re.MULTILINE)
_POD = re.compile(r"^apiVersion:", re.MULTILINE)


Placed = TypeVar("Placed", Grant, Server)


@final
@dataclass(slots=True, eq=False)
class Document:
    """One file: its text, its trees, and what could not be taken as it stands."""

    source: Source
    kind: Kind
    roots: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()
    duplicates: tuple[Node, ...] = ()
    user: bool = False
    """It is a person's own file, below the home directory."""

    @property
    def path(self) -> str:
        """The path as shown."""
        return self.source.path

    @property
    def root(self) -> Node | None:
        """The first tree."""
        return self.roots[0] if self.roots else None

    def is_local(self) -> bool:
        """Whether the file is meant for one person and not for the repository."""
        return ".local." in self.path.rsplit("/", 1)[-1] or self.user


@final
@dataclass(slots=True, eq=False)
class Project:
    """Everything that was read."""

    root: Path
    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    helpers: list[Hook] = field(default_factory=list)
    agents: list[AgentStep] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    sources: list[ServerSource] = field(default_factory=list)
    seen: int = 0
    """Files that were opened."""

    def grants_by_source(self) -> "dict[Source, list[Grant]]":
        """Return the permission rules of each file."""
        return _by_source(self.grants)

    def servers_by_source(self) -> "dict[Source, list[Server]]":
        """Return the servers of each file."""
        return _by_source(self.servers)

    def of(self, *forms: str) -> Iterator[Document]:
        """Yield the documents of some forms."""
        return (document for document in self.documents if document.kind.form in forms)

    def configs(self, *clients: str) -> Iterator[tuple[Document, Node]]:
        """Yield client configurations with their trees; of all clients where none is named."""
        for document in self.of(discover.CONFIG):
            if document.root is not None and (not clients or document.kind.client in clients):
                yield document, document.root

    def add(self, source: Source, kind: Kind, *, user: bool = False) -> None:
        """Parse one text and take from it what rules will ask for."""
        document = Document(source, kind, user=user)
        _parse(document)
        if document.kind.form.endswith("?"):
            return
        self.documents.append(document)
        self.secrets.extend(secrets.scan(source, document.roots))
        self._collect(document)

    def _collect(self, document: Document) -> None:
        source, client, form = document.source, document.kind.client, document.kind.form
        if form == discover.CONFIG:
            found = servers_of(source, client, document.roots)
            self.servers.extend(found)
            self.containers.extend(c for server in found if (c := containers.of_server(server)) is not None)
            self.grants.extend(permissions.grants_of(source, client, document.roots))
            self.hooks.extend(hooks.hooks_of(source, client, document.roots))
            self.helpers.extend(hooks.helpers_of(source, client, document.roots))
        elif form == discover.EXEC_RULES:
            self.grants.extend(permissions.exec_rules(source))
        elif form == discover.WORKFLOW and document.root is not None:
            found_steps = agent_steps(source, document.root)
            self.agents.extend(found_steps)
            for step in found_steps:
                for node, text in step.tool_lists():
                    self.grants.extend(permissions.rule_list(source, "workflow", node, text))
        elif form == discover.COMPOSE and document.root is not None:
            self.containers.extend(containers.of_compose(source, document.root))
        elif form == "pod":
            self.containers.extend(containers.of_pods(source, document.roots))
        elif form == discover.DEVCONTAINER and document.root is not None:
            self.containers.append(containers.of_devcontainer(source, document.root))
        elif form == discover.INSTRUCTIONS and document.root is not None:
            self._front_matter(document, document.root)

    def _front_matter(self, document: Document, root: Node) -> None:
        """Take the tools that a skill, command or agent gives itself."""
        for name in ("allowed-tools", "allowed_tools", "tools"):
            node = root.get(name)
            if node is None or (name == "tools" and "agents" in document.path):
                continue
            for one in node.strings():
                self.grants.extend(permissions.rule_list(document.source, document.kind.client, one, one.text()))


def _by_source(some: "Iterable[Placed]") -> "dict[Source, list[Placed]]":
    found: dict[Source, list[Placed]] = {}
    for one in some:
        found.setdefault(one.source, []).append(one)
    return found


def _parse(document: Document) -> None:  # noqa: C901, PLR0912  one clause for each client or kind
    """Fill the trees of a document; settle what a candidate is."""
    source, form = document.source, document.kind.form
    text = source.text
    name = source.path.lower()
    if form == discover.SOURCE_MAYBE:
        if is_server(name, text):
            document.kind = Kind(document.kind.client, "source")
        return
    if form == discover.SCRIPT_MAYBE:
        if workflows.BYPASS_FLAG.search(text) or workflows.AGENT_COMMAND.search(text):
            document.kind = Kind(document.kind.client, "script")
        return
    if form == discover.POD_MAYBE:
        if _POD.search(text) and containers.AGENT_WORDS.search(text):
            document.kind = Kind(document.kind.client, "pod")
            _read(document, read_yaml(text))
        elif '"mcpServers"' in text or re.search(r"^mcpServers:", text, re.MULTILINE):
            document.kind = Kind("mcp", discover.CONFIG)
            _read(document, read_yaml(text))
        return
    if form == discover.INSTRUCTIONS:
        front = _FRONT.match(text)
        if front:
            reading = read_yaml(" " * 3 + text[3 : front.end(1)])
            document.roots = reading.roots
        return
    if form in {discover.PROSE, discover.DOCKERFILE, discover.OWNERS, discover.EXEC_RULES}:
        return
    if name.endswith((".yml", ".yaml")):
        _read(document, read_yaml(text))
    elif name.endswith(".toml"):
        from nucleus.audit.read.toml_reader import read_toml

        _read(document, read_toml(text))
    else:
        _read(document, read_json(text))


def _read(document: Document, reading: object) -> None:
    from nucleus.audit.node import Reading

    if isinstance(reading, Reading):
        document.roots, document.problems, document.duplicates = reading.roots, reading.problems, reading.duplicates


def load_file(project: Project, path: Path, shown: str, kind: Kind, *, user: bool = False) -> None:
    """Read one file into the project. What can't be read becomes a problem of an empty document."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")  # noqa: TRY301  one place tells every reason
        if status.st_size > discover.MAX_BYTES:
            if kind.form.endswith("?"):
                project.skipped.append(
                    (shown, f"larger than {discover.MAX_BYTES} bytes, and no configuration by its name")
                )
                return
            raise ValueError(f"it is larger than {discover.MAX_BYTES} bytes")  # noqa: TRY301
        data = path.read_bytes()
        project.seen += 1
        if kind.form.endswith("?") and not _candidate(kind, data):
            return
        source = decode(shown, data)
    except UnicodeDecodeError as error:
        if not kind.form.endswith("?"):
            _unreadable(
                project, shown, kind, f"can't be read: it is no text in UTF-8 or UTF-16 (byte {error.start})", user=user
            )
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        _unreadable(project, shown, kind, f"can't be read: {reason}", user=user)
        return
    project.add(source, kind, user=user)


def _candidate(kind: Kind, data: bytes) -> bool:
    """Whether a file that is only a candidate is worth decoding: a search in bytes."""
    if kind.form == discover.SOURCE_MAYBE:
        return b"mcp" in data or b"Mcp" in data or b"MCP" in data
    if kind.form == discover.POD_MAYBE:
        return b"apiVersion:" in data or b"mcpServers" in data
    return any(
        word in data
        for word in (
            b"claude",
            b"codex",
            b"gemini",
            b"opencode",
            b"aider",
            b"yolo",
            b"copilot",
            b"cursor",
            b"qwen",
            b"--dangerously",
        )
    )


def _unreadable(project: Project, shown: str, kind: Kind, reason: str, *, user: bool) -> None:
    document = Document(Source(shown, ""), kind, (), (Problem(0, reason),), user=user)
    project.documents.append(document)


def load(root: Path, paths: "list[Path]", *, home: Path | None = None) -> Project:
    """Return what is below ``paths`` (directories are walked, files are always read), shown relative to ``root``."""
    project = Project(root)
    done: set[Path] = set()
    for path in paths:
        if path.is_dir():
            base = shown_path(root, path)
            for relative, kind in discover.walk(path, project.skipped):
                place = path / relative
                if place not in done:
                    done.add(place)
                    shown = relative if base in {"", "."} else f"{base}/{relative}"
                    load_file(project, place, shown, kind)
        elif path not in done:
            done.add(path)
            shown = shown_path(root, path)
            load_file(project, path, shown, discover.named(path.absolute().as_posix()))
    _unlisted(project)
    if home is not None:
        for relative, kind in discover.user_files(home):
            if home / relative not in done:
                load_file(project, home / relative, f"~/{relative}", kind, user=True)
    finish(project)
    return project


def _unlisted(project: Project) -> None:
    """Make a document with a problem of each directory that could not be listed."""
    for name, reason in project.skipped:
        if reason.startswith(discover.UNLISTED):
            _unreadable(project, name, Kind("", discover.CONFIG), reason, user=False)


def shown_path(root: Path, path: Path) -> str:
    """Return ``path`` relative to ``root`` where it is below it, else absolute; always with forward slashes."""
    absolute = path.absolute()
    try:
        return absolute.relative_to(root.absolute()).as_posix()
    except ValueError:
        return absolute.as_posix()


def finish(project: Project) -> None:
    """Parse the sources of servers; what is no Python of this interpreter is a problem of its document."""
    for document in project.of("source"):
        try:
            found = server_source(document.source)
            if found.tree is not None or found.descriptions or not document.path.endswith(".py"):
                project.sources.append(found)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            starts = document.source.starts
            offset = starts[min(line, len(starts)) - 1]
            document.problems = (
                *document.problems,
                Problem(offset, f"is no Python that can be read: {getattr(error, 'msg', error)}"),
            )


def string_values(node: Node) -> "Iterator[tuple[tuple[str, ...], Node]]":
    """Yield every string below a node with its path."""
    return ((path, child) for path, child in node.walk() if child.kind == STRING)
