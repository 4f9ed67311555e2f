"""The gate's core under the monitor; and broken gates, each of which the monitor notices."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nucleus.gate import approvals, core
from proofs import gate_model


def test_every_order_of_events_to_a_small_depth() -> None:
    assert gate_model._explore(3, narrow=False).problems == []
    assert gate_model._explore(5, narrow=True).problems == []


@pytest.mark.parametrize("name", gate_model.CONTROLS)
def test_the_controls_are_refuted(name: str) -> None:
    assert gate_model.CONTROLS[name]()


def _never(*_: Any, **__: Any) -> bool:
    return False


def _keeps(granted: dict[str, Any], approval: Any, event: Any) -> dict[str, Any]:
    del approval, event
    return granted


def _any_reason(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda granted, event, *_: original(granted, event, 0, 0)


def _forgets_the_rest(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda gate, question, event: original(gate, question, replace(event, rest_of_session=False))


BROKEN = {
    "approvals are never used up": (approvals, "spend", lambda _: _keeps, "more often than given"),
    "an approval answers anything": (approvals, "match", _any_reason, "outlived a rise of exposure"),
    "a parent does not see what its child saw": (core, "_join_ancestors", lambda _: lambda *_: (), "has not seen"),
    "a child is not bound by a no": (core, "_denied", lambda _: _never, "denied call"),
    "a no to the rest is forgotten": (core, "_answer_one", _forgets_the_rest, "after a no to the rest"),
    "a child's bytes count for itself": (core, "_line", lambda _: lambda _, id_: (id_,), "bytes of c were not"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_gate_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, make, expected = BROKEN[name]
    monkeypatch.setattr(module, attribute, make(getattr(module, attribute)))
    problems = gate_model._explore(5, narrow="approval" in name).problems
    assert any(expected in problem for problem in problems), problems[:3]


def test_an_effect_before_its_record_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = core.decision
    monkeypatch.setattr(core, "decision", lambda *args: replace(original(*args), sync=False))
    assert any("before its record" in problem for problem in gate_model._explore(4, narrow=True).problems)
