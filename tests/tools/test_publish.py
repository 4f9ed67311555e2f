"""Publishing as a user calls it, over a real forge on loopback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import NoSession
from nucleus.gate.client import ambient
from nucleus.tools import publish
from nucleus.tools.handles import Text, label
from nucleus.tools.perform.publish import PublishPerformer
from nucleus.tools.perform.resolve import StaticResolver


@pytest.fixture
def forge(loopback: Callable[..., Any], authority: Any, tmp_path: Path) -> Any:
    return loopback(authority.context(tmp_path, "forge.example"))


@pytest.fixture
def client(ungated: Callable[..., Any], forge: Any, authority: Any) -> Any:
    resolver = StaticResolver({"forge.example": ("127.0.0.1", forge.port)})
    made = ungated(publish=PublishPerformer(resolver, authority.pem))
    place = {"api": "https://forge.example", "repository": "owner/name"}
    made.resolved = {f"publish.{each}": place for each in ("comment", "label", "read")}
    made.resolved["publish.pull_request"] = {**place, "head": "topic", "base": "main"}
    return made


def test_outside_of_a_session_every_function_says_so() -> None:
    for attempt in (
        lambda: publish.pull_request("x"),
        lambda: publish.comment(1, "x"),
        lambda: publish.label(1, "x"),
        lambda: publish.read_issue(1),
    ):
        with pytest.raises(NoSession):
            attempt()


def test_every_function_reaches_the_forge(client: Any, forge: Any, answer: Callable[..., bytes]) -> None:
    made = answer(json.dumps({"number": 7, "html_url": "https://forge.example/7"}).encode())
    issue = {"title": "T", "body": "B", "state": "open"}
    forge.answers = {
        "POST /repos/owner/name/pulls": made,
        "POST /repos/owner/name/issues/7/comments": made,
        "POST /repos/owner/name/issues/7/labels": answer(b"[]"),
        "/repos/owner/name/issues/7": answer(json.dumps(issue).encode()),
        "/repos/owner/name/issues/7/comments?per_page=100": answer(b"[]"),
    }
    with ambient(client):
        opened = publish.pull_request("title", "text")
        assert (opened.number, opened.url) == (7, "https://forge.example/7")
        publish.comment(opened.number, "hello")
        publish.label(7, "bug")
        read = publish.read_issue(7)
    assert (read, read.details["state"], label(read)) == ("T\n\nB", "open", 1)
    assert len(forge.requests) == 5


def test_texts_travel_in_the_body_with_their_label(client: Any, forge: Any, answer: Callable[..., bytes]) -> None:
    forge.answers["POST /repos/owner/name/issues/7/comments"] = answer(b"{}")
    publish.Publish(lambda: client).comment(7, Text("canary", exposure=2), repository="owner/name")
    args = {"number": 7, "repository": "owner/name"}
    assert client.calls[-1] == ("publish.comment", args, b"canary", 2)


def test_a_refusal_of_the_forge_is_the_built_in_exception(client: Any) -> None:
    with pytest.raises(FileNotFoundError, match="404"):
        publish.Publish(lambda: client).comment(9, "x")
