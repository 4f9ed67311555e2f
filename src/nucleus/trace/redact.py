"""Redaction: what of a call may stand in a record.

A record is kept, copied and exported, so it must be safe to show. Kept are the
*names* of things (paths, hosts, refs, programs), under the argument names that
the tools use for them, and only if the text has nothing of a secret about
it. Everything else becomes ``[N characters]``. Digests are HMAC-SHA256 under
a random key of this trace that is in no record and no export: equal values
can be seen to be equal, and guesses can't be confirmed.

What is not done: a secret that looks like an ordinary file name, in the place
of a file name, is kept. No redaction can tell; the text of policies says so.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

KEPT_LENGTH: Final = 200
WORDS_LIMIT: Final = 64
"""Words of a command line that a record shows."""
NAMES: Final = frozenset(
    {
        "path",
        "paths",
        "root",
        "cwd",
        "pattern",
        "url",
        "host",
        "remote",
        "remotes",
        "ref",
        "refs",
        "branch",
        "base",
        "head",
        "argv",
        "program",
        "op",
        "tool",
        "server",
        "method",
        "number",
        "repository",
        "label",
        "labels",
        "channel",
        "engine",
        "client",
        "does",
    }
)
"""Arguments that name things. All others carry content."""

_KEY_LENGTH: Final = 40
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_WORD: Final = re.compile(r"[A-Za-z0-9_./:=,@+%~^*?\[\]{}-]{0,120}")
_ASSIGNED: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_.]?key|auth\w*|bearer|cookie|credentials?|session|signature|pwd)"
    r"[\"']?\s*[=:\s]\s*\S",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(r"[=:\s]")
_USERINFO: Final = re.compile(r"//[^/\s]*@")
_SHORT_RUN: Final = 12
_RUN: Final = re.compile(r"[A-Za-z0-9+=]{12,}")
_LONG_RUN: Final = 40


class Redactor:
    """Redacts the calls of one trace; holds the key of its digests."""

    __slots__ = ("_key", "_of_nothing")

    def __init__(self, key: bytes = b"") -> None:
        """Take ``key``, or draw one that never leaves this process."""
        self._key = key or secrets.token_bytes(32)
        self._of_nothing = ""

    def digest(self, *parts: bytes) -> str:
        """Return the keyed digest of ``parts``, hex. Each part counts with its length."""
        nothing = parts == (b"",)
        if nothing and self._of_nothing:  # a result without content: most of them
            return self._of_nothing
        mac = hmac.new(self._key, digestmod="sha256")
        for part in parts:
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        found = mac.hexdigest()
        if nothing:
            self._of_nothing = found
        return found

    def arguments(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a record may hold of a call's arguments."""
        found: dict[str, Any] = {}
        for place, (name, value) in enumerate(args.items()):
            known = len(name) <= _KEY_LENGTH and _is_key(name)
            found[name if known else f"argument_{place}"] = _argument(name, value) if known else _masked(value)
        return found

    def destination(self, text: str) -> str:
        """Return a destination (host and port, remote and ref, path) as a record may hold it."""
        if " " not in text:
            return _name(text)
        return " ".join([_name(word) for word in text.split(" ")]) if not _assigns(text) else _masked(text)

    def error(self, text: str) -> str:
        """Return what a record may hold of an error: its kind if it is one word, else its length."""
        return text if _KEY.fullmatch(text) and not suspicious(text) else _masked(text)


def suspicious(text: str) -> bool:
    """Whether something in ``text`` has the shape of a secret.

    An assignment to a name that secrets have, user information in a URL, a
    PEM header, or a run of letters and digits mixed as keys mix them.
    """
    if "-----BEGIN" in text or _assigns(text) or ("@" in text and _USERINFO.search(text)):
        return True
    return len(text) >= _SHORT_RUN and any(_random(run.group()) for run in _RUN.finditer(text))


def _assigns(text: str) -> bool:
    # Nothing is assigned without one of these, and most names of things have none: the long pattern is not tried.
    return _SEPARATOR.search(text) is not None and _ASSIGNED.search(text) is not None


@lru_cache(maxsize=256)
def _is_key(name: str) -> bool:
    """Whether ``name`` is one that arguments have. Asked about few names, and about each of them often."""
    return _KEY.fullmatch(name) is not None and not suspicious(name)


def _random(run: str) -> bool:
    digits = sum(c.isdigit() for c in run)
    letters = sum(c.isalpha() for c in run)
    both_cases = any(c.isupper() for c in run[1:]) and any(c.islower() for c in run)
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(run))
    mixed = digits >= 2 and letters >= 2 and (turns >= 3 or both_cases)
    return mixed or (len(run) >= _LONG_RUN and not run.islower()) or (digits >= 12 and turns == 0)


def _argument(name: str, value: Any) -> Any:
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 53 else _masked(value)
    if name not in NAMES:
        return _masked(value)
    if isinstance(value, str):
        return _url(value) if name == "url" else _name(value)
    if isinstance(value, list | tuple):
        shown = [_word(item) for item in value[:WORDS_LIMIT]]
        return shown + ([f"[{len(value) - WORDS_LIMIT} more]"] if len(value) > WORDS_LIMIT else [])
    return _masked(value)


def _name(text: str) -> str:
    if "://" in text:
        return _url(text)
    return text if len(text) <= KEPT_LENGTH and _kept(text) else _masked(text)


@lru_cache(maxsize=1024)
def _kept(text: str) -> bool:
    """Whether a record may hold a name as it is. The same paths are asked about again and again."""
    return text.isprintable() and not suspicious(text)


def _word(item: Any) -> str:
    """Return a word of a list; words with white space or quotes are content."""
    if not isinstance(item, str) or _WORD.fullmatch(item) is None:
        return _masked(item)
    return _name(item)


def _url(text: str) -> str:
    """Return scheme, host and port. Path, query and fragment can carry anything out, so they are content."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _masked(text)
    shown = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    if not host or not shown.isprintable() or len(shown) > KEPT_LENGTH or suspicious(shown):
        return _masked(text)
    rest = text.split("://", 1)[-1].partition("/")[2]
    return f"{shown}/{_masked(rest)}" if rest else shown


def _masked(value: Any) -> str:
    if isinstance(value, str):
        return value and f"[{len(value)} characters]"
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping | list | tuple):
        return f"[{len(value)} values]"
    return f"[{type(value).__name__}]"
