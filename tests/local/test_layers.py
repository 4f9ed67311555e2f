"""The layers of a workspace: what is masked, what a box's git sees, what changes are told."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.layers import Change, changes, mask, mounts_below, plain_config, refuse_mounts, remove
from nucleus.local.veil import Veil
from nucleus.policy.call import RUN, Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import OwnerChoices, load_policy
from nucleus.policy.profiles import profile_names
from tests.local.box import needs_box


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "ws").mkdir()
    (tmp_path / "masks").mkdir()
    (tmp_path / "upper").mkdir()
    return tmp_path / "ws"


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def whiteouts(layer: Path) -> set[str]:
    """Return what a layer hides, as overlayfs would see it."""
    return {
        str(path.relative_to(layer))
        for path in layer.rglob("*")
        if stat.S_ISCHR(path.lstat().st_mode) and path.lstat().st_rdev == 0
    }


def test_denied_paths_secrets_and_their_other_names_are_masked(workspace: Path) -> None:
    for name in ("src/app.py", ".env", "deep/er/.env.local", "keys/id_rsa", "secrets/a/b", "notes/Secrets.txt"):
        write(workspace / name)
    os.link(workspace / ".env", workspace / "src" / "harmless.txt")
    os.link(workspace / "secrets" / "a" / "b", workspace / "src" / "as harmless")
    (workspace / "link").symlink_to("secrets")
    hidden = mask(str(workspace), str(workspace.parent / "masks"), Veil(["secrets", "secrets/**", "notes/*.txt"]))
    assert set(hidden) == {
        ".env",
        "deep/er/.env.local",
        "keys/id_rsa",
        "secrets",
        "src/harmless.txt",
        "src/as harmless",
        "notes/Secrets.txt",
    }
    assert whiteouts(workspace.parent / "masks") == set(hidden)


@pytest.mark.parametrize("name", [".ENV", "SECRETS", "\uff33ecrets", "a\udcff", "ecrets/a\udcff.pem"])
def test_other_spellings_of_a_hidden_name_are_hidden_too(workspace: Path, name: str) -> None:
    write(workspace / name)
    hides = Veil(["secrets", "secrets/**"])
    harmless = "\udcff" in name and "pem" not in name
    assert bool(mask(str(workspace), str(workspace.parent / "masks"), hides)) is not harmless


def test_everything_is_hidden_where_the_policy_hides_everything(workspace: Path) -> None:
    write(workspace / "a")
    write(workspace / "b" / "c")
    assert mask(str(workspace), str(workspace.parent / "masks"), Veil(["**"])) == ["a", "b"]


def test_a_pattern_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"."):
        Veil(["a[bc]*d*e"])


@pytest.mark.parametrize("name", profile_names())
def test_what_each_profile_hides_can_be_masked(name: str) -> None:
    """The patterns that classification hands to a box are ones that it understands."""
    found = classify(load_policy([], OwnerChoices(profile=name)), Call(RUN, {"argv": ["true"]}), Context("/w", "/h"))
    if "hidden" in found.resolved:
        hides = Veil(found.resolved["hidden"])
        assert hides(".git")
        assert hides("deep/id_rsa")


def test_masks_have_the_mode_and_time_of_what_they_lie_over(workspace: Path) -> None:
    write(workspace / "open" / ".env")
    os.utime(workspace / "open", ns=(1_000_000_000, 2_000_000_000))
    (workspace / "open").chmod(0o750)
    mask(str(workspace), str(workspace.parent / "masks"), Veil([]))
    status = (workspace.parent / "masks" / "open").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o750, 2_000_000_000)


CONFIG = """[core]
\trepositoryformatversion = 1
\tfilemode = true
\thooksPath = /evil
\tsshCommand = evil
\tfsmonitor = evil
[extensions]
\tobjectFormat = sha256
\tworktreeConfig = true
[remote "origin"]
\turl = https://token@example.com/x
[core "sub"]
\tfilemode = false
[http]
\textraHeader = Authorization: Basic canary
[core] filemode = canary
"""
PLAIN = "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n[extensions]\n\tobjectFormat = sha256\n"


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        (".git/config", True),
        (".git/modules/sub/config", True),
        (".git/modules/refs/config", True),
        (".git/worktrees/w/config.worktree", True),
        ("vendor/lib/.GIT/config", True),
        (".git/refs/heads/config", False),
        (".git/logs/refs/heads/config", False),
        ("app/config", False),
    ],
)
def test_a_git_configuration_is_rewritten_without_addresses_and_tokens(
    workspace: Path, path: str, rewritten: bool
) -> None:
    write(workspace / path, CONFIG)
    mask(str(workspace), str(workspace.parent / "masks"), Veil([]))
    seen = workspace.parent / "masks" / path
    assert seen.exists() is rewritten
    assert not rewritten or seen.read_text() == PLAIN


def test_a_bare_repository_s_configuration_is_rewritten_too(workspace: Path) -> None:
    for name in ("remote.git/HEAD", "remote.git/objects/x", "remote.git/config"):
        write(workspace / name, CONFIG)
    mask(str(workspace), str(workspace.parent / "masks"), Veil([]))
    assert (workspace.parent / "masks" / "remote.git" / "config").read_text() == PLAIN


@given(st.text(), st.text(st.characters(codec="ascii"), max_size=20))
def test_no_text_gets_a_setting_through_that_names_something(before: str, value: str) -> None:
    text = f'{before}\n[core]\n\thooksPath = {value}\n\tfsmonitor = {value}\n[remote "x"]\n\turl = {value}\n'
    kept = plain_config(text)
    for line in kept.splitlines():
        key = line.strip().partition(" ")[0].lower()
        assert line in {"[core]", "[extensions]"} or key not in {"hookspath", "fsmonitor", "url"}
    assert plain_config(kept) == kept


def test_a_branch_follows_in_the_box_what_it_follows_outside_and_no_address_gets_through() -> None:
    text = """[branch "main"]
