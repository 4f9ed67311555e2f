"""What a run's git did, and everything by which git's own review was fooled before."""

from pathlib import Path

import pytest

from nucleus.apply import changes
from nucleus.apply.commits import looked
from tests.apply.repositories import box, bring, git, hands, repository
from tests.apply.world import World, needs_overlay
from tests.local.box import needs_box

pytestmark = [needs_overlay, needs_box]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def test_a_commit_of_the_run_is_the_hosts_afterwards_and_status_is_clean(world: World) -> None:
    first = repository(world)
    world.start()
    box(world, "echo more >> a.txt; echo new > c.txt; git add -A; git commit -q -m second; git tag v1")
    done = bring(world)
    assert done.complete, done
    assert git(world.workspace, "log", "--format=%s") == "second\nfirst"
    assert git(world.workspace, "status", "--porcelain") == ""
    assert git(world.workspace, "rev-parse", "HEAD~1") == first
    assert git(world.workspace, "rev-parse", "v1") == git(world.workspace, "rev-parse", "HEAD")
    assert git(world.workspace, "fsck", "--strict") == ""
    assert "nucleus apply" in git(world.workspace, "reflog", "-1", "main")


def test_a_new_branch_that_is_checked_out_is_checked_out(world: World) -> None:
    repository(world)
    world.start()
    box(world, "git checkout -q -b topic/x; echo more >> a.txt; git commit -q -a -m second")
    assert bring(world).complete
    assert git(world.workspace, "symbolic-ref", "HEAD") == "refs/heads/topic/x"
    assert git(world.workspace, "status", "--porcelain") == ""
    assert git(world.workspace, "log", "--format=%s", "main") == "first"


def told(world: World) -> dict[str, str]:
    """Return the refusal, conflict or category of each change in git's storage."""
    with looked(world.run, hands()) as commits:
        found = changes(world.run, commits=commits)
    return {
        each.path.removeprefix(".git/"): each.refused or each.conflict or each.category
        for each in found
        if each.path.startswith(".git/")
    }


