"""The self-test: each promise that is broken is found. In the box itself it runs in test_ns.py."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.local import inside, probe
from nucleus.local.inside import BrokenPromiseError
from nucleus.local.ns import NsBox
from nucleus.seal import landlock
from tests.local.box import needs_box, permit, private
from tests.local.test_ns import weakened

LACKS = probe.no_landlock().why
needs_landlock = pytest.mark.skipif(bool(LACKS), reason=f"no Landlock here: {LACKS}")
ZERO = "0" * 16
STATUS = (
    f"Name:\tpython\nCapInh:\t{ZERO}\nCapPrm:\t{ZERO}\nCapEff:\t{ZERO}\nCapBnd:\t{ZERO}\nCapAmb:\t{ZERO}\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\n"
)
MOUNTS = (
    "1 0 0:1 / / ro,nosuid - tmpfs tmpfs rw\n"
    "2 1 0:2 /usr /usr ro,nosuid - ext4 /dev/vda rw\n"
    "3 1 0:3 / /proc ro,nosuid - proc proc rw\n"
    "4 1 0:4 / /dev/null rw - devtmpfs x rw\n"
    "5 1 0:5 / /home/ann rw - tmpfs x rw\n"
    "6 5 0:6 / /home/ann/a\\040b rw - overlay overlay rw\n"
)


def test_a_sound_status_passes_and_each_field_matters() -> None:
    inside.check_status(STATUS)
    for broken in (
        STATUS.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
        STATUS.replace("Seccomp:\t2", "Seccomp:\t0"),
        STATUS.replace(f"CapEff:\t{ZERO}", "CapEff:\t0000000000000400"),
        STATUS.replace(f"CapBnd:\t{ZERO}", "CapBnd:\t000001ffffffffff"),
        "",
    ):
        with pytest.raises(BrokenPromiseError):
            inside.check_status(broken)


def test_another_process_in_sight_is_found() -> None:
    inside.check_processes(2, ["1", "2", "self", "meminfo"])
    for own, names in ((2, ["1", "2", "77"]), (1, ["1"])):
        with pytest.raises(BrokenPromiseError):
            inside.check_processes(own, names)


def test_a_writable_mount_of_the_host_is_found() -> None:
    inside.check_mounts(MOUNTS, "/home/ann", ["/home/ann/a b"])
    for broken in (
        MOUNTS.replace("/usr /usr ro", "/usr /usr rw"),
        MOUNTS.replace("/ / ro", "/ / rw"),
        MOUNTS.replace("/ /proc ro", "/ /proc rw"),
        MOUNTS.replace("- overlay", "- ext4"),
        MOUNTS.replace("a\\040b", "other"),
    ):
        with pytest.raises(BrokenPromiseError):
            inside.check_mounts(broken, "/home/ann", ["/home/ann/a b"])


def test_a_second_network_device_is_found() -> None:
    with pytest.raises(BrokenPromiseError, match="eth0"):
        inside.check_network("a\nb\n  lo: 1\neth0: 2\n")


def test_a_visible_secret_a_full_home_and_a_writable_root_are_found(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("x")
    with pytest.raises(BrokenPromiseError, match="home"):
        inside.check_files(str(tmp_path), set(), [])
    with pytest.raises(BrokenPromiseError, match="hidden"):
        inside.check_files(str(tmp_path), {"here"}, [str(tmp_path / "here")])


def test_what_was_inherited_is_found() -> None:
    inside.check_surroundings({0, 1, 2, 5}, {"HOME"}, {0, 1, 2, 5})
    with pytest.raises(BrokenPromiseError, match="descriptors"):
        inside.check_surroundings({0, 1, 2, 3}, set(), {0, 1, 2})
    with pytest.raises(BrokenPromiseError, match="load code"):
        inside.check_surroundings(set(), {"LD_PRELOAD"}, set())


def test_the_missing_filter_is_found_here_outside_of_a_box() -> None:
    with pytest.raises(BrokenPromiseError):
        inside.check_filter()


FENCED = """
import os, signal, socket, sys
sys.path.insert(0, sys.argv[1])
import inside
home, workspace, outside, fenced, abstract = sys.argv[2:7]
inside.EMPTY = ()  # this test lies in /tmp
if fenced == "yes":
    inside.syscall(157, 38, 1, 0, 0, 0) if os.uname().machine == "x86_64" else inside.syscall(167, 38, 1, 0, 0, 0)
    inside.fence(home, [workspace])
def tried(what, *words):
    try:
        what(*words)
        return "done"
    except OSError as error:
        return str(error.errno)
def connected(family, address):
    with socket.socket(family) as sock:
        sock.connect(address)
