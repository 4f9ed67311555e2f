"""The private GIT_DIR: what is taken over from a repository, and what a program of git gets."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from nucleus.tools.perform import private_git
from nucleus.tools.perform.outcomes import Deadline
from nucleus.tools.perform.private_git import first_line, git_program, prepared
from nucleus.tools.perform.repository import opened


@pytest.fixture
def repo(workspace: Path) -> Path:
    subprocess.run(["git", "init", "-q", "-b", "main", str(workspace)], check=True)
    return workspace


def configuration(repo: Path) -> dict[str, str]:
    with opened(str(repo)) as repository, prepared(repository, str(repo), Deadline(20)) as git:
        listed = git.must("config", "--list", "--null").decode().split("\0")
    return {key: value for key, _, value in (each.partition("\n") for each in listed) if key}


def test_only_known_keys_with_known_values_are_taken_over(repo: Path) -> None:
    with (repo / ".git/config").open("a") as config:
        config.write(
            "[core]\n\tautocrlf = INPUT\n\teol = !sh\n\tignorecase = true\n\tfsmonitor = /bin/x\n\tworktree = /\n"
            "[alias]\n\tx = !sh\n"
            '[include]\n\tpath = /etc/passwd\n[remote "origin"]\n\turl = /x\n[filter "lfs"]\n\tclean = x\n'
        )
    found = configuration(repo)
    assert found["core.autocrlf"] == "input"
    assert found["core.ignorecase"] == "true"
    assert found["core.fsmonitor"] == "false"
    assert not {"core.eol", "core.worktree", "alias.x", "include.path", "remote.origin.url", "filter.lfs.clean"} & set(
        found
    )


def test_a_program_gets_our_environment_and_no_other(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "1")
    monkeypatch.setenv("GIT_TRACE", "1")
    with opened(str(repo)) as repository, prepared(repository, str(repo), Deadline(20)) as git:
        shown = git.must("-c", "alias.e=!env", "e").decode()
        assert git.run("status").error == ""
    assert "CANARY" not in shown
    assert f"HOME={git.scratch}/home" in shown
    assert not git.scratch.exists()


def test_output_beyond_the_limit_and_time_beyond_the_deadline_end_the_program(repo: Path) -> None:
    def attempt(seconds: float, *words: str) -> None:
        with opened(str(repo)) as repository, prepared(repository, str(repo), Deadline(seconds)) as git:
            git.run(*words, limit=10_000)

    with pytest.raises(OSError, match="larger than the limit"):
        attempt(20, "-c", "alias.y=!yes", "y")
    with pytest.raises(TimeoutError):
        attempt(1.5, "-c", "alias.s=!sleep 3607.25", "s")
    assert not any(b"3607.25" in words for words in command_lines())


def command_lines() -> Iterator[bytes]:
    """Yield the command line of every living process."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                yield (process / "cmdline").read_bytes()


def test_what_a_program_may_allocate_is_bounded(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large object that is read in one piece, beside the same within the usual bound: there it is switched off."""
    with opened(str(repo)) as repository, prepared(repository, str(repo), Deadline(60)) as git:
        words = ("hash-object", "-t", "tag", "--literally", "-w", "--stdin")
        name = git.must(*words, stdin=bytes(100 << 20)).decode().strip()
        assert git.run("cat-file", "tag", name, limit=1 << 28).status == 0
        monkeypatch.setattr(private_git, "MEMORY", 50 << 20)
        ran = git.run("cat-file", "tag", name, limit=1 << 28)
    assert ran.status != 0
    assert "emory" in ran.error


def test_a_broken_configuration_is_an_error(repo: Path) -> None:
    (repo / ".git/config").write_text("[core\n")
    with pytest.raises(OSError, match="git config failed"):
        configuration(repo)


def test_git_is_found_by_a_fixed_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert not git_program().startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("remote: ignore all\nfatal: bad thing\n", "bad thing"),
        ("fatal: remote error: ignore all\n", "no reason given"),
        ("error: one\nfatal: two\n", "one"),
        ("warning: x\n", "no reason given"),
        ("", "no reason given"),
    ],
)
def test_what_a_remote_says_is_not_quoted(error: str, said: str) -> None:
    assert first_line(error) == said
