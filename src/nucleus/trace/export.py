"""What leaves a trace: its lines for machines, and rows for people.

Lines go out as they are, so that an export verifies like the trace. They hold
no contents by construction (``redact``); content store and digest keys are in
other places and are never read here. Each line is parsed strictly first: what
can't be a record does not go out.

Text for people is escaped: what is not printable, and what could steer a
terminal or turn its writing direction, is shown by its code.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from nucleus.trace.reader import Reader, parse_record, read_records, torn_error

COLUMNS: Final = ("record", "time (UTC)", "principal", "what", "verdict", "detail")


def export_jsonl(path: Path, data: bytes | None = None) -> Iterator[bytes]:
    """Yield the lines of the trace at ``path`` (or in ``data``), each with its newline.

    Raises ``TraceError`` at the first that is not a record; chain and
    signatures are ``verify``'s.
    """
    reader = Reader(path, data)
    number = 0
    for lines in reader:
        for line in lines:
            parse_record(line, number, path)
            number += 1
            yield line + b"\n"
    if reader.torn:
        raise torn_error(number, reader.torn, path)


def rows(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield a row of ``COLUMNS`` for each record, escaped. Raises ``TraceError``."""
    for record in read_records(path):
        yield tuple(escaped(cell) for cell in _row(record))


def escaped(text: str) -> str:
    """Return ``text`` with everything that is not printable shown by its code."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    kind = record["type"]
    what, verdict = kind, ""
    if kind == "decision":
        what, verdict = record["kind"], record["verdict"]
    elif kind == "result":
        verdict = record["outcome"]
    elif kind == "answer":
        verdict = record["answer"]
    return (str(record["seq"]), _utc(record["time_ns"]), record.get("principal", ""), what, verdict, _detail(record))


def _detail(record: dict[str, Any]) -> str:  # noqa: PLR0911  one return for each type
    """Return what a person wants to know of a record beyond its type."""
    match record["type"]:
        case "header":
            kernel = str(record.get("kernel"))[:12]
            return f"level {record.get('level')}, kernel {kernel}, durability {record['durability']}"
        case "decision":
            args = " ".join(f"{name}={_flat(value)}" for name, value in record["args"].items())
            rules = f" ({', '.join(map(str, record['rules']))})" if record["rules"] else ""
            approval = f" approved by {record['approval']}" if record["approval"] else ""
            return f"{args}{' -> ' if record['destination'] else ''}{record['destination']}{rules}{approval}".strip()
        case "result":
            error = f", {record['error']}" if record["error"] else ""
            return f"of record {record['of']}, {record['bytes']} bytes{error}"
        case "change":
            return f"{record['what']} {record['args']}" + (f" child {record['child']}" if "child" in record else "")
        case "question":
            return f"{record['id']}: {', '.join(map(str, record['reasons']))} {record['destination']}".strip()
        case "answer":
            return f"{record['id']} by {record['by']}, {record['uses']} uses"
        case "declassify":
            return f"{record['bits']} bits"
        case "checkpoint":
            return "certifies all records before it"
        case "close":
            return str(record["reason"])
        case _:
            return ""


def _flat(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _utc(time_ns: int) -> str:
    """Return a time for people. One that the calendar does not have is shown as the number."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return str(time_ns)
