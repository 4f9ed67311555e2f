"""What the words for bubblewrap show, and what no view can show. Judged by a mount table of our own."""

import posixpath
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.argv import FENCES, NAMESPACES, Copy, View, options, packed, proper, variables, within
from nucleus.local.bwrap import find
from tests.local.box import needs_box

HOME, STATE, WORKSPACE = "/home/ann", "/home/ann/.local/state/nucleus", "/home/ann/code/app"
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name not in {".", ".."}
)
paths = st.lists(st.sampled_from(["home", "ann", "usr", "opt", "code", "app", "x", "tmp"]) | names, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def view(**fields: object) -> View:
    """Return an ordinary view, but for ``fields``."""
    run = STATE + "/boxes/run-1"
    usual: dict[str, object] = {
        "workspace": WORKSPACE,
        "home": HOME,
        "state": STATE,
        "upper": run + "/upper",
        "work": run + "/work",
        "masks": run + "/masks",
        "system": ("/usr",),
        "links": (("usr/bin", "/bin"),),
        "readable": ("/home/ann/.pyenv",),
        "files": ((run + "/passwd", "/etc/passwd"),),
    }
    return View(**(usual | fields))  # type: ignore[arg-type]


ARITY = {
    "--ro-bind": 2,
    "--ro-bind-data": 2,
    "--symlink": 2,
    "--setenv": 2,
    "--overlay": 3,
    "--overlay-src": 1,
    "--ro-overlay": 1,
    "--proc": 1,
    "--dev": 1,
    "--tmpfs": 1,
    "--size": 1,
    "--remount-ro": 1,
    "--chdir": 1,
    "--cap-drop": 1,
    "--hostname": 1,
    "--seccomp": 1,
    "--info-fd": 1,
}
"""Every option that is ever used, with the number of its words. ``--bind`` and its kin are not among them."""


def parsed(words: list[str]) -> list[tuple[str, list[str]]]:
    """Return options with their words. Fails for an option that has no place in a box."""
    found, at = [], 0
    while at < len(words):
        count = 0 if words[at] in {*NAMESPACES, *FENCES} - ARITY.keys() else ARITY[words[at]]
        found.append((words[at], words[at + 1 : at + 1 + count]))
        at += 1 + count
    return found


def shown(words: list[str], path: str) -> str:
    """Return what stands at ``path`` in the box: the option of the last mount over it, and the host's path."""
    answer = "nothing"
    for option, values in parsed(words):
        if option in {"--ro-bind", "--proc", "--dev", "--tmpfs", "--overlay"} and within(path, values[-1]):
            rest = path[len(values[-1]) :]
            answer = f"{option} {values[0]}{rest}" if option == "--ro-bind" else option
    return answer


def test_an_ordinary_view_shows_what_it_lists_and_nothing_else() -> None:
    words = options(view(), 7, 8)
    assert {
        path: shown(words, path)
        for path in (
            "/usr/bin/ls",
            HOME + "/.ssh/id_rsa",
            HOME + "/code/other",
            HOME + "/.pyenv/bin/python",
            WORKSPACE + "/src",
            STATE + "/traces",
            "/etc/passwd",
            "/etc/shadow",
            "/run/user/1000/bus",
            "/sys/kernel",
            "/root",
        )
    } == {
        "/usr/bin/ls": "--ro-bind /usr/bin/ls",
        HOME + "/.ssh/id_rsa": "--tmpfs",
        HOME + "/code/other": "--tmpfs",
        HOME + "/.pyenv/bin/python": "--ro-bind /home/ann/.pyenv/bin/python",
        WORKSPACE + "/src": "--overlay",
        STATE + "/traces": "--tmpfs",
        "/etc/passwd": f"--ro-bind {STATE}/boxes/run-1/passwd",
        "/etc/shadow": "nothing",
        "/run/user/1000/bus": "--tmpfs",
        "/sys/kernel": "nothing",
        "/root": "nothing",
    }


@given(st.lists(paths, max_size=4), st.lists(paths, max_size=2), paths)
def test_no_view_shows_home_or_state_and_nothing_is_writable(readable: list[str], system: list[str], path: str) -> None:
    try:
        words = options(view(readable=tuple(readable), system=tuple(system)), 7, 8)
    except ValueError:
        return
    given_ = parsed(words)
    assert {option for option, _ in given_} >= {*NAMESPACES, "--cap-drop", "--clearenv", "--die-with-parent"}
    assert ("--remount-ro", ["/"]) in given_
    assert shown(words, HOME) == "--tmpfs"
    assert shown(words, HOME + "/.ssh/id_rsa") == "--tmpfs"
    assert shown(words, STATE + "/traces/t") == "--tmpfs"
    assert shown(words, WORKSPACE) == "--overlay"
    answer = shown(words, path)
    if answer.startswith("--ro-bind"):
        assert any(within(path, one) for one in (*readable, *system, "/usr", "/home/ann/.pyenv", "/etc/passwd"))


@pytest.mark.parametrize(
    "fields",
    [
        {"readable": ("/",)},
        {"readable": ("/home",)},
        {"readable": (HOME,)},
        {"readable": (STATE,)},
        {"readable": (STATE + "/traces",)},
        {"readable": (HOME + "/.local",)},
        {"readable": ("/usr/../home",)},
        {"readable": ("usr",)},
        {"system": ("/home/ann",)},
        {"workspace": HOME},
        {"workspace": "/"},
        {"workspace": "/home"},
        {"workspace": STATE + "/boxes"},
        {"workspace": "code"},
        {"home": "/"},
        {"home": ""},
        {"state": WORKSPACE + "/state"},
        {"cwd": "../other"},
        {"cwd": "/etc"},
        {"cwd": "a/../../b"},
    ],
)
def test_a_view_that_would_show_too_much_can_not_be_made(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        view(**fields)


def test_what_a_person_lets_in_is_shown_through_an_overlay_and_never_bound() -> None:
    words = options(
        view(readable=("/opt/a", "/opt/b"), still=("/opt/b",), nothing=STATE + "/boxes/run-1/nothing"), 7, 8
    )
    assert ("--ro-bind", ["/opt/a", "/opt/a"]) in parsed(words)
    assert ("--ro-bind", ["/opt/b", "/opt/b"]) not in parsed(words)
    at = parsed(words).index(("--ro-overlay", ["/opt/b"]))
    assert parsed(words)[at - 1 : at + 2 : 2] == [("--overlay-src", ["/opt/b"]), ("--remount-ro", ["/opt/b"])]
    for fields in ({"still": ("/opt/b",)}, {"still": ("/opt/c",), "nothing": "/empty"}):
        with pytest.raises(ValueError, match="through an overlay"):
            view(readable=("/opt/b",), **fields)


def test_a_tool_chain_in_the_workspace_is_covered_by_it() -> None:
    words = options(view(readable=(WORKSPACE + "/.venv",)), 7, 8)
    assert shown(words, WORKSPACE + "/.venv/bin/python") == "--overlay"


def test_masks_lie_over_the_workspace_and_under_the_changes() -> None:
    words = options(view(), 7, 8)
    layers = [(option, values[0]) for option, values in parsed(words) if option.startswith("--overlay")]
    run = STATE + "/boxes/run-1"
    assert layers == [
        ("--overlay-src", WORKSPACE),
        ("--overlay-src", run + "/masks"),
        ("--overlay", run + "/upper"),
    ]
    assert sum(option == "--overlay-src" for option, _ in parsed(options(view(masks=""), 7, 8))) == 1


def test_small_files_are_read_from_descriptors() -> None:
    assert ("--ro-bind-data", ["9", "/etc/hosts"]) in parsed(options(view(), 7, 8, [(9, "/etc/hosts")]))


def test_the_environment_is_a_reviewed_list_and_what_the_owner_named() -> None:
    found = variables(view(variables=(("CI", "1"),)))
    assert set(found) == {"PATH", "LANG", "TERM", "TMPDIR", "HOME", "USER", "LOGNAME", "CI"}
    assert found["HOME"] == HOME


def test_the_working_directory_lies_in_the_workspace() -> None:
    assert ("--chdir", [WORKSPACE + "/src"]) in parsed(options(view(cwd="src/."), 7, 8))
    assert ("--chdir", [WORKSPACE]) in parsed(options(view(), 7, 8))


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_packed_words_come_apart_again(words: list[str]) -> None:
    assert [word.decode() for word in packed(words).split(b"\0")[:-1]] == words


def test_a_word_with_a_nul_can_not_be_packed() -> None:
    with pytest.raises(ValueError, match="NUL"):
        packed(["--tmpfs\0--bind"])


@given(paths)
def test_proper_paths_are_absolute_and_plain(path: str) -> None:
    assert proper(path) == (posixpath.normpath(path) == path)
    assert not proper(path.removeprefix("/"))
    assert not proper(path + "/..")


def test_a_copy_lies_below_home_unless_it_is_the_workspace_s_own_repository() -> None:
    def copy(place: str, *, anywhere: bool) -> Copy:
        return Copy(place, f"{STATE}/u", f"{STATE}/w", f"{STATE}/m", anywhere=anywhere)

    words = options(view(copies=(copy("/srv/app/.git", anywhere=True),)), 7, 8)
    assert shown(words, "/srv/app/.git/config") == "--overlay"
    assert shown(words, "/srv/app/other") == "nothing"
    for place, anywhere in (("/srv/app/.git", False), ("/", True), ("/home", True), (HOME, True), (WORKSPACE, True)):
        with pytest.raises(ValueError, match=r"below home|holds the state"):
            view(copies=(copy(place, anywhere=anywhere),))


@needs_box
def test_mounts_in_a_writable_workspace_can_be_walked_around_which_is_why_there_is_no_box_without_a_transaction(
    tmp_path: Path,
) -> None:
    """What a read-only mount protects can be moved aside with its directory; what is not there can't be protected."""
    workspace = tmp_path / "ws"
    (workspace / "sub").mkdir(parents=True)
    kept = workspace / "sub" / "CLAUDE.md"
    kept.write_text("mine")
    words = ["--unshare-user", "--ro-bind", "/", "/", "--bind", str(workspace), str(workspace)]
    words += ["--ro-bind", str(kept), str(kept), "--chdir", str(workspace)]
    script = (
        "echo evil > sub/CLAUDE.md; mv sub aside && mkdir sub && echo evil > sub/CLAUDE.md && echo evil > AGENTS.md"
    )
    done = subprocess.run([find(sys.path).path, *words, "sh", "-c", script], capture_output=True, text=True, check=True)
    assert "Read-only" in done.stderr
    assert kept.read_text() == (workspace / "AGENTS.md").read_text() == "evil\n"
    assert (workspace / "aside" / "CLAUDE.md").read_text() == "mine"
