"""Failures are data: named, short, and never an exception."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.gate.effects import Outcome, Permit
from nucleus.tools.perform.outcomes import (
    FAILURES,
    Deadline,
    PermitError,
    failure_of,
    flag,
    never_raises,
    text,
    texts,
    whole,
)

ERRORS = [
    FileNotFoundError(errno.ENOENT, "No such file", "a"),
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    OSError("words only"),
    TimeoutError("late"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ValueError("x" * 5000),
    PermitError("hidden"),
    ZeroDivisionError("secret detail"),
    RecursionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_exception_becomes_a_failure_with_a_known_name(error: Exception) -> None:
    outcome = failure_of(error)
    assert outcome.status == "failed"
    assert outcome.value["type"] in FAILURES
    assert len(outcome.value["message"]) <= 600


def test_a_defect_does_not_show_its_details() -> None:
    assert "secret detail" not in failure_of(ZeroDivisionError("secret detail")).value["message"]


def test_a_subclass_is_reported_as_the_known_class_above_it() -> None:
    assert failure_of(ConnectionResetError(errno.ECONNRESET, "reset")).value["type"] == "ConnectionError"


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers()), st.binary()))
def test_arguments_of_another_type_are_refused(value: object) -> None:
    args = {"x": value}
    for take, kind in ((text, str), (whole, int), (flag, bool)):
        right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        if right:
            assert take(args, "x") == value
        else:
            with pytest.raises(PermitError):
                take(args, "x")


def test_a_list_has_texts_only() -> None:
    assert texts({"x": ["a"]}, "x") == ("a",)
    for bad in ({}, {"x": "a"}, {"x": [1]}, {"x": {"a": 1}}):
        with pytest.raises(PermitError):
            texts(bad, "x")


def test_a_deadline_that_passed_raises() -> None:
    assert 0 < Deadline(5).left() <= 5
    with pytest.raises(TimeoutError):
        Deadline(0).left()


def test_a_guarded_performer_answers_whatever_happens() -> None:
    class Broken:
        @never_raises
        def perform(self, permit: Permit, body: bytes) -> Outcome:
            raise KeyError(permit.kind, body)

    assert Broken().perform(Permit(1, "x", {}, "/"), b"").value["type"] == "RuntimeError"
