"""What an apply needs of other rooms, put together."""

from pathlib import Path

import pytest

from nucleus.cli.hands import hands_of
from tests.apply.repositories import git


def test_its_git_sees_the_repository_and_runs_nothing_that_it_names(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "config", "core.fsmonitor", "touch ran")
    with hands_of({}).git(str(tmp_path)) as private:
        assert private.must("rev-parse", "HEAD").decode().strip() == git(tmp_path, "rev-parse", "HEAD")
        private.must("status")
    assert not (tmp_path / "ran").exists()


def test_where_there_is_no_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a git repository"), hands_of({}).git(str(tmp_path)):
        pass
