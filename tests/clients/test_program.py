"""This Nucleus is known by the file that it is."""

import os
import sys
from pathlib import Path

import pytest

from nucleus.clients.program import Program, program, resolve


def test_the_script_beside_the_interpreter_is_this_nucleus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, script = tmp_path / "python", tmp_path / "nucleus"
    script.touch()
    monkeypatch.setattr(sys, "executable", str(python))
    us = program()
    assert us.words == (str(script),)
    assert us.is_first(("anything",), str(script))
    assert not us.is_first(("nucleus",), "/usr/bin/nucleus")


def test_without_a_script_the_interpreter_starts_the_package_isolated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    us = program()
    assert us.words == (str(tmp_path / "python"), "-I", "-m", "nucleus")
    assert us.is_first((*us.words, "mcp"), "")
    assert not us.is_first((us.words[0], "-m", "nucleus"), us.words[0])
    assert us == Program(us.words, frozenset())


def test_a_word_is_resolved_along_the_path_and_never_by_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "tool"
    tool.write_text("")
    tool.chmod(0o755)
    (tmp_path / "link").symlink_to(tool)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve("tool") == resolve("link") == resolve(str(tmp_path / "link")) == os.path.realpath(tool)
    assert resolve("./tool") == resolve("absent") == ""
