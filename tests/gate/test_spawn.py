"""Starting privileged processes: by absolute path, in a clean environment, never from the workspace."""

import os
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.spawn import ended, outside, start


def script(folder: Path, text: str) -> Path:
    path = folder / "boot.py"
    path.write_text(text)
    return path


def test_a_process_gets_a_socket_and_nothing_of_the_callers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    boot = script(
        tmp_path,
        "import os, socket, sys\n"
        "s = socket.socket(fileno=int(sys.argv[-1]))\n"
        "flags = sys.flags.isolated, sys.flags.no_site\n"
        "found = sorted(os.environ), os.getcwd(), *flags, os.listdir('/proc/self/fd')\n"
        "s.sendall(repr(found).encode())\n",
    )
    spawned = start(["role"], boot)
    spawned.sock.settimeout(20)
    names, cwd, isolated, no_site, fds = eval(spawned.sock.recv(1 << 16))  # noqa: S307  our own script's words
    spawned.end(10)
    assert names == ["HOME", "LANG", "LC_ALL", "PATH", "TZ"]
    assert (cwd, isolated, no_site) == ("/", 1, 1)
    assert len(fds) == 5, "0 to 2, the socket, and the listing's own"


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    spawned = start(["role"], script(tmp_path, "import time\ntime.sleep(600)\n"))
    spawned.end(0.2)
    assert spawned.process.returncode == -9


@pytest.mark.parametrize("filtered", [False, True])
def test_the_end_of_a_process_is_waited_for_with_and_without_a_descriptor_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, filtered: bool
) -> None:
    if filtered:

        def refused(_number: int) -> int:
            raise PermissionError

        monkeypatch.setattr(os, "pidfd_open", refused)
    spawned = start(["role"], script(tmp_path, "import socket, sys\nsocket.socket(fileno=int(sys.argv[-1])).recv(1)\n"))
    assert not ended(spawned.process, 0.05)
    spawned.sock.close()
    assert ended(spawned.process, 20)
    assert ended(spawned.process, 0), "and once its status was taken"
    assert spawned.process.wait() == 0


@pytest.mark.parametrize("place", ["inside", "linked"])
def test_code_inside_of_the_workspace_is_refused_with_the_fix(tmp_path: Path, place: str) -> None:
    workspace, elsewhere = tmp_path / "w", tmp_path / "elsewhere"
    (workspace / ".venv").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(workspace / ".venv")
    target = workspace / ".venv" if place == "inside" else elsewhere / "link"
    with pytest.raises(CannotEnforce, match="inside the workspace") as error:
        outside(str(workspace), [str(target)])
    assert "outside" in error.value.fix
    outside(str(workspace), [str(elsewhere), str(tmp_path / "w-other")])


def test_an_interpreter_without_a_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(CannotEnforce, match="does not know its own path"):
        start(["gate"])


def test_a_missing_interpreter_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", os.path.abspath("/no/such/python"))
    with pytest.raises(CannotEnforce, match="could not be started"):
        start(["gate"])
