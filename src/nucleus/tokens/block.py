"""What one block of a token says, and the one text that says it.

A block is a list of Datalog facts in this order, each on a line of its own,
and of the checks that follow from them:

=========================  ====================================================
``nucleus(1);``            the version of this format
``authority(A);``          at most these levels (``kernel.capability``)
``budget(B);``             at most so many micro-units
``expires(T);``            from this second of Unix time on, nothing
``audience("NAME");``      only for these; one line for each name, ascending
``depth(D);``              at most so many blocks after this one
``exposure(E);``           at least this was seen (``kernel.exposure``)
``holder(hex:KEY);``       only for who proves this Ed25519 key
``limit("KEY", "TEXT");``  one line for each pattern, ascending; data for whoever
                           enforces: of each block that names a key of the policy
                           language, one pattern has to permit the value
=========================  ====================================================

The checks say authority, budget, expiry and audience once more in Datalog, so
that a Biscuit library on its own refuses what this room would refuse. Nothing
here evaluates Datalog: ``read`` accepts a text exactly if ``write`` would have
written it, so a rule, a scope, an unknown or repeated fact, another order or
spelling is an error, and two readers can't see two things in one block.

Biscuit prints strings without escapes; therefore no text here may hold a
quote, a backslash or a character that does not print.
"""

import re
from typing import Final, final

from nucleus.errors import TokenError
from nucleus.kernel import capability, exposure
from nucleus.kernel.state import BUDGET_LIMIT
from nucleus.lean import dataclass

VERSION: Final = 1
TIME_LIMIT: Final = (1 << 40) - 1
"""Seconds of Unix time: thirty thousand years, far below where 64-bit arithmetic could overflow."""
DEPTH_LIMIT: Final = 15
"""Blocks after the first. A chain of delegation that is longer is a loop."""
NAMES_LIMIT: Final = 16
LIMITS_LIMIT: Final = 64
KEYS: Final = frozenset((
    "read", "write", "fetch", "search", "remotes", "branches", "pull_requests", "channels", "packages",
    "commands", "env", "ports", "model", "services", "templates",
))  # fmt: skip
"""The keys of the policy language that a limit can name."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_TEXT_LIMIT: Final = 256
_LINES_LIMIT: Final = 8 + NAMES_LIMIT + LIMITS_LIMIT + 4
_FACT: Final = re.compile(r'([a-z]+)\((?:(0|[1-9][0-9]{0,15})|hex:([0-9a-f]{64})|"([^"\\]+)"(?:, "([^"\\]+)")?)\);')


@final
@dataclass(frozen=True, slots=True)
class Block:
    """What one block says; ``None`` and empty: nothing. Units are those of the table above."""

    authority: int | None = None
    budget: int | None = None
    expires: int | None = None
    audience: frozenset[str] = frozenset()
    depth: int | None = None
    exposure: int = 0
    holder: bytes = b""
    limits: frozenset[tuple[str, str]] = frozenset()


def write(block: Block) -> str:
    """Return the text of a block. Raises ``TokenError`` (malformed) for a value that no block may have."""
    _require(block)
    lines = [f"nucleus({VERSION});"]
    lines += [f"{name}({value});" for name, value in _numbers(block) if value is not None and name != "depth"]
    lines += [f'audience("{name}");' for name in sorted(block.audience)]
    lines += [] if block.depth is None else [f"depth({block.depth});"]
    lines += [f"exposure({block.exposure});"] if block.exposure else []
    lines += [f"holder(hex:{block.holder.hex()});"] if block.holder else []
    lines += [f'limit("{key}", "{text}");' for key, text in sorted(block.limits)]
    return "".join(line + "\n" for line in (*lines, *_checks(block)))


def read(text: str) -> Block:
    """Return what a block's text says. Raises ``TokenError`` (malformed) for any text that ``write`` does not write."""
    lines = text.split("\n")
    if len(lines) > _LINES_LIMIT:
        raise _malformed(f"a block of more than {_LINES_LIMIT} lines")
    said = _Said({}, [], [])
    for line in lines:
        # The comparison below demands exactly the checks that follow from the facts.
        if line and not line.startswith("check if "):
            _take(said, line)
    if said.numbers.pop("nucleus", None) != VERSION:
        raise _malformed(f"not version {VERSION} of this format")
    block = said.block()
    # INVARIANT: one block, one text. What was overlooked, repeated, reordered or unknown above differs here.
    if write(block) != text:
        raise _malformed("not the one text of what it says: an unknown, repeated, missing or misplaced line")
    return block


