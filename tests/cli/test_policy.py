"""``nucleus policy`` as a person and a program see it."""

import hashlib
import json
import os
import pty
import select
import sys
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.policy.profiles import profile_names
from tests.policy.policies import EXAMPLE

Ran = tuple[int, str, str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty workspace."""
    place = tmp_path / "app"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> object:
    """Return a function that runs the command line and gives status, stdout and stderr."""

    def run(*words: str) -> Ran:
        status = main(["policy", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run


def test_check_says_fine_wrong_and_missing_apart(ran: object, here: Path) -> None:
    assert ran("check") == (2, "", "nucleus.toml: no such file\n")
    (here / "nucleus.toml").write_text(EXAMPLE)
    status, out, err = ran("check")
    assert (status, out.splitlines()[0], err) == (0, "nucleus.toml: a policy under profile safe_pr_fixer", "")
    assert "a way out can meet" in out
    (here / "bad.toml").write_text('version = 1\n[alow]\nread = ["a"]\n')
    status, out, _ = ran("check", "bad.toml")
    assert (status, out) == (1, "bad.toml:2: unknown key 'alow' in the file\n  fix: did you mean 'allow'?\n")
    (here / "idle.toml").write_text('version = 1\nprofile = "read_only"\n[allow]\nfetch = ["a.example"]\n')
    status, out, _ = ran("check", "idle.toml")
    assert status == 1
    assert "no effect" in out
    (here / "none.toml").write_text("version = 1\n")
    assert ran("check", "none.toml")[0] == 1
    assert ran("check", "none.toml", "--profile", "read_only")[0] == 0
    assert ran("check", "none.toml", "gone.toml", "--profile", "read_only")[0] == 2


def test_show_has_what_holds_here_and_a_form_for_programs(ran: object, here: Path) -> None:
    (here / "nucleus.toml").write_text(EXAMPLE)
    status, _, err = ran("show")
    assert status == 1
    assert "nucleus policy trust nucleus.toml" in err
    status, out, _ = ran("show", "--profile", "safe_pr_fixer")
    assert status == 0
    assert "on its own" in out
    assert "with your yes" in out
    assert "may only tighten" in out
    status, out, _ = ran("show", "--policy", "nucleus.toml", "--json")
    assert json.loads(out)["budget"]["calls"] > 0


def test_diff_lists_what_the_first_gives_beyond_the_second(ran: object, here: Path) -> None:
    status, out, _ = ran("diff", "local_dev", "read_only")
    assert status == 1
    assert "run_bash: always rather than never" in out
    assert ran("diff", "read_only", "read_only")[:2] == (0, "read_only permits nothing that read_only does not\n")
    (here / "nucleus.toml").write_text(EXAMPLE)
    assert "label secret" not in ran("diff", "nucleus.toml", "safe_pr_fixer")[1]
    assert ran("diff", "nucleus.toml", "gone")[0] == 2


def test_test_runs_cases_and_counts_what_they_met(ran: object, here: Path) -> None:
    (here / "nucleus.toml").write_text(EXAMPLE)
    assert ran("test", "--policy", "nucleus.toml")[0] == 2
    (here / "nucleus.cases.toml").write_text(
        'version = 1\n[[case]]\nkey = "write"\nallow = ["src/a"]\ndeny = ["src/b"]\n'
    )
    status, out, _ = ran("test", "--policy", "nucleus.toml")
    assert status == 1
    assert "nucleus.cases.toml:5: write src/b: wanted deny, got allow" in out
    assert "1 of 2 cases as written, 1 of " in out
    assert 'no case: nucleus.toml:5: [allow] fetch = "docs.python.org"' in out
    (here / "nucleus.cases.toml").write_text('version = 1\n[[case]]\nkey = "write"\nallow = ["src/a"]\n')
    assert ran("test", "--policy", "nucleus.toml")[0] == 0


def test_trust_shows_what_it_gives_and_holds_until_a_change(ran: object, here: Path, home: Path) -> None:
    path = here / "nucleus.toml"
    assert ran("trust")[0] == 2
    path.write_text(EXAMPLE)
    status, out, err = ran("trust")
    assert status == 1
    assert "fetch https://docs.python.org" in out
    assert "allow rather than ask" in out
    assert "only a person at a terminal" in err
    assert ran("trust", "--digest", "0" * 64)[0] == 1
    assert ran("show")[0] == 1, "nothing was trusted so far"
    digest = hashlib.sha256(EXAMPLE.encode()).hexdigest()
    assert ran("trust", "--digest", digest)[0] == 0
    assert "may grant: pinned by its digest" in ran("show")[1]
    assert "trusted already" in ran("trust")[1]
    path.write_text(EXAMPLE + "# changed\n")
    assert ran("show")[0] == 1
    assert ran("trust", "--undo")[1] == "nucleus.toml: no longer trusted\n"
    assert ran("trust", "--undo")[1] == "nucleus.toml: was not trusted\n"
    assert list(here.iterdir()) == [path]
    assert (home / ".local/state/nucleus").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("word", "wanted"), [(b"trust\n", 0), (b"yes\n", 1)])
def test_a_person_trusts_by_typing_the_word(here: Path, word: bytes, wanted: int) -> None:
    (here / "nucleus.toml").write_text(EXAMPLE)
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover  the child becomes the command
        os.execv(sys.executable, [sys.executable, "-m", "nucleus", "policy", "trust"])  # noqa: S606  a real terminal
    seen = b""
    typed = False
    while select.select([terminal], [], [], 30)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if b"Type trust" in seen and not typed:
            os.write(terminal, word)
            typed = True
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == wanted, seen.decode()


def test_schema_and_profiles_are_for_programs_and_people(ran: object) -> None:
    status, out, _ = ran("schema")
    assert status == 0
    assert json.loads(out)["additionalProperties"] is False
    status, out, _ = ran("profiles")
    assert [line.split()[0] for line in out.splitlines()] == list(profile_names())


def test_a_wrong_call_is_usage(ran: object) -> None:
    assert ran()[0] == 2
    assert ran("forget")[0] == 2


@pytest.mark.parametrize("action", ["check", "show", "diff", "test", "trust", "schema", "profiles", "import"])
def test_the_global_options_are_allowed_after_each_action(ran: object, action: str) -> None:
    status, out, _ = ran(action, "--help")  # type: ignore[operator]
    assert status == 0
    assert "--state DIR" in out
