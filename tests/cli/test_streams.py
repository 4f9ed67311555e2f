"""Devices and pipes that are named for output are written into, and stay what they are."""

import os
import stat
import threading
from pathlib import Path

import pytest

from nucleus.cli.audit import _write
from nucleus.cli.outcome import _put
from nucleus.cli.streams import written_into


def test_root_writing_a_report_to_the_null_device_leaves_it_a_device() -> None:
    """It became a file, and with that each git on the machine read a configuration from it."""
    for write in (written_into, _put, lambda path, data: _write(Path(path), data)):
        write("/dev/null", b"{}\n")
        assert stat.S_ISCHR(os.lstat("/dev/null").st_mode)


def test_a_descriptor_of_the_shell_and_a_pipe_are_written_into(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    assert written_into(f"/dev/fd/{theirs}", b"told")
    os.close(theirs)
    assert os.read(ours, 10) == b"told"
    os.close(ours)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="No such device"):  # nobody reads; nobody waits either
        written_into(pipe, b"x")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    while reader.is_alive():
        try:
            written_into(pipe, b"y" * 200_000)
        except OSError:
            continue
        reader.join()
    assert got == [b"y" * 200_000]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_files_links_and_nothing_are_left_to_whoever_replaces_files(tmp_path: Path) -> None:
    """A link that somebody made is no device of the system's: it is not written through."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("/dev/full")
    for name in ("file", "link", "none", "."):
        assert not written_into(tmp_path / name, b"new")
    assert (tmp_path / "file").read_text() == "old"


def test_a_full_device_is_an_error() -> None:
    with pytest.raises(OSError, match="No space"):
        written_into("/dev/full", b"x")
