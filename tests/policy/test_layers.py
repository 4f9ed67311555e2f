"""Which files hold, in which order, and whose grants count."""

import hashlib
import os
from pathlib import Path

import pytest

from nucleus.errors import PolicyError
from nucleus.policy.layers import Places, find_layers, read_bounded
from nucleus.policy.trust import pin

TEXT = b"version = 1\n"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for name in ("work", "home/.config/nucleus", "state"):
        (tmp_path / name).mkdir(parents=True)
    return Places(tmp_path / "work", tmp_path / "home", tmp_path / "state", tmp_path / "system.toml")


def put(path: Path, data: bytes = TEXT) -> Path:
    path.write_bytes(data)
    path.chmod(0o644)
    return path


@pytest.mark.skipif(os.getuid() != 0, reason="a system file is root's, and only root can make one")
def test_layers_come_from_the_outside_in(places: Places, tmp_path: Path) -> None:
    put(places.system)
    put(places.home / ".config/nucleus/policy.toml")
    put(places.workspace / "nucleus.toml")
    named = put(tmp_path / "mine.toml")
    found = find_layers(places, named=[str(named)])
    assert [(one.name, one.trusted) for one in found] == [
        ("system", True),
        ("user", True),
        ("project", False),
        ("--policy", True),
    ]


def test_no_file_is_no_layer(places: Places) -> None:
    assert find_layers(places) == []


def test_the_project_s_file_is_trusted_exactly_as_long_as_it_is_what_was_pinned(places: Places) -> None:
    path = put(places.workspace / "nucleus.toml")
    pin(places.state, path, hashlib.sha256(TEXT).hexdigest())
    assert find_layers(places)[0].trusted
    put(path, TEXT + b"# more\n")
    changed = find_layers(places)[0]
    assert not changed.trusted
    assert "changed" in changed.why


def test_naming_the_project_s_file_trusts_it_and_it_counts_once(places: Places) -> None:
    path = put(places.workspace / "nucleus.toml")
    assert [(one.name, one.trusted) for one in find_layers(places, named=[str(path)])] == [("--policy", True)]


def test_a_user_s_file_inside_the_workspace_is_not_trusted(places: Places) -> None:
    """The home directory can be the workspace: then an agent can write the user's file."""
    put(places.home / ".config/nucleus/policy.toml")
    inside = Places(places.home, places.home, places.state, places.system)
    assert [one.trusted for one in find_layers(inside)] == [False]


def test_a_file_that_others_can_write_is_refused_with_the_fix(places: Places) -> None:
    path = put(places.home / ".config/nucleus/policy.toml")
    path.chmod(0o666)
    with pytest.raises(PolicyError, match="others can write") as caught:
        find_layers(places)
    assert "chmod go-w" in caught.value.fix


def test_a_named_file_that_is_missing_is_an_error(places: Places) -> None:
    with pytest.raises(PolicyError, match="no such file"):
        find_layers(places, named=["/nowhere/x.toml"])


def test_a_revision_takes_the_place_of_the_project_s_file(places: Places) -> None:
    put(places.workspace / "nucleus.toml", b"version = 1\n# of the branch\n")
    asked: list[tuple[str, str, str]] = []

    def read(workspace: str, revision: str, path: str) -> bytes:
        asked.append((workspace, revision, path))
        return TEXT

    found = find_layers(places, revision="main", read_revision=read)
    assert [(one.path, one.data, one.trusted) for one in found] == [("main:nucleus.toml", TEXT, True)]
    assert asked == [(str(places.workspace), "main", "nucleus.toml")]
    with pytest.raises(PolicyError, match="git revisions"):
        find_layers(places, revision="main")


def test_a_pipe_a_directory_and_a_long_file_do_not_hang_or_flood(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(PolicyError, match="regular"):
            read_bounded(tmp_path / name)
    assert read_bounded(tmp_path / "none") is None
    put(tmp_path / "long", b"#" * (2 << 20))
    assert len(read_bounded(tmp_path / "long") or b"") == (1 << 20) + 1


def test_a_file_that_can_t_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PolicyError, match="can't be read"):
        read_bounded(tmp_path / "loop")
