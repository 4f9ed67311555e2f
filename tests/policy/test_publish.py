"""The workspace's forge: own repository, closed sets, and the addresses in what is sent."""

import json

import pytest

from nucleus.kernel.exposure import FOREIGN, PRIVATE, UNTRUSTED
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
from nucleus.policy.publish import closed_set
from tests.policy.surroundings import ORIGIN, facts, policy

PR = {"head": "fix-42", "base": "main"}
SETS = '[allow]\ntemplates = ["label:bug", "label:needs repro", "comment:Please add a reproduction."]'


def body(title: str = "Fix it", text: str = "") -> bytes:
    """Return the body of a pull request."""
    return json.dumps({"title": title, "text": text}).encode()


def test_a_pull_request_at_home_is_trusted_and_pushes_its_branch() -> None:
    one = facts(kinds.PULL_REQUEST, PR, body(text="Closes acme/app#42, see https://github.com/acme/app/issues/42"))
    assert (one.scope, one.trusted, one.home) == (SCOPE_ALLOW, TRUSTED_YES, 1)
    assert (one.sink, one.carried) == (EGRESS | IRREVERSIBLE, PRIVATE)
    assert one.resolved["api"] == "https://api.github.com"
    assert one.resolved["push"]["url"] == ORIGIN


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/?k=v",
        "![](//evil.example)",
        "cc @mallory",
        "mallory@evil.example",
        "&#104;ttps://evil.example",
    ],
)
def test_a_strange_address_in_what_is_sent_makes_it_a_strangers_business(text: str) -> None:
    assert facts(kinds.PULL_REQUEST, PR, body(text=text)).trusted == TRUSTED_NO
    assert facts(kinds.PULL_REQUEST, PR, body(title=text)).trusted == TRUSTED_NO
    assert facts(kinds.COMMENT, {"number": 1}, text.encode()).trusted == TRUSTED_NO
    assert facts(kinds.LABEL, {"number": 1, "label": text}).trusted == TRUSTED_NO
    assert facts(kinds.COMMENT, {"number": 1, "title": text}, b"fine").trusted == TRUSTED_NO


def test_an_address_that_only_json_escapes_hide_is_found() -> None:
    hidden = b'{"title": "x", "text": "\\u0068ttps:\\/\\/evil.example\\/"}'
    assert facts(kinds.PULL_REQUEST, PR, hidden).trusted == TRUSTED_NO


@pytest.mark.parametrize(
    "repository",
    ["mallory/loot", "acme/app-evil", "acme", "../x", "a/b/../c", "acme/app?x", "https://evil.example/a", 7],
)
def test_another_repository_is_a_stranger_or_refused(repository: object) -> None:
    for kind, args in ((kinds.PULL_REQUEST, PR), (kinds.COMMENT, {"number": 1})):
        one = facts(kind, {**args, "repository": repository}, b"{}")
        assert one.trusted == TRUSTED_NO
        assert one.scope < SCOPE_ALLOW


def test_a_repository_that_the_owner_names_is_trusted() -> None:
    under = policy(text='[allow]\npull_requests = ["own", "acme/docs"]')
    one = facts(kinds.PULL_REQUEST, {**PR, "repository": "acme/docs"}, body(), under=under)
    assert (one.scope, one.trusted, one.home) == (SCOPE_ALLOW, TRUSTED_YES, 0)


def test_a_public_home_is_trusted_only_while_nothing_private_was_seen() -> None:
    under = policy(text=f'[remotes.origin]\nurl = "{ORIGIN}"\npublic = true')
    assert facts(kinds.PULL_REQUEST, PR, body(), under=under).trusted == TRUSTED_WHILE_CLEAN


def test_a_pull_request_needs_a_topic_branch() -> None:
    assert facts(kinds.PULL_REQUEST, {"head": "main", "base": "main"}, body()).scope == SCOPE_DENY
    assert facts(kinds.PULL_REQUEST, {"head": "release/1", "base": "main"}, body()).scope == SCOPE_ASK
    assert facts(kinds.PULL_REQUEST, {"head": "--delete", "base": "main"}, body()).scope == SCOPE_DENY
    assert facts(kinds.PULL_REQUEST, {}, body(), base="").scope == SCOPE_DENY
    assert facts(kinds.PULL_REQUEST, {}, body()).resolved["head"] == "topic-1"


@pytest.mark.parametrize("kind", [kinds.PULL_REQUEST, kinds.COMMENT, kinds.LABEL, kinds.ISSUE])
def test_without_a_remote_of_its_own_there_is_no_forge(kind: str) -> None:
    assert facts(kind, {**PR, "number": 1, "label": "bug"}, under=policy(origin="")).scope == SCOPE_DENY
    assert facts(kind, {**PR, "number": 1, "label": "bug"}, under=policy(origin="/srv/git/app.git")).scope == SCOPE_DENY


