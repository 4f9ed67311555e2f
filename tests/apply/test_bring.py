"""From a judged run to the workspace: what is applied, what waits, what stops everything."""

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nucleus.apply import Change, Ruling, apply, recover, recover_all
from nucleus.apply.journal import Journal
from nucleus.apply.run import alone
from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.policy.label_file import FileJournal
from nucleus.policy.labels import LabelStore
from tests.apply.world import SEEN, World, everything, needs_overlay, silent_only


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


@needs_overlay
def test_a_box_that_worked_is_applied_as_a_whole(world: World) -> None:
    world.host("src/a.py", "old")
    world.host("src/b.py", "old")
    world.host("README.md", "old")
    world.start()
    world.box("echo new > src/a.py; rm src/b.py; mkdir docs; echo x > docs/y; rm README.md; mkdir README.md")
    done = world.apply(yes=True)
    assert done.complete
    assert world.listing() == {
        "README.md": "755 40000",
        "docs": "755 40000",
        "docs/y": "644 x\n",
        "src": "755 40000",
        "src/a.py": "644 new\n",
    }
    assert world.run.state == "applied"
    assert world.changes() == []


def test_what_is_held_waits_and_can_be_applied_later(world: World) -> None:
    world.host("gone")
    world.start()
    world.put("a")
    world.gone("gone")
    done = world.apply()
    assert [each.path for each in done.applied] == ["a"]
    assert [(each.change.path, each.why) for each in done.held] == [
        ("gone", "held: no commit of the host keeps what would be deleted")
    ]
    assert world.run.state == "partly"
    assert world.apply(yes=True).complete
    assert not (world.workspace / "gone").exists()


def test_paths_pick_and_the_rest_can_follow_without_a_conflict(world: World) -> None:
    for path in ("d/a", "d/b", "e"):
        world.host(path)
    world.start()
    for path in ("d/a", "d/b", "d/new", "e"):
        world.put(path)
    assert [each.path for each in world.apply("d/a", "./d/new").applied] == ["d/a", "d/new"]
    assert world.run.state == "partly"
    assert [each.path for each in world.apply().applied] == ["d/b", "e"]
    assert world.run.state == "applied"
    with pytest.raises(FileNotFoundError, match="changes nothing there"):
        world.apply("d/a")


def test_a_mode_can_follow_its_content(world: World) -> None:
    world.host("tool")
    world.start()
    world.put("tool", "new", mode=0o755)
    world.apply()
    assert [each.what for each in world.apply(yes=True).applied] == ["mode"]
    assert (world.workspace / "tool").stat().st_mode & 0o777 == 0o755


def test_after_a_failed_apply_the_next_one_sees_no_conflict_but_a_new_change_of_the_host_is_one(world: World) -> None:
    for path in ("a", "b", "gone"):
        world.host(path)
    world.start()
    world.put("a")
    world.put("b")
    world.gone("gone")

    def fails(about: str) -> None:
        if about == "sync":
            raise OSError(5, "broken")

    with pytest.raises(OSError, match="broken"):
        apply(world.run, everything, tell=fails)
    world.host("b", "mine")
    done = world.apply(yes=True)
    assert [each.path for each in done.conflicts] == ["b"]
    assert [each.path for each in world.apply("a", "gone", yes=True).applied] == ["a", "gone"]
    assert (world.workspace / "b").read_text() == "mine"


def test_what_was_written_carries_what_the_run_had_seen(world: World) -> None:
    world.start()
    world.put("a")
    world.put("b")
    (world.folder / "upper" / "l").symlink_to("a")
    world.apply(yes=True)
    labels = LabelStore(FileJournal.of_workspace(Path(world.run.state_directory), world.run.workspace))
    assert [labels.bits(path) for path in ("a", "b", "l", "c")] == [SEEN, SEEN, SEEN, 0]


def test_an_apply_whose_labels_can_not_be_written_applies_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    world.put("a")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileJournal, "append", full)
    with pytest.raises(OSError, match="No space"):
        world.apply()
    assert world.listing() == {}


def test_a_run_that_is_not_over_and_a_workspace_in_use_are_left_alone(world: World) -> None:
    world.start(state="running")
    world.put("a")
    with alone(world.run), pytest.raises(BlockingIOError, match="in use"):
        world.apply()
    descriptor = os.open(world.workspace, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError, match="another apply"):
        world.apply()
    os.close(descriptor)
    assert world.listing() == {}


def test_a_judge_that_answers_too_little_allows_nothing(world: World) -> None:
    world.start()
    world.put("a")
    with pytest.raises(CannotEnforce, match="one by one"):
        apply(world.run, lambda _: [])
    assert world.listing() == {}


def test_the_judge_hears_only_of_what_can_be_applied(world: World) -> None:
    world.host(".git/config")
    world.start()
    world.put("a")
    world.put(".git/hooks/x")
    heard: list[Change] = []

    def judge(found: tuple[Change, ...]) -> list[Ruling]:
        heard.extend(found)
        return [Ruling(True) for _ in found]

    done = apply(world.run, judge)
    assert [each.path for each in heard] == ["a"]
    assert [each.change.path for each in done.held] == [".git/hooks/x"]


def test_recovering_where_nothing_happened_is_nothing(world: World) -> None:
    world.host("a")
    run = world.start()
    world.put("a")
    assert recover(run) is False
    assert recover_all(run.state_directory, run.workspace) == []


def test_a_journal_that_names_another_place_removes_nothing(world: World) -> None:
    world.host("src/a")
    run = world.start()
    Journal(run).begin("src")
    with pytest.raises(CannotEnforce, match="no stage"):
        recover(run)
    assert (world.workspace / "src" / "a").exists()


