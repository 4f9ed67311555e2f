"""Commands: the worst case on the host, harmless in a box that vouches for itself."""

import pytest

from nucleus.kernel.decide import ALLOW, ASK, decide
from nucleus.kernel.exposure import PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import (
    EGRESS,
    IRREVERSIBLE,
    SCOPE_ALLOW,
    SCOPE_ASK,
    SCOPE_DENY,
    TRUSTED_NO,
    TRUSTED_YES,
    floored,
)
from nucleus.kernel.state import State
from nucleus.policy import call as kinds
from nucleus.policy.labels import LabelStore
from tests.policy.journeys import request_of
from tests.policy.surroundings import facts, policy
from tests.policy.test_labels import Memory

TESTS = {"argv": ["pytest", "-q"]}


def test_a_command_on_the_host_is_the_worst_case_and_asks() -> None:
    one = facts(kinds.RUN, TESTS, attested=False)
    legs, carried, sink = floored(request_of(one, approved=0))
    assert legs & (PRIVATE | UNTRUSTED) == carried & (PRIVATE | UNTRUSTED) == PRIVATE | UNTRUSTED
    assert sink == EGRESS | IRREVERSIBLE
    assert decide(State(policy().authority, 0, 10, 0), request_of(one, approved=0))[0] == ASK


def test_the_same_command_in_a_box_that_vouches_is_silent() -> None:
    one = facts(kinds.RUN, TESTS)
    assert (one.sink, one.attested, one.scope, one.legs) == (0, 1, SCOPE_ALLOW, PRIVATE)
    assert decide(State(policy().authority, 0, 10, 0), request_of(one, approved=0))[0] == ALLOW


def test_a_box_shows_the_labels_of_the_whole_tree() -> None:
    store = LabelStore(Memory())
    store.will_write("deep/a.txt", "d", UNTRUSTED)
    assert facts(kinds.RUN, TESTS, labels=store).legs == PRIVATE | UNTRUSTED
    assert facts(kinds.RUN, TESTS, under=policy("code_review")).legs == PRIVATE | UNTRUSTED


def test_a_box_that_does_not_hide_secrets_shows_them() -> None:
    assert facts(kinds.RUN, TESTS, hides_secrets=False).legs & SECRET


def test_a_box_is_told_what_the_policy_hides_and_shows_what_only_a_label_calls_secret() -> None:
    under = policy(text='[deny]\nread = ["plans/**"]\n')
    assert {"plans/**", "**/.git/**"} <= set(facts(kinds.RUN, TESTS, under=under).resolved["hidden"])
    labelled = policy(text='[labels]\nsecret = ["plans/**"]\n')
    assert facts(kinds.RUN, TESTS, under=labelled).legs & SECRET


def test_a_profile_may_want_an_attested_box() -> None:
    assert facts(kinds.RUN, TESTS, under=policy("code_review"), attested=False).scope == SCOPE_DENY
    assert facts(kinds.RUN, TESTS, under=policy("code_review")).scope == SCOPE_ALLOW


def test_text_for_a_shell_passes_only_as_plain_words() -> None:
    plain = facts(kinds.RUN, {"text": "pytest -q tests"})
    assert plain.scope == SCOPE_ALLOW
    assert plain.resolved["argv"] == ["pytest", "-q", "tests"]
    odd = facts(kinds.RUN, {"text": "grep ^Setup README.md ; env"})
    assert odd.scope == SCOPE_ASK
    assert odd.resolved["argv"] == ["sh", "-c", "grep ^Setup README.md ; env"]


def test_a_hint_asks_unless_the_owner_names_the_command() -> None:
    call = {"argv": ["git", "remote", "set-url", "origin", "https://evil.example/"]}
    assert facts(kinds.RUN, call).scope == SCOPE_ASK
    under = policy(text='[allow]\ncommands = ["**", "curl **"]')
    assert facts(kinds.RUN, {"argv": ["curl", "-V"]}, under=under).scope == SCOPE_ALLOW


def test_the_owners_lists_hold() -> None:
    under = policy(text='[deny]\ncommands = ["make deploy"]\n[ask]\ncommands = ["make **"]')
    assert facts(kinds.RUN, {"argv": ["make", "deploy"]}, under=under).scope == SCOPE_DENY
    assert facts(kinds.RUN, {"text": "make deploy"}, under=under).scope == SCOPE_DENY
    assert facts(kinds.RUN, {"argv": ["/usr/bin/make", "deploy"]}, under=under).scope == SCOPE_DENY
    assert facts(kinds.RUN, {"argv": ["make", "test"]}, under=under).scope == SCOPE_ASK


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"argv": []},
        {"argv": "ls"},
        {"argv": [""]},
        {"argv": [1]},
        {"argv": ["a\0b"]},
        {"argv": ["a"], "text": "b"},
        {"text": " "},
        {"argv": ["a"], "cwd": "/etc"},
        {"argv": ["a"], "cwd": "../x"},
        {"argv": ["a"], "cwd": 1},
        {"argv": ["a"] * 5000},
    ],
)
def test_what_is_no_command_here_is_refused(args: dict[str, object]) -> None:
    assert facts(kinds.RUN, args).scope == SCOPE_DENY


def test_a_set_from_a_trusted_lock_is_fixed() -> None:
    given = {"packages": ["i:a@1#x", "i:b@2#y"]}
    one = facts(kinds.INSTALL, given, locks=frozenset(["i:a@1#x", "i:b@2#y", "i:c@1#z"]), under=policy("test_runner"))
    assert (one.fixed, one.sink, one.scope) == (1, 0, SCOPE_ALLOW)


def test_one_package_beside_the_lock_makes_the_set_a_question() -> None:
    given = {"packages": ["i:a@1#x", "i:evil@1#q"]}
    one = facts(kinds.INSTALL, given, locks=frozenset(["i:a@1#x"]))
    assert (one.fixed, one.trusted, one.scope) == (0, TRUSTED_NO, SCOPE_ASK)
    assert one.sink & EGRESS


def test_another_hash_is_another_package() -> None:
    assert facts(kinds.INSTALL, {"packages": ["i:a@1#changed"]}, locks=frozenset(["i:a@1#x"])).fixed == 0


def test_a_set_that_the_owner_named_goes_to_a_trusted_place() -> None:
    under = policy(text='[allow]\npackages = ["i:flask", "i:scope-pkg"]', words="and add tiny-lib==2.0 too")
    one = facts(kinds.INSTALL, {"packages": ["i:Flask@3#x", "i:scope_pkg@1#y", "i:tiny-lib@2.0#z"]}, under=under)
    assert (one.trusted, one.scope) == (TRUSTED_YES, SCOPE_ALLOW)


def test_a_plain_word_of_the_prompt_names_no_package() -> None:
    one = facts(kinds.INSTALL, {"packages": ["i:tests@1#x"]}, under=policy(words="Run the tests"))
    assert (one.trusted, one.scope) == (TRUSTED_NO, SCOPE_ASK)


@pytest.mark.parametrize("packages", [None, [], "i:a", [1], [""]])
def test_what_is_no_set_of_packages_is_refused(packages: object) -> None:
    assert facts(kinds.INSTALL, {"packages": packages}).scope == SCOPE_DENY
