"""What a run says of itself: escaped, and never over what the command shows."""

import argparse
import json
from pathlib import Path

import pytest

from nucleus.apply import Applied, Change, Held
from nucleus.cli.outcome import NAMED, Outcome


def _outcome(**more: object) -> Outcome:
    fields = {"words": ["make"], "quiet": False, "trace": "", "report": "", **more}
    return Outcome(argparse.Namespace(**fields), "/srv/p")


def test_a_line_can_t_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _outcome().say("held: a\x1b]52;c;x\x07\nnucleus: all is well")
    assert capsys.readouterr().err == "nucleus: held: a\\x1b]52;c;x\\x07\\nnucleus: all is well\n"


def test_lines_wait_while_the_command_has_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _outcome()
    outcome.hold()
    outcome.say("one")
    assert capsys.readouterr().err == ""
    outcome.resume()
    outcome.say("two")
    assert capsys.readouterr().err == "nucleus: one\nnucleus: two\n"


def test_quiet_says_nothing_and_reports_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _outcome(quiet=True, report=str(tmp_path / "report.json"))
    outcome.say("anything")
    outcome.report["why"] = "because"
    outcome.write(75, "")
    assert capsys.readouterr().err == ""
    said = json.loads((tmp_path / "report.json").read_text())
    assert (said["exit"], said["why"], said["command"]) == (75, "because", ["make"])


def test_what_is_held_is_named_and_more_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = _outcome()
    held = tuple(Held(Change(f"{at}.pth", "added", "file", "held"), "runs by itself") for at in range(NAMED + 3))
    outcome.tell("abcdefabcdef", Applied((Change("a.py", "changed", "file", "plain"),), held))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "nucleus: 1 change applied"
    assert "nucleus diff abcdefabcdef" in lines[1]
    assert lines[-1] == "nucleus:   and 3 more"
    assert len(outcome.report["changes"]["held"]) == NAMED + 3
