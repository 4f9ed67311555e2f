"""``nucleus why``: the rule, its place, and what would change it; foreseen or recorded."""

import os
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.kernel.boundary import pack
from nucleus.kernel.state import Request
from nucleus.trace.writer import TraceWriter
from tests.policy.policies import EXAMPLE


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a workspace with a policy."""
    place = tmp_path / "app"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "nucleus.toml").write_text(EXAMPLE)
    return place


@pytest.fixture
def why(capsys: pytest.CaptureFixture[str]) -> object:
    """Return a function that runs the command and gives status and all output."""

    def run(*words: str) -> tuple[int, str]:
        status = main(["why", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out + err

    return run


def test_a_call_is_foreseen_clean_and_after_reading(why: object) -> None:
    status, page = why("--policy", "nucleus.toml", "fetch", "https://docs.python.org/3/")
    assert status == 0
    assert "in a fresh session: allow" in page
    assert "after private and untrusted content was seen: ask" in page
    assert "uninhabitable: " in page
    assert "would change it: " in page


def test_a_refusal_cites_its_line(why: object) -> None:
    Path("more.toml").write_text(
        'version = 1\n[[rule]]\nwhen = "fetch"\nhost = "evil.example"\nthen = "deny"\nwhy = "it is evil"\n'
    )
    page = why("--policy", "nucleus.toml", "--policy", "more.toml", "fetch", "https://evil.example/")[1]
    assert "in a fresh session: deny" in page
    assert "it is evil" in page
    assert "more.toml:2" in page
    page = why("--policy", "nucleus.toml", "push", "origin", "main")[1]
    assert "capability: the level of this capability is never" in page


@pytest.mark.parametrize(
    "words",
    [
        ("read", "src/a.py"),
        ("list",),
        ("write", "../x"),
        ("edit", ""),
        ("delete", "a"),
        ("search", "a question"),
        ("run", "pytest -q"),
        ("run", "rm", "-rf", "/"),
        ("commit", "a message"),
        ("pull", "origin"),
        ("pr", "a title"),
        ("comment", "text"),
        ("label", "bug"),
        ("install", "requests"),
        ("spawn", "x"),
        ("fetch",),
        ("push",),
    ],
)
def test_whatever_is_asked_about_has_an_answer(why: object, words: tuple[str, ...]) -> None:
    status, page = why("--profile", "release", "--", *words)
    assert status == 0
    assert "in a fresh session: " in page


def test_something_else_is_usage(why: object) -> None:
    status, page = why("fly", "away")
    assert status == 2
    assert "one of: read" in page


def test_without_a_trace_there_is_nothing_to_explain(why: object) -> None:
    status, page = why()
    assert status == 1
    assert "no refusal" in page
    assert why("abc")[0] == 1


@pytest.fixture
def trace(home: Path) -> Path:
    """Write a trace with an allowed call, a refused one and a question."""
    state = home / ".local/state/nucleus"
    state.mkdir(mode=0o700)
    header = {
        "kernel": "k",
        "policy": {"digest": "d", "layers": []},
        "level": "cooperative",
        "containment": {},
        "principal": "p",
        "state": [0, 0, 0, 0],
    }
    writer = TraceWriter.create(state / "traces", header)
    request = pack(Request(0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    common = {
        "type": "decision",
        "principal": "p",
        "digest": "x",
        "facts": request,
        "state": [0, 0, 0, 0],
        "approval": None,
    }
    rows = [
        {
            "kind": "fs.read",
            "args": {"path": "src/x"},
            "destination": "",
            "verdict": "deny",
            "rules": ["scope"],
            "id": "one",
        },
        {
            "kind": "net.fetch",
            "args": {"url": "u\x1b[31m"},
            "destination": "u:443",
            "verdict": "ask",
            "rules": ["destination", "secret"],
            "id": "two",
        },
        {
            "kind": "fs.read",
            "args": {"path": "src/y"},
            "destination": "",
            "verdict": "allow",
            "rules": [],
            "id": "three",
        },
    ]
    for row in rows:
        writer.append({**common, **row})
    for id_, digest in (("asked", "x"), ("alone", "y")):
        raised = {"id": id_, "digest": digest, "reasons": ["destination"], "destination": "u:443", "expires_ns": 1}
        writer.append({"type": "question", "principal": "p", **raised})
    writer.sync()
    writer.close("done")
    return state / "traces"


def test_the_last_refusal_of_the_newest_trace_is_explained(why: object, trace: Path) -> None:
    status, page = why()
    assert status == 0
    assert page.startswith("ask: net.fetch url='u\\x1b[31m'")
    assert "to: u:443" in page
    assert "secret: something would leave after a secret was seen" in page
    assert "\x1b" not in page


def test_a_later_trace_without_a_refusal_does_not_hide_the_last_one(why: object, trace: Path) -> None:
    (old,) = [one for one in trace.glob("*.jsonl") if one.name != "ledger.jsonl"]
    os.utime(old, ns=(0, 0))
    with old.open("rb") as file:
        (trace / "later.jsonl").write_bytes(file.readline())
    assert why()[0] == 0


def test_a_decision_is_found_by_its_id(why: object, trace: Path) -> None:
    status, page = why("one", "--profile", "safe_pr_fixer")
    assert status == 0
    assert page.startswith("deny: fs.read path='src/x'")
    assert "is not the recorded one" in page
    assert why("four")[0] == 1


def test_a_damaged_trace_is_told_and_read_up_to_there(why: object, trace: Path) -> None:
    path = next(one for one in trace.glob("*.jsonl") if one.name != "ledger.jsonl")
    os.chmod(path, 0o600)
    with path.open("ab") as file:
        file.write(b"{torn")
    status, page = why()
    assert status == 0
    assert "read up to here" in page


@pytest.mark.parametrize(
    "words",
    [
        ("git.push", "origin", "main"),
        ("git_push", "origin", "main"),
        ("fs.read", "src/a.py"),
        ("net.fetch", "https://x.example/"),
    ],
)
def test_the_names_of_records_and_policies_are_understood_too(why: object, words: tuple[str, ...]) -> None:
    status, page = why("--policy", "nucleus.toml", *words)
    assert status == 0
    assert "in a fresh session: " in page


def test_the_recorded_profile_is_the_one_that_explains(why: object, tmp_path: Path) -> None:
    """A session opened with ``profile=`` and no file: the last refusal still says where it stands."""
    from nucleus import ApprovalRequired, Session, session
    from nucleus.tools import fs

    Path("nucleus.toml").unlink()
    with Session(profile="read_only", state=tmp_path / "state"), pytest.raises(ApprovalRequired):
        fs.read("/etc/hostname")
    session.end_gate()
    page = why("--state", str(tmp_path / "state"))[1]
    assert "stands at:" in page
    assert "profile read_only" in page


def test_the_id_of_a_question_leads_to_the_call_that_raised_it(why: object, trace: Path) -> None:
    """It is what a person sees when a run says that something was denied for want of an answer."""
    status, page = why("asked")
    assert status == 0
    assert page.startswith("ask: net.fetch url=")
    assert "secret: something would leave" in page
    assert why("alone")[1].startswith("ask: a question")
