"""Attacks on a run as a whole: on the terminal, the streams, the way out, the approver, and on who holds the box.

Each is judged outside, and shown to work where its defence is switched off.
"""

import errno
import os
import pty
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.boxed import DOOR
from nucleus.local.live import Living, Wish, hide
from nucleus.local.run_folder import RunFolder
from nucleus.local.screen import Screen
from nucleus.local.started import Live
from nucleus.local.views import Views
from tests.local.box import needs_box, private

pytestmark = needs_box

CLIPBOARD = "\\033]52;c;Y2FuYXJ5\\007"


class Scene:
    """A workspace, a state directory, and ``nucleus run`` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = root / "project"
        self.workspace.mkdir()
        self.state = private(root / "state")

    def command(self, *words: str) -> list[str]:
        start = [sys.executable, "-m", "nucleus", "--state", str(self.state), "run", "--profile", "local_dev"]
        return [*start, "--", *words]

    def begin(self, *words: str, **more: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self.command(*words), cwd=self.workspace, **more)

    def upper(self, name: str) -> list[Path]:
        """Return what runs have written under a name."""
        return list((self.state / "runs").glob(f"*/upper/{name}"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def _wait(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _alive(mark: str) -> list[int]:
    """Return the processes of this machine whose command line holds a mark."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid():
            try:
                line = Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue
            found += [int(entry)] if mark.encode() in line else []
    return found


@pytest.mark.parametrize("filtered", [True, False])
def test_a_command_can_t_write_the_owner_s_clipboard(
    scene: Scene, filtered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged at the terminal: what arrives there. Switched off, the filter passes everything."""
    if not filtered:
        code = "from nucleus.local import screen; screen.Screen.feed = lambda self, data: data"
        (scene.root / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(scene.root))
    person, program = pty.openpty()
    with scene.begin("printf", f"before{CLIPBOARD}after", stdin=program, stdout=program, stderr=program) as run:
        os.close(program)
        said = b""
        while b"after" not in said:
            assert select.select([person], [], [], 30)[0]
            said += os.read(person, 4096)
        run.wait(30)
    os.close(person)
    assert (b"\x1b]52" in said) is not filtered


def test_the_filter_that_is_used_is_the_one_that_is_tested() -> None:
    assert Screen().feed(b"a\x1b]52;c;Y2FuYXJ5\ab") == b"ab"


READ_BACK = """
import os
try:
    found = os.pread(1, 100, 0)
    os.ftruncate(1, 0)
except OSError as error:
    found = str(error).encode()
with open("found", "wb") as file:
    file.write(found)
"""


def test_a_log_that_output_is_appended_to_is_neither_read_nor_cut(scene: Scene) -> None:
    log = scene.root / "log"
    log.write_text("canary of an earlier run\n")
    (scene.workspace / "attack.py").write_text(READ_BACK)
    with log.open("r+b") as output, scene.begin("python3", "attack.py", stdout=output) as run:
        run.wait(30)
    assert "canary" in log.read_text()
    assert "Illegal seek" in (scene.workspace / "found").read_text(), "it is a pipe"


def test_with_the_owner_s_descriptor_in_the_box_the_log_is_read_and_cut(scene: Scene) -> None:
    """The same attack where the box gets the descriptor itself."""
    log = scene.root / "log"
    log.write_text("canary of an earlier run\n")
    (scene.workspace / "attack.py").write_text(READ_BACK)
    folder = RunFolder(str(scene.state))
    hide(str(scene.workspace), folder.path, [])
    null = os.open(os.devnull, os.O_RDWR)
    with log.open("r+b") as output:
        live = Live((null, output.fileno(), null))
        wish = Wish(str(scene.workspace), ("python3", "attack.py"))
        with Living(Views(str(scene.state)), folder.path, wish, live) as living:
            living.go()
            assert select.select([living.ended], [], [], 30)[0]
    os.close(null)
    assert log.read_text() == ""
    assert "canary" in (Path(folder.path) / "upper" / "found").read_text()
    folder.remove()


def test_the_way_out_can_t_be_taken_over_from_inside(scene: Scene) -> None:
    """The ports are taken before the command begins: nothing in the box listens there in the proxy's place."""
    code = (
        "import socket\n"
        "for port in (3128, 3129, 3130):\n"
        "    try:\n"
        "        socket.create_server(('127.0.0.1', port)); print(port, 'taken')\n"
        "    except OSError as error:\n"
        "        print(port, error.errno)\n"
    )
    (scene.workspace / "attack.py").write_text(code)
    with scene.begin("python3", "attack.py", stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        said = run.stdout.read().decode().splitlines()
    assert said == [f"3128 {errno.EADDRINUSE}", f"3129 {errno.EADDRINUSE}", "3130 taken"]


def test_the_approver_s_door_can_t_be_found_from_inside(scene: Scene) -> None:
    """The one socket that is there is the box's own, whose connections answer nothing (tests/gate/test_boxed.py)."""
    found = "find / -type s -not -path '/proc/*' 2>/dev/null"
    code = f"{found}; ls -A {scene.state} 2>&1; grep -c @ /proc/net/unix"
    with scene.begin("sh", "-c", code, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        sockets, missing, abstract = run.stdout.read().decode().splitlines()
    assert sockets == DOOR
    assert "No such file" in missing
    assert abstract == "0", "abstract sockets of this machine are not there"


@pytest.mark.parametrize("who", ["supervisor", "gate"])
def test_when_whoever_holds_the_box_is_killed_the_box_dies_and_nothing_is_applied(scene: Scene, who: str) -> None:
    mark = f"mark{secrets.token_hex(8)}"
    script = f"echo x > new.py; setsid sh -c 'sleep 60; echo {mark}' & sleep 61; echo {mark}"
    with scene.begin("sh", "-c", script, stderr=subprocess.DEVNULL) as run:
        _wait(lambda: scene.upper("new.py"))
        victim = run.pid
        if who == "gate":
            (victim,) = [pid for pid in _children(run.pid) if b"gate" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(victim, signal.SIGKILL)
        assert run.wait(30) == (77 if who == "gate" else -signal.SIGKILL)
    _wait(lambda: not _alive(mark))
    assert not (scene.workspace / "new.py").exists()


def test_a_run_s_marked_processes_are_seen_while_it_lives(scene: Scene) -> None:
    """The look at processes that the test above rests on finds them where they are."""
    mark = f"mark{secrets.token_hex(8)}"
    with scene.begin("sh", "-c", f"sleep 30; echo {mark}", stderr=subprocess.DEVNULL) as run:
        _wait(lambda: [pid for pid in _alive(mark) if pid != run.pid])
        run.terminate()
        run.wait(30)
    _wait(lambda: not _alive(mark))


def _children(pid: int) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                yield int(entry)
