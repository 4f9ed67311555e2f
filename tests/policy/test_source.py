"""A pattern's place and reason."""

from nucleus.policy.source import Source


def test_the_owner_s_reason_is_told_with_the_pattern() -> None:
    assert Source("f:1", "[deny] a").reason == "[deny] a"
    assert Source("f:1", "[deny] a", "no").reason == "[deny] a (no)"
