"""The exception tree: as drawn, picklable, one line for a model, and a next step for a person."""

import pickle
import re
import traceback

import pytest

from nucleus import errors
from nucleus.errors import (
    ApprovalRequired,
    BudgetExceeded,
    CannotEnforce,
    NoSession,
    NucleusError,
    PolicyDenied,
    PolicyError,
    Refused,
    StateBlocked,
    TokenError,
    TraceError,
)


def test_the_tree_is_the_one_that_the_docstring_draws() -> None:
    drawn = set(re.findall(r"\+-- (\w+)", str(errors.__doc__)))
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, NucleusError)}
    assert drawn == kinds - {"NucleusError"}
    for kind in (PolicyDenied, ApprovalRequired, BudgetExceeded, StateBlocked):
        assert kind.__mro__[1:3] == (Refused, NucleusError)
    for other in (CannotEnforce, NoSession, PolicyError, TraceError, TokenError):
        assert not issubclass(other, Refused)


@pytest.mark.parametrize("kind", [PolicyDenied, ApprovalRequired, BudgetExceeded, StateBlocked])
def test_a_refusal_keeps_its_fields_through_pickle_and_to_dict(kind: type[Refused]) -> None:
    error = kind("denied", code="scope", id="ab", rule="scope", where="p.toml:3", next_step="do this")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert type(again) is kind
    assert (
        again.to_dict()
        == error.to_dict()
        == {
            "error": kind.__name__,
            "message": "denied",
            "code": "scope",
            "id": "ab",
            "rule": "scope",
            "where": "p.toml:3",
            "next_step": "do this",
        }
    )
    assert str(error) == "denied"
    assert error.diagnostics() == "denied\n  rule: scope (p.toml:3)\n  next: do this"


@pytest.mark.parametrize(
    ("error", "text", "diagnostics"),
    [
        (CannotEnforce("no box", why="w", fix="f"), "no box: w", "no box: w\n  fix: f"),
        (CannotEnforce("no box"), "no box", "no box"),
        (
            PolicyError("unknown key", path="p.toml", line=3, fix="f"),
            "p.toml:3: unknown key",
            "p.toml:3: unknown key\n  fix: f",
        ),
        (PolicyError("unknown key", path="p.toml"), "p.toml: unknown key", "p.toml: unknown key"),
        (TraceError("edited", path="t", record=4), "t: record 4: edited", "t: record 4: edited"),
        (TokenError("too late", code="expired"), "too late", "too late"),
        (NoSession("outside"), "outside", "outside"),
    ],
)
def test_each_error_says_what_where_and_the_fix(error: NucleusError, text: str, diagnostics: str) -> None:
    assert str(error) == text
    assert error.diagnostics() == diagnostics


@pytest.mark.parametrize(
    "error",
    [
        CannotEnforce("no box", why="w", fix="install one"),
        PolicyError("no such key", path="p", line=3, fix="take it out"),
        TraceError("edited", path="p", record=4),
        TokenError("too late", code="expired"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling_and_a_traceback_of_it_shows_its_fix_once(error: NucleusError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert (type(again), vars(again)) == (type(error), vars(error))
    told = "".join(traceback.format_exception(again))
    assert told.count("\nfix: ") == ("fix" in vars(error))
