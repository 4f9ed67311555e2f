"""The board: no effect without its record, and an order that can't be changed by a crash."""

from types import SimpleNamespace
from typing import Any

import pytest

from nucleus.errors import TraceError
from nucleus.gate.board import Board, Settings
from nucleus.gate.events import Done, Opened, Perform, Reply, Submit
from nucleus.kernel.capability import EVERYTHING
from nucleus.trace.writer import TraceWriter
from tests.gate.scenes import DEADLINE, FETCH, READ


@pytest.fixture
def board() -> Board:
    header = {
        "kernel": "k",
        "policy": {},
        "level": "cooperative",
        "containment": {},
        "principal": "p",
        "state": [EVERYTHING, 0, 100, 0],
    }
    opened = Opened("p", EVERYTHING, 0, 100, DEADLINE, 100, 0)
    opening: Any = SimpleNamespace(
        writer=TraceWriter.in_memory(header), event=opened, principal="p", level="cooperative", contents=None
    )
    return Board(opening, Settings(clock=lambda: 0))


def submit(facts: Any = READ) -> Submit:
    return Submit("p", 1, "id1", "fs.read", {}, "digest", facts, 1, 0, 0)


def test_effects_come_only_after_their_records(board: Board) -> None:
    (perform,) = board.step(submit())
    assert isinstance(perform, Perform)
    assert b'"decision"' in board.opening.writer.lines()


def test_a_record_that_fails_leaves_state_and_world_as_they_were(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    before = board.core

    def full(*_: object) -> None:
        raise TraceError("no space")

    monkeypatch.setattr(board.opening.writer, "append_all", full)
    (reply,) = board.step(submit())
    assert isinstance(reply, Reply)
    assert (reply.what, reply.fields["code"]) == ("denied", "trace")
    assert board.core is before
    monkeypatch.undo()
    assert all(isinstance(effect, Reply) for effect in board.step(submit())), "nothing is performed any more"


def test_a_failing_sync_before_a_sink_performs_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise TraceError("no space")

    monkeypatch.setattr(board.opening.writer, "sync", full)
    trusted = FETCH.__class__(**{**{name: getattr(FETCH, name) for name in FETCH.__slots__}, "trusted": 2})
    assert not any(isinstance(effect, Perform) for effect in board.step(submit(trusted)))


def test_without_the_order_an_effect_would_stand_without_a_record(board: Board) -> None:
    """The defence switched off: the core alone gives the effect, whatever becomes of its record."""
    from nucleus.gate import core

    _, effects, records = core.step(board.core, submit())
    assert records
    assert any(isinstance(effect, Perform) for effect in effects)


def test_a_result_is_not_released_once_nothing_can_be_recorded(board: Board) -> None:
    (perform,) = board.step(submit())
    assert isinstance(perform, Perform)
    board.broken = "full"
    (reply,) = board.step(Done(perform.number, "ok", 1, "", "", 0))
    assert isinstance(reply, Reply)
    assert reply.what == "denied"


def test_long_traces_get_checkpoints_and_numbers_still_name_their_records(board: Board) -> None:
    for _ in range(4200):
        if board.core.principals["p"].state.budget == 0:
            break
        board.step(submit())
    for _ in range(4200):
        board.step(submit())  # denied, and recorded
    assert b'"checkpoint"' in board.opening.writer.lines()
