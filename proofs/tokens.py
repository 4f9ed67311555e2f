"""Tokens read once more, by other means: the bytes alone, no Biscuit library, no text, no kernel.

Signatures are checked with Ed25519 over the payloads of Biscuit's
specification; blocks are decoded from Protocol Buffers, field by field; what
they give is put together level by level. Everything that the product decides
is decided here too, in the same order, so that the two can be compared on the
reason as well as on the answer. Shares no line with ``nucleus.tokens``.
"""

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SYMBOLS: Final = [
    "read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant",
    "namespace", "user", "team", "service", "admin", "email", "group", "member", "ip_address",
    "client", "client_ip", "domain", "path", "version", "cluster", "node", "hostname", "nonce",
    "query",
]  # fmt: skip
"""The strings that need no table, from the specification."""
SHAPES: Final = {
    "nucleus": "i", "authority": "i", "budget": "i", "expires": "i", "audience": "s", "depth": "i", "exposure": "i",
    "holder": "b", "limit": "ss",
}  # fmt: skip
"""Facts in their order, each with the kinds of its terms."""
MANY: Final = {"audience", "limit"}
TOPS: Final = {"budget": 2**53 - 1, "expires": 2**40 - 1, "depth": 15}
ABOUT: Final = {
    "read", "write", "fetch", "search", "remotes", "branches", "pull_requests", "channels", "packages",
    "commands", "env", "ports", "model", "services", "templates",
}  # fmt: skip


class Bad(Exception):  # noqa: N818  an answer, not an error of the program
    """The token gives nothing; the first argument is the code."""


class Presented(NamedTuple):
    """A token as somebody presents it to a verifier."""

    token: str
    roots: tuple[tuple[bytes, int], ...]
    """Public key of each root, and the most that it is trusted for."""
    audience: str
    nonce: bytes
    proof: bytes
    now: int
    revoked: frozenset[str]


class Part(NamedTuple):
    """One signed block."""

    content: bytes
    key: bytes
    signature: bytes
    version: int
    external: tuple[bytes, bytes]
    """Signature and public key of who signed besides the chain; empty for nobody."""


Answer = tuple[str, Any]


def answer(p: Presented) -> Answer:
    """Return ("ok", what the token gives) or (code, None)."""
    try:
        return "ok", _given(p)
    except Bad as bad:
        return str(bad), None


def _given(p: Presented) -> dict[str, Any]:
    raw = _unspelled(p.token)
    parts, ceiling = _believed(raw, p.roots)
    ids = [part.signature.hex() for part in parts]
    if set(ids) & p.revoked:
        raise Bad("revoked")
    if len(parts) > 16:
        raise Bad("depth")
    blocks = _blocks(parts)
    given = _together(blocks, [part.external[1] for part in parts])
    if p.now >= given["expires"]:
        raise Bad("expired")
    if p.audience not in given["audience"]:
        raise Bad("audience")
    message = b"nucleus token holder v1\0" + sha256(raw).digest() + p.nonce
    message += len(p.audience).to_bytes(2, "big") + p.audience.encode()
    if len(p.nonce) != 32 or not _signed(given["holder"], p.proof, message):
        raise Bad("holder")
    given["levels"] = [min(level, ceiling >> 2 * place & 3) for place, level in enumerate(given["levels"])]
    return {**given, "ids": ids}


def _unspelled(text: str) -> bytes:
    if not re.fullmatch(r"[\w-]+={0,2}", text, re.ASCII) or len(text) > 87385 + 4:
        raise Bad("malformed")
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        raise Bad("malformed") from None
    if base64.b64encode(raw, altchars=b"-_").decode() != text:
        raise Bad("malformed")
    return raw


# The chain of signatures -----------------------------------------------------------------------------------


def _believed(raw: bytes, roots: Sequence[tuple[bytes, int]]) -> tuple[list[Part], int]:
    """Return the blocks and the ceiling of the root that signed the first. What can't be read was signed by nobody.

    Read as Protocol Buffers are: fields in any order, the last of several
    counts, unknown ones are passed over. Only then the bytes have to be the
    ones that a writer gives: two spellings of one token would be two tokens.
    """
    try:
        outer = _message(raw)
        firsts = [value for number, value in outer if number == 2]
        parts = [_part(value) for value in (firsts[-1], *(value for number, value in outer if number == 3))]
        ((kind, proof),) = _last(_last(outer)[4]).items()
    except (ValueError, KeyError, IndexError, TypeError):
        raise Bad("untrusted") from None
    for root, ceiling in roots:
        if _chain(root, parts) and _ended(parts[-1], kind, _bytes_or(proof)):
            if _spelled(parts, kind, proof) != raw:
                raise Bad("malformed")
            return parts, ceiling
    raise Bad("untrusted")


