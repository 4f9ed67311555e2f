"""``nucleus run --backend ll``: by name only, honest about what it lacks, and without network, home or survivors."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.box import private
from tests.local.test_ll import needs_ll

pytestmark = needs_ll


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return private(tmp_path / "state")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def run(state: Path, workspace: Path, *words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    start = [sys.executable, "-m", "nucleus", "--state", str(state), "run", "--backend", "ll", "--profile", "local_dev"]
    return subprocess.run(
        [*start, "--workspace", str(workspace), *words], input=stdin, capture_output=True, cwd=workspace, check=False
    )


def test_streams_and_status_are_the_command_s_own_and_what_is_lacking_is_said(state: Path, workspace: Path) -> None:
    done = run(state, workspace, "--", "sh", "-c", "cat; echo made > made.txt; exit 3", stdin=b"in\0put")
    assert (done.returncode, done.stdout) == (3, b"in\0put")
    assert (workspace / "made.txt").read_text() == "made\n", "there is no transaction"
    assert b"--backend ll, named by you: no transaction" in done.stderr


def test_the_trace_says_by_what_it_was_held_and_what_was_not_given(
    state: Path, workspace: Path, tmp_path: Path
) -> None:
    report, trace = tmp_path / "report.json", tmp_path / "trace.jsonl"
    done = run(state, workspace, "--report", str(report), "--trace", str(trace), "--", "true")
    assert done.returncode == 0, done.stderr
    header = json.loads(trace.read_text().splitlines()[0])
    assert header["containment"]["backend"] == "ll"
    assert "no transaction" in header["containment"]["not given"]
    told = json.loads(report.read_text())
    assert (told["exit"], told["spoke"]) == (0, "command")
    verified = subprocess.run(
        [sys.executable, "-m", "nucleus", "trace", "verify", str(trace)], capture_output=True, check=False
    )
    assert verified.returncode in {0, 4}


def test_home_and_network_are_closed_and_nothing_outlives_it(state: Path, workspace: Path) -> None:
    mark = f"{secrets.randbelow(10**6)}.125"
    script = (
        f"ls ~root /root; python3 -c 'import socket; socket.socket()'; setsid sleep {mark} >/dev/null 2>&1 & echo done"
    )
    done = run(state, workspace, "--", "sh", "-c", script)
    assert b"done" in done.stdout
    assert b"PermissionError" in done.stderr or b"Operation not permitted" in done.stderr
    left = [one for one in os.listdir("/proc") if one.isdigit() and mark.encode() in _words(one)]
    assert left == []


def _words(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_workspace_with_something_to_hide_is_refused(state: Path, workspace: Path) -> None:
    (workspace / ".env").write_text("TOKEN=canary")
    done = run(state, workspace, "--", "touch", "made.txt")
    assert done.returncode == 78
    assert b"hide nothing" in done.stderr
    assert not (workspace / "made.txt").exists()


@pytest.mark.parametrize(
    "words", [["--allow-host", "x.example"], ["--publish", "8000"], ["--allow-local-port", "1"], ["--dry-run"]]
)
def test_what_has_no_meaning_there_is_refused(state: Path, workspace: Path, words: list[str]) -> None:
    done = run(state, workspace, *words, "--", "touch", "made.txt")
    assert done.returncode == 64
    assert b"no meaning with --backend ll" in done.stderr
    assert not (workspace / "made.txt").exists()


def test_no_terminal_is_handed_in(state: Path, workspace: Path) -> None:
    ours, its = os.openpty()
    words = [
        sys.executable,
        "-m",
        "nucleus",
        "--state",
        str(state),
        "run",
        "--backend",
        "ll",
        "--",
        "touch",
        "made.txt",
    ]
    done = subprocess.run(words, stdin=its, capture_output=True, cwd=workspace, check=False)
    os.close(ours)
    os.close(its)
    assert done.returncode == 78
    assert b"terminal" in done.stderr
    assert not (workspace / "made.txt").exists()


@pytest.mark.parametrize(("word", "status"), [("no-such-command", 127), ("./", 126)])
def test_a_command_that_can_not_be_started_is_told(state: Path, workspace: Path, word: str, status: int) -> None:
    done = run(state, workspace, "--", word)
    assert done.returncode == status, done.stderr
    assert b"could not be started" in done.stderr
