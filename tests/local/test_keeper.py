"""The keeper ends what it kept; what should be refused and is not keeps the command from running."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nucleus.local import keeper
from nucleus.local.keeper import OpenError
from tests.local.test_ll import needs_ll

ROOT = str(Path(keeper.__file__).resolve().parents[2])
RULES = [(path, "read") for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.exists(path)]


def kept(plan: dict[str, Any], close: float | None = None) -> tuple[int, bytes, bytes]:
    """Run a keeper; return its status, the report, and what the command said. ``close`` lets go of it after seconds."""
    report, reporting = os.pipe()
    controlled, control = os.pipe()
    number = os.memfd_create("plan")
    os.write(number, json.dumps(plan).encode())
    os.lseek(number, 0, os.SEEK_SET)
    given = (number, controlled, reporting)
    boot = (
        f"import sys; sys.path.append({ROOT!r}); from nucleus.local.keeper import main; sys.exit(main(*sys.argv[1:]))"
    )
    words = [sys.executable, "-I", "-S", "-B", "-c", boot, *map(str, given)]
    with subprocess.Popen(words, pass_fds=given, stdout=subprocess.PIPE, env={}, cwd="/") as process:
        for one in given:
            os.close(one)
        os.write(control, b"g")
        if close is not None:
            time.sleep(close)
            os.close(control)
        said, _ = process.communicate()
    if close is None:
        os.close(control)
    with os.fdopen(report, "rb") as file:
        return process.returncode, file.read(), said


def plan(
    folder: Path, *argv: str, refused: tuple[str, ...] = ("/var",), rules: list[Any] | None = None
) -> dict[str, Any]:
    return {
        "rules": [*(RULES if rules is None else rules), (str(folder), "write")],
        "refused": list(refused),
        "cwd": str(folder),
        "variables": {"PATH": "/usr/bin:/bin"},
        "argv": list(argv),
    }


@needs_ll
def test_a_command_runs_restricted_and_its_status_is_the_keeper_s(tmp_path: Path) -> None:
    status, report, said = kept(plan(tmp_path, "sh", "-c", "echo here > made; ls /var/tmp; exit 5"))
    assert (status, report) == (5, b"ok\n")
    assert (tmp_path / "made").read_text() == "here\n"
    assert said == b""


@needs_ll
def test_a_signal_is_told_as_a_shell_tells_it(tmp_path: Path) -> None:
    assert kept(plan(tmp_path, "sh", "-c", "kill -15 $$"))[0] == 143


@needs_ll
def test_whoever_lets_go_ends_everything(tmp_path: Path) -> None:
    started = time.monotonic()
    status, _, _ = kept(plan(tmp_path, "sh", "-c", "setsid sleep 50 & sleep 50"), close=0.5)
    assert status == 137
    assert time.monotonic() - started < 40


@needs_ll
@pytest.mark.parametrize("place", ["/usr/share", "/bin"])
def test_a_place_that_is_open_and_should_not_be_keeps_the_command_from_running(tmp_path: Path, place: str) -> None:
    """A rule too many: the trial finds it before the command begins."""
    status, report, _ = kept(plan(tmp_path, "touch", "made", refused=(place,)))
    assert status == 78
    assert report.startswith(b"failed ")
    assert not (tmp_path / "made").exists()


@needs_ll
def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert kept(plan(tmp_path, "no-such-command"))[:2] == (127, b"ok\nexec 2\n")


@needs_ll
def test_a_rule_for_what_is_not_there_runs_nothing(tmp_path: Path) -> None:
    status, report, _ = kept(plan(tmp_path, "touch", "made", rules=[*RULES, ("/no/such/place", "read")]))
    assert (status, report[:7]) == (78, b"failed ")
    assert not (tmp_path / "made").exists()


def test_nothing_begins_before_the_letter_came(tmp_path: Path) -> None:
    controlled, control = os.pipe()
    os.close(control)
    number = os.memfd_create("plan")
    os.write(number, json.dumps(plan(tmp_path, "touch", "made")).encode())
    os.lseek(number, 0, os.SEEK_SET)
    source = (
        "import sys; sys.path.append(sys.argv[1]); from nucleus.local.keeper import main; sys.exit(main(*sys.argv[2:]))"
    )
    words = [sys.executable, "-I", "-S", "-B", "-c", source, ROOT, str(number), str(controlled), "1"]
    assert subprocess.run(words, pass_fds=(number, controlled), check=False, timeout=20).returncode == 78
    assert not (tmp_path / "made").exists()
    os.close(controlled)


def test_what_works_and_should_not_is_found(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="can be read"):
        keeper._try([str(tmp_path)], os.getpid())
    with pytest.raises(OpenError, match="signalled"):
        keeper._try([], os.getpid())
    with pytest.raises(OpenError, match="keeper is gone"):
        keeper._there(os.getpid())


def test_an_unexpected_refusal_is_an_error_and_an_absence_is_not(tmp_path: Path) -> None:
    keeper._refused(lambda: os.listdir(tmp_path / "absent"), "it", 13)
    with pytest.raises(NotADirectoryError):
        keeper._refused(lambda: os.listdir(__file__), "it", 13)