def _spelled(parts: Sequence[Part], kind: int, proof: bytes) -> bytes:
    """Return the bytes that a writer gives for a token."""
    found = []
    for place, part in enumerate(parts):
        key = b"\x08\0" + _sized(2, part.key)
        text = _sized(1, part.content) + _sized(2, key) + _sized(3, part.signature)
        if part.external[1]:
            text += _sized(4, _sized(1, part.external[0]) + _sized(2, b"\x08\0" + _sized(2, part.external[1])))
        found.append(_sized(3 if place else 2, text + (b"\x28\x01" if part.version else b"")))
    return b"".join(found) + _sized(4, _sized(kind, proof))


def _sized(field: int, content: bytes) -> bytes:
    size, digits = len(content), bytearray()
    while size >= 128:
        size, low = divmod(size, 128)
        digits.append(low + 128)
    return bytes((field * 8 + 2, *digits, size)) + content


def _chain(root: bytes, parts: Sequence[Part]) -> bool:
    key, before = root, b""
    for part in parts:
        if not _signed(key, part.signature, _payload(part, before)):
            return False
        if part.external[1]:
            text = b"\0EXTERNAL\0\0VERSION\0" + _le(part.version) + b"\0PAYLOAD\0" + part.content
            if part.version != 1 or not _signed(part.external[1], part.external[0], text + b"\0PREVSIG\0" + before):
                return False
        key, before = part.key, part.signature
    return True


def _ended(last: Part, kind: int, proof: bytes) -> bool:
    """Whether the end of a token proves that nothing was cut off: the last key's secret half, or its signature."""
    if kind == 1:
        same = len(proof) == 32 and Ed25519PrivateKey.from_private_bytes(proof).public_key().public_bytes_raw()
        return same == last.key
    return kind == 2 and _signed(last.key, proof, sealing(last))


def sealing(last: Part) -> bytes:
    """Return what a seal signs."""
    return last.content + _le(0) + last.key + last.signature


def _bytes_or(value: Any) -> bytes:
    return value if type(value) is bytes else b""


def _payload(part: Part, before: bytes) -> bytes:
    """Return what the key before signs of a block: version 0 is the plain concatenation, 1 labels each part."""
    if part.version == 0:
        return part.content + part.external[0] + _le(0) + part.key
    text = b"\0BLOCK\0\0VERSION\0" + _le(part.version) + b"\0PAYLOAD\0" + part.content
    text += b"\0ALGORITHM\0" + _le(0) + b"\0NEXTKEY\0" + part.key
    text += b"\0PREVSIG\0" + before if before else b""
    return text + (b"\0EXTERNALSIG\0" + part.external[0] if part.external[1] else b"")


def _part(data: bytes) -> Part:
    fields = _last(_message(data))
    key = _key(fields[2])
    version = fields.get(5, 0)
    if version not in {0, 1}:
        raise ValueError("a version of signatures that is not known here")
    external = (b"", b"")
    if 4 in fields:
        inner = _last(_message(fields[4]))
        external = (_bytes(inner[1]), _key(inner[2]))
    return Part(_bytes(fields[1]), key, _bytes(fields[3]), version, external)


def _key(data: bytes) -> bytes:
    fields = _last(_message(data))
    if fields.get(1, 0) != 0:
        raise ValueError("not Ed25519")
    return _bytes(fields[2])


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise TypeError("a number where bytes were meant")
    return value


