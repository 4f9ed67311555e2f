"""Looking at policies and traces needs no Unix: these rooms import without fcntl, pty and their kind."""

import subprocess
import sys

import pytest

from tests.house.source import modules

UNIX_ONLY = ("fcntl", "pty", "termios", "tty", "grp", "pwd", "resource", "syslog", "_posixsubprocess", "ctypes")
BLOCKED = f"""
import sys
for name in {UNIX_ONLY}:
    sys.modules[name] = None
for name in sys.argv[1:]:
    __import__(name)
"""


def importing(*names: str, code: str = BLOCKED) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", ["kernel", "policy", "trace", "audit"])
def test_a_room_imports_where_unix_modules_are_missing(room: str) -> None:
    names = ["nucleus", *(module.name for module in modules() if module.room == room)]
    assert len(names) > 1
    done = importing(*names)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_block_blocks() -> None:
    """The test above would see an import of one of them."""
    assert importing("fcntl").returncode != 0
