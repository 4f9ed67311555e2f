"""JSON, version 1: what a program can rely on."""

import json

from nucleus.audit.output import json_v1
from tests.audit.output.reported import report


def test_the_shape_of_the_report() -> None:
    content = json.loads(json_v1.render(report()))
    assert content["version"] == 1
    assert sorted(content) == ["files", "findings", "skipped", "summary", "version"]
    assert content["summary"] == {"files": 2, "shown": 5, "suppressed": 1, "baseline": 0, "hidden": 3}
    assert content["files"][0] == {"path": ".mcp.json", "client": "claude-code", "kind": "config"}


def test_a_finding_has_its_place_and_its_edits() -> None:
    found = {one["rule"]: one for one in json.loads(json_v1.render(report()))["findings"]}
    one = found["project-servers-enabled"]
    assert one["location"] == {"path": ".claude/settings.json", "line": 1, "column": 3, "end_line": 1, "end_column": 37}
    assert one["fix"]["safe"] is True
    assert [edit["text"] for edit in one["fix"]["edits"]] == ["false"]
    assert (one["status"], one["reason"]) == ("shown", None)


def test_what_was_suppressed_is_kept_with_its_reason() -> None:
    found = json.loads(json_v1.render(report()))["findings"]
    assert [(one["rule"], one["reason"]) for one in found if one["status"] == "suppressed"] == [
        ("floating-package", "we build it")
    ]


def test_the_text_is_ascii() -> None:
    """So that every terminal and every reader takes it."""
    assert json_v1.render(report()).isascii()
