# ruff: noqa: F401, F811  # the fixtures of a whole gate come from test_server
"""Hostile calls against a whole gate: what was judged is what is performed, and what was answered stays answered."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import ApprovalRequired, PolicyDenied, StateBlocked
from nucleus.gate.connection import Connection
from nucleus.gate.effects import Outcome
from nucleus.gate.protocol import HEADER, Splitter, encode, packed, unpacked
from nucleus.gate.workers import failed
from nucleus.kernel.exposure import PRIVATE, SECRET, UNTRUSTED
from nucleus.policy import call as kinds
from tests import world
from tests.gate.test_server import Running, gate, opened

Start = Callable[..., Running]
RELEASE = 'version = 1\nprofile = "release"\n[allow]\nbranches = ["main"]\n'


def started(gate: Start, folder: Path, policy: str = RELEASE) -> Running:
    """Return an opened gate under a policy of the owner."""
    named = folder / "owner.toml"
    named.write_text(policy)
    running = gate()
    assert running.open(profile="", policies=[str(named)])["what"] == "opened"
    return running


def desk(running: Running) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the approver's side of a gate."""
    handler = running.server._desk._handler  # type: ignore[union-attr]
    return lambda fields: handler(fields, "owner")


def question(running: Running, kind: str, args: dict[str, Any], body: bytes = b"") -> str:
    """Make a call that asks and return the question's id."""
    with pytest.raises(ApprovalRequired) as asked:
        running.client.mediate(kind, args, body)
    return asked.value.id


def commit(running: Running, text: str) -> str:
    """Let the agent commit a change of its own."""
    running.client.mediate(kinds.WRITE, {"path": "src/app.py"}, text.encode())
    running.client.mediate(kinds.COMMIT, {"paths": ["."]}, b"a change")
    return world.git(running.repo.clone, "rev-parse", "HEAD").strip()


def test_an_approved_push_pushes_the_commit_that_was_shown(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path, 'version = 1\nprofile = "release"\n')
    shown = commit(running, "print('harmless')\n")
    id_ = question(running, kinds.PUSH, {"remote": "origin", "branch": "main"})
    (one,) = desk(running)({"do": "list"})["questions"]
    assert shown in json.dumps(one)
    commit(running, "print('something else')\n")
    desk(running)({"do": "answer", "ids": [id_], "allow": True})
    before = running.repo.refs()
    again = question(running, kinds.PUSH, {"remote": "origin", "branch": "main"})
    assert running.repo.refs() == before
    desk(running)({"do": "answer", "ids": [again], "allow": True})
    running.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"})
    assert world.git(running.repo.clone, "rev-parse", "HEAD").strip() in running.repo.refs()