@final
@dataclass(slots=True)
class _Said:
    """The facts of a text, as far as they were read."""

    numbers: dict[str, int]
    names: list[str]
    limits: list[tuple[str, str]]
    holder: bytes = b""

    def block(self) -> Block:
        return Block(
            self.numbers.get("authority"),
            self.numbers.get("budget"),
            self.numbers.get("expires"),
            frozenset(self.names),
            self.numbers.get("depth"),
            self.numbers.get("exposure", 0),
            self.holder,
            frozenset(self.limits),
        )


def _take(said: _Said, line: str) -> None:
    """Take one fact. Raises ``TokenError`` for a line that is none; what stands in the wrong place comes out later."""
    fact = _FACT.fullmatch(line)
    if fact is None:
        raise _malformed(f"not a fact of this format: {line[:80]!r}")
    match fact.groups():
        case (name, str(digits), None, None, None):
            said.numbers[name] = int(digits)
        case ("holder", None, str(key), None, None):
            said.holder = bytes.fromhex(key)
        case ("audience", None, None, str(one), None):
            said.names.append(one)
        case ("limit", None, None, str(key), str(pattern)):
            said.limits.append((key, pattern))
        case (name, *_):
            raise _malformed(f"no fact {name!r} of this form")


def _numbers(block: Block) -> tuple[tuple[str, int | None], ...]:
    return (
        ("authority", block.authority),
        ("budget", block.budget),
        ("expires", block.expires),
        ("depth", block.depth),
    )


def _checks(block: Block) -> list[str]:
    """Return in Datalog what a plain Biscuit verifier can check: it supplies asked, spent, now and at."""
    checks = []
    if block.authority is not None:
        checks.append(f"check if asked($a), $a & {block.authority} === $a;")
    if block.budget is not None:
        checks.append(f"check if spent($b), $b <= {block.budget};")
    if block.expires is not None:
        checks.append(f"check if now($t), $t < {block.expires};")
    if block.audience:
        # Not a set: Biscuit prints a set in the order of its symbol table, which depends on the blocks before.
        checks.append("check if " + " or ".join(f'at("{name}")' for name in sorted(block.audience)) + ";")
    return checks


def _require(block: Block) -> None:
    """Raise ``TokenError`` for a value out of range."""
    for name, value in _numbers(block):
        if value is not None and (type(value) is not int or not 0 <= value <= _MOST[name]):
            raise _malformed(f"{name} is not within 0 and {_MOST[name]}: {value!r}")
    if block.authority is not None and not capability.valid(block.authority):
        raise _malformed(f"authority {block.authority} has a level that is none")
    if type(block.exposure) is not int or not exposure.valid(block.exposure):
        raise _malformed(f"exposure {block.exposure!r} is none")
    if type(block.holder) is not bytes or len(block.holder) not in {0, 32}:
        raise _malformed("a holder is an Ed25519 public key of 32 bytes")
    _require_texts(block)
    if block == Block():
        raise _malformed("a block that says nothing")


def _require_texts(block: Block) -> None:
    """Raise ``TokenError`` for names and patterns that no block may have."""
    if len(block.audience) > NAMES_LIMIT or len(block.limits) > LIMITS_LIMIT:
        raise _malformed(f"more than {NAMES_LIMIT} audiences or {LIMITS_LIMIT} limits in one block")
    for name in block.audience:
        if not good_name(name):
            raise _malformed(f"not a name of an audience: {name!r}")
    for key, text in block.limits:
        if key not in KEYS or not good_text(text):
            raise _malformed(f"not a limit: {key!r}, {text!r}")


_MOST: Final = {
    "authority": capability.EVERYTHING,
    "budget": BUDGET_LIMIT,
    "expires": TIME_LIMIT,
    "depth": DEPTH_LIMIT,
}


def good_name(name: object) -> bool:
    """Whether this can name an audience: up to 128 letters, digits and ``._:/@+-``, the first a letter or digit."""
    return type(name) is str and _NAME.fullmatch(name) is not None


def good_text(text: object) -> bool:
    """Whether this can be the pattern of a limit: up to 256 characters that print, no quote, no backslash."""
    return type(text) is str and 0 < len(text) <= _TEXT_LIMIT and text.isprintable() and not {'"', "\\"} & set(text)


def _malformed(why: str) -> TokenError:
    return TokenError(f"malformed token: {why}", code="malformed")
