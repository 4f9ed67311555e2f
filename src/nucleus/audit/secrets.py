"""What looks like a secret: known shapes, names that promise one, and entropy.

A secret that is found is masked in its source at once, so that no output of
this run can show it. Nothing here keeps or compares the values themselves.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import final

from nucleus.audit.model import Confidence
from nucleus.audit.node import STRING, Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass

SHAPES = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?P<provider>sk-(?:ant-|proj-|or-|svcacct-|admin-)?[A-Za-z0-9_-]{16,}"
    r"|(?:sk|rk|pk|whsec)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{16,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}"
    r"|(?:sbp|sb_secret|npm|hf|gsk|r8|nvapi|pplx|tvly|fc|dop_v1|lin_api|ntn|figd|xai|exa|shpat|dckr_pat|ATATT3x|glsa|phc|phx|rnd|vcp|re|pat)[_-](?=[A-Za-z0-9_-]{0,100}\d)[A-Za-z0-9_=-]{20,}"
    r"|pypi-AgE[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{40,}"
    r"|\d{8,10}:AA[A-Za-z0-9_-]{32,})"
    r"|(?P<jwt>eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,})"
    r"|(?P<key>-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)"
    r"|(?P<bearer>(?:Bearer|Basic|Token) +(?=\S{16})[A-Za-z0-9._~+/=-]{16,})"
    r"|(?P<url>[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"<>]{0,80}:(?P<password>[^\s/@'\"<>]{3,120})@[^\s'\"<>]{2,})"
    r")"
)
_NAMED = re.compile(
    r"(?:^|[_.\s-])(?:api_?key|apikey|access_?key|secret(?:_?key)?|token|passwd|password|passphrase|pwd|pass|credentials?|private_?key|auth(?:orization)?|bearer|client_?secret|dsn|connection_?string|encryption_?key|pat|signing_?key|webhook_?url)s?(?:$|[_.\s-](?:id|value|prod|dev|test|live|default|key|secret)$)",
)
_NOT_NAMED = re.compile(
    r"(?:max|limit|count|budget|num|total|per|url|uri|file|path|dir|name|type|mode|method|ttl|env|var|header|helper|provider|endpoint|length|size|enabled|required|expir\w*)s?$|tokens$|tokenizer|token_?(?:limit|budget|count)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLACEHOLDER = re.compile(
    r"your|<[^>]*>|\$\{|\$\(|\$[A-Z_]|\{env:|\{\{|%[A-Z_]+%|change[_-]?me|example|placeholder|replace|dummy|fake|sample|insert|todo|redacted|not[_-]?needed|not[_-]?required|none$|null$|optional|paste|\.\.\.|\*\*\*|\u2026|^\$|^env:|^op://|^vault:|^keychain|^input:|^secret://|^ref\+|foo|bar$|^test$|local[_-]?only|unused|enter[_-]|here$|^x{1,2}$|abc123|^(?:password|postgres|secret|token|admin|root|user|default|disabled|enabled|auto|oauth|true|false|yes|no)$",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"X{6,}|x{13,}|\*{6,}|•{4,}|^[Xx*]{3,}$")
_PATH_OR_URL = re.compile(
    r"^(?:\.{0,2}[\\/]|~[\\/]|[A-Za-z]:[\\/]|https?://|file:)|^[\w./-]+\.(?:json|ya?ml|pem|key|env|txt|p12|toml)$"
)
MIN_LENGTH = 6
"""A shorter value under a promising name is a setting, not a secret."""
MIN_ENTROPY = 3.0
"""Bits per character above which a long value under no name at all is taken for random; prose with blanks never is."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """A stretch that looks like a secret. ``label`` says where it stands, never what it is."""

    source: Source
    start: int
    end: int
    what: str
    label: str
    confidence: Confidence
    hidden: bool = False
    """The value is masked already (a row of X): the place had a secret, this text has none."""


def promises_secret(name: str) -> bool:
    """Whether a name says that its value is a secret."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_")
    return _NAMED.search(plain) is not None and _NOT_NAMED.search(plain) is None


def is_placeholder(value: str) -> bool:
    """Whether a value stands for something that is put in elsewhere."""
    return _PLACEHOLDER.search(value) is not None


