"""A policy from a git revision: the base branch judges, not the change."""

import subprocess
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.errors import PolicyError
from nucleus.tools.revision import read_revision

BASE = 'version = 1\nprofile = "read_only"\n'


def git(place: Path, *words: str) -> None:
    person = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *person, *words], cwd=place, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository whose working tree has loosened the policy of its branch."""
    place = tmp_path / "app"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    (place / "nucleus.toml").write_text(BASE)
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "base")
    (place / "nucleus.toml").write_text('version = 1\nprofile = "local_dev"\n')
    return place


def test_the_working_tree_does_not_matter(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_revision(str(repository), "main", "nucleus.toml") == BASE.encode()
    monkeypatch.chdir(repository)
    assert main(["policy", "show", "--policy-rev", "main"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("Profile read_only")
    assert "--policy-rev: main:nucleus.toml (may grant: the owner named the revision)" in page


def test_a_replaced_object_is_not_followed(repository: Path) -> None:
    """The defence switched off: plain git reads the replacement."""

    def plain(*words: str, stdin: bytes = b"") -> str:
        done = subprocess.run(["git", *words], cwd=repository, input=stdin, check=True, capture_output=True)
        return done.stdout.decode()

    evil = plain("hash-object", "-w", "--stdin", stdin=b'version = 1\nprofile = "local_dev"\n').strip()
    git(repository, "replace", plain("rev-parse", "main:nucleus.toml").strip(), evil)
    assert "local_dev" in plain("cat-file", "blob", "main:nucleus.toml")
    assert read_revision(str(repository), "main", "nucleus.toml") == BASE.encode()


@pytest.mark.parametrize(
    ("revision", "says"),
    [("gone", "not there"), ("--all", "not the name"), ("", "not the name"), ("a b", "not the name")],
)
def test_a_revision_that_is_none_is_an_error(repository: Path, revision: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        read_revision(str(repository), revision, "nucleus.toml")


def test_without_a_repository_there_is_no_revision(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="can't be read"):
        read_revision(str(tmp_path), "main", "nucleus.toml")
