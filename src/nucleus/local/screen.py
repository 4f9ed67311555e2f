"""What a box may say to a terminal. Pure: bytes in, bytes out, pieces in any size.

An allow-list. Text, and sequences that place, colour and scroll it, pass.
What does not: everything by which a program makes the terminal *do*
something or *say* something back. A terminal's answer is typed input, and a
program that ends before the answer comes leaves it to the owner's shell.

dropped        OSC (clipboard 52, titles, colours, links, notifications), DCS (DECRQSS, sixel, answerback), APC (images
               read from files), PM, SOS; device attributes, reports and other queries; window operations; answerback
               (ENQ); media copy; keys that are redefined; the reset of the whole terminal
asked inside   the primary device attributes: the box gets one fixed answer, from here
passed         the cursor's position (``CSI 6 n``), the one query whose answer is two numbers

8-bit controls are dropped in each form, and what is no UTF-8 becomes U+FFFD.
Modes that were switched on are remembered, so that they can be switched off
while the owner is asked something, and at the end.
Sources: ECMA-48, xterm's ctlseqs.
"""

import codecs
import re
from typing import Final, final

SEQUENCE_LIMIT: Final = 256
"""Characters of one control sequence; longer ones are dropped."""
ANSWER: Final = b"\x1b[?62;22c"
"""Primary device attributes of a VT220 with colours: what a box is told, whatever the owner's terminal is."""
MODES: Final = frozenset({1, 6, 7, 12, 25, 45, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1045, 1047})
MORE_MODES: Final = frozenset({1048, 1049, 2004, 2026, 2031})
USUAL: Final = "\x1b[4l\x1b[20l\x1b(B\x1b)B\x1b*B\x1b+B\x1b[0m\x0f"
"""Replacing, not inserting; plain letters in each character set; no colours. Else what is shown next, a question to
the owner too, would be shown as the box likes."""
ALTERNATE: Final = frozenset({47, 1047, 1049})
"""Private modes that show the alternate screen."""
ON_BY_DEFAULT: Final = frozenset({7, 25})
_PLAIN_FINALS: Final = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefgmr")
"""Cursor, erase, insert, delete, scroll, tabs, colours, margins. Not ``i`` (media copy), not ``t`` (windows)."""
_ESCAPES: Final = frozenset("78DEHM=>")
_CHARSETS: Final = frozenset("()*+")
_CONTROLS: Final = frozenset("\a\b\t\n\v\f\r\x0e\x0f")
_SPECIAL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TEXT, _ESCAPE, _SEQUENCE, _STRING, _CHARSET = range(5)


