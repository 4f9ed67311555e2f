"""``nucleus token``: mint, attenuate, inspect and verify authority tokens.

Keys come from PEM files that nobody else can read, never from an argument; the
token itself is no secret, for only its holder can use it. Statuses: 0 fine,
1 the token gives nothing (the line says why), 2 a wrong call.
"""

import argparse
import json
import os
import sys
import time
from typing import Any, Final

from nucleus.cli import Usage, shared
from nucleus.policy.model import CALL_COST
from nucleus.policy.schema import CAPABILITIES, GROUPS, LEVELS
from nucleus.tokens import token as tokens
from nucleus.tokens.block import KEYS, Block
from nucleus.tokens.grant import Grant
from nucleus.tokens.holder import NONCE_BYTES, Challenge, challenge
from nucleus.tokens.keys import read_private, read_public

EXPOSURES: Final = {"private": 1, "untrusted": 2, "exfil": 4, "foreign": 9, "secret": 17}
"""Words for what was seen -> bits of exposure; a refinement has private too."""
INPUT_LIMIT: Final = 1 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what ``nucleus token`` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, line in (
        ("mint", "print a new token, signed by a root key"),
        ("attenuate", "print the token with one more block, which can only take away"),
        ("inspect", "print what a token says, without believing it"),
        ("verify", "print what a token gives to whoever presents it here and now"),
    ):
        text = line[0].upper() + line[1:] + "."
        action = actions.add_parser(name, help=line, description=text, allow_abbrev=False, parents=[shared()])
        if name != "mint":
            action.add_argument("file", metavar="FILE", help="the token; - reads standard input")
        if name in {"mint", "attenuate"}:
            _bounds(action, first=name == "mint")
        if name == "attenuate":
            action.add_argument("--seal", action="store_true", help="let nobody append to it any more")
        if name in {"attenuate", "verify"}:
            action.add_argument("--root", metavar="PEM", action="append", required=True, help="a public key you trust")
        if name in {"inspect", "verify"}:
            _proofs(action, verifies=name == "verify")


def _bounds(action: argparse.ArgumentParser, *, first: bool) -> None:
    add = action.add_argument
    flag, what = ("--allow-capability", "give") if first else ("--only", "keep at most")
    add(flag, dest="levels", metavar="NAME=LEVEL", action="append", default=[], help=f"{what} a capability or group")
    add("--calls", type=_count, required=first, help="calls that it can pay for")
    ends = action.add_mutually_exclusive_group(required=first)
    ends.add_argument("--minutes", type=_count, help="how long it is good for")
    ends.add_argument("--expires", type=_count, metavar="UNIX", help="the second at which it ends")
    add("--audience", metavar="NAME", action="append", default=[], required=first, help="who may accept it")
    add("--depth", type=_count, default=0 if first else None, help="how many blocks may follow")
    add("--seen", metavar="WORD", action="append", default=[], choices=sorted(EXPOSURES), help="what was seen already")
    add("--limit", metavar="KEY=PATTERN", action="append", default=[], help="permit only these paths, hosts, ...")
    add("--holder", metavar="PEM", required=first, help="public key of who can use it")
    who = "the root's private key" if first else "private key of the present holder (with --holder)"
    add("--key", metavar="PEM", required=first, help=who)