@pytest.mark.parametrize("name", ["-x", "HEAD", "@", "-"])
def test_a_name_that_git_itself_gives_to_no_branch_is_refused(world: World, name: str) -> None:
    """Applied, a script that checks each branch out would be given an option, or HEAD for another one."""
    first = repository(world)
    world.start()
    world.put(f".git/refs/heads/{name}", f"{first}\n")
    world.put(".git/refs/tags/fine", f"{first}\n")
    assert told(world)[f"refs/heads/{name}"].startswith("git itself gives no branch or tag this name")
    assert told(world)["refs/tags/fine"] == "plain"
    world.apply(yes=True)
    assert git(world.workspace, "for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


@pytest.mark.parametrize(
    ("makes", "name", "asked"),
    [
        ("git tag main", "tags/main", "main"),
        ("git branch origin/main", "heads/origin/main", "origin/main"),
        ("git tag origin/main", "tags/origin/main", "origin/main"),
        ("git branch later/main", "heads/later/main", "refs/remotes/origin/main"),
        ("git branch $(git rev-parse --short HEAD~1)", "heads/FIRST", "FIRST"),
    ],
)
def test_a_new_name_that_git_takes_for_another_one_s_waits(world: World, makes: str, name: str, asked: str) -> None:
    """Applied, "git merge origin/main" on the host would take in the run's own commit."""
    first = repository(world)
    short = git(world.workspace, "rev-parse", "--short", first)
    name, asked = name.replace("FIRST", short), asked.replace("FIRST", short)
    git(world.workspace, "update-ref", "refs/remotes/origin/main", first)
    git(world.workspace, "pack-refs", "--all")
    git(world.workspace, "config", "remote.later.url", "https://example.com/not-fetched-yet.git")
    world.start()
    box(world, f"git checkout -q -b topic; echo x >> a.txt; git commit -q -a -m second; {makes} || true")
    found = told(world)
    assert (found["refs/heads/topic"], found[f"refs/{name}"]) == ("plain", "held")
    bring(world)
    assert git(world.workspace, "rev-parse", "--verify", asked) == first
    evil = git(world.workspace, "rev-parse", "topic")
    git(world.workspace, "update-ref", f"refs/{name}", evil)
    if not asked.startswith("refs/"):
        assert git(world.workspace, "rev-parse", "--verify", asked) == evil, "what the name would have done"


def refs(world: World) -> str:
    """Return everything that the host's refs say."""
    return git(world.workspace, "for-each-ref") + "\n" + git(world.workspace, "symbolic-ref", "HEAD")


def test_replacements_grafts_and_alternates_are_told_and_change_nothing_of_what_is_packed(world: World) -> None:
    first = repository(world)
    world.start()
    box(
        world,
        """
        echo evil > a.txt; git commit -q -a -m evil
        evil=$(git rev-parse HEAD)
        good=$(git commit-tree -m good -p HEAD~1 HEAD~1^{tree})
        git replace $evil $good
        echo "$evil" > .git/info/grafts
        git log --format=%s -1 | grep -q good
        """,
    )
    evil = told(world)
    assert evil.keys() == {"refs/heads/main", "info/grafts", "refs/replace/" + _evil(world)}
    assert evil["refs/heads/main"] == "plain"
    bring(world, yes=True)
    assert git(world.workspace, "log", "--format=%s") == "evil\nfirst"
    assert git(world.workspace, "rev-parse", "HEAD~1") == first
    assert git(world.workspace, "show", "HEAD:a.txt") == "evil"
    assert git(world.workspace, "replace", "-l") == ""
    assert not (world.workspace / ".git" / "info" / "grafts").exists()


def _evil(world: World) -> str:
    return (world.folder / "upper" / ".git" / "refs" / "heads" / "main").read_text().strip()


def test_with_replacements_honoured_the_review_would_have_seen_something_else(world: World) -> None:
    """Switched off: what the user's own git says of the same storage."""
    repository(world)
    world.start()
    box(
        world,
        """
        echo evil > a.txt; git commit -q -a -m evil
        git replace $(git rev-parse HEAD) $(git commit-tree -m good -p HEAD~1 HEAD~1^{tree})
        test "$(git show HEAD:a.txt)" = one
        """,
    )


def test_objects_that_lie_elsewhere_are_not_fetched_from_there(world: World) -> None:
    repository(world)
    world.start()
    box(
        world,
        """
        git init -q --bare store; echo x > a.txt
        GIT_OBJECT_DIRECTORY=$PWD/store/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/.git/objects \
            git commit -q -a -m elsewhere
        """,
    )
    found = looked_at(world)
    assert "can't be looked at" in found[".git"]
    before = refs(world)
    bring(world, yes=True)
    assert refs(world) == before


def looked_at(world: World) -> dict[str, str]:
    with looked(world.run, hands()) as commits:
        return {each.path: each.refused or each.conflict or each.category for each in commits.found}


def test_index_flags_and_attributes_of_the_run_hide_nothing(world: World) -> None:
    repository(world, **{"s.py": "x\n"})
    world.start()
    box(
        world,
        """
        git update-index --assume-unchanged a.txt; git update-index --skip-worktree b.txt
        printf '*.py -diff\\n' > .git/info/attributes
        echo evil > a.txt; echo evil > b.txt; echo evil > s.py
        test -z "$(git status --porcelain)" || test "$(git status --porcelain)" = " M s.py"
        """,
    )
    found = {each.path: each.what for each in changes(world.run)}
    assert found["a.txt"] == found["b.txt"] == found["s.py"] == "changed"
    assert found[".git/info/attributes"] == "changed"


def test_a_submodule_and_its_file_are_held_with_the_branch_that_brings_them(world: World) -> None:
    first = repository(world)
    world.start()
    box(
        world,
        f"""
        git update-index --add --cacheinfo 160000,{first},sub
        git commit -q -m sub
        """,
    )
    with looked(world.run, hands()) as commits:
        (change,) = commits.found
    assert (change.category, "submodule" in change.why) == ("held", True)
    before = refs(world)
    bring(world)
    assert refs(world) == before


def test_a_branch_that_brings_the_storage_of_a_repository_waits(world: World) -> None:
    """Checked out, it would be one: git run in that directory takes its configuration from there."""
    repository(world)
    world.start()
    box(
        world,
        """
        git checkout -q -b other; mkdir -p bare/objects bare/refs; touch bare/objects/x bare/refs/x
        echo 'ref: refs/heads/x' > bare/HEAD; echo '[core]' > bare/config
        git add -A; git commit -q -m bare
        """,
    )
    found = told(world)
    assert found["refs/heads/other"] == found["HEAD"] == "control"


def test_worktrees_of_the_run_stay_in_the_run(world: World) -> None:
    repository(world)
    world.start()
    box(world, "git worktree add -q wt -b other")
    found = told(world)
    assert found["refs/heads/other"] == "plain"
    assert any(path.startswith("worktrees/wt") for path in found)
    bring(world, yes=True)
    assert not (world.workspace / "wt" / ".git").exists()
    assert not (world.workspace / ".git" / "worktrees").exists()


def test_a_branch_whose_checkout_brings_a_control_file_waits_for_a_yes(world: World) -> None:
    repository(world)
    world.start()
    box(world, "echo obey > CLAUDE.md; echo more >> a.txt; git add -A; git commit -q -m second")
    before = refs(world)
    done = bring(world)
    assert refs(world) == before
    assert (world.workspace / "a.txt").read_text() == "one\nmore\n"
    assert {each.change.path: each.change.category for each in done.held} == {
        ".git/refs/heads/main": "control",
        "CLAUDE.md": "control",
    }
    assert bring(world, yes=True).complete
    assert git(world.workspace, "status", "--porcelain") == ""
    assert git(world.workspace, "log", "--format=%s") == "second\nfirst"


@pytest.mark.parametrize(
    "script",
    [
        "git commit -q --amend -m other",
        "git checkout -q --orphan o; git commit -q -m x; git branch -f main o",
        "git tag -f v1 $(git commit-tree -m t HEAD^{tree})",
        "git branch -d gone",
        "rm .git/refs/heads/gone; mkdir .git/refs/heads/gone; git rev-parse HEAD > .git/refs/heads/gone/below",
        "git hash-object -w a.txt > .git/refs/heads/blob",
    ],
)
def test_nothing_but_steps_forward_is_ever_taken(world: World, script: str) -> None:
    repository(world)
    git(world.workspace, "tag", "v1")
    git(world.workspace, "branch", "gone")
    world.start()
    box(world, script)
    before = refs(world)
    bring(world, yes=True)
    assert set(before.splitlines()) <= set(refs(world).splitlines()) | {"refs/heads/main"}


def test_objects_that_a_checkout_would_suffer_from_do_not_pass(world: World) -> None:
    repository(world)
    world.start()
    box(
        world,
        """
        blob=$(git rev-parse HEAD:a.txt)
        tree=$(printf '100644 blob %s\\tconfig\\n' $blob | git mktree)
        top=$(printf '040000 tree %s\\t.GIT\\n' $tree | git mktree)
        evil=$(git commit-tree -m evil -p HEAD $top)
        echo $evil > .git/refs/heads/main
        """,
    )
    assert "index-pack failed" in looked_at(world)[".git"]
    before = refs(world)
    bring(world, yes=True)
    assert refs(world) == before


def test_without_the_check_such_a_tree_would_be_in_the_hosts_store(world: World) -> None:
    """Switched off: index-pack without --strict takes it."""
    repository(world)
    world.start()
    box(
        world,
        """
        blob=$(git rev-parse HEAD:a.txt)
        tree=$(printf '100644 blob %s\\tconfig\\n' $blob | git mktree)
        printf '040000 tree %s\\t.GIT\\n' $tree | git mktree | git pack-objects -q --stdout > pack
        ! git index-pack --strict --stdin < pack 2> /dev/null
        git index-pack --stdin < pack > /dev/null
        """,
    )


def test_a_host_that_moved_on_keeps_what_it_has(world: World) -> None:
    repository(world)
    world.start()
    box(world, "echo more >> a.txt; git commit -q -a -m theirs")
    git(world.workspace, "commit", "-q", "--allow-empty", "-m", "mine")
    before = refs(world)
    done = bring(world)
    assert "step forward" in {each.change.path: each.why for each in done.held}[".git/refs/heads/main"]
    assert refs(world) == before


def test_what_the_owner_has_staged_stays_staged_or_is_in_the_way(world: World) -> None:
    repository(world, **{"c.txt": "three\n"})
    world.host("c.txt", "staged\n")
    git(world.workspace, "add", "c.txt")
    world.start()
    box(world, "echo more >> a.txt; git commit -q -m second a.txt")
    assert bring(world).complete
    assert git(world.workspace, "status", "--porcelain") == "M  c.txt"


def test_staged_changes_of_the_same_file_stop_the_branch(world: World) -> None:
    repository(world)
    world.start()
    box(world, "echo more >> a.txt; git commit -q -m second a.txt")
    world.host("other", "staged\n")
    blob = git(world.workspace, "hash-object", "-w", "other")
    git(world.workspace, "update-index", "--cacheinfo", f"100644,{blob},a.txt")
    assert told(world)["refs/heads/main"] == "something that is staged is in the way"
    (world.workspace / ".git" / "MERGE_HEAD").write_text("x")
    assert "MERGE_HEAD" in told(world)["refs/heads/main"]


def test_packed_stores_and_packed_refs_of_the_run_are_read_too(world: World) -> None:
    repository(world)
    git(world.workspace, "branch", "other")
    world.start()
    box(world, "echo more >> a.txt; git commit -q -a -m second; git gc -q --prune=now; git pack-refs --all")
    assert bring(world).complete
    assert git(world.workspace, "log", "--format=%s") == "second\nfirst"
    assert git(world.workspace, "fsck", "--strict") == ""


def test_a_linked_worktree_is_a_workspace_whose_repository_the_run_does_not_see(world: World, tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    git(tmp_path / "main", "init", "-q", "-b", "main")
    git(tmp_path / "main", "commit", "-q", "--allow-empty", "-m", "first")
    world.workspace.rmdir()
    git(tmp_path / "main", "worktree", "add", "-q", str(world.workspace), "-b", "topic")
    world.start()
    world.put("a.txt")
    world.put(".git", "gitdir: /elsewhere/.git/worktrees/x")
    assert [each.path for each in bring(world, yes=True).applied] == ["a.txt"]
    assert git(world.workspace, "rev-parse", "--abbrev-ref", "HEAD") == "topic"


def test_a_directory_of_git_in_the_place_of_a_file_is_not_taken(world: World) -> None:
    world.host(".git", "gitdir: elsewhere")
    world.start()
    (world.folder / "upper" / ".git" / "refs").mkdir(parents=True)
    assert looked_at(world) == {}
    assert [each.refused != "" for each in changes(world.run)] == [True]


def test_without_hands_what_the_runs_git_did_is_told_and_stays(world: World) -> None:
    repository(world)
    world.start()
    box(world, "echo more >> a.txt; git commit -q -a -m second")
    (change,) = (each for each in changes(world.run) if each.kind == "ref")
    assert "not looked at here" in change.refused


def test_deleting_what_a_commit_keeps_needs_no_yes_and_all_else_does(world: World) -> None:
    repository(world, **{"dirty.txt": "clean\n", "d/x.txt": "x\n"})
    world.host("untracked.txt")
    world.host("dirty.txt", "dirty\n")
    world.start()
    box(world, "rm a.txt dirty.txt untracked.txt; rm -r d")
    done = bring(world)
    assert [each.path for each in done.applied] == ["a.txt", "d", "d/x.txt"]
    assert [each.change.path for each in done.held] == ["dirty.txt", "untracked.txt"]
