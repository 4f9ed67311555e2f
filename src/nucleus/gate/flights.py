"""Calls at work, by number, in pages: one more or one less costs the same beside one as beside a hundred thousand.

An apply is all or nothing, so every change of it is at work until the last one is done.
Never changed in place.
"""

from collections.abc import Iterator, Mapping
from typing import Final, final

from nucleus.gate.events import Submit

_BITS: Final = 8
"""Of a number, that tell its place on a page."""


@final
class Flights(Mapping[int, Submit]):
    """An immutable mapping from the number of a decision to what was submitted."""

    __slots__ = ("_pages",)

    def __init__(self, pages: Mapping[int, Mapping[int, Submit]] | None = None) -> None:
        self._pages: Mapping[int, Mapping[int, Submit]] = pages or {}

    def plus(self, number: int, submitted: Submit) -> "Flights":
        """Return these and one more."""
        page = number >> _BITS
        return Flights({**self._pages, page: {**self._pages.get(page, {}), number: submitted}})

    def minus(self, number: int) -> "Flights":
        """Return these without one. Raises KeyError."""
        page = number >> _BITS
        rest = dict(self._pages[page])
        del rest[number]
        pages = {**self._pages, page: rest}
        if not rest:
            del pages[page]
        return Flights(pages)

    def __getitem__(self, number: int) -> Submit:
        """Return what was submitted. Raises KeyError."""
        return self._pages[number >> _BITS][number]

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers."""
        for page in self._pages.values():
            yield from page

    def __len__(self) -> int:
        """Return how many are at work."""
        return sum(map(len, self._pages.values()))

    def __hash__(self) -> int:
        """Equal ones have one hash."""
        return hash(frozenset(self.items()))