def _proofs(action: argparse.ArgumentParser, *, verifies: bool) -> None:
    add = action.add_argument
    add("--audience", metavar="NAME", required=verifies, help="the verifier's own name")
    add("--challenge", metavar="HEX", help="what the verifier asked the holder to sign")
    add("--key", metavar="PEM", help="the holder's private key" + (": prove it here and now" if verifies else ""))
    add("--json", action="store_true", help="print one JSON object")
    if verifies:
        add("--proof", metavar="HEX", help="the holder's answer to --challenge")
        add("--revoked", metavar="F", help="file of revocation ids, one a line")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises ``TokenError`` for a token that gives nothing, ``CannotEnforce`` for a key file, ``Usage``."""
    match args.action:
        case "mint":
            print(tokens.mint(read_private(args.key), _block(args)))
        case "attenuate":
            if (args.holder is None) != (args.key is None):
                raise Usage("--holder and --key go together: only the present holder makes a token out to another")
            print(_attenuated(args))
        case "inspect":
            _inspect(args)
        case _:
            return _verify(args)
    return 0


def _attenuated(args: argparse.Namespace) -> str:
    """Return the token with one more block, sealed if that was asked for; with nothing but a seal there is no block."""
    key, roots = None if args.key is None else read_private(args.key), _roots(args.root)
    token, block = _token(args.file), _block(args)
    if block != Block() or not args.seal:
        token = tokens.attenuate(token, block, roots, key)
    return tokens.seal(token, roots) if args.seal else token


def _block(args: argparse.Namespace) -> Block:
    levels = _levels(args.levels)
    expires = args.expires if args.minutes is None else int(time.time()) + 60 * args.minutes
    return Block(
        authority=levels if args.levels or args.action == "mint" else None,
        budget=None if args.calls is None else args.calls * CALL_COST,
        expires=expires,
        audience=frozenset(args.audience),
        depth=args.depth,
        exposure=_joined(args.seen),
        holder=b"" if args.holder is None else read_public(args.holder),
        limits=frozenset(map(_limit, args.limit)),
    )


def _levels(words: list[str]) -> int:
    """Return the authority that NAME=LEVEL words name; the rest is never."""
    authority = 0
    for word in words:
        name, _, level = word.partition("=")
        names = GROUPS.get(name, (name,))
        if level not in LEVELS or not set(names) <= set(CAPABILITIES):
            known = f"names: {', '.join((*CAPABILITIES, *GROUPS))}; levels: {', '.join(LEVELS)}"
            raise Usage(f"{word!r} is no NAME=LEVEL; {known}")
        for one in names:
            authority |= LEVELS[level] << 2 * list(CAPABILITIES).index(one)
    return authority


def _joined(words: list[str]) -> int:
    bits = 0
    for word in words:
        bits |= EXPOSURES[word]
    return bits


def _limit(word: str) -> tuple[str, str]:
    key, _, pattern = word.partition("=")
    if key not in KEYS or not pattern:
        raise Usage(f"{word!r} is no KEY=PATTERN; keys: {', '.join(sorted(KEYS))}")
    return key, pattern


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _token(name: str) -> str:
    if name == "-":
        return sys.stdin.read(INPUT_LIMIT).strip()
    with open(name, "rb") as file:
        return file.read(INPUT_LIMIT).decode("ascii", "replace").strip()


def _roots(paths: list[str]) -> list[tokens.Root]:
    return [tokens.Root(os.path.basename(path), read_public(path)) for path in paths]


def _inspect(args: argparse.Namespace) -> None:
    """Print the blocks; with a challenge, the holder's answer to it and nothing else."""
    token = _token(args.file)
    if args.challenge is not None:
        if args.key is None or args.audience is None:
            raise Usage("a proof needs --challenge HEX, the verifier's --audience NAME and your --key PEM")
        asked = Challenge(args.audience, _hex(args.challenge, "--challenge"))
        print(tokens.answer(token, read_private(args.key), asked).hex())
        return
    found = tokens.inspect(token)
    rows = [
        {"revocation_id": id_, **_said(block)} for block, id_ in zip(found.blocks, found.revocation_ids, strict=True)
    ]
    if args.json:
        print(json.dumps({"believed": False, "blocks": rows}, sort_keys=True))
        return
    for number, row in enumerate(rows):
        print(f"block {number}" if number else "block 0, by whoever claims to be a root")
        print("".join(f"  {name}: {_words(value)}\n" for name, value in row.items()), end="")
    print("Nobody checked a signature. What it gives, if anything, is for nucleus token verify to say.")


def _verify(args: argparse.Namespace) -> int:
    token, roots = _token(args.file), _roots(args.root)
    if args.key is not None:
        asked = challenge(args.audience)
        proof = tokens.answer(token, read_private(args.key), asked)
    elif args.challenge is not None and args.proof is not None:
        asked = Challenge(args.audience, _hex(args.challenge, "--challenge"))
        proof = _hex(args.proof, "--proof")
    else:
        nonce = challenge(args.audience).nonce.hex()
        who = f"nucleus token inspect FILE --challenge {nonce} --audience {args.audience} --key HOLDER.pem"
        print(f"The holder has to prove its key. Ask it for the answer of\n  {who}\nand add --challenge and --proof.")
        return 1
    revoked = frozenset(_token(args.revoked).split()) if args.revoked else frozenset()
    grant = tokens.verify(token, roots, asked, proof, now=int(time.time()), revoked=revoked)
    said = _given(grant)
    if args.json:
        print(json.dumps(said, sort_keys=True))
    elif not args.quiet:
        print("".join(f"{name}: {_words(value)}\n" for name, value in said.items()), end="")
    return 0


def _hex(text: str, flag: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) not in {NONCE_BYTES, 64}:
        raise Usage(f"{flag} is not the hexadecimal text that the other side printed")
    return found


def _given(grant: Grant) -> dict[str, Any]:
    bounds = grant.bounds
    said = _said(
        Block(
            bounds.authority,
            bounds.budget,
            bounds.expires,
            bounds.audience,
            bounds.depth,
            bounds.exposure,
            bounds.holder,
        )
    )
    limits = [_limits(each) for each in bounds.limits]
    return {"root": grant.root, **said, "limits": limits, "revocation_ids": list(grant.revocation_ids)}


def _said(block: Block) -> dict[str, Any]:
    """Return what a block says, in words."""
    return {
        name: value
        for name, value in (
            ("authority", None if block.authority is None else _authority(block.authority)),
            ("calls", None if block.budget is None else block.budget // CALL_COST),
            ("budget", block.budget),
            ("expires", block.expires),
            ("audience", sorted(block.audience) or None),
            ("depth", block.depth),
            ("seen", [word for word, bits in EXPOSURES.items() if block.exposure & bits == bits] or None),
            ("holder", block.holder.hex() or None),
            ("limits", _limits(block.limits) or None),
        )
        if value is not None
    }


def _authority(authority: int) -> dict[str, str]:
    words = {level: word for word, level in LEVELS.items()}
    levels = {name: words[authority >> 2 * place & 3] for place, name in enumerate(CAPABILITIES)}
    return {name: level for name, level in levels.items() if level != "never"}


def _limits(limits: frozenset[tuple[str, str]]) -> list[str]:
    return [f"{key}={pattern}" for key, pattern in sorted(limits)]


def _words(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name}={level}" for name, level in value.items()) or "nothing"
        case list():
            return " ".join(map(str, value)) or "none"
        case _:
            return str(value)
