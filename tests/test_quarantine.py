"""The public names of the schema language are those of the room that the gate checks with."""

from nucleus import quarantine
from nucleus.policy import quarantine as checked


def test_each_name_is_the_very_object_that_the_gate_uses() -> None:
    assert all(getattr(quarantine, name) is getattr(checked, name) for name in quarantine.__all__)
    assert sorted(quarantine.__all__) == quarantine.__all__
