"""The bytes of a token: what its blocks have to be, letter by letter.

Biscuit's library shows a block as text, and text can lie: strings are printed
without escapes, names can hold anything, what no statement prints (a context,
an unknown field) is not seen. So here the bytes that were signed are compared
with the only ones that the block's meaning has: the serialisation of Biscuit
(schema.proto of the specification, Protocol Buffers) with the symbols in the
order of their first use. Only the few forms are known that ``block`` writes.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import TokenError
from nucleus.tokens.block import VERSION, Block

_DEFAULT: Final = (
    "read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant", "namespace", "user", "team",
    "service", "admin", "email", "group", "member", "ip_address", "client", "client_ip", "domain", "path", "version",
    "cluster", "node", "hostname", "nonce", "query",
)  # fmt: skip
"""Symbols that every token has, by number."""
_FIRST_OWN: Final = 1024
_PLAIN, _BITS, _FOREIGN = 3, 4, 5
"""Datalog versions: of plain facts and checks, with bit operations, signed by somebody else."""
_AND, _SAME, _LESS, _AT_MOST = 17, 4, 0, 2
"""Numbers of the operators ``&``, ``===``, ``<`` and ``<=``."""
_NEXT_SECRET, _FINAL_SIGNATURE = 1, 2
"""Fields of the proof at the end of a token."""
_ED25519_KEY: Final = b"\x08\x00\x12\x20"
"""What stands before the 32 bytes of a key."""
_INTEGER, _STRING, _BYTES, _VARIABLE = 2, 3, 5, 1
"""Fields of a term."""


class Symbols:
    """The strings of a token by number. A block signed by somebody else has a table of its own."""

    def __init__(self) -> None:
        self._numbers = {name: number for number, name in enumerate(_DEFAULT)}
        self._new: list[str] = []

    def number(self, name: str) -> int:
        """Return the number of a string; one that is new gets the next."""
        if name not in self._numbers:
            self._numbers[name] = len(self._numbers) - len(_DEFAULT) + _FIRST_OWN
            self._new.append(name)
        return self._numbers[name]

    def new(self) -> list[str]:
        """Return what was new since the last call."""
        taken, self._new = self._new, []
        return taken


def require_bytes(token: bytes, blocks: Sequence[Block], signers: Sequence[bytes]) -> None:
    """Raise ``TokenError`` unless the token's blocks are, byte for byte, what ``blocks`` say."""
    symbols = Symbols()
    for number, (found, block, signer) in enumerate(zip(payloads(token), blocks, signers, strict=True)):
        wanted = serialised(block, Symbols() if signer else symbols, foreign=bool(signer))
        # INVARIANT: what was signed is exactly what was read; nothing is hidden between the lines.
        if found != wanted:
            raise _malformed(f"block {number} is not the one serialisation of what it says")


def sealed(token: bytes) -> bytes:
    """Return the token with a last signature in the place of the key that could sign one more block.

    Biscuit's way to end a chain (specification, "sealed"): whoever has it can present it, and nobody can append.
    Raises ``TokenError`` (depth) for a token that is sealed already.
    """
    *blocks, (_, proof) = list(_fields(token))
    kind, secret = next(_fields(proof), (0, b""))
    if kind != _NEXT_SECRET:
        raise TokenError("the token is sealed already", code="depth")
    content, key, signature = (part for _, part in islice(_fields(blocks[-1][1]), 3))
    if not key.startswith(_ED25519_KEY):
        raise _malformed("a key of another kind than Ed25519")
    text = content + bytes(4) + key.removeprefix(_ED25519_KEY) + signature
    signed = Ed25519PrivateKey.from_private_bytes(secret).sign(text)
    return token[: -len(_field(4, proof))] + _field(4, _field(_FINAL_SIGNATURE, signed))


def payloads(token: bytes) -> list[bytes]:
    """Return the signed content of each block. Raises ``TokenError`` for a token of other or unordered parts."""
    parts = list(_fields(token))
    if [number for number, _ in parts] != [2] + [3] * (len(parts) - 2) + [4]:
        raise _malformed("it is not a first block, more blocks and a proof, in that order")
    found = []
    for _, part in parts[:-1]:
        number, content = next(_fields(part), (0, b""))
        if number != 1:
            raise _malformed("a block without content")
        found.append(content)
    return found