@pytest.mark.parametrize(
    "outcome", [Outcome("ok", {"large": "x" * (2 << 20)}), Outcome("redirect", {}), Outcome("redirect", {"url": 7})]
)
def test_what_a_hostile_worker_answers_ends_neither_the_gate_nor_the_wait(
    opened: Running, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    monkeypatch.setattr(
        "nucleus.gate.workers.Workers.perform", lambda self, permit, _: self._on_outcome(permit.number, outcome)
    )
    with pytest.raises((StateBlocked, PolicyDenied, ApprovalRequired, OSError)):
        opened.client.mediate(kinds.READ, {"path": "README.md"})
    monkeypatch.undo()
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"


def test_a_denied_call_stays_denied_in_every_spelling_and_for_every_child(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    child = running.branch({"do": "delegate", "calls": 9})
    with pytest.raises(ApprovalRequired) as asked:
        child.mediate(kinds.READ, {"path": ".env"})
    desk(running)({"do": "answer", "ids": [asked.value.id], "allow": False})
    other = running.branch({"do": "delegate", "calls": 9})
    (tmp_path / "tighter.toml").write_text('version = 1\nprofile = "release"\n[deny]\nread = ["nothing/**"]\n')
    narrowed = running.branch({"do": "attach", "policies": [str(tmp_path / "tighter.toml")]})
    for client in (child, other, running.client, narrowed):
        for path in (".env", "./.env", "src/../.env", str(running.repo.clone / ".env")):
            with pytest.raises(PolicyDenied) as refused:
                client.mediate(kinds.READ, {"path": path})
            assert refused.value.code == "refused_by_owner"
        for noise in ({"nonce": 7}, {"hidden": ["x"]}):
            with pytest.raises((PolicyDenied, StateBlocked)):
                client.mediate(kinds.READ, {"path": ".env", **noise})
        with pytest.raises((PolicyDenied, StateBlocked)):
            client.mediate(kinds.READ, {"path": ".env"}, b"noise")


def test_children_do_not_multiply_the_questions_that_may_be_raised(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    raised = 0
    for number in range(60):
        child = running.branch({"do": "delegate", "calls": 3})
        with pytest.raises((ApprovalRequired, PolicyDenied)) as refused:
            child.mediate(kinds.FETCH, {"url": f"https://host{number}.example/"})
        raised += refused.value.code == "approval_required"
        assert refused.value.code in {"approval_required", "too_many_questions"}
    assert raised <= 32


def test_deny_for_the_rest_of_the_session_holds_for_the_parent_too(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    child = running.branch({"do": "delegate", "calls": 9})
    with pytest.raises(ApprovalRequired) as asked:
        child.mediate(kinds.FETCH, {"url": "https://one.example/"})
    desk(running)({"do": "answer", "ids": [asked.value.id], "allow": False, "rest_of_session": True})
    with pytest.raises(PolicyDenied):
        running.client.mediate(kinds.FETCH, {"url": "https://two.example/"})


def test_a_call_too_large_to_show_is_refused_and_hides_no_other_question(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    first = question(running, kinds.FETCH, {"url": "https://one.example/"})
    with pytest.raises((PolicyDenied, ApprovalRequired)):
        running.client.mediate(kinds.WRITE, {"path": ".github/workflows/x.yml"}, b"\x00" * (3 << 20))
    many = [question(running, kinds.WRITE, {"path": f".github/workflows/{n}.yml"}, b"\x01" * 250_000) for n in range(8)]
    shown = unpacked(*decoded(encode(*packed(desk(running)({"do": "list"})))))["questions"]
    assert [one["id"] for one in shown] == [first, *many]
    assert shown[1]["bytes"] == len(shown[1]["body"]) == 250_000


def decoded(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what the other side reads."""
    (read,) = Splitter().feed(frame)
    return read


def test_a_reader_that_does_not_read_stops_nobody_else(opened: Running) -> None:
    stuck = opened.branch({"do": "attach"})
    frame = json.dumps({"do": "export"}).encode()
    stuck._sock.setblocking(False)
    for _ in range(2000):
        try:
            stuck._sock.send(HEADER.pack(len(frame), 0) + frame)
        except BlockingIOError:
            break
    attach = json.dumps({"do": "attach"}).encode()
    stuck._sock.setblocking(True)
    stuck._sock.settimeout(3)
    with contextlib.suppress(OSError):
        stuck._sock.send(HEADER.pack(len(attach), 0) + attach)
    done = threading.Event()

    def other() -> None:
        opened.client.mediate(kinds.READ, {"path": "README.md"})
        done.set()

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    free = done.wait(10)
    stuck.close()
    thread.join(10)
    assert free


def test_connections_without_end_are_refused(opened: Running) -> None:
    def attach_all() -> None:
        for _ in range(5000):
            opened.branch({"do": "attach"})

    with pytest.raises(StateBlocked):
        attach_all()
    assert len(opened.branches) < 1000
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"


@pytest.mark.parametrize("args", ['{"path":"README.md","x":1e999}', '{"path":"README.md","x":-1e999}'])
def test_a_number_that_is_no_number_does_not_reach_a_worker(opened: Running, args: str) -> None:
    branch = opened.branch({"do": "attach"})
    text = b'{"do":"call","kind":"fs.read","args":' + args.encode() + b"}"
    branch._sock.sendall(HEADER.pack(len(text), 0) + text)
    branch._sock.settimeout(10)
    with contextlib.suppress(OSError):
        branch._sock.recv(4096)
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"
    branch.close()


def test_an_endless_wait_is_no_wait(opened: Running) -> None:
    branch = opened.branch({"do": "attach"})
    text = b'{"do":"call","kind":"fs.read","args":{"path":".env"},"wait":1e308}'
    branch._sock.sendall(HEADER.pack(len(text), 0) + text)
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"
    branch.close()
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"


def test_a_label_that_can_not_be_noted_after_an_effect_taints_and_the_gate_lives(
    opened: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nucleus.policy.labels.LabelStore.saw", full)
    opened.client.mediate(kinds.READ, {"path": "README.md"})
    state = opened.client.request({"do": "status"})[0]["state"]
    assert state[1] & (PRIVATE | UNTRUSTED | SECRET) == PRIVATE | UNTRUSTED | SECRET


def test_what_a_client_calls_things_is_no_content_of_the_trace(opened: Running) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE9z"
    for kind in (f"fs.{secret}", secret * 1000, "\ud800", "a\nb"):
        with pytest.raises((PolicyDenied, ApprovalRequired, StateBlocked)):
            opened.client.mediate(kind, {secret: secret, "path": f"token={secret}"})
    reply, _ = opened.client.request(
        {"do": "call", "kind": "tool", "args": {"op": "read_files", "arguments": [], "name": "x", "destination": ""}}
    )
    opened.client.request({"do": "done", "number": reply["number"], "ok": False, "error": f"token={secret}"})
    exported = opened.client.request({"do": "export"})[1]
    assert secret.encode() not in exported
    assert len(exported) < 50_000


def test_a_credential_goes_to_no_worker_that_does_not_use_it(
    gate: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "credentials.toml").write_text('[[credential]]\ndestination = "https://example.com"\ntoken = "canary"\n')
    (state / "credentials.toml").chmod(0o600)
    running = started(gate, tmp_path, 'version = 1\nprofile = "release"\n[allow]\nfetch = ["example.com"]\n')
    given: list[bytes] = []

    def perform(self: Any, permit: Any, _body: bytes) -> None:
        given.append(permit.credential)
        self._on_outcome(permit.number, failed("OSError", "nothing"))

    monkeypatch.setattr("nucleus.gate.workers.Workers.perform", perform)
    with pytest.raises(OSError, match="nothing"):
        running.client.mediate(kinds.FETCH, {"url": "https://example.com/x"})
    assert given == [b""]


@pytest.mark.parametrize(("repository", "given"), [("", b"canary"), ("other/place", b"canary")])
def test_reading_an_issue_is_done_with_the_credential_of_its_forge(
    gate: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: str, given: bytes
) -> None:
    """A private tracker can't be read without. Another repository asks first, since the credential opens it too."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    credentials = state / "credentials.toml"
    credentials.write_text('[[credential]]\ndestination = "https://api.github.com"\ntoken = "canary"\n')
    credentials.chmod(0o600)
    running = gate()
    world.git(running.repo.clone, "remote", "set-url", "origin", "https://github.com/acme/app.git")
    assert running.open(profile="triage_bot")["what"] == "opened"
    seen: list[bytes] = []

    def perform(self: Any, permit: Any, _body: bytes) -> None:
        seen.append(permit.credential)
        self._on_outcome(permit.number, failed("OSError", "nothing"))

    monkeypatch.setattr("nucleus.gate.workers.Workers.perform", perform)
    args = {"number": 7, **({"repository": repository} if repository else {})}
    if repository:
        id_ = question(running, kinds.ISSUE, args)
        assert seen == []
        desk(running)({"do": "answer", "ids": [id_], "allow": True})
    with pytest.raises(OSError, match="nothing"):
        running.client.mediate(kinds.ISSUE, args)
    assert seen == [given]


def test_a_quarantine_has_no_children(opened: Running) -> None:
    child = opened.branch({"do": "delegate", "calls": 9, "schema": {"choice": ["yes", "no"]}})
    with pytest.raises((PolicyDenied, StateBlocked)):
        opened.branch({"do": "delegate", "calls": 3}, child)
    child.close()


def test_children_do_not_multiply_what_may_leave_quarantines(opened: Running) -> None:
    values = [f"{number:016x}" for number in range(4)]
    schema = {"choice": values}
    passed = 0
    for _ in range(10):
        child = opened.branch({"do": "delegate", "calls": 90})
        for _ in range(20):
            inner = opened.branch({"do": "delegate", "calls": 1, "schema": schema}, child)
            reply, _ = inner.request({"do": "declassify", "value": values[0]})
            passed += reply["what"] == "declassified"
            inner.close()
        child.close()
    assert passed * 2 <= 256


def test_a_second_gate_of_the_same_process_is_refused(opened: Running) -> None:
    from nucleus.gate.board import Settings
    from nucleus.gate.server import Server

    ours, theirs = socket.socketpair()
    second = Connection(ours)
    thread = threading.Thread(target=Server(theirs, Settings()).run)
    thread.start()
    fields = {"workspace": str(opened.repo.clone), "state": str(opened.state)}
    reply, _ = second.request({"do": "open", "profile": "read_only", **fields})
    second.close()
    thread.join(10)
    assert reply["what"] == "cannot"


def test_a_secret_looking_file_is_not_committed_along(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    (running.repo.clone / "server.key").write_text("canary-key\n")
    commit(running, "print('x')\n")
    assert "server.key" not in world.git(running.repo.clone, "ls-tree", "-r", "--name-only", "HEAD")
    id_ = question(running, kinds.COMMIT, {"paths": ["server.key"]}, b"a key")
    desk(running)({"do": "answer", "ids": [id_], "allow": True})
    running.client.mediate(kinds.COMMIT, {"paths": ["server.key"]}, b"a key")
    assert "server.key" in world.git(running.repo.clone, "ls-tree", "-r", "--name-only", "HEAD")


def test_whether_a_hidden_file_changed_is_not_told(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path, 'version = 1\nprofile = "release"\n[deny]\nread = ["hid/**"]\n')
    (running.repo.clone / "hid").mkdir()
    (running.repo.clone / "hid" / "there.txt").write_text("x")
    told = set()
    for path in ("hid/there.txt", "hid/absent.txt"):
        with pytest.raises((PolicyDenied, ValueError)) as refused:
            running.client.mediate(kinds.COMMIT, {"paths": [path]}, b"x")
        told.add(str(refused.value).partition("[")[0])
    assert len(told) == 1


def test_an_edit_does_not_tell_what_stands_in_a_secret(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    body = json.dumps({"old": "TOKEN=c", "new": "TOKEN=c"}).encode()
    question(running, kinds.EDIT, {"path": ".env"}, body)


def test_a_search_of_the_tree_leaves_out_every_name_of_a_secret(gate: Start, tmp_path: Path) -> None:
    running = started(gate, tmp_path)
    for name in (".docker/config.json", ".m2/settings.xml", ".cargo/credentials.toml"):
        path = running.repo.clone / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("canary-hidden\n")
    found = running.client.mediate(kinds.GREP, {"path": ".", "pattern": "canary-hidden"})
    assert found.body == b"[]"


@pytest.mark.parametrize("spell", [lambda text: b" " + text.encode(), lambda text: text.encode("utf-16")])
def test_an_address_in_a_pull_request_is_found_in_every_spelling(
    gate: Start,
    tmp_path: Path,
    spell: Callable[[str], bytes],
) -> None:
    policy = tmp_path / "owner.toml"
    policy.write_text('version = 1\nprofile = "release"\n[allow]\nbranches = ["topic"]\n')
    running = gate()
    world.git(running.repo.clone, "remote", "set-url", "origin", "https://github.com/acme/app.git")
    assert running.open(profile="", policies=[str(policy)])["what"] == "opened"
    world.git(running.repo.clone, "branch", "topic")
    text = '{"title":"x","text":"\\u0068ttps:\\/\\/evil\\u002eexample/?q=1"}'
    with pytest.raises(ApprovalRequired) as asked:
        running.client.mediate(kinds.PULL_REQUEST, {"head": "topic", "base": "main"}, spell(text))
    assert "destination" in asked.value.rule


def test_what_a_client_performs_by_itself_is_performed_by_nobody_here(opened: Running) -> None:
    """The gate decides, records, and lets the client do it: no worker of ours writes the file a second time."""
    args = {"client": "x", "tool": "Write", "does": kinds.WRITE, "path": "src/new.py"}
    reply, _ = opened.client.request({"do": "call", "kind": kinds.CLIENT, "args": args}, b"text")
    assert reply["what"] == "perform"
    done, _ = opened.client.request({"do": "done", "number": reply["number"], "ok": True})
    assert (done["what"], done["status"]) == ("released", "ok")
    assert not (opened.repo.clone / "src/new.py").exists()
