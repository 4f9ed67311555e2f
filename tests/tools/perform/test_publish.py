"""The publish performer against a real forge on loopback: what it is told, and that no credential leaks."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Outcome
from nucleus.tools.perform.publish import PublishPerformer
from nucleus.tools.perform.resolve import StaticResolver

Do = Callable[..., Outcome]
TOKEN = b"ghs_canary0123456789"
HERE = {"api": "https://forge.example/api/v3", "repository": "owner/name"}


@pytest.fixture
def forge(loopback: Callable[..., Any], authority: Any, tmp_path: Path) -> Any:
    return loopback(authority.context(tmp_path, "forge.example"))


@pytest.fixture
def do(perform: Do, forge: Any, authority: Any) -> Do:
    resolver = StaticResolver({"forge.example:443": ("127.0.0.1", forge.port)})
    performer = PublishPerformer(resolver, authority.pem)

    def run(kind: str, body: bytes = b"", **args: Any) -> Outcome:
        return perform(performer, f"publish.{kind}", body, credential=TOKEN, **{**HERE, **args})

    return run


def sent(request: bytes) -> Any:
    return json.loads(request.partition(b"\r\n\r\n")[2])


def pull(title: str = "T", content: str = "text") -> bytes:
    return json.dumps({"title": title, "text": content}).encode()


def made(answer: Callable[..., bytes], **fields: Any) -> bytes:
    return answer(json.dumps(fields).encode()).replace(b"200 OK", b"201 Created")


def test_a_pull_request_is_opened(do: Do, forge: Any, answer: Callable[..., bytes]) -> None:
    forge.answers["POST /api/v3/repos/owner/name/pulls"] = made(answer, number=7, html_url="https://forge.example/7")
    outcome = do("pull_request", pull("Fix \u00e9"), head="topic", base="main")
    assert (outcome.status, outcome.body, outcome.value["number"]) == ("ok", b"https://forge.example/7", 7)
    assert sent(forge.requests[0]) == {"title": "Fix \u00e9", "body": "text", "head": "topic", "base": "main"}
    assert b"Authorization: Bearer " + TOKEN in forge.requests[0]


def test_a_comment_is_made(do: Do, forge: Any, answer: Callable[..., bytes]) -> None:
    forge.answers["POST /api/v3/repos/owner/name/issues/3/comments"] = made(answer, html_url="https://forge.example/c")
    assert do("comment", b"hello", number=3).value == {"url": "https://forge.example/c", "number": 3}
    assert sent(forge.requests[0]) == {"body": "hello"}


def test_a_label_is_added_and_an_odd_one_is_never_sent(do: Do, forge: Any, answer: Callable[..., bytes]) -> None:
    forge.answers["POST /api/v3/repos/owner/name/issues/3/labels"] = answer(b"[]")
    assert do("label", number=3, label="good first issue").status == "ok"
    for odd in ("", "a/../b", "x" * 51, "a\nb"):
        assert do("label", number=3, label=odd).value["type"] == "ValueError"
    assert [sent(request) for request in forge.requests] == [{"labels": ["good first issue"]}]


def test_the_topic_branch_is_pushed_before_the_pull_request_is_opened(
    do: Do, forge: Any, answer: Callable[..., bytes], workspace: Path, tmp_path: Path
) -> None:
    for words in (
        ["init", "-qb", "topic"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"],
    ):
        subprocess.run(["git", *words], cwd=workspace, check=True)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote")], check=True)
    forge.answers["POST /api/v3/repos/owner/name/pulls"] = made(answer, number=7)
    push = {"url": str(tmp_path / "remote"), "source": "refs/heads/topic", "target": "refs/heads/topic", "force": False}
    assert do("pull_request", pull(), head="topic", base="main", push=push).status == "ok"
    assert (tmp_path / "remote/refs/heads/topic").exists()
    assert len(forge.requests) == 1


def test_where_the_push_fails_no_pull_request_is_opened(do: Do, forge: Any, workspace: Path) -> None:
    subprocess.run(["git", "init", "-qb", "topic"], cwd=workspace, check=True)
    for source in ("refs/heads/topic", "refs/heads/other"):
        push = {"url": "/nonexistent", "source": source, "target": "refs/heads/topic", "force": False}
        assert do("pull_request", pull(), head="topic", base="main", push=push).status == "failed"
    assert forge.requests == []


def test_an_issue_is_read_with_its_comments(do: Do, forge: Any, answer: Callable[..., bytes]) -> None:
    issue = {"title": "T", "body": "B", "state": "open", "labels": [{"name": "bug"}], "html_url": "u"}
    comments = [{"user": {"login": "x"}, "body": "C"}, {"user": None}, 3]
    forge.answers["/api/v3/repos/owner/name/issues/3"] = answer(json.dumps(issue).encode())
    forge.answers["/api/v3/repos/owner/name/issues/3/comments?per_page=100"] = answer(json.dumps(comments).encode())
    outcome = do("read", number=3)
    assert outcome.body == b"T\n\nB\n\n-- x:\nC"
    assert outcome.value == {"url": "u", "state": "open", "labels": ["bug"], "number": 3}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "PermissionError"), (403, "PermissionError"), (404, "FileNotFoundError"), (422, "ValueError"),
     (500, "OSError"), (302, "OSError")],
)  # fmt: skip
def test_a_refusal_of_the_forge_is_a_failure(
    do: Do, forge: Any, loopback: Callable[..., Any], status: int, kind: str
) -> None:
    other = loopback()
    head = f"HTTP/1.1 {status} X\r\nLocation: http://forge.example:{other.port}/\r\nContent-Length: 0\r\n\r\n"
    forge.answers["POST /api/v3/repos/owner/name/issues/3/comments"] = head.encode()
    outcome = do("comment", b"hello", number=3)
    assert outcome.value["type"] == kind
    assert other.connections == 0


def test_a_forge_that_echoes_the_credential_does_not_show_it(do: Do, forge: Any, answer: Callable[..., bytes]) -> None:
    echo = json.dumps({"title": TOKEN.decode(), "body": "x" + TOKEN.decode(), "state": TOKEN.decode()}).encode()
    forge.answers["/api/v3/repos/owner/name/issues/3"] = answer(echo)
    forge.answers["/api/v3/repos/owner/name/issues/3/comments?per_page=100"] = answer(b"[]")
    outcome = do("read", number=3)
    assert outcome.status == "ok"
    assert TOKEN not in outcome.body + repr(outcome).encode()
    assert TOKEN in forge.requests[0]


@pytest.mark.parametrize(
    "args",
    [
        {"repository": "owner/name/../../other"},
        {"repository": "owner/.."},
        {"repository": "owner"},
        {"repository": "o/n?x"},
        {"number": 0},
        {"number": -3},
        {"number": True},
        {"number": "3/../4"},
        {"api": "https://forge.example/?x="},
        {"api": "https://forge.example@other.example"},
        {"api": "http://forge.example"},
        {"api": None},
    ],
)
def test_what_would_reach_another_place_is_not_sent(do: Do, forge: Any, args: dict[str, Any]) -> None:
    outcome = do("comment", b"hello", **{"number": 3, **args})
    assert outcome.status == "failed"
    assert TOKEN.decode() not in repr(outcome)
    assert forge.requests == []


@pytest.mark.parametrize("head", ["", "-x", "a..b", "a b", "refs/heads/\n"])
def test_an_odd_branch_is_not_sent(do: Do, forge: Any, head: str) -> None:
    assert do("pull_request", pull(), head=head, base="main").status == "failed"
    assert forge.requests == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"title": "x"}', pull(""), pull("x" * 300), pull(content="x" * 70_000)])
def test_an_odd_pull_request_is_not_sent(do: Do, forge: Any, body: bytes) -> None:
    assert do("pull_request", body, head="topic", base="main").status == "failed"
    assert forge.requests == []


@pytest.mark.parametrize("body", [b"not json", b"3", b"[" * 100_000, b"\xff"])
def test_an_odd_answer_is_a_failure(do: Do, forge: Any, answer: Callable[..., bytes], body: bytes) -> None:
    forge.answers["POST /api/v3/repos/owner/name/issues/3/comments"] = answer(body)
    assert do("comment", b"hello", number=3).value["type"] == "OSError"
