"""writable-control-files: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Write(.claude/**)",
      "Edit"
    ]
  }
}
""",
}
PRINTED = """\
high[writable-control-files]: 'Write(.claude/**)' lets the agent change what controls it
 --> .claude/settings.json:4:7
  |
4 |       "Write(.claude/**)",
  |       ^^^^^^^^^^^^^^^^^^^

low[writable-control-files]: 'Edit' covers the files that control the agent; no rule denies them
 --> .claude/settings.json:5:7
  |
5 |       "Edit"
  |       ^^^^^^
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Write(src/**)"
    ]
  }
}
""",
}


def test_control_files_under_a_write_rule_are_found() -> None:
    """Control files under a write rule are found."""
    assert printed("writable-control-files", FOUND) == PRINTED


def test_other_paths_are_not() -> None:
    """Other paths are not."""
    assert printed("writable-control-files", LEFT_ALONE) == ""
