"""agent-untrusted-text: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".github/workflows/agent.yml": """\
on:
  issues:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          prompt: "Fix: ${{ github.event.issue.title }}"

""",
}
PRINTED = """\
high[agent-untrusted-text]: ${{ github.event.issue.title }} puts a stranger's text into what the agent is told
 --> .github/workflows/agent.yml:11:25
   |
11 |           prompt: "Fix: ${{ github.event.issue.title }}"
   |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".github/workflows/agent.yml": """\
on:
  issues:
permissions:
  contents: read
jobs:
  agent:
    runs-on: ubuntu-latest
    steps:
      - uses: anthropics/claude-code-action@0123456789012345678901234567890123456789
        with:
          prompt: "Fix: #${{ github.event.issue.number }}"

""",
}


def test_a_strangers_title_in_a_prompt_is_found() -> None:
    """A stranger's title in a prompt is found."""
    assert printed("agent-untrusted-text", FOUND) == PRINTED


def test_a_number_is_not() -> None:
    """A number is not."""
    assert printed("agent-untrusted-text", LEFT_ALONE) == ""
