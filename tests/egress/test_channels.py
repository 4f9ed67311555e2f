"""What is open is charged by leases, and decided again when what was decided upon has changed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nucleus.egress.channels import Channel, Channels
from nucleus.egress.limits import ASKED_LEASE, FIRST_LEASE
from nucleus.egress.link import State
from nucleus.errors import ApprovalRequired, PolicyDenied
from tests.egress.test_link import Gate, linked

Work = Callable[[Channels, Gate, Callable[[], Awaitable[Channel]]], Awaitable[None]]
CUT: list[str] = []


def with_channels(work: Work) -> None:
    """Run ``work`` with channels, their gate, and a function that opens one."""
    CUT.clear()

    async def inner(link: object, gate: Gate, told: list[State | str]) -> None:
        channels = Channels(wait=0.0)
        channels.gate = link  # type: ignore[assignment]  # linked() gives a real one

        async def opened() -> Channel:
            opening = asyncio.create_task(
                channels.begin("net.tunnel", {"host": "a"}, lambda: CUT.append("cut"), leaves=100)
            )
            gate.permit(await gate.frame(), 1)
            return await opening

        await work(channels, gate, opened)
        assert told == []

    linked(inner)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


def test_a_lease_that_is_spent_is_a_new_decision_for_a_larger_one() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        channel = await opened()
        await channels.spend(channel, 100)
        spending = asyncio.create_task(channels.spend(channel, 10))
        asked = await gate.frame()
        assert asked["leaves"] == 2 * FIRST_LEASE
        assert not spending.done()
        gate.permit(asked, 2)
        await spending
        assert (await gate.frame())["number"] == 1
        assert (channel.permit.number, channel.left) == (2, 2 * FIRST_LEASE - 10)

    with_channels(work)


def test_a_lease_that_is_refused_is_a_refusal() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        channel = await opened()
        spending = asyncio.create_task(channels.spend(channel, 101))
        gate.answer(await gate.frame(), "denied", code="scope", rules=["scope"])
        with pytest.raises(PolicyDenied):
            await spending

    with_channels(work)


def test_nothing_leaves_while_it_is_decided_again_and_it_goes_on_if_it_is_still_allowed() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        channel = await opened()
        channels.changed(State(exposure=1))
        spending = asyncio.create_task(channels.spend(channel, 1))
        asked = await gate.frame()
        await settle()
        assert not spending.done()
        assert asked["wait"] == 0.0
        gate.answer(asked, "perform", number=2, resolved={}, exposure=1)
        await spending
        assert CUT == []

    with_channels(work)


def test_what_is_not_allowed_any_more_is_cut() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        await opened()
        channels.changed(State(exposure=1))
        gate.answer(await gate.frame(), "pending", code="approval_required", rules=["uninhabitable"], id="x")
        await settle()
        assert CUT == ["cut"]

    with_channels(work)


def test_what_was_seen_before_the_decision_or_can_not_send_any_more_is_not_decided_again() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        channel = await opened()
        channels.changed(State(exposure=0, policy="p"))
        channels.finish(channel)
        channels.changed(State(exposure=1, policy="q"))
        await settle()
        channels.close(channel, ok=True)
        assert (await gate.frame())["do"] == "done"
        assert CUT == []

    with_channels(work)


def test_a_tighter_policy_is_a_reason_to_decide_again_and_the_latest_answer_counts() -> None:
    async def work(channels: Channels, gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        channel = await opened()
        channels.changed(State(policy="p"))
        channels.changed(State(policy="q"))
        channels.changed(State(policy="r"))
        first, second = await gate.frame(), await gate.frame()
        gate.permit(first, 2)
        await settle()
        assert not channel.clear.is_set()
        gate.permit(second, 3)
        await settle()
        assert channel.clear.is_set()

    with_channels(work)


def test_a_state_that_changed_while_it_was_opened_is_decided_upon() -> None:
    async def work(channels: Channels, gate: Gate, _opened: Callable[[], Awaitable[Channel]]) -> None:
        opening = asyncio.create_task(channels.begin("net.tunnel", {}, lambda: CUT.append("cut"), leaves=1))
        asked = await gate.frame()
        channels.changed(State(exposure=1))
        gate.permit(asked, 1)
        channel = await opening
        assert not channel.clear.is_set()
        gate.answer(await gate.frame(), "denied", code="scope", rules=["scope"])
        await settle()
        assert CUT == ["cut"]

    with_channels(work)


def test_an_owner_who_stops_everything_cuts_everything() -> None:
    async def work(channels: Channels, _gate: Gate, opened: Callable[[], Awaitable[Channel]]) -> None:
        await opened()
        await opened()
        assert len(channels) == 2
        channels.changed(State(closed=True))
        assert CUT == ["cut", "cut"]

    with_channels(work)


def test_where_a_person_is_asked_the_lease_is_larger_now_and_at_the_retry() -> None:
    async def work(channels: Channels, gate: Gate, _opened: Callable[[], Awaitable[Channel]]) -> None:
        args = {"host": "b"}
        begun = asyncio.create_task(channels.begin("net.tunnel", args, lambda: None, leaves=10, unbounded=True))
        first = await gate.frame()
        assert (first["leaves"], first["wait"]) == (10, 0.0)
        gate.answer(first, "pending", code="approval_required", rules=["destination"], id="x")
        with pytest.raises(ApprovalRequired):
            await begun
        again = asyncio.create_task(channels.begin("net.tunnel", args, lambda: None, leaves=10, unbounded=True))
        second = await gate.frame()
        assert second["leaves"] == ASKED_LEASE
        gate.permit(second, 1)
        assert (await again).left == ASKED_LEASE

    with_channels(work)
