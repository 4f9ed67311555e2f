"""``nucleus doctor``: one line for each thing, a status for scripts, and nothing installed without a typed word."""

import errno
import io
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from nucleus.cli import Usage, doctor, main
from nucleus.gate import spawn
from nucleus.gate.boxed import DOOR, VARIABLE
from nucleus.local import apparmor, bwrap, probe
from nucleus.local.apparmor import Installer
from nucleus.local.machine import Row
from tests.local.box import needs_box

LINE = re.compile(r"(ok|no|note) +[^:]+: [^\n]+")


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@needs_box
def test_where_everything_is_there_each_line_says_what_works(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(state), "doctor"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert all(LINE.fullmatch(one) for one in lines), lines
    assert not any(one.startswith("no ") for one in lines)
    assert last.startswith("everything that nucleus run needs works here")
    names = {one[5:].split(":")[0] for one in lines}
    assert names >= {"system", "state directory", "gate", "gate in /proc", "bubblewrap", "user namespace", "AppArmor"}
    assert names >= {
        "overlay file system",
        "seccomp",
        "whole box",
        "nucleus run",
        "calls of another architecture",
        "Landlock",
        "git",
    }
    assert names >= {"processes by descriptor (pidfd)", "pseudo-terminals", "memory of /tmp", "container"}
    assert os.listdir(state) in ([], ["boxes"]), "nothing of the trials is left"


@needs_box
def test_quiet_says_nothing_where_nothing_is_missing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(state), "-q", "doctor"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_missing_is_a_line_with_the_fix_and_status_1(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bwrap, "survey", lambda: iter(["/usr/bin/bwrap: version 0.8 is too old"]))
    assert main(["--state", str(state), "-q", "doctor"]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"no   bubblewrap: there is none that will do; fix: {bwrap.FIX}"
    assert last.endswith("until this is there: bubblewrap")


@needs_box
def test_a_mechanism_that_fails_is_told_and_no_whole_box_is_tried(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [probe.Finding("user namespace", "denied", "the fix")]
    monkeypatch.setattr(probe, "examine", lambda *_: iter(found))
    told = {row.name: row for row in doctor.rows(state)}
    assert told["user namespace"] == Row("no", "user namespace", "denied", "the fix")
    assert "whole box" not in told


@needs_box
def test_a_run_that_does_not_work_is_told_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state of the run").mkdir(mode=0o755)
    row = doctor._run(str(tmp_path))
    assert (row.state, row.name) == ("no", "nucleus run")
    assert "open to others" in row.detail
    monkeypatch.setattr(doctor, "_SECONDS", 0.001)
    (tmp_path / "run").rmdir()
    assert "timed out" in doctor._run(str(tmp_path)).detail


@needs_box
def test_a_gate_that_does_not_start_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nucleus.session.start", partial(spawn.start, bootstrap=state / "absent.py"))
    told = {row.name: row for row in doctor.rows(state)}
    assert told["gate"].state == "no"


def test_a_state_directory_that_is_open_to_others_is_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state.mkdir(mode=0o755)
    assert main(["--state", str(state), "doctor"]) == 1
    assert f"fix: chmod 700 {state}" in capsys.readouterr().out


def test_on_another_system_it_is_said_plainly(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert main(["--state", str(state), "doctor"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("no   system: this is ")
    assert "Linux" in out
    assert out.count("\n") == 1
    assert not state.exists()


def test_a_row_is_one_line_whatever_a_mechanism_said() -> None:
    told = doctor.line(Row("no", "gate", "a\nb\x1b[2J\tc", "d\n e"))
    assert told == "no   gate: a b\\x1b[2J c; fix: d e"


def installer(folder: Path) -> Installer:
    (folder / "etc" / "apparmor.d").mkdir(parents=True)
    loader = folder / "parser"
    loader.write_text("#!/bin/sh\nexit 0\n")
    loader.chmod(0o755)
    return Installer(str(folder), str(loader))


def test_the_profile_is_installed_after_a_typed_yes_and_was_shown_before(tmp_path: Path) -> None:
    one, out = installer(tmp_path), Terminal()
    assert doctor.fix(one, "/usr/bin/env", Terminal("yes\n"), out)
    assert Path(one.place).read_text() == apparmor.profile("/usr/bin/env")
    shown = out.getvalue()
    assert shown.index("userns,") < shown.index("Type yes") < shown.index("installed and loaded")


@pytest.mark.parametrize("answer", ["", "\n", "y\n", "YES\n", "no\n", "yes please\n"])
def test_anything_but_the_word_changes_nothing(tmp_path: Path, answer: str) -> None:
    one = installer(tmp_path)
    assert not doctor.fix(one, "/usr/bin/env", Terminal(answer), Terminal())
    assert not Path(one.place).exists()


def test_where_nobody_could_agree_nothing_is_asked_and_nothing_done(tmp_path: Path) -> None:
    one = installer(tmp_path)
    for terminal, out in ((io.StringIO("yes\n"), Terminal()), (Terminal("yes\n"), io.StringIO())):
        with pytest.raises(Usage, match="apparmor_parser"):
            doctor.fix(one, "/usr/bin/bwrap", terminal, out)
    assert not Path(one.place).exists()


def test_a_program_that_not_only_root_can_replace_is_told_before_the_question(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.touch(mode=0o777)
    program.chmod(0o777)
    out = Terminal()
    doctor.fix(installer(tmp_path), str(program), Terminal("no\n"), out)
    assert "Not only root can change" in out.getvalue()


def test_where_nothing_can_be_fixed_nothing_is_asked(tmp_path: Path) -> None:
    out = Terminal()
    assert not doctor.fix(installer(tmp_path), "", Terminal("yes\n"), out)
    assert "nothing here" in out.getvalue()


@needs_box
def test_what_apparmor_restricts_is_found_by_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._restricted() == ""
    monkeypatch.setattr(doctor, "_switched", lambda: True)
    assert doctor._restricted() == "", "it works in spite of the switch: root, or a profile that is there"
    monkeypatch.setattr(probe, "examine", lambda *_: iter([probe.Finding("user namespace", "denied", "fix")]))
    assert doctor._restricted() == bwrap.find().path
    row = doctor._apparmor(bwrap.find(), works=False)
    assert (row.state, row.fix) == ("no", "nucleus doctor --fix")
    assert doctor._apparmor(bwrap.find(), works=True).state == "ok"


@needs_box
def test_as_a_script_calls_it(state: Path) -> None:
    words = [sys.executable, "-m", "nucleus", "--state", str(state), "doctor", "--fix"]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == (2 if "no   AppArmor" in done.stdout else 0), done.stderr


def test_a_state_directory_without_room_is_a_line_and_the_other_trials_go_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    found = {row.name: row for row in doctor.rows(state)}
    assert found["room in the state directory"].state == "no"
    assert "No space left on device" in found["room in the state directory"].detail
    assert "git" in found


@needs_box
def test_within_a_box_the_box_is_named_and_not_its_gate_blamed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, DOOR)
    found = {row.name: row for row in doctor.rows(state)}
    assert found["gate"].state == "note"
    assert "inside of a box" in found["gate"].detail
