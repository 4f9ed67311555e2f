"""What of a workspace a box does not show: by the policy's patterns, and by names that look like secrets. Pure.

Asked of each of a hundred thousand names, it has to answer most of them from
the last component alone. That is sound for a walk from the top that goes into
nothing that is hidden: then nothing above hides the path, and only its last
component can.
"""

from collections.abc import Sequence
from typing import Final, final

from nucleus.policy.constraints import fold, folded
from nucleus.policy.controls import may_look_secret, secret_looking
from nucleus.policy.globs import parse
from nucleus.policy.patterns import PatternSet
from nucleus.policy.shapes import HERE, RELATIVE, Shape, matches
from nucleus.policy.source import Source
from nucleus.policy.values import PATH

SURE_LENGTH: Final = 1024
"""Characters of a directory below which no path gets too long to be judged."""


@final
class Veil:
    """Whether a path, relative to the workspace, is not to be seen: call it."""

    def __init__(self, patterns: Sequence[str], only: Sequence[Sequence[str]] = ()) -> None:
        """Take patterns as ``[deny]`` would; and sets of patterns as ``[allow]`` would, outside of which all is hidden.

        Raises ValueError, and for an allowed pattern that stands at any depth: whether a directory has such a file
        below it is not known from its name.
        """
        self._only: Final = [_Shown(one) for one in only]
        self._all = "**" in patterns
        source = Source("the box", "hidden")
        texts = () if self._all else patterns
        shapes = [(folded(one), source) for text in texts for one in parse(PATH, text, grants=False)]
        self._denied: Final = PatternSet(PATH, shapes)
        self._last: Final = [shape for shape, _ in shapes if shape.name is not None]
        self._names: Final = frozenset(shape.base[-1] for shape, _ in shapes if shape.name is None and shape.base)
        self._blind: Final = self._all or any(_anything(shape) for shape, _ in shapes)
        self._harmless: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        """Return whether it is hidden. A name that the pattern language has no words for is not known harmless."""
        return (
            self._all
            or not all(one.shows(path) for one in self._only)
            or PATH.encode(path) is None
            or secret_looking(path)
            or (bool(self._denied.patterns) and self._denied.find(path) is not None)
        )

    def settles(self, folder: str) -> bool:
        """Whether ``harmless`` may be asked of what is in this directory, which is not hidden."""
        return not self._blind and not self._only and len(folder) < SURE_LENGTH

    def harmless(self, name: str) -> bool:
        """Whether no path that ends in this component is hidden because of it.

        INVARIANT: if this says yes, and nothing above the path is hidden, the path is not (test_veil.py).
        """
        known = self._harmless.get(name)
        if known is None:
            known = self._harmless[name] = not self._suspicious(name)
        return known

    def _suspicious(self, name: str) -> bool:
        encoded = PATH.encode(name)
        if encoded is None or may_look_secret(name):
            return True
        forms = {fold(part) for part in encoded.split("/")} | {fold(name)}
        return bool(forms & self._names) or any(
            shape.name is not None and shape.name.matches(form) for shape in self._last for form in forms
        )


@final
class _Shown:
    """One set of patterns outside of which nothing is shown, but the directories that lead there."""

    def __init__(self, patterns: Sequence[str]) -> None:
        shapes = [shape for text in patterns for shape in parse(PATH, text, grants=True)]
        deep = [shape for shape in shapes if shape.name is not None and shape.depth != HERE]
        if deep or not all(shape.base[:1] == (RELATIVE,) for shape in shapes):
            raise ValueError("what alone is shown has to be named by its directory")
        self._shapes = shapes
        self._ways = {shape.base[1:size] for shape in shapes for size in range(2, len(shape.base) + 1)}

    def shows(self, path: str) -> bool:
        parts = tuple(path.split("/"))
        return parts in self._ways or any(matches(shape, (RELATIVE, *parts)) for shape in self._shapes)


def _anything(shape: Shape) -> bool:
    """Whether the last component of what a shape matches can be any name."""
    return shape.everything or (shape.name is None and not shape.base)
