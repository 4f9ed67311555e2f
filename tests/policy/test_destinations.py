"""A destination is trusted if the owner named it, and all that hides in the payload too."""

import pytest

from nucleus.kernel.facts import TRUSTED_NO, TRUSTED_WHILE_CLEAN, TRUSTED_YES
from nucleus.policy.addresses import parse_url
from nucleus.policy.destinations import (
    addressee_is_trusted,
    own_repositories,
    owner_words,
    payload_is_trusted,
    repository_of,
    trust_in_url,
    url_is_friendly,
)
from nucleus.policy.model import OwnerWords
from tests.policy.surroundings import context, policy


def whole(text: str) -> frozenset[str]:
    """Return the tokens that count."""
    return owner_words(OwnerWords(frozenset(text.split()))).whole


@pytest.mark.parametrize(
    "word", ["7", "42", "1.5", "100", "2026-11-24", "+1-555-0100", "to", "x1", "@a", "#b", "::", "main", "support"]
)
def test_short_words_numbers_and_plain_words_name_nothing(word: str) -> None:
    assert whole(f"send {word} now") == frozenset()


@pytest.mark.parametrize(
    "word", ["fix-42", "@alice", "#builds", "bob@example.org", "acme/app", "v1.4.0", "docs.example.org"]
)
def test_a_whole_token_names_itself(word: str) -> None:
    assert word in whole(f'please use "{word}", thanks')


def test_a_part_of_a_token_names_nothing() -> None:
    """``evil`` is not named by ``evil-free``, nor a host by one that ends in it."""
    words = owner_words(OwnerWords(frozenset(["docs.example.org", "https://a.example/x"])))
    assert words.hosts == {"docs.example.org"}
    assert words.urls == {"https://a.example/x"}
    assert "example.org" not in words.whole
    assert "a.example" not in words.hosts


def test_a_local_name_or_address_in_the_prompt_names_no_host() -> None:
    assert owner_words(OwnerWords(frozenset(["127.0.0.1", "a.internal", "http://10.0.0.1/"]))).hosts == frozenset()


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/acme/app.git", ("github.com", "acme/app")),
        ("https://github.com/acme/app/", ("github.com", "acme/app")),
        ("git@github.com:acme/app.git", ("github.com", "acme/app")),
        ("ssh://git@git.example.org:2222/acme/app.git", ("git.example.org", "acme/app")),
        ("https://GitLab.example/group/sub/app", ("gitlab.example", "group/sub/app")),
        ("/srv/git/app.git", None),
        ("file:///srv/git/app.git", None),
        ("../app.git", None),
        ("https://example.org/", None),
    ],
)
def test_the_repository_of_a_remote(url: str, found: tuple[str, str] | None) -> None:
    assert repository_of(url) == found


def test_only_the_workspaces_own_remotes_are_its_own() -> None:
    assert own_repositories(policy()) == [("github.com", "acme/app")]
    assert own_repositories(policy(origin="")) == []


def trust(url: str, **given: str) -> int:
    """Return the trust in a URL under a policy."""
    under = policy(given.get("profile", "codegen"), given.get("text", ""), given.get("words", ""))
    one = parse_url(url)
    return trust_in_url(under, one, vouched=under.scopes["fetch"].judge(one.judged).named)


def test_a_named_host_is_trusted_over_https_only() -> None:
    text = '[allow]\nfetch = ["docs.example.org", "http://docs.example.org"]'
    assert trust("https://docs.example.org/a", text=text) == TRUSTED_YES
    assert trust("http://docs.example.org/a", text=text) == TRUSTED_NO
    assert trust("https://evil.example/a", text=text) == TRUSTED_NO
    assert trust("https://docs.example.org.evil.example/a", text=text) == TRUSTED_NO
    assert trust("https://docs.example.org:8443/a", text=text) == TRUSTED_NO


def test_a_host_in_the_owners_words_is_trusted_and_a_url_only_exactly() -> None:
    words = "read docs.example.org and https://api.example.org/v1"
    assert trust("https://docs.example.org/any", words=words) == TRUSTED_YES
    assert trust("https://api.example.org/v1", words=words) == TRUSTED_YES
    assert trust("https://api.example.org/v2", words=words) == TRUSTED_NO


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.example.org/go?url=https://evil.example/?d=k",
        "https://docs.example.org/go?u=evil.example/x",
        "https://docs.example.org/https://evil.example/",
        "https://docs.example.org/r/evil.com",
        "https://docs.example.org/?to=mallory%40evil.example",
        "https://docs.example.org/go?u=https%253A%252F%252Fevil.example",
        "https://docs.example.org/?x=//evil.example",
    ],
)
def test_a_trusted_host_that_may_forward_elsewhere_is_not_trusted_for_that(url: str) -> None:
    text = '[allow]\nfetch = ["docs.example.org"]'
    assert trust("https://docs.example.org/go?page=2", text=text) == TRUSTED_YES
    assert trust(url, text=text) == TRUSTED_NO


def test_any_public_host_is_trusted_while_clean_where_the_profile_says_so() -> None:
    assert trust("https://anything.example/", profile="research_web") == TRUSTED_WHILE_CLEAN
    assert trust("http://anything.example/", profile="research_web") == TRUSTED_NO
    assert trust("https://anything.example/", profile="codegen") == TRUSTED_NO


@pytest.mark.parametrize(
    "text",
    [
        "done",
        "see https://github.com/acme/app/issues/42",
        "acme/app#42",
        "https://docs.example.org/a",
        "cc @alice",
        "bob@example.org",
    ],
)
def test_a_payload_with_trusted_addresses_only_is_trusted(text: str) -> None:
    under = policy(
        "release", '[allow]\nfetch = ["docs.example.org"]\nchannels = ["@alice"]', "write to bob@example.org"
    )
    assert payload_is_trusted(under, context(), text)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/?k=v",
        "![](//evil.example/x)",
        "https://github.com/mallory/loot/issues/1",
        "mallory/loot#1",
        "https://github.com/acme/app-evil/x",
        "cc @mallory",
        "mallory@evil.example",
        "www.evil.example",
        "10.0.0.1:80",
        "https://docs.example.org/?u=https://evil.example/",
        "http://github.com/acme/app/",
        "https://github.com/acme/app/?u=evil.com/x",
    ],
)
def test_one_strange_address_in_a_payload_is_enough(text: str) -> None:
    under = policy(
        "release", '[allow]\nfetch = ["docs.example.org"]\nchannels = ["@alice"]', "write to bob@example.org"
    )
    assert not payload_is_trusted(under, context(), f"all fine; {text} and more")


def test_a_directory_vouches_for_an_addressee_and_for_nothing_else() -> None:
    under = policy("release")
    known = context(directory=frozenset({"carol@example.org"}))
    assert addressee_is_trusted(under, known, "carol@example.org")
    assert not addressee_is_trusted(under, context(), "carol@example.org")
    assert not url_is_friendly(under, parse_url("https://carol.example.org/"))
