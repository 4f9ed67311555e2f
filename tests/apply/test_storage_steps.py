"""Refs, HEAD and index as steps of a plan: done, undone, and left alone where somebody moved on."""

import hashlib
import os
from pathlib import Path

import pytest

from nucleus.apply import plan, storage_steps
from nucleus.apply.beneath import held
from nucleus.apply.plan import Step
from nucleus.apply.storage import Storage

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "stage").mkdir()
    return tmp_path


def staged(base: Path, do: str, path: str, old: str, new: str) -> Step:
    (base / "stage" / "0").write_text(f"{new}\n")
    (base / "stage" / "o0").write_text(f"{old}\n")
    if do == plan.INDEX:
        old, new = (hashlib.sha256(f"{each}\n".encode()).hexdigest() for each in (old, new))
    return Step(do, path, 0, values=(old, new))


def act(base: Path, step: Step, *, undo: bool = False) -> bool:
    with held(str(base)) as workspace, held(str(base / "stage")) as stage:
        if undo:
            return storage_steps.undo(step, Storage(workspace), stage) is not None
        storage_steps.do(step, Storage(workspace), stage)
        return True


@pytest.mark.parametrize(
    ("do", "path", "old", "new"),
    [
        (plan.REF, ".git/refs/heads/main", ONE, TWO),
        (plan.HEAD, ".git/HEAD", "ref: refs/heads/a", "ref: refs/heads/b"),
        (plan.INDEX, ".git/index", "old index", "new index"),
    ],
)
def test_a_step_is_done_and_undone(base: Path, do: str, path: str, old: str, new: str) -> None:
    (base / path).write_text(f"{old}\n")
    step = staged(base, do, path, old, new)
    assert act(base, step, undo=True), "undoing what was not done is nothing"
    act(base, step)
    assert (base / path).read_text() == f"{new}\n"
    assert act(base, step, undo=True)
    assert act(base, step, undo=True)
    assert (base / path).read_text() == f"{old}\n"
    (base / path).write_text("somebody's\n")
    with pytest.raises(BlockingIOError, match="changed meanwhile"):
        act(base, step)
    assert act(base, step, undo=True)
    assert (base / path).read_text() == "somebody's\n"


def test_a_new_branch_comes_with_its_directories_and_goes_again(base: Path) -> None:
    step = staged(base, plan.REF, ".git/refs/heads/deep/er/x", "", ONE)
    act(base, step)
    assert (base / ".git/refs/heads/deep/er/x").read_text() == f"{ONE}\n"
    assert act(base, step, undo=True)
    assert not (base / ".git/refs/heads/deep/er/x").exists()


def test_a_packed_ref_counts_as_what_is_there(base: Path) -> None:
    (base / ".git" / "packed-refs").write_text(f"{ONE} refs/heads/main\n")
    act(base, staged(base, plan.REF, ".git/refs/heads/main", ONE, TWO))
    assert (base / ".git/refs/heads/main").read_text() == f"{TWO}\n"


def test_a_lock_that_a_crash_left_is_ours_to_take_and_anothers_is_not(base: Path) -> None:
    (base / ".git/refs/heads/main").write_text(f"{ONE}\n")
    step = staged(base, plan.REF, ".git/refs/heads/main", ONE, TWO)
    os.link(base / "stage" / "0", base / ".git/refs/heads/main.lock")
    assert act(base, step, undo=True)
    assert not (base / ".git/refs/heads/main.lock").exists()
    act(base, step)
    (base / ".git/refs/heads/main.lock").write_text("theirs")
    assert not act(base, step, undo=True)
    assert (base / ".git/refs/heads/main.lock").read_text() == "theirs"
