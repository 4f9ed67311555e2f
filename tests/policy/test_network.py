"""Fetching and searching: fixed, trusted, or a question."""

import pytest

from nucleus.kernel.exposure import UNTRUSTED
from nucleus.kernel.facts import EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO, TRUSTED_YES
from nucleus.policy import call as kinds
from nucleus.policy.network import engines
from tests.policy.surroundings import facts, policy

URL = "https://api.example.org/openapi.json"


def test_a_url_in_the_owners_words_is_fixed_and_no_sink() -> None:
    one = facts(kinds.FETCH, {"url": URL}, under=policy("codegen", words=f"Write a client for {URL}."))
    assert (one.fixed, one.sink, one.legs, one.scope) == (1, 0, UNTRUSTED, SCOPE_ALLOW)


def test_the_same_host_with_another_path_is_not() -> None:
    one = facts(kinds.FETCH, {"url": URL + "?d=key"}, under=policy("codegen", words=f"Write a client for {URL}"))
    assert (one.fixed, one.sink, one.trusted, one.scope) == (0, EGRESS, TRUSTED_NO, SCOPE_ASK)


def test_a_url_in_the_policy_is_fixed_and_a_host_in_it_is_trusted() -> None:
    under = policy("codegen", f'[allow]\nfetch = ["{URL}", "docs.example.org"]')
    assert facts(kinds.FETCH, {"url": URL}, under=under).fixed == 1
    one = facts(kinds.FETCH, {"url": "https://docs.example.org/a?b=c"}, under=under)
    assert (one.fixed, one.sink, one.trusted, one.scope) == (0, EGRESS, TRUSTED_YES, SCOPE_ALLOW)


def test_an_unencrypted_url_is_never_fixed() -> None:
    plain = URL.replace("https", "http")
    one = facts(kinds.FETCH, {"url": plain}, under=policy("codegen", words=f"get {plain}"))
    assert (one.fixed, one.trusted) == (0, TRUSTED_NO)


def test_an_ask_or_deny_of_the_owner_is_stronger_than_the_prompt() -> None:
    for word, scope in (("ask", SCOPE_ASK), ("deny", SCOPE_DENY)):
        under = policy("codegen", f'[{word}]\nfetch = ["api.example.org"]', f"get {URL}")
        assert facts(kinds.FETCH, {"url": URL}, under=under).scope == scope


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://metadata.google.internal/",
        "https://user@example.com/",
        "file:///etc/passwd",
        "https://exa\tmple.com/",
        "printer",
        "",
        None,
        7,
        ["https://a.example"],
    ],
)
def test_a_private_or_ambiguous_address_is_refused_whatever_the_policy_says(url: object) -> None:
    under = policy("research_web", '[allow]\nfetch = ["**"]')
    assert facts(kinds.FETCH, {"url": url}, under=under).scope == SCOPE_DENY


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "get", "", None, 1])
def test_any_method_that_does_not_only_read_is_a_question(method: object) -> None:
    under = policy("codegen", f'[allow]\nfetch = ["{URL}"]')
    one = facts(kinds.FETCH, {"url": URL, "method": method}, under=under)
    assert (one.scope, one.fixed, one.trusted) == (SCOPE_ASK, 0, TRUSTED_NO)
    assert one.sink & IRREVERSIBLE


def test_headers_or_a_body_of_the_callers_choice_are_a_question() -> None:
    """The credential decides whose account receives what is sent: a named host is not enough."""
    under = policy("codegen", f'[allow]\nfetch = ["{URL}"]')
    assert facts(kinds.FETCH, {"url": URL, "headers": {"authorization": "k"}}, under=under).scope == SCOPE_ASK
    assert facts(kinds.FETCH, {"url": URL}, b"data", under=under).scope == SCOPE_ASK


def test_the_worker_gets_the_canonical_url() -> None:
    one = facts(kinds.FETCH, {"url": "HTTPS://Docs.Example.ORG:443/a/../b#c"})
    assert one.resolved["url"] == "https://docs.example.org/b"
    assert one.destination == "docs.example.org:443"


def test_a_search_goes_to_the_engine_that_the_profile_names() -> None:
    one = facts(kinds.SEARCH, {"q": "rate limit"})
    assert (one.sink, one.trusted, one.scope) == (EGRESS, TRUSTED_YES, SCOPE_ALLOW)
    assert one.resolved["engine"]["name"] in engines()


@pytest.mark.parametrize("engine", ["evil.example", "", "HTML.duckduckgo.com", "html.duckduckgo.com.evil.example"])
def test_an_engine_that_nobody_knows_is_refused(engine: str) -> None:
    assert facts(kinds.SEARCH, {"q": "x", "engine": engine}).scope == SCOPE_DENY


def test_a_profile_without_an_engine_does_not_search() -> None:
    assert facts(kinds.SEARCH, {"q": "x"}, under=policy("codegen")).scope == SCOPE_DENY


def test_each_known_engine_takes_a_query_over_https() -> None:
    for name, engine in engines().items():
        assert engine["url"].startswith(f"https://{name}/")
        assert engine["url"].count("{q}") == 1
