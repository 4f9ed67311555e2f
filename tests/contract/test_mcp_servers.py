"""Real servers and real clients: what a client hears through the mediator is what it hears without.

Each session is played twice, once directly and once through ``nucleus mcp run`` under a policy that allows
everything, and every line on the client's side of the wire is compared.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.parts import install
from tests.parts.world import HERE, Seen, Stage, module, parts

Script = list[list[Any]]


@dataclass(frozen=True)
class Server:
    """One server of a registry, and a session that is made of its own kinds of calls."""

    command: Callable[[Path], list[str]]
    script: Callable[[Path], Script]
    prepare: Callable[[Path], None] = lambda _work: None
    variables: Callable[[Path], dict[str, str]] = field(default=lambda _work: {})


def program(name: str, version: str = "py") -> str:
    return str(parts() / version / "bin" / name)


def npm(*names: str) -> list[str]:
    return [str(install.node()), module(*names)]


def everything(_work: Path) -> Script:
    prompt = {"type": "ref/prompt", "name": "completable-prompt"}
    return [
        *(["tools/list"], ["ping"], ["resources/list"], ["resources/templates/list"], ["prompts/list"]),
        ["logging/setLevel", "debug"],
        ["tools/call", "echo", {"message": "plain <b>text</b>, \u00fc and \U0001f600"}],
        *(["tools/call", "get-sum", {"a": 1, "b": 2.5}], ["tools/call", "get-sum", {"a": "x"}]),
        *(["tools/call", "get-tiny-image"], ["tools/call", "get-env"]),
        ["tools/call", "get-annotated-message", {"messageType": "error", "includeImage": True}],
        ["tools/call", "get-structured-content", {"location": "New York"}],
        ["tools/call", "get-resource-links", {"count": 3}],
        ["resources/read", "demo://resource/static/document/features.md"],
        ["resources/read", "demo://resource/none"],
        ["resources/subscribe", "demo://resource/static/document/features.md"],
        *(["prompts/get", "simple-prompt"], ["prompts/get", "args-prompt", {"city": "Rome"}], ["prompts/get", "none"]),
        ["completion/complete", prompt, {"department": "E"}],
        ["tools/call", "trigger-long-running-operation", {"duration": 0.8, "steps": 2}, True],
    ]


def filesystem(work: Path) -> Script:
    file = str(work / "notes" / "b.txt")
    return [
        *(["tools/list"], ["tools/call", "list_allowed_directories"]),
        ["tools/call", "list_directory", {"path": str(work)}],
        ["tools/call", "directory_tree", {"path": str(work), "excludePatterns": ["x"]}],
        ["tools/call", "create_directory", {"path": str(work / "notes")}],
        ["tools/call", "write_file", {"path": file, "content": "one\ntwo\n" * 3000}],
        ["tools/call", "edit_file", {"path": file, "edits": [{"oldText": "one\ntwo\none", "newText": "1"}]}],
        ["tools/call", "read_text_file", {"path": file, "head": 2}],
        ["tools/call", "read_multiple_files", {"paths": [file, str(work / "a.txt"), str(work / "none")]}],
        ["tools/call", "move_file", {"source": file, "destination": str(work / "c.txt")}],
        ["tools/call", "search_files", {"path": str(work), "pattern": "**/*.txt"}],
        ["tools/call", "read_text_file", {"path": "/etc/hostname"}],
        ["tools/call", "read_text_file", {}],
    ]


def memory(_work: Path) -> Script:
    ada = {"name": "ada", "entityType": "person", "observations": ["writes", "counts"]}
    relation = {"from": "ada", "to": "charles", "relationType": "knows"}
    return [
        *(["tools/list"], ["tools/call", "create_entities", {"entities": [ada, {**ada, "name": "charles"}]}]),
        ["tools/call", "create_relations", {"relations": [relation]}],
        ["tools/call", "add_observations", {"observations": [{"entityName": "ada", "contents": ["x"]}]}],
        *(["tools/call", "search_nodes", {"query": "ada"}], ["tools/call", "open_nodes", {"names": ["charles"]}]),
        *(["tools/call", "delete_entities", {"entityNames": ["charles"]}], ["tools/call", "read_graph"]),
    ]


def git(work: Path) -> Script:
    here = {"repo_path": str(work)}
    return [
        *(["tools/list"], ["tools/call", "git_status", here], ["tools/call", "git_log", {**here, "max_count": 5}]),
        *(["tools/call", "git_diff_unstaged", here], ["tools/call", "git_add", {**here, "files": ["a.txt"]}]),
        *(["tools/call", "git_diff_staged", here], ["tools/call", "git_reset", here]),
        ["tools/call", "git_create_branch", {**here, "branch_name": "topic"}],
        ["tools/call", "git_checkout", {**here, "branch_name": "topic"}],
        *(
            ["tools/call", "git_branch", {**here, "branch_type": "local"}],
            ["tools/call", "git_show", {**here, "revision": "HEAD"}],
        ),
        ["tools/call", "git_show", {**here, "revision": "none"}],
    ]


def a_repository(work: Path) -> None:
    (work / "a.txt").write_text("one\n")
    when = "2026-01-02T03:04:05+00:00"
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(work)}
    environment = {**os.environ, **who, **plain, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    for words in (["init", "-q", "-b", "main"], ["add", "a.txt"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=work, env=environment, check=True)
    (work / "a.txt").write_text("two\n")


def fetch(_work: Path) -> Script:
    """Plain http is no trusted destination, so the tool is asked for what its proxy refuses, the prompt for a page."""
    return [
        *(["tools/list"], ["tools/call", "fetch", {"url": "https://docs.example.org/page", "raw": True}]),
        *(["prompts/list"], ["prompts/get", "fetch", {"url": "http://docs.example.org/page"}]),
        ["prompts/get", "fetch", {"url": "http://docs.example.org/none"}],
    ]


def sqlite(_work: Path) -> Script:
    return [
        *(["tools/list"], ["prompts/list"], ["resources/list"], ["tools/call", "list_tables"]),
        ["tools/call", "create_table", {"query": "CREATE TABLE t (a INTEGER, b TEXT)"}],
        ["tools/call", "write_query", {"query": "INSERT INTO t VALUES (1, 'x'), (2, '\u00e9')"}],
        ["tools/call", "read_query", {"query": "SELECT * FROM t ORDER BY a"}],
        ["tools/call", "read_query", {"query": "DROP TABLE t"}],
        *(["tools/call", "describe_table", {"table_name": "t"}], ["tools/call", "append_insight", {"insight": "two"}]),
        *(["resources/read", "memo://insights"], ["prompts/get", "mcp-demo", {"topic": "tea"}]),
    ]


def clock(_work: Path) -> Script:
    noon = {"source_timezone": "Asia/Tokyo", "time": "12:00", "target_timezone": "UTC"}
    return [
        *(["tools/list"], ["tools/call", "convert_time", noon]),
        ["tools/call", "convert_time", {**noon, "time": "25:00"}],
        ["tools/call", "get_current_time", {"timezone": "None/Where"}],
    ]


SERVERS = {
    "everything": Server(
        lambda _work: [*npm("@modelcontextprotocol", "server-everything", "dist", "index.js"), "stdio"], everything
    ),
    "filesystem": Server(
        lambda work: [*npm("@modelcontextprotocol", "server-filesystem", "dist", "index.js"), str(work)],
        filesystem,
        prepare=lambda work: (work / "a.txt").write_text("one\n") and None,
    ),
    "memory": Server(
        lambda _work: npm("@modelcontextprotocol", "server-memory", "dist", "index.js"),
        memory,
        variables=lambda work: {"MEMORY_FILE_PATH": str(work / "memory.json")},
    ),
    "playwright": Server(lambda _work: npm("@playwright", "mcp", "cli.js"), lambda _work: [["tools/list"], ["ping"]]),
    "git": Server(lambda work: [program("mcp-server-git"), "--repository", str(work)], git, prepare=a_repository),
    "fetch": Server(
        lambda _work: [
            program("mcp-server-fetch"),
            "--ignore-robots-txt",
            "--proxy-url",
            f"http://127.0.0.1:{PORTS['pages']}",
        ],
        fetch,
    ),
    "sqlite": Server(lambda work: [program("mcp-server-sqlite", "py1"), "--db-path", str(work / "t.db")], sqlite),
    "time": Server(lambda _work: [program("mcp-server-time")], clock),
}
PORTS: dict[str, int] = {}


class Pages(BaseHTTPRequestHandler):
    """A proxy on the loopback that has one page, for the server that fetches."""

    def do_GET(self) -> None:
        found = self.path == "http://docs.example.org/page"
        text = b"<html><body><h1>Title</h1><p>Some words.</p></body></html>" if found else b"none"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setitem(PORTS, "pages", server.server_address[1])
        yield
        server.shutdown()


def python(era: str, version: str = "py") -> Callable[[Path, list[str]], list[str]]:
    return lambda script, words: [program("python", version), str(HERE / "client.py"), era, str(script), *words]


def typescript(era: str, package: str = "client") -> Callable[[Path, list[str]], list[str]]:
    def command(script: Path, words: list[str]) -> list[str]:
        return [str(install.node()), str(HERE / "client.mjs"), str(parts() / "js"), package, era, str(script), *words]

    return command


CLIENTS = {
    "python": python("handshake"),
    "python that probes": python("probe"),
    "python 1": python("handshake", "py1"),
    "typescript": typescript("handshake"),
    "typescript that probes": typescript("probe"),
    "typescript 1": typescript("handshake", "sdk"),
}
PAIRS = [
    *((server, client) for server in SERVERS for client in ("python", "typescript")),
    *((server, client) for server in ("everything", "time") for client in CLIENTS if client[-1:] in "s1"),
]


def stage(tmp_path: Path, name: str, client: Callable[[list[str]], list[str]]) -> Stage:
    server, work = SERVERS[name], tmp_path / "work"
    return Stage(tmp_path, server.command(work), client, server.prepare, server.variables(work))


def heard_equally(direct: Seen, mediated: Seen, *, late: str = "") -> None:
    """Know that a client heard the same, and itself said the same of it.

    ``late``: what a server says some time after the start, perhaps when a short session is over.
    """
    assert direct.status == mediated.status == 0, mediated.errors
    before, after = direct.heard(), mediated.heard()
    for heard in (before, after):
        # A server writes them by clocks of its own, beside its answers.
        heard.get("notifications/message", []).sort(key=lambda one: json.dumps(one["params"], sort_keys=True))
        heard.pop(late, None)
    for what in sorted({*before, *after}):
        assert after.get(what) == before.get(what), f"{what}: {mediated.errors}"
    assert mediated.said == direct.said


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "client"), PAIRS)
def test_a_client_hears_of_a_server_what_it_hears_without_the_mediator(name: str, client: str, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SERVERS[name].script(tmp_path / "work")))
    here = stage(tmp_path, name, lambda words: CLIENTS[client](script, words))
    direct = here.direct()
    assert len(direct.said.splitlines()) == len(json.loads(script.read_text())), direct.errors
    heard_equally(direct, here.mediated(direct.tools()))


CALLS = {
    "everything": ["get-sum", "a=1", "b=2"],
    "filesystem": ["list_allowed_directories"],
    "memory": ["read_graph"],
    "time": ["convert_time", "source_timezone=UTC", "time=12:00", "target_timezone=Asia/Tokyo"],
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", sorted(SERVERS))
def test_the_inspector_prints_what_it_prints_without_the_mediator(name: str, tmp_path: Path) -> None:
    program = npm("@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
    words = ["--method", "tools/list"]

    def inspector(command: list[str]) -> list[str]:
        config = tmp_path / "inspected.json"
        config.write_text(json.dumps({"mcpServers": {"t": {"command": command[0], "args": command[1:]}}}))
        return [*program, "--cli", "--config", str(config), "--server", "t", *words]

    here = stage(tmp_path, name, inspector)
    listed = here.direct()
    definitions = listed.tools()
    assert [tool["name"] for tool in json.loads(listed.said)["tools"]] == [tool["name"] for tool in definitions]
    heard_equally(listed, here.mediated(definitions), late="roots/list")
    if name in CALLS:
        tool, *arguments = CALLS[name]
        given = [word for argument in arguments for word in ("--tool-arg", argument)]
        words = ["--method", "tools/call", "--tool-name", tool, *given]
        direct = here.direct()
        assert "content" in json.loads(direct.said)
        heard_equally(direct, here.mediated(definitions), late="roots/list")


def test_links_in_results_are_escaped_and_unknown_tools_are_answered_here(tmp_path: Path) -> None:
    """The two things that a client does hear differently, whatever the policy allows."""
    script = tmp_path / "script.json"
    script.write_text(
        json.dumps(
            [["tools/list"], ["tools/call", "echo", {"message": "[a](https://a.example)"}], ["tools/call", "none"]]
        )
    )
    here = stage(tmp_path, "everything", lambda words: CLIENTS["typescript"](script, words))
    direct = here.direct()
    before, after = direct.heard()["tools/call"], here.mediated(direct.tools()).heard()["tools/call"]
    assert [before[0]["result"]["content"][0]["text"], after[0]["result"]["content"][0]["text"]] == [
        "Echo: [a](https://a.example)",
        "Echo: [a]\\(https://a.example)",
    ]
    assert before[1]["result"]["isError"] is True
    assert after[1]["error"]["message"] == "no such tool is available here; do not retry"
