"""The owner's standard streams, and what a box gets in their place: never the descriptors themselves.

A descriptor that goes into a box takes its file with it: a log opened for
writing can be read and cut there, a socket is a way out. So each stream is a
pipe of our own, or the box's own terminal where the owner's is one, and its
bytes are carried over.

The owner's terminal is in raw mode while the box runs: each key, Ctrl-C and
Ctrl-Z too, goes to the terminal inside, which sends the signals there. But for
one: Ctrl-Z with the command itself in front, which no kernel would stop there.
"""

import fcntl
import os
import signal
import termios
import tty
from collections.abc import Callable
from functools import partial
from typing import Any, Final, final

from nucleus.local.flows import CHUNK, Flow, Watch
from nucleus.local.screen import Screen

STREAMS: Final = (0, 1, 2)


@final
class Streams:
    """Made before the box, connected to it, restored at the end."""

    def __init__(self, streams: tuple[int, int, int] = STREAMS) -> None:
        """Make pipes for what is no terminal. Nothing of the owner's is changed yet."""
        self._own = streams
        self._terminals = [at for at, number in enumerate(streams) if os.isatty(number)]
        self._ours: dict[int, int] = {}
        self._theirs: dict[int, int] = {}
        self._saved: list[Any] | None = None
        self._flows: list[Flow] = []
        self._typed: Flow | None = None
        self._shown: Flow | None = None
        self._master = -1
        self._leader = 0
        self.asking = False
        """Whether a person is asked something now."""
        self.leaving = False
        """Whether the person wants the terminal back: the key that suspends was typed, with the command in front."""
        self.nobody = False
        """Whether nobody is asked anything, though there is a terminal."""
        self.screen = Screen()
        """What the owner's terminal was told."""
        for at in STREAMS:
            if at not in self._terminals:
                read, write = os.pipe()
                self._theirs[at], self._ours[at] = (read, write) if at == 0 else (write, read)

    @property
    def terminal(self) -> str:
        """Which of ``012`` are the box's own terminal."""
        return "".join(map(str, self._terminals))

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked something here: both directions are a terminal."""
        return 0 in self._terminals and len(self._terminals) > 1

    @property
    def keyboard(self) -> int:
        """The descriptor of what a person types."""
        return self._own[0]

    def given(self) -> tuple[int, int, int]:
        """Return what the box starts with; the null device stands for its own terminal until that is made."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._theirs |= dict.fromkeys(self._terminals, null)
        return self._theirs[0], self._theirs[1], self._theirs[2]

    def hand_over(self) -> None:
        """Close this side's copies of what the box was given."""
        for number in set(self._theirs.values()):
            os.close(number)
        self._theirs.clear()

    def close(self) -> None:
        """Close this side's ends of a box that never ran."""
        for number in self._ours.values():
            os.close(number)
        self._ours.clear()

    def connect(self, watch: Watch, master: int, leader: int = 0) -> None:
        """Begin to carry bytes. ``master`` is the other side of the box's terminal, -1 where it has none.

        ``leader`` is the number of the command, which leads a process group; 0 if it is never suspended.
        """
        self._master = master
        self._leader = leader
        if 0 in self._ours:
            self._inward(watch, self._ours[0])
        for at in (1, 2):
            if at in self._ours:
                # A reader that is gone is gone for the command too: its next write fails, as it would without us.
                broken = partial(self._drop, watch, at)
                self._flows.append(Flow(watch, self._ours[at], self._own[at], at_end=broken))
        if master >= 0:
            out = next((at for at in (1, 2) if at in self._terminals), 0)
            self._shown = Flow(watch, master, self._own[out], through=self._filtered)
            self._flows.append(self._shown)
            self.resize()
        if 0 in self._terminals:
            self._saved = termios.tcgetattr(self._own[0])
            tty.setraw(self._own[0], termios.TCSANOW)
            os.set_blocking(master, False)
            self._typed = Flow(watch, self._own[0], master, size=CHUNK, through=self._keys)

    def _drop(self, watch: Watch, at: int) -> None:
        watch.forget(self._ours[at])
        os.close(self._ours.pop(at))

    def _inward(self, watch: Watch, pipe: int) -> None:
        Flow(watch, self._own[0], pipe, at_end=partial(self._drop, watch, 0))

    def _filtered(self, data: bytes) -> bytes:
        shown = self.screen.feed(data)
        answers = self.screen.take_answers()
        if answers and self._typed is not None:
            self._typed.put(answers)
        return shown

    def _keys(self, data: bytes) -> bytes:
        """Take the key that suspends out of what is typed, where it would do nothing in the box.

        A shell's own jobs it suspends by itself. The command alone leads its session: the kernel lets nobody stop
        it by a key, since nobody in there could let it go on (setpgid(2), orphaned process groups).
        """
        if not self._leader or not data:
            return data
        try:
            _, _, _, local, _, _, keys = termios.tcgetattr(self._master)
            key = keys[termios.VSUSP]
            # INVARIANT: the owner's own key. The box may name another for its terminal, one that is part of what a
            # person types to it: the rest of the line would then be the first that the owner's shell reads.
            if not local & termios.ISIG or key == b"\0" or key not in data or key != self._suspends:
                return data
            if os.tcgetpgrp(self._master) != self._leader or _ignores(self._leader, signal.SIGTSTP):
                return data
        except OSError:
            return data  # the box is ending
        self.leaving = True
        return data.replace(key, b"")

    @property
    def _suspends(self) -> bytes:
        """The key that suspends at the owner's terminal; the null byte for none."""
        if self._saved is None or not self._saved[3] & termios.ISIG:
            return b"\0"
        return bytes(self._saved[6][termios.VSUSP])

    def away(self, wait: Callable[[], None]) -> None:
        """Give the owner's terminal back while ``wait`` lasts; then take it again, and have all drawn anew."""
        self.leaving = False
        if self._saved is None:
            return
        out = self._own[self._terminals[-1]]
        for flow in (self._typed, self._shown):
            if flow is not None:
                flow.pause(on=True)
        _write(out, self.screen.suspended())
        termios.tcsetattr(self._own[0], termios.TCSADRAIN, self._saved)
        try:
            wait()
        finally:
            self._saved = termios.tcgetattr(self._own[0])
            tty.setraw(self._own[0], termios.TCSANOW)
            _write(out, self.screen.resumed())
            for flow in (self._typed, self._shown):
                if flow is not None:
                    flow.pause(on=False)
            self.resize()
            if self.screen.alternate:
                self._redraw()

    def resize(self) -> None:
        """Give the box's terminal the size of the owner's; whoever is in front there is told."""
        if self._master >= 0:
            size = fcntl.ioctl(self._own[self._terminals[0]], termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    @property
    def drained(self) -> bool:
        """Whether all that came out was written. Meant for when every process of the box is dead."""
        return all(flow.over for flow in self._flows)

    @property
    def lost(self) -> str:
        """Why something that the box said could not be written, "" if all was, or its reader had gone."""
        return next((flow.lost for flow in self._flows if flow.lost), "")

    def show(self, data: bytes) -> None:
        """Write to the owner's terminal, behind what the box said."""
        if self._shown is not None:
            self._shown.put(data)

    def ask(self, question: Callable[[], None]) -> None:
        """Let ``question`` speak with the person at the terminal, alone; then show again what was there.

        What was typed before is thrown away: it was meant for something else. The box's output waits.
        """
        if self._saved is None or self.nobody:
            question()
            return
        out = self._own[self._terminals[-1]]
        for flow in (self._typed, self._shown):
            if flow is not None:
                flow.pause(on=True)
        full = self.screen.alternate
        raw = termios.tcgetattr(self._own[0])
        self.asking = True
        try:
            # The main screen is kept as it is, and so is what a full-screen program showed: it draws anew.
            _write(out, self.screen.suspended() + b"\x1b[?1049h\x1b[H\x1b[2J")
            termios.tcsetattr(self._own[0], termios.TCSAFLUSH, self._saved)
            question()
        finally:
            self.asking = False
            termios.tcsetattr(self._own[0], termios.TCSAFLUSH, raw)
            _write(out, (b"" if full else b"\x1b[?1049l") + self.screen.resumed())
            for flow in (self._typed, self._shown):
                if flow is not None:
                    flow.pause(on=False)
            if full:
                self._redraw()

    def _redraw(self) -> None:
        """Make a full-screen program draw anew: its terminal changes its size, and changes it back."""
        size = bytearray(fcntl.ioctl(self._master, termios.TIOCGWINSZ, bytes(8)))
        rows = int.from_bytes(size[:2], "little") or 24
        size[:2] = max(1, rows - 1).to_bytes(2, "little")
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, bytes(size))
        self.resize()

    def restore(self) -> None:
        """Give the owner's terminal back as it was."""
        if self._saved is not None:
            _write(self._own[self._terminals[-1]], self.screen.suspended())
            termios.tcsetattr(self._own[0], termios.TCSAFLUSH, self._saved)
            self._saved = None


def _ignores(process: int, number: int) -> bool:
    """Whether a process ignores a signal, as interactive shells do with the one that suspends. Raises OSError."""
    with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
        line = next((line for line in file if line.startswith("SigIgn:")), "SigIgn: 0")
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def _write(number: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(number, view) :]
