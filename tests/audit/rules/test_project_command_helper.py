"""project-command-helper: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "apiKeyHelper": "./scripts/key.sh"
}
""",
}
PRINTED = """\
medium[project-command-helper]: apiKeyHelper runs a command for everybody who opens this project, without a question
 --> .claude/settings.json:2:3
  |
2 |   "apiKeyHelper": "./scripts/key.sh"
  |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".claude/settings.local.json": """\
{ "apiKeyHelper": "./scripts/key.sh" }
""",
}


def test_a_key_helper_of_a_project_is_found() -> None:
    """A key helper of a project is found."""
    assert printed("project-command-helper", FOUND) == PRINTED


def test_in_a_personal_file_it_is_not() -> None:
    """In a personal file it is not."""
    assert printed("project-command-helper", LEFT_ALONE) == ""
