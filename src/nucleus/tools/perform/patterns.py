"""Path patterns, matched in time linear in pattern times path: nothing backtracks.

``*`` matches within a segment, ``?`` one character, ``**`` any number of
whole segments (none included). Everything else is literal, brackets too:
names like ``[id].tsx`` are common, character classes in paths are not.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final, final

PATTERN_LIMIT: Final = 1024
"""Characters of one pattern: above any real one, below what costs time."""


@final
class Pattern:
    """One compiled pattern over the segments of a path."""

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        """Compile. Raises ValueError on an empty, absolute, climbing or overlong pattern."""
        if not pattern or len(pattern) > PATTERN_LIMIT or "\0" in pattern:
            raise ValueError(f"a path pattern has 1 to {PATTERN_LIMIT} characters and no NUL")
        if pattern.startswith("/"):
            raise ValueError(f"the pattern {pattern!r} is absolute; patterns are relative to the directory searched")
        self._fold = fold
        segments = [part for part in pattern.split("/") if part not in {"", "."}]
        if ".." in segments or not segments:
            raise ValueError(f"the pattern {pattern!r} names nothing below the directory searched")
        self._segments = tuple(folded(part) if fold else part for part in segments)

    def matches(self, parts: Sequence[str]) -> bool:
        """Whether the whole path matches."""
        return len(self._segments) in self._after(parts)

    def reaches(self, parts: Sequence[str]) -> bool:
        """Whether something below this directory could match."""
        return any(place < len(self._segments) for place in self._after(parts))

    def _after(self, parts: Sequence[str]) -> set[int]:
        """Return the places in the pattern that can come next once ``parts`` are consumed."""
        places = self._closed({0})
        for part in parts:
            segment = folded(part) if self._fold else part
            places = self._closed({after for place in places for after in self._step(place, segment)})
            if not places:
                break
        return places

    def _step(self, place: int, segment: str) -> tuple[int, ...]:
        if place == len(self._segments):
            return ()
        if self._segments[place] == "**":
            return (place,)
        return (place + 1,) if _segment_matches(self._segments[place], segment) else ()

    def _closed(self, places: set[int]) -> set[int]:
        closed = set(places)
        for place in places:
            after = place
            while after < len(self._segments) and self._segments[after] == "**":
                after += 1
                closed.add(after)
        return closed


def folded(segment: str) -> str:
    """Return the segment without case and Unicode compatibility forms."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", segment).casefold())


def _segment_matches(pattern: str, segment: str) -> bool:
    """Match ``*`` and ``?`` with one point to return to: at most len * len steps."""
    star, at, place, mark = -1, 0, 0, 0
    while place < len(segment):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", segment[place]}:
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")


@final
class Hidden:
    """What a policy makes invisible: a path is hidden if it, or a directory above it, matches.

    Patterns without a leading slash are relative to the workspace, and apply
    to other absolute paths too where they start with ``**``. Matching ignores
    case and Unicode compatibility forms: too much hidden is the safe error.
    """

    def __init__(self, patterns: Sequence[str], workspace: Sequence[str] = ()) -> None:
        """Compile. ``workspace`` is the absolute path of the workspace, in segments."""
        self._workspace = tuple(workspace)
        self._relative = tuple(Pattern(each, fold=True) for each in patterns if not each.startswith("/"))
        self._absolute = tuple(Pattern(each[1:], fold=True) for each in patterns if each.startswith("/"))
        self._floating = tuple(Pattern(each, fold=True) for each in patterns if each.startswith("**"))

    def __bool__(self) -> bool:
        return bool(self._relative or self._absolute)

    def hides(self, parts: Sequence[str], *, absolute: bool = False) -> bool:
        """Whether the path is hidden. ``absolute``: ``parts`` start at the root, not at the workspace."""
        if absolute:
            return _any_prefix(self._floating, parts) or _any_prefix(self._absolute, parts)
        if _any_prefix(self._relative, parts):
            return True
        return bool(self._absolute) and _any_prefix(self._absolute, (*self._workspace, *parts))


def _any_prefix(patterns: Sequence[Pattern], parts: Sequence[str]) -> bool:
    return any(each.matches(parts[:size]) for each in patterns for size in range(1, len(parts) + 1))
