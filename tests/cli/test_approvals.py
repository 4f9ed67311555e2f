"""``nucleus approvals|approve|deny`` as a person uses them, beside a real agent with open questions."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.cli.approvals import describe, escaped
from tests.gate.test_approver import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    found = Agent(tmp_path)
    yield found
    with found.process:
        found.go_on()
        found.go_on()


def nucleus(agent: Agent, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nucleus", "--state", str(agent.state), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_person_sees_the_question_and_how_to_answer_it(agent: Agent) -> None:
    done = nucleus(agent, "approvals")
    assert done.returncode == 0
    assert f"{agent.ids[0]}  net.fetch -> one.example:443" in done.stdout
    assert "asks because: scope, destination" in done.stdout
    assert f"nucleus approve {agent.ids[0]}" in done.stdout


def test_yes_and_no_are_answers_and_an_unknown_id_is_a_finding(agent: Agent) -> None:
    assert nucleus(agent, "approve", agent.ids[0]).stdout == f"{agent.ids[0]}: approved, once\n"
    assert nucleus(agent, "deny", agent.ids[1]).stdout == f"{agent.ids[1]}: denied\n"
    done = nucleus(agent, "approve", "nope")
    assert done.returncode == 1
    assert "nope is no open question" in done.stderr
    assert nucleus(agent, "approvals").stdout == "no open questions\n"


def test_json_is_one_object_a_line(agent: Agent) -> None:
    lines = nucleus(agent, "approvals", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == agent.ids


@pytest.mark.parametrize(
    "words",
    [
        ("approve",),
        ("approve", "x", "--uses", "0"),
        ("approve", "x", "--uses", "3"),
        ("approve", "x", "--minutes", "soon"),
    ],
)
def test_a_wrong_call_is_usage(agent: Agent, words: tuple[str, ...]) -> None:
    assert nucleus(agent, *words).returncode == 2


def test_session_lists_what_each_principal_saw_and_lockdown_stops_it(agent: Agent) -> None:
    done = nucleus(agent, "session")
    assert "  cooperative of process " in done.stdout
    assert ": saw nothing; " in done.stdout
    assert "2 questions open" in done.stdout
    assert nucleus(agent, "lockdown").stdout == "1 gate locked down: every call is refused from now on\n"
    assert "closed" in nucleus(agent, "session", "list").stdout


QUESTION = {
    "id": "ab12",
    "kind": "fs.write",
    "destination": "",
    "reasons": ["control"],
    "why": "steers an agent",
    "where": "profile x",
    "args": {"path": "CLAUDE.md"},
    "body": "line one\nnucleus approve all\x1b[2K\u202egpj.exe",
    "bytes": 40,
    "seconds_left": 9,
}


def test_what_an_agent_wrote_is_quoted_and_escaped() -> None:
    text = describe(QUESTION)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "    | nucleus approve all\\x1b[2K\\u202egpj.exe" in text


def test_what_a_push_would_send_is_shown_escaped_and_in_full_only_on_demand() -> None:
    question = {
        **QUESTION,
        "kind": "git.push",
        "leaving": "1 commit, 40 bytes\n+evil\x1b[2J\u202e\n" + "+more\n" * 2_000,
    }
    short, whole = describe(question), describe(question, whole=True)
    assert "    > 1 commit, 40 bytes\n    > +evil\\x1b[2J\\u202e\n" in short
    assert "nucleus approvals ab12 shows all that would be pushed" in short
    assert len(whole) > len(short)
    assert "shows all that would be pushed" not in whole


@given(st.text())
def test_no_character_moves_the_cursor_or_hides(text: str) -> None:
    assert escaped(text).isprintable()
    assert escaped(text).encode().decode("unicode_escape").encode("latin-1", "ignore") is not None


@pytest.mark.parametrize("body", ["a line\n" * 400, "x" * 60_000])
def test_a_long_content_does_not_scroll_destination_and_reasons_away(body: str) -> None:
    """In a run the question has the screen alone, with nothing to scroll back to."""
    asked = {**QUESTION, "destination": "evil.example:443", "body": body, "bytes": len(body)}
    last = describe(asked, whole=True).split("\n")[-6:]
    assert "    ab12  fs.write -> evil.example:443" in last
    assert any("asks because: " in line and not line.startswith("    |") for line in last)
    assert "All of this" not in describe({**QUESTION, "body": "short", "bytes": 5}, whole=True)
