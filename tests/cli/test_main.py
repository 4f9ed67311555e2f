"""The command line as a whole: statuses, one line for each failure, never a traceback."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus import cli, errors

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SRC = Path(cli.__file__).parent


@pytest.fixture
def nucleus(tmp_path: Path) -> Run:
    """Start the real program in an empty directory."""

    def start(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "nucleus", *words]
        return subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **more}, capture_output=True, text=True, timeout=30, check=False
        )

    return start


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put a command of the test's own into the table."""

    def plant(run: Callable[[argparse.Namespace], object], name: str = "demo") -> None:
        module = ModuleType("nucleus.cli.planted")
        module.configure = lambda parser: parser.add_argument("--power", type=int)  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "nucleus.cli.planted", module)
        monkeypatch.setitem(cli.COMMANDS, name, ("planted", "a planted command"))
        monkeypatch.setattr(cli, "available", lambda: {name: cli.COMMANDS[name]})

    return plant


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


REFUSED = errors.PolicyDenied("no push", code="push", rule="capability", where="nucleus.toml:3", next_step="ask")
CANNOT = errors.CannotEnforce("no box", why="bwrap is too old", fix="apt-get install bubblewrap")


@pytest.mark.parametrize(
    ("error", "statuses", "text"),
    [
        (REFUSED, {"demo": 1, "run": 78, "hook": 2}, "nucleus.toml:3"),
        (CANNOT, {"demo": 1, "run": 78, "hook": 2}, "fix: apt-get"),
        (errors.PolicyError("unknown key", path="p.toml", line=4), {"demo": 1, "run": 78, "hook": 2}, "p.toml:4"),
        (errors.TraceError("edited", record=7), {"demo": 1, "run": 78, "hook": 2}, "record 7"),
        (errors.NoSession("outside"), {"demo": 2, "run": 64, "hook": 2}, "outside"),
        (cli.Usage("say which"), {"demo": 2, "run": 64, "hook": 2}, "say which"),
        (FileNotFoundError(2, "No such file", "x.toml"), {"demo": 2, "run": 78, "hook": 2}, "x.toml: No such file"),
        (KeyboardInterrupt(), {"demo": 130, "run": 130, "hook": 2}, "interrupted"),
        (ValueError("odd\nsecond line"), {"demo": 2, "run": 78, "hook": 2}, "internal error"),
        (RecursionError(), {"demo": 2, "run": 78, "hook": 2}, "internal error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_a_command_raises_becomes_text_and_a_status(
    planted: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    statuses: dict[str, int],
    text: str,
) -> None:
    """Never a traceback; what follows an internal error is one line, and it is not success."""
    for name, status in statuses.items():
        planted(raising(error), name)
        assert cli.main([name]) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert text in err
        assert "Traceback" not in err
        if "internal" in text:
            assert err.count("\n") == 1
            assert "test_main.py:" in err


@pytest.mark.parametrize("result", [None, True, "0", 1.0])
def test_a_command_that_returns_no_status_is_an_internal_error(planted: Callable[..., None], result: object) -> None:
    """A command that forgets to answer has not succeeded."""
    planted(lambda _: result)
    assert cli.main(["demo"]) == 2


def test_a_command_gets_its_own_and_the_global_options(planted: Callable[..., None]) -> None:
    got = []
    planted(lambda args: got.append(args) or 0)
    assert cli.main(["--state", "/a", "-v", "demo", "--power", "3"]) == 0
    assert cli.main(["--state", "/a", "demo", "--state", "/b", "-q", "--color", "never"]) == 0
    first, second = got
    assert (first.command, first.state, first.verbose, first.quiet, first.power) == ("demo", "/a", True, False, 3)
    assert (second.state, second.verbose, second.quiet, second.color) == ("/b", False, True, "never")


@pytest.mark.parametrize(
    ("environ", "words", "expected"),
    [
        ({}, [], (None, False, False, "auto")),
        ({"NUCLEUS_STATE": "/s", "NUCLEUS_QUIET": "1"}, [], ("/s", True, False, "auto")),
        ({"NUCLEUS_VERBOSE": "yes", "NUCLEUS_QUIET": "0"}, [], (None, False, True, "auto")),
        ({"NUCLEUS_STATE": "/s"}, ["--state", "/t"], ("/t", False, False, "auto")),
        ({"NUCLEUS_COLOR": "always"}, [], (None, False, False, "always")),
        ({"NUCLEUS_COLOR": "always", "NO_COLOR": "1"}, [], (None, False, False, "never")),
        ({"NO_COLOR": "1"}, ["--color", "always"], (None, False, False, "always")),
        ({"NO_COLOR": ""}, [], (None, False, False, "auto")),
    ],
)
def test_the_environment_mirrors_the_global_options(
    planted: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    words: list[str],
    expected: tuple[object, ...],
) -> None:
    """An option wins over its mirror; NO_COLOR wins over NUCLEUS_COLOR."""
    got = []
    planted(lambda args: got.append((args.state, args.quiet, args.verbose, args.color)) or 0)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert cli.main([*words, "demo"]) == 0
    assert got == [expected]


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ([], 2, "usage:"),
        (["--state"], 2, "--state needs a value"),
        (["--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["--color", "sometimes", "demo"], 2, "invalid choice"),
        (["polcy"], 2, "there is no command 'polcy'"),
        (["\x1b[31mred"], 2, "\\x1b[31mred"),
        ([""], 2, "usage:"),
        (["--", "demo"], 2, ""),
        (["-"], 2, "there is no command '-'"),
    ],
)
def test_a_wrong_call_is_told_and_is_status_two(nucleus: Run, words: list[str], status: int, text: str) -> None:
    done = nucleus(*words)
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_command_says_which_was_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "available", lambda: {"policy": cli.COMMANDS["policy"]})
    assert cli.main(["polcy"]) == 2
    assert "did you mean nucleus policy?" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "status"), [("run", 78), ("hook", 2), ("vm", 2)])
