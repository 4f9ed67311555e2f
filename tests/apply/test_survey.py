"""What a run wants to change: each shape of the layer, and what hostile layers and hosts make of it."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from nucleus.apply import changes
from tests.apply.world import World, needs_overlay


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def test_added_changed_and_deleted_files_are_told_apart(world: World) -> None:
    for path in ("same.txt", "changed.txt", "gone.txt", "src/kept.txt"):
        world.host(path)
    world.start()
    world.put("same.txt", "old")
    world.put("changed.txt")
    world.put("added.txt")
    world.put("new/deep/file")
    world.gone("gone.txt")
    world.gone("never-was")
    assert world.changes() == [
        ("added.txt", "added", "plain"),
        ("changed.txt", "changed", "plain"),
        ("gone.txt", "deleted", "held"),
        ("new", "added", "plain"),
        ("new/deep", "added", "plain"),
        ("new/deep/file", "added", "plain"),
    ]


@needs_overlay
def test_a_real_overlay_is_read_as_the_kernel_wrote_it(world: World) -> None:
    for path in ("a", "b", "dir/x", "dir/y", "old/1", "old/2", "tool"):
        world.host(path)
    world.start()
    world.box(
        """
        echo new > a; rm b; rm -r dir; mkdir dir; echo z > dir/z
        mv old renamed; ln -s a link; chmod +x tool; mkfifo pipe; ln a second; touch -d yesterday c
        """
    )
    assert world.changes() == [
        ("a", "changed", "plain"),
        ("b", "deleted", "held"),
        ("c", "added", "plain"),
        ("dir/x", "deleted", "held"),
        ("dir/y", "deleted", "held"),
        ("dir/z", "added", "plain"),
        ("link", "link", "held"),
        ("old", "deleted", "held"),
        ("old/1", "deleted", "held"),
        ("old/2", "deleted", "held"),
        ("pipe", "special", "held"),
        ("renamed", "added", "plain"),
        ("renamed/1", "added", "plain"),
        ("renamed/2", "added", "plain"),
        ("second", "added", "plain"),
        ("tool", "mode", "held"),
    ]


@needs_overlay
def test_touching_reading_and_writing_the_same_bytes_is_no_change(world: World) -> None:
    world.host("a")
    world.host("b")
    world.start()
    world.box("touch a; printf old > b; cat a b > /dev/null; touch .; mkdir d; rmdir d")
    assert world.changes() == []


def test_names_decide_the_category_whatever_their_spelling(world: World) -> None:
    world.start()
    for path in (
        "sub/CLAUDE.md",
        "\uff2dakefile",
        "pkg/conftest.py",
        ".claude/settings.json",
        "x/.GIT /config",
        "ok.py",
    ):
        world.put(path)
    world.put("NUCLEU~1.TOM")
    world.put("bell\a.txt")
    world.put(os.fsdecode(b"odd\xff"))
    found = {path: category for path, _, category in world.changes()}
    assert found["sub/CLAUDE.md"] == "control"
    assert found["\uff2dakefile"] == "flagged"
    assert found["pkg/conftest.py"] == "held"
    assert found[".claude"] == found[".claude/settings.json"] == "control"
    assert found["x/.GIT "] == "git"
    assert found["NUCLEU~1.TOM"] == "control"
    assert found["bell\a.txt"] == found[os.fsdecode(b"odd\xff")] == "held"
    assert found["ok.py"] == "plain"


def test_what_only_an_attack_can_have_made_is_refused(world: World) -> None:
    world.host("a", "0123")
    world.start()
    os.setxattr(world.put("a", "9999"), "user.overlay.metacopy", b"")
    os.setxattr(world.put("r/x").parent, "user.overlay.redirect", b"/etc")
    os.setxattr(world.put("w", ""), "user.overlay.whiteout", b"y")
    os.setxattr(world.put("o/x").parent, "user.overlay.opaque", b"x")
    (world.folder / "upper" / "s").parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(world.folder / "upper" / "s"))
    found = changes(world.run)
    assert [each.path for each in found] == ["a", "o", "r", "s", "w"]
    assert all(each.refused for each in found)
    before = world.listing()
    assert [each.change.path for each in world.apply(yes=True).held] == ["a", "o", "r", "s", "w"]
    assert world.listing() == before


def test_extended_attributes_set_id_bits_and_owners_stay_in_the_run(world: World) -> None:
    world.host("host.sh", mode=0o755)
    world.start()
    for path in ("tool", "host.sh"):
        place = world.put(path, mode=0o755)
        os.setxattr(place, "user.evil", b"1")
        place.chmod(0o6755)
    assert [(each.path, each.what, bool(each.refused)) for each in changes(world.run)] == [
        ("host.sh", "changed", False),
        ("host.sh", "mode", True),
        ("tool", "added", False),
        ("tool", "mode", False),
        ("tool", "mode", True),
    ]
    world.apply(yes=True)
    for path in ("tool", "host.sh"):
        status = (world.workspace / path).stat()
        assert status.st_mode & 0o7777 == 0o755
        assert os.listxattr(world.workspace / path) == []


def test_a_new_program_waits_for_a_yes_to_its_mode_but_not_to_its_content(world: World) -> None:
    world.start()
    world.put("deploy.sh", mode=0o755)
    done = world.apply()
    assert [each.change.what for each in done.held] == ["mode"]
    assert (world.workspace / "deploy.sh").stat().st_mode & 0o777 == 0o644
    done = world.apply(yes=True)
    assert done.complete
    assert (world.workspace / "deploy.sh").stat().st_mode & 0o777 == 0o755


def test_what_the_run_could_not_see_is_neither_overwritten_nor_taken_away(world: World) -> None:
    world.host(".env", "SECRET=1")
    world.host("conf/.env", "SECRET=2")
    world.host("conf/a")
    world.start(hidden=(".env", "conf/.env"))
    world.put(".env", "planted")
    world.gone("conf")
    found = changes(world.run)
    assert [(each.path, each.what, bool(each.refused)) for each in found] == [
        (".env", "changed", True),
        ("conf/a", "deleted", False),
    ]
    world.apply(yes=True)
    assert world.listing() == {".env": "644 SECRET=1", "conf": "755 40000", "conf/.env": "644 SECRET=2"}


def test_a_file_in_the_place_of_a_directory_with_hidden_things_is_refused(world: World) -> None:
    world.host("conf/.env", "SECRET=2")
    world.host("conf/a")
    world.start(hidden=("conf/.env",))
    world.put("conf", "file")
    world.apply(yes=True)
    assert (world.workspace / "conf" / ".env").read_text() == "SECRET=2"


def test_a_host_that_changed_meanwhile_is_a_conflict_wherever_it_changed(world: World) -> None:
    for path in ("content", "replaced", "deleted", "dir/x", "moved/x"):
        world.host(path)
    world.start()
    for path in ("content", "replaced", "moved/x"):
        world.put(path)
    world.gone("deleted")
    world.gone("dir")
    world.host("content", "mine")
    os.replace(world.host("other"), world.workspace / "replaced")
    world.host("deleted", "mine")
    world.host("dir/y", "mine")
    (world.workspace / "moved").rename(world.workspace / "aside")
    (world.workspace / "aside").rename(world.workspace / "moved")
    found = {each.path for each in changes(world.run) if each.conflict}
    assert found == {"content", "replaced", "deleted", "dir/y", "moved/x"}
    before = world.listing()
    done = world.apply()
    assert done.applied == ()
    assert {each.path for each in done.conflicts} == {"content", "replaced", "moved/x"}
    assert world.listing() == before


def test_the_same_change_on_both_sides_is_no_conflict(world: World) -> None:
    world.host("a")
    world.start()
    world.put("a", "new")
    world.host("a", "new")
    assert world.changes() == []


def test_storage_of_a_bare_repository_is_control(world: World) -> None:
    world.start()
    world.put("x/HEAD", "ref: refs/heads/main")
    world.put("x/config", "[core]\nfsmonitor = ./evil")
    (world.folder / "upper" / "x" / "objects").mkdir()
    found = {path: category for path, _, category in world.changes()}
    assert found["x/config"] == found["x/HEAD"] == "control"


def test_a_worktree_s_storage_whose_rest_lies_elsewhere_is_control_too(world: World, tmp_path: Path) -> None:
    """Without ``objects`` beside it git takes such a directory for a repository all the same, and runs what it says."""
    (tmp_path / "empty").mkdir()
    files = {
        "docs/HEAD": "ref: refs/heads/x\n",
        "docs/commondir": "../other\n",
        "docs/config.worktree": f"[core]\nbare = false\nworktree = {world.workspace}/docs\n",
        "other/config": f'[core]\nrepositoryformatversion = 1\nfsmonitor = "touch {tmp_path}/ran; false"\n'
        "[extensions]\nworktreeConfig = true\n",
        "other/objects/x": "",
        "other/refs/x": "",
    }
    world.start()
    for name, content in files.items():
        world.put(name, content)
    found = {path: category for path, _, category in world.changes()}
    assert {found[name] for name in files if name.startswith("docs/")} == {"control"}
    for name, content in files.items():
        world.host(name, content)
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "empty"), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "status"], cwd=world.workspace / "docs", env=clean, capture_output=True, check=False)
    assert (tmp_path / "ran").exists(), "what it would have done on the host"


def test_git_storage_is_told_and_never_applied(world: World) -> None:
    world.host(".git/HEAD", "ref: refs/heads/main\n")
    world.host(".git/config", "[core]\n")
    world.start()
    world.put(".git/config", "[core]\nfsmonitor = ./evil\n")
    world.put(".git/hooks/pre-commit", "evil", mode=0o755)
    world.put(".git/refs/replace/" + "a" * 40, "b" * 40)
    world.put(".git/objects/info/alternates", "/elsewhere")
    world.put(".git/info/grafts", "x")
    world.put(".git/index", "binary")
    world.put(".git/objects/ab/" + "c" * 38, "object")
    world.put("sub/.git", "gitdir: ../../elsewhere")
    found = changes(world.run)
    assert [each.path for each in found] == [
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/info/grafts",
        ".git/objects/info/alternates",
        ".git/refs/replace/" + "a" * 40,
        "sub",
        "sub/.git",
    ]
    assert all(each.category == "git" and each.refused for each in found if each.path != "sub")
    before = world.listing()
    world.apply(yes=True)
    assert {path: told for path, told in world.listing().items() if path != "sub"} == before


def test_a_configuration_that_was_rewritten_for_the_run_is_no_change(world: World) -> None:
    world.host(".git/config", "[remote]\ntoken")
    world.start()
    masked = world.folder / "masks" / ".git" / "config"
    masked.parent.mkdir()
    masked.write_text("[core]\n")
    world.put(".git/config", "[core]\n")
    assert world.changes() == []


def test_unreadable_files_of_the_run_are_read_and_keep_their_mode(world: World) -> None:
    world.start()
    place = world.put("locked", mode=0o000)
    assert world.changes() == [("locked", "added", "plain")]
    assert place.stat().st_mode & 0o777 == 0


def test_a_directory_below_a_hundred_and_more_others_is_refused_not_walked(world: World) -> None:
    world.start()
    place = world.folder / "upper"
    for _ in range(140):
        place /= "d"
    place.mkdir(parents=True)
    found = changes(world.run)
    assert found[-1].refused == "too deep to be walked"


@needs_overlay
def test_a_file_with_another_name_is_no_conflict(world: World) -> None:
    for path in ("a", "b"):
        world.host(path)
    world.start()
    world.box("mv a renamed; mv b over; echo new > b")
    assert {each.path: each.conflict for each in changes(world.run)} == dict.fromkeys(("a", "b", "over", "renamed"), "")


def test_what_the_host_took_away_meanwhile_comes_back_as_something_new(world: World) -> None:
    world.host("a")
    world.start()
    world.put("a")
    (world.workspace / "a").unlink()
    assert world.changes() == [("a", "added", "plain")]


def test_compiled_files_of_python_stay_in_the_run_and_nobody_is_asked(world: World) -> None:
    """They are made anew from their sources; one that came home would run in the place of its source."""
    world.host("old/__pycache__/a.cpython-311.pyc", "compiled")
    world.start()
    world.put("__pycache__/a.cpython-311.pyc")
    world.put("old/__pycache__/a.cpython-311.pyc", "poisoned")
    world.put("old/__pycache__/b.cpython-311.pyc")
    world.gone("old/__pycache__/c.pyc")
    assert world.changes() == []


def test_what_else_lies_among_them_is_looked_at_like_anything(world: World) -> None:
    world.start()
    world.put("a/__pycache__/mod.py")
    world.put("a/__pycache__/mod.pyc")
    world.put("b/__pycache__/deep/mod.pyc")
    (world.put("c/__pycache__/mod.pyc").parent / "link.pyc").symlink_to("/etc/passwd")
    world.put("d/mod.pyc")
    world.put("__pycache__")
    found = {path: category for path, _, category in world.changes()}
    held = {
        "a/__pycache__/mod.pyc",
        "b/__pycache__/deep/mod.pyc",
        "c/__pycache__/mod.pyc",
        "c/__pycache__/link.pyc",
        "d/mod.pyc",
    }
    assert {path for path, category in found.items() if category == "held"} == held
    assert {"a/__pycache__/mod.py", "__pycache__"} <= found.keys()


def test_what_a_run_made_unreadable_is_looked_at_and_comes_home_and_no_directory_of_the_hosts_is_shut(
    world: World,
) -> None:
    """Else a box could have its owner see nothing of a run, and get nothing of it."""
    world.host("locked/deep")
    world.host("a")
    world.start()
    world.put("a", "new", mode=0)
    world.put("locked/deep", "new").parent.chmod(0)
    world.put("made/f", "new", mode=0o400).parent.chmod(0o111)
    (found,) = [each for each in changes(world.run) if each.path == "locked"]
    assert found.refused == "its owner could not use the directory any more"
    world.apply(yes=True)
    now = world.listing()
    assert [now[path] for path in ("locked/deep", "made/f", "locked", "made")] == [
        "644 new",
        "400 new",
        "755 40000",
        "711 40000",
    ]
    assert (world.workspace / "a").stat().st_mode & 0o777 == 0
    assert world.changes() == [("locked", "mode", "held"), ("made", "mode", "held")]