def test_many_files_and_large_ones_are_copied_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.start()
    for number in range(300):
        world.put(f"many/{number // 10}/{number}")
    with world.put("large").open("wb") as file:
        file.truncate(1 << 27)
        file.seek(1 << 26)
        file.write(b"x")
    done = apply(world.run, silent_only)
    assert len([each for each in done.applied if each.kind == "file"]) == 301
    found = (world.workspace / "large").stat()
    assert found.st_size == 1 << 27
    assert found.st_blocks * 512 < 1 << 20


LEAVES = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join),
    st.sampled_from(["1", "2", "->"]),
    max_size=7,
)


def trees(leaves: dict[str, str]) -> dict[str, str]:
    """Return leaves of which none is a directory of another one."""
    return {path: text for path, text in leaves.items() if not any(other.startswith(path + "/") for other in leaves)}


def lay(base: Path, leaves: dict[str, str]) -> None:
    """Write a tree: files by their text, links where it says so."""
    for path, text in leaves.items():
        place = base / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text == "->":
            place.symlink_to("elsewhere")
        else:
            place.write_text(text)


def layered(world: World, old: dict[str, str], new: dict[str, str]) -> None:
    """Write the upper layer that turns one tree into another, as overlayfs would."""
    upper = world.folder / "upper"
    lay(upper, {path: text for path, text in new.items() if old.get(path) != text})
    folders = {str(place) for path in new for place in Path(path).parents}
    for path in sorted(old):
        for gone in [*reversed([str(place) for place in Path(path).parents if str(place) != "."]), path]:
            if gone in new:
                break
            if gone not in folders or gone == path:
                if not (upper / gone).exists() and not any(each == gone for each in folders):
                    world.gone(gone)
                break


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LEAVES, LEAVES)
def test_after_a_full_yes_the_workspace_is_what_the_run_saw(
    tmp_path_factory: pytest.TempPathFactory, host: dict[str, str], run: dict[str, str]
) -> None:
    """Model: two trees, the layer between them, and an apply of everything."""
    old, new = trees(host), trees(run)
    world = World.make(tmp_path_factory.mktemp("w"))
    lay(world.workspace, old)
    world.start()
    layered(world, old, new)
    assert world.apply(yes=True).complete
    found = {path: told for path, told in world.listing().items() if not told.endswith(" 40000")}
    assert found == {path: "link elsewhere" if text == "->" else f"644 {text}" for path, text in new.items()}


def test_a_run_that_was_killed_is_over_and_had_seen_everything(world: World) -> None:
    world.start(state="running", exposure=0)
    world.put("a")
    assert world.run.exposure == ALL_SEEN
    assert world.apply().complete


def test_whoever_holds_the_run_can_apply_it(world: World) -> None:
    world.start()
    world.put("a")
    with alone(world.run):
        assert apply(world.run, silent_only, locked=True).complete


def test_a_directory_that_turns_into_a_link_and_back_all_the_time_leads_nowhere(tmp_path: Path) -> None:
    """A race, many times: whatever an apply makes of it, nothing is written, replaced or removed outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("a", "b"):
        (outside / name).write_text("canary")
    before = sorted((place.name, place.read_text()) for place in outside.iterdir())
    for attempt in range(12):
        (tmp_path / str(attempt)).mkdir()
        world = World.make(tmp_path / str(attempt))
        for name in ("a", "b"):
            world.host(f"d/{name}")
        world.start()
        world.put("d/a", "written by the run")
        world.gone("d/b")
        world.put("d/c", "written by the run")
        over = threading.Event()

        def turns(place: Path = world.workspace / "d", over: threading.Event = over) -> None:
            while not over.is_set():
                with suppress(OSError):  # the apply may have made one in the moment in which there was none
                    place.rename(place.with_name("aside"))
                    place.symlink_to(outside)
                with suppress(OSError):
                    place.unlink()
                with suppress(OSError):
                    place.with_name("aside").rename(place)

        turning = threading.Thread(target=turns)
        turning.start()
        with suppress(OSError, CannotEnforce):
            world.apply(yes=True)
        over.set()
        turning.join()
        assert sorted((place.name, place.read_text()) for place in outside.iterdir()) == before


def test_without_the_conflict_rule_the_owners_edit_would_be_gone(world: World) -> None:
    """Switched off: a run that claims to have begun later than it did."""
    world.host("a")
    world.start()
    world.put("a")
    world.host("a", "the owner's own edit")
    assert world.apply(yes=True).applied == ()
    world.note(started_ns=4 * 10**18)
    world.apply()
    assert (world.workspace / "a").read_text() == "new"


def test_without_the_list_of_what_was_hidden_it_would_be_overwritten(world: World) -> None:
    """Switched off: the same layer, and nothing known to be hidden."""
    world.host(".env", "SECRET")
    world.start(hidden=(".env",))
    world.put(".env", "planted")
    world.apply(yes=True)
    assert (world.workspace / ".env").read_text() == "SECRET"
    (world.folder / "masks" / ".env").unlink()
    world.note(started_ns=world.run.started_ns)
    world.apply(yes=True)
    assert (world.workspace / ".env").read_text() == "planted"


def test_without_a_judge_that_holds_a_control_file_would_be_applied(world: World) -> None:
    """Switched off: everything is allowed, whatever it is."""
    world.start()
    world.put(".claude/settings.json", "{}")
    assert world.apply().applied == ()
    assert len(world.apply(yes=True).applied) == 2
