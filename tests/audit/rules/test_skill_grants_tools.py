"""skill-grants-tools: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/skills/release/SKILL.md": """\
---
name: release
allowed-tools: Bash, WebFetch
---

Tag and push.
""",
}
PRINTED = """\
medium[skill-grants-tools]: this text gives itself 'Bash' without a question
 --> .claude/skills/release/SKILL.md:3:16
  |
3 | allowed-tools: Bash, WebFetch
  |                ^^^^^^^^^^^^^^

medium[skill-grants-tools]: this text gives itself 'WebFetch' without a question
 --> .claude/skills/release/SKILL.md:3:16
  |
3 | allowed-tools: Bash, WebFetch
  |                ^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".claude/skills/release/SKILL.md": """\
---
name: release
allowed-tools: Bash(git tag *), Read
---
""",
}


def test_a_skill_with_a_bare_shell_is_found() -> None:
    """A skill with a bare shell is found."""
    assert printed("skill-grants-tools", FOUND) == PRINTED


def test_narrow_tools_are_not() -> None:
    """Narrow tools are not."""
    assert printed("skill-grants-tools", LEFT_ALONE) == ""
