"""Random tokens, honest and hostile, at the product and at the reference of ``tokens``: same answer, same reason.

Signing is slow, so a pool of tokens is made once for each process and then
presented in many ways: damaged, spliced, late, to others, by others, revoked.
Of each token that gives something, Biscuit's own authorizer is asked at random
whether it would allow this much too: a third opinion on the meet.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final, final

import biscuit_auth
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import TokenError
from nucleus.tokens import token
from nucleus.tokens.block import Block, write
from nucleus.tokens.holder import Challenge
from proofs import tokens
from proofs.tokens import Answer, Presented

PROGRAM: Any = biscuit_auth
POOL: Final = 240
SEALED: Final = 60
NOW: Final = 1_000
NAMES: Final = ("api", "mirror", "read", "admin", "a.b/c", "x-1", "z")
TEXTS: Final = ("src/**", "docs", "read", "é x", "a b", "😀", "*")
CAPABILITIES: Final = 12
UNREADABLE: Final = {"untrusted", "malformed"}
"""Of bytes that nobody wrote, either is right: which it is says where a reader of Protocol Buffers gives up."""
ODD: Final = (
    "nucleus(1); budget(5); check if spent($b), $b < 5;",
    "nucleus(1); budget(5);",
    "nucleus(1); budget(5); budget(6); check if spent($b), $b <= 5;",
    "nucleus(1); budget(6); authority(3); check if asked($a), $a & 3 === $a; check if spent($b), $b <= 6;",
    "nucleus(1); authority(2); check if asked($a), $a & 2 === $a;",
    "nucleus(1); authority(3); check if asked($a), $a & 3 == $a;",
    "nucleus(2); depth(1);",
    "depth(1);",
    "nucleus(1); depth(16);",
    "nucleus(1); depth(-1);",
    'nucleus(1); depth("1");',
    "nucleus(1); depth(true);",
    "nucleus(1); depth(1); unknown(1);",
    "nucleus(1); depth(1); depth($x) <- nucleus($x);",
    "nucleus(1); depth(1); check if true;",
    "nucleus(1); depth(1); reject if true;",
    "nucleus(1); exposure(8);",
    "nucleus(1); exposure(0);",
    "nucleus(1); holder(hex:00);",
    "nucleus(1); expires(2030-01-01T00:00:00Z);",
    'nucleus(1); audience("b"); audience("a"); check if at("b") or at("a");',
    'nucleus(1); audience("a"); check if at("a"), at("a");',
    'nucleus(1); audience("a b"); check if at("a b");',
    'nucleus(1); limit("wipe", "x");',
    'nucleus(1); limit("read");',
    'nucleus(1); limit("read", "x"); limit("read", "a");',
    "nucleus(1); budget(7); check all spent($b), $b <= 7;",
    "nucleus(1); budget(7); check if spent($b), $b <= 7 trusting previous;",
    "nucleus(1); depth([1]);",
    "nucleus(1);",
    "",
)
"""What any holder can append, and no writer of ours writes."""
LIES: Final = (
    ('a");\naudience("b', 'check if at("a") or at("b");'),
    ('x"), ("y', 'check if at("x");'),
    ("a\\", 'check if at("a");'),
    ("", "check if true;"),
)
"""Names that print as something else, and the check that would go with what they print as."""


@final
@dataclass(frozen=True, slots=True)
class Made:
    """A token with the key of who holds it, if that is known."""

    text: str
    holder: Ed25519PrivateKey
    ids: tuple[str, ...] = ()


@final
@dataclass(slots=True)
class Pool:
    """Keys, and tokens of every kind."""

    rng: random.Random
    root: Ed25519PrivateKey = field(init=False)
    people: list[Ed25519PrivateKey] = field(init=False)
    good: list[Made] = field(default_factory=list)
    bad: list[Made] = field(default_factory=list)
    """Hostile in themselves: odd Datalog, too deep, stolen, signed by others."""

    def __post_init__(self) -> None:
        self.root, *self.people = [Ed25519PrivateKey.from_private_bytes(self.rng.randbytes(32)) for _ in range(4)]
        for _ in range(POOL):
            self.good.append(self._good())
        for number in range(POOL):
            self.bad.append(_BAD[number % len(_BAD)](self))
        # Last, since nothing can be appended to them.
        self.good += [self.seal() for _ in range(SEALED)]

    def roots(self) -> list[token.Root]:
        """Return the root, trusted for all or for less."""
        return [token.Root("root", self.root.public_key().public_bytes_raw(), self.rng.choice((0xFFFFFF, 0x0F5F5F)))]

    def block(self, *, first: bool = False) -> Block:
        """Return a random block without a holder; the first has all bounds."""
        rng = self.rng

        def maybe(value: Any, nothing: Any = None) -> Any:
            return value if first or rng.random() < 0.4 else nothing

        made = Block(
            authority=maybe(_authority(rng)),
            budget=maybe(rng.choice((0, 1, 500, 2**53 - 1, rng.randrange(10**6)))),
            expires=maybe(NOW + rng.choice((-1, 0, 1, 100, 10**6)) if not first else NOW + rng.choice((1, 50, 10**9))),
            audience=maybe(
                frozenset(rng.sample(NAMES, rng.randrange(1, 4)) + ["api"] * (rng.random() < 0.8)), frozenset()
            ),
            depth=rng.randrange(3, 16) if first else rng.randrange(1, 16) if rng.random() < 0.2 else None,
            exposure=rng.choice((0, 0, 1, 2, 3, 9, 31)),
            limits=frozenset(
                (rng.choice(("read", "write", "fetch")), rng.choice(TEXTS)) for _ in range(rng.randrange(3))
            ),
        )
        return made if made != Block() else Block(exposure=2)

    def _good(self) -> Made:
        rng, holder = self.rng, self.rng.choice(self.people)
        block = self.block(first=True)
        public = holder.public_key().public_bytes_raw()
        text = token.mint(self.root, _with(block, holder=public, audience=block.audience | {"api"}))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
            if rng.random() < 0.3:
                after = rng.choice(self.people)
                handed = Block(holder=after.public_key().public_bytes_raw())
                text, holder = token.attenuate(text, handed, self.roots(), holder), after
            else:
                text = self.append(text, write(self.block()))
        ids = token.inspect(text).revocation_ids
        return Made(text, holder, ids)

    def seal(self) -> Made:
        """Return one of the good tokens with a seal, made by the product or by the specification."""
        before = self.rng.choice(self.good)
        made = token.seal(before.text, self.roots()) if self.rng.random() < 0.5 else tokens.sealed(before.text)
        return Made(made, before.holder, before.ids)

    def append(self, text: str, source: str, **terms: Any) -> str:
        """Append any Datalog, by Biscuit's library alone."""
        return str(self.opened(text).append(PROGRAM.BlockBuilder(source, terms)).to_base64())

    def signed_by(self, text: str, key: Ed25519PrivateKey, source: str) -> str:
        """Append a block that somebody signed as a third party."""
        opened = self.opened(text)
        block = opened.third_party_request().create_block(_private(key), PROGRAM.BlockBuilder(source))
        return str(opened.append_third_party(_public(key), block).to_base64())

    def opened(self, text: str) -> Any:
        """Return Biscuit's own object of a token."""
        return PROGRAM.Biscuit.from_base64(text, _public(self.root))


