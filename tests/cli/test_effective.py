"""The policy that holds in a directory: the files there, and the options."""

import argparse
from pathlib import Path

import pytest

from nucleus.cli import Usage
from nucleus.cli.effective import add_options, effective, places_of, unopenable


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    parser.set_defaults(state=None)
    return parser.parse_args(words)


def test_remotes_and_branch_are_those_of_the_workspace(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = https://forge.example/acme/app.git\n')
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/fix-1\n")
    found = effective(parsed("--profile", "release", "--workspace", str(tmp_path)))
    assert found.policy.remotes["origin"].url == "https://forge.example/acme/app.git"
    assert found.branch == "fix-1"
    assert found.places.state == home / ".local/state/nucleus"


def test_the_state_directory_can_be_named(tmp_path: Path) -> None:
    args = parsed("--workspace", str(tmp_path))
    args.state = str(tmp_path / "elsewhere")
    assert places_of(args).state == tmp_path / "elsewhere"


def test_more_policies_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('version = 1\nprofile = "read_only"\n')
    found = effective(parsed("--policy", "a.toml", "--policy", "b.toml"))
    assert [layer.path for layer in found.policy.layers] == ["a.toml", "b.toml"]


def test_why_no_session_can_be_opened_is_told(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nucleus.cli.effective.home_directory", lambda: home)
    args = argparse.Namespace(state=str(tmp_path / "state"))
    said = unopenable(args)
    assert said.startswith("no policy names a profile")
    assert "nucleus.toml" in said
    assert "--profile" not in said
    own = home / ".config" / "nucleus" / "policy.toml"
    own.parent.mkdir(parents=True)
    own.write_text('version = 1\nprofile = "local_dev"\n')
    assert unopenable(args) == ""


def test_a_policy_that_is_named_and_missing_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="no such file"):
        effective(parsed("--policy", str(tmp_path / "missing.toml")))
