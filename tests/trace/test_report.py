"""A report says what was done, refused and left open, and text of the trace adds no markup."""

import json
from pathlib import Path

import pytest

from nucleus.trace.replay import replay
from nucleus.trace.report import LISTED, markdown, summarise
from nucleus.trace.writer import TraceWriter
from tests.trace.example import HEADER, NOT_LIVE, PUSH, Story, on_disk


def summary_of(path: Path) -> dict[str, object]:
    return summarise(path, *replay(path))


def test_everything_is_counted(tmp_path: Path) -> None:
    found = summary_of(on_disk(tmp_path).path)
    assert found["verdicts"] == {"allow": 7, "ask": 1, "deny": 1}
    assert found["destinations"] == {"docs.example:443": 1, "r": 1}
    assert found["complete"] is False
    assert found["ending"] == "closed"
    json.dumps(found)


def test_what_was_not_allowed_is_listed_with_its_rules(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    story = Story(writer)
    for _ in range(LISTED + 5):
        story.decide(NOT_LIVE)
    story.decide(PUSH)
    writer.close("x")
    found = summary_of(writer.path)
    refused = found["refused"]
    assert isinstance(refused, list)
    assert len(refused) == LISTED
    assert refused[0]["rules"] == ["session"]
    assert found["rules"] == {"session": LISTED + 5, "destination": 1}


def test_unknown_outcomes_are_told(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    seq = Story(writer).decide()
    writer.close("x")
    found = summary_of(writer.path)
    assert found["outcome_unknown"] == [seq]
    assert f"Outcome unknown: records {seq}" in markdown(found)


@pytest.mark.parametrize("hostile", ["| x |", "`x`", "<script>", "[a](b)", "\x1b[2J", "# x\n# y", "**x**"])
def test_hostile_text_adds_no_markup(hostile: str, tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    Story(writer).decide(destination=hostile, kind=hostile)
    writer.close("x")
    text = markdown(summary_of(writer.path))
    assert hostile not in text
    assert "\x1b" not in text
    assert all(line.startswith("|") == line.endswith("|") for line in text.split("\n") if line)


def test_principals_end_with_what_they_saw(tmp_path: Path) -> None:
    text = markdown(summary_of(on_disk(tmp_path).path))
    assert "| main | private\\_data, untrusted\\_content, exfil\\_vector, foreign |" in text
    assert text.startswith("# Trace ")
