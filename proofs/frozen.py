"""The frozen corpus of the codecs: inputs on which a reader once was wrong, or would be if it were weakened.

One line of ``codecs.jsonl`` for each: codec, input, the answer that it must
have, and why it is there. Product and reference are both held to it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from nucleus.errors import PolicyError, TraceError
from nucleus.gate import approvals, protocol
from nucleus.gate.approvals import Approval
from nucleus.gate.events import Submit
from nucleus.policy.call import Classified
from nucleus.policy.document import read_document
from nucleus.trace import canonical
from proofs import token_cases, tokens
from proofs.formats import answers

CORPUS: Final = Path(__file__).with_name("codecs.jsonl")


def check(path: Path = CORPUS) -> tuple[int, list[str]]:
    """Return how many lines there are, and which of them have another answer now."""
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    problems = []
    for number, entry in enumerate(entries, 1):
        found = READERS[entry["codec"]](entry["input"])
        problems += [
            f"{path.name}:{number}: {entry['why']}: {one!r}, was {entry['answer']!r}"
            for one in found
            if one != entry["answer"]
        ]
    return len(entries), problems


def _record(given: str) -> list[Any]:
    line = bytes.fromhex(given)
    try:
        return ["read" if canonical.encode(canonical.parse(line)) == line else "read as another line"]
    except TraceError:
        return ["refused"]


def _policy(given: str) -> list[Any]:
    try:
        read_document(bytes.fromhex(given), "nucleus.toml")
    except PolicyError:
        return ["refused"]
    return ["read"]


def _frame(given: str) -> list[Any]:
    splitter = protocol.Splitter()
    try:
        count = sum(1 for _ in splitter.feed(bytes.fromhex(given)))
    except protocol.ProtocolError:
        return ["refused"]
    return ["unfinished" if splitter.unfinished else f"{count} read"]


def _approval(given: dict[str, Any]) -> list[Any]:
    granted = {fields["question"]: Approval(**fields) for fields in given["granted"]}
    event = submitted(given["event"])
    found = approvals.match(granted, event, given["rules"], given["exposure"])
    plain = [one.question for one in granted.values() if answers(one, event, given["rules"], given["exposure"])]
    return ["" if found is None else found.question, plain[0] if plain else ""]


def submitted(fields: dict[str, Any]) -> Submit:
    """Return the call that an entry describes."""
    facts = Classified(fields["op"], 0, 0, fields["sink"], 2, 0, 0, 0, 0, 0, destination=fields["destination"])
    name, digest, size = fields["call"], fields["digest"], fields["egress_bytes"]
    return Submit(fields["principal"], 1, "id", name, {}, digest, facts, 1, size, fields["now"])


def _token(given: dict[str, Any]) -> list[Any]:
    asked = presented(given)
    return [token_cases.product(asked)[0], tokens.answer(asked)[0]]


def presented(fields: dict[str, Any]) -> tokens.Presented:
    """Return the presentation that an entry describes."""
    return tokens.Presented(
        fields["token"],
        tuple((bytes.fromhex(key), most) for key, most in fields["roots"]),
        fields["audience"],
        bytes.fromhex(fields["nonce"]),
        bytes.fromhex(fields["proof"]),
        fields["now"],
        frozenset(fields["revoked"]),
    )


READERS: Final[dict[str, Callable[[Any], list[Any]]]] = {
    "record": _record,
    "policy": _policy,
    "frame": _frame,
    "approval": _approval,
    "token": _token,
}
"""Codec -> what its readers, the product's first, answer to an input."""