@final
class Screen:
    """One terminal's filter, with what it remembers."""

    def __init__(self) -> None:
        self.modes: set[int] = set()
        """Private modes that differ from a fresh terminal's."""
        self.keypad = False
        self.keyboards = 0
        """How many times the keyboard's protocol was changed (``CSI > u``), and not back."""
        self.modified_keys = False
        self.margins = False
        """Whether lines may scroll in a part of the screen only."""
        self.touched = False
        """Whether anything but text was shown."""
        self.answers = 0
        """Queries that are still to be answered with ``ANSWER``."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _TEXT
        self._held = ""

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return bool(self.modes & ALTERNATE)

    def feed(self, data: bytes) -> bytes:
        """Return what of ``data`` the terminal may get."""
        text = self._decoder.decode(data)
        if self._state == _TEXT and _SPECIAL.search(text) is None:
            return text.encode()
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._state != _TEXT:
                self._one(text[at], out)
                at += 1
                continue
            hit = _SPECIAL.search(text, at)
            end = len(text) if hit is None else hit.start()
            out.append(text[at:end])
            if hit is not None:
                self._control(hit[0], out)
            at = end + 1
        return "".join(out).encode("utf-8", "replace")

    def take_answers(self) -> bytes:
        """Return what the box is to be told for its queries since the last time."""
        count, self.answers = self.answers, 0
        return ANSWER * min(count, 16)

    def suspended(self) -> bytes:
        """Return what brings the terminal to its usual modes, the screen's contents left alone."""
        if not self.touched:
            return b""
        words = [self._mode(mode, on=mode in ON_BY_DEFAULT) for mode in sorted(self.modes, reverse=True)]
        words += ["\x1b[<1u"] * min(self.keyboards, 16)
        words += ["\x1b[>4m"] if self.modified_keys else []
        words += ["\x1b>"] if self.keypad else []
        # Around it the cursor is kept: setting margins moves it.
        words += ["\x1b7\x1b[r\x1b8"] if self.margins else []
        return "".join([*words, USUAL]).encode()

    def resumed(self) -> bytes:
        """Return what brings back the modes that ``suspended`` took away, but for the keyboard's protocol."""
        self.margins = False  # they are not known any more; a program that draws anew sets its own
        words = [self._mode(mode, on=mode not in ON_BY_DEFAULT) for mode in sorted(self.modes)]
        return "".join([*words, "\x1b=" if self.keypad else ""]).encode()

    @staticmethod
    def _mode(mode: int, *, on: bool) -> str:
        return f"\x1b[?{mode}{'h' if on else 'l'}"

    def _control(self, letter: str, out: list[str]) -> None:
        """Take a control character outside of any sequence."""
        self.touched |= letter not in "\r\n\t\b\a"
        if letter == "\x1b":
            self._state, self._held = _ESCAPE, ""
        elif letter == "\x9b":
            self._state, self._held = _SEQUENCE, ""
        elif letter in "\x90\x98\x9d\x9e\x9f":
            self._state = _STRING
        elif letter in _CONTROLS:
            out.append(letter)

    def _one(self, letter: str, out: list[str]) -> None:
        """Take one character within a sequence."""
        if letter in "\x18\x1a":
            self._state = _TEXT  # CAN, SUB: the sequence is given up
        elif letter == "\x1b":
            # It ends a string too: ESC \\ is then a sequence that says nothing. The terminal never saw the beginning.
            self._state, self._held = _ESCAPE, ""
        elif self._state == _STRING:
            self._state = _TEXT if letter in "\a\x9c" else _STRING
        elif self._state == _CHARSET:
            if letter in "AB012" and self._held in _CHARSETS:
                out.append(f"\x1b{self._held}{letter}")
            self._state = _TEXT
        elif self._state == _ESCAPE:
            self._escape(letter, out)
        else:
            self._sequence(letter, out)

    def _escape(self, letter: str, out: list[str]) -> None:
        self._state = _TEXT
        if letter == "[":
            self._state = _SEQUENCE
        elif letter in "]PX^_":
            self._state = _STRING
        elif letter in _CHARSETS:
            self._state, self._held = _CHARSET, letter
        elif letter in " #%-./":
            self._state, self._held = _CHARSET, ""  # two letters that change how text is read: neither passes
        elif letter in _ESCAPES:
            self.keypad = letter == "=" if letter in "=>" else self.keypad
            out.append(f"\x1b{letter}")

    def _sequence(self, letter: str, out: list[str]) -> None:
        if " " <= letter <= "?":
            self._held += letter if len(self._held) <= SEQUENCE_LIMIT else ""
            return
        self._state = _TEXT
        if "@" <= letter <= "~" and len(self._held) <= SEQUENCE_LIMIT and self._passes(self._held, letter):
            out.append(f"\x1b[{self._held}{letter}")

    def _passes(self, held: str, final_: str) -> bool:
        """Whether a control sequence passes; remember what it switches."""
        if held.isascii() and re.fullmatch(r"[0-9;:]*", held):
            if final_ == "c" and held in {"", "0"}:
                self.answers += 1
            plain = final_ in _PLAIN_FINALS or (final_ in "su" and not held) or (final_ == "n" and held == "6")
            self.margins |= final_ == "r"
            return plain or (final_ in "hl" and held in {"4", "20"})
        if final_ in "hl" and re.fullmatch(r"\?[0-9]{1,5}(;[0-9]{1,5})*", held):
            return self._switched(held[1:].split(";"), on=final_ == "h")
        if re.fullmatch(r"[0-6]? ", held):
            return final_ == "q"  # the cursor's shape
        if final_ in {"J", "K"}:
            return re.fullmatch(r"\?[0-3]?", held) is not None
        return self._keyboard(held, final_) or (held == "!" and final_ == "p")

    def _keyboard(self, held: str, final_: str) -> bool:
        """Whether a sequence changes how keys are reported, as editors ask for; not one that asks how they are."""
        if final_ == "u" and re.fullmatch(r">[0-9]{0,2}", held):
            self.keyboards += 1
            return self.keyboards <= SEQUENCE_LIMIT
        if final_ == "u" and re.fullmatch(r"<1?", held):
            self.keyboards = max(0, self.keyboards - 1)
            return True
        if final_ == "m" and re.fullmatch(r">[0-9](;[0-9])?", held):
            self.modified_keys = ";" in held
            return True
        return False

    def _switched(self, numbers: list[str], *, on: bool) -> bool:
        modes = {int(number) for number in numbers}
        if not modes <= MODES | MORE_MODES:
            return False
        differ = modes - ON_BY_DEFAULT if on else modes & ON_BY_DEFAULT
        self.modes = (self.modes - modes) | differ
        return True
