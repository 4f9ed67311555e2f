"""Around the workspace: digests bind, the caller's resolved arguments are dropped, labels follow writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from nucleus.gate.effects import Outcome
from nucleus.gate.tree import BODILESS, OWN, Tree, chosen_in_quarantine
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.facts import CONTROL, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY, TRUSTED_YES
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.context import Context
from nucleus.policy.labels import LabelStore
from nucleus.policy.load import OwnerChoices, load_policy
from tests.gate.scenes import FETCH


class Memory:
    """A journal that keeps its lines in memory."""

    def __init__(self) -> None:
        self.lines = b""

    def read(self) -> bytes:
        return self.lines

    def append(self, line: bytes) -> None:
        self.lines += line

    def stamp(self) -> tuple[int, int]:
        return 1, len(self.lines)

    def replace(self, content: bytes, expected: tuple[int, int]) -> None:
        assert expected == self.stamp()
        self.lines = content


@pytest.fixture
def labels() -> LabelStore:
    return LabelStore(Memory())


@pytest.fixture
def tree(tmp_path: Path, labels: LabelStore) -> Tree:
    policy = load_policy([], OwnerChoices(profile="safe_pr_fixer", home=str(tmp_path)))
    return Tree(policy, Context(workspace=str(tmp_path), home=str(tmp_path), labels=labels), labels, "p")


COMMAND = Call(kinds.RUN, {"argv": ["make"]})


def test_a_command_is_denied_until_a_box_was_seen_to_work(tree: Tree) -> None:
    assert [tree.box_known] == [False]
    assert tree.classified("p", COMMAND).scope == SCOPE_DENY
    tree.boxed(Outcome("ok", {"attested": True, "backend": "ns", "layers": {}}))
    assert tree.box_known
    facts = tree.classified("p", COMMAND)
    assert (facts.scope, facts.attested, facts.sink) == (SCOPE_ALLOW, 1, 0)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("failed", {"message": "no user namespaces", "why": "a reason", "fix": "a fix"}),
        Outcome("ok", {"attested": False}),
        Outcome("ok", {}),
        Outcome("ok", {"attested": 1}),
    ],
)
def test_a_box_that_does_not_vouch_for_itself_leaves_commands_denied_with_the_reason(
    tree: Tree, outcome: Outcome
) -> None:
    tree.boxed(outcome)
    assert tree.box_known
    facts = tree.classified("p", COMMAND)
    assert (facts.scope, facts.attested) == (SCOPE_DENY, 0)
    assert outcome.status == "ok" or facts.why == "no user namespaces: a reason: a fix"


def test_a_digest_binds_kind_arguments_content_destination_and_policy(tree: Tree) -> None:
    call = Call(kinds.WRITE, {"path": "src/a.py"}, b"content")
    facts = tree.classified("p", call)
    seen = {tree.bound("p", call, facts).digest}
    for other in (
        replace(call, kind=kinds.EDIT),
        replace(call, args={"path": "src/b.py"}),
        replace(call, args={"path": "src/a.py", "parents": True}),
        replace(call, body=b"content "),
    ):
        seen.add(tree.bound("p", other, tree.classified("p", other)).digest)
    seen.add(tree.bound("p", call, replace(facts, destination="elsewhere")).digest)
    tree.met("p", load_policy([], OwnerChoices(profile="read_only")))
    seen.add(tree.bound("p", call, facts).digest)
    assert len(seen) == 7


def test_a_body_can_not_be_moved_into_the_arguments(tree: Tree) -> None:
    one, two = Call(kinds.WRITE, {"path": "x"}, b"ab"), Call(kinds.WRITE, {"path": "xa"}, b"b")
    facts = tree.classified("p", one)
    assert tree.bound("p", one, facts).digest != tree.bound("p", two, facts).digest


RESOLVED = (
    "path hidden paths url engine branch source target force tip api repository base head closed push argv kept commit"
)


@pytest.mark.parametrize("kind", sorted(OWN))
def test_only_arguments_that_an_effect_takes_are_the_callers(tree: Tree, kind: str) -> None:
    """All others come from the classification, and where it names none there is none."""
    planted = dict.fromkeys([*RESOLVED.split(), "nonce", *OWN[kind]], "planted")
    found = tree.arguments(Call(kind, planted), replace(FETCH, resolved={}))
    assert found == dict.fromkeys(OWN[kind], "planted")
    resolved = tree.arguments(Call(kind, planted), replace(FETCH, resolved={"path": "judged"}))
    assert resolved["path"] == "judged"


@pytest.mark.parametrize("kind", sorted(OWN))
def test_no_kind_takes_from_the_caller_what_its_classification_resolves(tree: Tree, kind: str) -> None:
    """The table and the classifiers agree: what is judged under a name is what is performed under it."""
    args = {"path": "src/a.py", "url": "https://example.com/", "q": "x", "branch": "topic", "pattern": "*"}
    if kind in BODILESS and tree.classified("p", Call(kind, args)).resolved:
        assert OWN[kind].isdisjoint(set(tree.classified("p", Call(kind, args)).resolved) - {"method"})


def test_two_spellings_of_one_call_have_one_digest_and_one_essence(tree: Tree) -> None:
    calls = [Call(kinds.READ, {"path": path}) for path in ("src/a.py", "./src/a.py", "src/x/../a.py")]
    calls.append(Call(kinds.READ, {"path": "src/a.py", "nonce": 7, "hidden": ["x"]}))
    facts = [tree.classified("p", call) for call in calls]
    assert len({tree.bound("p", *pair).digest for pair in zip(calls, facts, strict=True)}) == 1
    essence = tree.bound("p", calls[0], facts[0]).essence
    tree.met("p", load_policy([], OwnerChoices(profile="read_only")))
    assert tree.bound("p", calls[0], tree.classified("p", calls[0])).essence == essence


def test_a_digest_is_of_the_policy_that_holds_and_of_what_is_hidden_whoever_asked_before(tree: Tree) -> None:
    """What is remembered from one call to the next is never another policy's or another call's."""
    read, search = Call(kinds.READ, {"path": "a.py"}), Call(kinds.GREP, {"path": "a.py"})
    tree.met("child", load_policy([], OwnerChoices(profile="doc_editor")))

    def digest(principal: str, call: Call) -> str:
        return tree.bound(principal, call, tree.classified(principal, call)).digest

    each = [(principal, call) for principal in ("p", "child") for call in (read, search)]
    first = [digest(*one) for one in each]
    assert len(set(first)) == len(each)
    assert [digest(*one) for one in reversed(each)] == first[::-1]
    facts = tree.classified("p", read)
    other = replace(facts, resolved={**facts.resolved, "hidden": (*facts.resolved["hidden"], "more/**")})
    assert tree.bound("p", read, other).digest != first[0]


def test_a_deletion_of_what_a_commit_keeps_has_no_sink_and_is_bound_to_that_content(tree: Tree) -> None:
    call = Call(kinds.DELETE, {"path": "src/a.py", "kept": "f" * 64})
    lost, kept = tree.classified("p", call), tree.classified("p", call, "a" * 64)
    assert (lost.sink, kept.sink) == (IRREVERSIBLE, 0)
    assert tree.arguments(call, kept) == {"path": "src/a.py", "kept": "a" * 64}
    assert "kept" not in tree.arguments(call, lost)
    assert tree.bound("p", call, kept).digest != tree.bound("p", call, lost).digest
    assert tree.bound("p", call, kept).essence == tree.bound("p", call, lost).essence


def test_a_control_file_that_a_commit_keeps_steers_still(tree: Tree) -> None:
    assert tree.classified("p", Call(kinds.DELETE, {"path": ".mcp.json"}), "a" * 64).sink & CONTROL


def test_what_can_not_be_classified_is_denied(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr("nucleus.gate.tree.classify", broken)
    facts = tree.classified("p", Call(kinds.READ, {"path": "x"}))
    assert facts.scope == SCOPE_DENY
    assert "a bug of ours" in facts.why


def test_a_write_carries_the_writers_exposure_to_whoever_reads_it(tree: Tree, labels: LabelStore) -> None:
    call = Call(kinds.WRITE, {"path": "src/a.py"}, b"from the web")
    facts = tree.classified("p", call)
    tree.before(call, facts, PRIVATE | UNTRUSTED)
    assert labels.bits("src/a.py") & UNTRUSTED
    tree.after(call, facts, Outcome("ok", {}))
    read = Call(kinds.READ, {"path": "src/a.py"})
    assert tree.classified("p", read).legs & UNTRUSTED
    assert tree.after(read, tree.classified("p", read), Outcome("ok", {}, b"from the web")) & UNTRUSTED
    assert tree.after(read, tree.classified("p", read), Outcome("ok", {}, b"changed by the owner")) & UNTRUSTED == 0


def test_a_policy_that_is_met_only_tightens(tree: Tree) -> None:
    write = Call(kinds.WRITE, {"path": "src/a.py"}, b"x")
    assert tree.classified("p", write).scope == SCOPE_ALLOW
    tree.met("p", load_policy([], OwnerChoices(profile="doc_editor")))
    assert tree.classified("p", write).scope != SCOPE_ALLOW
    tree.met("p", load_policy([], OwnerChoices(profile="local_dev")))
    assert tree.classified("p", write).scope != SCOPE_ALLOW


def test_a_choice_made_in_quarantine_is_no_trusted_destination() -> None:
    facts = chosen_in_quarantine(replace(FETCH, trusted=TRUSTED_YES, home=1, fixed=1, public=1))
    assert (facts.trusted, facts.home, facts.fixed, facts.public, facts.scope) == (0, 0, 0, 0, SCOPE_ASK)
    assert chosen_in_quarantine(replace(FETCH, scope=SCOPE_DENY)).scope == SCOPE_DENY


def test_a_write_of_a_clients_own_carries_the_exposure_too(tree: Tree, labels: LabelStore) -> None:
    call = Call(kinds.CLIENT, {"client": "x", "tool": "Write", "does": kinds.WRITE, "path": "src/a.py"}, b"text")
    tree.before(call, tree.classified("p", call), UNTRUSTED)
    assert labels.bits("src/a.py") & UNTRUSTED


def test_so_does_a_write_of_a_server_whose_mapping_says_that_it_is_one(tree: Tree, labels: LabelStore) -> None:
    args = {"server": "s", "tool": "put", "op": "write_files", "does": kinds.WRITE, "path": "src/b.py"}
    call = Call(kinds.MCP, args, b"text")
    tree.before(call, tree.classified("p", call), UNTRUSTED)
    assert labels.bits("src/b.py") & UNTRUSTED


def test_a_move_by_a_server_labels_all_that_arrives_and_a_list_of_writes_each(tree: Tree, labels: LabelStore) -> None:
    served = {"server": "s", "tool": "t", "op": "write_files", "echoes": False}
    move = Call(kinds.MCP, {**served, "does": "fs.move", "path": "/src/a", "to": "src/b"})
    tree.before(move, tree.classified("p", move), UNTRUSTED)
    assert labels.bits("src/b") & labels.bits("src/b/below.py") & UNTRUSTED
    assert not labels.bits("src/a")
    writes = Call(kinds.MCP, {**served, "does": kinds.WRITE, "paths": ["src/c", "src/d"]})
    tree.before(writes, tree.classified("p", writes), UNTRUSTED)
    assert labels.bits("src/c") & labels.bits("src/d") & UNTRUSTED
