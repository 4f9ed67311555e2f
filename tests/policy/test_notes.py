"""A line that has no effect is said so, once."""

from nucleus.policy.notes import NEEDS
from nucleus.policy.schema import CAPABILITIES
from tests.policy.policies import layer, policy


def test_a_grant_for_something_that_is_never_done_is_noted() -> None:
    notes = policy('[allow]\nfetch = ["a.example"]', profile="read_only").notes
    assert notes == ("nucleus.toml:3: [allow] fetch has no effect: profile read_only never does this",)


def test_a_grant_beyond_the_ceiling_is_noted() -> None:
    notes = policy('[allow]\nwrite = ["src/**"]', profile="doc_editor").notes
    assert len(notes) <= 1
    assert all("profile doc_editor does not go that far" in note for note in notes)


def test_a_grant_that_counts_is_not_noted() -> None:
    assert policy('[allow]\nwrite = ["src/**"]', profile="safe_pr_fixer").notes == ()


def test_a_stranger_s_limits_are_not_noted_as_ignored() -> None:
    stranger = layer('[deny]\nread = ["a"]\n[remotes.origin]\npublic = true\n[mcp.s]\ndeny = ["x"]', trusted=False)
    assert policy(stranger, profile="read_only").notes == ()


def test_every_need_is_a_capability() -> None:
    assert {name for names in NEEDS.values() for name in names} <= set(CAPABILITIES)
