"""The model: frozen, and closed where nobody spoke."""

from dataclasses import FrozenInstanceError

import pytest

from nucleus.policy.constraints import ASK
from nucleus.policy.model import GRANTING_FLAGS, UNKNOWN_SERVER, Flags
from tests.policy.policies import policy


def test_a_policy_can_t_be_changed() -> None:
    found = policy(profile="read_only")
    with pytest.raises(FrozenInstanceError):
        found.authority = 0


def test_tools_of_a_server_that_nobody_named_are_asked_for() -> None:
    assert UNKNOWN_SERVER.tools.judge("anything").scope == ASK


def test_granting_flags_are_flags() -> None:
    assert set(Flags.__dataclass_fields__) > GRANTING_FLAGS
