"""The category of a change: what it is and what its path steers, the worse of the two."""

from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.change import CATEGORIES, WHATS
from nucleus.apply.classes import classify, moved, noise
from nucleus.policy.controls import Steering, steering

NAMES = st.sampled_from(
    [
        "a.py",
        "CLAUDE.md",
        ".envrc",
        "Makefile",
        ".git",
        "src",
        "conftest.py",
        "x\u200by",
        "ReadMe",
        ".CLAUDE",
        "HEAD",
        "-rf",
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(PATHS, st.sampled_from(WHATS), st.booleans(), st.booleans())
def test_no_path_and_no_change_is_milder_than_either_alone(path: str, what: str, kept: bool, storage: bool) -> None:
    found = classify(path, what, kept=kept, storage=storage)
    assert found.category in CATEGORIES
    assert found.rank >= classify("plain.txt", what, kept=kept).rank
    assert found.rank >= classify(path, "added").rank
    steers = steering(path)
    floor = {Steering.NONE: 0, Steering.FLAGGED: 1, Steering.HELD: 2, Steering.CONTROL: 3}[steers]
    assert found.rank >= floor


@given(PATHS, st.sampled_from(WHATS), st.booleans(), st.text(min_size=1, max_size=3).filter(lambda t: "/" not in t))
def test_nothing_below_a_directory_is_milder_than_the_directory_by_name(
    path: str, what: str, kept: bool, name: str
) -> None:
    # A file called HEAD makes a repository of its directory; a directory of that name makes none.
    by_file = path.rpartition("/")[2].casefold() == "head"
    if steering(path) in {Steering.NONE, Steering.CONTROL} and ".git" not in path and not by_file:
        assert classify(f"{path}/{name}", what, kept=kept).rank >= (3 if steering(path) == Steering.CONTROL else 0)


def test_deletions_links_special_files_and_modes_are_held_and_kept_deletions_are_not() -> None:
    assert classify("a", "added").category == classify("a", "changed").category == "plain"
    for what in ("deleted", "link", "special", "mode"):
        assert classify("a", what).category == "held"
    assert classify("a", "deleted", kept=True).category == "plain"
    assert classify(".envrc", "deleted", kept=True).category == "held"
    assert classify("a", "added", storage=True).category == "control"


def test_a_name_that_is_an_option_where_a_pattern_names_it_waits_for_a_person() -> None:
    """``tar cf x.tar *`` takes files of these names for its options, and runs what they say."""
    for path in ("--checkpoint=1", "src/--checkpoint-action=exec=sh x", "-rf"):
        assert classify(path, "added").category == "held", path
        assert "option" in classify(path, "added").why
    assert classify("-routes/a-b.ts", "added").category == "plain", "no pattern gives it without its directory's name"
    assert classify("a-b", "added").category == "plain"


def test_the_reason_is_the_one_of_the_worst() -> None:
    assert "agent" in classify("CLAUDE.md", "deleted").why
    assert classify("a", "added").why == ""
    assert classify("package.json", "changed").why == "runs when somebody builds"


def test_git_noise_is_what_git_keeps_for_itself_and_no_more() -> None:
    for path in ("index", "logs/HEAD", "objects/ab/" + "0" * 38, "objects/ab", "objects/pack/pack-1.pack", "HEAD.lock"):
        assert noise(path), path
    for path in ("config", "hooks/pre-commit", "objects/info/alternates", "info/grafts", "refs/replace/x", "shallow"):
        assert not noise(path), path
        assert not moved(path), path
    for path in ("HEAD", "packed-refs", "refs/heads/main", "refs/tags", "refs/heads"):
        assert moved(path), path
    assert not moved("refs/headsx")


def test_what_submodules_and_worktrees_keep_for_themselves_is_noise_too() -> None:
    for path in ("modules/lib/index", "modules/deep/er/index", "worktrees/x/logs/HEAD", "modules/a/modules/b/index"):
        assert noise(path), path
    for path in ("modules/lib/config", "worktrees/x/gitdir", "modules/index", "modules/lib/hooks/pre-commit"):
        assert not noise(path), path