\tremote = origin
\tmerge = refs/heads/main
\trebase = true
\tpushRemote = elsewhere
\tdescription = of mine
[branch "fix"]
\tremote = https://user:canary@example.com/a.git
\tmerge = refs/heads/canary$(id)
[branch "a\\"b"]
\tremote = origin
[remote "origin"]
\turl = https://user:canary@example.com/a.git
[branch]
\tautoSetupRebase = always
"""
    kept = '[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n\trebase = true\n'
    assert plain_config(text) == kept
    assert plain_config(kept) == kept


TABLE = """22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:5 / /home/ann/app/data rw - tmpfs x rw
31 22 0:5 / /home/ann/app/a\\040b rw - tmpfs x rw
32 22 0:5 / /home/ann/application rw - tmpfs x rw
33 22 0:5 / /home/ann/app rw - tmpfs x rw
"""


def test_mounts_below_the_workspace_are_found() -> None:
    assert mounts_below("/home/ann/app", TABLE) == ["/home/ann/app/a b", "/home/ann/app/data"]
    assert mounts_below("/home/ann/app/data", TABLE) == []
    refuse_mounts("/usr/bin")


MOUNTED = """
import subprocess, sys
from nucleus.errors import CannotEnforce
from nucleus.local import bwrap
from nucleus.local.layers import refuse_mounts
place, upper, work = sys.argv[1:]
try:
    refuse_mounts(place)
    print("taken")
except CannotEnforce as error:
    print(error.why)
words = ["--unshare-user", "--ro-bind", "/", "/", "--overlay-src", place, "--overlay", upper, work, "/mnt", "true"]
print(subprocess.run([bwrap.find(sys.path).path, *words], capture_output=True, text=True).stderr)
"""


@needs_box
@pytest.mark.parametrize("mounted", [True, False])
def test_the_kernel_takes_no_layer_with_a_mount_below_it_which_is_why_it_is_refused(
    workspace: Path, *, mounted: bool
) -> None:
    """Nor may an unprivileged process look below a mount that it found: so it can't be masked either."""
    (workspace / "volume").mkdir()
    (workspace.parent / "work").mkdir()
    mount = f"mount -t tmpfs none {workspace}/volume &&" if mounted else ""
    script = f'{mount} exec "$@"'
    places = [str(workspace.parent / name) for name in ("ws", "upper", "work")]
    command = ["unshare", "-Urm", "sh", "-c", script, "-", sys.executable, "-c", MOUNTED, *places]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted:
        assert f"overlayfs takes no such directory: {workspace}/volume" in done.stdout
        assert "Invalid argument" in done.stdout, done.stderr
    else:
        assert done.stdout == "taken\n\n"


def test_changes_are_told_as_what_they_are(workspace: Path) -> None:
    upper = workspace.parent / "upper"
    for name in ("kept", "gone", "old/kept", "dir/x", "was-dir/x", "moded/x"):
        write(workspace / name)
    write(upper / "new")
    write(upper / "kept", "y")
    write(upper / "old" / "new\n\x1b[31m")
    os.mknod(upper / "gone", stat.S_IFCHR, 0)
    os.mknod(upper / "never-there", stat.S_IFCHR, 0)
    write(upper / "was-dir")
    os.mkfifo(upper / "fifo")
    (upper / "link").symlink_to("/etc/passwd")
    (upper / "moded").mkdir(mode=0o700)
    (workspace / "moded").chmod(0o755)
    (upper / "dir").mkdir(mode=0o755)
    (workspace / "dir").chmod(0o755)
    (workspace / "old").chmod(stat.S_IMODE((upper / "old").stat().st_mode))
    os.setxattr(upper / "dir", "user.overlay.opaque", b"y")
    found, more = changes(str(workspace), str(upper), 100)
    assert not more
    assert found == [
        Change("dir", "replaced", "directory"),
        Change("fifo", "added", "other"),
        Change("gone", "deleted", "file"),
        Change("kept", "changed", "file"),
        Change("link", "added", "link"),
        Change("moded", "mode", "directory"),
        Change("new", "added", "file"),
        Change("old/new\\n\\x1b[31m", "added", "file"),
        Change("was-dir", "changed", "file"),
    ]
    few, more = changes(str(workspace), str(upper), 3)
    assert (len(few), more) == (3, True)


def test_a_tree_deeper_than_any_path_is_told_and_removed(workspace: Path) -> None:
    upper = workspace.parent / "upper"
    here = os.open(upper, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, 0o700, dir_fd=here)
        there = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    found, _ = changes(str(workspace), str(upper), 1000)
    assert [change.what for change in found].count("unnamed") == 1
    remove(str(upper))
    assert not upper.exists()


def test_a_tree_is_removed_whatever_its_modes_and_no_link_is_followed(workspace: Path) -> None:
    outside = write(workspace.parent / "outside" / "kept")
    upper = workspace.parent / "upper"
    write(upper / "a" / "b" / "c")
    (upper / "a" / "link").symlink_to(outside.parent)
    (upper / "a" / "b").chmod(0)
    (upper / "a").chmod(0o100)
    remove(str(upper))
    assert not upper.exists()
    assert outside.exists()
