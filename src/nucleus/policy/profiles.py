"""The built-in profiles: ten files of data beside this module.

They can't be overridden, only met: a policy names one as its ceiling.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from nucleus.errors import PolicyError
from nucleus.policy.document import Document, did_you_mean, read_document

_FOLDER: Final = Path(__file__).parent / "profiles"


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of the built-in profiles, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def read_profile(name: str) -> Document:
    """Return the document of a built-in profile. Raises PolicyError for an unknown name, with the nearest one."""
    names = profile_names()
    if name not in names:
        raise PolicyError(f"unknown profile {name!r}", fix=_near(name, names))
    return read_document((_FOLDER / f"{name}.toml").read_bytes(), f"profile {name}", profile=True)


def _near(name: str, names: Sequence[str]) -> str:
    """Return the fix for a name that no profile has."""
    return did_you_mean(name, names)
