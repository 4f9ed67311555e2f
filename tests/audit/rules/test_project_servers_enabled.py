"""project-servers-enabled: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "enableAllProjectMcpServers": true
}
""",
}
PRINTED = """\
high[project-servers-enabled]: whatever servers a project file names are started without asking
 --> .claude/settings.json:2:3
  |
2 |   "enableAllProjectMcpServers": true
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = fix: ask for each server (--fix)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{ "enableAllProjectMcpServers": false, "enabledMcpjsonServers": ["db"] }
""",
}


def test_the_blanket_flag_is_found() -> None:
    """The blanket flag is found."""
    assert printed("project-servers-enabled", FOUND) == PRINTED


def test_a_named_list_is_not() -> None:
    """A named list is not."""
    assert printed("project-servers-enabled", LEFT_ALONE) == ""
