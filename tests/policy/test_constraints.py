"""Scopes: a meet never widens, and what ``leq`` says holds for every value."""

import pytest
from hypothesis import given

from nucleus.policy.constraints import ALLOW, ASK, DENY, NOBODY, Constraint, Scope, fold, leq, meet
from nucleus.policy.globs import parse
from nucleus.policy.source import Source
from nucleus.policy.values import COMMAND, NAME, PATH, REF, URL, Kind
from tests.policy.patterns_strategy import scopes, values


def scope(
    kind: Kind,
    allow: tuple[str, ...] = (),
    ask: tuple[str, ...] = (),
    deny: tuple[str, ...] = (),
    otherwise: int = DENY,
) -> Scope:
    lists = [
        tuple(
            (shape, Source(f"f:{at}", text))
            for at, text in enumerate(texts)
            for shape in parse(kind, text, grants=grants)
        )
        for texts, grants in ((allow, True), (ask, False), (deny, False))
    ]
    return Scope(kind, [Constraint("f", *lists, otherwise)])


@given(scopes(), scopes(), values())
def test_a_meet_answers_with_the_least_of_both(p: Scope, q: Scope, value: str) -> None:
    both = meet(p, q).judge(value)
    one, other = p.judge(value), q.judge(value)
    assert both.scope == min(one.scope, other.scope)
    assert both.named <= (one.named and other.named) or both.scope != ALLOW
    assert both.exact <= (one.exact and other.exact) or both.scope != ALLOW


@given(scopes(), scopes(), values())
def test_what_a_smaller_scope_permits_the_larger_permits(p: Scope, q: Scope, value: str) -> None:
    if leq(p, q):
        small, large = p.judge(value), q.judge(value)
        assert small.scope <= large.scope
        if small.scope == large.scope == ALLOW:
            assert small.named <= large.named
            assert small.exact <= large.exact
        if small.scope == large.scope == ASK:
            assert small.silent <= large.silent, "the owner's words could answer one question and not the other"


@given(scopes(), scopes())
def test_a_meet_is_below_both(p: Scope, q: Scope) -> None:
    both = meet(p, q)
    assert leq(both, p)
    assert leq(both, q)
    assert leq(p, p)


@given(scopes(NAME), scopes(NAME), values(NAME))
def test_names_keep_the_same_laws(p: Scope, q: Scope, value: str) -> None:
    assert meet(p, q).judge(value).scope == min(p.judge(value).scope, q.judge(value).scope)
    assert not leq(p, q) or p.judge(value).scope <= q.judge(value).scope


def test_deny_wins_over_ask_and_ask_over_allow() -> None:
    one = scope(PATH, ("**",), ("docs/**",), ("docs/secret/**",))
    assert [one.judge(path).scope for path in ("a", "docs/a", "docs/secret/a")] == [ALLOW, ASK, DENY]


def test_a_key_of_which_nobody_spoke_permits_nothing() -> None:
    judgement = Scope.none(PATH).judge("a")
    assert judgement.scope == DENY
    assert "no policy names" in judgement.why
    assert Scope(PATH, []).judge("a").scope == DENY


def test_everything_means_the_workspace_and_names_nothing() -> None:
    everything = Scope.all(PATH, Source("f:1", "**"))
    assert everything.judge("a/b").scope == ALLOW
    assert not everything.judge("a/b").named
    assert everything.judge("/etc/passwd").scope == DENY
    assert not everything.permits("/etc/passwd")


@pytest.mark.parametrize("value", ["", "..", "a/../b", "./a", "a//b", "a/", "a\0b", "/..", "/a/./b"])
def test_a_path_that_is_not_canonical_is_denied_whatever_the_patterns_say(value: str) -> None:
    judgement = scope(PATH, ("**", "/**")).judge(value)
    assert judgement.scope == DENY
    assert "canonical" in judgement.why


def test_what_denies_ignores_case_and_what_allows_does_not() -> None:
    one = scope(PATH, ("**",), (), ("**/.env",))
    assert one.judge("a/.ENV").scope == DENY
    assert one.judge("a/.env").scope == DENY  # fullwidth letters
    assert scope(PATH, ("README.md",)).judge("readme.MD").scope == DENY
    assert fold("K") == "k"


