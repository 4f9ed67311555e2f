"""A principal is a process tree: neither a new gate nor a child process starts clean."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.lineage import (
    FOLDER,
    Inheritance,
    enter,
    enter_name,
    forget_names,
    inherited,
    leave,
    leave_name,
    line_of,
    living,
    met,
    of_name,
    verify_unlocked,
)
from nucleus.gate.peers import Process, process_of
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.exposure import ALL_SEEN, PRIVATE, UNTRUSTED
from nucleus.kernel.state import BUDGET_LIMIT


def me() -> Process:
    return process_of(os.getpid())


def test_a_first_gate_starts_clean(tmp_path: Path) -> None:
    assert inherited(tmp_path, me()) == Inheritance()


def test_a_later_gate_of_the_same_process_goes_on(tmp_path: Path) -> None:
    leave(tmp_path, (me(),), [0b11, PRIVATE, 5, 9])
    assert inherited(tmp_path, me()) == Inheritance(0b11, PRIVATE, 5)


def test_a_gate_that_did_not_end_leaves_the_worst(tmp_path: Path) -> None:
    leave(tmp_path, (me(),), [0b11, 0, 5, 0])
    enter(tmp_path, me(), tmp_path / "t.jsonl")
    left = inherited(tmp_path, me())
    assert left.exposure == ALL_SEEN
    assert left.unclean == (str(tmp_path / "t.jsonl"),)


def test_a_child_process_inherits_from_its_parent(tmp_path: Path) -> None:
    leave(tmp_path, (me(),), [EVERYTHING, UNTRUSTED, 7, 0])
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert inherited(tmp_path, process_of(child.pid)) == Inheritance(EVERYTHING, UNTRUSTED, 7)
    child.communicate(b"\n")


def test_a_stranger_inherits_nothing(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    leave(tmp_path, (process_of(other.pid),), [EVERYTHING, UNTRUSTED, 7, 0])
    assert inherited(tmp_path, me()) == Inheritance()
    other.communicate(b"\n")


def test_files_of_processes_that_are_gone_are_taken_away(tmp_path: Path) -> None:
    leave(tmp_path, (Process(me().pid, 0, me().start + 1),), [EVERYTHING, UNTRUSTED, 7, 0])
    (tmp_path / FOLDER / "odd.json").write_text("x")
    assert inherited(tmp_path, me()) == Inheritance()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_file_that_says_nothing_valid_leaves_the_worst(tmp_path: Path) -> None:
    leave(tmp_path, (me(),), [EVERYTHING, 0, 7, 0])
    (path,) = (tmp_path / FOLDER).iterdir()
    worst = Inheritance(EVERYTHING, ALL_SEEN, BUDGET_LIMIT)
    fields = json.loads(path.read_text())
    for wrong in ("", "[]", "{}", json.dumps({**fields, "exposure": 99}), json.dumps({**fields, "budget": True})):
        path.write_text(wrong)
        assert inherited(tmp_path, me()) == worst


def test_what_a_childs_gate_saw_is_joined_to_its_living_parents_lineage(tmp_path: Path) -> None:
    """A parent ended its gate, let a forked child read, and its next gate started clean."""
    leave(tmp_path, (me(),), [0b1111, PRIVATE, 50, 0])
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    line = line_of(tmp_path, process_of(child.pid))
    assert line == (process_of(child.pid), Process(me().pid, 0, me().start))
    child.communicate(b"\n")  # a gate often learns of its client's end by that end
    leave(tmp_path, line, [0b0011, PRIVATE | UNTRUSTED, 70, 3])
    assert inherited(tmp_path, me()) == Inheritance(0b0011, PRIVATE | UNTRUSTED, 50)


def test_a_clean_end_of_a_child_does_not_hide_its_parents_unclean_one(tmp_path: Path) -> None:
    enter(tmp_path, me(), tmp_path / "t.jsonl")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    leave(tmp_path, line_of(tmp_path, process_of(child.pid)), [0, 0, 1, 0])
    assert inherited(tmp_path, me()).exposure == ALL_SEEN
    child.communicate(b"\n")


def test_a_named_session_goes_on_for_as_long_as_was_said(tmp_path: Path) -> None:
    assert of_name(tmp_path, "team") == Inheritance()
    leave_name(tmp_path, "team", [0b11, PRIVATE, 5, 9], 60)
    assert of_name(tmp_path, "team") == Inheritance(0b11, PRIVATE, 5)
    assert of_name(tmp_path, "../team") == Inheritance()
    assert inherited(tmp_path, me()) == Inheritance(), "no process has it"
    leave_name(tmp_path, "short", [0b11, PRIVATE, 5, 9], 0)
    assert of_name(tmp_path, "short") == Inheritance()


def test_a_later_gate_with_a_shorter_budget_makes_no_name_forget_sooner(tmp_path: Path) -> None:
    """Whoever joins by name brings a policy: one of no time left was all that it took to start clean."""
    leave_name(tmp_path, "team", [EVERYTHING, ALL_SEEN, 5, 9], 60)
    enter_name(tmp_path, "team", tmp_path / "t.jsonl", 0)
    assert of_name(tmp_path, "team").exposure == ALL_SEEN
    leave_name(tmp_path, "team", [EVERYTHING, ALL_SEEN, 5, 9], 0)
    assert of_name(tmp_path, "team").exposure == ALL_SEEN


def test_with_the_last_budget_alone_a_name_would_forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nucleus.gate.lineage._until", lambda _path, seconds: time.time_ns() + seconds)
    leave_name(tmp_path, "team", [EVERYTHING, ALL_SEEN, 5, 9], 60)
    leave_name(tmp_path, "team", [EVERYTHING, ALL_SEEN, 5, 9], 0)
    assert of_name(tmp_path, "team") == Inheritance()


def test_a_named_session_that_did_not_end_leaves_the_worst(tmp_path: Path) -> None:
    enter_name(tmp_path, "team", tmp_path / "t.jsonl", 60)
    left = of_name(tmp_path, "team")
    assert (left.exposure, left.unclean) == (ALL_SEEN, (str(tmp_path / "t.jsonl"),))
    assert met(left, left).unclean == left.unclean, "one trace is recovered once"
    for path in (tmp_path / FOLDER / "names").iterdir():
        path.write_text("[]")
    assert of_name(tmp_path, "team").exposure == ALL_SEEN


def test_the_owner_lets_every_name_start_anew(tmp_path: Path) -> None:
    leave_name(tmp_path, "one", [0, ALL_SEEN, 0, 0], 60)
    leave_name(tmp_path, "a/b", [0, ALL_SEEN, 0, 0], 60)
    forget_names(tmp_path)
    assert of_name(tmp_path, "one") == of_name(tmp_path, "a/b") == Inheritance()
    forget_names(tmp_path / "nowhere")


def test_a_lockdown_leaves_nothing_to_the_client_and_takes_nothing_from_its_parent(tmp_path: Path) -> None:
    leave(tmp_path, (me(),), [0b1111, PRIVATE, 50, 0])
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    line = line_of(tmp_path, process_of(child.pid))
    leave(tmp_path, line, [0b0011, PRIVATE | UNTRUSTED, 70, 3], locked=True)
    verify_unlocked(inherited(tmp_path, me()))
    assert inherited(tmp_path, me()) == Inheritance(0b0011, PRIVATE | UNTRUSTED, 50)
    with pytest.raises(CannotEnforce, match="locked down"):
        verify_unlocked(inherited(tmp_path, process_of(child.pid)))
    child.communicate(b"\n")
    leave_name(tmp_path, "team", [EVERYTHING, 0, 5, 9], 60, locked=True)
    with pytest.raises(CannotEnforce, match="locked down"):
        verify_unlocked(of_name(tmp_path, "team"))
    leave_name(tmp_path, "team", [EVERYTHING, 0, 5, 9], 60)
    verify_unlocked(of_name(tmp_path, "team"))


def test_lines_to_which_nothing_can_be_left_are_let_go() -> None:
    gone = Process(me().pid, 0, me().start + 1)
    assert living([(gone,), (me(),), (gone, me())]) == [(me(),), (gone, me())]
