"""Text of servers: what a person is shown of it, and what a client may make of it.

A person sees every character: what an editor hides is spelled out. A model
gets no text that a person can't see, and no link or image that its client
would fetch by itself: a fetched image is egress that nobody decided.
"""

import re
from typing import Any, Final

HIDDEN: Final = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]|\r(?!\n)"
)
"""Controls, bidirectional marks, zero-width characters, fillers, variation selectors, tags, a lone carriage return."""
_TAGS: Final = re.compile("[\U000e0000-\U000e0fff\u202a-\u202e\u2066-\u2069]")
"""Of these no honest result has any: tags spell sentences, overrides reorder them."""
_LINK: Final = re.compile(r"\]\((?=[^)]{0,400}(?:[:&\\]|//))|\]:(?=\s{0,8}<?(?:[a-z&\\]|//))", re.IGNORECASE)
"""Markdown: an inline link or image, a reference definition, to anything but a plain relative path."""
_TAG: Final = re.compile(r"<(?=[a-z][^>]{0,400}(?:[:&]|//))", re.IGNORECASE)
"""HTML or an autolink that names a place."""
OPAQUE: Final = frozenset(("data", "blob", "uri", "mimeType", "type"))
"""Fields of content that are no text: they pass as they are."""
_LOOKS: Final = 64
"""Closing brackets of a line that are looked at one by one: a line of one long text has few."""


def escaped(text: str) -> str:
    """Return ``text`` with every character that hides spelled out: a backslash, ``u``, its number in braces."""
    return HIDDEN.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def hides(value: object) -> bool:
    """Whether a JSON value holds a character, in a text or a key, that a person would not see."""
    if isinstance(value, str):
        return HIDDEN.search(value) is not None
    if isinstance(value, dict):
        return any(hides(item) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(hides(item) for item in value)


def inert(value: Any, key: str = "") -> Any:
    """Return a JSON value in whose texts no link or image works any more, without tags and overrides."""
    if isinstance(value, str):
        return value if key in OPAQUE else _inert(value)
    if isinstance(value, dict):
        return {name: inert(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [inert(item, key) for item in value]
    return value


def surely_inert(line: bytes) -> bool:
    r"""Whether ``inert`` would return the JSON value in ``line`` as it is: no byte of it can begin what is changed.

    Brackets of links and tags stand for themselves, or are written as ``\\u``. In UTF-8 what hides of ``_TAGS`` begins
    with E2 or F3. False says nothing.
    """
    if b"<" in line or not (line.isascii() or (b"\xe2" not in line and b"\xf3" not in line)):
        return False
    return not (_begins_link(line) or (b"\\" in line and b"\\u" in line))


def _begins_link(line: bytes) -> bool:
    at = line.find(b"]")
    for _ in range(_LOOKS):
        if at < 0:
            return False
        if line[at + 1 : at + 2] in {b"(", b":"}:
            return True
        at = line.find(b"]", at + 1)
    return b"](" in line or b"]:" in line


def _inert(text: str) -> str:
    if not text.isascii():
        text = _TAGS.sub("", text)
    # One character is looked for much faster than two.
    if "]" in text and ("](" in text or "]:" in text):
        text = _LINK.sub(lambda found: f"]\\{found[0][1]}", text)
    return _TAG.sub("&lt;", text) if "<" in text else text
