"""agent-open-to-bots: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          allowed_bots: "*"

""",
}
PRINTED = """\
medium[agent-open-to-bots]: any bot may start this agent, and bots repeat what strangers write
 --> .github/workflows/agent.yml:11:25
   |
11 |           allowed_bots: "*"
   |                         ^^^
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  pull_request:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          allowed_bots: "dependabot[bot]"

""",
}


def test_all_bots_are_found() -> None:
    """All bots are found."""
    assert printed("agent-open-to-bots", FOUND) == PRINTED


def test_one_bot_is_not() -> None:
    """One bot is not."""
    assert printed("agent-open-to-bots", LEFT_ALONE) == ""
