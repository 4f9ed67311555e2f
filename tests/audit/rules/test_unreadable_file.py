"""unreadable-file: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{ "permissions": { "deny": ["Read(.env)"] }
""",
    "opencode.json": """\
# not JSON
{}
""",
}
PRINTED = """\
medium[unreadable-file]: nothing in this file could be audited: this bracket is never closed by '}'
 --> .claude/settings.json:1:1
  |
1 | { "permissions": { "deny": ["Read(.env)"] }
  | ^

low[unreadable-file]: JSON has no '#' comments; clients refuse or ignore the whole file
 --> opencode.json:1:1
  |
1 | # not JSON
  | ^
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{ // fine
  "permissions": { "deny": ["Read(.env)",] },
}
""",
}


def test_a_file_that_ends_too_early_is_found() -> None:
    """A file that ends too early is found."""
    assert printed("unreadable-file", FOUND) == PRINTED


def test_comments_and_trailing_commas_are_not() -> None:
    """Comments and trailing commas are not."""
    assert printed("unreadable-file", LEFT_ALONE) == ""
