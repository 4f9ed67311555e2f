"""The owner's streams: carried over, never handed in; the terminal raw while the box runs, and restored."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.local.flows import Watch
from nucleus.local.streams import Streams, _ignores
from tests.local.box import needs_box, private


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Make the owner's terminal: (what a person sees and types, what this program has)."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


def test_what_is_no_terminal_is_a_pipe_of_our_own() -> None:
    source, into = os.pipe()
    out, target = os.pipe()
    streams = Streams((source, target, target))
    given = streams.given()
    assert streams.terminal == ""
    assert not {*given} & {source, into, out, target}
    watch = Watch()
    streams.connect(watch, -1)
    os.write(into, b"question\n")
    os.close(into)
    watch.turn(0.1)
    watch.turn(0.1)
    assert os.read(given[0], 100) == b"question\n"
    assert os.read(given[0], 100) == b"", "the end of the input is told"
    os.write(given[1], b"answer\x1b]52;c;x\a\n")
    streams.hand_over()
    while not streams.drained:
        watch.turn(0.1)
    assert os.read(out, 100) == b"answer\x1b]52;c;x\a\n", "a pipe gets what was said, byte for byte"
    for number in (source, out, target):
        os.close(number)


def test_a_terminal_is_raw_in_between_filtered_and_restored(terminal: tuple[int, int]) -> None:
    person, program = terminal
    master, inner = pty.openpty()
    before = termios.tcgetattr(program)
    streams = Streams((program, program, program))
    assert streams.terminal == "012"
    assert streams.interactive
    streams.given()
    streams.hand_over()
    watch = Watch()
    streams.connect(watch, master)
    tty.setraw(inner)
    assert not termios.tcgetattr(program)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    os.write(person, b"\x03")
    watch.turn(0.1)
    watch.turn(0.1)
    os.write(inner, b"text\x1b]52;c;Zm9v\a\x1b[c\n")
    for _ in range(4):
        watch.turn(0.05)
    assert os.read(person, 1000) == b"text\n"
    assert os.read(inner, 1000) == b"\x03\x1b[?62;22c", "keys go inside, and the one answer that is given here"
    streams.restore()
    assert termios.tcgetattr(program) == before
    os.close(master)
    os.close(inner)


def test_the_box_s_terminal_has_the_size_of_the_owner_s(terminal: tuple[int, int]) -> None:
    _, program = terminal
    master, inner = pty.openpty()
    termios.tcsetwinsize(program, (41, 123))
    streams = Streams((program, program, program))
    streams.given()
    streams.connect(Watch(), master)
    assert termios.tcgetwinsize(inner) == (41, 123)
    termios.tcsetwinsize(program, (20, 60))
    streams.resize()
    assert termios.tcgetwinsize(inner) == (20, 60)
    streams.restore()
    streams.hand_over()
    os.close(master)
    os.close(inner)


def test_what_was_typed_before_a_question_does_not_answer_it(terminal: tuple[int, int]) -> None:
    person, program = terminal
    master, inner = pty.openpty()
    streams = Streams((program, program, program))
    streams.given()
    streams.hand_over()
    streams.connect(Watch(), master)
    os.write(person, b"allow\n")
    assert select.select([program], [], [], 5)[0]
    heard: list[bytes] = []

    def question() -> None:
        assert termios.tcgetattr(program)[3] & termios.ICANON, "a line can be typed and corrected"
        os.write(person, b"deny\n")
        heard.append(os.read(program, 100))

    streams.ask(question)
    assert heard == [b"deny\n"]
    assert not termios.tcgetattr(program)[3] & termios.ICANON
    shown = b""
    while b"\x1b[?1049l" not in shown:
        shown += os.read(person, 1 << 16)
    assert b"\x1b[?1049h" in shown.partition(b"\x1b[?1049l")[0], "the screen is kept, and shown again"
    streams.restore()
    os.close(master)
    os.close(inner)


def test_a_full_screen_program_is_told_to_draw_anew_after_a_question(terminal: tuple[int, int]) -> None:
    _, program = terminal
    master, inner = pty.openpty()
    termios.tcsetwinsize(program, (30, 90))
    streams = Streams((program, program, program))
    streams.given()
    streams.hand_over()
    streams.connect(Watch(), master)
    streams.screen.feed(b"\x1b[?1049h\x1b[?25l")
    streams.ask(lambda: None)
    assert streams.screen.alternate, "it is where it was"
    assert termios.tcgetwinsize(inner) == (30, 90)
    streams.restore()
    os.close(master)
    os.close(inner)


def test_what_a_full_disk_does_not_take_is_lost_and_a_reader_that_left_lost_nothing() -> None:
    out, target = os.pipe()
    full = os.open("/dev/full", os.O_WRONLY)
    os.close(out)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for broken, lost in ((full, "No space left on device"), (target, "")):
        streams = Streams((nothing, broken, broken))
        given = streams.given()
        watch = Watch()
        streams.connect(watch, -1)
        os.write(given[1], b"answer")
        streams.hand_over()
        while not streams.drained:
            watch.turn(0.1)
        assert streams.lost == lost
        streams.close()
        os.close(broken)
    os.close(nothing)


class Shell:
    """A person's shell with job control, on a terminal of its own."""

    def __init__(self, root: Path) -> None:
        (root / "project").mkdir()
        self.state = private(root / "state")
        self.process, self.number = pty.fork()
        if self.process == 0:
            os.chdir(root / "project")
            os.execve(  # noqa: S606  a shell is what is wanted
                "/bin/bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "PS1": "own> ", "TERM": "xterm"}
            )
        self.said = b""

    def run(self, command: str) -> None:
        """Type the command line of a run."""
        self.type(f"{sys.executable} -m nucleus --state {self.state} run --profile local_dev -- {command}\r")

    def type(self, text: str) -> None:
        os.write(self.number, text.encode())

    def until(self, wanted: str) -> str:
        """Wait until the terminal showed this; return what it showed since the last time."""
        while wanted.encode() not in self.said:
            assert select.select([self.number], [], [], 30)[0], (wanted, self.said)
            self.said += os.read(self.number, 1 << 16)
        before, found, self.said = self.said.partition(wanted.encode())
        return (before + found).decode("utf-8", "replace")

    def end(self) -> None:
        os.kill(self.process, signal.SIGHUP)
        os.close(self.number)
        os.waitpid(self.process, 0)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    made.until("own> ")
    yield made
    made.end()


