"""Questions are told apart by their tags; a permit that nobody uses is given back; a gate that is gone answers no."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nucleus.egress.link import GateLink, State, Wire
from nucleus.errors import PolicyDenied, StateBlocked
from nucleus.gate.connection import refusal
from nucleus.gate.protocol import Splitter, encode

WIRE = Wire(encode, Splitter, refusal)


class Gate:
    """The other end: frames as the gate would see them, and answers when the test says so."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._splitter = reader, writer, Splitter()
        self._frames: list[dict[str, Any]] = []

    async def frame(self) -> dict[str, Any]:
        while not self._frames:
            self._frames += [fields for fields, _ in self._splitter.feed(await self._reader.read(65536))]
        return self._frames.pop(0)

    def answer(self, asked: dict[str, Any], what: str, **fields: Any) -> None:
        self.say({"what": what, "tag": asked["tag"], **fields})

    def permit(self, asked: dict[str, Any], number: int) -> None:
        self.answer(asked, "perform", number=number, resolved={"n": number}, exposure=0)

    def say(self, fields: dict[str, Any]) -> None:
        self._writer.write(encode(fields))

    def leave(self) -> None:
        self._writer.close()


def linked(work: Callable[[GateLink, Gate, list[State | str]], Awaitable[None]]) -> None:
    """Run ``work`` with both ends of a link, and what the link told its owner."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        told: list[State | str] = []
        link = GateLink(*await asyncio.open_unix_connection(sock=ours), WIRE, told.append, lambda: told.append("gone"))
        gate = Gate(*await asyncio.open_unix_connection(sock=theirs))
        reading = asyncio.create_task(link.run())
        async with asyncio.timeout(10):
            await work(link, gate, told)
        gate.leave()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(main())


def test_answers_find_their_questions_in_any_order() -> None:
    async def work(link: GateLink, gate: Gate, _told: list[State | str]) -> None:
        asks = [asyncio.create_task(link.ask("net.tunnel", {"n": n}, leaves=n)) for n in (1, 2, 3)]
        frames = [await gate.frame() for _ in asks]
        assert [one["leaves"] for one in frames] == [1, 2, 3]
        gate.permit(frames[2], 30)
        gate.answer(frames[1], "denied", code="scope", rules=["scope"])
        gate.permit(frames[0], 10)
        assert (await asks[0]).number == 10
        assert (await asks[2]).resolved == {"n": 30}
        with pytest.raises(PolicyDenied):
            await asks[1]

    linked(work)


def test_a_permit_for_somebody_who_left_is_given_back() -> None:
    async def work(link: GateLink, gate: Gate, _told: list[State | str]) -> None:
        asked = asyncio.create_task(link.ask("net.tunnel", {}))
        frame = await gate.frame()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        gate.permit(frame, 5)
        done = await gate.frame()
        assert (done["do"], done["number"], done["ok"]) == ("done", 5, False)

    linked(work)


def test_a_state_is_told_and_a_gate_that_is_gone_refuses_whoever_waits_and_whoever_comes() -> None:
    async def work(link: GateLink, gate: Gate, told: list[State | str]) -> None:
        gate.say({"what": "state", "authority": 0, "exposure": 3, "closed": False, "policy": "p"})
        asked = asyncio.create_task(link.ask("net.tunnel", {}))
        await gate.frame()
        gate.leave()
        with pytest.raises(StateBlocked):
            await asked
        with pytest.raises(StateBlocked):
            await link.ask("net.tunnel", {})
        assert told == [State(3, closed=False, policy="p"), "gone"]

    linked(work)


@pytest.mark.parametrize("frame", [{"what": "denied", "code": "malformed", "rules": []}, {"what": "state"}, {}])
def test_an_answer_that_is_none_ends_the_link(frame: dict[str, Any]) -> None:
    async def work(link: GateLink, gate: Gate, told: list[State | str]) -> None:
        asked = asyncio.create_task(link.ask("net.tunnel", {}))
        await gate.frame()
        gate.say(frame)
        with pytest.raises(StateBlocked):
            await asked
        assert told == ["gone"]

    linked(work)


def test_a_call_that_the_gate_does_itself_brings_its_answer() -> None:
    async def work(link: GateLink, gate: Gate, _told: list[State | str]) -> None:
        asked = asyncio.create_task(link.perform("git.deliver", {}, body=b"pack"))
        gate.answer(await gate.frame(), "released", status="ok", value={"x": 1})
        reply, _ = await asked
        assert reply["value"] == {"x": 1}
        asked = asyncio.create_task(link.perform("git.deliver", {}))
        gate.answer(await gate.frame(), "denied", code="scope", rules=["scope"])
        with pytest.raises(PolicyDenied):
            await asked

    linked(work)
