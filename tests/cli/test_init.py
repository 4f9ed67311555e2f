"""A first policy: it loads, tightens without being trusted, and never overwrites."""

import tomllib
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.cli.init import draft
from nucleus.policy.profiles import profile_names


@pytest.mark.parametrize("profile", profile_names())
def test_the_draft_loads_under_every_profile(tmp_path: Path, profile: str) -> None:
    for name in ("src", "tests", "vendor", 'odd"name', "new\nline"):
        (tmp_path / name).mkdir()
    document = tomllib.loads(draft(tmp_path, profile))
    assert document["profile"] == profile
    assert document["labels"]["untrusted"] == ["vendor/**"]
    assert "allow" not in document


def test_it_writes_a_file_that_policy_check_finds_nothing_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    assert main(["init"]) == 0
    assert "nucleus policy trust" in capsys.readouterr().out
    assert '# write = ["src/**"]' in (tmp_path / "nucleus.toml").read_text()
    assert main(["policy", "check"]) == 0


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nucleus.toml").write_text("mine")
    assert main(["init", "--workspace", str(tmp_path)]) == 1
    assert (tmp_path / "nucleus.toml").read_text() == "mine"
    assert "left as it is" in capsys.readouterr().out


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "nucleus.toml").symlink_to(target)
    assert main(["init", "--workspace", str(tmp_path)]) == 1
    assert not target.exists()


def test_a_dry_run_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--dry-run", "--workspace", str(tmp_path)]) == 0
    assert capsys.readouterr().out == draft(tmp_path, "safe_pr_fixer")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--profile", "read_onyl"], ["--workspace", "/nowhere/at/all"]])
def test_a_wrong_profile_or_directory_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *words]) == 2
    err = capsys.readouterr().err
    assert "read_only" in err or "/nowhere/at/all" in err
    assert err.count("\n") == 1
