"""What leaves a box by its proxy: a tunnel is never a fetch, and a request is judged by its URL."""

import pytest

from nucleus.kernel.exposure import UNTRUSTED
from nucleus.kernel.facts import (
    EGRESS,
    IRREVERSIBLE,
    SCOPE_ALLOW,
    SCOPE_ASK,
    SCOPE_DENY,
    TRUSTED_NO,
    TRUSTED_WHILE_CLEAN,
    TRUSTED_YES,
)
from nucleus.policy import call as kinds
from tests.policy.surroundings import facts, policy

NAMED = '[allow]\nfetch = ["docs.example.org", "api.example.org:8443", "https://one.example.org/api/**"]\n'


def tunnel(host: str, port: int = 443, text: str = NAMED, profile: str = "safe_pr_fixer") -> tuple[int, int]:
    found = facts(kinds.TUNNEL, {"host": host, "port": port}, under=policy(profile, text))
    return found.scope, found.trusted


def test_a_tunnel_is_egress_without_bound_and_carries_what_it_brings() -> None:
    found = facts(kinds.TUNNEL, {"host": "docs.example.org", "port": 443}, under=policy("safe_pr_fixer", NAMED))
    assert (found.legs, found.carried, found.sink, found.fixed) == (UNTRUSTED, UNTRUSTED, EGRESS | IRREVERSIBLE, 0)
    assert found.destination == "docs.example.org:443"
    assert found.resolved == {"host": "docs.example.org", "port": 443, "inside": False}


def test_a_named_host_is_a_trusted_tunnel_and_any_other_a_question() -> None:
    assert tunnel("docs.example.org") == (SCOPE_ALLOW, TRUSTED_YES)
    assert tunnel("DOCS.example.org.") == (SCOPE_ALLOW, TRUSTED_YES)
    assert tunnel("api.example.org", 8443) == (SCOPE_ALLOW, TRUSTED_YES)
    assert tunnel("evil.example") == (SCOPE_ASK, TRUSTED_NO)
    assert tunnel("docs.example.org", 8443) == (SCOPE_ASK, TRUSTED_NO)


def test_a_host_of_which_one_path_is_named_is_no_trusted_tunnel() -> None:
    assert tunnel("one.example.org") == (SCOPE_ASK, TRUSTED_NO)


@pytest.mark.parametrize(("key", "scope"), [("deny", SCOPE_DENY), ("ask", SCOPE_ASK)])
def test_what_is_said_of_one_path_holds_for_the_tunnel_that_hides_paths(key: str, scope: int) -> None:
    limited = f'{NAMED}[{key}]\nfetch = ["https://docs.example.org/private/**"]\n'
    assert tunnel("docs.example.org", text=limited)[0] == scope
    assert tunnel("api.example.org", 8443, text=limited)[0] == SCOPE_ALLOW


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "::1", "[::ffff:10.0.0.1]", "1.1.1.1."),
        *(
            "localhost",
            "intranet",
            "db.internal",
            "metadata.google.internal",
            "a b",
            "",
            "ex ample",
            "user@host",
            "é.org",
        ),
        *(
            "127.0.0.1%2e",
            "①②⑦.0.0.1",
            "evil.example/",
            "evil.example?x",
            "evil.example#",
            "evil.example\\@good.example",
        ),
    ],
)
def test_an_address_in_any_spelling_or_a_local_name_is_refused(host: str) -> None:
    everything = '[allow]\nfetch = ["**"]\n'
    assert tunnel(host, text=everything)[0] == SCOPE_DENY
    if not {"/", "?", "#"} & set(host):
        found = facts(kinds.REQUEST, {"url": f"http://{host}/", "method": "GET"}, under=policy(text=everything))
        assert found.scope == SCOPE_DENY


@pytest.mark.parametrize("args", [{}, {"host": "x.org"}, {"host": 1, "port": 443}, {"host": "x.org", "port": "443"}])
def test_a_tunnel_to_nowhere_is_refused(args: dict[str, object]) -> None:
    assert facts(kinds.TUNNEL, args).scope == SCOPE_DENY


def test_the_owners_words_name_a_host_for_a_tunnel() -> None:
    under = policy("safe_pr_fixer", words="look at docs.example.net please")
    found = facts(kinds.TUNNEL, {"host": "docs.example.net", "port": 443}, under=under)
    assert (found.scope, found.trusted) == (SCOPE_ALLOW, TRUSTED_YES)


def test_any_public_host_is_trusted_while_nothing_private_was_seen_where_the_profile_says_so() -> None:
    assert tunnel("anything.example.net", text="", profile="research_web") == (SCOPE_ALLOW, TRUSTED_WHILE_CLEAN)


def test_the_host_of_the_model_channel_is_reached_by_no_tunnel_and_no_request() -> None:
    text = '[allow]\nfetch = ["**", "api.model.example"]\nmodel = ["POST https://api.model.example/v1/messages"]\n'
    assert tunnel("api.model.example", text=text)[0] == SCOPE_DENY
    assert tunnel("api.model.example", 8443, text=text)[0] != SCOPE_DENY
    args = {"url": "https://api.model.example/other", "method": "GET"}
    assert facts(kinds.REQUEST, args, under=policy(text=text)).scope == SCOPE_DENY
    without = text.partition("model =")[0]
    assert tunnel("api.model.example", text=without) == (SCOPE_ALLOW, TRUSTED_YES)


def test_a_request_that_changes_something_is_irreversible_and_a_get_is_a_fetch_that_is_never_fixed() -> None:
    text = '[allow]\nfetch = ["https://docs.example.org/exactly"]\n'
    get = facts(kinds.REQUEST, {"url": "https://docs.example.org/exactly", "method": "GET"}, under=policy(text=text))
    assert (get.sink, get.fixed, get.trusted, get.scope) == (EGRESS, 0, TRUSTED_YES, SCOPE_ALLOW)
    post = facts(kinds.REQUEST, {"url": "https://docs.example.org/exactly", "method": "POST"}, under=policy(text=text))
    assert post.sink == EGRESS | IRREVERSIBLE
    body = {"url": "https://docs.example.org/exactly", "method": "GET", "body": True}
    assert facts(kinds.REQUEST, body, under=policy(text=text)).sink == EGRESS | IRREVERSIBLE


def test_plain_http_is_trusted_nowhere_and_an_unknown_method_goes_nowhere() -> None:
    plain = facts(kinds.REQUEST, {"url": "http://docs.example.org/", "method": "GET"}, under=policy(text=NAMED))
    assert plain.trusted == TRUSTED_NO
    odd = facts(kinds.REQUEST, {"url": "https://docs.example.org/", "method": "TRACE"}, under=policy(text=NAMED))
    assert odd.scope == SCOPE_DENY


def test_a_name_of_a_local_network_is_reached_where_the_owner_named_it() -> None:
    text = '[allow]\nfetch = ["wiki.corp"]\n'
    named = facts(kinds.TUNNEL, {"host": "wiki.corp", "port": 443}, under=policy(text=text))
    assert (named.scope, named.trusted, named.resolved["inside"]) == (SCOPE_ALLOW, TRUSTED_YES, True)
    assert tunnel("other.corp", text=text)[0] == SCOPE_DENY
    assert tunnel("wiki.corp", text='[allow]\nfetch = ["**"]\n')[0] == SCOPE_DENY