def _odd(pool: Pool) -> Made:
    before = pool.rng.choice(pool.good)
    return Made(pool.append(before.text, pool.rng.choice(ODD)), before.holder)


def _odd_first(pool: Pool) -> Made:
    source = pool.rng.choice((*ODD, write(pool.block(first=True)), write(pool.block())))
    return Made(str(PROGRAM.BiscuitBuilder(source).build(_private(pool.root)).to_base64()), pool.people[0])


def _lie(pool: Pool) -> Made:
    before, (name, check) = pool.rng.choice(pool.good), pool.rng.choice(LIES)
    return Made(pool.append(before.text, f"nucleus(1); audience({{name}}); {check}", name=name), before.holder)


def _deep(pool: Pool) -> Made:
    before = pool.rng.choice(pool.good)
    text = pool.append(before.text, "nucleus(1);\ndepth(0);\n")
    for _ in range(pool.rng.randrange(1, 3)):
        text = pool.append(text, write(pool.block()))
    return Made(text, before.holder)


def _stolen(pool: Pool) -> Made:
    """A thief makes the token out to itself, unsigned or signed by itself; or a holder signs what it need not."""
    before, thief = pool.rng.choice(pool.good), pool.people[2]
    mine = write(Block(holder=thief.public_key().public_bytes_raw()))
    match pool.rng.randrange(4):
        case 0:
            text = pool.append(before.text, mine)
        case 1:
            text = pool.signed_by(before.text, thief, mine)
        case 2:
            text = pool.signed_by(before.text, before.holder, write(pool.block()))
        case _:
            text = pool.signed_by(before.text, before.holder, mine)
    return Made(text, thief)


