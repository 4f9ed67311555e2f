"""What the box of a whole run shows beside its workspace, as its owner sees it from outside."""

import os
import venv
from pathlib import Path

import pytest

from nucleus.gate.server import LINK_LIMIT
from nucleus.local.network import HANDED
from tests import world
from tests.cli.test_run import LOCAL, Place
from tests.local.box import needs_box

pytestmark = needs_box


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def tree(place: Place) -> Place:
    """Let the workspace be a linked worktree of a repository with a token in its configuration."""
    main = place.root / "main"
    main.mkdir()
    world.git(main, "init", "-q", "-b", "main")
    world.git(main, "remote", "add", "origin", "https://canary-token@forge.example/acme/app.git")
    (main / "README.md").write_text("# App\n")
    world.git(main, "add", "README.md")
    world.git(main, "commit", "-q", "-m", "first")
    for path in place.workspace.iterdir():
        path.unlink()
    place.workspace.rmdir()
    world.git(main, "worktree", "add", "-q", "-b", "topic", str(place.workspace))
    return place


COMMIT = "git status --short && echo more >> README.md && git commit -qam second && git log --format=%s"


def test_git_works_in_a_linked_worktree_and_its_commits_come_to_the_right_branch(tree: Place) -> None:
    done = tree.run(*LOCAL, "--", "sh", "-c", f"{COMMIT} && git rev-parse HEAD && git branch new")
    assert done.returncode == 0, done.stderr
    second, first, commit = done.stdout.split()
    assert (second, first) == ("second", "first")
    assert world.git(tree.workspace, "rev-parse", "topic", "new").split() == [commit, commit]
    assert world.git(tree.workspace, "status", "--porcelain", "--branch").split() == ["##", "topic"]
    main = tree.root / "main"
    assert world.git(main, "log", "--format=%s", "main").split() == ["first"]
    assert world.git(main, "status", "--porcelain", "--branch").split() == ["##", "main"]
    assert "second" in world.git(main, "log", "-1", "--format=%s", "topic")
    assert "nucleus apply" in world.git(tree.workspace, "reflog")
    world.git(main, "fsck", "--strict")


def test_a_branch_that_is_checked_out_in_the_new_place_is_followed(tree: Place) -> None:
    done = tree.run(*LOCAL, "--", "sh", "-c", f"git checkout -q -b other && {COMMIT}")
    assert done.returncode == 0, done.stderr
    assert world.git(tree.workspace, "symbolic-ref", "HEAD").strip() == "refs/heads/other"
    assert world.git(tree.root / "main", "symbolic-ref", "HEAD").strip() == "refs/heads/main"


def test_a_branch_that_the_main_worktree_has_checked_out_is_not_moved_below_it(tree: Place) -> None:
    script = f"git checkout -q --ignore-other-worktrees main && {COMMIT}"
    done = tree.run(*LOCAL, "--", "sh", "-c", script)
    assert "checked out in another worktree" in done.stderr
    assert world.git(tree.root / "main", "log", "--format=%s", "main").split() == ["first"]


def test_nothing_of_the_repository_s_storage_comes_home_as_a_file(tree: Place) -> None:
    storage = tree.root / "main" / ".git"
    before = {name: (storage / name).read_bytes() for name in ("config", "info/exclude", "worktrees/project/gitdir")}
    script = (
        f"cd {storage} && cat config && echo evil > hooks/pre-commit && git config core.fsmonitor evil && "
        "echo evil >> info/exclude && echo /evil > objects/info/alternates && echo evil > worktrees/project/gitdir"
    )
    done = tree.run(*LOCAL, "--report", str(tree.root / "report.json"), "--", "sh", "-c", script)
    assert done.returncode == 75, done.stderr
    assert "canary-token" not in done.stdout
    assert {name: (storage / name).read_bytes() for name in before} == before
    assert not (storage / "hooks" / "pre-commit").exists()
    assert not (storage / "objects" / "info" / "alternates").exists()
    held = {one["path"]: one["held"] for one in tree.report()["changes"]["held"]}
    assert {".git/config", ".git/hooks/pre-commit", ".git/info/exclude", ".git/objects/info/alternates"} <= held.keys()
    assert all("never applied as files" in why for why in held.values())


