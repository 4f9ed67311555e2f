"""What a model's answers say of their cost, read from the answer as it passes."""

import json
from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass, field

LINE_LIMIT: Final = 1 << 20
"""Bytes of one event, or of a whole answer, that are looked at."""
INPUT: Final = ("input_tokens", "prompt_tokens", "promptTokenCount")
OUTPUT: Final = ("output_tokens", "completion_tokens", "candidatesTokenCount")
CACHED: Final = ("cache_read_input_tokens", "cachedContentTokenCount")
WRITTEN: Final = ("cache_creation_input_tokens",)


@final
@dataclass(slots=True)
class Usage:
    """Tokens of one model's answers, as the provider counts them."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_written: int = 0

    def shown(self) -> dict[str, int]:
        """Return the numbers, for the supervisor's report."""
        return {
            "requests": self.requests,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read,
            "cache_written_tokens": self.cache_written,
        }


@final
@dataclass(slots=True)
class Meter:
    """Looks at one answer. ``close`` adds what it said to the usage of its model."""

    usage: Usage
    stream: bool
    """Whether the answer is a stream of events."""
    _held: bytearray = field(default_factory=bytearray)
    _last: dict[str, int] = field(default_factory=dict)
    """The largest that was said of each kind: later events repeat earlier numbers."""

    def watch(self, piece: bytes) -> None:
        """Look at a piece as it passes. Never raises: a number that can't be read is not counted."""
        self._held += piece
        if not self.stream:
            del self._held[LINE_LIMIT:]
            return
        *lines, rest = self._held.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._read(line[5:])
        self._held = rest[:LINE_LIMIT]

    def close(self) -> None:
        """Count the answer."""
        if not self.stream:
            self._read(self._held)
        elif self._held.startswith(b"data:"):
            self._read(self._held[5:])
        self.usage.requests += 1
        self.usage.input += self._last.get("input", 0)
        self.usage.output += self._last.get("output", 0)
        self.usage.cache_read += self._last.get("cached", 0)
        self.usage.cache_written += self._last.get("written", 0)

    def _read(self, text: bytes | bytearray) -> None:
        try:
            document = json.loads(bytes(text))
        except (ValueError, RecursionError):
            return
        for one in document if isinstance(document, list) else [document]:
            if isinstance(one, dict):
                for said in (one, one.get("message"), one.get("response")):
                    if isinstance(said, dict):
                        self._take(said.get("usage") or said.get("usageMetadata"))

    def _take(self, usage: Any) -> None:
        if not isinstance(usage, Mapping):
            return
        for kind, names in (("input", INPUT), ("output", OUTPUT), ("cached", CACHED), ("written", WRITTEN)):
            for name in names:
                value = usage.get(name)
                if type(value) is int and 0 <= value < 1 << 40:
                    self._last[kind] = max(self._last.get(kind, 0), value)