def _hinted(pool: Pool) -> Made:
    builder = PROGRAM.BiscuitBuilder(write(pool.block(first=True)))
    builder.set_root_key_id(pool.rng.randrange(3))
    return Made(str(builder.build(_private(pool.root)).to_base64()), pool.people[0])


_BAD: Final[tuple[Callable[[Pool], Made], ...]] = (
    _odd,
    _odd,
    _odd_first,
    _lie,
    _deep,
    _deep,
    _deep,
    _stolen,
    _stolen,
    _hinted,
)


@cache
def pool(seed: int) -> Pool:
    """Return this process's tokens."""
    return Pool(random.Random(seed))  # noqa: S311  cases, not secrets


# Cases -----------------------------------------------------------------------------------------------------


def case(rng: random.Random, tally: Callable[[str], None]) -> list[str]:
    """Present one token once; return what is wrong with the answers."""
    own = pool(11)
    made = rng.choice(own.good if rng.random() < 0.75 else own.bad)
    asked = _presented(rng, own, made)
    found, wanted = product(asked), tokens.answer(asked)
    tally(wanted[0])
    if found != wanted and not (asked.token != made.text and {found[0], wanted[0]} == UNREADABLE):
        return [f"the product says {found[0]}, the reference {wanted[0]}: {asked} {found[1]} {wanted[1]}"]
    return _third_opinion(rng, own, made, wanted[1]) if wanted[0] == "ok" and rng.random() < 0.3 else []


def _presented(rng: random.Random, own: Pool, made: Made) -> Presented:
    """Return a presentation: mostly as it should be, else with one or two things wrong."""
    text, audience, key, now, revoked = made.text, "api", made.holder, NOW, frozenset[str]()
    nonce, roots = rng.randbytes(32), own.roots()
    stale = b""
    for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 1, 2))):
        match rng.randrange(11):
            case 0 | 1:
                text = _damaged(rng, own, made.text)
            case 2:
                now = rng.choice((NOW + 2, NOW + 200, NOW + 2 * 10**9))
            case 3 | 4:
                audience = rng.choice((*NAMES, "other", "ap"))
            case 5:
                key = rng.choice(own.people)
            case 6:
                stale = rng.randbytes(32)
            case 7 | 8:
                revoked = frozenset({rng.choice(made.ids or ("00" * 64,)), "11" * 64})
            case 9:
                roots = [token.Root("other", own.people[0].public_key().public_bytes_raw())]
            case _:
                roots = [token.Root("other", own.people[0].public_key().public_bytes_raw(), 0), *roots]
    try:
        proof = token.answer(text, key, Challenge(audience, stale or nonce))
    except TokenError:
        proof = bytes(64)
    trusted = tuple((root.public, root.authority) for root in roots)
    return Presented(text, trusted, audience, nonce, proof, now, revoked)


def _damaged(rng: random.Random, own: Pool, text: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(text))
    place = rng.randrange(len(raw))
    match rng.randrange(7):
        case 0:
            raw[place] ^= 1 << rng.randrange(8)
        case 1:
            del raw[place:]
        case 2:
            raw += rng.choice((b"\x78\x01", b"\x00", b"\x1a\x00", bytes(raw[:place])))
        case 3:
            other = base64.urlsafe_b64decode(rng.choice(own.good).text)
            raw = bytearray(b"".join(pieces(bytes(raw))[:1] + pieces(other)[1:]))
        case 4:
            found = pieces(bytes(raw))
            rng.shuffle(found)
            raw = bytearray(b"".join(found))
        case 5:
            return text[: rng.randrange(len(text))] + rng.choice(("=", "", " ", "+", "é"))
        case _:
            raw[place : place + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(9))
    return base64.urlsafe_b64encode(bytes(raw)).decode()


