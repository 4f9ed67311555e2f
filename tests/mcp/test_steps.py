"""Notes are one line without anything hidden; a refusal of a line is JSON."""

import json

from nucleus.mcp.messages import PARSE_ERROR, MessageError
from nucleus.mcp.steps import no_id, note


def test_a_note_is_one_line_in_which_nothing_hides() -> None:
    assert note("a\nb\x1b[31m\u202e").text == "a\\nb\\u{1b}[31m\\u{202e}"


def test_the_answer_to_no_message_is_json_whatever_the_reason_quotes() -> None:
    line = no_id(MessageError('a "quoted" \\ reason\n', PARSE_ERROR))
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": PARSE_ERROR, "message": 'a "quoted" \\ reason\n'},
    }
