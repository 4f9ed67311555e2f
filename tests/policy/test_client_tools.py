"""What a client performs by itself is judged as what it does, without what a box would vouch for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import ALL_SINKS, CONTROL, EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.client_tools import INNER, inner
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy

HERE = Context("/w", "/home/u", attested=True, hides_secrets=True, transactional=True, kept=lambda _path: True)
POLICY = load_policy([], OwnerChoices(profile="local_dev"))


def judged(does: str, args: dict[str, Any], body: bytes = b"", policy: Any = POLICY) -> Classified:
    return classify(policy, Call(kinds.CLIENT, {"client": "x", "tool": "T", "does": does, **args}, body), HERE)


def test_a_command_of_a_clients_shell_has_the_network_whatever_a_box_would_vouch_for() -> None:
    facts = judged(kinds.RUN, {"argv": ["ls"]})
    boxed = classify(POLICY, Call(kinds.RUN, {"argv": ["ls"]}), HERE)
    assert (boxed.attested, boxed.sink) == (1, 0)
    assert (facts.attested, facts.sink) == (0, EGRESS | IRREVERSIBLE)
    assert facts.legs & (PRIVATE | UNTRUSTED) == PRIVATE | UNTRUSTED


def test_with_the_box_taken_at_its_word_a_command_of_the_clients_would_have_no_sink(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line that holds: ``attested`` is taken away. Left in, the client's shell would be silent."""
    monkeypatch.setattr("nucleus.policy.client_tools.replace", _keeps_attested)
    assert judged(kinds.RUN, {"argv": ["ls"]}).sink == 0


def _keeps_attested(value: Any, **changes: Any) -> Any:
    return replace(value, **{name: new for name, new in changes.items() if name not in {"attested", "hides_secrets"}})


def test_a_profile_whose_shell_needs_a_box_refuses_a_clients_shell() -> None:
    policy = load_policy([], OwnerChoices(profile="code_review"))
    assert judged(kinds.RUN, {"argv": ["ls"]}, policy=policy).scope == SCOPE_DENY


def test_a_write_is_on_the_host_at_once() -> None:
    assert judged(kinds.WRITE, {"path": "/w/src/a.py"}, b"x").sink == 0
    assert judged(kinds.WRITE, {"path": ".claude/settings.json"}).sink == CONTROL
    assert judged(kinds.WRITE, {"path": "conftest.py"}).sink == CONTROL
    assert judged(kinds.DELETE, {"path": "src/a.py"}).sink == IRREVERSIBLE
    assert judged(kinds.WRITE, {"path": "/etc/passwd"}).scope == SCOPE_DENY


def test_a_read_is_judged_by_its_place() -> None:
    assert judged(kinds.READ, {"path": "/w/src/a.py"}).scope == SCOPE_ALLOW
    assert judged(kinds.READ, {"path": "/home/u/.ssh/id_ed25519"}).scope == SCOPE_DENY
    assert judged(kinds.READ, {"path": "/home/u/notes"}).legs & FOREIGN


def test_a_search_of_the_clients_leaves_nothing_out() -> None:
    """Ours skips secrets and hidden files; a client's does not, so it has seen them, or a person is asked."""
    assert judged(kinds.GREP, {"path": ".", "pattern": "x"}).legs & SECRET
    assert not judged(kinds.GLOB, {"path": ".", "pattern": "*"}).legs & SECRET
    text = b'version = 1\nprofile = "local_dev"\n[deny]\nread = ["secrets/**"]\n'
    policy = load_policy([LayerFile("--policy", "p.toml", text, trusted=True, why="")], OwnerChoices())
    facts = judged(kinds.GREP, {"path": ".", "pattern": "x"}, policy=policy)
    assert (facts.scope, "hides" in facts.why) == (SCOPE_ASK, True)
    assert "hidden" not in facts.resolved


@pytest.mark.parametrize("does", ["what.ever", "", None, 3, kinds.PUSH, kinds.CLIENT, "apply"])
def test_what_a_hook_does_not_name_is_a_tool_that_nobody_reviewed(does: Any) -> None:
    facts = judged(does, {})
    assert (facts.sink, facts.scope) == (ALL_SINKS, SCOPE_ASK)
    assert inner(Call(kinds.CLIENT, {"does": does})).kind == kinds.UNKNOWN


@given(st.sampled_from(sorted(INNER)), st.dictionaries(st.sampled_from(["path", "text", "url", "op"]), st.text()))
def test_a_clients_tool_is_never_judged_milder_than_the_same_call_here(does: str, args: dict[str, str]) -> None:
    facts, ours = judged(does, args), classify(POLICY, Call(does, args), HERE)
    assert facts.scope <= ours.scope
    assert ours.legs & ~facts.legs == 0
    assert ours.sink & ~facts.sink == 0
    assert facts.trusted <= ours.trusted
