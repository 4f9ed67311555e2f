"""How much a box may use."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.local.quotas import Disk, Limits, default_limits, group, used

LIMITS = Limits(memory=1 << 30, processes=100)


def _tree(root: Path, path: str, controllers: str) -> Path:
    """Lay out a group as the kernel would: its files are there. The kernel itself makes those of a new one."""
    place = root / path if path else root
    place.mkdir(parents=True, exist_ok=True)
    (place / "cgroup.procs").write_text("")
    (place / "cgroup.subtree_control").write_text(controllers)
    return place


def _own(root: Path, line: str) -> str:
    path = root / "own"
    path.write_text(line)
    return str(path)


def test_without_a_delegated_group_there_is_none(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    _tree(root, "", "")
    _tree(root, "user.slice", "cpu")
    assert group("x", LIMITS, str(root), _own(tmp_path, "0::/user.slice\n")) is None
    assert group("x", LIMITS, str(root), _own(tmp_path, "4:memory:/a\n")) is None, "version 1"
    assert group("x", LIMITS, str(tmp_path / "none"), _own(tmp_path, "0::/\n")) is None
    assert group("x", LIMITS, str(root), str(tmp_path / "missing")) is None


def test_a_group_whose_limits_can_t_be_set_is_not_used_and_not_left(tmp_path: Path) -> None:
    """A plain directory has no memory.max: setting it fails, as it does where a controller is missing."""
    root = tmp_path / "cgroup"
    _tree(root, "", "")
    parent = _tree(root, "user.slice", "memory pids")
    assert group("x", LIMITS, str(root), _own(tmp_path, "0::/user.slice\n")) is None
    assert not (parent / "nucleus-x").exists()


def test_a_group_that_climbs_out_is_none(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    _tree(root, "", "memory pids")
    assert group("x", LIMITS, str(root), _own(tmp_path, "0::/../..\n")) is None


@pytest.mark.skipif(
    group("nucleus-probe-of-tests", LIMITS) is None,
    reason="this user may make no control group (cgroup v2)",
)
def test_a_box_s_group_holds_all_that_a_process_starts(tmp_path: Path) -> None:
    made = group("test", Limits(memory=64 << 20, processes=20))
    assert made is not None
    code = "import sys; sys.stdin.read(1); bytearray(256 << 20)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        made.take([process.pid])
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.close()
        assert process.wait() == -9
    made.close()
    assert not Path(made.path).exists()


def test_the_disk_is_looked_at_and_more_than_the_bound_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    limits = Limits(memory=0, upper=1 << 20, free=0)
    clock = [0.0]
    disk = Disk([str(tmp_path)], limits, lambda: clock[0])
    assert disk() == ""
    with (tmp_path / "deep" / "big").open("wb") as file:
        file.write(os.urandom(2 << 20))
        file.flush()
        os.fsync(file.fileno())
    clock[0] = 60.0
    assert "more than 1 MiB" in disk()


def test_all_layers_of_a_run_count_together(tmp_path: Path) -> None:
    folders = [tmp_path / "workspace", tmp_path / "state"]
    for folder in folders:
        folder.mkdir()
        (folder / "half").write_bytes(os.urandom(3 << 18))
    names = [str(folder) for folder in folders]
    assert Disk(names[:1], Limits(memory=0, upper=1 << 20, free=0))() == ""
    assert "more than 1 MiB" in Disk(names, Limits(memory=0, upper=1 << 20, free=0))()


def test_what_the_disk_lost_makes_it_look_before_its_time(tmp_path: Path) -> None:
    """Files are counted seldom where that takes long; whoever writes fast is noticed all the same."""
    disk = Disk([str(tmp_path)], Limits(memory=0, upper=32 << 20, free=0), lambda: 0.0)
    assert disk() == ""
    (tmp_path / "little").write_bytes(os.urandom(1 << 20))
    os.sync()
    assert disk() == ""
    with (tmp_path / "much").open("wb") as file:
        file.write(os.urandom(64 << 20))
        file.flush()
        os.fsync(file.fileno())
    assert "more than 32 MiB" in disk()


def test_a_disk_that_is_nearly_full_ends_the_run_before_the_trace_can_t_be_written(tmp_path: Path) -> None:
    assert "full" in Disk([str(tmp_path)], Limits(memory=0, free=1 << 62))()


def test_what_is_counted_is_what_the_disk_holds(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert used(str(tmp_path), 1 << 40) < 1 << 20
    (tmp_path / "link").symlink_to("/usr")
    assert used(str(tmp_path), 1 << 40) < 1 << 20


def test_the_default_is_a_share_of_this_machine() -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    assert memory // 2 < default_limits().memory < memory
