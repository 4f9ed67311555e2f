"""All or nothing: the process dies at every step, and what recovers is entirely old or entirely new."""

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.apply import apply, recover, syscalls
from nucleus.apply.transaction import MeanwhileError, Transaction
from nucleus.errors import CannotEnforce
from tests.apply.world import World, everything, needs_overlay


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def busy(world: World) -> None:
    """Prepare a run that has every kind of step."""
    for path in ("changed", "gone", "tree/a", "tree/b/c", "to-file/x", "to-dir", "mode"):
        world.host(path)
    (world.workspace / "linked").symlink_to("changed")
    world.start()
    world.put("changed")
    world.put("linked", "a file now")
    world.gone("gone")
    world.gone("tree")
    world.put("to-file", "file")
    world.put("to-dir/inside/deep")
    world.put("mode", "old", mode=0o600)
    world.put("fresh/run", mode=0o755)
    (world.folder / "upper" / "link").symlink_to("/etc")
    os.mkfifo(world.folder / "upper" / "pipe")


def again(base: Path) -> World:
    """Make a busy world, in the place of one that was."""
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir()
    world = World.make(base)
    busy(world)
    return world


def dies(at: int, work: Callable[[Callable[[str], None]], object]) -> bool:
    """Do ``work`` in a process that is killed at its step ``at``; return whether it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def pull_the_plug(_: str) -> None:
            nonlocal count
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

        try:
            work(pull_the_plug)
        except BaseException:  # noqa: BLE001  the parent fails, and this says why
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_killed_at_any_step_it_recovers_to_the_old_or_the_new_workspace(tmp_path: Path) -> None:
    world = again(tmp_path / "model")
    old = world.listing()
    at, seen = 0, set()
    while True:
        run = world.run
        if not dies(at, lambda tell: apply(run, everything, tell=tell)):  # noqa: B023  called at once
            break
        recover(run)
        now = world.listing()
        if now == old:
            seen.add("old")
        else:
            new = now
            seen.add("new")
            assert recover(run) is False
            world = again(tmp_path / "model")  # for the steps that remain
        at += 1
    assert seen == {"old", "new"}
    assert world.listing() == new
    assert at > 30


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_killed_while_it_recovers_it_recovers_all_the_same(world: World) -> None:
    busy(world)
    old = world.listing()
    at = 0
    while True:
        # The last step before "done": everything has been done, and has to be undone.
        assert dies(0, lambda tell: apply(world.run, everything, tell=_only_at("sync", tell)))
        if not dies(at, lambda tell: recover(world.run, tell)):
            break
        recover(world.run)
        assert world.listing() == old
        at += 1
    assert world.listing() == old
    assert at > 15


def _only_at(what: str, tell: Callable[[str], None]) -> Callable[[str], None]:
    return lambda about: tell(about) if about == what else None


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_without_the_journal_a_killed_apply_leaves_half_a_workspace(world: World) -> None:
    """Switched off: what the journal is for."""
    busy(world)
    old = world.listing()
    assert dies(0, lambda tell: apply(world.run, everything, tell=_only_at("put link", tell)))
    shutil.rmtree(world.folder / "journal")
    assert recover(world.run) is False
    assert world.listing() != old
    assert not (world.workspace / "gone").exists()
    assert (world.workspace / "mode").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "step", ["drop gone", "swap changed", "put fresh/run", "chmod mode", "mkdir fresh", "rmdir tree"]
)
def test_a_host_that_changes_between_the_look_and_the_step_undoes_everything(world: World, step: str) -> None:
    busy(world)

    def meddle(about: str) -> None:
        if about == step:
            path = world.workspace / step.partition(" ")[2]
            if path.is_dir():
                (path / "mine").write_text("mine")
            elif "mkdir" in about:
                path.mkdir()
            elif "chmod" in about:
                path.chmod(0o640)
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_text("mine")

    old = world.listing()
    with pytest.raises(OSError, match=r"meanwhile|not empty"):
        apply(world.run, everything, tell=meddle)
    now = world.listing()
    differing = {path for path in old.keys() | now.keys() if old.get(path) != now.get(path)}
    touched = step.partition(" ")[2]
    assert differing <= {touched, f"{touched}/mine", "fresh"}
    assert not [name for name in now if "nucleus-apply" in name]


OTHER_DISK = """
import os, subprocess, sys
from nucleus.apply import apply, load, recover
from tests.apply.world import everything

run, what = load(sys.argv[1]), sys.argv[2]

def fails(about):
    if what == "full" and about.startswith("stage "):
        with open("filling", "ab") as file:
            try:
                file.write(bytes(2 << 20))
            except OSError:
                pass
    elif about == what:
        subprocess.run(["mount", "-o", "remount,ro", "."], check=True)

os.chdir(run.workspace)
try:
    print(*apply(run, everything, tell=fails).messages)
except OSError as error:
    print(error.strerror)
subprocess.run(["mount", "-o", "remount,rw", os.getcwd()], check=True)
if what == "full":
    os.unlink("filling")
recover(run)
"""
"""The workspace is a small file system of its own; nothing of the run's layer can become part of it but by copying."""


