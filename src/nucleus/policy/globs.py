"""Patterns as people write them, turned into shapes, or refused with the fix.

Everything::      **
Paths, refs, names (segments are separated by ``/``)::

    README.md          exactly this            src/**        src and all below it
    *.md               such names, here        docs/*.md     such names in docs
    **/.env*           such names, anywhere    docs/**/*.md  such names below docs
    **/secrets/**      such directories, anywhere, and all below them

A path is relative to the workspace; ``/etc/hosts`` and ``~/notes/**`` are
outside of it. A name has at most one star, which stands for any letters of
that name.

Hosts and URLs::

    docs.python.org                https, all paths    *.python.org   each host below it
    localhost:8443                 that port           https://x.org/a/b?c   exactly this
    https://x.org/api/**           all below           http://x.org   without encryption

In ``[ask]`` and ``[deny]`` a host without a scheme means every scheme and
port. A pattern of ``model`` may start with a method: ``POST https://...``.

Commands are words, compared one by one: ``pytest -q`` is exactly that,
``pytest **`` whatever follows, ``npm run *`` one word more. There is no shell.
"""

import re
import shlex
from typing import Final

from nucleus.policy.addresses import AddressError, parse_host, parse_url
from nucleus.policy.constraints import folded
from nucleus.policy.shapes import ABSOLUTE, ANYWHERE, DEEPER, HERE, RELATIVE, Name, Shape
from nucleus.policy.values import COMMAND, METHOD_URL, METHODS, NAME, PATH, PORTS, REF, TEXT, URL, Kind

