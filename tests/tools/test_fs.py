"""The file functions as a user calls them: module and session twin, real files below."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import NoSession
from nucleus.gate.client import ambient
from nucleus.tools import fs
from nucleus.tools.handles import Text, label
from nucleus.tools.perform.fs import FsPerformer


@pytest.fixture
def client(ungated: Callable[..., Any]) -> Any:
    return ungated(fs=FsPerformer())


@pytest.fixture
def files(client: Any) -> fs.Fs:
    return fs.Fs(lambda: client)


def test_outside_of_a_session_every_function_says_so() -> None:
    for attempt in (
        lambda: fs.read("a"),
        lambda: fs.read_bytes("a"),
        lambda: fs.write("a", "b"),
        lambda: fs.edit("a", "b", "c"),
        lambda: fs.delete("a"),
        fs.list,
        lambda: fs.glob("*"),
        lambda: fs.grep("x"),
    ):
        with pytest.raises(NoSession, match="outside of any session"):
            attempt()


def test_the_module_goes_through_the_ambient_client(client: Any, workspace: Path) -> None:
    with ambient(client):
        assert fs.write("README.md", "hello") == 5
        readme = fs.read("README.md")
        fs.write("README.md", readme + "\n")
    assert (workspace / "README.md").read_text() == "hello\n"
    with pytest.raises(NoSession):
        fs.read("README.md")


def test_a_read_returns_a_handle_and_a_write_says_what_it_has_seen(client: Any, files: fs.Fs, workspace: Path) -> None:
    (workspace / "a").write_text("text")
    handle = files.read("a")
    assert (handle, handle.path, handle.source, label(handle)) == ("text", "a", "a", client.exposure)
    files.write(Path("b"), handle.upper())
    files.edit("b", "TEXT", "x")
    assert [(kind, seen) for kind, _, _, seen in client.calls] == [("fs.read", 0), ("fs.write", 1), ("fs.edit", 0)]
    files.write(Text("c", exposure=2), b"bytes")
    assert client.calls[-1][3] == 2


def test_contents_travel_in_the_body_and_never_in_the_arguments(client: Any, files: fs.Fs) -> None:
    files.write("a", "canary one")
    files.edit("a", "canary one", "canary two")
    assert "canary" not in repr([args for _, args, _, _ in client.calls])


def test_bytes_that_are_no_text_are_returned_by_read_bytes(files: fs.Fs, workspace: Path) -> None:
    (workspace / "a").write_bytes(b"\xff\xfe")
    with pytest.raises(UnicodeDecodeError, match="read_bytes"):
        files.read("a")
    found = files.read_bytes("a")
    assert (found, found.exposure) == (b"\xff\xfe", 1)


def test_a_failure_is_the_built_in_exception(files: fs.Fs) -> None:
    with pytest.raises(FileNotFoundError):
        files.read("missing")
    with pytest.raises(ValueError, match="climbs"):
        files.read("../x")
    with pytest.raises(PermissionError):
        files.write(".git/config", "x")


def test_searches_return_labelled_text(files: fs.Fs, workspace: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "a.py").write_text("one\ntwo\n")
    assert files.list() == [{"name": "src", "type": "directory", "size": (workspace / "src").stat().st_size}]
    assert files.glob("**/*.py") == ["src/a.py"]
    assert label(files.glob("**/*.py")) == 1
    assert files.grep("two") == [{"path": "src/a.py", "line": 2, "text": "two"}]
    assert files.grep("T.O", regex=True, fold=True, glob="**/*.py")[0]["line"] == 2
    files.delete("src/a.py")
    assert files.glob("**") == []


def test_missing_directories_are_made_on_request(files: fs.Fs, workspace: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.write("a/b/c", "x")
    files.write("a/b/c", "x", parents=True)
    assert (workspace / "a/b/c").read_text() == "x"