def test_a_denied_program_is_denied_under_any_directory() -> None:
    one = scope(COMMAND, ("**",), (), ("rm **",))
    assert one.judge(["/bin/rm", "-r", "x"]).scope == DENY
    assert one.judge(["rm"]).scope == DENY
    assert one.judge(["rmdir", "x"]).scope == ALLOW


def test_an_allowed_program_is_allowed_only_as_it_was_named() -> None:
    one = scope(COMMAND, ("pytest **",))
    assert one.judge(["pytest", "-q"]).scope == ALLOW
    assert one.judge(["./pytest", "-q"]).scope == DENY


@pytest.mark.parametrize("argv", [[], [""], "pytest -q", ["a", 1], ["a\0b"]])
def test_what_is_no_list_of_words_is_no_command(argv: object) -> None:
    assert scope(COMMAND, ("**",)).judge(argv).scope == DENY


def test_a_host_is_not_its_neighbour() -> None:
    one = scope(URL, ("docs.python.org", "*.example.org"))
    allowed = [
        "https://docs.python.org/3/",
        "https://docs.python.org",
        "https://a.example.org/",
        "https://a.b.example.org/x",
    ]
    refused = [
        "https://docs.python.org.evil.example/",
        "https://xdocs.python.org/",
        "http://docs.python.org/",
        "https://docs.python.org:8443/",
        "https://example.org/",
        "https://evilexample.org/",
        "https://DOCS.python.org/",
        "https://docs.python.org@evil.example/",
        "https://docs.python.org/../x",
        "ftp://docs.python.org/",
    ]
    assert [one.judge(url).scope for url in allowed] == [ALLOW] * len(allowed)
    assert [one.judge(url).scope for url in refused] == [DENY] * len(refused)


def test_a_denied_host_is_denied_on_every_port_and_scheme() -> None:
    one = scope(URL, ("**",), (), ("*.internal", "evil.example"))
    for url in ("http://evil.example:81/x", "https://evil.example", "https://wiki.internal:444/"):
        assert one.judge(url).scope == DENY
    assert one.judge("https://not-evil.example/").scope == ALLOW


def test_only_the_very_url_is_exact() -> None:
    one = scope(URL, ("https://a.example/b?c=1", "b.example"))
    assert one.judge("https://a.example/b?c=1").exact
    assert one.judge("https://b.example/x").named
    assert not one.judge("https://b.example/x").exact
    assert one.judge("https://a.example/b?c=2").scope == DENY


def test_a_ceiling_bounds_and_vouches_for_nothing() -> None:
    shapes = tuple((shape, Source("p", "x")) for shape in parse(URL, "a.example", grants=True))
    ceiling = Constraint("profile x", shapes, ceiling=True)
    assert not Scope(URL, [ceiling]).judge("https://a.example/").named
    named = Scope(URL, [ceiling, Constraint("f", shapes)])
    assert named.judge("https://a.example/").named
    assert not meet(named, Scope(URL, [ceiling])).judge("https://a.example/").named


def test_a_verdict_cites_its_pattern() -> None:
    judgement = scope(REF, ("**",), ("release/*",)).judge("release/1")
    assert (judgement.scope, judgement.where, judgement.why) == (ASK, "f:0", "release/*")
    silent = scope(REF, ("a",), (), (), ASK).judge("b")
    assert (silent.scope, silent.silent, silent.where) == (ASK, True, "f")


def test_silence_about_a_path_is_not_as_strong_as_denying_it() -> None:
    """A path that is denied by name is invisible too: dropping the name would show it."""
    quiet = scope(PATH, ("src/**",))
    loud = scope(PATH, ("src/**",), (), ("secrets/**",))
    assert leq(loud, quiet)
    assert not leq(quiet, loud)


def test_scopes_of_two_kinds_are_not_compared() -> None:
    assert not leq(Scope.none(PATH, NOBODY), Scope.all(NAME, Source("", "")))


def test_a_text_that_claims_to_equal_another_is_judged_by_its_letters() -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("src/a")

    one = scope(PATH, ("src/**",))
    assert one.judge("src/a").scope == ALLOW
    assert one.judge(Liar("secrets/a")).scope == DENY
