"""A source text, its lines, and what of it must never be printed.

Offsets count code points from the start of the decoded text. Lines end at a
line feed only, so a carriage return stays in the text and every edit keeps
the line endings that it does not touch.
"""

from bisect import bisect_right
from typing import final

BOM = "\ufeff"
MASK = "*"


@final
class Source:
    """One file: its display path and decoded text. ``mask`` hides a stretch from every output."""

    __slots__ = ("_masked", "_starts", "bom", "encoding", "path", "text")

    def __init__(self, path: str, text: str, *, encoding: str = "utf-8", bom: bool = False) -> None:
        self.path = path
        self.text = text
        self.encoding = encoding
        self.bom = bom
        self._starts: list[int] | None = None
        self._masked: list[tuple[int, int]] = []

    @property
    def starts(self) -> list[int]:
        """Offsets at which lines start."""
        if self._starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of ``offset``, both from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def line_span(self, line: int) -> tuple[int, int]:
        """Return where ``line`` (from 1) starts and ends, without its line ending."""
        start = self.starts[line - 1]
        end = self.starts[line] - 1 if line < len(self.starts) else len(self.text)
        if end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def mask(self, start: int, end: int) -> None:
        """Hide ``start`` to ``end`` from ``shown``."""
        if end > start:
            self._masked.append((start, end))

    def mask_all(self, values: "list[str]") -> None:
        """Hide every place at which one of ``values`` stands: a secret that was found once may stand twice."""
        for value in values:
            at = self.text.find(value)
            while at >= 0:
                self._masked.append((at, at + len(value)))
                at = self.text.find(value, at + len(value))

    def shown(self, start: int, end: int) -> str:
        """Return a stretch of the text as it may be printed: secrets and control characters replaced."""
        piece = self.text[start:end]
        for low, high in self._masked:
            low, high = max(low, start), min(high, end)  # noqa: PLW2901  the overlap is what counts
            if low < high:
                piece = piece[: low - start] + MASK * (high - low) + piece[high - start :]
        return visible(piece)

    def secrets(self) -> set[str]:
        """Return the masked stretches: what messages must not repeat."""
        return {self.text[low:high] for low, high in self._masked}


def visible(text: str) -> str:
    """Return ``text`` with what a terminal would obey or hide replaced by one visible character each."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char == "\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def decode(path: str, data: bytes) -> Source:
    """Return the text of ``data``. Raises UnicodeDecodeError where it is no known text encoding."""
    if data.startswith(b"\xef\xbb\xbf"):
        return Source(path, data[3:].decode("utf-8"), bom=True)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        little = data.startswith(b"\xff\xfe")
        encoding = "utf-16-le" if little else "utf-16-be"
        return Source(path, data[2:].decode(encoding), encoding=encoding, bom=True)
    return Source(path, data.decode("utf-8"))


def encode(source: Source, text: str) -> bytes:
    """Return ``text`` in the encoding that ``source`` was read from, its byte order mark kept."""
    return ((BOM if source.bom else "") + text).encode(source.encoding)
