"""``nucleus mcp map``: what each tool counts as, and proposals that a person accepts at a terminal, one by one."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.cli import main
from nucleus.mcp.mediate import MAPPINGS, mappings_of
from nucleus.mcp.pins import Identity, PinFile

WHO = Identity(("/opt/server", "--stdio"))
READ = {
    "name": "read_file",
    "description": "Reads.\n\x1b]0;pwned\x07",
    "inputSchema": {"properties": {"path": {"type": "string"}}},
}
RUN = {"name": "run", "inputSchema": {"properties": {"command": {"type": "string"}}}}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    file = PinFile(tmp_path, WHO)
    pins = file.load()
    pins.see([{**READ, "description": "Reads."}, RUN], last=True)
    file.save(pins)
    return tmp_path


def test_each_known_tool_is_listed_with_what_it_counts_as(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(state), "mcp", "map"]) == 0
    assert capsys.readouterr().out == (
        f"{WHO.digest[:12]}  /opt/server --stdio\n"
        "    read_file: nobody reviewed it; the worst case, asks\n"
        "    run: nobody reviewed it; the worst case, asks\n"
    )
    assert main(["--state", str(state), "mcp", "map", "ffff"]) == 2
    assert main(["--state", str(state / "none"), "mcp", "map"]) == 0
    assert "no server is known yet" in capsys.readouterr().out


def test_proposals_are_printed_and_nothing_is_applied_without_a_terminal(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115  closed with the test
    with sys.stdin:
        assert main(["--state", str(state), "mcp", "map", "--suggest"]) == 0
    shown = capsys.readouterr().out
    assert 'does = "fs.read"' in shown
    assert "# run: nothing to propose: it runs something that it is given" in shown
    assert not (state / "mcp" / MAPPINGS).exists()


@pytest.mark.parametrize(("word", "ops"), [("accept", ["read_files"]), ("yes", []), ("", [])])
def test_a_typed_word_accepts_exactly_one_entry(state: Path, word: str, ops: list[str]) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{word}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "nucleus", "--state", str(state), "mcp", "map", "--suggest"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0
    definition = PinFile(state, WHO).load().pinned["read_file"]
    assert mappings_of(state).ops(WHO, definition) == ops


def test_what_a_server_says_of_itself_is_escaped(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = PinFile(state, WHO)
    pins = file.load()
    pins.pinned["read_file"] = READ
    file.save(pins)
    assert main(["--state", str(state), "mcp", "map", "--suggest"]) == 0
    assert "\x1b" not in capsys.readouterr().out
