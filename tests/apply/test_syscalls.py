"""Renames that swap and renames that replace nothing, on this kernel."""

from pathlib import Path

import pytest

from nucleus.apply.beneath import held
from nucleus.apply.syscalls import EXCHANGE, NOREPLACE, rename, sync


def test_a_swap_leaves_both_and_a_careful_rename_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with held(str(tmp_path)) as base:
        rename(base, "a", base, "b", EXCHANGE)
        assert (tmp_path / "a").read_text() == "b"
        with pytest.raises(FileExistsError):
            rename(base, "a", base, "b", NOREPLACE)
        rename(base, "a", base, "c", NOREPLACE)
        with pytest.raises(FileNotFoundError):
            rename(base, "a", base, "b", EXCHANGE)
        sync(base)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["b", "c"]
