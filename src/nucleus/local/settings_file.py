"""A settings file of an agent's as a box may see it: without credentials, as far as names and forms tell.

The form of the file stays as it is, so that what the agent changes can be told
from what was taken out (``state_file``). What is not found: a secret under a
name that says nothing, in no form that is known here.
"""

import json
import re
from itertools import pairwise
from typing import Any, Final

_NAMES: Final = (
    r"(?:api[-_]?keys?|access[-_]?keys?|private[-_]?keys?|tokens?|secrets?|passw(?:or)?ds?|credentials?|authorization|"
    r"bearer|cookies?|set-env)"
)
_CREDENTIAL: Final = re.compile(rf"(?i){_NAMES}[\"'\s]*\Z")
"""How a key of a settings file ends whose value is one."""
_ALL: Final = frozenset({"env", "headers", "http_headers"})
"""What variables and headers of servers hold is known to nobody here."""
_FORMS: Final = (
    re.compile(r"(://)[^/\s@]*(?=@)"),  # https://user:password@host
    # ?token=x, --token=x, Authorization: Bearer x
    re.compile(rf"(?i)({_NAMES}\s*[=:]\s*(?:(?:bearer|basic|token)\s+)?)[^\s&#\"',\]]+"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}"),
)


def without_credentials(content: bytes) -> bytes:
    """Return a settings file without what it holds of credentials; what is no JSON, by lines."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        kept, inside = [], False
        for line in content.splitlines(keepends=True):
            # What belongs to a key that was left out is indented or an item, and goes with it.
            name = re.split("[:=]", line.decode("latin-1"), maxsplit=1)[0]
            inside = (inside and line[:1] in b" \t-") or _CREDENTIAL.search(name) is not None
            kept += [] if inside else [_text(line.decode("latin-1")).encode("latin-1")]
        return b"".join(kept)
    return json.dumps(_emptied(found)).encode()


def _emptied(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_emptied(value[0]), *(_word(*two) for two in pairwise(value))] if value else []
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        if name in _ALL and isinstance(inner, dict):
            kept[name] = dict.fromkeys(inner, "")
        elif name in _ALL or _CREDENTIAL.search(name):
            kept |= {} if isinstance(inner, str) else {name: _blank(inner)}
        else:
            kept[name] = _emptied(inner)
    return kept


def _word(before: Any, word: Any) -> Any:
    """Return an item of a list: of command line words, one behind an option that names a credential is one."""
    named = isinstance(before, str) and before.startswith("-") and _CREDENTIAL.search(before)
    return "" if named and isinstance(word, str) else _emptied(word)


def _blank(value: Any) -> Any:
    """Return a value of the same form without a text in it."""
    if isinstance(value, dict):
        return {name: _blank(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_blank(one) for one in value]
    return "" if isinstance(value, str) else value


def _text(text: str) -> str:
    """Return a text without credentials in the forms that command lines, addresses and headers have."""
    for form in _FORMS:
        text = form.sub(r"\1", text)
    return text
