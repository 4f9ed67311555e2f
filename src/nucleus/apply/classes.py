"""The category of a change: by what it is (``classes.toml``) and by what its path steers (``policy.controls``).

Of several that hold, the worst counts.
"""

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final, final

from nucleus.apply.change import CATEGORIES, CONTROL, DELETED, GIT, plain_name
from nucleus.lean import dataclass
from nucleus.policy.controls import Steering, in_git, steering

KEPT: Final = "kept"
"""A deletion of content that a commit of the host keeps."""
_STORAGE: Final = re.compile(r"^(?:modules|worktrees)/")
_OBJECT: Final = re.compile(r"objects/[0-9a-f]{2}(?:/[0-9a-f]{38}(?:[0-9a-f]{24})?)?")


@final
@dataclass(frozen=True, slots=True)
class Class:
    """One row of the data."""

    category: str
    why: str

    @property
    def rank(self) -> int:
        """How bad it is: higher is worse."""
        return CATEGORIES.index(self.category)


def classify(path: str, what: str, *, kept: bool = False, storage: bool = False) -> Class:
    """Return the category of a change and why.

    ``kept``: a commit of the host has exactly the content that goes away.
    ``storage``: it lies in something that looks like a bare repository.
    """
    if in_git(path):
        return Class(GIT, "git's own storage")
    data = _data()
    found = [data[f"change.{KEPT if what == DELETED and kept else what}"]]
    steers = steering(path)
    if steers != Steering.NONE:
        found.append(data[f"steering.{steers.name.lower()}"])
    if not plain_name(path):
        found.append(data["name.odd"])
    if path.rpartition("/")[2].startswith("-"):
        found.append(data["name.option"])
    if storage:
        found.append(data["name.storage"])
    return max(found, key=lambda each: each.rank)


def noise(path: str) -> bool:
    """Whether a path below ``.git`` is only what the run's git keeps for itself: nobody is told."""
    *_, inner = _STORAGE.split(path)
    if inner != path:
        # Submodules and linked worktrees keep their own: the same names, further down.
        parts = inner.split("/")
        return any(noise("/".join(parts[at:])) for at in range(1, len(parts)))
    rules = _git()
    below = any(path == each or path.startswith(each + "/") for each in rules["noise_below"])
    ends = path.endswith(tuple(rules["noise_ends"]))
    return path in rules["noise"] or below or ends or _OBJECT.fullmatch(path) is not None


def moved(path: str) -> bool:
    """Whether a path below ``.git`` is where branches, tags or HEAD stand: they are looked at by themselves."""
    rules = _git()
    return path in rules["moved"] or any(path == each or path.startswith(each + "/") for each in rules["moved_below"])


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(resources.files("nucleus.apply").joinpath("classes.toml").read_text(encoding="utf-8"))


@cache
def _data() -> dict[str, Class]:
    """Return each row by its name. Raises KeyError for a row without a category."""
    return {
        f"{table}.{name}": Class(row["category"], row.get("why", ""))
        for table, rows in _read().items()
        if table != "git"
        for name, row in rows.items()
    }


@cache
def _git() -> dict[str, list[str]]:
    rules: dict[str, list[str]] = _read()["git"]
    return rules


_LOADED: Final = (_data(), _git(), CONTROL)
"""Read before a privileged process freezes its imports."""
