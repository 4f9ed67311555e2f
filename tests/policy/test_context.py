"""What a front end does not know counts as its worst value."""

from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context, all_is_there, nothing_is_kept
from tests.policy.surroundings import HOME, WORKSPACE, context, policy


def test_the_defaults_vouch_for_nothing() -> None:
    bare = Context(WORKSPACE, HOME)
    assert (bare.attested, bare.hides_secrets, bare.transactional) == (False, False, False)
    assert bare.locks == bare.directory == frozenset()
    assert bare.private_workspace
    assert not nothing_is_kept("a")
    assert all_is_there("a")


def test_knowing_less_never_lowers_a_fact() -> None:
    """Each call, with all that a box and a gate can vouch for, and with nothing: the second is never better."""
    calls = [
        Call(kinds.READ, {"path": "src/a.py"}),
        Call(kinds.WRITE, {"path": "tests/conftest.py"}),
        Call(kinds.DELETE, {"path": "src/a.py"}),
        Call(kinds.RUN, {"argv": ["pytest"]}),
        Call(kinds.ISSUE, {"number": 1}),
        Call(kinds.INSTALL, {"packages": ["i:a@1#x"]}),
        Call(kinds.PULL_REQUEST, {"head": "topic-1", "base": "main"}),
        Call(kinds.PUSH, {"remote": "origin", "branch": "topic-1"}),
    ]
    known = context(kept=lambda _: True, present=lambda _: False, locks=frozenset({"i:a@1#x"}))
    for profile in ("safe_pr_fixer", "release", "research_web"):
        for call in calls:
            best, worst = (classify(policy(profile), call, one) for one in (known, Context(WORKSPACE, HOME)))
            for name in ("legs", "carried", "sink"):
                assert getattr(best, name) & ~getattr(worst, name) == 0, (call, name)
            for name in ("scope", "trusted", "attested", "fixed", "public"):
                assert getattr(best, name) >= getattr(worst, name), (call, name)