def test_a_pointer_without_its_back_pointer_shows_nothing(tree: Place) -> None:
    """A ``.git`` file that came with the files of somebody else makes no other repository visible."""
    evil = tree.root / "evil"
    evil.mkdir()
    (evil / ".git").write_text((tree.workspace / ".git").read_text())
    main = tree.root / "main"
    done = tree.run(*LOCAL, "--workspace", str(evil), "--", "sh", "-c", f"git status; ls {main}")
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert "does not name this worktree back" in done.stderr
    assert "README" not in done.stdout


def test_a_hidden_file_of_a_linked_worktree_s_history_is_named(tree: Place) -> None:
    (tree.workspace / ".env").write_text("TOKEN=canary\n")
    world.git(tree.workspace, "add", "-f", ".env")
    done = tree.run(*LOCAL, "--", "true")
    assert "git's history, which the command can read: '.env'" in done.stderr


def test_the_storage_s_layers_go_with_the_run(tree: Place) -> None:
    assert tree.run(*LOCAL, "--", "sh", "-c", COMMIT).returncode == 0
    assert list((tree.state / "runs").iterdir()) == []


def test_a_submodule_can_be_read(place: Place) -> None:
    other = place.root / "other"
    other.mkdir()
    world.git(other, "init", "-q", "-b", "main")
    world.git(other, "commit", "-q", "--allow-empty", "-m", "of the submodule")
    world.git(place.workspace, "init", "-q", "-b", "main")
    world.git(place.workspace, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    world.git(place.workspace, "commit", "-q", "-m", "with a submodule")
    done = place.run(*LOCAL, "--", "sh", "-c", "git submodule status && cd sub && git log --format=%s && git status -s")
    assert done.returncode == 0, done.stderr
    assert "of the submodule" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_what_belongs_to_somebody_else_is_listed_at_the_start(place: Place) -> None:
    os.chown(place.workspace / "README.md", 1000, 1000)
    done = place.run(*LOCAL, "--", "true")
    assert "another user or group owns it: 'README.md'" in done.stderr


def test_a_project_that_the_command_s_environment_imports_from_is_named_with_the_way_to_let_it_in(place: Place) -> None:
    source, tool = place.root / "other", place.root / "env" / "bin" / "tool"
    source.mkdir()
    (source / "mine.py").write_text("WHERE = 'there'\n")
    venv.create(place.root / "env", symlinks=True)
    (packages,) = place.root.glob("env/lib/python3*/site-packages")
    (packages / "mine.pth").write_text(f"{source}\n")
    tool.write_text(f"#!{tool.parent}/python\nimport mine\nprint(mine.WHERE)\n")
    tool.chmod(0o755)
    path = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    done = place.run(*LOCAL, "--", "tool", environment=path)
    assert (done.returncode, "not shown; to let it in: --allow-read" in done.stderr) == (1, True)
    done = place.run(*LOCAL, "--allow-read", str(source), "--", "tool", environment=path)
    assert (done.returncode, done.stdout, "not shown" in done.stderr) == (0, "there\n", False)


@pytest.mark.parametrize("active", [True, False])
def test_a_shell_finds_the_tools_of_the_virtual_environment_that_is_active(place: Place, *, active: bool) -> None:
    tool = place.root / "env" / "bin" / "checker"
    venv.create(place.root / "env", symlinks=True)
    tool.write_text(f"#!{tool.parent}/python\nprint('checked')\n")
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}" if active else os.environ["PATH"]
    done = place.run(
        *LOCAL, "--", "sh", "-c", "checker && python -c 'import sys; print(sys.prefix)'", environment={"PATH": path}
    )
    assert (done.returncode, done.stdout) == ((0, f"checked\n{place.root}/env\n") if active else (127, ""))


FLOOD = """
import os, socket, time

def ask():
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.environ["NUCLEUS_DOOR"])
        return list(socket.recv_fds(sock, 1 << 16, 1)[1])

held = [number for _ in range(300) for number in ask()]
print(len(held))
for number in held:
    os.close(number)
while not (found := ask()):
    time.sleep(0.05)
print("again", len(found))
"""


def test_a_box_can_not_hold_all_of_the_gate_s_connections(place: Place) -> None:
    """What it does not get is there for the owner's side; what it gave back it can have again."""
    (place.workspace / "flood.py").write_text(FLOOD)
    done = place.run(*LOCAL, "--", "python3", "flood.py")
    assert done.returncode == 0, done.stderr
    held, again = done.stdout.splitlines()
    assert HANDED - 8 <= int(held) <= HANDED < LINK_LIMIT
    assert again == "again 1"
