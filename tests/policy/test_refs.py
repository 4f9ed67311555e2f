"""Pushes go where the owner resolved the remote to, and only as the owner named the ref."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from nucleus.policy.labels import LabelStore
from nucleus.policy.refs import good_ref, home_remote, remote_of
from nucleus.policy.routes import over_https
from tests.policy.surroundings import ORIGIN, facts, policy
from tests.policy.test_labels import Memory

NAMED = '[allow]\nbranches = ["fix-42", "topic/**"]'


def test_a_push_to_the_named_remote_and_ref_is_trusted_and_home() -> None:
    one = facts(kinds.PUSH, {"remote": "origin", "branch": "fix-42"}, under=policy("release", NAMED))
    assert (one.scope, one.trusted, one.home) == (SCOPE_ALLOW, TRUSTED_YES, 1)
    assert (one.sink, one.carried & PRIVATE) == (EGRESS | IRREVERSIBLE, PRIVATE)
    assert one.resolved == {"url": ORIGIN, "source": "refs/heads/fix-42", "target": "refs/heads/fix-42", "force": False}


def test_a_push_carries_the_labels_of_the_tree() -> None:
    store = LabelStore(Memory())
    store.will_write("a", "d", PRIVATE | FOREIGN | UNTRUSTED)
    one = facts(kinds.PUSH, {"remote": "origin", "branch": "fix-42"}, under=policy("release", NAMED), labels=store)
    assert one.carried == PRIVATE | FOREIGN | UNTRUSTED


@pytest.mark.parametrize(
    "remote", ["https://evil.example/x.git", "git@evil.example:x/y.git", "/tmp/evil.git", ORIGIN + "x"]
)
def test_a_remote_that_nobody_resolved_is_a_stranger(remote: str) -> None:
    one = facts(kinds.PUSH, {"remote": remote, "branch": "fix-42"}, under=policy("release", NAMED))
    assert one.trusted == TRUSTED_NO
    assert one.scope < SCOPE_ALLOW
    assert "url" not in one.resolved


def test_an_unknown_name_can_not_be_resolved_later() -> None:
    """The repository's configuration is never asked, so a name that appears there afterwards leads nowhere."""
    one = facts(kinds.PUSH, {"remote": "backup", "branch": "fix-42"}, under=policy("release", NAMED))
    assert one.scope == SCOPE_DENY


def test_the_url_of_a_resolved_remote_is_that_remote() -> None:
    assert (
        facts(kinds.PUSH, {"remote": ORIGIN, "branch": "fix-42"}, under=policy("release", NAMED)).trusted == TRUSTED_YES
    )


def test_a_push_that_does_not_say_which_branch_is_a_question() -> None:
    under = policy("release", '[allow]\nbranches = ["**"]')
    assert facts(kinds.PUSH, {"remote": "origin"}, under=under).scope == SCOPE_ASK
    assert facts(kinds.PUSH, {"remote": "origin"}, under=under, branch="").scope == SCOPE_DENY


def test_a_ref_that_nobody_names_is_a_question_and_the_owners_words_answer_it() -> None:
    given = {"remote": "origin", "branch": "rel-1.4"}
    assert facts(kinds.PUSH, given, under=policy("release")).scope == SCOPE_ASK
    assert facts(kinds.PUSH, given, under=policy("release", words="push rel-1.4 please")).scope == SCOPE_ALLOW
    tag = {"remote": "origin", "branch": "refs/tags/v1.4.0"}
    assert facts(kinds.PUSH, tag, under=policy("release", words="tag and push v1.4.0")).scope == SCOPE_ALLOW


def test_a_plain_word_of_the_prompt_names_no_branch() -> None:
    under = policy("release", words="Fix the main problem and push")
    assert facts(kinds.PUSH, {"remote": "origin", "branch": "main"}, under=under).scope == SCOPE_ASK


def test_an_ask_of_the_owner_is_stronger_than_the_prompt() -> None:
    under = policy("release", '[ask]\nbranches = ["release/*"]', "push release/1.4 now")
    assert facts(kinds.PUSH, {"remote": "origin", "branch": "release/1.4"}, under=under).scope == SCOPE_ASK


def test_force_is_the_policys_to_name_and_deleting_is_never_done() -> None:
    given = {"remote": "origin", "branch": "fix-42"}
    forced = policy("release", NAMED + f'\n[remotes.origin]\nurl = "{ORIGIN}"\nallow_force = true\nallow_delete = true')
    assert facts(kinds.PUSH, {**given, "force": True}, under=policy("release", NAMED)).scope == SCOPE_DENY
    assert facts(kinds.PUSH, {**given, "force": True}, under=forced).resolved["force"] is True
    assert facts(kinds.PUSH, {**given, "delete": True}, under=forced).scope == SCOPE_DENY


