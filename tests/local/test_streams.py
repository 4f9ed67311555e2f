"""The owner's streams: carried over, never handed in; the terminal raw while the box runs, and restored."""

import os
import pty
import select
import termios
import tty
from collections.abc import Iterator

import pytest

from nucleus.local.flows import Watch
from nucleus.local.streams import Streams


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