def pieces(raw: bytes) -> list[bytes]:
    """Return the outermost fields of a message as they stand there; the rest of what is none is one piece."""
    found, rest = [], raw
    while rest:
        size = place = 0
        for place, byte in enumerate(rest[1:11]):
            size += (byte % 128) << 7 * place
            if byte < 128:
                break
        end = min(len(rest), 2 + place + size)
        found.append(rest[:end])
        rest = rest[end:]
    return found


def product(p: Presented) -> Answer:
    """Return the product's answer in the words of the reference."""
    roots = [token.Root(str(place), public, most) for place, (public, most) in enumerate(p.roots)]
    asked = Challenge(p.audience, p.nonce)
    try:
        grant = token.verify(p.token, roots, asked, p.proof, now=p.now, revoked=p.revoked)
    except TokenError as error:
        return error.code, None
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return repr(error), None
    bounds = grant.bounds
    return "ok", {
        "levels": [bounds.authority >> 2 * place & 3 for place in range(CAPABILITIES)],
        "budget": bounds.budget,
        "expires": bounds.expires,
        "exposure": bounds.exposure,
        "audience": set(bounds.audience),
        "depth": bounds.depth,
        "holder": bounds.holder,
        "limits": [set(each) for each in bounds.limits],
        "ids": list(grant.revocation_ids),
    }


def _third_opinion(rng: random.Random, own: Pool, made: Made, given: dict[str, Any]) -> list[str]:
    """Ask Biscuit's authorizer for a random amount: it says yes exactly if that is within what was given."""
    levels = [min(3, max(0, level + rng.choice((0, 0, 0, 0, 0, 0, 1)))) for level in given["levels"]]
    asked = sum((3 if level == 2 else level) << 2 * place for place, level in enumerate(levels))
    spent = max(0, given["budget"] + rng.choice((0, 0, -1, 1)))
    now, name = (
        given["expires"] + rng.choice((-1, -1, -1, 0)),
        rng.choice((*sorted(given["audience"]), "api", "nobody")),
    )
    builder = PROGRAM.AuthorizerBuilder(
        "asked({asked}); spent({spent}); now({now}); at({name}); allow if true;",
        {"asked": asked, "spent": spent, "now": now, "name": name},
    )
    limits = builder.limits()
    limits.max_time = timedelta(seconds=5)
    builder.set_limits(limits)
    try:
        builder.build(own.opened(made.text)).authorize()
        said = True
    except PROGRAM.AuthorizationError:
        said = False
    blocks = token.inspect(made.text).blocks
    inside = all(
        asked >> 2 * place & 3 <= min((b.authority >> 2 * place & 3) for b in blocks if b.authority is not None)
        for place in range(CAPABILITIES)
    )
    meant = inside and spent <= given["budget"] and now < given["expires"] and name in given["audience"]
    return (
        [] if said == meant else [f"Biscuit's authorizer says {said} to {asked}, {spent}, {now}, {name}: {made.text}"]
    )


def _authority(rng: random.Random) -> int:
    return sum(rng.choice((0, 1, 3, 3)) << 2 * place for place in range(CAPABILITIES))


def _with(block: Block, **changed: Any) -> Block:
    names = ("authority", "budget", "expires", "audience", "depth", "exposure", "holder", "limits")
    return Block(**({name: getattr(block, name) for name in names} | changed))


def _private(key: Ed25519PrivateKey) -> Any:
    return PROGRAM.PrivateKey.from_bytes(key.private_bytes_raw(), PROGRAM.Algorithm.Ed25519)


def _public(key: Ed25519PrivateKey) -> Any:
    return PROGRAM.PublicKey.from_bytes(key.public_key().public_bytes_raw(), PROGRAM.Algorithm.Ed25519)