def test_a_public_remote_is_trusted_only_while_nothing_private_was_seen() -> None:
    under = policy("release", NAMED + f'\n[remotes.origin]\nurl = "{ORIGIN}"\npublic = true')
    assert facts(kinds.PUSH, {"remote": "origin", "branch": "fix-42"}, under=under).trusted == TRUSTED_WHILE_CLEAN


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "-x",
        "--delete",
        "+main",
        ":main",
        "a:b",
        "a b",
        "a..b",
        "a~1",
        "a^",
        "a?",
        "a*",
        "a[b",
        "a\\b",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "a.lock/b",
        ".a",
        "a/.b",
        "a.",
        "@",
        "HEAD",
        "a@{1}",
        "a\0",
        "a\n",
        "x" * 256,
        "refs/heads/../x",
    ],
)
def test_what_is_not_one_plain_ref_is_refused(ref: str) -> None:
    assert not good_ref(ref)
    assert (
        facts(kinds.PUSH, {"remote": "origin", "branch": ref}, under=policy("release", NAMED), branch="").scope
        == SCOPE_DENY
    )
    assert facts(kinds.BRANCH, {"branch": ref}).scope == SCOPE_DENY


@pytest.mark.parametrize("ref", ["main", "fix-42", "topic/a_b.c", "v1.4.0", "refs/tags/v1", "a@b", "ünïcode", "a#1"])
def test_ordinary_branch_names_are_fine(ref: str) -> None:
    assert good_ref(ref)


@given(st.text(max_size=30))
def test_no_accepted_ref_is_an_option_a_range_or_a_refspec(ref: str) -> None:
    if good_ref(ref):
        assert ref[0] not in "-+:"
        assert not {" ", ":", "~", "^", "?", "*", "[", "\\"} & set(ref)
        assert ".." not in ref


def test_a_commit_and_a_topic_branch_stay_here() -> None:
    assert facts(kinds.COMMIT, {"paths": ["."]}, b"message").sink == 0
    assert facts(kinds.BRANCH, {"branch": "topic/1"}).sink == 0
    assert facts(kinds.COMMIT, {"paths": ["/etc"]}).scope == SCOPE_DENY
    assert facts(kinds.COMMIT, {"paths": "src"}).scope == SCOPE_DENY


def test_a_pull_from_an_own_remote_is_no_sink_and_brings_untrusted_content() -> None:
    one = facts(kinds.PULL, {"remote": "origin"})
    assert (one.sink, one.fixed, one.legs, one.scope) == (0, 1, UNTRUSTED, SCOPE_ALLOW)
    odd = facts(kinds.PULL, {"remote": "https://evil.example/x.git"})
    assert odd.sink & EGRESS
    assert odd.scope < SCOPE_ALLOW


def test_origin_is_home_and_names_resolve_once() -> None:
    under = policy()
    assert home_remote(under) == ("origin", under.remotes["origin"])
    assert home_remote(policy(origin="")) is None
    assert remote_of(under, "origin") == remote_of(under, ORIGIN)
    assert remote_of(under, None) is None


@pytest.mark.parametrize(
    ("url", "https"),
    [
        ("git@github.com:acme/app.git", "https://github.com/acme/app.git"),
        ("ssh://git@github.com/acme/app.git", "https://github.com/acme/app.git"),
        ("ssh://git@github.com:22/acme/app", "https://github.com/acme/app"),
        ("https://github.com/acme/app.git", "https://github.com/acme/app.git"),
        ("https://user:secret@github.com/acme/app.git", "https://github.com/acme/app.git"),
        ("/srv/app.git", "/srv/app.git"),
        ("file:///srv/app.git", "file:///srv/app.git"),
        ("ssh://git@github.com:2222/acme/app", "ssh://git@github.com:2222/acme/app"),
        ("git@host:/abs/path", "git@host:/abs/path"),
    ],
)
def test_a_forge_is_reached_by_https_at_the_same_path(url: str, https: str) -> None:
    assert over_https(url) == https


def test_a_delivery_is_a_push_of_exactly_one_commit_that_is_never_forced() -> None:
    tip = "a" * 40
    under = policy(
        "release", '[allow]\nremotes = ["origin"]\nbranches = ["fix-*"]\n', origin="git@github.com:acme/app.git"
    )
    args = {"remote": "origin", "branch": "fix-1", "tip": tip}
    found = facts(kinds.DELIVER, args, b"PACK", under=under)
    pushed = facts(kinds.PUSH, {"remote": "origin", "branch": "fix-1"}, under=under)
    assert (found.op, found.sink, found.carried, found.scope) == (pushed.op, pushed.sink, pushed.carried, pushed.scope)
    assert found.resolved == {"url": "https://github.com/acme/app.git", "target": "refs/heads/fix-1", "tip": tip}
    for odd in (
        {"tip": ""},
        {"tip": "HEAD"},
        {"tip": None},
        {"remote": "https://evil.example/x.git"},
        {"branch": "+a"},
    ):
        assert facts(kinds.DELIVER, {**args, **odd}, b"PACK", under=under).scope == SCOPE_DENY
