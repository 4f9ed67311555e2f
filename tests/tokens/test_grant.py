"""What blocks give together is below each of them, whatever the later ones claim."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TokenError
from nucleus.kernel.capability import leq
from nucleus.kernel.exposure import leq as seen_by
from nucleus.kernel.state import State
from nucleus.tokens.block import Block
from nucleus.tokens.grant import Bounds, bounds_of, narrowed
from tests.tokens.test_block import AUTHORITIES, BLOCKS

HOLDER, OTHER = b"h" * 32, b"o" * 32
FIRST = Block(0xFFFFFF, 100, 50, frozenset({"a", "b"}), 15, 0, HOLDER)
LATER = BLOCKS.map(lambda block: replace(block, holder=b"", depth=None, exposure=block.exposure or 2))


def met(*later: Block, first: Block = FIRST, signers: tuple[bytes, ...] = ()) -> Bounds:
    return bounds_of([first, *later], [b"", *(signers or (b"",) * len(later))])


@given(st.lists(LATER, max_size=6))
def test_the_meet_is_below_every_block(later: list[Block]) -> None:
    found = met(*later)
    for block in (FIRST, *later):
        assert block.authority is None or leq(found.authority, block.authority)
        assert block.budget is None or found.budget <= block.budget
        assert block.expires is None or found.expires <= block.expires
        assert not block.audience or found.audience <= block.audience
        assert seen_by(block.exposure, found.exposure)
    assert [set(limits) for limits in found.limits] == [set(block.limits) for block in later if block.limits]


@given(st.lists(LATER, max_size=4), LATER)
def test_one_block_more_never_gives_more(later: list[Block], one: Block) -> None:
    before, after = met(*later), met(*later, one)
    assert leq(after.authority, before.authority)
    assert after.budget <= before.budget
    assert after.expires <= before.expires
    assert after.audience <= before.audience
    assert after.depth < before.depth
    assert seen_by(before.exposure, after.exposure)
    assert after.limits[: len(before.limits)] == before.limits


@given(st.permutations([Block(authority=3), Block(budget=7), Block(expires=9), Block(exposure=2)]))
def test_the_order_of_blocks_does_not_matter_for_what_they_give(later: list[Block]) -> None:
    assert met(*later) == met(Block(authority=3), Block(budget=7), Block(expires=9), Block(exposure=2))


@pytest.mark.parametrize("missing", ["authority", "budget", "expires", "audience", "depth", "holder"])
def test_the_first_block_leaves_no_bound_open(missing: str) -> None:
    empty = {"audience": frozenset(), "holder": b""}
    with pytest.raises(TokenError, match="names authority") as refused:
        met(first=replace(FIRST, **{missing: empty.get(missing)}))  # type: ignore[arg-type]
    assert refused.value.code == "malformed"


def test_depth_counts_the_blocks_that_may_follow_and_only_falls() -> None:
    some = Block(budget=1)
    assert met(first=replace(FIRST, depth=2)).depth == 2
    assert met(some, first=replace(FIRST, depth=2)).depth == 1
    assert met(Block(depth=9), first=replace(FIRST, depth=2)).depth == 1
    assert met(some, Block(depth=0)).depth == 0
    for later in ((some, some, some), (Block(depth=9), some, some), (Block(depth=0), some)):
        with pytest.raises(TokenError) as refused:
            met(*later, first=replace(FIRST, depth=2))
        assert refused.value.code == "depth"


def test_only_the_holder_makes_a_token_out_to_another() -> None:
    assert met(Block(budget=1)).holder == HOLDER
    assert met(Block(holder=OTHER), signers=(HOLDER,)).holder == OTHER
    assert met(Block(holder=OTHER), Block(holder=HOLDER), signers=(HOLDER, OTHER)).holder == HOLDER
    for later, signers in (
        ((Block(holder=OTHER),), (b"",)),
        ((Block(holder=OTHER),), (OTHER,)),
        ((Block(budget=1),), (OTHER,)),
        ((Block(budget=1),), (HOLDER,)),
        ((Block(holder=OTHER), Block(holder=HOLDER)), (HOLDER, HOLDER)),
    ):
        with pytest.raises(TokenError) as refused:
            met(*later, signers=signers)
        assert refused.value.code == "holder"


@given(AUTHORITIES, st.integers(0, 200), st.sampled_from([0, 1, 3, 9, 31]))
def test_a_principal_under_a_token_has_less_of_both(authority: int, budget: int, exposure: int) -> None:
    state = State(authority, exposure, budget, 5)
    bounds = met(Block(authority=0x50005F, exposure=2))
    after = narrowed(state, bounds)
    assert leq(after.authority, authority)
    assert leq(after.authority, bounds.authority)
    assert after.budget == min(budget, bounds.budget)
    assert after.exposure == exposure | 2
