"""What a command line starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.launch import base_name, has_digest, launch, package_version, remote_of, split_words
from nucleus.audit.node import STRING, Node

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HERE = Node(STRING, "", 0, 0)


@pytest.mark.parametrize(
    ("command", "kind", "target"),
    [
        ("npx -y @scope/x@1.2.3 --flag", "npm", "@scope/x@1.2.3"),
        ("npx --yes --package @scope/sdk -- mcp start", "npm", "@scope/sdk"),
        ("cmd /c npx -y x", "npm", "x"),
        ("C:/nodejs/npx.cmd x", "npm", "x"),
        ("pnpm dlx x@1.0.0", "npm", "x@1.0.0"),
        ("uvx --from git+https://h/a/b serve", "pypi", "git+https://h/a/b"),
        ("uvx --python 3.12 tool==1.0", "pypi", "tool==1.0"),
        ("pipx run tool", "pypi", "tool"),
        ("uv tool run tool", "pypi", "tool"),
        ("uv run --with fastmcp server.py", "pypi", "fastmcp"),
        ("uv --directory d run server.py", "interpreter", "server.py"),
        ("uv run python -m pkg.server", "interpreter", "pkg.server"),
        ("docker run -i --rm -e KEY -v a:b org/image:1 arg", "container", "org/image:1"),
        ("docker mcp gateway run", "program", "docker"),
        ("bash -lc 'cd x && y'", "shell", "cd x && y"),
        ("bash ./start.sh", "interpreter", "./start.sh"),
        ("python3.11 -c 'print(1)'", "shell", "print(1)"),
        ("node --inspect server.js", "interpreter", "server.js"),
        ("env A=b sudo -E timeout 5 npx x", "npm", "x"),
        ("/opt/nucleus mcp run --name=x --server-env=A -- npx -y x@1", "npm", "x@1"),
        ("nucleus mcp pins -- npx x", "program", "nucleus"),
        ("./server --port 1", "program", "./server"),
        ("", "", ""),
    ],
)
def test_launchers_are_looked_through(command: str, kind: str, target: str) -> None:
    found = launch(split_words(command, HERE))
    assert (found.kind, found.target) == (kind, target)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("npx x@1.2.3", "1.2.3"),
        ("npx @s/x@1.2.3-beta.1", "1.2.3-beta.1"),
        ("npx @s/x@latest", None),
        ("npx x@^1.2.3", None),
        ("npx x@1", None),
        ("uvx x==1.2", "1.2"),
        ("uvx x@1.2.3", "1.2.3"),
        ("uvx x>=1.2", None),
        (f"uvx --from git+https://h/a@{COMMIT} b", COMMIT),
        ("uvx --from git+https://h/a@main b", None),
    ],
)
def test_only_an_exact_version_is_a_version(command: str, version: str | None) -> None:
    assert package_version(launch(split_words(command, HERE))) == version


def test_a_bridge_leads_to_its_remote() -> None:
    url = remote_of(launch(split_words("npx mcp-remote@0.1.15 http://127.0.0.1:9003/mcp", HERE)))
    assert url is not None
    assert url.text() == "http://127.0.0.1:9003/mcp"


def test_program_names_lose_path_suffix_and_version() -> None:
    assert [base_name(word) for word in ("/usr/bin/python3.11", r"C:\x\Node.EXE", "pip3")] == ["python3", "node", "pip"]


def test_only_a_full_digest_names_content() -> None:
    assert has_digest("a/b@sha256:" + "0" * 64)
    assert not has_digest("a/b:1@sha256:0123")


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_words_start_something_or_nothing(words: list[str]) -> None:
    found = launch([Node(STRING, word, 0, 0) for word in words])
    assert found.kind in {"", "npm", "pypi", "container", "shell", "interpreter", "program"}
