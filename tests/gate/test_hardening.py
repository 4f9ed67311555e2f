"""A privileged process can't be read, imports nothing late, and believes no variable."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.hardening import clean_environment, home_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl and the password database")

NOBODY = 65534
SPY = 'if true < "/proc/$1/environ"; then echo readable; else echo refused; fi'
"""Opening it needs the same right as attaching a debugger, whatever Yama is set to."""


def run(source: str, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
    """Run ``source`` in a Python of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("guard", "answer"), [("not_dumpable()", "refused"), ("None", "readable")])
def test_another_process_of_the_same_user_reads_the_memory_only_without_the_guard(guard: str, answer: str) -> None:
    source = (
        "import ctypes, os, resource, subprocess, sys\n"  # an installation of root's may be closed to nobody
        "from nucleus.gate.hardening import not_dumpable\n"
        f"if os.getuid() == 0: os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
        f"{guard}\n"
        "print(subprocess.run(['/bin/sh', '-c', sys.argv[1], 'spy', str(os.getpid())],"
        " capture_output=True, text=True).stdout)\n"
    )
    assert run(source, SPY) == answer


@pytest.mark.parametrize(("freeze", "answer"), [("freeze_imports()", "refused"), ("None", "hijacked")])
def test_a_module_planted_later_is_imported_only_without_the_freeze(tmp_path: Path, freeze: str, answer: str) -> None:
    (tmp_path / "late_module.py").write_text("print('hijacked')")
    source = (
        "import sys\n"
        "from nucleus.gate.hardening import freeze_imports\n"
        "sys.path.insert(0, '')\n"
        f"{freeze}\n"
        "sys.path.insert(0, '')\n"
        "try:\n    import late_module\nexcept ImportError:\n    print('refused')\n"
    )
    assert run(source, cwd=tmp_path) == answer


def test_what_was_imported_and_what_the_library_needs_late_still_work_after_the_freeze() -> None:
    source = (
        "import json, datetime, traceback\n"
        "from nucleus.gate.hardening import freeze_imports\n"
        "freeze_imports()\n"
        "import json as again\n"
        "assert again.loads('1') == 1\n"
        "assert 'münchen.example'.encode('idna')\n"
        "datetime.datetime.strptime('2026', '%Y')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.format_exc()\n"
        "print('fine')"
    )
    assert run(source) == "fine"


def test_home_comes_from_the_password_database_and_no_variable_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/planted")
    monkeypatch.setenv("XDG_STATE_HOME", "/planted")
    assert home_of(os.getuid()) == os.path.normpath(pwd.getpwuid(os.getuid()).pw_dir)


def test_a_user_without_an_entry_is_refused_with_the_fix() -> None:
    with pytest.raises(CannotEnforce) as caught:
        home_of(3_999_999_999)
    assert "useradd" in caught.value.diagnostics()


def test_the_clean_environment_takes_nothing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_PRELOAD", "PYTHONPATH", "GIT_DIR", "SSL_CERT_FILE", "https_proxy", "PATH", "TZ", "LANG"):
        monkeypatch.setenv(name, "/planted")
    environment = clean_environment()
    assert set(environment) == {"HOME", "LANG", "LC_ALL", "PATH", "TZ"}
    assert "/planted" not in environment.values()
