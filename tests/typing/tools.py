"""Handles as a user writes with them. Never run: it only has to type-check."""

from typing import Any, assert_type

from nucleus.tools import fs, git, net, proc, publish
from nucleus.tools.handles import Blob, CommandOutput, FileHandle, GitResult, NetResponse, Posted, Text, label, seen_of


def handles_are_text() -> None:
    """Use handles wherever text or bytes are asked for."""
    readme = fs.read("README.md")
    assert_type(readme, FileHandle)
    assert_type(readme + "\n", Text)
    assert_type(readme[1:], Text)
    assert_type(readme.content, Blob)
    assert_type(readme.content.text(), Text)
    assert_type(readme.exposure, int)
    assert_type(fs.read_bytes("logo.png"), Blob)
    plain: str = readme
    raw: bytes = fs.read_bytes("logo.png")
    fs.write("README.md", plain)
    fs.write("logo.png", raw)
    assert_type(label(readme), int)
    assert_type(seen_of(readme, page=raw), int)


def results_know_their_parts() -> None:
    """Use what stands beside the text."""
    page = net.fetch("https://example.com")
    assert_type(page, NetResponse)
    assert_type(page.status, int)
    assert_type(page.json(), Any)
    output = proc.run(["make", "test"])
    assert_type(output, CommandOutput)
    assert_type(output.stderr, Text)
    assert_type(git.commit("message"), GitResult)
    assert_type(publish.comment(1, "text"), Posted)
    assert_type(fs.glob("**/*.py"), list[Text])
    assert_type(fs.list(), list[dict[str, Any]])
