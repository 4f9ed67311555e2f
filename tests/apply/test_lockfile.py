"""Git's own lock, and a lock file that can be told for ours."""

from pathlib import Path

import pytest

from nucleus.apply import lockfile
from nucleus.apply.beneath import held
from tests.apply.repositories import git


def test_a_file_is_replaced_only_under_the_lock_and_only_if_it_did_not_move(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "f").write_text("old")
    with held(str(tmp_path)) as base:
        with pytest.raises(BlockingIOError, match="changed meanwhile"):
            lockfile.replace(base, "new", base, "f", lambda: False)
        assert (tmp_path / "f").read_text() == "old"
        assert not (tmp_path / "f.lock").exists()
        lockfile.replace(base, "new", base, "f", (tmp_path / "f.lock").exists)
        assert (tmp_path / "f").read_text() == "new"
        assert not (tmp_path / "f.lock").exists()
        lockfile.remove(base, "new", base, "f", lambda: True)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["new"]


def test_somebody_elses_lock_is_respected_and_stays(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "f.lock").write_text("theirs")
    with held(str(tmp_path)) as base:
        for act in (lockfile.replace, lockfile.remove):
            with pytest.raises(BlockingIOError, match="another git"):
                act(base, "new", base, "f", lambda: True)
        lockfile.free(base, "new", base, "f")
    assert (tmp_path / "f.lock").read_text() == "theirs"


def test_git_itself_waits_for_our_lock(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    head = git(tmp_path, "rev-parse", "HEAD")
    storage = tmp_path / ".git" / "refs" / "heads"
    (tmp_path / "new").write_text(head)
    seen = []
    with held(str(storage)) as folder, held(str(tmp_path)) as base:

        def unmoved() -> bool:
            seen.append(git(tmp_path, "commit", "-q", "--allow-empty", "-m", "y", check=False))
            return True

        lockfile.replace(base, "new", folder, "main", unmoved)
    assert git(tmp_path, "rev-parse", "HEAD") == head
