"""``nucleus policy import`` as a person sees it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["policy", "import", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run


def test_the_policy_goes_to_one_stream_and_what_is_missing_to_the_other(ran: Run, tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.json").write_text('{"permissions": {"allow": ["Bash(npm test)"]}, "hooks": {}}')
    status, out, err = ran("claude")
    assert (status, 'commands = ["npm test"]' in out) == (1, True)
    assert err.startswith("not carried over: .claude/settings.json:1: ")


def test_all_of_it_carried_over_is_fine(ran: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"permissions": {"deny": ["Read(.env)"]}}')
    assert ran("claude", "s.json")[::2] == (0, "")


def test_a_missing_file_is_named(ran: Run) -> None:
    assert ran("codex") == (2, "", "nucleus: .codex/config.toml: no such file\n")
    assert ran("srt", "gone.json") == (2, "", "nucleus: gone.json: no such file\n")


def test_a_file_is_written_never_over_another(ran: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{}")
    assert ran("claude", "s.json", "--output", "new.toml")[0] == 0
    assert (tmp_path / "new.toml").read_text().startswith("version = 1\n")
    status, _, err = ran("claude", "s.json", "--output", "new.toml")
    assert (status, "is there already" in err) == (2, True)


def test_a_file_that_can_not_be_read_is_an_error(ran: Run, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{")
    status, out, err = ran("claude", "s.json")
    assert (status, out) == (1, "")
    assert "s.json:1: this bracket is never closed" in err