def entropy(value: str) -> float:
    """Return Shannon's entropy in bits per character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


def by_shape(source: Source) -> Iterator[Secret]:
    """Yield what has a known shape, anywhere in the text."""
    for match in SHAPES.finditer(source.text):
        kind = str(match.lastgroup)
        value = match[0]
        start, end = match.span()
        if kind == "password" or match["url"]:
            kind, (start, end), value = "url", match.span("password"), match["password"]
        elif match["bearer"]:
            start += len(value.split(" ", 1)[0]) + 1
            value = source.text[start:end]
        if _is_setting(kind, value):
            continue
        if kind == "key":
            tail = source.text.find("-----END", end)
            end = len(source.text) if tail < 0 else tail
        hidden = _HIDDEN.search(value) is not None and kind != "key"
        what = {
            "jwt": "a signed token",
            "key": "a private key",
            "bearer": "an authorization token",
            "url": "a password in a URL",
        }.get(kind, "a provider's key")
        yield Secret(
            source,
            start,
            end,
            what,
            "",
            Confidence.LOW if hidden and kind in {"url", "bearer"} else Confidence.HIGH,
            hidden,
        )


_SAID = re.compile(
    r"(?i:(?<![A-Za-z])(?:x-)?(?:api[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|secret[_-]?key|password))"
    r"[\\\"']{0,3}[ \t]*[:=][ \t]*[\\\"']{0,3}(?P<value>[A-Za-z0-9._~+/=-]{16,200})"
)


def by_words(source: Source) -> Iterator[Secret]:
    """Yield values behind words such as ``apikey:``, as headers in commands have them."""
    for match in _SAID.finditer(source.text):
        value = match["value"]
        hidden = _HIDDEN.search(value) is not None
        random = any(char.isdigit() for char in value) and entropy(value) >= MIN_ENTROPY and not is_placeholder(value)
        if hidden or random:
            confidence = Confidence.LOW if hidden else Confidence.MEDIUM
            yield Secret(source, *match.span("value"), "a secret", "", confidence, hidden)


def _is_setting(kind: str, value: str) -> bool:
    """Whether what has the shape is plainly none: a placeholder, or words."""
    if kind == "key":
        return False
    if is_placeholder(value) and not _HIDDEN.search(value):
        return True
    if kind == "provider" and not _HIDDEN.search(value):
        return not any(char.isdigit() for char in value) or entropy(value) < MIN_ENTROPY
    return kind == "bearer" and not any(char.isdigit() for char in value) and not _HIDDEN.search(value)


def by_name(source: Source, name: str, node: Node) -> Secret | None:
    """Return the secret that stands under a name which promises one."""
    if node.kind != STRING or not promises_secret(name):
        return None
    value = node.text().strip()
    scheme = re.match(r"(?:Bearer|Basic|Token)\s+", value)
    value = value[scheme.end() :] if scheme else value
    hidden = _HIDDEN.search(value) is not None
    if (len(value) < MIN_LENGTH and not hidden) or re.search(r"\s", value) or _PATH_OR_URL.match(value):
        return None
    if not hidden and (is_placeholder(value) or value.isdigit()):
        return None
    start, end = node.start, node.end
    if source.text[start : start + 1] in "\"'":
        start, end = start + 1, end - 1
    found = source.text.find(value, start, end)
    start, end = (found, found + len(value)) if found >= 0 else (start, end)
    sure = not hidden and len(value) >= 12 and entropy(value) >= MIN_ENTROPY
    confidence = Confidence.LOW if hidden else Confidence.HIGH if sure else Confidence.MEDIUM
    return Secret(source, start, end, "a secret", name, confidence, hidden)


def by_entropy(source: Source, node: Node) -> Secret | None:
    """Return a long random word of a command line or header that no name explains."""
    value = node.text()
    if len(value) < 32 or not re.fullmatch(r"[A-Za-z0-9_+/=-]+", value) or is_placeholder(value):
        return None
    mixed = any(c.isdigit() for c in value) and any(c.islower() for c in value) and any(c.isupper() for c in value)
    hexed = re.fullmatch(r"[0-9a-f]{32,}", value) is not None
    if not (mixed or hexed) or entropy(value) < MIN_ENTROPY or "/" in value[:2]:
        return None
    return Secret(source, node.start + 1, node.end - 1, "a long random value", "", Confidence.LOW)


def scan(source: Source, roots: "tuple[Node, ...]") -> "list[Secret]":
    """Return the secrets of a file and mask each of them in it."""
    found = list(by_shape(source))
    taken = [(secret.start, secret.end) for secret in found]
    for secret in by_words(source):
        if not any(low < secret.end and secret.start < high for low, high in taken):
            found.append(secret)
            taken.append((secret.start, secret.end))
    for root in roots:
        for path, node in root.walk():
            if node.kind != STRING:
                continue
            name = next((part for part in reversed(path) if part != "[]"), "")
            named = by_name(source, name, node) if path and path[-1] != "[]" else None
            if named is not None and not any(low < named.end and named.start < high for low, high in taken):
                found.append(named)
                taken.append((named.start, named.end))
    for secret in found:
        source.mask(secret.start, secret.end)
    return sorted(found, key=lambda secret: secret.start)


_ARGUMENT = re.compile(r"--?([A-Za-z][\w-]*)(?:=(.*))?$", re.DOTALL)


def in_arguments(source: Source, words: "list[Node]") -> Iterator[Secret]:
    """Yield secrets that stand on a command line: behind an option that promises one, or random by themselves."""
    name = ""
    for word in words:
        option = _ARGUMENT.match(word.text())
        if option and option[2] is not None:
            value = Node(STRING, option[2], word.start, word.end)
            secret = by_name(source, option[1], value)
        elif option:
            name = option[1]
            continue
        else:
            pair = re.match(r"([A-Za-z_]\w*)=(.*)$", word.text(), re.DOTALL)
            if pair:
                secret = by_name(source, pair[1], Node(STRING, pair[2], word.start, word.end))
            else:
                secret = (by_name(source, name, word) if name else None) or by_entropy(source, word)
        name = ""
        if secret is not None:
            yield secret
