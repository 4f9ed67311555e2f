"""The executor is tested before it is trusted; ``make prove`` tries every sabotage, here a few."""

import pytest

from proofs.symex import selftest


def test_the_executor_agrees_with_python_and_traps_the_rest() -> None:
    assert selftest.failures(selftest.real()) == []


@pytest.mark.parametrize("nth", [0, 12, 24, 31, 40, 47])
def test_a_sabotaged_executor_is_noticed(nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = list(selftest.sabotages())[nth]
    monkeypatch.setattr(selftest, "sabotages", lambda: iter([chosen]))
    assert selftest.survivors() == []


def test_a_change_that_is_no_sabotage_is_reported_as_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the check: a harmless edit survives, and a patch that does not fit is said to."""
    harmless = ("values.py", "WIDTH: Final = 64", "WIDTH: Final = 60 + 4", "harmless")
    stale = ("values.py", "no such text", "", "stale")
    monkeypatch.setattr(selftest, "sabotages", lambda: iter([harmless, stale]))
    assert selftest.survivors() == ["harmless", "stale: does not fit any more"]