def test_a_value_of_a_closed_set_is_fixed_and_no_sink() -> None:
    under = policy("triage_bot", SETS)
    label = facts(kinds.LABEL, {"number": 7, "label": "bug"}, under=under)
    comment = facts(kinds.COMMENT, {"number": 7}, b"Please add a reproduction.", under=under)
    assert (label.fixed, label.sink, comment.fixed, comment.sink) == (1, 0, 1, 0)
    assert label.resolved["closed"] == ["bug", "needs repro"]


def test_a_template_is_a_text_of_any_letters() -> None:
    text = "Could you add a reproduction? See https://docs.example.org/how [here] {x}."
    under = policy("triage_bot", f"[allow]\ntemplates = [{json.dumps('comment:' + text)}]")
    assert facts(kinds.COMMENT, {"number": 7}, text.encode(), under=under).fixed == 1
    assert facts(kinds.COMMENT, {"number": 7}, text.replace("?", "!").encode(), under=under).fixed == 0


@pytest.mark.parametrize(
    ("kind", "args", "sent"),
    [
        (kinds.LABEL, {"number": 7, "label": "Bug"}, b""),
        (kinds.LABEL, {"number": 7, "label": "bug "}, b""),
        (kinds.LABEL, {"number": 7, "label": "bug", "note": "data"}, b""),
        (kinds.LABEL, {"number": 7, "label": "bug", "repository": "a/b"}, b""),
        (kinds.COMMENT, {"number": 7}, b"Please add a reproduction. key=1"),
        (kinds.COMMENT, {"number": 7}, b"please add a reproduction."),
        (kinds.COMMENT, {"number": 7}, b""),
        (kinds.COMMENT, {"number": 7, "title": "x"}, b"Please add a reproduction."),
    ],
)
def test_anything_but_the_very_value_is_a_sink(kind: str, args: dict[str, object], sent: bytes) -> None:
    one = facts(kind, args, sent, under=policy("triage_bot", SETS))
    assert one.fixed == 0
    assert one.sink == EGRESS | IRREVERSIBLE


@pytest.mark.parametrize("number", [None, 0, -1, "1", True, 1.0, [1]])
def test_the_number_of_an_issue_is_a_number(number: object) -> None:
    assert facts(kinds.COMMENT, {"number": number}, b"x").scope == SCOPE_DENY
    assert facts(kinds.LABEL, {"number": number, "label": "bug"}).scope == SCOPE_DENY
    assert number is None or facts(kinds.ISSUE, {"number": number}).scope == SCOPE_DENY


def test_the_own_tracker_is_untrusted_and_never_foreign() -> None:
    public, private = (facts(kinds.ISSUE, {"number": 1}, private_workspace=one) for one in (False, True))
    assert (public.legs, public.public) == (UNTRUSTED, 1)
    assert (private.legs, private.public) == (UNTRUSTED | PRIVATE, 0)
    assert public.scope == private.scope == SCOPE_ALLOW
    assert public.sink == 0


def test_another_repository_is_foreign_and_a_question_unless_named() -> None:
    one = facts(kinds.ISSUE, {"number": 1, "repository": "acme/secret"})
    assert (one.legs, one.scope) == (PRIVATE | FOREIGN | UNTRUSTED, SCOPE_ASK)
    under = policy(text='[allow]\nservices = ["own", "repository:acme/secret"]')
    assert facts(kinds.ISSUE, {"number": 1, "repository": "acme/secret"}, under=under).scope == SCOPE_ALLOW


def test_the_owner_can_deny_the_own_tracker() -> None:
    under = policy(text='[deny]\nservices = ["tracker:acme/app"]')
    assert facts(kinds.ISSUE, {"number": 1}, under=under).scope == SCOPE_DENY


def test_the_closed_set_is_what_every_layer_permits() -> None:
    assert closed_set(policy("triage_bot", SETS), "comment:") == ["Please add a reproduction."]
    assert closed_set(policy("triage_bot"), "label:") == []


def test_a_forge_may_have_its_interface_elsewhere() -> None:
    under = policy(origin="https://git.example.org/acme/app.git")
    assert facts(kinds.ISSUE, {"number": 1}, under=under).resolved["api"] == "https://git.example.org/api/v3"
    known = {"git.example.org": "https://api.example.org"}
    assert facts(kinds.ISSUE, {"number": 1}, under=under, forges=known).resolved["api"] == "https://api.example.org"
