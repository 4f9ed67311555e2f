"""control-files-without-owners: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "CODEOWNERS": """\
/src/ @team/backend
""",
    ".claude/settings.json": """\
{}
""",
    "AGENTS.md": """\
x
""",
}
PRINTED = """\
low[control-files-without-owners]: nobody owns .claude/settings.json, AGENTS.md
 --> CODEOWNERS:1:1
  |
1 | /src/ @team/backend
  | ^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".github/CODEOWNERS": """\
/.claude/ @team/security
AGENTS.md @team/security
""",
    ".claude/settings.json": """\
{}
""",
    "AGENTS.md": """\
x
""",
}


def test_unowned_control_files_are_found() -> None:
    """Unowned control files are found."""
    assert printed("control-files-without-owners", FOUND) == PRINTED


def test_owned_ones_are_not() -> None:
    """Owned ones are not."""
    assert printed("control-files-without-owners", LEFT_ALONE) == ""
