"""The two forms of a request: what is asked for, and what it counts as."""

from dataclasses import FrozenInstanceError, fields

import pytest

from nucleus.kernel.boundary import FACTS
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified

KINDS = [value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)]


def test_each_kind_has_a_name_of_its_own() -> None:
    assert len(set(KINDS)) == len(KINDS)


def test_a_call_and_its_classification_never_change() -> None:
    call = Call(kinds.READ, {"path": "a"})
    facts = Classified(0, 1, 0, 0, 2, 0, 0, 0, 0, 0)
    with pytest.raises(FrozenInstanceError):
        call.seen = 1  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        facts.scope = 2  # type: ignore[misc]


def test_a_classification_holds_every_fact_but_those_of_the_gate() -> None:
    """Cost, clock and approval are the gate's; all others are here, under the kernel's names."""
    assert {one.name for one in fields(Classified)} >= set(FACTS) - {"cost", "live", "approved"}


def test_two_classifications_share_nothing_that_can_be_written_to() -> None:
    one, other = (Classified(0, 1, 0, 0, 2, 0, 0, 0, 0, 0) for _ in range(2))
    assert one.resolved is not other.resolved
