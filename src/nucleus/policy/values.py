"""The kinds of values that a policy speaks of, and their one canonical form.

Each kind turns a canonical value into the text that tables compare, segments
joined by the kind's separator; what is not canonical has no such text, and is
denied. The canonical forms:

path     relative to the workspace (``src/a.py``, the workspace itself is
         ``.``) or absolute; no ``..``, ``.``, empty segment, or NUL
URL      as ``addresses.parse_url`` writes it: host in lower case ASCII, no
         default port, no user, no fragment, no dot segments
request  a method and a URL: ``POST https://api.example/v1/messages``
ref      ``main``, ``release/1.0``, ``refs/tags/v1``: heads by their short
         name, every other ref in full
command  a list of words, the first one the program as it was asked for
name     any other text: environment variables, channels, packages, tools
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, final

from nucleus.lean import dataclass
from nucleus.policy.shapes import EVERYTHING, Shape

NUL: Final = "\0"
PORTS: Final = {"http": "80", "https": "443"}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_AUTHORITY: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of value: its name in messages, and how it becomes the text that tables compare."""

    name: str
    separator: str
    encode: Callable[[str | Sequence[str]], str | None]
    rooted: bool = False
    alias: Callable[[str], str] | None = None
    """A second spelling under which the value is asked for or denied too."""

    @property
    def everything(self) -> tuple[Shape, ...]:
        """Return what ``**`` means where it allows: the workspace, for paths."""
        return (EVERYTHING,)

    @property
    def limits_everything(self) -> tuple[Shape, ...]:
        """Return shapes that together match every value."""
        return (Shape((), below=True),) if self.rooted else self.everything


def _path(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    if value == ".":
        return ""
    if value[0] == "." or "/." in value or "//" in value or value[-1] == "/" or NUL in value:
        return value if value == "/" or _settled(value) else None
    return value


def _settled(path: str) -> bool:
    """Whether no step of the path is empty, ``.`` or ``..``, and no letter is NUL."""
    return NUL not in path and {"", ".", ".."}.isdisjoint(path.removeprefix("/").split("/"))


def _url(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str) or NUL in value:
        return None
    scheme, _, rest = value.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme not in PORTS or not _AUTHORITY.fullmatch(authority):
        return None
    if "/." in rest and _climbs(path.partition("?")[0]):
        return None
    host, _, port = authority.partition(":")
    end = f":{scheme}:{port or PORTS[scheme]}"
    place = NUL.join(host.split(".")[::-1]) + NUL + end
    return place + NUL + path.replace("/", NUL) if slash else place


def _climbs(path: str) -> bool:
    """Whether a step is ``.`` or ``..`` to some server: several cut a step at its semicolon first."""
    return not {".", ".."}.isdisjoint(step.partition(";")[0] for step in path.split("/"))


def _method_url(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str):
        return None
    method, _, url = value.partition(" ")
    encoded = _url(url)
    return None if encoded is None or method not in METHODS else method + NUL + encoded


def _ref(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str) or not value or value.startswith(("refs/heads/", "/")) or NUL in value:
        return None
    return None if ".." in value or "//" in value or value.endswith(("/", ".lock")) else value


def _words(value: str | Sequence[str]) -> str | None:
    if (
        isinstance(value, str)
        or not value
        or not value[0]
        or any(type(word) is not str or NUL in word for word in value)
    ):
        return None
    return NUL.join(value)


def _program(encoded: str) -> str:
    """Return the argv with the directory of its program cut off: ``/bin/rm`` is denied where ``rm`` is."""
    program, more, rest = encoded.partition(NUL)
    return program.rpartition("/")[2] + more + rest


def _name(value: str | Sequence[str]) -> str | None:
    return value if isinstance(value, str) and value and NUL not in value else None


PATH: Final = Kind("path", "/", _path, rooted=True)
URL: Final = Kind("URL", NUL, _url)
METHOD_URL: Final = Kind("request", NUL, _method_url)
REF: Final = Kind("ref", "/", _ref)
COMMAND: Final = Kind("command", NUL, _words, alias=_program)
NAME: Final = Kind("name", "/", _name)
TEXT: Final = Kind("text", NUL, _name)
"""Taken letter by letter: a value of a closed set."""
