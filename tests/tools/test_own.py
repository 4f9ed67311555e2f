"""Files of a box for the SDK inside of it: performed here, with no gate asked but for what was seen."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.connection import Connection
from nucleus.gate.protocol import receive, send
from nucleus.kernel.exposure import PRIVATE
from nucleus.policy import call as kinds
from nucleus.tools.fs import Fs
from nucleus.tools.own import OwnFiles


class Gate:
    """Answers what has been seen, and notes what else it is asked."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.asked: list[Any] = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with self.theirs:
            while True:
                try:
                    fields, _ = receive(self.theirs)
                except (EOFError, OSError):
                    return
                self.asked.append(fields["do"])
                send(self.theirs, {"what": "status", "state": [0, PRIVATE, 0, 0]})


@pytest.fixture
def fs(tmp_path: Path) -> Iterator[tuple[Fs, Gate]]:
    gate = Gate()
    connection = Connection(gate.ours)
    connection.local = OwnFiles(connection, str(tmp_path))
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    yield Fs(lambda: connection), gate
    connection.close()
    gate.thread.join()


def test_files_are_read_written_listed_and_searched_here(fs: tuple[Fs, Gate], tmp_path: Path) -> None:
    files, gate = fs
    assert files.read("a.txt") == "one\ntwo\n"
    assert files.read("a.txt").exposure == PRIVATE
    assert files.write("sub/b.txt", "x", parents=True) == 1
    assert files.read(str(tmp_path / "sub" / "b.txt")) == "x"
    files.edit("a.txt", "two", "three")
    assert [entry["name"] for entry in files.list()] == ["a.txt", "sub"]
    assert files.glob("**/*.txt") == ["a.txt", "sub/b.txt"]
    assert [hit["line"] for hit in files.grep("three")] == [2]
    files.delete("a.txt")
    assert not (tmp_path / "a.txt").exists()
    assert set(gate.asked) == {"status"}


def test_a_failure_is_the_built_in_exception(fs: tuple[Fs, Gate]) -> None:
    with pytest.raises(FileNotFoundError):
        fs[0].read("missing")


def test_what_is_no_file_is_left_to_the_gate(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    for kind in (kinds.FETCH, kinds.RUN, kinds.PUSH, kinds.TOOL):
        assert OwnFiles(connection, str(tmp_path))(kind, {}, b"") is None
    connection.close()
    theirs.close()