@lru_cache(maxsize=10_000)
def _signed(key: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _le(value: int) -> bytes:
    return value.to_bytes(4, "little")


# Protocol Buffers ------------------------------------------------------------------------------------------


def _message(data: bytes) -> list[tuple[int, Any]]:
    """Return the fields of a message in order. Raises ValueError."""
    found: list[tuple[int, Any]] = []
    rest = data
    while rest:
        key, rest = _varint(rest)
        if not 8 <= key < 2**32:
            raise ValueError("a field of no number, or of one that none has")
        if key % 8 == 0:
            value, rest = _varint(rest)
            found.append((key // 8, value))
        elif key % 8 == 2:
            size, rest = _varint(rest)
            if size > len(rest):
                raise ValueError("cut off")
            found.append((key // 8, rest[:size]))
            rest = rest[size:]
        elif key % 8 in {1, 5}:
            width = 8 if key % 8 == 1 else 4
            if width > len(rest):
                raise ValueError("cut off")
            rest = rest[width:]
        else:
            raise ValueError("a kind of field that no token has")
    return found


def _last(fields: bytes | list[tuple[int, Any]]) -> dict[int, Any]:
    """Return the last value of each field."""
    return dict(fields if type(fields) is list else _message(_bytes(fields)))


def _varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(data[:10]):
        value += (byte % 128) << 7 * place
        if byte < 128:
            return value, data[place + 1 :]
    raise ValueError("a number without an end")


def _once(data: bytes) -> dict[int, Any]:
    fields = _message(data)
    if len({number for number, _ in fields}) != len(fields):
        raise ValueError("a field twice")
    return dict(fields)


# Blocks ----------------------------------------------------------------------------------------------------


def _blocks(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return what each block says: name -> list of terms of each fact of that name."""
    table: tuple[str, ...] = ()
    found = []
    for part in parts:
        foreign = bool(part.external[1])
        try:
            said, after = _said(part.content, () if foreign else table)
        except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError):
            raise Bad("malformed") from None
        found.append(said)
        table = table if foreign else after
    return found


@lru_cache(maxsize=10_000)
def _said(content: bytes, known: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what one block says, and the strings that have numbers after it."""
    fields = _message(content)
    kinds = [number for number, _ in fields]
    if kinds != sorted(kinds) or set(kinds) - {1, 3, 4, 6} or kinds.count(3) != 1:
        raise ValueError("a rule, a scope, a context, a key, or nothing that is known")
    fresh = [value.decode() for number, value in fields if number == 1]
    table = [*known, *fresh]
    used: list[str] = []
    facts = [_fact(_once(value)[1], table, used) for number, value in fields if number == 4]
    names = [name for name, _ in facts]
    order = list(SHAPES)
    places = [order.index(name) for name in names]
    if places != sorted(places) or any(names.count(name) > 1 for name in set(names) - MANY):
        raise ValueError("facts out of order, or twice")
    said: dict[str, Any] = {}
    for name, terms in facts:
        if "".join(kind for kind, _ in terms) != SHAPES[name]:
            raise ValueError("terms of another kind")
        said.setdefault(name, []).append(tuple(value for _, value in terms))
    _require(said)
    checks = [_check(value, table, used) for number, value in fields if number == 6]
    if checks != _wanted(said):
        raise ValueError("checks that do not follow from the facts")
    if fresh != [n for n in dict.fromkeys(used) if n not in SYMBOLS and n not in known]:
        raise ValueError("strings that nothing uses, or in another order")
    return said, tuple(table)


def _name(number: int, table: list[str], used: list[str]) -> str:
    name = SYMBOLS[number] if number < 1024 else table[number - 1024]
    used.append(name)
    return name


def _fact(data: bytes, table: list[str], used: list[str]) -> tuple[str, list[tuple[str, Any]]]:
    (kind, number), *terms = _message(data)
    if kind != 1 or any(n != 2 for n, _ in terms):
        raise ValueError("no predicate")
    name = _name(number, table, used)
    return name, [_term(value, table, used) for _, value in terms]


def _term(data: bytes, table: list[str], used: list[str]) -> tuple[str, Any]:
    ((kind, value),) = _message(data)
    match kind:
        case 1:
            return "v", _name(value, table, used)
        case 2 if value < 2**63:
            return "i", value
        case 3:
            return "s", _name(value, table, used)
        case 5:
            return "b", value
        case _:
            raise ValueError("a term of a kind that no block has")


def _check(data: bytes, table: list[str], used: list[str]) -> list[Any]:
    """Return the queries of a check: body predicates and the postfix of the expression."""
    queries = []
    for number, query in _message(data):
        if number != 1:
            raise ValueError("not a plain check")
        (head, head_value), *rest = _message(query)
        if head != 1 or _fact(head_value, table, used) != ("query", []):
            raise ValueError("a head that is none")
        body = [_fact(value, table, used) for n, value in rest if n == 2]
        steps = [[_step(op, table, used) for _, op in _message(value)] for n, value in rest if n == 3]
        if any(n not in {2, 3} for n, _ in rest):
            raise ValueError("a scope")
        queries.append((body, steps))
    return queries


def _step(data: bytes, table: list[str], used: list[str]) -> Any:
    ((kind, value),) = _message(data)
    if kind == 1:
        return _term(value, table, used)
    if kind != 3:
        raise ValueError("an operator of a kind that no check has")
    ((one, operator),) = _message(value)
    if one != 1:
        raise ValueError("no operator")
    return operator


def _wanted(said: dict[str, Any]) -> list[Any]:
    """Return the checks that follow from the facts."""
    found: list[Any] = []
    for fact, name, letter, post in (
        ("authority", "asked", "a", (17, ("v", "a"), 4)),
        ("budget", "spent", "b", (2,)),
        ("expires", "now", "t", (0,)),
    ):
        if fact in said:
            ((value,),) = said[fact]
            found.append([([(name, [("v", letter)])], [[("v", letter), ("i", value), *post]])])
    if "audience" in said:
        found.append([([("at", [("s", name)])], []) for (name,) in said["audience"]])
    return found


def _require(said: dict[str, Any]) -> None:
    """Raise ValueError for a value that no block may have."""
    one = {name: values[0][0] for name, values in said.items() if name not in MANY}
    names, limits = [n for (n,) in said.get("audience", [])], said.get("limit", [])
    if one.pop("nucleus") != 1 or not (one or names or limits):
        raise ValueError("another version, or nothing")
    good = all(one.get(name, 0) <= top for name, top in TOPS.items())
    good &= one.get("authority", 0) < 2**24 and all(level != 2 for level in _levels(one.get("authority", 0)))
    seen = one.get("exposure", 1)
    good &= 0 < seen < 32 and (seen < 8 or seen % 2 == 1)
    good &= len(one.get("holder", bytes(32))) == 32
    good &= names == sorted(set(names)) and len(names) <= 16 and limits == sorted(set(limits)) and len(limits) <= 64
    good &= all(re.fullmatch(r"[A-Za-z0-9][\w.:/@+-]{0,127}", name, re.ASCII) for name in names)
    good &= all(about in ABOUT and _plain(text) for about, text in limits)
    if not good:
        raise ValueError("a value out of range")


def _plain(text: str) -> bool:
    return 0 < len(text) <= 256 and text.isprintable() and '"' not in text and "\\" not in text


def _levels(authority: int) -> list[int]:
    return [authority // 4**place % 4 for place in range(12)]


# Together --------------------------------------------------------------------------------------------------


def _together(blocks: list[dict[str, Any]], signers: list[bytes]) -> dict[str, Any]:
    """Return what the blocks give: of each bound the least, block by block."""
    first = blocks[0]
    if not {"authority", "budget", "expires", "audience", "depth", "holder"} <= set(first):
        raise Bad("malformed")
    room: int | None = None
    holder = b""
    for block, signer in zip(blocks, signers, strict=True):
        own = block["depth"][0][0] if "depth" in block else None
        if room is None:
            room, holder = own, block["holder"][0][0]
            continue
        if room == 0:
            raise Bad("depth")
        room -= 1
        room = room if own is None or own > room else own
        if "holder" in block and signer == holder:
            holder = block["holder"][0][0]
        elif "holder" in block or signer:
            raise Bad("holder")

    def all_of(name: str) -> list[Any]:
        return [block[name][0][0] for block in blocks if name in block]

    seen = 0
    for exposure in all_of("exposure"):
        seen |= exposure
    names = [{name for (name,) in block["audience"]} for block in blocks if "audience" in block]
    return {
        "levels": [min(column) for column in zip(*map(_levels, all_of("authority")), strict=True)],
        "budget": min(all_of("budget")),
        "expires": min(all_of("expires")),
        "exposure": seen,
        "audience": set.intersection(*names),
        "depth": room,
        "holder": holder,
        "limits": [set(block["limit"]) for block in blocks if "limit" in block],
    }


def sealed(text: str) -> str:
    """Return an open token with its seal, by the specification."""
    raw = _unspelled(text)
    outer = _message(raw)
    parts = [_part(value) for number, value in outer if number in {2, 3}]
    secret = _last(_last(outer)[4])[1]
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(sealing(parts[-1]))
    return base64.b64encode(_spelled(parts, 2, signature), altchars=b"-_").decode()
