"""The ledger remembers traces apart from their files."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace.checkpoint import Signer
from nucleus.trace.ledger import Ledger


def opened(trace: str = "t", path: str = "/tmp/t.jsonl") -> dict[str, Any]:
    return {"event": "open", "trace": trace, "path": path, "header": "h", "key": str(Signer(trace).public())}


def test_what_is_appended_is_found(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state" / "ledger.jsonl")
    assert ledger.entries() == {}
    ledger.append(opened())
    ledger.append({"event": "checkpoint", "trace": "t", "size": 3, "note": "n"})
    ledger.append({"event": "close", "trace": "t", "size": 5, "last": "l"})
    found = ledger.find("t", Path("elsewhere"))
    assert found is not None
    assert (found.header, found.notes, found.closed, found.last) == ("h", ("n",), 5, "l")
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_a_path_is_known_even_if_the_trace_in_it_is_not(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(opened("one"))
    ledger.append(opened("two"))
    ledger.append(opened("three", "/tmp/other.jsonl"))
    found = ledger.find("unknown", Path("/tmp/t.jsonl"))
    assert found is not None
    assert found.trace == "two"
    assert ledger.find("unknown", Path("/tmp/none.jsonl")) is None


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"{}",
        b'{"event":"close","last":"l","size":1,"trace":"unknown"}',
        b'{"event":"open","trace":"t"}',
        b'{"event":"open","header":"h","key":"no key","path":"p","trace":"t"}',
        b'{"event":"open","trace":["t"]}',
    ],
)
def test_a_malformed_line_is_named(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(line + b"\n")
    with pytest.raises(TraceError, match="line 1 of the ledger"):
        Ledger(tmp_path / "ledger.jsonl").entries()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_hostile_bytes_raise_or_hold_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(data)
    if b"\n" in data:
        with pytest.raises(TraceError):
            Ledger(tmp_path / "ledger.jsonl").entries()
    else:
        assert Ledger(tmp_path / "ledger.jsonl").entries() == {}


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(opened())
    before = ledger.path.read_bytes()
    real, calls = os.write, [0]

    def write(fd: int, data: bytes) -> int:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[:10])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(TraceError, match="No space left"):
        ledger.append(opened("two"))
    assert before == ledger.path.read_bytes()


@pytest.mark.parametrize("size", [1, 100, 5000, 20_000])
def test_a_line_torn_by_a_crash_does_not_spoil_the_next(size: int, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(opened())
    with ledger.path.open("ab") as file:
        file.write(b"x" * size)
    assert set(ledger.entries()) == {"t"}
    ledger.append(opened("two"))
    assert set(ledger.entries()) == {"t", "two"}


def test_a_link_in_the_place_of_the_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "ledger.jsonl").symlink_to(tmp_path / "real")
    ledger = Ledger(tmp_path / "ledger.jsonl")
    with pytest.raises(TraceError):
        ledger.append(opened())
    with pytest.raises(TraceError):
        ledger.entries()