open(workspace + "/file", "w").close()
os.mkdir(workspace + "/folder")
os.rename(workspace + "/file", workspace + "/folder/file")
os.link(workspace + "/folder/file", home + "/link")
os.symlink("x", home + "/symlink")
open("/dev/null", "w").close()
os.kill(os.getpid(), 0)
print(
    tried(open, outside + "/kept", "w"), tried(os.mkdir, outside + "/new"), tried(os.unlink, outside + "/gone"),
    tried(os.rename, outside + "/kept", workspace + "/kept"), tried(os.truncate, outside + "/kept", 0),
    tried(os.kill, os.getppid(), 0), tried(connected, socket.AF_UNIX, chr(0) + abstract),
    os.system("exit 3") >> 8,
)
"""
"""What a fenced process does and tries; the numbers are those of prctl."""


def fenced(tmp_path: Path, how: str) -> list[str]:
    folders = [tmp_path / how / name for name in ("home", "workspace", "outside")]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[2] / "kept").write_text("text")
    (folders[2] / "gone").touch()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"\0nucleus-{os.getpid()}-{how}")
        sock.listen()
        places = [str(Path(inside.__file__).parent), *map(str, folders), how, f"nucleus-{os.getpid()}-{how}"]
        done = subprocess.run([sys.executable, "-c", FENCED, *places], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@needs_landlock
def test_a_fenced_process_writes_in_its_own_places_only(tmp_path: Path) -> None:
    """With the fence switched off the same process does all of it."""
    refused = fenced(tmp_path, "yes")
    abi = inside.syscall(inside.CREATE_RULESET, None, 0, 1)
    expected = ["13", "13", "13", "13" if abi > 1 else "18", "13" if abi > 2 else "done"]
    scoped = ["1", "1"] if abi > 5 else ["done", "done"]
    assert refused == [*expected, *scoped, "3"]
    assert fenced(tmp_path, "no") == [*["done"] * 4, "2", "done", "done", "3"]


@needs_landlock
def test_a_fence_that_does_not_hold_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "written"
    monkeypatch.setattr(inside, "FENCED", str(place))
    monkeypatch.setattr(inside, "fence", lambda *_: 7)
    with pytest.raises(BrokenPromiseError, match="can be written"):
        inside.check_fence("/home/ann", ["/home/ann/app"])
    assert not place.exists()
    monkeypatch.setattr(inside, "fence", lambda *_: place.write_text(""))
    with pytest.raises(BrokenPromiseError, match="File exists"):
        inside.check_fence("/home/ann", ["/home/ann/app"])


def test_a_place_that_could_not_be_written_anyway_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "FENCED", "/proc/written")
    with pytest.raises(OSError, match="/proc/written"):
        inside.check_fence("/home/ann", ["/home/ann/app"])


def test_an_error_of_a_system_call_is_raised() -> None:
    with pytest.raises(OSError, match="Errno") as caught:
        inside.syscall(inside.RESTRICT_SELF, -1, 0)
    assert caught.value.errno in {errno.EBADF, errno.EPERM, errno.ENOSYS}


@pytest.mark.parametrize(
    ("abi", "files", "scopes"), [(1, 13, 0), (2, 14, 0), (3, 15, 0), (4, 15, 0), (5, 16, 0), (6, 16, 2)]
)
def test_each_abi_adds_what_it_has(abi: int, files: int, scopes: int) -> None:
    """The same bits that the seal handles, written out again: this file stands alone."""
    assert inside.through(inside.FILE_ACCESS, abi) == (1 << files) - 1 == landlock.handled(abi).files
    assert inside.through(inside.SCOPES, abi) == (1 << scopes) - 1 == landlock.handled(abi).scopes


def start(tmp_path: Path, words: list[str]) -> tuple[int, str]:
    """Run the self-test as a box does, but outside of one."""
    read, write = os.pipe()
    config = tmp_path / "config"
    config.write_bytes(b"".join(word.encode() + b"\0" for word in words))
    with config.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", str(inside.__file__), str(file.fileno()), str(write)],
            pass_fds=(file.fileno(), write),
            check=False,
        )
    os.close(write)
    with os.fdopen(read, "rb") as report:
        return done.returncode, report.read().decode()


def test_outside_of_a_box_nothing_is_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    status, report = start(tmp_path, ["/root", str(tmp_path), "", "0", "touch", str(canary)])
    assert status == 78
    assert report.startswith("failed ")
    assert not canary.exists()
    subprocess.run(["touch", str(canary)], check=True)
    assert canary.exists()


@pytest.mark.parametrize("words", [[], ["/root"], ["/root", "/ws", "", "x"]])
def test_a_configuration_that_is_none_runs_nothing(tmp_path: Path, words: list[str]) -> None:
    status, report = start(tmp_path, words)
    assert (status, report[:7]) == (78, "failed ")


def test_octal_in_the_mount_table_is_undone() -> None:
    assert inside.escaped("/a\\040b\\134c") == "/a b\\c"


UNSEEING = "def check_mounts(*_): pass\n"
UNFENCED = "def check_fence(*_): pass\n"


def broken(folder: Path, more: str) -> str:
    """Write a self-test some of whose checks are gone."""
    folder.mkdir()
    path = folder / "inside.py"
    text = Path(inside.__file__).read_text()
    path.write_text(text.replace('if __name__ == "__main__":', f'{more}if __name__ == "__main__":'))
    return str(path)


@needs_box
@pytest.mark.parametrize(("more", "written"), [(UNSEEING, False), (UNSEEING + UNFENCED, True)], ids=["on", "off"])
def test_a_place_of_the_host_that_is_mounted_writable_by_mistake_stays_as_it_was(
    tmp_path: Path, more: str, written: bool
) -> None:
    """The mount table is not looked at: then the fence alone holds, and without it the host's file is written."""
    outside, workspace = tmp_path / "outside", tmp_path / "workspace"
    outside.mkdir()
    workspace.mkdir()
    (outside / "file").write_text("as it was")
    path = broken(tmp_path / "broken", more)
    found = r"--ro-bind\0[^\0]*/inside.py\0([^\0]*)\0(.*)--remount-ro\0/\0"
    mistaken = rf"--ro-bind\0{path}\0\1\0\2--bind\0{outside}\0/mistake\0--remount-ro\0/\0"
    box = NsBox(str(private(tmp_path / "state")), path_list=[str(weakened(tmp_path / "weak", found, mistaken))])
    outcome = box.run(permit(workspace, "sh", "-c", "echo changed > /mistake/file; echo more > /mistake/new"), b"")
    assert outcome.status == "ok"
    assert (outcome.value["status"] == 0) is written
    assert ((outside / "file").read_text() == "changed\n") is written
    assert (outside / "new").exists() is written
