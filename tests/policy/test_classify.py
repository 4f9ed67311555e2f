"""``classify``: total, well formed, and never below the floors, whatever the arguments."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.kernel.exposure import ALL_SEEN, valid
from nucleus.kernel.facts import SCOPE_DENY, well_formed
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import CLASSIFIERS, classify
from nucleus.policy.context import Context
from nucleus.policy.profiles import profile_names
from tests.policy.journeys import request_of
from tests.policy.surroundings import HOME, WORKSPACE, context, policy

POLICIES = {name: policy(name) for name in profile_names()}
CONTEXTS = [context(), Context(WORKSPACE, HOME)]
WORDS = (
    "path",
    "url",
    "method",
    "argv",
    "text",
    "cwd",
    "remote",
    "branch",
    "force",
    "delete",
    "head",
    "base",
    "repository",
    "number",
    "label",
    "paths",
    "pattern",
    "glob",
    "rev",
    "q",
    "engine",
    "packages",
    "change",
    "op",
    "destination",
    "act",
    "arguments",
    "server",
    "tool",
    "name",
)
VALUES = st.sampled_from(
    [
        "src/a.py",
        "../x",
        "/etc/passwd",
        "~/.ssh/id_rsa",
        "https://example.com/",
        "origin",
        "main",
        "acme/app",
        "bug",
        "create_pr",
        ".git/x",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(
    Call,
    st.sampled_from([*CLASSIFIERS, "what.ever", ""]),
    st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), JSON, max_size=5),
    st.binary(max_size=60),
    st.integers(0, ALL_SEEN).filter(valid),
)


@given(CALLS, st.sampled_from(sorted(POLICIES)), st.sampled_from(CONTEXTS))
@settings(max_examples=600, deadline=None)
def test_any_call_is_classified_and_well_formed(call: Call, profile: str, around: Context) -> None:
    facts = classify(POLICIES[profile], call, around)
    assert well_formed(request_of(facts, approved=0))
    assert facts.carried & call.seen == call.seen
    for text in (facts.destination, facts.why, facts.where, facts.next_step):
        assert type(text) is str
    assert facts.attested <= around.attested


@given(CALLS)
@settings(max_examples=200, deadline=None)
def test_classification_is_a_function(call: Call) -> None:
    assert classify(POLICIES["release"], call, CONTEXTS[0]) == classify(POLICIES["release"], call, CONTEXTS[0])


@given(CALLS, st.integers(0, ALL_SEEN).filter(valid))
@settings(max_examples=200, deadline=None)
def test_what_a_handle_saw_can_only_add(call: Call, more: int) -> None:
    before = classify(POLICIES["release"], call, CONTEXTS[0])
    after = classify(POLICIES["release"], Call(call.kind, call.args, call.body, call.seen | more), CONTEXTS[0])
    assert before.carried & ~after.carried == 0
    assert (before.legs, before.sink, before.scope, before.trusted) == (
        after.legs,
        after.sink,
        after.scope,
        after.trusted,
    )


def test_a_kind_that_nobody_knows_is_an_unreviewed_tool() -> None:
    known, unknown = (
        classify(POLICIES["release"], Call(kind, {}), CONTEXTS[0]) for kind in (kinds.UNKNOWN, "new.kind")
    )
    assert known == unknown


def pinned(kind: str, args: dict[str, Any]) -> Classified:
    """Return the classification of a call whose ``resolved`` the caller tries to choose."""
    forged = {
        "url": "https://evil.example/",
        "api": "https://evil.example",
        "push": {},
        "engine": {"url": "x"},
        "closed": ["x"],
    }
    return classify(POLICIES["release"], Call(kind, {**forged, **args}), CONTEXTS[0])


@pytest.mark.parametrize(
    ("kind", "args", "own"),
    [
        (kinds.READ, {"path": "a"}, {"path", "hidden"}),
        (kinds.GREP, {"path": "a", "pattern": "x"}, {"path", "hidden"}),
        (kinds.GIT_DIFF, {}, {"hidden"}),
        (kinds.COMMIT, {}, {"hidden"}),
        (kinds.PUSH, {"remote": "origin", "branch": "a"}, {"url", "source", "target"}),
        (kinds.PULL_REQUEST, {"head": "a", "base": "main"}, {"api", "repository", "head", "base", "push"}),
        (kinds.COMMENT, {"number": 1}, {"api", "repository"}),
        (kinds.LABEL, {"number": 1, "label": "x"}, {"api", "repository", "closed"}),
        (kinds.ISSUE, {"number": 1}, {"api", "repository"}),
        (kinds.FETCH, {"url": "https://example.com/"}, {"url"}),
        (kinds.RUN, {"argv": ["a"]}, {"argv", "cwd", "hidden"}),
        (kinds.WRITE, {"path": "a"}, {"path"}),
        (kinds.BRANCH, {"branch": "a"}, {"branch"}),
    ],
)
def test_every_resolved_key_is_set_by_the_classification(kind: str, args: dict[str, Any], own: set[str]) -> None:
    """A caller's own value under such a name would otherwise reach the worker."""
    one = pinned(kind, args)
    assert own <= set(one.resolved)
    assert "evil.example" not in str(one.resolved)


def test_only_a_refusal_may_leave_something_unresolved() -> None:
    """What is not refused has all that the worker must use: here the path of every call on files."""
    for kind in (kinds.READ, kinds.LIST, kinds.GLOB, kinds.GREP, kinds.WRITE, kinds.EDIT, kinds.DELETE):
        for path in ("a", "../x", "", "~", "/etc/passwd", "a\0"):
            one = classify(POLICIES["release"], Call(kind, {"path": path, "pattern": "x"}), CONTEXTS[0])
            assert one.scope == SCOPE_DENY or one.resolved.get("path")
