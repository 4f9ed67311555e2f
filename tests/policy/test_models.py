"""The model that the owner named is no sink; what its provider would reach is a stranger."""

import pytest

from nucleus.kernel.facts import EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO
from nucleus.policy import call as kinds
from nucleus.policy.call import Classified
from tests.policy.surroundings import facts, policy

ALLOWED = '[allow]\nmodel = ["POST https://api.model.example/v1/messages"]\n'


def asked(url: str = "https://api.model.example/v1/messages", method: str = "POST", **more: object) -> Classified:
    args = {"url": url, "method": method, "reach": [], **more}
    return facts(kinds.MODEL, args, under=policy("read_only", ALLOWED))


def test_what_the_owner_named_is_no_sink_and_shows_nothing_new() -> None:
    found = asked()
    assert (found.scope, found.sink, found.legs, found.public) == (SCOPE_ALLOW, 0, 0, 1)
    assert asked("https://api.model.example/v1/messages?beta=true").scope == SCOPE_ALLOW


@pytest.mark.parametrize(
    ("url", "method"),
    [
        ("https://api.model.example/v1/files", "POST"),
        ("https://api.model.example/v1/messages/x", "POST"),
        ("https://api.model.example/v1/messages", "GET"),
        ("http://api.model.example/v1/messages", "POST"),
        ("https://api.model.example:8443/v1/messages", "POST"),
        ("https://evil.example/v1/messages", "POST"),
        ("https://127.0.0.1/v1/messages", "POST"),
        ("https://localhost/v1/messages", "POST"),
        ("", "POST"),
    ],
)
def test_any_other_place_or_method_is_refused(url: str, method: str) -> None:
    assert asked(url, method).scope == SCOPE_DENY


def test_what_reaches_out_is_egress_to_nobody_that_was_named() -> None:
    found = asked(reach=["the tool 'web_search'"])
    assert (found.scope, found.sink, found.trusted) == (SCOPE_ASK, EGRESS | IRREVERSIBLE, TRUSTED_NO)
    assert "web_search" in found.destination
    assert found.carried


@pytest.mark.parametrize("reach", [None, "x", [1], {}])
def test_a_body_that_was_not_looked_at_is_refused(reach: object) -> None:
    assert asked(reach=reach).scope == SCOPE_DENY
