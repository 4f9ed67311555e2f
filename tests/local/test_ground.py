"""Whether a directory may be a workspace, and what in it a box can't change: as the kernel has it."""

import os
import threading
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.ground import COUNTED, Others, refuse_broad
from nucleus.local.ns import NsBox
from tests.local.box import needs_box, permit, private

OTHER = 1000
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")


def told(workspace: Path, *hidden: str) -> str:
    return Others(str(workspace), hidden).told(10)


@pytest.mark.parametrize("workspace", ["/", "/home", "/home/ann"])
def test_home_and_what_holds_it_is_no_workspace(workspace: str) -> None:
    with pytest.raises(CannotEnforce, match="workspace would be") as refused:
        refuse_broad(workspace, "/home/ann")
    assert "--workspace" in refused.value.fix


@pytest.mark.parametrize("workspace", ["/home/ann/project", "/home/annette", "/srv/project"])
def test_a_project_is_one_wherever_it_lies(workspace: str) -> None:
    refuse_broad(workspace, "/home/ann")


def test_one_s_own_files_are_no_news(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("mine")
    (tmp_path / "link").symlink_to("/etc")
    assert told(tmp_path) == ""


@needs_root
def test_what_belongs_to_another_user_or_group_is_named_once_with_all_that_is_in_it(tmp_path: Path) -> None:
    for name in ("built/deep/file", "shared", "mine", ".env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    os.chown(tmp_path / "built", OTHER, OTHER)
    os.chown(tmp_path / "built" / "deep", OTHER, OTHER)
    os.chown(tmp_path / "shared", -1, OTHER)
    os.chown(tmp_path / ".env", OTHER, OTHER)
    line = told(tmp_path, ".env")
    assert line.endswith("owns it: 'built', 'shared'")


@needs_root
def test_many_are_counted_up_to_a_bound(tmp_path: Path) -> None:
    for at in range(COUNTED + 10):
        path = tmp_path / f"{at:04}"
        path.touch()
        os.chown(path, OTHER, OTHER)
    assert f"more than {COUNTED} in all" in told(tmp_path)


def test_a_large_tree_is_looked_at_no_longer_than_it_may_and_no_thread_is_left(tmp_path: Path) -> None:
    others = Others("/usr", ())
    others.told(0)
    assert others.told(0) == ""
    assert "Others" not in {thread.name for thread in threading.enumerate()}


@needs_box
@needs_root
@pytest.mark.parametrize("owner", [(OTHER, OTHER), (0, OTHER)])
def test_the_kernel_lets_a_box_change_nothing_of_anybody_else_s(tmp_path: Path, owner: tuple[int, int]) -> None:
    """What the line says is so: were it not, the line would only frighten."""
    workspace, state = private(tmp_path / "ws"), private(tmp_path / "state")
    for name in ("theirs", "mine"):
        (workspace / name).write_text("x")
    os.chmod(workspace / "theirs", 0o666)  # noqa: S103  nothing but its owner is in the way
    os.chown(workspace / "theirs", *owner)
    script = "echo y >> mine; cat theirs; echo y >> theirs"
    outcome = NsBox(str(state)).run(permit(workspace, "sh", "-c", script), b"")
    assert outcome.body == b"x"
    assert outcome.value["status"] == 2
    assert [one["path"] for one in outcome.value["changes"]] == ["mine"]
