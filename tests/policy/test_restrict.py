"""Policies as a lattice: every field is compared, a meet never widens, ``leq`` is sound for requests."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel import capability
from nucleus.kernel.decide import ALLOW, decide
from nucleus.kernel.exposure import CLEAN, PRIVATE, UNTRUSTED
from nucleus.kernel.state import Request, State
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import with_remotes
from nucleus.policy.model import Flags, OwnerWords, Policy
from nucleus.policy.profiles import profile_names
from nucleus.policy.restrict import ORDER, capped, leq, meet, wider_fields
from tests.policy.policies import EXAMPLE, policy

CONTEXT = Context("/home/ann/app", "/home/ann", branch="fix-1", base="main")
FOUND = {"origin": "https://forge.example/acme/app.git"}
pieces = st.sampled_from(
    [
        '[allow]\nwrite = ["src/**"]',
        '[allow]\nfetch = ["a.example", "https://b.example/x"]',
        '[allow]\nchannels = ["ann@a.example"]\nremotes = ["origin"]',
        '[ask]\nwrite = ["src/b/**"]\nfetch = ["a.example"]',
        '[deny]\nread = ["**/.env*", "src/b/**"]\nfetch = ["*.example"]',
        '[otherwise]\nfetch = "deny"\nwrite = "ask"',
        '[labels]\nuntrusted = ["src/**"]\nsecret = ["**/k*"]',
        '[labels]\npublic = ["**"]',
        '[capabilities]\nfetch = "low_risk"',
        '[capabilities]\nwrite = "never"',
        '[mcp.s]\nallow = ["get"]',
        '[remotes.origin]\npublic = true\nrefs = ["fix-*"]',
        '[[rule]]\nwhen = "shell"\ncommand = "pytest **"\nthen = "ask"',
        "[budget]\nminutes = 5\ncalls = 10",
    ]
)


def made(name: str, parts: list[str], words: str) -> Policy:
    tables: dict[str, str] = {}
    for part in parts:
        head, _, rest = part.partition("\n")
        tables.setdefault(head, rest)
    text = "\n".join(f"{head}\n{rest}" for head, rest in tables.items())
    return with_remotes(policy(text, profile=name, words=words), FOUND)


policies = st.builds(
    made,
    st.sampled_from(profile_names()),
    st.lists(pieces, max_size=4),
    st.sampled_from(["", "https://c.example/page", "ann@a.example b.example"]),
)
paths = st.sampled_from(["src/a.py", "src/b/c.py", "README.md", ".env", "notes/key.txt", "/etc/passwd", "../x"])
urls = st.sampled_from(
    ["https://a.example/", "https://b.example/x", "https://c.example/page", "https://d.example/?q=1"]
)
calls = st.one_of(
    st.builds(
        lambda kind, path: Call(kind, {"path": path}),
        st.sampled_from([kinds.READ, kinds.WRITE, kinds.EDIT, kinds.DELETE]),
        paths,
    ),
    st.builds(lambda url: Call(kinds.FETCH, {"url": url}), urls),
    st.builds(lambda argv: Call(kinds.RUN, {"argv": argv.split()}), st.sampled_from(["pytest -q", "rm -rf /", "make"])),
    st.builds(lambda ref: Call(kinds.PUSH, {"remote": "origin", "branch": ref}), st.sampled_from(["fix-1", "main"])),
    st.builds(
        lambda tool: Call(kinds.UNKNOWN, {"server": "s", "tool": tool, "arguments": {}}), st.sampled_from(["get", "x"])
    ),
    st.just(Call(kinds.SEARCH, {"query": "a"})),
    st.just(Call(kinds.PULL_REQUEST, {"title": "a", "head": "fix-1", "base": "main"}, b"see https://a.example/")),
)


def verdict(found: Policy, call: Call, exposure: int, approved: int) -> int:
    """Return what a session under this policy answers."""
    facts = classify(found, call, CONTEXT)
    rest = (facts.legs, facts.carried, facts.sink, facts.scope, facts.trusted, facts.home)
    request = Request(facts.op, 0, 1, *rest, facts.attested, facts.public, facts.fixed, approved)
    return decide(State(found.authority, exposure, 0, 0), request)[0]


@given(policies, policies, calls, st.sampled_from([CLEAN, PRIVATE, UNTRUSTED, PRIVATE | UNTRUSTED]), st.integers(0, 1))
def test_a_meet_permits_only_what_both_permit(p: Policy, q: Policy, call: Call, exposure: int, approved: int) -> None:
    both = verdict(meet(p, q), call, exposure, approved)
    assert both <= min(verdict(p, call, exposure, approved), verdict(q, call, exposure, approved))


@given(policies, st.lists(pieces, max_size=3), calls, st.sampled_from([CLEAN, PRIVATE | UNTRUSTED]))
def test_what_a_smaller_policy_permits_the_larger_permits(
    p: Policy, more: list[str], call: Call, exposure: int
) -> None:
    for q in (meet(p, made("local_dev", more, "")), meet(made("release", more, ""), p)):
        assert leq(q, p)
        assert verdict(q, call, exposure, 0) <= verdict(p, call, exposure, 0)


@given(policies, policies)
def test_a_meet_is_below_both_and_changes_nothing_twice(p: Policy, q: Policy) -> None:
    both = meet(p, q)
    assert wider_fields(both, p) == ()
    assert wider_fields(both, q) == ()
    assert leq(p, p)
    assert leq(meet(p, p), p)
    assert leq(p, meet(p, p))
    assert meet(p, q).digest == meet(q, p).digest


def test_every_field_of_a_policy_is_compared_or_says_nothing() -> None:
    assert set(ORDER) == {one.name for one in fields(Policy)}


@pytest.mark.parametrize(
    ("field", "wider"),
    [
        ("authority", {"authority": capability.EVERYTHING}),
        ("flags", {"flags": Flags(any_public_host_while_clean=True)}),
        ("owner", {"owner": OwnerWords(frozenset({"a"}))}),
        ("scopes", {"scopes": policy(profile="local_dev").scopes}),
        ("labels", {"labels": policy('[labels]\npublic = ["**"]', profile="read_only").labels}),
        ("mcp", {"mcp": policy('[mcp.s]\nallow = ["a"]', profile="read_only").mcp}),
        ("remotes", {"remotes": with_remotes(policy(profile="release"), FOUND).remotes}),
        ("budget", {"budget": policy(profile="release").budget}),
    ],
)
def test_a_wider_field_is_found(field: str, wider: dict[str, object]) -> None:
    base = policy(profile="read_only")
    assert field in wider_fields(replace(base, **wider), base)
    assert not leq(replace(base, **wider), base)
    assert field not in wider_fields(base, base)


def test_a_cap_lowers_levels_and_nothing_else() -> None:
    base = policy(profile="local_dev")
    assert capped(base, capability.EVERYTHING) is base
    lower = capped(base, 0b11)
    assert lower == replace(base, authority=base.authority & 0b11, digest=lower.digest)
    assert lower.digest != base.digest
    assert leq(lower, base)


def test_a_remote_that_moved_is_not_the_same_remote() -> None:
    here = with_remotes(policy(EXAMPLE), FOUND)
    there = with_remotes(policy(EXAMPLE), {"origin": "https://evil.example/"})
    assert not leq(here, there)
    assert meet(here, there).remotes == {}


def test_bills_are_met_where_either_sees_one() -> None:
    plain = policy(profile="read_only")
    seen = policy(profile="read_only", bill_seen=True)
    assert meet(plain, seen).budget.usd_micro == seen.budget.usd_micro
    assert not leq(plain, seen)


def test_the_verdict_of_an_allowed_call_is_allow() -> None:
    """The sampled requests are not all refused."""
    assert verdict(policy(profile="local_dev"), Call(kinds.READ, {"path": "src/a.py"}), CLEAN, 0) == ALLOW
