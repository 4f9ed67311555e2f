"""What a machine offers is tried, and each thing that is missing is told with its fix."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.local import machine
from nucleus.local.machine import Row
from tests.local.box import open_to_all

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these mechanisms are Linux's")

MOUNTS = "20 1 0:5 / /proc rw,relatime shared:1 - proc proc rw{}\n30 1 0:9 / {} rw - cgroup2 cgroup2 rw\n"


def reader(**files: str) -> Callable[[str], str]:
    """Return a reader of these files: in their names, / is written __."""
    texts = {name.replace("__", "/"): text for name, text in files.items()}
    return lambda path: texts.get(path, "")


def real(path: str) -> str:
    return Path(path).read_text(encoding="utf-8", errors="replace") if os.access(path, os.R_OK) else ""


def test_what_this_kernel_has_works() -> None:
    for row in (machine.foreign_calls(), machine.pidfds(), machine.terminals(), machine.unseen_processes(real)):
        assert (row.state, row.fix) == ("ok", ""), row


def test_landlock_is_there_or_the_fix_is() -> None:
    row = machine.landlock_by_use()
    assert (row.state, row.fix == "") in {("ok", True), ("no", False)}


def test_the_trial_of_a_foreign_call_is_ended_by_the_kernel() -> None:
    """And without the filter the same call is only an error: it is the filter that kills."""
    if os.uname().machine != "x86_64":
        pytest.skip("only x86_64 has a second table of calls")
    assert machine._attempted("foreign")[0] == -signal.SIGSYS
    source = "import ctypes; print(ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39)))"
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, check=False).returncode == 0


def test_a_filter_that_does_not_kill_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_BOOT", "import sys; sys.exit('it goes on')")
    assert machine.foreign_calls().state == "no"
    assert "it goes on" in machine.foreign_calls().detail
    assert machine.landlock_by_use().state == "no"
    assert machine.unseen_processes(real).state == "no"


def test_a_machine_without_a_table_of_calls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MACHINES", {})
    row = machine.foreign_calls()
    assert (row.state, row.detail) == ("no", "no table of calls for this machine")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount /proc in another way")
def test_a_proc_that_hides_the_gate_is_found(tmp_path: Path) -> None:
    """Tried as an ordinary user below a /proc with hidepid=2, in a mount namespace of its own."""
    source = (
        "import os, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from nucleus.local import machine\n"
        "read = lambda path: open(path).read()\n"
        "print(machine.unseen_processes(read))\n"
    )
    script = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    python = "/usr/bin/python3"
    if not os.path.exists(python) or not open_to_all(machine.__file__):
        pytest.skip("an ordinary user can start no interpreter here")
    words = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", python, "-c", source]
    path = {"PYTHONPATH": str(Path(machine.__file__).parents[2]), "PATH": os.environ["PATH"]}
    done = subprocess.run(words, capture_output=True, text=True, cwd="/", env=path, check=False)
    if done.stderr.startswith(("unshare:", "mount:")):
        pytest.skip(done.stderr.strip())
    assert "state='no'" in done.stdout, done.stdout + done.stderr
    assert "hidepid=" in done.stdout


@pytest.mark.parametrize(
    ("environ", "there", "kind"),
    [
        ("A=1\0container=lxc\0", "", "lxc"),
        ("container=oci", "", "oci"),
        ("", "/.dockerenv", "docker"),
        ("xcontainer=lxc", "", ""),
        ("", "", ""),
    ],
)
def test_a_container_is_told(environ: str, there: str, kind: str) -> None:
    row = machine.container(reader(__proc__1__environ=environ), lambda path: path == there)
    assert (row.state == "note") == bool(kind)
    assert kind in row.detail


@pytest.mark.parametrize(
    ("text", "state"), [("MemAvailable:  8000000 kB\n", "ok"), ("MemAvailable:  900000 kB\n", "note"), ("", "note")]
)
def test_little_memory_is_told(text: str, state: str) -> None:
    assert machine.memory(reader(__proc__meminfo=f"MemTotal: 1 kB\n{text}")).state == state


def groups(folder: Path, controllers: str) -> Row:
    (folder / "own").mkdir(exist_ok=True)
    files = {
        "/proc/self/cgroup": "1:name=systemd:/x\n0::/own\n",
        "/proc/self/mountinfo": MOUNTS.format("", folder),
        f"{folder}/own/cgroup.controllers": controllers,
    }
    return machine.cgroups(lambda path: files.get(path, ""))


def test_a_group_is_made_and_taken_away(tmp_path: Path) -> None:
    assert groups(tmp_path, "cpu memory pids\n").state == "ok"
    assert groups(tmp_path, "cpu pids\n").detail.startswith("without a controller for memory")
    assert os.listdir(tmp_path / "own") == []


def test_a_group_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, os.strerror(13), path)

    files = {"/proc/self/cgroup": "0::/own\n", "/proc/self/mountinfo": MOUNTS.format("", tmp_path)}
    row = machine.cgroups(lambda path: files.get(path, ""), refused)
    assert (row.state, "Permission denied" in row.detail) == ("note", True)
    assert "systemd-run" in row.fix
    assert machine.cgroups(lambda _: "").detail.startswith("not there")


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ("echo git version 2.39.5", "ok"),
        ("echo git version 2.20.1", "note"),
        ("echo hello", "note"),
        ("exit 1", "note"),
    ],
)
def test_the_version_of_git_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\n{says}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr(machine, "clean_environment", lambda: {"PATH": str(tmp_path)})
    assert machine.git().state == state


def test_no_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "clean_environment", lambda: {"PATH": str(tmp_path)})
    assert (machine.git().state, "No such file" in machine.git().detail) == ("note", True)
