"""The codecs agree with their references; a codec that is weakened is noticed."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nucleus.gate import approvals
from nucleus.gate.approvals import Approval
from nucleus.gate.events import Submit
from nucleus.tokens import grant, token
from nucleus.tokens.block import Block
from nucleus.tokens.grant import Bounds
from proofs import formats, token_cases


@pytest.mark.parametrize("name", [name for name in formats.JOBS if name != "tokens"])
def test_formats_agree_with_their_references_and_have_each_answer_often(name: str) -> None:
    problems, tally = formats._many(formats.JOBS[name][0], 1_000, seed=11)
    assert problems == []
    assert len(tally) == 2
    assert formats.starved(tally) == []


def test_tokens_agree_with_their_reference_in_answer_and_reason() -> None:
    problems, tally = formats._many(token_cases.case, 1_500, seed=11)
    assert problems == []
    reasons = {"ok", "malformed", "untrusted", "revoked", "depth", "expired", "audience", "holder"}
    assert set(tally) == reasons
    assert formats.starved(tally + Counter(dict.fromkeys(reasons, 15))) == []


def test_a_starved_answer_is_a_finding() -> None:
    assert formats.starved(Counter({"read": 95, "refused": 5})) == [
        "only 5 of 100 answers are 'refused': the generator is lopsided"
    ]


def test_a_wrong_matching_of_approvals_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = approvals.match

    def any_reason(granted: dict[str, Approval], event: Submit, _rules: int, exposure: int) -> Approval | None:
        return real(granted, event, 0, exposure)

    monkeypatch.setattr(approvals, "match", any_reason)
    assert formats._many(formats.JOBS["approvals"][0], 2_000, seed=11)[0]


def _last_wins(blocks: list[Block], signers: list[bytes]) -> Bounds:
    authority = [block.authority for block in blocks if block.authority is not None][-1]
    return replace(grant.bounds_of(blocks, signers), authority=authority)


def _nothing(*_: Any) -> None:
    """Check nothing."""


def _any_holder(before: bytes, block: Block, _signer: bytes) -> bytes:
    return block.holder or before


WEAKER: dict[str, list[tuple[Any, str, Callable[..., Any]]]] = {
    "the last block wins": [(token, "bounds_of", _last_wins), (token, "_agreed", _nothing)],
    "anybody names the holder": [(grant, "_holder", _any_holder)],
    "no proof of the holder": [(token, "verify_proof", _nothing)],
    "the text is believed": [(token, "require_bytes", _nothing)],
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_reader_of_tokens_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)  # noqa: S311  cases, not secrets
    token_cases.pool(11)
    for module, attribute, weaker in WEAKER[name]:
        monkeypatch.setattr(module, attribute, weaker)
    assert any(token_cases.case(rng, _nothing) for _ in range(3_000))
