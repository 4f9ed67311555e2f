"""What leaves a trace verifies like the trace, is safe to show, and holds no contents."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace.content import ContentStore
from nucleus.trace.export import COLUMNS, escaped, export_jsonl, rows
from nucleus.trace.redact import Redactor
from nucleus.trace.replay import replay
from nucleus.trace.report import markdown, summarise
from nucleus.trace.verify import verify
from nucleus.trace.writer import TraceWriter
from tests.trace.example import HEADER, Story, in_memory, on_disk

WHERE = Path("memory.jsonl")
CANARY = "CANARY-8f14e45fceea167a"


def test_an_export_is_the_trace(tmp_path: Path) -> None:
    writer = on_disk(tmp_path, part_bytes=100)
    data = b"".join(export_jsonl(writer.path))
    assert verify(WHERE, data=data) == verify(writer.path)


def test_what_is_no_record_does_not_go_out() -> None:
    lines = in_memory().split(b"\n")
    lines[2] = b'{"a":1,"a":1}'
    out = export_jsonl(WHERE, b"\n".join(lines))
    assert [next(out), next(out)] == [line + b"\n" for line in lines[:2]]
    with pytest.raises(TraceError, match="duplicate"):
        next(out)
    with pytest.raises(TraceError, match="torn"):
        list(export_jsonl(WHERE, in_memory()[:-1]))


def test_a_table_has_a_row_for_each_record(tmp_path: Path) -> None:
    writer = on_disk(tmp_path)
    table = list(rows(writer.path))
    assert len(table) == writer.next_seq
    assert {len(row) for row in table} == {len(COLUMNS)}
    assert table[1] == ("1", "2026-09-21 14:13:20", "main", "fs.read", "allow", "path=src/a.py")
    assert table[0][3:] == ("header", "", "level mediated, kernel 555555555555, durability sync")


@given(st.text())
def test_escaped_text_can_not_steer_a_terminal(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert shown == text or "\\" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", "plain é"),
        ("\x1b]52;c;x\x07", "\\x1b]52;c;x\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("a\\nb", "a\\\\nb"),
        ("\n", "\\n"),
    ],
)
def test_control_characters_are_shown_by_their_code(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_times_that_no_calendar_has_are_shown_as_numbers(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER, clock=lambda: (1 << 63) - 1)
    writer.sync()
    assert next(iter(rows(writer.path)))[1] in {"2262-04-11 23:47:16", str((1 << 63) - 1)}


def told(look: Callable[[], object]) -> str:
    """Return what an error says, if there is one."""
    try:
        look()
    except TraceError as error:
        return error.diagnostics()
    return ""


def outputs(path: Path) -> str:
    """Return everything that a trace gives out: file, export, table, reports, and its errors."""
    verified, found = replay(path)
    summary = summarise(path, verified, found)
    shown = [json.dumps(summary), markdown(summary), *(" ".join(row) for row in rows(path)), verified.summary()]
    shown += [line.decode() for line in export_jsonl(path)]
    data = path.read_bytes()
    for damaged in (data[:-9], data.replace(b'"allow"', b'"deny"', 1), data.replace(b'"of":', b'"off":', 1)):
        shown += [told(lambda d=damaged: verify(WHERE, data=d)), told(lambda d=damaged: list(export_jsonl(WHERE, d)))]
    return "\n".join(shown)


CALLS = [
    {"path": "a.py", "content": CANARY},
    {"url": f"https://example.org/{CANARY}?q={CANARY}"},
    {"argv": ["curl", f"--token={CANARY}", f"Bearer {CANARY}"]},
    {"title": CANARY, "body": {"deep": [CANARY]}, "env": {CANARY: CANARY}},
    {"path": f"https://{CANARY}:{CANARY}@example.org/"},
    {CANARY: CANARY},
]


def canary_trace(directory: Path, redactor: Redactor | None) -> Path:
    """Return a trace of calls that are full of the canary; without a redactor as a careless caller would."""
    writer = TraceWriter.create(directory, HEADER)
    story = Story(writer)
    contents = ContentStore.create(writer.path)
    for call in CALLS:
        args = redactor.arguments(call) if redactor is not None else call
        digest = redactor.digest(CANARY.encode()) if redactor is not None else "0"
        seq = story.decide(args=args, digest=digest)
        contents.keep(seq, "body", CANARY.encode())
        error = redactor.error(f"bad input: {CANARY}") if redactor is not None else None
        fields = {"principal": "main", "of": seq, "outcome": "failed", "bytes": 0, "digest": digest, "error": error}
        writer.append({"type": "result", **fields})
    contents.close()
    writer.close("done")
    return writer.path


def test_no_output_holds_the_canary(tmp_path: Path) -> None:
    path = canary_trace(tmp_path, Redactor())
    shown = outputs(path)
    assert CANARY not in shown
    assert CANARY.lower() not in shown.lower()
    others = [file for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()]
    assert others == [path.with_suffix(".content")]


def test_switched_off_redaction_and_the_canary_is_everywhere(tmp_path: Path) -> None:
    """Negative control: the canary test sees what it looks for."""
    assert CANARY in outputs(canary_trace(tmp_path, None))


def test_the_key_of_the_digests_is_in_no_output(tmp_path: Path) -> None:
    key = bytes(range(200, 232))
    shown = outputs(canary_trace(tmp_path, Redactor(key)))
    assert key.hex() not in shown
