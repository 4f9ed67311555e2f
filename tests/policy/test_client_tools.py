"""What a client performs by itself is judged as what it does, without what a box would vouch for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel import boundary
from nucleus.kernel.decide import ALLOW
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import ALL_SINKS, CONTROL, EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.kernel.state import State
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.client_tools import INNER, MOVE, OF_PATHS, STAGE, inner
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from tests.policy.journeys import request_of

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


PLACES = st.sampled_from(
    [
        *("/w/src/a.py", "/w/docs/b.md", "/w/.env", "/w/.git/config", "/w/pub/p.md", "/w/new/deep/c", "/w/hid/x", "."),
        *("/home/u/.ssh/id_ed25519", "/home/u/notes", "/etc/passwd", "~/x", "/w/../etc/x", "/w/.claude/settings.json"),
        *("bad\\slash", "", "/w/conftest.py", "/w/release/n.md", "/proc/1/environ"),
    ]
)
MANY_KINDS = st.sampled_from([*sorted(OF_PATHS), MOVE])
STATES = st.builds(
    lambda levels, exposure: State(int(levels, 4), exposure, 10, 0),
    st.text("013", min_size=12, max_size=12),
    st.sampled_from([0, PRIVATE, UNTRUSTED, PRIVATE | UNTRUSTED, PRIVATE | SECRET | FOREIGN | UNTRUSTED]),
)
TEXT = b"""
version = 1
profile = "release"
[deny]
read = ["hid/**"]
[labels]
public = ["pub/**"]
secret = ["docs/**"]
[ask]
write = ["new/**"]
"""


def with_levels(state: State) -> Any:
    """Return a policy whose authority is that of a state, so that it is the state's own policy."""
    policy = load_policy([LayerFile("--policy", "p.toml", TEXT, trusted=True, why="")], OwnerChoices())
    return replace(policy, authority=state.authority)


@given(STATES, MANY_KINDS, st.lists(PLACES, min_size=1, max_size=4))
def test_a_list_is_never_judged_looser_than_any_of_its_elements(state: State, does: str, paths: list[str]) -> None:
    policy = with_levels(state)
    args: dict[str, Any] = {"paths": paths} if does != MOVE else {"path": paths[0], "to": paths[-1]}
    steps = [(does, path) for path in paths]
    if does == MOVE:
        steps = [(kinds.LIST, paths[0]), (kinds.DELETE, paths[0]), (kinds.WRITE, paths[-1])]
    whole = judged(does, args, policy=policy)
    verdict, _, after = boundary.admit(state, request_of(whole, approved=0))
    for kind, path in steps:
        part = judged(kind, {"path": path}, policy=policy)
        alone, _, seen = boundary.admit(state, request_of(part, approved=0))
        assert verdict <= alone, (kind, path)
        approved = boundary.admit(state, request_of(whole, approved=1))
        assert approved[0] <= boundary.admit(state, request_of(part, approved=1))[0]
        if verdict == ALLOW:
            assert seen.exposure & ~after.exposure == 0


def test_with_the_first_place_taken_for_all_a_secret_would_pass_in_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: what a mapping of one path would make of a list."""
    paths = {"paths": ["/w/src/a.py", "/home/u/.ssh/id_ed25519"]}
    assert judged(kinds.READ, paths).scope == SCOPE_DENY
    monkeypatch.setattr("nucleus.policy.client_tools.gravest", lambda _policy, _parts, each: each[0])
    assert judged(kinds.READ, paths).scope == SCOPE_ALLOW


@pytest.mark.parametrize("paths", [[], "x", [3], [None, "/w/a"], {"a": 1}, ["/w/a"] * 257, None])
def test_what_is_no_list_of_paths_is_refused(paths: Any) -> None:
    assert judged(kinds.READ, {"paths": paths}).scope == SCOPE_DENY


def test_a_path_beside_a_list_is_judged_too() -> None:
    assert judged(kinds.READ, {"paths": ["/w/a"], "path": "/home/u/.ssh/id_ed25519"}).scope == SCOPE_DENY


def test_a_list_of_what_goes_to_no_path_is_refused() -> None:
    for does in (kinds.FETCH, kinds.RUN, "what.ever"):
        assert judged(does, {"paths": ["/w/a"]}).scope == SCOPE_DENY


def test_a_move_is_a_look_a_deletion_and_a_write() -> None:
    facts = judged(MOVE, {"path": "/w/src/a.py", "to": "/w/src/b.py"})
    assert (facts.scope, facts.sink, facts.destination) == (SCOPE_ALLOW, IRREVERSIBLE, "src/a.py, src/b.py")
    assert facts.legs & PRIVATE
    assert facts.resolved == {"paths": ["src/a.py", "src/b.py"], "written": ["src/b.py"]}
    assert judged(MOVE, {"path": "/w/src/a.py", "to": "/w/.claude/settings.json"}).sink == CONTROL | IRREVERSIBLE
    assert judged(MOVE, {"path": "/w/.env", "to": "/w/src/b.py"}).legs & SECRET
    assert judged(MOVE, {"path": "/w/src/a.py", "to": "/etc/x"}).scope == SCOPE_DENY
    assert judged(MOVE, {"path": "/etc/x", "to": "/w/src/a.py"}).scope == SCOPE_DENY
    assert judged(MOVE, {"path": "/w/src/a.py"}).scope == SCOPE_DENY


def test_what_git_is_given_to_keep_is_a_file_of_the_workspace_and_no_secret() -> None:
    assert judged(STAGE, {"path": "/w/src/a.py"}).scope == SCOPE_ALLOW
    assert judged(STAGE, {"path": "/w/.env"}).scope == SCOPE_ASK
    for path in ("/home/u/x", "/w", "/w/.git/config", "", 3, None):
        assert judged(STAGE, {"path": path}).scope == SCOPE_DENY
