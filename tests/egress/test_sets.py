"""What is locked goes one by one, the rest is one question for each set; a set that is not allowed any more is cut."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from nucleus.egress.channels import Channels
from nucleus.egress.link import State
from nucleus.egress.sets import Sets
from nucleus.errors import PolicyDenied
from tests.egress.test_link import Gate, linked

HASH = "sha256:" + "a" * 64


def with_sets(work: Callable[[Sets, Gate], Awaitable[None]]) -> None:
    async def inner(link: object, gate: Gate, _told: list[State | str]) -> None:
        channels = Channels(wait=5.0)
        channels.gate = link  # type: ignore[assignment]  # linked() gives a real one
        sets = Sets(channels)
        sets.learn({"locks": ["pypi:a", f"pypi:a@1.0#{HASH}", f"npm:@s/b@2.0#{HASH}"], "named": ["pypi:n", "pypi:m"]})
        await work(sets, gate)
        sets.close()

    linked(inner)


async def got(sets: Sets, package: str) -> frozenset[str] | None:
    async with sets.granted(package) as grant:
        return grant.pinned


def test_a_locked_package_is_a_permit_of_its_own_with_what_is_pinned() -> None:
    async def work(sets: Sets, gate: Gate) -> None:
        for package, asked, pinned in (("pypi:A", "pypi:a", f"1.0#{HASH}"), ("npm:@s/b", "npm:@s/b", f"2.0#{HASH}")):
            task = asyncio.create_task(got(sets, package))
            frame = await gate.frame()
            assert frame["args"] == {"packages": [asked]}
            gate.permit(frame, 1)
            assert await task == frozenset({pinned})
            assert (await gate.frame())["do"] == "done"

    with_sets(work)


def test_names_that_come_together_are_one_question_and_what_they_require_is_covered() -> None:
    async def work(sets: Sets, gate: Gate) -> None:
        tasks = [asyncio.create_task(got(sets, f"pypi:{name}")) for name in ("x", "Y_Z", "x")]
        frame = await gate.frame()
        assert frame["args"] == {"packages": ["pypi:x", "pypi:y-z"]}
        assert frame["wait"] == 5.0
        gate.permit(frame, 1)
        assert await asyncio.gather(*tasks) == [None] * 3
        sets.requires("pypi:x", ["pypi:Dep", "pypi:a"])
        assert await got(sets, "pypi:dep") is None
        locked = asyncio.create_task(got(sets, "pypi:a"))
        assert (await gate.frame())["args"] == {"packages": ["pypi:a"]}
        locked.cancel()

    with_sets(work)


def test_what_the_owner_named_is_one_set_and_what_nobody_named_another() -> None:
    async def work(sets: Sets, gate: Gate) -> None:
        tasks = [asyncio.create_task(got(sets, f"pypi:{name}")) for name in ("n", "x")]
        frames = [await gate.frame(), await gate.frame()]
        assert sorted(one["args"]["packages"] for one in frames) == [["pypi:n"], ["pypi:x"]]
        for frame in frames:
            covers = ["pypi:n", "pypi:m"] if frame["args"]["packages"] == ["pypi:n"] else ["pypi:x"]
            gate.answer(frame, "perform", number=1, resolved={"covers": covers}, exposure=0)
        await asyncio.gather(*tasks)
        assert await got(sets, "pypi:m") is None

    with_sets(work)


def test_a_refusal_is_everybodys_and_the_next_question_a_new_one() -> None:
    async def work(sets: Sets, gate: Gate) -> None:
        tasks = [asyncio.create_task(got(sets, "pypi:x")) for _ in range(2)]
        gate.answer(await gate.frame(), "denied", code="scope", rules=["scope"])
        for task in tasks:
            with pytest.raises(PolicyDenied):
                await task
        again = asyncio.create_task(got(sets, "pypi:x"))
        gate.permit(await gate.frame(), 2)
        assert await again is None

    with_sets(work)


def test_a_set_that_is_not_allowed_any_more_is_cut_with_the_requests_that_go_by_it() -> None:
    async def work(sets: Sets, gate: Gate) -> None:
        async def hold() -> None:
            async with sets.granted("pypi:x"):
                await asyncio.sleep(30)

        task = asyncio.create_task(hold())
        gate.permit(await gate.frame(), 1)
        await asyncio.sleep(0.05)
        sets.channels.changed(State(exposure=16))
        gate.answer(await gate.frame(), "denied", code="scope", rules=["secret"])
        with pytest.raises(asyncio.CancelledError):
            await task
        again = asyncio.create_task(got(sets, "pypi:x"))
        frames = [await gate.frame(), await gate.frame()]
        assert {one["do"] for one in frames} == {"done", "call"}
        again.cancel()

    with_sets(work)