@needs_overlay
@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("full", "No space left on device"),
        ("label", "Read-only file system"),
        ("swap changed", "Read-only file system"),
        ("sync", "everything was applied, but what it replaced could not be removed yet"),
        ("clean", "everything was applied, but what it replaced could not be removed yet"),
    ],
)
def test_a_disk_that_is_full_or_turns_read_only_leaves_all_or_nothing_and_says_which(
    world: World, what: str, error: str
) -> None:
    busy(world)
    world.put("large", bytes(1 << 20) + b"x")
    old = world.listing()
    kept = world.workspace.with_name("kept")
    shutil.copytree(world.workspace, kept, symlinks=True)
    script = (
        'mount -t tmpfs -o size=2m tmpfs "$1" && cp -a "$2/." "$1" && cd "$3" && "$4" -c "$5" "$6" "$7" && '
        'cp -a "$1/." "$8"'
    )
    after = world.workspace.with_name("after")
    after.mkdir()
    words = ["unshare", "-Urm", "sh", "-euc", script, "sh", str(world.workspace), str(kept)]
    words += [str(Path(__file__).parents[2]), sys.executable, OTHER_DISK, str(world.folder), what, str(after)]
    world.note(started_ns=2**62)  # what was copied is younger than the run
    done = subprocess.run(words, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(error)
    world.workspace = after
    assert (world.listing() == old) == ("everything" not in error)
    assert (world.listing()["changed"] == "644 new") == ("everything" in error)


def test_file_systems_without_swapping_renames_are_served_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(world)

    def unable(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(syscalls, "rename", unable)
    old = world.listing()
    with pytest.raises(RuntimeError):
        apply(world.run, everything, tell=_raising("sync"))
    assert world.listing() == old
    assert world.apply(yes=True).complete
    assert (world.workspace / "changed").read_text() == "new"


def _raising(what: str) -> Callable[[str], None]:
    def tell(about: str) -> None:
        if about == what:
            raise RuntimeError(about)

    return tell


def test_a_link_that_appears_in_the_path_is_not_followed(world: World, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    world.host("dir/a")
    world.start()
    world.put("dir/b")

    def meddle(about: str) -> None:
        if about == "put dir/b":
            shutil.rmtree(world.workspace / "dir")
            (world.workspace / "dir").symlink_to(tmp_path / "outside")

    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        apply(world.run, everything, tell=meddle)
    assert os.listdir(tmp_path / "outside") == []


def moved_away(world: World, outside: Path) -> None:
    """Prepare a run that writes into a directory, which the host moves out of the workspace between two steps of it."""
    for name in ("dir/a", "dir/b"):
        world.host(name)
    world.start()
    world.put("dir/a")
    world.put("dir/b")

    def meddle(about: str) -> None:
        if about == "swap dir/b":
            (world.workspace / "dir").rename(outside)

    apply(world.run, everything, tell=meddle)


def test_a_directory_that_is_moved_away_under_the_steps_stops_them_and_is_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="can't be undone as a whole") as caught:
        moved_away(world, tmp_path / "moved")
    assert "dir/a" in caught.value.diagnostics()
    kept = [place for place in world.workspace.glob(".nucleus-apply-*/*") if place.read_text() == "old"]
    assert len(kept) == 2, "what was replaced is kept"
    (tmp_path / "moved").rename(world.workspace / "dir")
    assert recover(world.run)
    assert [(world.workspace / "dir" / name).read_text() for name in ("a", "b")] == ["old", "old"]


def test_without_the_second_look_a_run_writes_where_the_directory_went(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off."""
    monkeypatch.setattr(Transaction, "verify", lambda *_: None)
    moved_away(world, tmp_path / "moved")
    assert (tmp_path / "moved" / "b").read_text() == "new"
    assert not (world.workspace / "dir").exists()


def saved_in_place(world: World) -> None:
    """Prepare an editor that opened a file before it is replaced, and saves it in place afterwards."""
    place = world.host("text")
    world.host("other")
    world.start()
    world.put("text")
    world.put("other")
    with place.open("r+") as editor:

        def save(about: str) -> None:
            if about == "verify":
                time.sleep(0.012)
                editor.write("mine")
                editor.flush()

        apply(world.run, everything, tell=save)


def test_what_an_editor_saved_into_a_file_that_was_just_replaced_is_given_back(world: World) -> None:
    with pytest.raises(MeanwhileError):
        saved_in_place(world)
    assert (world.workspace / "text").read_text() == "mine"
    assert (world.workspace / "other").read_text() == "old"


def test_without_the_second_look_what_the_editor_saved_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off."""
    monkeypatch.setattr(Transaction, "verify", lambda *_: None)
    saved_in_place(world)
    assert (world.workspace / "text").read_text() == "new"


def test_meanwhile_names_the_path() -> None:
    assert MeanwhileError("a/b").filename == "a/b"


CALLS = "renameat,renameat2,unlinkat,mkdirat,fsync,fchmod,copy_file_range"
APPLY = """
import sys
from nucleus.apply import apply, load
from tests.apply.world import everything
apply(load(sys.argv[1]), everything)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not on this machine")
@pytest.mark.parametrize(
    ("call", "which"), [("renameat2", 3), ("renameat", 4), ("unlinkat", 2), ("fsync", 12), ("", 9)]
)
def test_killed_at_a_system_call_it_recovers_all_the_same(tmp_path: Path, call: str, which: int) -> None:
    """From outside, by strace: no line of our own says where."""
    world = again(tmp_path / "new")
    world.apply(yes=True)
    new = world.listing()
    world = again(tmp_path / "w")
    old = world.listing()
    chosen = call or CALLS
    inject = f"inject={chosen}:signal=SIGKILL:when={which}"
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={chosen}", "-e", inject]
    words += [sys.executable, "-c", APPLY, str(world.folder)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    if done.returncode == 1 and b"ptrace" in done.stderr.lower():
        pytest.skip("nothing may be traced here")
    assert done.returncode != 0, "it was killed"
    recover(world.run)
    assert world.listing() in (old, new)