def test_a_command_that_this_version_lacks_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, status: int
) -> None:
    monkeypatch.setattr(cli, "available", dict)
    assert cli.main([name, "--", "true"]) == status
    assert "Nothing was run" in capsys.readouterr().err


def test_help_lists_exactly_the_commands_that_are_there(nucleus: Run) -> None:
    done = nucleus("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.split("commands:\n")[1].split("\n\n")[0]
    names = {line.split()[0] for line in listed.splitlines()}
    assert names == set(cli.available())
    assert names == {name for name, (module, _) in cli.COMMANDS.items() if (SRC / f"{module}.py").is_file()}


def test_each_module_of_commands_is_in_the_table_and_keeps_the_contract() -> None:
    """``configure`` and ``run``; a module of no command has a name that starts with an underscore."""
    listed = {module for module, _ in cli.COMMANDS.values()}
    there = {path.stem for path in SRC.glob("*.py") if not path.stem.startswith("_")}
    commands = {path for path in there if hasattr(import_module(f"nucleus.cli.{path}"), "run")}
    support = {path for path in there if not hasattr(import_module(f"nucleus.cli.{path}"), "configure")}
    assert (there - support) & commands <= listed
    for name in cli.available():
        module = import_module(f"nucleus.cli.{cli.COMMANDS[name][0]}")
        assert callable(module.configure)
        assert callable(module.run)


@pytest.mark.parametrize("name", sorted(cli.available()))
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: nucleus {name}")
    assert err == ""


@pytest.mark.parametrize("name", sorted(cli.available()))
def test_each_command_refuses_an_option_that_it_does_not_have(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--allow-everything"]) in {2, 64}
    assert "Traceback" not in capsys.readouterr().err


def test_version(nucleus: Run) -> None:
    done = nucleus("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"nucleus {cli.version()}\n", "")


def test_help_imports_nothing_heavy(nucleus: Run) -> None:
    """The budget in bench/ rests on this: --help loads the table, argparse and the errors."""
    code = "import sys; from nucleus.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {
        "json",
        "subprocess",
        "socket",
        "ssl",
        "asyncio",
        "tomllib",
        "cryptography",
        "importlib.metadata",
        "inspect",
    }
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("nucleus")} == {"nucleus", "nucleus.errors", "nucleus.cli"}


def test_a_repository_cannot_take_the_place_of_the_standard_library(nucleus: Run, tmp_path: Path) -> None:
    """``python -m`` puts the working directory first; the program takes it out again."""
    for name in ("argparse", "gettext", "difflib", "importlib_metadata", "json", "textwrap", "shutil"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    assert nucleus("--help").returncode == 0
    assert "hijacked" not in nucleus("polcy").stderr


def test_without_that_defence_the_repository_would_be_imported(tmp_path: Path) -> None:
    (tmp_path / "difflib.py").write_text("raise SystemExit('hijacked')")
    code = "import sys; sys.path.insert(0, ''); from nucleus.cli import main; main(['polcy'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "hijacked" in done.stderr or "did you mean" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_of_ours(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "nucleus", "--help"]
    done = subprocess.run(command, cwd=tmp_path, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (cli.PIPE_CLOSED, "")


def test_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nucleus", "--help"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_a_closed_stdout_is_no_crash(tmp_path: Path) -> None:
    command = ["sh", "-c", f"exec {sys.executable} -m nucleus --help >&-"]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == ""


@given(st.lists(st.text(max_size=8) | st.sampled_from(["--state", "--color", "-q", "-v", "--", "auto", "demo"])))
def test_split_loses_no_word(words: list[str]) -> None:
    """What stands before the name is options, the first other word is the name, the rest is its own."""
    try:
        before, name, after = cli.split(words)
    except cli.Usage:
        assert words[-1] in {"--state", "--color"}
        return
    joined = [*before, name, *after] if name or len(before) < len(words) else before
    assert joined == words
