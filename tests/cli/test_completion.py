"""Completion scripts: real shells read them, and the words are those of the parsers."""

import shutil
import subprocess

import pytest

from nucleus.cli import available, main


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> str:
    assert main(["completion", request.param]) == 0
    return capsys.readouterr().out


def complete(script: str, *words: str) -> list[str]:
    """Return what bash would offer for the last of ``words``."""
    asked = " ".join(f"'{word}'" for word in words)
    shown = "printf '%s\\n' \"${COMPREPLY[@]}\""
    code = f"{script}\nCOMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; _nucleus; {shown}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash_completes_commands_actions_and_options(script: str) -> None:
    assert set(complete(script, "nucleus", "")) >= set(available()) | {"--state"}
    assert complete(script, "nucleus", "polic") == ["policy"]
    assert complete(script, "nucleus", "--state", "x", "compl") == ["completion"]
    assert "check" in complete(script, "nucleus", "policy", "ch")
    assert complete(script, "nucleus", "init", "--prof") == ["--profile"]
    assert complete(script, "nucleus", "nonsense", "--") == []


@pytest.mark.parametrize("script", ["zsh", "fish"], indirect=True)
def test_the_other_shells_read_their_scripts(script: str) -> None:
    shell = "fish" if "fish_use" in script else "zsh"
    assert all(name in script for name in available())
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    subprocess.run([shell, "-n", "-c", script], check=True, capture_output=True)


def test_a_shell_that_is_not_known_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
