"""What a person is shown: bytes compared here, everything escaped, nothing slow."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply import changes, show
from nucleus.apply.change import Change
from nucleus.apply.show import compared, headline, shown
from tests.apply.world import World

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "x" * 40]), max_size=12).map(lambda lines: "\n".join([*lines, ""]))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


@given(TEXTS, TEXTS)
def test_a_diff_says_exactly_what_goes_and_what_comes(old: str, new: str) -> None:
    lines = [line for line in compared(old.encode(), new.encode()) if not line.startswith("@@")]
    gone, came = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    before, after = old.split("\n")[:-1], new.split("\n")[:-1]
    assert len(came) - len(gone) == len(after) - len(before)
    assert sorted(before) == sorted([*gone, *_without(after, came)])
    assert (lines == []) == (old == new)


def _without(lines: list[str], some: list[str]) -> list[str]:
    """Return what of the lines is left when some of them are taken away, each once."""
    left = list(lines)
    for line in some:
        left.remove(line)
    return left


def test_large_differences_are_blocks_and_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "LINES_COMPARED", 3)
    old, new = b"same\n" + b"a\n" * 5 + b"end\n", b"same\n" + b"b\n" * 4 + b"end\n"
    assert list(compared(old, new)) == ["@@ -2,5 +2,4 @@", *["-a"] * 5, *["+b"] * 4]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    lines = list(compared(b"", "\x1b[2K\rclean\u202e\ttab\n".encode()))
    assert lines[-1] == "+\\x1b[2K\\rclean\\u202e\ttab"


def test_what_is_no_text_is_shown_by_size_and_digest() -> None:
    (line,) = compared(None, b"\0\xff")
    assert "no text: 2 bytes, sha256 " in line
    assert list(compared(b"a", b"a\n")) == ["@@ -1 +1 @@", "-a  (no line end)", "+a"]


def test_attributes_and_index_flags_of_a_repository_hide_nothing(world: World) -> None:
    world.host(".gitattributes", "*.py -diff\n")
    world.host("a.py", "good\n")
    world.start()
    world.put("a.py", "evil\n")
    (change,) = changes(world.run)
    assert list(shown(world.run, change)) == ["changed a.py", "@@ -1 +1 @@", "-good", "+evil"]


def test_every_kind_has_its_lines(world: World) -> None:
    world.host("gone", "x\n")
    world.host("mode")
    world.start()
    world.put("new\x1b", "y\n")
    world.put("mode", "old", mode=0o755)
    world.gone("gone")
    (world.folder / "upper" / "link").symlink_to("/etc/\x1bpasswd")
    os.mkfifo(world.folder / "upper" / "pipe")
    world.put(".git", "gitdir: x")
    lines = {each.path: list(shown(world.run, each)) for each in changes(world.run)}
    assert lines["gone"][1:] == ["@@ -1 +0,0 @@", "-x"]
    assert lines["new\x1b"][0].startswith(r"added new\x1b  [held")
    assert lines["mode"][1:] == ["    mode 0644 to 0755"]
    assert lines["link"][1:] == [r"    leads to /etc/\x1bpasswd"]
    assert lines["pipe"][0].startswith("special fifo pipe  [held")
    assert "never applied" in lines[".git"][0]


def test_a_headline_says_why_somebody_should_look() -> None:
    assert headline(Change("a", "added", "file", "plain")) == "added a"
    assert headline(Change("a", "changed", "file", "flagged", why="w", conflict="c")) == (
        "changed a  [flagged: w; conflict: c]"
    )
    ref = Change(".git/refs/heads/x", "added", "ref", "plain", target=f"..{'1' * 40}")
    assert headline(ref) == "added ref .git/refs/heads/x"
