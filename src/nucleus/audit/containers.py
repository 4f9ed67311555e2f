"""Containers that agents run in or start: command lines, compose files, pod specs, dev containers."""

import re
from collections.abc import Iterator
from typing import final

from nucleus.audit.launch import launch, split_words
from nucleus.audit.node import MAP, STRING, Node
from nucleus.audit.servers import Server
from nucleus.audit.text import Source
from nucleus.lean import dataclass, field

AGENT_WORDS = re.compile(
    r"\b(?:claude|codex|gemini|opencode|aider|copilot|cursor|goose|openhands|devin|swe-?agent|mcp|llm|agents?|ai-?agent|cline|roo|qwen|amp|crush|langgraph|crewai|autogen)\b",
    re.IGNORECASE,
)


@final
@dataclass(slots=True, eq=False)
class Container:
    """One container and what it is given of its host."""

    source: Source
    name: str
    image: Node | None
    host_namespaces: list[Node] = field(default_factory=list)
    privileged: list[Node] = field(default_factory=list)
    mounts: list[tuple[Node, str]] = field(default_factory=list)
    """Where it stands, and the host's side of it."""
    service_account: Node | None = None


def of_server(server: Server) -> Container | None:
    """Return the container that an MCP server is started in."""
    if server.launch.kind != "container":
        return None
    container = Container(server.source, server.name, server.launch.at)
    _options(container, list(server.launch.options))
    return container


def of_text(source: Source, node: Node) -> Iterator[Container]:
    """Yield the containers that a shell text starts."""
    for line in re.split(r"\n|&&|;|\|", node.text().replace("\\\n", " ")):
        if re.search(r"\b(?:docker|podman)\b.*\brun\b", line):
            found = launch(split_words(line, node))
            if found.kind == "container":
                container = Container(source, found.target, found.at)
                _options(container, list(found.options))
                yield container


def of_compose(source: Source, root: Node) -> Iterator[Container]:
    """Yield the services of a compose file that have to do with agents."""
    for key, service in (root.get("services") or Node(MAP, None, 0, 0)).entries():
        if not AGENT_WORDS.search(source.text[key.start : service.end]):
            continue
        container = Container(source, str(key.value), service.get("image"))
        for name in ("network_mode", "pid", "ipc", "userns_mode"):
            value = service.get(name)
            if value is not None and value.text() == "host":
                container.host_namespaces.append(value)
        _flag(container, service.get("privileged"))
        _capabilities(container, service.get("cap_add"))
        for volume in (service.get("volumes") or Node(MAP, None, 0, 0)).elements():
            source_node = volume.get("source") if volume.kind == MAP else None
            text = source_node.text() if source_node is not None else volume.text().split(":", 1)[0]
            container.mounts.append((source_node or volume, text))
        yield container


def of_pods(source: Source, roots: "tuple[Node, ...]") -> Iterator[Container]:
    """Yield the containers of pod specs and templates that have to do with agents."""
    for root in roots:
        kind = root.get("kind")
        if kind is None or root.get("apiVersion") is None or not AGENT_WORDS.search(source.text[root.start : root.end]):
            continue
        for path, node in root.walk():
            if path and path[-1] == "spec" and node.get("containers") is not None:
                yield from _pod(source, node)


def _pod(source: Source, spec: Node) -> Iterator[Container]:
    volumes = [
        (node, path)
        for volume in (spec.get("volumes") or spec).elements()
        if (node := volume.at("hostPath", "path")) is not None
        for path in [node.text()]
    ]
    token = spec.get("automountServiceAccountToken")
    containers = spec.get("containers")
    for index, one in enumerate(containers.elements() if containers is not None else []):
        name = one.get("name")
        container = Container(source, name.text() if name is not None else "", one.get("image"))
        if index == 0:
            container.mounts = volumes
            for flag in ("hostNetwork", "hostPID", "hostIPC"):
                value = spec.get(flag)
                if value is not None and value.is_true():
                    container.host_namespaces.append(value)
            if token is None or not token.is_false():
                container.service_account = token or spec.key("containers")
        _flag(container, one.at("securityContext", "privileged"))
        _flag(container, one.at("securityContext", "allowPrivilegeEscalation"))
        _capabilities(container, one.at("securityContext", "capabilities", "add"))
        yield container


def of_devcontainer(source: Source, root: Node) -> Container:
    """Return the container of a dev container description."""
    name = root.get("name")
    container = Container(source, name.text() if name is not None else "dev container", root.get("image"))
    _flag(container, root.get("privileged"))
    _capabilities(container, root.get("capAdd"))
    arguments = root.get("runArgs")
    _options(container, arguments.strings() if arguments is not None else [])
    mounts = [*(root.get("mounts") or Node(MAP, None, 0, 0)).elements()]
    if (workspace := root.get("workspaceMount")) is not None:
        mounts.append(workspace)
    for mount in mounts:
        inner = mount.get("source")
        text = inner.text() if inner is not None else _mount_source(mount.text())
        container.mounts.append((inner or mount, text))
    for key, _ in (root.get("features") or Node(MAP, None, 0, 0)).entries():
        if "docker-outside-of-docker" in str(key.value) or "docker-from-docker" in str(key.value):
            container.mounts.append((key, "/var/run/docker.sock"))
    return container


def _flag(container: Container, node: Node | None) -> None:
    if node is not None and node.is_true():
        container.privileged.append(node)


def _capabilities(container: Container, node: Node | None) -> None:
    for one in node.strings() if node is not None else []:
        if one.text().upper().removeprefix("CAP_") in {
            "ALL",
            "SYS_ADMIN",
            "SYS_PTRACE",
            "SYS_MODULE",
            "DAC_READ_SEARCH",
            "NET_ADMIN",
        }:
            container.privileged.append(one)


def _options(container: Container, options: "list[Node]") -> None:
    """Read the options of ``docker run``."""
    for index, word in enumerate(options):
        name, equals, value = word.text().partition("=")
        node = word
        if not equals and index + 1 < len(options):
            node = options[index + 1]
            value = node.text()
        if name in {"--network", "--net", "--pid", "--ipc", "--userns", "--uts"} and value == "host":
            container.host_namespaces.append(node)
        elif name == "--privileged" and value != "false":
            container.privileged.append(word)
        elif name == "--security-opt" and "unconfined" in value:
            container.privileged.append(node)
        elif name == "--cap-add":
            _capabilities(container, Node(STRING, value, node.start, node.end))
        elif name in {"-v", "--volume"}:
            container.mounts.append((node, value.split(":", 1)[0]))
        elif name == "--mount":
            container.mounts.append((node, _mount_source(value)))


def _mount_source(text: str) -> str:
    match = re.search(r"(?:source|src)=([^,]*)", text)
    return match[1] if match else text.split(":", 1)[0]
