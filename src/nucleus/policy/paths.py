"""Paths: where a caller's words lead, lexically, and names as every file system may read them.

``locate`` makes one canonical place of the words and says whether it is in
the workspace. It resolves ``..`` lexically; the worker opens exactly this
place, descriptor by descriptor and without following links, so that what was
judged is what is opened.

``fold`` gives the name under which a component is compared with names that
steer something: what any of the usual file systems would open for it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple, final

from nucleus.policy.addresses import ignorable

PATH_LIMIT: Final = 4096
"""Bytes of a path (Linux PATH_MAX)."""
COMPONENT_LIMIT: Final = 255
"""Bytes of a component (Linux NAME_MAX)."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class PathError(ValueError):
    """The words are not one path that every reader would read alike."""


@final
class Place(NamedTuple):
    """One canonical place."""

    absolute: str
    relative: str
    """To the workspace, ``.`` for the workspace itself; the absolute path where ``inside`` is false."""
    inside: bool


@lru_cache(maxsize=8192)
def locate(workspace: str, home: str, words: str) -> Place:
    """Return the place that ``words`` name. ``workspace`` and ``home`` are real, absolute paths.

    ``~`` and ``~name`` at the start are read as a shell would, always outside
    of the workspace's own names. Raises PathError for an empty or too long
    path, control characters, and backslashes (a separator to some readers).
    """
    _check(words)
    if words[0] == "~":
        user, _, rest = words[1:].partition("/")
        words = f"{home}/{rest}" if not user else f"{home.rpartition('/')[0]}/{user}/{rest}"
    parts = [] if words[0] == "/" else workspace.strip("/").split("/")
    for part in words.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    absolute = "/" + "/".join(part for part in parts if part)
    if absolute == workspace:
        return Place(absolute, ".", inside=True)
    if workspace == "/":
        return Place(absolute, absolute[1:], inside=True)
    if absolute.startswith(workspace + "/"):
        return Place(absolute, absolute[len(workspace) + 1 :], inside=True)
    return Place(absolute, absolute, inside=False)


def _check(words: str) -> None:
    """Raise PathError for what is not a path to every reader."""
    if not words:
        raise PathError("an empty path")
    if _CONTROL.search(words):
        raise PathError("a control character in the path")
    if "\\" in words:
        raise PathError("a backslash in the path; separate with /")
    if words.isascii() and len(words) <= COMPONENT_LIMIT:
        return
    size = len(words.encode("utf-8", "surrogatepass"))
    if size > PATH_LIMIT:
        raise PathError(f"a path has at most {PATH_LIMIT} bytes")
    if any(len(part.encode("utf-8", "surrogatepass")) > COMPONENT_LIMIT for part in words.split("/")):
        raise PathError(f"a name has at most {COMPONENT_LIMIT} bytes")


def fold(component: str) -> str:
    """Return the name that a component is compared under.

    NFKC, case folded, without ignorable characters, without an NTFS stream
    (``name::$DATA``), and without trailing dots and spaces. Idempotent.
    """
    name = component
    if not name.isascii():
        for _ in range(2):
            name = "".join(c for c in unicodedata.normalize("NFKC", name) if not ignorable(c)).casefold()
        name = unicodedata.normalize("NFKC", name)
    else:
        name = name.lower()
    name = name.partition(":")[0] if ":" in name[1:] else name
    return name.rstrip(". ") or component[:1]


def short_name(name: str) -> tuple[str, str] | None:
    """Return stem and extension of a folded name that could be an NTFS short name (``git~1``), else None."""
    stem, tilde, rest = name.partition("~")
    digits, _, extension = rest.partition(".")
    if not tilde or not 1 <= len(stem) <= 6 or not digits.isdigit() or len(extension) > 3:
        return None
    return stem, extension


def short_forms(name: str) -> tuple[tuple[str, str], ...]:
    """Return stem and extension of the short names that NTFS may give to a folded name.

    Up to four names share six letters; after that the stem is two letters and
    four hex digits of a hash, for which only the letters can be compared.
    """
    plain = name.replace(" ", "").lstrip(".")
    stem, dot, extension = plain.rpartition(".")
    if not dot:
        stem, extension = plain, ""
    stem = re.sub(r"[+,;=\[\]]", "_", stem.replace(".", ""))
    return (stem[:6], extension[:3]), (stem[:2], extension[:3])
