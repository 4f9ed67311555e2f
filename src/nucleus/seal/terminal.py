"""What a terminal is not told: every control but line ends, tabs, colours and erasing a line. Pure.

Escape sequences let whoever prints write the clipboard (OSC 52), make the
terminal type an answer into standard input (device and title reports), move
over lines that somebody else printed, or start downloads. Text passes; of
sequences only ``CSI ... m`` and ``CSI ... K`` do, and strings (OSC, DCS, APC,
PM, SOS) vanish with their contents. Source: ECMA-48; xterm's ctlseqs.
"""

import codecs
import re
from typing import Final, final

_PASSED: Final = frozenset("\n\r\t\b")
_STRINGS: Final = frozenset("]PX^_")
_C1_STRINGS: Final = frozenset("\x90\x98\x9d\x9e\x9f")
_CANCEL: Final = frozenset("\x18\x1a")
_HARMLESS: Final = re.compile(r"\x1b\[[0-9;:]{0,64}[mK]")
_SEQUENCE_LIMIT: Final = 72
"""Characters kept of one sequence; a longer one is none of the harmless."""

_TEXT: Final = "text"
_ESCAPE: Final = "escape"
_CONTROL: Final = "control sequence"
_STRING: Final = "string"
_STRING_END: Final = "string, escape seen"


@final
class TerminalFilter:
    """A stream of bytes on its way to a terminal. Sequences may be cut anywhere between two feeds."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _TEXT
        self._held = ""

    def feed(self, data: bytes) -> bytes:
        """Return what of ``data`` may be shown now. Bytes that are no UTF-8 become U+FFFD."""
        return "".join(map(self._step, self._decoder.decode(data))).encode()

    def _step(self, char: str) -> str:
        """Take one character, and return what is shown because of it."""
        if char in _CANCEL:
            self._state = _TEXT
            return ""
        if self._state == _STRING:
            return self._in_string(char)
        if self._state == _STRING_END:
            self._state = _TEXT if char == "\\" else _ESCAPE
            return "" if char == "\\" else self._step(char)
        if self._state == _ESCAPE:
            return self._after_escape(char)
        if self._state == _CONTROL:
            return self._in_sequence(char)
        return self._in_text(char)

    def _in_text(self, char: str) -> str:
        if char == "\x1b":
            self._state = _ESCAPE
        elif char == "\x9b":
            self._state, self._held = _CONTROL, "\x1b["
        elif char in _C1_STRINGS:
            self._state = _STRING
        elif char in _PASSED or not (char < " " or "\x7f" <= char < "\xa0"):
            return char
        return ""

    def _in_string(self, char: str) -> str:
        if char == "\x1b":
            self._state = _STRING_END
        elif char in "\x07\x9c":
            self._state = _TEXT
        return ""

    def _after_escape(self, char: str) -> str:
        if char == "[":
            self._state, self._held = _CONTROL, "\x1b["
        elif char in _STRINGS:
            self._state = _STRING
        elif "0" <= char <= "~":
            self._state = _TEXT
        elif not " " <= char <= "/":
            self._state = _TEXT
            return self._in_text(char)
        return ""

    def _in_sequence(self, char: str) -> str:
        if " " <= char <= "?":
            self._held = (self._held + char)[:_SEQUENCE_LIMIT]
            return ""
        self._state = _TEXT
        if "@" <= char <= "~":
            sequence = self._held + char
            return sequence if _HARMLESS.fullmatch(sequence) else ""
        return self._in_text(char)