def serialised(block: Block, symbols: Symbols, *, foreign: bool) -> bytes:
    """Return the content of a block as Biscuit writes it; ``symbols`` goes on to the next block."""
    facts = [_field(4, _field(1, _predicate(symbols, *fact))) for fact in _facts(block, symbols)]
    checks = [_field(6, b"".join(_field(1, query) for query in check)) for check in _checks(block, symbols)]
    version = _FOREIGN if foreign else _BITS if block.authority is not None else _PLAIN
    names = b"".join(_field(1, name.encode()) for name in symbols.new())
    return names + _number(3, version) + b"".join(facts + checks)


def _facts(block: Block, symbols: Symbols) -> Iterator[tuple[str, list[bytes]]]:
    yield "nucleus", [_number(_INTEGER, VERSION)]
    for name, value in (("authority", block.authority), ("budget", block.budget), ("expires", block.expires)):
        if value is not None:
            yield name, [_number(_INTEGER, value)]
    for one in sorted(block.audience):
        symbols.number("audience")
        yield "audience", [_number(_STRING, symbols.number(one))]
    if block.depth is not None:
        yield "depth", [_number(_INTEGER, block.depth)]
    if block.exposure:
        yield "exposure", [_number(_INTEGER, block.exposure)]
    if block.holder:
        yield "holder", [_field(_BYTES, block.holder)]
    for key, text in sorted(block.limits):
        symbols.number("limit")
        yield "limit", [_number(_STRING, symbols.number(key)), _number(_STRING, symbols.number(text))]


def _checks(block: Block, symbols: Symbols) -> Iterator[list[bytes]]:
    """Yield each check as its queries, in the order of ``block``."""
    if block.authority is not None:
        yield [_query(symbols, "asked", "a", [(block.authority, _AND), (None, _SAME)])]
    if block.budget is not None:
        yield [_query(symbols, "spent", "b", [(block.budget, _AT_MOST)])]
    if block.expires is not None:
        yield [_query(symbols, "now", "t", [(block.expires, _LESS)])]
    if block.audience:
        yield [_head(symbols) + _field(2, _at(symbols, name)) for name in sorted(block.audience)]


def _query(symbols: Symbols, name: str, variable: str, steps: list[tuple[int | None, int]]) -> bytes:
    """Return ``name($v)`` and an expression over it, in postfix; a step without a number takes the variable again."""
    head, predicate = _head(symbols), symbols.number(name)
    again = _number(_VARIABLE, symbols.number(variable))
    ops = [again]
    for value, operator in steps:
        ops.append(again if value is None else _number(_INTEGER, value))
        ops.append(_number(1, operator))
    written = b"".join(_field(1, _field(3 if place and place % 2 == 0 else 1, op)) for place, op in enumerate(ops))
    return head + _field(2, _number(1, predicate) + _field(2, again)) + _field(3, written)


def _head(symbols: Symbols) -> bytes:
    return _field(1, _number(1, symbols.number("query")))


def _at(symbols: Symbols, name: str) -> bytes:
    return _predicate(symbols, "at", [_number(_STRING, symbols.number(name))])


def _predicate(symbols: Symbols, name: str, terms: list[bytes]) -> bytes:
    return _number(1, symbols.number(name)) + b"".join(_field(2, term) for term in terms)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message that are bytes or messages. Raises ``TokenError`` where it is none."""
    place = 0
    while place < len(data):
        key, place = _take(data, place)
        length, place = _take(data, place)
        if key & 7 != 2 or place + length > len(data):
            raise _malformed("not the parts of a token")
        yield key >> 3, data[place : place + length]
        place += length


def _take(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place and where it ends."""
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place
    raise _malformed("a number without an end")


def _malformed(why: str) -> TokenError:
    return TokenError(f"malformed token: {why}", code="malformed")
