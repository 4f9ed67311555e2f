"""The self-test: each promise that is broken is found. In the box itself it runs in test_ns.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.local import inside
from nucleus.local.inside import BrokenPromiseError

ZERO = "0" * 16
STATUS = (
    f"Name:\tpython\nCapInh:\t{ZERO}\nCapPrm:\t{ZERO}\nCapEff:\t{ZERO}\nCapBnd:\t{ZERO}\nCapAmb:\t{ZERO}\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\n"
)
MOUNTS = (
    "1 0 0:1 / / ro,nosuid - tmpfs tmpfs rw\n"
    "2 1 0:2 /usr /usr ro,nosuid - ext4 /dev/vda rw\n"
    "3 1 0:3 / /proc rw,nosuid - proc proc rw\n"
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
    inside.check_mounts(MOUNTS, "/home/ann", "/home/ann/a b")
    for broken in (
        MOUNTS.replace("/usr /usr ro", "/usr /usr rw"),
        MOUNTS.replace("/ / ro", "/ / rw"),
        MOUNTS.replace("- overlay", "- ext4"),
        MOUNTS.replace("a\\040b", "other"),
    ):
        with pytest.raises(BrokenPromiseError):
            inside.check_mounts(broken, "/home/ann", "/home/ann/a b")


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
