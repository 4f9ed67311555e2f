"""What differs in git's storage, beyond what git moves all the time."""

import os
import stat
from pathlib import Path

from nucleus.apply.beneath import held
from nucleus.apply.git_storage import differences
from tests.apply.world import WHITEOUT


def told(base: Path) -> list[str]:
    for name in ("upper", "host", "masks"):
        (base / name).mkdir(exist_ok=True)
    with held(str(base / "upper")) as upper, held(str(base / "host")) as host, held(str(base / "masks")) as masks:
        return list(differences(upper, host, masks))


def write(place: Path, text: str = "x") -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_hooks_alternates_worktrees_and_attributes_are_told_and_noise_is_not(tmp_path: Path) -> None:
    for path in (
        "hooks/post-checkout",
        "info/attributes",
        "objects/info/alternates",
        "worktrees/x/gitdir",
        "modules/sub/config",
        "refs/stash",
        "refs/heads/main",
        "HEAD",
        "index",
        "logs/HEAD",
        "objects/ab/" + "1" * 38,
        "objects/ab/evil",
    ):
        write(tmp_path / "upper" / path)
    assert told(tmp_path) == [
        "hooks/post-checkout",
        "info/attributes",
        "modules/sub/config",
        "objects/info/alternates",
        "refs/stash",
        "worktrees/x/gitdir",
    ]


def test_the_same_bytes_are_no_difference_and_a_rewritten_file_is_compared_with_what_the_run_saw(
    tmp_path: Path,
) -> None:
    write(tmp_path / "host" / "info" / "exclude", "same")
    write(tmp_path / "upper" / "info" / "exclude", "same")
    write(tmp_path / "host" / "config", "with a token")
    write(tmp_path / "masks" / "config", "plain")
    write(tmp_path / "upper" / "config", "plain")
    assert told(tmp_path) == []
    write(tmp_path / "upper" / "config", "with a token")
    assert told(tmp_path) == ["config"]


def test_what_was_taken_away_is_told(tmp_path: Path) -> None:
    write(tmp_path / "host" / "hooks" / "pre-push")
    write(tmp_path / "host" / "info" / "exclude")
    (tmp_path / "upper").mkdir()
    os.mknod(tmp_path / "upper" / "hooks", stat.S_IFCHR, WHITEOUT)
    (tmp_path / "upper" / "info").mkdir()
    os.setxattr(tmp_path / "upper" / "info", "user.overlay.opaque", b"y")
    assert told(tmp_path) == ["hooks", "info/exclude"]


def test_links_and_new_empty_directories_are_told(tmp_path: Path) -> None:
    (tmp_path / "upper" / "worktrees").mkdir(parents=True)
    (tmp_path / "upper" / "hooks").symlink_to("/elsewhere")
    assert told(tmp_path) == ["hooks", "worktrees"]
