"""``nucleus trace`` as a program: statuses, outputs, and one line for each failure."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.trace.writer import TraceWriter
from tests.trace.example import HEADER, Story, in_memory, on_disk

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that no variable names."""
    return tmp_path / "state"


@pytest.fixture
def trace(tmp_path: Path) -> Run:
    """Start the real program."""

    def start(*words: object, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "nucleus", "trace", *map(str, words)]
        env = {**os.environ, "PYTHONUTF8": "1", **more}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False)

    return start


def test_a_trace_in_the_ledger_is_verified_in_full(trace: Run, state: Path) -> None:
    writer = on_disk(state / "traces")
    done = trace("verify", writer.path, "--state", state)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"verified: {writer.next_seq} records, closed; complete to record {writer.next_seq}\n"


def test_without_ledger_and_checkpoint_completeness_is_unknown(trace: Run, state: Path) -> None:
    writer = on_disk(state / "traces")
    done = trace("verify", writer.path)
    assert done.returncode == 4
    assert done.stdout.startswith("consistent, completeness unknown")
    assert "next: nucleus trace verify --checkpoint F" in done.stdout


def test_a_held_checkpoint_is_enough(trace: Run, state: Path, tmp_path: Path) -> None:
    writer = on_disk(state / "traces", witness=tmp_path / "held")
    assert trace("verify", writer.path, "--checkpoint", tmp_path / "held").returncode == 0
    assert trace("replay", writer.path, "--checkpoint", tmp_path / "held").returncode == 0
    other = on_disk(state / "traces")
    done = trace("verify", other.path, "--checkpoint", tmp_path / "held")
    assert done.returncode == 1
    assert "whole-file swap" in done.stderr


def test_replay_counts_and_names_what_is_open(trace: Run, state: Path) -> None:
    writer = TraceWriter.create(state / "traces", HEADER)
    seq = Story(writer).decide()
    writer.close("x")
    done = trace("replay", writer.path, "--state", state)
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"replayed: 1 decisions, each as the kernel decides it\noutcome unknown: record {seq}\n"
    )


@pytest.mark.parametrize("action", ["verify", "replay", "show", "export", "report"])
def test_a_finding_is_one_line_and_status_one(action: str, trace: Run, state: Path) -> None:
    writer = on_disk(state / "traces")
    data = writer.path.read_bytes()
    writer.path.write_bytes(data.replace(b'"outcome":"ok"', b'"outcome":"ok" ', 1))
    done = trace(action, writer.path, "--state", state)
    assert done.returncode == 1
    assert done.stderr.startswith(f"nucleus: {writer.path}: record ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("verify",),
        ("verify", "none.jsonl"),
        ("show", "none.jsonl"),
        ("check", "x"),
        ("verify", "trace.jsonl", "--checkpoint", "none"),
        ("show", "trace.jsonl", "--checkpoint", "none"),
    ],
)
def test_a_wrong_call_is_status_two(words: tuple[str, ...], trace: Run, tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").touch()
    done = trace(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("data", [b"", b"\x00" * 99, b"not a trace\n", b"{}\n", b"[" * 9999 + b"\n"])
def test_what_is_no_trace_is_a_finding(data: bytes, trace: Run, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(data)
    for action in ("verify", "replay", "report"):
        done = trace(action, "x.jsonl")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_show_prints_a_table_that_can_not_steer_the_terminal(trace: Run, state: Path) -> None:
    writer = TraceWriter.create(state / "traces", HEADER)
    Story(writer).decide(destination="\x1b]0;owned\x07\u202e", kind="k" * 90)
    writer.close("x")
    done = trace("show", writer.path)
    assert done.returncode == 0
    assert "\\x1b]0;owned\\x07\\u202e" in done.stdout
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == writer.next_seq + 1


def test_an_export_verifies_like_its_trace(trace: Run, state: Path, tmp_path: Path) -> None:
    writer = on_disk(state / "traces")
    (tmp_path / "out.jsonl").write_text(trace("export", writer.path).stdout)
    assert (tmp_path / "out.jsonl").read_bytes() == writer.path.read_bytes()
    assert trace("verify", "out.jsonl", "--state", state).returncode == 0


def test_a_report_is_markdown_or_json(trace: Run, state: Path) -> None:
    writer = on_disk(state / "traces")
    assert trace("report", writer.path, "--state", state).stdout.startswith(f"# Trace {writer.trace}")
    done = trace("report", writer.path, "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["records"]) == (4, writer.next_seq)


def test_quiet_says_nothing_when_all_is_well(trace: Run, state: Path) -> None:
    writer = on_disk(state / "traces")
    for action in ("verify", "replay"):
        done = trace(action, writer.path, "--state", state, "-q")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_link_in_the_place_of_a_trace_is_not_followed(trace: Run, state: Path, tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(on_disk(state / "traces").path)
    assert trace("verify", "link.jsonl").returncode == 1


@pytest.mark.parametrize("action", ["show", "export", "report"])
def test_records_of_any_shape_are_shown_or_refused_in_one_line(action: str, trace: Run, tmp_path: Path) -> None:
    lines = in_memory(1).split(b"\n")
    for number, old, new in (
        (0, b'"level":"mediated"', b'"level":[{}]'),
        (1, b'"rules":[]', b'"rules":[1,{}]'),
        (1, b'"args":{"path":"src/a.py"}', b'"args":{"path":[[],null]}'),
        (1, b'"time_ns":1790000000002000000', b'"time_ns":9223372036854775807'),
        (8, b'"reasons":["destination"]', b'"reasons":[null]'),
    ):
        lines[number] = lines[number].replace(old, new)
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    done = trace(action, "x.jsonl")
    assert done.returncode in ({1} if action == "report" else {0})
    assert "internal error" not in done.stderr
