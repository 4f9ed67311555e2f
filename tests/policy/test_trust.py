"""Pins: exactly the bytes that the owner saw, under exactly that path."""

from pathlib import Path

import pytest

from nucleus.errors import PolicyError
from nucleus.policy.trust import pin, pinned_digest, unpin


def test_a_pin_holds_for_its_path_until_it_is_taken_back(tmp_path: Path) -> None:
    policy, other = tmp_path / "a.toml", tmp_path / "b.toml"
    assert pinned_digest(tmp_path, policy) == ""
    pin(tmp_path, policy, "aa")
    pin(tmp_path, policy, "bb")
    assert pinned_digest(tmp_path, policy) == "bb"
    assert pinned_digest(tmp_path, other) == ""
    assert unpin(tmp_path, policy)
    assert not unpin(tmp_path, policy)
    assert pinned_digest(tmp_path, policy) == ""


def test_a_pin_is_private_and_nothing_half_written_stays(tmp_path: Path) -> None:
    pin(tmp_path, tmp_path / "a.toml", "aa")
    files = list((tmp_path / "trusted").iterdir())
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"v": 1}', '{"v": 1, "path": "/x", "digest": "aa"}'])
def test_a_damaged_pin_is_an_error_and_never_trust(tmp_path: Path, content: str) -> None:
    policy = tmp_path / "a.toml"
    pin(tmp_path, policy, "aa")
    next((tmp_path / "trusted").iterdir()).write_text(content)
    with pytest.raises(PolicyError, match=r"pin|read") as caught:
        pinned_digest(tmp_path, policy)
    assert "trust" in caught.value.fix


def test_a_pin_that_can_t_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    pin(tmp_path, tmp_path / "a.toml", "aa")
    target = next((tmp_path / "trusted").iterdir())
    target.unlink()
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        pin(tmp_path, tmp_path / "a.toml", "bb")
    assert [one.name for one in (tmp_path / "trusted").iterdir()] == [target.name]