PROGRAM = (
    """'import sys; print("rea" + "dy", flush=True); print("got", sys.stdin.readline(), flush=True); sys.exit(5)'"""
)


@needs_box
def test_the_key_that_suspends_gives_the_terminal_back_and_fg_goes_on(shell: Shell) -> None:
    shell.run(f"python3 -c {PROGRAM}")
    shell.until("ready")
    shell.type("\x1a")
    shell.until("Stopped")
    shell.until("own> ")
    shell.type("stty -a | grep -o ' icanon'; jobs | wc -l\r")
    assert " icanon\r\n1" in shell.until("1\r\n"), "the terminal is the shell's, in its own modes"
    shell.type("fg\r")
    shell.until("local_dev")
    shell.type("again\r")
    shell.until("got again")
    shell.until("own> ")
    shell.type("echo status $?\r")
    shell.until("status 5")


@needs_box
def test_a_shell_in_the_box_suspends_its_own_jobs_and_the_run_goes_on(shell: Shell) -> None:
    shell.run("bash --norc -i")
    shell.until("bash-")
    shell.type("sleep 300\r")
    shell.until("sleep 300")
    time.sleep(0.5)
    shell.type("\x1a")
    assert "own> " not in shell.until("Stopped")
    shell.type("\x1a")
    shell.type("jobs; kill %1; echo in$((40+2))\r")
    assert "sleep 300" in shell.until("in42")
    shell.type("exit 3\r")
    shell.until("own> ")


CUNNING = (
    """'import sys, termios as t; keys = t.tcgetattr(0); keys[6][t.VSUSP] = b"x"; t.tcsetattr(0, t.TCSANOW, keys); """
    """print("rea" + "dy", flush=True); print("got", sys.stdin.readline(), flush=True)'"""
)


@needs_box
def test_a_box_names_no_key_of_its_own_that_suspends_so_that_words_for_it_reach_the_owners_shell(shell: Shell) -> None:
    shell.run(f"python3 -c {CUNNING}")
    shell.until("ready")
    shell.type("xecho ow$((6*7))ned\r")
    shown = shell.until("own> ")
    assert "Stopped" not in shown
    assert "ow42ned" not in shown
    shell.type("echo al$((6*7))ive; jobs | wc -l\r")
    shown = shell.until("al42ive\r\n")
    assert "ow42ned" not in shown
    shell.until("0\r\n")


HOARD = """
import os, sys, time
above = os.getpid()
heard, apart = os.pipe()
if not os.fork():
    os.setsid()
    os.write(apart, b"x")
    while open(f"/proc/{above}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.05)
    for at in range(8):
        open(f"hoard{at}", "wb").write(bytes(1 << 19))
    time.sleep(300)
os.read(heard, 1)
print("rea" + "dy", flush=True)
time.sleep(300)
"""
BOUNDED = """
import sys
from nucleus.local import quotas
quotas.default_limits = lambda: quotas.Limits(1 << 40, upper=1 << 20)
from nucleus.cli import main
sys.exit(main(sys.argv[1:]))
"""


@needs_box
def test_what_goes_on_in_a_box_whose_run_is_suspended_stays_bounded(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "project" / "hoard.py").write_text(HOARD)
    (tmp_path / "bounded.py").write_text(BOUNDED)
    line = f"{sys.executable} {tmp_path}/bounded.py --state {shell.state} run --profile local_dev -- python3 hoard.py"
    shell.type(f"{line}\r")
    shell.until("ready")
    shell.type("\x1a")
    shell.until("Stopped")
    until = time.monotonic() + 30
    while _running("hoard.py"):
        assert time.monotonic() < until, "nobody ended it"
        time.sleep(0.1)
    shell.type("fg\r")
    shell.until("changes take more than 1 MiB")
    shell.until("own> ")
    shell.type("echo status $?\r")
    shell.until("status 77")


def _running(script: str) -> bool:
    """Whether a process of a box runs this."""
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(place.read_bytes().split(b"\0"))
    return any(line[1:2] == [script.encode()] for line in lines)


def test_what_ignores_the_signal_is_told_by_the_kernel() -> None:
    script = "trap '' TSTP; echo told; exec sleep 60"
    for command, expected in ((script, True), ("echo told; exec sleep 60", False)):
        with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            assert _ignores(child.pid, signal.SIGTSTP) == expected
            child.kill()
