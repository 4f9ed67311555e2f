"""``nucleus mcp run`` up to where the mediator begins: what is wrong is said, and nothing is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.mcp.launch import STEERING


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in [name for name in os.environ if name.startswith(STEERING)]:
        monkeypatch.delenv(name)
    return tmp_path


def run(workspace: Path, *words: str) -> int:
    return main(["--state", str(workspace / "state"), "mcp", "run", *words])


@pytest.mark.parametrize("setting", ["NO_SUCH_NAME", "=x"])
def test_a_variable_that_is_not_there_or_has_no_name_is_usage(
    workspace: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    assert run(workspace, "--server-env", setting, "--", "true") == 2
    assert "--server-env" in capsys.readouterr().err


def test_a_server_that_is_not_there_starts_no_gate(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(workspace, "--", "no-such-server") == 1
    assert "there is no such program" in capsys.readouterr().err
    assert not (workspace / "state" / "gates").exists()


def test_a_steered_mediator_does_not_start(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/x.so")
    assert run(workspace, "--", "true") == 1
    assert "--server-env LD_PRELOAD=VALUE" in capsys.readouterr().err


def test_a_name_that_no_session_may_have_is_refused_by_the_gate(workspace: Path) -> None:
    words = ["--state", str(workspace / "state"), "mcp", "run", "--session", "a b", "--", "true"]
    done = subprocess.run(
        [sys.executable, "-m", "nucleus", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"there can be no session of that name" in done.stderr