PATTERN_LIMIT: Final = 4096
"""Characters of one pattern: a path's limit on Linux."""
_SHELL: Final = re.compile(r"[;|&<>`$()\n]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class PatternError(ValueError):
    """A pattern that has none of the shapes. ``fix`` says what to write in its place."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


def parse(kind: Kind, text: str, *, grants: bool, home: str = "") -> tuple[Shape, ...]:
    """Return the shapes of a pattern; more than one where a method was left open. Raises PatternError.

    ``grants`` is false where the pattern asks or denies: then it is folded,
    and where it leaves something open it means every case.
    """
    if kind is TEXT and text != "**":
        return (_whole_text(text),)
    if not text or len(text) > PATTERN_LIMIT or _CONTROL.search(text):
        raise PatternError(f"not a pattern: empty, longer than {PATTERN_LIMIT}, or with control characters")
    if text[0] == "!":
        raise PatternError("'!' does not except anything here", f"put {text[1:]!r} in [deny]")
    if text == "**":
        return kind.everything if grants else kind.limits_everything
    if kind is URL:
        shapes: tuple[Shape, ...] = (_url(text, grants=grants),)
    elif kind is METHOD_URL:
        shapes = _method_url(text, grants=grants)
    elif kind is COMMAND:
        shapes = (_command(text),)
    else:
        shapes = (_segments(kind, text, grants=grants, home=home),)
    return shapes if grants else tuple(_limiting(kind, shape) for shape in shapes)


def _whole_text(text: str) -> Shape:
    """Return the shape of exactly this text. Raises PatternError."""
    if not text or len(text) > PATTERN_LIMIT or _CONTROL.search(text):
        raise PatternError(f"not a text: empty, longer than {PATTERN_LIMIT}, or with control characters")
    return Shape((RELATIVE, text))


def _limiting(kind: Kind, shape: Shape) -> Shape:
    """Return the shape as it is compared where it asks or denies. Raises PatternError for a slash in disguise."""
    found = folded(shape)
    parts = found.base[1:] + ((found.name.prefix, found.name.suffix) if found.name else ())
    if any(kind.separator in part for part in parts):
        raise PatternError("a letter in it is another way to write a slash", "write it with plain letters")
    return found


def _segments(kind: Kind, text: str, *, grants: bool, home: str) -> Shape:
    """Return the shape of a path, a ref or a name."""
    odd = next((letter for letter in "?[]{}\\" if letter in text), "")
    if odd:
        raise PatternError(f"{odd!r} has no meaning in a pattern", "a star stands for any letters of one name")
    if kind is REF and text.startswith("refs/heads/"):
        raise PatternError("a branch goes by its short name", f"write {text.removeprefix('refs/heads/')!r}")
    if kind is PATH and text == ".":
        return Shape((RELATIVE,))
    root, parts = _rooted(kind, text, home)
    if kind is not NAME and not {"", ".", ".."}.isdisjoint(parts):
        clean = "/".join(part for part in parts if part not in {"", ".", ".."})
        raise PatternError("a pattern has no empty, '.' or '..' step", _step_fix(text, clean))
    # What denies **/.env means each .env there is, outside of the workspace too.
    anywhere = kind.rooted and not grants and root == RELATIVE and parts[0] == "**"
    return _shape(() if anywhere else (root,), parts)


def _rooted(kind: Kind, text: str, home: str) -> tuple[str, list[str]]:
    """Return the root that a pattern starts from, and its parts."""
    if kind is not PATH:
        return RELATIVE, text.split("/")
    if text[0] == "~":
        if text[:2] != "~/" or not home.startswith("/"):
            raise PatternError("only '~/' stands for a home directory, where one is known", "write the absolute path")
        text = home.rstrip("/") + text[1:]
    return (ABSOLUTE, text[1:].split("/")) if text[0] == "/" else (RELATIVE, text.split("/"))


def _step_fix(text: str, clean: str) -> str:
    """Return the fix for a path with odd steps."""
    if ".." in text.split("/"):
        return "name the place itself"
    return f"write {clean + '/**'!r} for all below it" if text.endswith("/") else f"write {clean!r}"


def _shape(base: tuple[str, ...], parts: list[str]) -> Shape:
    """Return ``BASE[/**][/NAME][/**]`` as a shape. Raises PatternError for any other order."""
    below = parts[-1] == "**"
    rest = parts[:-1] if below else parts
    plain = next((at for at, part in enumerate(rest) if "*" in part), len(rest))
    base, rest = base + tuple(rest[:plain]), rest[plain:]
    depth = HERE
    if rest and rest[0] == "**":
        depth, rest = ANYWHERE, rest[1:]
    if depth == ANYWHERE and not rest:
        raise PatternError("'**' twice in a row", "write it once")
    if len(rest) > 1:
        raise PatternError(
            "only the last name before the end can have a star or stand after '**'",
            "name the directory where it starts: BASE/**/NAME, or write one pattern for each",
        )
    if not rest:
        return Shape(base, below=below)
    return Shape(base, _name(rest[0]), depth, below)


def _name(text: str) -> Name:
    """Return the name that one segment of a pattern stands for."""
    prefix, star, suffix = text.partition("*")
    if "*" in suffix:
        raise PatternError(f"{text!r} has more than one star", "one star in a name; '**' stands alone between slashes")
    return Name(prefix, suffix, star=bool(star))


def _command(text: str) -> Shape:
    """Return the shape of a list of words."""
    if _SHELL.search(text):
        raise PatternError("a command is a list of words; there is no shell to read this", "name the program itself")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise PatternError(f"the quotes do not match: {error}", "close each quote") from error
    if not words or not words[0]:
        raise PatternError("no program", "write the program first")
    if "*" in words[0] and len(words) > 1:
        raise PatternError("the program has a star and more words follow", "name the program")
    return _shape((RELATIVE,), words)


def _method_url(text: str, *, grants: bool) -> tuple[Shape, ...]:
    """Return the shapes of a URL with or without a method: without, all methods."""
    method, space, url = text.partition(" ")
    if space and method not in METHODS:
        raise PatternError(f"{method!r} is not a method", f"one of {', '.join(METHODS)}")
    shape = _url(url if space else text, grants=grants)
    chosen = (method,) if space else METHODS
    return tuple(Shape((RELATIVE, one, *shape.base[1:]), shape.name, shape.depth, shape.below) for one in chosen)


def _url(text: str, *, grants: bool) -> Shape:
    """Return the shape of a host, an origin, a URL or all URLs below one."""
    scheme, colon, rest = text.partition("://")
    if not colon:
        scheme, rest = "", text
        if "/" in text:
            raise PatternError("a path needs its scheme", f"write {'https://' + text!r}")
    elif scheme not in PORTS:
        raise PatternError(f"{scheme!r} is not fetched", f"one of {', '.join(PORTS)}")
    authority, slash, path = rest.partition("/")
    host, port_colon, port = authority.partition(":")
    if port_colon and not (port.isascii() and port.isdigit() and 0 < int(port) <= 0xFFFF):
        raise PatternError(f"{port!r} is not a port", "1 to 65535")
    base = (RELATIVE, *_labels(host.removeprefix("*.")).split(".")[::-1])
    wide = host.startswith("*.")
    end = _end(scheme, port, grants=grants)
    if not slash:
        if wide or end.star:
            return Shape(base, end, DEEPER if wide else HERE, below=True)
        return Shape((*base, end.prefix), below=True)
    if wide or end.star:
        raise PatternError("a path goes with one host", "name the host, or leave the path out")
    return _below(base, end.prefix, text, path)


def _below(base: tuple[str, ...], end: str, text: str, path: str) -> Shape:
    """Return the shape of one URL, or of all below one."""
    tree = path == "**" or path.endswith("/**")
    stem = text.removesuffix("**").removesuffix("/") if tree else text
    if "*" in stem:
        raise PatternError("a URL has a star only as its last step", f"write {stem.partition('*')[0] + '**'!r}")
    try:
        target = parse_url(stem).target
    except AddressError as error:
        raise PatternError(str(error)) from error
    steps = () if tree and target == "/" else tuple(target[1:].split("/"))
    return Shape((*base, end, *steps), below=tree)


def _labels(host: str) -> str:
    """Return the canonical host. Raises PatternError for what is none."""
    if "*" in host:
        raise PatternError("a host has a star only as its first label", "write '*.example.org', or '**' for all hosts")
    try:
        return parse_host(host)
    except AddressError as error:
        raise PatternError(f"{host!r}: {error}") from error


def _end(scheme: str, port: str, *, grants: bool) -> Name:
    """Return the last segment of a place: ``:scheme:port``, with a star for what was left open."""
    port = str(int(port)) if port else ""
    if scheme:
        return Name(f":{scheme}:{port or PORTS[scheme]}")
    if grants:
        return Name(f":https:{port or PORTS['https']}")
    return Name(":", f":{port}" if port else "", star=True)
