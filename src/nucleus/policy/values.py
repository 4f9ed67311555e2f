"""The kinds of values that a policy speaks of, and their one canonical form.

Each kind turns a canonical value into the text that tables compare, segments
joined by the kind's separator; what is not canonical has no such text, and is
denied. Canonical forms, made by ``canonical_path`` and ``canonical_url`` or by
whoever knows the value:

path     relative to the workspace (``src/a.py``, the workspace itself is
         ``.``) or absolute; no ``..``, ``.``, empty segment, or NUL
url      ``scheme://host:port`` and a path with its query, no fragment; host
         in lower case ASCII, port always there, dot segments removed
ref      ``main``, ``release/1.0``, ``refs/tags/v1``: heads by their short
         name, every other ref in full
command  a list of words, the first one the program as it was asked for
name     any other text: environment variables, channels, packages, tools
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import quote, unquote, urlsplit

from nucleus.policy.shapes import ABSOLUTE, RELATIVE, Shape

NUL: Final = "\0"
PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ssh": 22, "git": 9418}


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
        return (Shape((RELATIVE,), below=True),)

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
    """Whether the path is what ``canonical_path`` makes of it."""
    try:
        return canonical_path(path) == path
    except ValueError:
        return False


def _url(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str) or NUL in value:
        return None
    scheme, colon, rest = value.partition("://")
    authority, slash, path = rest.partition("/")
    host, port_colon, port = authority.rpartition(":")
    if not (
        colon and port_colon and host and port.isdigit() and host.islower() | host[-1].isdigit() | (host[0] == "[")
    ):
        return None
    labels = [host] if host[0] == "[" else host.split(".")[::-1]
    labels.append(f":{scheme}:{port}")
    if slash:
        labels += path.split("/")
    return NUL.join(labels)


def _ref(value: str | Sequence[str]) -> str | None:
    if not isinstance(value, str) or not value or value.startswith(("refs/heads/", "/")) or NUL in value:
        return None
    return None if ".." in value or "//" in value or value.endswith(("/", ".lock")) else value


def _words(value: str | Sequence[str]) -> str | None:
    if isinstance(value, str) or not value or not value[0] or any(NUL in word for word in value):
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
REF: Final = Kind("ref", "/", _ref)
COMMAND: Final = Kind("command", NUL, _words, alias=_program)
NAME: Final = Kind("name", "/", _name)


def canonical_path(text: str) -> str:
    """Return the path without ``.``, empty segments and a trailing slash. Raises ValueError.

    ``..`` and NUL are refused, not resolved: only the one who holds the
    directory's descriptor knows where they lead.
    """
    if not text or NUL in text:
        raise ValueError("empty path, or a NUL in it")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ValueError(f"{text!r} has '..' in it: name the place itself")
    joined = "/".join(parts)
    return ABSOLUTE + joined if text[0] == "/" else joined or "."


_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_HIDDEN_STEP: Final = re.compile(r"(^|[/\\])\.\.?([/\\]|$)")


def canonical_host(text: str) -> str:
    """Return the host in lower case ASCII without a trailing dot. Raises ValueError."""
    if text.startswith("[") and text.endswith("]") and re.fullmatch(r"\[[0-9a-fA-F:.]+\]", text):
        return text.lower()
    try:
        host = text.lower() if text.isascii() else text.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError(f"{text!r} is not a host name") from error
    if not _HOST.fullmatch(host):
        raise ValueError(f"{text!r} is not a host name")
    return host.rstrip(".")


def canonical_url(text: str) -> str:
    """Return ``scheme://host:port/path?query``. Raises ValueError with the reason.

    Refused: user information, a fragment's absence is made (it never leaves),
    control characters, an encoded way up (``%2e%2e%2f``).
    """
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in text) or "\\" in text:
        raise ValueError("a URL has no spaces, control characters or backslashes")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL") from error
    scheme = parts.scheme.lower()
    if scheme not in PORTS or "@" in parts.netloc or not parts.netloc:
        raise ValueError(f"{text!r}: a URL needs one of {', '.join(PORTS)}, a host, and no user name")
    raw = parts.netloc[: parts.netloc.rindex(":")] if port is not None else parts.netloc.removesuffix(":")
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
    if _HIDDEN_STEP.search(unquote(unquote(path))):
        raise ValueError(f"{text!r} has a '.' or '..' step in its path")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    return f"{scheme}://{canonical_host(raw)}:{port or PORTS[scheme]}{path}{query}"
